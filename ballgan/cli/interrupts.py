"""Ctrl-C while modules are imported."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def keep_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, and once more at the end of the block.

    For imports of packages (trimesh is one) that catch every exception of an optional import, and
    so would swallow it, or turn it into another error. Only in the main thread of a program that
    has Python's own handler of SIGINT; else nothing changes.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupted:
            raise KeyboardInterrupt
