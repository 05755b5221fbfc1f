"""Processes that train together (torchrun), or one alone."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(minutes=15)  # for the others: longer than one process takes to save


@dataclass(frozen=True)
class World:
    """This process among all."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # on this machine: which of its GPUs

    @property
    def is_first(self) -> bool:
        """Whether this process writes logs and files."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """Mean of a tensor over all processes."""
        if self.size == 1:
            return value
        value = value.clone()
        dist.all_reduce(value)
        return value / self.size

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        return self.mean(torch.tensor(float(flag), device=device)).item() > 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


def join_world(device_type: str) -> World:
    """Join the processes that torchrun started; alone if it did not.

    Uses NCCL on CUDA and gloo elsewhere. Leave with `leave_world`.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device_type == "cuda":
        torch.cuda.set_device(local_rank)
    backend = "nccl" if device_type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    return World(dist.get_rank(), size, local_rank)


def leave_world(world: World) -> None:
    """Inverse of `join_world`."""
    if world.size > 1:
        dist.destroy_process_group()
