"""Numbers on their way to a device."""

from typing import Any

import torch
from torch import Tensor


def send(numbers: Any, device: torch.device | str) -> Tensor:
    """Numbers or arrays as a float32 tensor on a device.

    Does not wait for what a GPU still has to do, as `torch.tensor` with a device would: the driver
    has copied the few bytes when the call returns.
    """
    values, device = torch.as_tensor(numbers, dtype=torch.float32), torch.device(device)
    return values.to(device, non_blocking=device.type == "cuda")
