"""A GPU that is not there: torch's "meta" device, whose tensors have shapes and no numbers.

What mixes devices is refused, as is what needs a number on the CPU, or sends some without
`transfer.send`: all that would wait for a GPU.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

GPU = torch.device("meta")
WAITING = (Tensor.item, Tensor.tolist, Tensor.cpu, Tensor.numpy, Tensor.new_tensor)


class PretendGpu(TorchFunctionMode):
    """A context that refuses to wait for tensors on GPU, and counts what has to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.lists = 0  # of indices, as long as they turn out to be

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        on_gpu = isinstance(first, Tensor) and first.device == GPU
        assert not (on_gpu and function in WAITING), f"{function} would wait for the GPU"
        made = function in (torch.tensor, torch.as_tensor)
        assert not (made and torch.device(kwargs.get("device") or "cpu") == GPU), "use send()"
        if on_gpu and function is Tensor.nonzero:
            self.lists += 1
            return torch.zeros(first.numel() // 2, first.ndim, dtype=torch.int64, device=GPU)
        return function(*args, **kwargs)
