"""Where rays meet a body given by its signed distance: cone marching, then sphere tracing.

An image's rays are traced as a pyramid. Cones through blocks of pixels march first and stop where
the body may be inside them; their children start there; cones that pass the body are dropped with
all their rays (after Hart 1996; Aaltonen's cone marching). Rays are held as (B, R): R is the
largest number that any image of the batch still needs, the rest is padding. Every value depends
on its own image only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Distance = Callable[[Tensor], Tensor]  # points (B, 3, R) -> signed distance (B, R)

STEP = 0.9  # share of the distance that a step dares: smooth joins are bounds only
PRECISION = 4e-4  # a ray has met the body at this distance
_COMPACT_EVERY = 4
# Rays are held in multiples of this: processors round sines differently in the remainder of a row,
# and pictures would depend on their batch in the last bit.
_LANES = 64
_TETRAHEDRON = ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1))


@dataclass(frozen=True)
class Pinhole:
    """A batch of cameras: `position` (B, 3, 1), `rotation` (B, 3, 3), focal length (of 1 image)."""

    position: Tensor
    rotation: Tensor
    focal: float

    def directions(self, cells: Tensor, side: int) -> Tensor:
        """Unit directions (B, 3, R) through the middles of cells (B, R) of a side x side grid."""
        row = torch.div(cells, side, rounding_mode="floor")
        y = ((row + 0.5) / side - 0.5) / self.focal
        x = ((cells - row * side + 0.5) / side - 0.5) / self.focal
        scale = torch.rsqrt(1 + x * x + y * y)
        x, y = x * scale, y * scale
        axes = self.rotation[..., None]  # (B, 3, 3, 1)
        right, down, forward = axes[:, :, 0], axes[:, :, 1], axes[:, :, 2]
        return x[:, None] * right + y[:, None] * down + scale[:, None] * forward

    def cone(self, side: int) -> float:
        """Radius of the cone round a cell of a side x side grid, at distance one."""
        return 0.7072 / (side * self.focal)


@dataclass(frozen=True)
class Hits:
    """The cells of one level of the pyramid whose cone or ray meets the body."""

    cells: Tensor  # (B, R) int64, position in the side x side grid, row by row
    alive: Tensor  # (B, R) bool; False is padding
    depth: Tensor  # (B, R) distance along the unit ray
    side: int


def trace(
    distance: Distance, camera: Pinhole, sides: tuple[int, ...], near: float, far: float
) -> list[Hits]:
    """Trace the pyramid of grids of `sides` cells, each a multiple of the one before.

    Returns the hits of every level; those of the last are rays, met to PRECISION.
    """
    batch = camera.position.shape[0]
    count = sides[0] ** 2
    cells = torch.arange(_whole_lanes(count), device=camera.position.device).expand(batch, -1)
    depth = torch.full_like(cells, near, dtype=camera.position.dtype)
    alive = cells < count
    levels: list[Hits] = []
    for level, side in enumerate(sides):
        if level:
            cells, alive, depth = _children(levels[-1], side // sides[level - 1])
        last = level == len(sides) - 1
        directions = camera.directions(cells, side)
        depth, alive = march(
            distance,
            camera.position,
            directions,
            depth,
            alive,
            cone=0.0 if last else camera.cone(side),
            far=far,
            steps=48 if last else 24,
        )
        levels.append(_compact(Hits(cells, alive, depth, side)))
    return levels


def march(
    distance: Distance,
    origins: Tensor,
    directions: Tensor,
    depth: Tensor,
    alive: Tensor,
    *,
    cone: float,
    far: float,
    steps: int,
) -> tuple[Tensor, Tensor]:
    """Move along rays or cones until they meet the body, leave at `far`, or run out of steps.

    `origins`: (B, 3, 1); `directions`: (B, 3, R); `depth`, `alive`: (B, R). A cone of radius
    `cone` at distance one stops as soon as the body may touch it. Returns the depths and which
    rays met the body. Out of steps, a cone has met it, a ray if it is within two PRECISION.
    """
    count = depth.shape[1]
    # Column `count` of the results takes what padding writes.
    result = torch.cat([depth, depth[:, :1]], dim=1)
    met_at = torch.zeros_like(result, dtype=torch.bool)
    slots = torch.arange(count, device=depth.device).expand_as(depth)
    met = torch.zeros_like(alive)
    last_limit = torch.inf if cone else 2 * PRECISION
    for step in range(steps):
        if step % _COMPACT_EVERY == 0:
            order, kept = _order(alive)
            if order.shape[1] < 0.8 * alive.shape[1]:
                result.scatter_(1, slots, depth)
                met_at.scatter_(1, slots, met)
                slots = torch.where(kept, slots.gather(1, order), count)
                depth, directions = depth.gather(1, order), _take(directions, order)
                met, alive = torch.zeros_like(kept), kept
        clearance = distance(origins + directions * depth[:, None]) - cone * depth
        touching = alive & (clearance < (PRECISION if step + 1 < steps else last_limit))
        met = met | touching
        alive = alive & ~touching
        # A ray that went too far, where a join bends the distances, comes back at its last step.
        moves = alive if cone else alive | touching
        depth = torch.where(moves, depth + clearance * (STEP / (1 + cone)), depth)
        alive = alive & (depth < far)
    result.scatter_(1, slots, depth)
    met_at.scatter_(1, slots, met)
    return result[:, :count], met_at[:, :count]


def normals(distance: Distance, points: Tensor, directions: Tensor, reach: float) -> Tensor:
    """Unit normals (B, 3, R) by central differences on a tetrahedron of size `reach`.

    Normals that lean away from the camera (on edges thinner than `reach`) are bent to face it.
    """
    corners = torch.tensor(_TETRAHEDRON, dtype=points.dtype, device=points.device)
    moved = points[:, :, None] + reach * corners.t()[None, :, :, None]  # (B, 3, 4, R)
    values = distance(moved.flatten(2)).unflatten(1, (4, -1))
    v0, v1, v2, v3 = values.unbind(1)
    gradient = torch.stack([v0 - v1 - v2 + v3, v3 + v2 - v0 - v1, v1 - v0 - v2 + v3], dim=1)
    gradient = unit(gradient)
    away = (dot(gradient, directions) + 0.02).clamp_min(0)
    return unit(gradient - away[:, None] * directions)


def shadow(distance: Distance, points: Tensor, light: Tensor, *, softness: float) -> Tensor:
    """How much of an extended light (B, 3, 1) reaches points (B, 3, R): (B, R) in [0, 1]."""
    travelled = torch.full_like(points[:, 0], 0.012)
    open_ = torch.ones_like(travelled)
    for _ in range(8):
        clearance = distance(points + light * travelled[:, None])
        open_ = torch.minimum(open_, 0.5 + 0.5 * clearance / (softness * travelled))
        travelled = travelled + clearance.clamp(0.012, 0.09)
    open_ = open_.clamp(0, 1)
    return open_ * open_ * (3 - 2 * open_)


def occlusion(distance: Distance, points: Tensor, normal: Tensor) -> Tensor:
    """Share (B, R) of the ambient light that reaches points (B, 3, R): steps along the normal."""
    covered = torch.zeros_like(points[:, 0])
    for reach, weight in ((0.012, 11.0), (0.035, 5.5), (0.08, 2.2)):
        clearance = distance(points + reach * normal)
        covered = covered + weight * (reach - clearance).clamp_min(0)
    return torch.exp(-1.3 * covered)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(B, R) products of vectors (B, 3, R)."""
    return torch.addcmul(torch.addcmul(a[:, 0] * b[:, 0], a[:, 1], b[:, 1]), a[:, 2], b[:, 2])


