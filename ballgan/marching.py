"""The fast way along rays: empty space is skipped, and nothing is done behind opaque space.

The published scheme samples every ray in two passes; this one in one, at even steps, where the
occupancy grid has something, from front to back until the ray is dark. Both converge to the same
integral (Max 1995, "Optical models for direct volume rendering").
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from .occupancy import OccupancyGrid
from .quick_field import AnyQuickField
from .shortage import free_gpu_memory
from .volume import Composite, density_to_extinction

DARK = 1e-3  # transmittance at which a ray stops
# Parts of a ray, from front to back: the rays that are dark after one are left out. A GPU would
# have to wait for the list of them, so it goes all the way at once.
SLABS = {"cpu": 4}
POINTS_AT_ONCE = {"cpu": 2**14}  # that a field is asked about; a GPU is asked about all
FEW_FEATURES = 64  # so many are decoded for each sample; more, from a slab's mean hidden layer
STEP_COUNTS = (16, 20, 24, 28, 32, 40, 48, 56, 68, 84, 100)  # along a ray; multiples of four slabs
MANY_STEPS = 144  # that show all detail
LARGEST_CHANGE = (0.8 / 255, 1 / 255)  # of features and of opacity, by many steps
LEAST_WEIGHT = 1e-5  # of a slab whose colour is worth decoding
SMALLEST_TILE = 64  # rays
Report = Callable[[float], None]
Part = TypeVar("Part")


@dataclass(frozen=True)
class RayBundle:
    """Rays of one scene.

    origins, directions: (N, 3), directions of unit length. near, far: (N, 1), distances. offset:
    where in its step each sample is, in [0, 1).
    """

    origins: Tensor
    directions: Tensor
    near: Tensor
    far: Tensor
    offset: float = 0.5

    def tile(self, part: slice) -> "RayBundle":
        """Some of the rays."""
        return replace(
            self,
            origins=self.origins[part],
            directions=self.directions[part],
            near=self.near[part],
            far=self.far[part],
        )


def march_quickly(
    field: AnyQuickField,
    grid: OccupancyGrid,
    rays: RayBundle,
    steps: int,
    report: Report | None = None,
) -> Composite:
    """Gather the foreground along rays, at `steps` even steps between near and far.

    Weights are those of the midpoint rule, w = T (1 - exp(-sigma delta)). Not differentiable.
    `report` gets the fraction done; it may raise to stop. Waits for a GPU once, for the list of
    samples that are worth a look.
    """
    march = _March(field, grid, rays, steps)
    length = -(-steps // SLABS.get(rays.origins.device.type, 1))
    for first in range(0, steps, length):
        if report is not None:
            report(first / steps)
        if not march.advance(first, min(first + length, steps)):
            break
    transmittance = torch.exp(-march.optical_depth)
    return Composite(march.features, 1 - transmittance, transmittance, march.distance)


class _March:
    """What rays have gathered so far."""

    def __init__(
        self, field: AnyQuickField, grid: OccupancyGrid, rays: RayBundle, steps: int
    ) -> None:
        self._field, self._grid = field, grid
        self._origins, self._directions = rays.origins.T, rays.directions.T  # (3, N)
        self._delta = (rays.far - rays.near) / steps  # (N, 1)
        self._start = rays.near + self._delta * rays.offset
        count = len(self._start)
        self.optical_depth = self._start.new_zeros(count)
        self.distance = self._start.new_zeros(count)
        self.features = self._start.new_zeros(count, field.feature_channels)
        self._few_features = field.feature_channels <= FEW_FEATURES

    def advance(self, first: int, last: int) -> bool:
        """Go on from step `first` to `last`; whether any ray still sees something."""
        rays = self._seeing(first)
        delta = self._delta[rays]
        steps = torch.arange(first, last, device=delta.device)
        along = self._start[rays] + delta * steps  # (A, S)
        points = (
            self._origins.index_select(1, rays)[..., None]
            + along * (self._directions.index_select(1, rays)[..., None])
        )
        live = self._grid.at(points)  # (A, S)
        chosen = live.flatten().nonzero()[:, 0]
        if not len(chosen):
            return len(rays) > 0
        extinction, values = self._look_up(points.flatten(1).index_select(1, chosen))
        depths = torch.zeros_like(along)
        depths.view(-1).index_copy_(0, chosen, extinction)
        depths *= delta
        until = self.optical_depth[rays, None] + depths.cumsum(1)
        weights = torch.exp(depths - until) * -torch.expm1(-depths)
        self.optical_depth[rays] = until[:, -1]
        self.distance[rays] += (weights * along).sum(1)
        ends = live.sum(1).cumsum(0)
        sums = F.embedding_bag(
            torch.arange(len(chosen), device=delta.device),
            values,
            F.pad(ends[:-1], (1, 0)),
            per_sample_weights=weights.flatten()[chosen],
            mode="sum",
        )  # (A, F) or (A, H)
        if self._few_features:
            self.features.index_add_(0, rays, sums)
        else:
            self._add_colors(rays, sums, weights.sum(1))
        return True

    def _look_up(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Extinction (M,), and features or, where they are many, the hidden layer (M, F or H).

        A part of the points (3, M) at a time, so that little is in memory at once.
        """
        size = POINTS_AT_ONCE.get(points.device.type, points.shape[1])
        parts = [self._look_up_part(part) for part in points.split(size, dim=1)]
        if len(parts) == 1:
            return parts[0]
        extinction, values = zip(*parts, strict=True)
        return torch.cat(extinction), torch.cat(values)

    def _look_up_part(self, points: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self._field.hidden(points)
        extinction = density_to_extinction(self._field.density_of(hidden, points))
        return extinction, self._field.features_of(hidden) if self._few_features else hidden

    def _seeing(self, first: int) -> Tensor:
        """The rays (A,) that still see something before step `first`."""
        if first == 0:
            return torch.arange(len(self.distance), device=self.distance.device)
        return (self.optical_depth < -math.log(DARK)).nonzero()[:, 0]

    def _add_colors(self, rays: Tensor, hidden: Tensor, weights: Tensor) -> None:
        """Add the colour of one slab: weighted sums of hidden layers (A, H), and weights (A,)."""
        if weights.device.type == "cpu":
            seen = (weights > LEAST_WEIGHT).nonzero()[:, 0]
        else:  # where to decode is cheaper than to wait for the list
            seen = torch.arange(len(rays), device=rays.device)
        weight = weights[seen, None].clamp_min(LEAST_WEIGHT)
        features = self._field.features_of(hidden[seen] / weight)
        self.features.index_add_(0, rays[seen], features * weight)


def choose_steps(field: AnyQuickField, grid: OccupancyGrid, rays: RayBundle) -> int:
    """The least number of steps along a ray that sees a field with its detail.

    That is the first of `STEP_COUNTS` with which features and opacity of `rays` differ from those
    with MANY_STEPS by no more than LARGEST_CHANGE (roots of the mean squares). Thin surfaces need
    more than fog.
    """
    exact = march_quickly(field, grid, rays, MANY_STEPS)
    for steps in STEP_COUNTS:
        trial = march_quickly(field, grid, rays, steps)
        features = (trial.features - exact.features).square().mean().sqrt()
        opacity = (trial.opacity - exact.opacity).square().mean().sqrt()
        if features <= LARGEST_CHANGE[0] and opacity <= LARGEST_CHANGE[1]:
            return steps
    return MANY_STEPS


def march_in_tiles(
    march: Callable[[slice], Composite], count: int, rays_per_tile: int
) -> Composite:
    """What `march` gathers along `count` rays, some at a time (see `work_in_tiles`)."""
    return Composite.concatenate(work_in_tiles(march, count, rays_per_tile))


def work_in_tiles(work: Callable[[slice], Part], count: int, rays_per_tile: int) -> list[Part]:
    """What `work` makes of `count` rays, some at a time.

    Where the memory of a GPU does not suffice, graphs are given up, the tiles are halved, and the
    work goes on.
    """
    parts, start = [], 0
    while start < count:
        try:
            parts.append(work(slice(start, start + rays_per_tile)))
            start += rays_per_tile
            continue
        except torch.cuda.OutOfMemoryError:
            if rays_per_tile <= SMALLEST_TILE:
                raise
        rays_per_tile //= 2
        free_gpu_memory()  # now that the error no longer holds what the work had made
    return parts
