"""How long work takes, on a GPU by its own clock."""

import time
from types import TracebackType

import torch


class Stopwatch:
    """A context that measures what is done in it, without waiting for a GPU that does it later."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._moments: list[float] = []
        self._events: list[torch.cuda.Event] = []

    def __enter__(self) -> "Stopwatch":
        self._mark()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._mark()

    def stopped(self) -> bool:
        """Whether all that was begun is done."""
        return all(event.query() for event in self._events)

    def seconds(self) -> float:
        """How long it took, once `stopped` says that it is done."""
        if self._events:
            first, last = self._events
            return first.elapsed_time(last) / 1000
        first_moment, last_moment = self._moments
        return last_moment - first_moment

    def _mark(self) -> None:
        if self._device.type != "cuda":
            self._moments.append(time.perf_counter())
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        self._events.append(event)