def unit(vectors: Tensor) -> Tensor:
    """Vectors (B, 3, R) at length one."""
    return vectors * torch.rsqrt(dot(vectors, vectors) + 1e-20)[:, None]


def _children(parents: Hits, factor: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cells, padding and start depths of the factor x factor children of every parent."""
    row = torch.div(parents.cells, parents.side, rounding_mode="floor")
    column = parents.cells - row * parents.side
    steps = torch.arange(factor, device=row.device)
    rows = row[..., None, None] * factor + steps[:, None]
    columns = column[..., None, None] * factor + steps
    cells = (rows * (parents.side * factor) + columns).flatten(1)
    children = factor * factor
    alive = parents.alive.repeat_interleave(children, dim=1)
    # The parent's cone was clear up to its depth measured on its axis: step back a little, for
    # its other rays reach the same plane sooner or later.
    depth = (parents.depth - 2e-3).repeat_interleave(children, dim=1)
    return cells, alive, depth


def _order(alive: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (B, M) of every image's live rays, in order, and which are not padding."""
    counts = alive.sum(1)
    longest = _whole_lanes(max(1, int(counts.max())))
    target = torch.where(alive, alive.cumsum(1) - 1, longest)
    order = torch.zeros(
        (alive.shape[0], longest + 1), dtype=torch.int64, device=alive.device
    ).scatter_(1, target, torch.arange(alive.shape[1], device=alive.device).expand_as(target))
    kept = torch.arange(longest, device=alive.device) < counts[:, None]
    return torch.where(kept, order[:, :longest], 0), kept


def _whole_lanes(count: int) -> int:
    return -(-count // _LANES) * _LANES


def _compact(hits: Hits) -> Hits:
    order, kept = _order(hits.alive)
    return Hits(hits.cells.gather(1, order), kept, hits.depth.gather(1, order), hits.side)


def _take(vectors: Tensor, order: Tensor) -> Tensor:
    """The vectors (B, 3, R) at positions (B, M)."""
    return vectors.gather(2, order[:, None].expand(-1, 3, -1))
