"""Threads that always work on the newest request.

A `Lane` is one thread with room for one waiting request. A request that arrives replaces the one
that waits and asks the one that runs to stop; it stops at its next `Ticket.progress`. Results,
errors included, are values that go through one function to the window, which is never waited for.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ballgan.errors import Cancelled, explain

log = logging.getLogger(__name__)
PROGRESS_INTERVAL = 0.05  # seconds between two reports of progress
SILENCE = 0.3  # seconds after which quick work that is slow this time is reported, too
NO_MEMORY = (
    "There is not enough memory for this. Close other open models or programs, or choose a "
    "smaller size, grid or number of rays."
)
MEMORY_ERRORS = "out of memory", "allocate memory", "not enough memory"  # of CUDA, Linux, Windows
MEANINGFUL = 0.03  # of the work, from which on the time left is estimated
PAUSE = 0.005  # seconds between two looks whether the way is free
LONGEST_WAIT = 0.5  # seconds for which the way is left free; then as long a time is worked
NICENESS = 10  # about a tenth of the processor while others want all of it


def is_memory_error(error: BaseException) -> bool:
    """Whether memory is short: the computer's or the graphics card's, also as torch says it."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in MEMORY_ERRORS)


def describe_mistake(error: Exception) -> str:
    """What to tell of an error that is the program's own."""
    what = f"Internal error ({type(error).__name__}): {error}"
    return f"{what}. The window goes on; started with --debug, it prints details to report."


@dataclass(frozen=True)
class Failed:
    """A request ended with an exception."""

    lane: str
    request: Any
    error: Exception

    @property
    def message(self) -> str:
        """What to tell the person: our own errors speak for themselves."""
        if is_memory_error(self.error):
            return NO_MEMORY
        if isinstance(self.error, (ValueError, OSError)):
            return explain(self.error)
        return describe_mistake(self.error)


@dataclass(frozen=True)
class Stopped:
    """A request gave way to a newer one, or was cancelled."""

    lane: str
    request: Any


@dataclass(frozen=True)
class Progress:
    """A request is this far, in [0, 1]."""

    lane: str
    request: Any
    fraction: float
    seconds_left: float | None = None  # at the speed so far; None: too early to tell


class Ticket:
    """What the work on one request may ask and tell."""

    def __init__(self, lane: "Lane", request: Any) -> None:
        self.request = request
        self.superseded = False
        self.protected = False  # a newer request has to wait; closing the lane does not
        self._lane = lane
        self._started = self._told_at = time.monotonic()
        self._next_report = 0.0
        self._waits_again_at = 0.0

    def start(self) -> None:
        """Note that the work begins, and report it if it had to wait for long."""
        self._started = time.monotonic()
        self._report_after_silence(0.0)

    def post(self, result: Any) -> None:
        """Give a result to the window."""
        self._told_at = time.monotonic()
        with self._lane._changed:
            if not (self.superseded or isinstance(result, Progress)):
                self._lane.owes = False
        self._lane.post(result)

    def progress(self, fraction: float) -> None:
        """Report how far the work is. Raises ballgan.Cancelled if it should stop."""
        self.check()
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + PROGRESS_INTERVAL
            spent, left = now - self._started, None
            if fraction >= MEANINGFUL and spent >= 1:
                left = spent * (1 - fraction) / fraction
            self.post(Progress(self._lane.name, self.request, fraction, left))

    def step(self) -> None:
        """Let work go on that cannot say how far it is; raises as `progress`."""
        self.break_silence(0.0)

    def break_silence(self, fraction: float) -> None:
        """Report how far the work is where nothing was told for a while; raises as `progress`."""
        self.check()
        self._report_after_silence(fraction)

    def _report_after_silence(self, fraction: float) -> None:
        if time.monotonic() - self._told_at >= SILENCE:
            self.post(Progress(self._lane.name, self.request, fraction))

    def check(self) -> None:
        """Raise ballgan.Cancelled if the work should stop; wait a little for what is urgent."""
        self._stop_if_unwanted()
        began = now = time.monotonic()
        if now < self._waits_again_at:
            return
        while self._lane.gives_way and now < began + LONGEST_WAIT:
            time.sleep(PAUSE)
            self._stop_if_unwanted()
            now = time.monotonic()
        if now > began:
            self._waits_again_at = now + (now - began)

    def _stop_if_unwanted(self) -> None:
        if self._lane.closed or (self.superseded and not self.protected):
            raise Cancelled


