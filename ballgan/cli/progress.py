"""A progress bar on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from .interrupts import keep_interrupts

_DELAY = 1.0  # seconds of work before the bar is shown
_INTERVAL = 0.1  # seconds between two drawings
_WIDTH = 30


class ProgressBar:
    """Called with a fraction in [0, 1]; draws itself once the work takes over a second.

    Nothing is drawn if the stream is not a terminal, or `shown` is False. As a context manager it
    wipes itself away, and a Ctrl-C that the work swallowed is raised by the next call.
    """

    def __init__(self, label: str, stream: TextIO | None = None, *, shown: bool = True) -> None:
        self.label = label
        self.shown = shown
        self.stream = sys.stderr if stream is None else stream
        self.started = time.monotonic()
        self.drawn = 0.0
        self.length = 0  # characters on the line
        self._interrupts = keep_interrupts()
        self._check_interrupt: Callable[[], None] = lambda: None

    def __enter__(self) -> ProgressBar:
        self._check_interrupt = self._interrupts.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.length:
            self.stream.write("\r" + " " * self.length + "\r")
            self.stream.flush()
        self._interrupts.__exit__(kind, error, trace)

    def __call__(self, fraction: float) -> None:
        """Show a fraction of the work as done. Raises KeyboardInterrupt after a Ctrl-C."""
        self._check_interrupt()
        now = time.monotonic()
        if now - self.started < _DELAY or now - self.drawn < _INTERVAL:
            return
        if not self.shown or not self.stream.isatty():
            return
        self.drawn = now
        line = f"{self.label} {self._bar(fraction)} {fraction:4.0%}{self._remaining(fraction, now)}"
        self.stream.write("\r" + line.ljust(self.length))
        self.stream.flush()
        self.length = max(self.length, len(line))

    def _bar(self, fraction: float) -> str:
        filled = round(fraction * _WIDTH)
        return "[" + "#" * filled + "." * (_WIDTH - filled) + "]"

    def _remaining(self, fraction: float, now: float) -> str:
        if fraction < 0.02:
            return ""
        seconds = round((now - self.started) * (1 - fraction) / fraction)
        return f" {seconds // 60}:{seconds % 60:02d} left"
