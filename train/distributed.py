"""Processes that train together (torchrun), or one alone."""

import os
import secrets
import time
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
    control: dist.ProcessGroup | None = None  # speaks without the GPUs; None: as the others do

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

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process. Does not wait for GPUs."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag))
        dist.all_reduce(flags, group=self.control)
        return flags.item() > 0

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
    store, rank, _ = next(dist.rendezvous("env://", timeout=PATIENCE))
    store = own_part_of(store, rank, size)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    control = dist.new_group(backend="gloo") if backend == "nccl" else None
    return World(rank, size, local_rank, control)


def own_part_of(store: dist.Store, rank: int, size: int) -> dist.Store:
    """The part of torchrun's store that belongs to the processes of this attempt alone.

    Workers that torchrun starts again find what the dead ones left in the store (torch 2.13 keeps
    one server for all attempts), and would wait for ever at their addresses. So the first process
    names the attempt, and tells each of the others when it has seen its fresh token.

    Raises TimeoutError if the others do not come within `PATIENCE`.
    """
    token = secrets.token_hex(8)
    if rank > 0:
        store.set(f"hello/{rank}", token)
        name = store.get(f"welcome/{token}").decode()
        store.set(f"{name}/here/{rank}", "yes")
        return dist.PrefixStore(name, store)
    missing, give_up = set(range(1, size)), time.monotonic() + PATIENCE.total_seconds()
    while missing:
        if time.monotonic() > give_up:
            raise TimeoutError(f"Of {size} processes, {len(missing)} did not join: {missing}.")
        for other in sorted(missing):
            if store.check([f"{token}/here/{other}"]):
                missing.discard(other)
            elif store.check([f"hello/{other}"]):
                store.set("welcome/" + store.get(f"hello/{other}").decode(), token)
        time.sleep(0.02)
    return dist.PrefixStore(token, store)


def leave_world(world: World) -> None:
    """Inverse of `join_world`."""
    if world.size > 1:
        dist.destroy_process_group()
