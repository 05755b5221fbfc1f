"""Ctrl-C that is not lost, and SIGTERM that does the same."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def keep_interrupts() -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt on a signal that does, and once more at the end of the block.

    For code that swallows exceptions, or turns them into others: imports that catch every error of
    an optional package (trimesh has some), callbacks from compiled libraries (FFmpeg's). Gives a
    function that raises it again as soon as it is called. Only in the main thread, and of Ctrl-C
    and SIGTERM those that have Python's own handler of Ctrl-C; else nothing changes.
    """
    ours = threading.current_thread() is threading.main_thread()
    raising = [n for n in ENDING if ours and signal.getsignal(n) is signal.default_int_handler]
    interrupted = False

    def check() -> None:
        if interrupted:
            raise KeyboardInterrupt

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    for number in raising:
        signal.signal(number, interrupt)
    try:
        yield check
    finally:
        for number in raising:
            signal.signal(number, signal.default_int_handler)
        if interrupted:
            raise KeyboardInterrupt


def end_as_by_interrupt() -> None:
    """Let SIGTERM, which ends jobs of clusters, do what Ctrl-C does: tidy up what is half done."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
