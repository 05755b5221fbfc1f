"""Processes that share the work of one command: torchrun's, or those of a job array.

They never speak with each other: the files that they write are all that they know.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Crew:
    """This process among all that share the work."""

    rank: int = 0
    size: int = 1
    local_rank: int | None = None  # on this machine: which of its GPUs; None: the first it sees
    launched: bool = False  # by torchrun, which ends all processes when one of them dies

    @property
    def is_first(self) -> bool:
        """Whether this process shows progress, and does what cannot be shared."""
        return self.rank == 0

    def part(self, count: int, share: int) -> range:
        """Which of `count` pieces are in a share: neighbours, so that they share caches."""
        first, end = (-(-number * count // self.size) for number in (share, share + 1))
        return range(first, end)

    def choose_device(self, name: str) -> torch.device:
        """The device called `name`; of several GPUs, "auto" and "cuda" mean this process's own.

        Raises ValueError for a device that is not there.
        """
        import torch

        from ballgan.checkpoint import choose_device

        device = choose_device(name)
        if self.local_rank is None or device.type != "cuda" or device.index is not None:
            return device
        return torch.device("cuda", self.local_rank % torch.cuda.device_count())

    @property
    def title(self) -> str:
        """What messages of one among several say of themselves."""
        return f" [process {self.rank + 1} of {self.size}]" if self.size > 1 else ""


def find_crew(environment: Mapping[str, str] = os.environ) -> Crew:
    """The processes that RANK and WORLD_SIZE tell of; alone where they are not set.

    Raises ValueError if they contradict each other.
    """
    if "WORLD_SIZE" not in environment and "RANK" not in environment:
        return Crew()
    numbers = {name: environment.get(name, "") for name in ("RANK", "WORLD_SIZE")}
    rank, size = (int(text) if text.isdecimal() else -1 for text in numbers.values())
    if not 0 <= rank < size:
        raise ValueError(
            "the environment's RANK should be in 0 ... WORLD_SIZE - 1; got "
            + ", ".join(f"{name}={text!r}" for name, text in numbers.items())
        )
    local = environment.get("LOCAL_RANK", "")
    launched = "TORCHELASTIC_RUN_ID" in environment
    return Crew(rank, size, int(local) if local.isdecimal() else None, launched)
