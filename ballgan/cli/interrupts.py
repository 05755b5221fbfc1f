"""Ctrl-C that is not lost, and SIGTERM that does the same."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def keep_interrupts() -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt on Ctrl-C, and once more at the end of the block.

    For code that swallows exceptions, or turns them into others: imports that catch every error of
    an optional package (trimesh has some), callbacks from compiled libraries (FFmpeg's). Gives a
    function that raises it again as soon as it is called. Only in the main thread of a program
    that has Python's own handler of SIGINT; else nothing changes.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    interrupted = False

    def check() -> None:
        if interrupted:
            raise KeyboardInterrupt

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupted:
            raise KeyboardInterrupt


def end_as_by_interrupt() -> None:
    """Let SIGTERM, which ends jobs of clusters, do what Ctrl-C does: tidy up what is half done."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(signal.SIGINT, frame)
        else:  # Ctrl-C is ignored, as in a script's background
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
