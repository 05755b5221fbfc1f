"""ballgan.chunks: work that threads share comes back whole, in order, and can be stopped."""

import time

import numpy as np
import pytest
import torch

from ballgan.chunks import map_chunks
from ballgan.errors import Cancelled


def test_results_come_in_order_with_the_share_that_is_done():
    fractions: list[float] = []
    chunks = list(map_chunks(np.arange(10).__getitem__, 10, 4, fractions.append))
    assert [chunk.tolist() for chunk in chunks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert fractions == [0, 1 / 3, 2 / 3]
    assert list(map_chunks(np.arange(0).__getitem__, 0, 4, fractions.append)) == []


def test_nothing_more_is_begun_once_the_caller_stops():
    begun: list[int] = []

    def work(part: slice) -> None:
        begun.append(part.start)
        time.sleep(0.005)  # longer than it takes to stop

    def stop(fraction: float) -> None:
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(map_chunks(work, 2000, 1, stop))
    assert len(begun) < 2000


def test_threads_do_not_run_far_ahead_of_the_caller():
    begun: list[int] = []
    results = map_chunks(lambda part: begun.append(part.start), 2000, 1, lambda fraction: None)
    for taken in range(3):
        next(results)
        time.sleep(0.05)  # in which they could do all
        assert len(begun) <= taken + 2 * torch.get_num_threads()
    results.close()


def test_an_error_of_the_work_reaches_the_caller():
    with pytest.raises(IndexError):
        list(map_chunks(lambda part: [][part.start], 3, 1, lambda fraction: None))
