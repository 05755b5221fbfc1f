"""Work on arrays, cut into chunks that several threads take in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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

    As many threads as PyTorch uses: NumPy lets others run while it computes. `progress` is called
    before each result, with the fraction done; where it raises, no other chunk is begun.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        futures = [
            pool.submit(work, slice(start, min(start + size, count)))
            for start in range(0, count, size)
        ]
        try:
            for k, future in enumerate(futures):
                progress(k / len(futures))
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
