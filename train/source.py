"""Where real pictures come from: a dataset on disk, or toyworld made on the fly."""

from typing import Any, Protocol

import torch
from torch import Tensor

from .config import TrainConfig
from .data import Batches, Dataset
from .distributed import World
from .toyworld import ToyWorld

TOYWORLD_PREFIX = "toyworld:"
TOYWORLD_CAMERAS = 8192  # cameras that fakes are rendered from
DRAWN_CAMERAS = 1024  # of a prior, that are looked at before training


class Source(Protocol):
    """An endless stream of batches that can be continued exactly."""

    labels: Tensor  # (N, 25), cameras of the pictures; of photos without, (N, 0)
    resolution: int

    def __next__(self) -> tuple[Tensor, Tensor]:
        """uint8 pictures (B, 3, H, W) and their labels: this process's share of a batch."""

    def state(self) -> dict[str, Any]:
        """Position, as plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a position."""

    def close(self) -> None:
        """Stop reading ahead."""


class DatasetSource:
    """Batches of a dataset in the EG3D format."""

    def __init__(
        self,
        path: str,
        share: int,
        *,
        mirror: bool,
        posed: bool,
        seed: int,
        workers: int,
        pin: bool,
        world: World,
    ) -> None:
        dataset = Dataset(path, mirror=mirror, posed=posed)
        self.labels = dataset.labels
        self.resolution = dataset.resolution
        self._batches = Batches(
            dataset, share, seed=seed, rank=world.rank, world=world.size, workers=workers, pin=pin
        )
        self.state = self._batches.state
        self.restore = self._batches.restore
        self.close = self._batches.close

    def __next__(self) -> tuple[Tensor, Tensor]:
        return next(self._batches)


class ToyworldSource:
    """New toyworld pictures for ever, made on the training device."""

    def __init__(
        self, domain: str, share: int, *, size: int, seed: int, device: torch.device, world: World
    ) -> None:
        self._toys = ToyWorld(domain, size, seed=seed, device=device)
        self.labels = self._toys.labels(range(TOYWORLD_CAMERAS))
        self.resolution = size
        self._share, self._world = share, world
        self._batch = 0

    def __next__(self) -> tuple[Tensor, Tensor]:
        total = self._share * self._world.size
        start = self._batch * total + self._world.rank * self._share
        toys = self._toys.render(range(start, start + self._share))
        self._batch += 1
        pictures = (toys.image * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
        return pictures, toys.label

    def state(self) -> dict[str, Any]:
        return {"batch": self._batch}

    def restore(self, state: dict[str, Any]) -> None:
        self._batch = int(state["batch"])

    def close(self) -> None:
        """Nothing is read ahead."""


def choose_cameras(config: TrainConfig, source: Source) -> Tensor:
    """Cameras (N, 25) that the fakes of a run are rendered from, or examples of those drawn."""
    if not config.cameras.is_drawn:
        return source.labels
    random = torch.Generator().manual_seed(config.run.seed)
    return config.cameras.sample(random, DRAWN_CAMERAS, config.model.camera)


def open_source(
    data: str,
    *,
    size: int,
    batch_size: int,
    mirror: bool,
    posed: bool,
    seed: int,
    workers: int,
    device: torch.device,
    world: World,
) -> Source:
    """The source named by `data`: a path, or toyworld: and a domain.

    `batch_size` is the total over all processes. `posed`: whether cameras of photos are needed.
    Raises ValueError if the pictures have another
    size than the model's, or if the batch cannot be shared.
    """
    if batch_size % world.size:
        raise ValueError(f"A batch of {batch_size} cannot be shared by {world.size} processes.")
    share = batch_size // world.size
    if data.startswith(TOYWORLD_PREFIX):
        domain = data.removeprefix(TOYWORLD_PREFIX)
        return ToyworldSource(domain, share, size=size, seed=seed, device=device, world=world)
    source = DatasetSource(
        data,
        share,
        mirror=mirror,
        posed=posed,
        seed=seed,
        workers=workers,
        pin=device.type == "cuda",
        world=world,
    )
    if source.resolution < size:
        raise ValueError(
            f"{data} has pictures of {source.resolution} pixels, the model makes {size}: choose a "
            "preset or model options of at most that size, or larger pictures."
        )
    return source
