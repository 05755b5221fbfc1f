"""Results that are kept: by value, few, and not too large."""

from dataclasses import dataclass

import numpy as np
import torch

from ballgan.memo import MIB, Memo, count_bytes


def test_a_result_is_made_once_while_it_is_kept() -> None:
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return -key

    memo = Memo(2)
    for key in (1, 2, 1, 3, 1, 2):
        assert memo.get(key, lambda key=key: make(key)) == -key  # type: ignore[misc]
    assert made == [1, 2, 3, 2]


def test_large_results_push_out_older_ones_but_the_newest_is_kept() -> None:
    memo, made = Memo(8, limit_mib=2.5), []

    def make(mib: float) -> torch.Tensor:
        made.append(mib)
        return torch.zeros(int(mib * MIB), dtype=torch.uint8)

    for key, size in (("a", 1.0), ("b", 1.0), ("a", 1.0), ("c", 1.0), ("a", 1.0)):
        memo.get(key, lambda size=size: make(size))  # type: ignore[misc]
    assert made == [1.0, 1.0, 1.0]  # "a" was used after "b", so "b" went
    assert memo.get("huge", lambda: make(5.0)).nbytes == 5 * MIB
    assert memo.get("huge", lambda: make(5.0)).nbytes == 5 * MIB
    assert made == [1.0, 1.0, 1.0, 5.0]


def test_bytes_are_counted_through_containers() -> None:
    @dataclass
    class Inner:
        array: np.ndarray

    Inner.__module__ = "ballgan.test"
    value = {"a": (torch.zeros(4), [Inner(np.zeros(2))]), "b": torch.nn.Linear(9, 9), "c": "text"}
    assert count_bytes(value) == 16 + 16
