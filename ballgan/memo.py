"""Results kept by the value they were made from."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Memo:
    """The last few results of one stage, by the value they were made from."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The result for `key`; calls `make` only if it is not kept."""
        if key not in self._entries:
            value = make()
            while len(self._entries) >= self._size:
                self._entries.popitem(last=False)
            self._entries[key] = value
        self._entries.move_to_end(key)
        return self._entries[key]
