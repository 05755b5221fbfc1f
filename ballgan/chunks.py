"""Work on arrays, cut into chunks that several threads take in turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Progress = Callable[[float], None]
Result = TypeVar("Result")


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """The progress of a part of the work: its 0 to 1 become start to stop."""
    return lambda fraction: progress(start + (stop - start) * fraction)


def map_chunks(
    work: Callable[[slice], Result], count: int, size: int, progress: Progress
) -> Iterator[Result]:
    """Results of `work` for the slices of range(count), `size` at a time, in order.

    As many threads as PyTorch uses: NumPy lets others run while it computes. They are no more than
    two chunks each ahead of the caller, since results may be large. `progress` is called before
    each result, with the fraction done; where it raises, no other chunk is begun.
    """
    threads = torch.get_num_threads()
    begun: deque[Future[Result]] = deque()
    starts = range(0, count, size)
    with ThreadPoolExecutor(threads) as pool:
        try:
            for k in range(len(starts)):
                for start in starts[k + len(begun) : k + 2 * threads]:
                    begun.append(pool.submit(work, slice(start, min(start + size, count))))
                progress(k / len(starts))
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
