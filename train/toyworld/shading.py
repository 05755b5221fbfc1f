"""From hits to pictures: light, shadow, reflection, tone, and averaging over a pixel's rays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from . import backgrounds, tracing
from .backgrounds import Surroundings
from .surface import Surface
from .tracing import Distance, Hits, Pinhole, dot, unit

NEAR, FAR = 1.83, 3.57  # round the box of side 1 at the origin, seen from a distance of 2.7


@dataclass(frozen=True)
class Picture:
    """What does not change from image to image."""

    size: int  # pixels a side
    samples: int  # rays along each side of a pixel
    mirrors: bool  # whether the surroundings are seen in the surface
    scatter: float  # share of the light that gets round the terminator, in [0, 1)


def shade(
    picture: Picture,
    camera: Pinhole,
    distance: Distance,
    surface: Callable[[Tensor], Surface],
    surroundings: Surroundings,
) -> dict[str, Tensor]:
    """The image, mask, depths and normals of a batch (see ToyBatch)."""
    side = picture.size * picture.samples
    sides = (picture.size // 4, picture.size, side)[: 3 if picture.samples > 1 else 2]
    hits = tracing.trace(distance, camera, (*sides[:-1], side), NEAR, FAR)[-1]
    grid = torch.arange(side * side, device=hits.depth.device).expand(hits.depth.shape[0], -1)
    colors, reach = surroundings.behind(camera.position, camera.directions(grid, side))
    directions = camera.directions(hits.cells, side)
    points = camera.position + directions * hits.depth[:, None]
    normal = tracing.normals(distance, points, directions, 1.5e-3)
    sky = tracing.occlusion(distance, points, normal)
    light = surroundings.backdrop.light
    sun = tracing.shadow(distance, points + 0.004 * normal, light, softness=0.12)
    lit = _light(picture, surface(points), (points, normal, directions), (sky, sun), surroundings)
    colors = encode(_scatter(colors, hits, lit))
    depth = torch.full_like(colors[:, :1], torch.inf)
    depth = _scatter(depth, hits, hits.depth[:, None])
    normal = _pool(_scatter(torch.zeros_like(colors), hits, normal), picture)
    return {
        "image": 2 * _pool(colors, picture) - 1,
        "mask": _pool(depth.isfinite().float(), picture),
        "depth": -torch.nn.functional.max_pool2d(
            -depth.unflatten(2, (side, side)), picture.samples
        ),
        "normals": torch.nn.functional.normalize(normal, dim=1),
        "background_depth": _pool(reach[:, None], picture),
    }


def encode(linear: Tensor) -> Tensor:
    """Linear light to display values in [0, 1]: a soft shoulder above 0.6, then sRGB's gamma."""
    excess = (linear - 0.6).clamp_min(0)
    linear = linear.clamp(0, 0.6) + 0.4 * (1 - torch.exp(-excess / 0.4))
    return linear.clamp_min(1e-6) ** (1 / 2.2)


def _light(
    picture: Picture,
    surface: Surface,
    where: tuple[Tensor, Tensor, Tensor],
    visible: tuple[Tensor, Tensor],
    surroundings: Surroundings,
) -> Tensor:
    """Linear RGB (B, 3, R) that surface points send to the camera.

    `where`: the points, their normals and the directions of the rays that met them, (B, 3, R).
    `visible`: shares (B, R) of the ambient light and of the key light that reach them.
    """
    backdrop = surroundings.backdrop
    points, normal, directions = where
    sky, sun = visible
    light = backdrop.light.expand_as(normal)
    facing = dot(normal, light)
    wrapped = ((facing + picture.scatter) / (1 + picture.scatter)).clamp_min(0)
    shaded = torch.lerp(sun, torch.ones_like(sun), 0.12)
    diffuse = (wrapped * shaded)[:, None] * backdrop.light_color
    diffuse = diffuse + sky[:, None] * backgrounds.ambient(backdrop, normal)
    toward = dot(normal, directions).neg().clamp(0, 1)
    grazing = (1 - toward) ** 5
    share = surface.mirror + (1 - surface.roughness) * (1 - surface.mirror) * grazing
    mirrored = unit(directions + 2 * toward[:, None] * normal)
    reflected = backgrounds.ambient(backdrop, mirrored)
    if picture.mirrors:
        sharp = surroundings.mirrored(points, mirrored)
        reflected = torch.lerp(sharp, reflected, surface.roughness[:, None])
    half = unit(light - directions)
    exponent = 2 / surface.roughness.square().clamp_min(0.004)
    lobe = dot(normal, half).clamp(1e-4, 1) ** exponent * (exponent + 2) / 8
    key = (lobe * sun * facing.clamp_min(0))[:, None] * backdrop.light_color
    result = surface.albedo * diffuse * (1 - share)[:, None]
    result = result + share[:, None] * (reflected * (0.3 + 0.7 * sky)[:, None] + key)
    return result + surface.glow[:, None] * surface.albedo


def _scatter(canvas: Tensor, hits: Hits, values: Tensor) -> Tensor:
    """`canvas` (B, C, N) with the hits' values (B, C, R) at their cells."""
    padded = torch.cat([canvas, canvas[:, :, :1]], dim=2)
    cells = torch.where(hits.alive, hits.cells, canvas.shape[2])
    padded.scatter_(2, cells[:, None].expand_as(values), values)
    return padded[:, :, :-1]


def _pool(values: Tensor, picture: Picture) -> Tensor:
    """Means (B, C, H, W) over every pixel's rays (B, C, N)."""
    side = picture.size * picture.samples
    grid = values.unflatten(2, (side, side))
    if picture.samples == 1:
        return grid.contiguous()
    return torch.nn.functional.avg_pool2d(grid, picture.samples)
