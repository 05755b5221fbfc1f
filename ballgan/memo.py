"""Results kept by the value they were made from."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import torch

Value = TypeVar("Value")
MIB = 2**20


class Memo:
    """The last few results of one stage, by the value they were made from."""

    def __init__(self, size: int, *, limit_mib: float = 256.0) -> None:
        """Keep `size` results, and fewer where they are large: the newest is always kept.

        limit_mib: tensors and arrays that all results together may hold.
        """
        self._size = size
        self._limit = limit_mib * MIB
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The result for `key`; calls `make` only if it is not kept."""
        if key not in self._entries:
            while len(self._entries) >= self._size:
                self._entries.popitem(last=False)
            value = make()
            self._entries[key] = value, count_bytes(value)
            while len(self._entries) > 1 and self._held() > self._limit:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def clear(self) -> None:
        """Keep nothing."""
        self._entries.clear()

    def _held(self) -> int:
        return sum(size for _, size in self._entries.values())


def count_bytes(value: Any, depth: int = 5) -> int:
    """Bytes of the tensors and arrays in a value, through containers and objects of ours."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return int(value.nbytes)
    if depth == 0:
        return 0
    if isinstance(value, dict):
        parts: Any = value.values()
    elif isinstance(value, tuple | list):
        parts = value
    elif type(value).__module__.startswith("ballgan") and not isinstance(value, torch.nn.Module):
        parts = vars(value).values() if hasattr(value, "__dict__") else ()
    else:
        return 0
    return sum(count_bytes(part, depth - 1) for part in parts)
