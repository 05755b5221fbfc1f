"""Real pictures to compare with: a dataset's, or toyworld's with a seed that training never saw.

The cameras that fakes are rendered from are those of the data, or the model's own if it draws them.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ballgan.camera_prior import CameraPrior
from ballgan.config import CameraConfig
from ballgan.generator import Generator

from .data import Dataset, index_order
from .source import TOYWORLD_PREFIX
from .toyworld import ToyWorld

_SEED = 2**41  # of toyworld; far from those of training and of the judge


class Reals(Protocol):
    """Real pictures and the cameras to render fakes from."""

    domain: str | None  # of toyworld, where known
    protocol: str  # which pictures and cameras these are, in words
    resolution: int  # of the pictures

    def limit(self, count: int) -> int:
        """How many pictures there are, at most `count`."""

    def pictures(self, numbers: range) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1]."""

    def cameras(self, count: int) -> Tensor:
        """Labels (count, 25) for fakes, as the data's cameras are or as the model draws them."""


class OwnCameras:
    """Cameras of a model that draws them, the same for the same seed."""

    def __init__(self, prior: CameraPrior, home: CameraConfig, seed: int) -> None:
        self._prior, self._home, self._seed = prior, home, seed
        self.words = f"the model's own, {prior.describe()}"

    @classmethod
    def of_model(cls, model: Generator, seed: int) -> OwnCameras | None:
        """Those of a model; None if it was trained with cameras of the data."""
        prior = CameraPrior.of_model(model.meta)
        return cls(prior, model.config.camera, seed) if prior.is_drawn else None

    def draw(self, count: int) -> Tensor:
        """Labels (count, 25)."""
        return self._prior.sample(torch.Generator().manual_seed(self._seed), count, self._home)


class ToyReals:
    """Endless new pictures of a toyworld domain; cameras of its range, or the model's own."""

    def __init__(
        self,
        domain: str,
        size: int,
        *,
        seed: int,
        device: torch.device,
        own: OwnCameras | None = None,
    ) -> None:
        self.domain: str | None = domain
        self.resolution = size
        self._own = own
        self._world = ToyWorld(domain, size, seed=_SEED + 2 * seed, device=device)
        self._other = ToyWorld(domain, size, seed=_SEED + 2 * seed + 1)
        cameras = own.words if own else "drawn anew from the domain's range"
        self.protocol = (
            f"real pictures: toyworld {domain} at {size} pixels that no training saw (seed "
            f"{self._world.seed}); cameras: {cameras}, one a picture"
        )

    def limit(self, count: int) -> int:
        return count

    def pictures(self, numbers: range) -> Tensor:
        return (self._world.render(numbers).image / 2 + 0.5).clamp(0, 1)

    def cameras(self, count: int) -> Tensor:
        return self._own.draw(count) if self._own else self._other.labels(range(count))


class DatasetReals:
    """Pictures of a dataset, in random order; cameras of its own, or of a model that draws them."""

    def __init__(
        self,
        path: str,
        *,
        domain: str | None,
        seed: int,
        device: torch.device,
        own: OwnCameras | None = None,
    ) -> None:
        self._own = own
        self._data = Dataset(path, posed=own is None)
        self.domain = domain
        self.resolution = self._data.resolution
        self._order = index_order(len(self._data), seed, 0)
        self._cameras = index_order(len(self._data), seed, 1)
        self._device = device
        cameras = own.words if own else "labels of that data in random order"
        self.protocol = (
            f"real pictures: random ones of the {len(self._data)} in {path}, without mirrored "
            f"copies; cameras: {cameras}, one a picture"
        )

    def limit(self, count: int) -> int:
        return min(count, len(self._data))

    def pictures(self, numbers: range) -> Tensor:
        images = [self._data.image(int(self._order[number])) for number in numbers]
        return torch.stack(images).to(self._device).float() / 255

    def cameras(self, count: int) -> Tensor:
        if self._own:
            return self._own.draw(count)
        rounds = -(-count // len(self._data))
        return self._data.labels[self._cameras.repeat(rounds)[:count]]


def open_reals(data: str, *, model: Generator, size: int, domain: str | None, seed: int) -> Reals:
    """The pictures named by `data`: a path, or toyworld: and a domain, at `size`.

    `model`: that they are compared with. `domain`: tells that a dataset holds pictures of a
    toyworld domain. Raises ValueError.
    """
    own = OwnCameras.of_model(model, seed)
    if data.startswith(TOYWORLD_PREFIX):
        named = data.removeprefix(TOYWORLD_PREFIX)
        if domain not in (None, named):
            raise ValueError(f"{data} is not of the domain {domain}: leave --domain out.")
        return ToyReals(named, size, seed=seed, device=model.device, own=own)
    return DatasetReals(data, domain=domain, seed=seed, device=model.device, own=own)
