"""Signed distance functions of simple bodies, and ways to join them.

Coordinates are separate tensors (B, R), or (B, K, R) for K bodies at once, and sizes broadcast
against them: no sums over short axes, so a value never depends on the batch around it. Distances
are world units, negative inside; those of ellipsoids and smooth joins are bounds near the surface.
"""

from __future__ import annotations

import torch
from torch import Tensor

Size = Tensor | float


def length2(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean length of (x, y)."""
    return torch.addcmul(x * x, y, y).sqrt()


def length3(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Euclidean length of (x, y, z)."""
    return torch.addcmul(torch.addcmul(x * x, y, y), z, z).sqrt()


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, radii: tuple[Size, Size, Size]) -> Tensor:
    """First-order distance to an ellipsoid at the origin (Quilez: k0 (k0 - 1) / k1)."""
    x, y, z = x / radii[0], y / radii[1], z / radii[2]
    scaled = length3(x, y, z)
    slope = length3(x / radii[0], y / radii[1], z / radii[2])
    return scaled * (scaled - 1) / (slope + 1e-4)


def box(x: Tensor, y: Tensor, z: Tensor, half: tuple[Size, Size, Size], rounding: Size) -> Tensor:
    """Distance to a rounded box of these half sides at the origin."""
    x = x.abs() - (half[0] - rounding)
    y = y.abs() - (half[1] - rounding)
    z = z.abs() - (half[2] - rounding)
    outside = length3(x.clamp_min(0), y.clamp_min(0), z.clamp_min(0))
    inside = torch.maximum(torch.maximum(x, y), z).clamp_max(0)
    return outside + inside - rounding


def rectangle(x: Tensor, y: Tensor, half: tuple[Size, Size], rounding: Size) -> Tensor:
    """Distance in a plane to a rounded rectangle of these half sides at the origin."""
    x = x.abs() - (half[0] - rounding)
    y = y.abs() - (half[1] - rounding)
    return length2(x.clamp_min(0), y.clamp_min(0)) + torch.maximum(x, y).clamp_max(0) - rounding


def capsule(
    point: tuple[Tensor, Tensor, Tensor],
    start: tuple[Size, Size, Size],
    end: tuple[Size, Size, Size],
    radius: Size,
    end_radius: Size | None = None,
) -> Tensor:
    """Distance to a segment with a radius that changes linearly from start to end."""
    ax, ay, az = (p - s for p, s in zip(point, start, strict=True))
    bx, by, bz = (e - s for e, s in zip(end, start, strict=True))
    along = (ax * bx + ay * by + az * bz) / (bx * bx + by * by + bz * bz)
    along = along.clamp(0, 1)
    distance = length3(ax - along * bx, ay - along * by, az - along * bz)
    if end_radius is None:
        return distance - radius
    return distance - radius - along * (end_radius - radius)


def disc(radial: Tensor, height: Tensor, radius: Size, half: Size, rounding: Size) -> Tensor:
    """Distance to a rounded disc from the distance to its axis and the height over its middle."""
    return rectangle(radial, height, (radius, half), rounding)


def union(*distances: Tensor) -> Tensor:
    """The nearest of several bodies."""
    result = distances[0]
    for distance in distances[1:]:
        result = torch.minimum(result, distance)
    return result


def smooth_union(first: Tensor, second: Tensor, width: float) -> Tensor:
    """The nearer of two bodies with the crease filled over `width` (polynomial minimum)."""
    overlap = (width - (first - second).abs()).clamp_min(0)
    return torch.addcmul(torch.minimum(first, second), overlap, overlap, value=-0.25 / width)


def smooth_intersection(first: Tensor, second: Tensor, width: float) -> Tensor:
    """What two bodies share, with the edge rounded over `width` (polynomial maximum)."""
    overlap = (width - (first - second).abs()).clamp_min(0)
    return torch.addcmul(torch.maximum(first, second), overlap, overlap, value=0.25 / width)
