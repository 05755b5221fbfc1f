"""Toyworld: pictures of procedural objects with exact cameras, masks, depths and normals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ballgan.camera import orbit_labels

from ..domains import DOMAIN_NAMES
from . import car_shape, car_surface, cars, head_shape, head_surface, heads, shading
from .backgrounds import Surroundings, draw_backdrops
from .draws import Draws, move
from .surface import Surface
from .tracing import Pinhole

RADIUS = 2.7  # distance of every camera from the origin
_RAYS_AT_ONCE = {"cpu": 2**18, "cuda": 2**23}  # an image's rays count res^2 * samples^2


@dataclass(frozen=True)
class Domain:
    """A kind of object and the cameras that look at it."""

    draw: Callable[[Draws], Any]
    distance: Callable[[Any, Tensor], Tensor]
    surface: Callable[[Any, Tensor], Surface]
    yaw: tuple[float, float]
    pitch: tuple[float, float]
    focal: float  # of an image of side 1
    mirrors: bool  # whether the surroundings are seen in the surface
    scatter: float  # share of the light that gets round the terminator, in [0, 1)
    rooms: bool = False  # whether it is in rooms of real depth, not before a far sphere


_HEADS = Domain(
    heads.draw_heads,
    head_shape.head_distance,
    head_surface.head_surface,
    yaw=(-0.8, 0.8),
    pitch=(-0.35, 0.35),
    focal=4.2647,
    mirrors=False,
    scatter=0.25,
)
_CARS = Domain(
    cars.draw_cars,
    car_shape.car_distance,
    car_surface.car_surface,
    yaw=(-math.pi, math.pi),
    pitch=(0.0, 0.6),
    focal=2.8,
    mirrors=True,
    scatter=0.05,
)
_ROOMS = replace(_CARS, rooms=True)
DOMAINS = dict(zip(DOMAIN_NAMES, (_HEADS, _CARS, _ROOMS), strict=True))


@dataclass(frozen=True)
class ToyBatch:
    """Pictures with ground truth, on the world's device."""

    image: Tensor  # (B, 3, H, W) float32 sRGB in [-1, 1]
    label: Tensor  # (B, 25) EG3D camera labels
    mask: Tensor  # (B, 1, H, W) share of the pixel that the object covers, in [0, 1]
    depth: Tensor  # (B, 1, H, W) along the unit ray to the nearest surface; inf where mask is 0
    normals: Tensor  # (B, 3, H, W) unit, world axes; 0 where mask is 0
    background_depth: Tensor  # (B, 1, H, W) along the unit ray to what is behind the object


class ToyWorld:
    """An endless, reproducible set of pictures: image i depends on (domain, size, seed, i) alone.

    Args:
        domain: "heads", "cars", or "rooms": the cars in rooms of real depth.
        size: side of the pictures in pixels, a multiple of 8.
        seed: 0 <= seed < 2^63.
        device: where pictures are made and returned.
        samples: rays along each side of a pixel.
    """

    def __init__(
        self,
        domain: str,
        size: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        samples: int = 2,
    ) -> None:
        if domain not in DOMAINS:
            raise ValueError(f"domain should be one of {', '.join(DOMAINS)}; got {domain!r}.")
        if size < 16 or size % 8:
            raise ValueError(f"size should be a multiple of 8, at least 16; got {size}.")
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed should be in [0, 2^63); got {seed}.")
        if not 1 <= samples <= 8:
            raise ValueError(f"samples should be in 1 to 8 a side of a pixel; got {samples}.")
        self.domain = DOMAINS[domain]
        self.size = size
        self.seed = seed
        self.device = torch.device(device)
        self.samples = samples

    def render(self, indices: Sequence[int] | range | Tensor) -> ToyBatch:
        """The pictures with these numbers (each >= 0)."""
        numbers = torch.as_tensor(list(indices), dtype=torch.int64)
        if numbers.ndim != 1 or not len(numbers) or int(numbers.min()) < 0:
            raise ValueError("indices should be a non-empty list of numbers that are 0 or more.")
        rays = (self.size * self.samples) ** 2
        part = max(1, _RAYS_AT_ONCE.get(self.device.type, 2**23) // rays)
        with torch.no_grad():
            parts = [self._render(chunk) for chunk in numbers.split(part)]
        if len(parts) == 1:
            return parts[0]
        return ToyBatch(**{k: torch.cat([vars(p)[k] for p in parts]) for k in vars(parts[0])})

    def labels(self, indices: Sequence[int] | range | Tensor) -> Tensor:
        """Their camera labels (N, 25) alone, on the CPU."""
        numbers = torch.as_tensor(list(indices), dtype=torch.int64)
        draws = Draws(self.seed, numbers, "camera")
        yaw, pitch = draws.uniform(*self.domain.yaw), draws.uniform(*self.domain.pitch)
        return orbit_labels(yaw[:, 0], pitch[:, 0], RADIUS, self.domain.focal)

    def stream(self, batch: int, *, start: int = 0, stride: int = 1) -> Iterator[ToyBatch]:
        """Batches without end: numbers start, start + stride, ... (a stride for each worker)."""
        while True:
            yield self.render(range(start, start + batch * stride, stride))
            start += batch * stride

    def _render(self, numbers: Tensor) -> ToyBatch:
        object_ = move(self.domain.draw(Draws(self.seed, numbers, "object")), self.device)
        drawn = draw_backdrops(Draws(self.seed, numbers, "background"), rooms=self.domain.rooms)
        around = Surroundings(move(drawn, self.device), drawn.family[:, 0], self.domain.rooms)
        label = self.labels(numbers).to(self.device)
        pose = label[:, :16].unflatten(1, (4, 4))
        camera = Pinhole(pose[:, :3, 3:], pose[:, :3, :3], self.domain.focal)
        picture = shading.Picture(self.size, self.samples, self.domain.mirrors, self.domain.scatter)
        layers = shading.shade(
            picture,
            camera,
            lambda points: self.domain.distance(object_, points),
            lambda points: self.domain.surface(object_, points),
            around,
        )
        return ToyBatch(label=label, **layers)
