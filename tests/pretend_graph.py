"""CUDA graphs without CUDA: the operations of torch are taped, and done again on the same tensors.

As in a real graph, only what was an operation on tensors happens again; what Python decided stays.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PretendGraph(TorchDispatchMode):
    """Stands for torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple, dict, Any]] = []
        self.closed = False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        assert not self.closed
        for function, args, kwargs, result in self.calls:
            again = function(*args, **kwargs)
            for own, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(own, Tensor) and own.data_ptr() != new.data_ptr():
                    own.copy_(new)

    def reset(self) -> None:
        self.closed = True


class Stream:
    """Stands for torch.cuda.Stream."""

    def wait_stream(self, other: Any) -> None: ...

    def wait_event(self, event: Any) -> None: ...


class Event:
    """Stands for torch.cuda.Event."""

    def record(self, stream: Any) -> None: ...

    def synchronize(self) -> None: ...


class PretendCuda:
    """What of torch.cuda a recording uses. fails: how many recordings to let fail."""

    def __init__(self) -> None:
        self.stream, self.recorded, self.fails = Stream(), 0, 0

    @contextmanager
    def use(self, _: Any) -> Iterator[None]:
        yield

    @contextmanager
    def record(
        self, graph: PretendGraph, *, stream: Any, capture_error_mode: str
    ) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        usual, self.stream = self.stream, stream
        if self.fails:
            self.fails -= 1
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
        with graph:
            yield
        self.recorded, self.stream = self.recorded + 1, usual

    def set_stream(self, stream: Any) -> None:
        self.stream = stream


def pretend_cuda(monkeypatch: pytest.MonkeyPatch) -> PretendCuda:
    """Record calls on the CPU as if it were a GPU."""
    pretended = PretendCuda()
    for name, stand_in in {
        "CUDAGraph": PretendGraph,
        "Event": Event,
        "Stream": Stream,
        "current_stream": lambda: pretended.stream,
        "stream": pretended.use,
        "device": pretended.use,
        "graph": pretended.record,
        "set_stream": pretended.set_stream,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr("ballgan.graphs._may_record", lambda _: not torch.is_grad_enabled())
    return pretended