class Lane:
    """A thread that works on the newest request."""

    def __init__(
        self,
        name: str,
        work: Callable[[Any, Ticket], None],
        post: Callable[[Any], None],
        *,
        in_turn: bool = False,
        urgent: Callable[[], bool] | None = None,
    ) -> None:
        """`work(request, ticket)` runs in the thread; `post(result)` must be thread-safe.

        in_turn: work on every request, one after the other, instead of on the newest.
        urgent: of a lane whose work nobody waits for: whether somebody waits for another one's,
        which then has the processor for itself; at most half of the time, so that this one goes on.
        """
        self.name = name
        self.post = post
        self._urgent = urgent
        self.closed = False
        self.owes = False  # whether the last request has no result yet
        self._work = work
        self._in_turn = in_turn
        self._waiting: list[Ticket] = []
        self._ticket: Ticket | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a request waits or runs."""
        with self._changed:
            return bool(self._waiting) or self._ticket is not None

    @property
    def gives_way(self) -> bool:
        """Whether something more urgent than this lane's work is awaited."""
        return self._urgent is not None and self._urgent()

    def submit(self, request: Any) -> None:
        """Work on `request` as soon as possible, instead of any other (or after them)."""
        with self._changed:
            self.owes = True
            ticket = Ticket(self, request)
            if self._in_turn:
                self._waiting.append(ticket)
                self._changed.notify_all()
            else:
                self._waiting = [ticket]
                self._supersede()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """Stop what runs and forget what waits."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
            self.owes = False
            self._supersede()
        for ticket in waiting:
            self.post(Stopped(self.name, ticket.request))

    def stop(self) -> None:
        """Have the thread end soon; work in turn is finished before."""
        with self._changed:
            self.closed = True
            if not self._in_turn:
                self._waiting = []
            self._supersede()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def close(self) -> None:
        """Stop the thread, and wait for it as `close_all` does."""
        close_all([self])

    def _supersede(self) -> None:
        if self._ticket is not None:
            self._ticket.superseded = True
        self._changed.notify_all()

    def _take(self) -> Ticket | None:
        with self._changed:
            self._changed.wait_for(lambda: self.closed or bool(self._waiting))
            if not self._waiting:
                return None
            self._ticket = self._waiting.pop(0)
            return self._ticket

    def _run(self) -> None:
        if self._urgent is not None:
            _let_others_go_first()
        while self._work_once():
            pass  # nothing here holds the last request: its model may have been closed

    def _work_once(self) -> bool:
        ticket = self._take()
        if ticket is None:
            return False
        ticket.start()
        outcome = self._attempt(ticket)
        with self._changed:
            self._ticket = None
            self.owes = self.owes and bool(self._waiting)
        if outcome is not None and not self.closed:
            self.post(outcome)
        return True

    def _attempt(self, ticket: Ticket) -> Failed | Stopped | None:
        try:
            self._work(ticket.request, ticket)
        except Exception as error:  # the boundary of the thread: every error becomes a value
            if isinstance(error, Cancelled):
                return Stopped(self.name, ticket.request)
            log.debug("%s failed", self.name, exc_info=error)
            short = is_memory_error(error)
            error = error.with_traceback(None)  # it holds all that the work had computed
            if short:
                _free_memory()
            return Failed(self.name, ticket.request, error)
        return None


def _let_others_go_first() -> None:
    """Give this thread, and those it starts, what the others leave of the processor."""
    if sys.platform == "linux":  # where threads have priorities of their own
        os.nice(NICENESS)


class Stoppable(Protocol):
    """A thread, as `Lane` is one."""

    def stop(self) -> None:
        """Have it end soon."""

    def join(self, timeout: float) -> None:
        """Wait for its end."""


def close_all(threads: Iterable[Stoppable], timeout: float = 5.0) -> None:
    """Stop threads, and wait for all of them together, at most `timeout` seconds."""
    threads = list(threads)
    for thread in threads:
        thread.stop()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.0))


def _free_memory() -> None:
    """Give back what graphs hold and torch keeps for later, so that smaller work fits."""
    from ballgan.process import return_freed_memory

    return_freed_memory(short=True)
