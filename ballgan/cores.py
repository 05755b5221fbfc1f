"""Independent parts of one computation on a processor, each on a core of its own.

PyTorch shares every operation among its threads, which then wait for each other. Parts that need
nothing from each other do not have to wait: each is computed by one thread, and what it makes in
between stays in the cache of its core.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
import torch

from .chunks import Progress, part_of

REPORTS_EVERY = 0.01  # seconds
Part = TypeVar("Part")
Value = TypeVar("Value")

_making_pools = threading.Lock()


class _Stopped(Exception):
    """Another part has failed, or nobody wants the result any more."""


def run_on_cores(
    work: Callable[[Part, Progress], Value],
    parts: Sequence[Part],
    report: Progress,
    device: torch.device | str = "cpu",
) -> list[Value]:
    """What `work(part, report)` gives for each part, as many at a time as PyTorch has threads.

    Work of another device is done one part after the other.

    `work` calls its own `report` with the fraction of its part that is done. The fraction of all
    goes to the caller's, in the caller's thread; it may raise to stop the work.
    """
    threads = min(torch.get_num_threads(), len(parts))
    if threads <= 1 or torch.device(device).type != "cpu":
        steps = np.linspace(0, 1, len(parts) + 1).tolist()
        return [
            work(part, part_of(report, start, stop))
            for part, (start, stop) in zip(parts, pairwise(steps), strict=True)
        ]
    run, values = _Run(work, parts), dict[int, Value]()
    with _making_pools:
        pool = _make_pool(torch.get_num_threads(), os.getpid())
    running: dict[Future[Value], int] = {}
    try:
        report(0.0)
        for k in range(len(parts)):
            # No more than can run: other callers' parts get their turn.
            while len(running) >= threads:
                _collect(running, values)
                report(sum(run.done) / len(parts))
            running[pool.submit(run, k)] = k
        while running:
            _collect(running, values)
            report(sum(run.done) / len(parts))
    finally:
        run.stopped = True
        wait(running)
    return [values[k] for k in range(len(parts))]


def cut_for_cores(count: int, size: int) -> list[slice]:
    """Slices of range(count) of about one size, at most `size`: enough for all cores.

    One, if no more are needed: little work is sooner done by all cores together.
    """
    threads = torch.get_num_threads() if count > size else 1
    parts = max(1, -(-count // (size * threads))) * threads
    edges = np.linspace(0, count, parts + 1).round().astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


class _Run(Generic[Part, Value]):
    """Computes one part after the other, in whichever thread."""

    def __init__(self, work: Callable[[Part, Progress], Value], parts: Sequence[Part]) -> None:
        self._work, self._parts = work, parts
        self._inference, self._grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        self.done = [0.0] * len(parts)  # of each
        self.stopped = False

    def __call__(self, k: int) -> Value:
        def report(fraction: float) -> None:
            if self.stopped:
                raise _Stopped
            self.done[k] = fraction

        report(0.0)
        # How gradients are treated is known to each thread by itself.
        with torch.inference_mode(self._inference), torch.set_grad_enabled(self._grad):
            value = self._work(self._parts[k], report)
        self.done[k] = 1.0
        return value


def _collect(running: dict[Future[Value], int], values: dict[int, Value]) -> None:
    """Wait a little, and move what is done to `values`. Raises what a part raised."""
    done, _ = wait(running, REPORTS_EVERY, FIRST_COMPLETED)
    for future in done:
        values[running.pop(future)] = future.result()


@lru_cache(maxsize=4)
def _make_pool(threads: int, process: int) -> ThreadPoolExecutor:
    everyone = threading.Barrier(threads + 1)

    def use_one_core() -> None:
        torch.get_num_threads()  # lets this thread take the common number first, not later
        torch.set_num_threads(1)
        everyone.wait()

    pool = ThreadPoolExecutor(threads, "ballgan-core", use_one_core)
    for _ in range(threads):
        pool.submit(lambda: None)
    everyone.wait()
    torch.set_num_threads(threads)  # of threads to come, again
    return pool
