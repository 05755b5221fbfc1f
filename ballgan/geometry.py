"""Rays against boxes and spheres, and directions against equirectangular images.

World axes: y up, right-handed. Sphere angles: theta from +y, in [0, pi]; phi from +z towards +x,
in [0, 2 pi). Equirectangular images show the sphere as seen from inside: the centre is -z (what a
camera in front of the object looks at), +x is a quarter to the right of it, the top row is +y.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def intersect_box(origins: Tensor, directions: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Distances where rays enter and leave the cube of `side` centred on the origin (slab test).

    `origins`, `directions`: (..., 3). Returns (near, far), each (...); near >= 0. A ray misses
    the cube where far <= near.
    """
    safe = torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    first = (-side / 2 - origins) / safe
    second = (side / 2 - origins) / safe
    near = torch.minimum(first, second).amax(-1).clamp_min(0.0)
    far = torch.maximum(first, second).amin(-1)
    return near, far


def intersect_sphere(origins: Tensor, directions: Tensor, radius: float) -> Tensor:
    """Distance to where each ray leaves the sphere of `radius` around the origin.

    `origins`, `directions`: (..., 3), directions of unit length. Returns (...). From an origin
    inside (see `require_inside_sphere`) every ray meets the sphere.
    """
    closest = -(origins * directions).sum(-1)
    foot = origins + closest[..., None] * directions
    half_chord_squared = radius**2 - foot.square().sum(-1)
    return closest + half_chord_squared.clamp_min(0).sqrt()


def require_inside_sphere(positions: Tensor, radius: float) -> None:
    """Raise ValueError unless all `positions` (..., 3) are inside the sphere: r^2 < R^2."""
    farthest = positions.square().sum(-1).amax().sqrt().item()
    if not farthest < radius:
        raise ValueError(
            f"The camera should be inside the background sphere of radius {radius:g}; it is "
            f"{farthest:.4g} from the centre. Move it closer, or turn the background off."
        )


def require_inside_cube(positions: Tensor, side: float) -> None:
    """Raise ValueError unless all `positions` (..., 3) are inside the cube round the origin."""
    farthest = positions.abs().amax().item()
    if not 2 * farthest < side:
        raise ValueError(
            f"The camera should be inside the background cube of side {side:g}; it is "
            f"{farthest:.4g} from the middle along an axis. Move it closer, or turn the "
            "background off."
        )


def turn(directions: Tensor, yaw: float) -> Tensor:
    """Where on a sphere that is turned to the right by `yaw` radians, as a camera in front sees it,
    `directions` (..., 3) point: they are turned the other way."""
    if yaw == 0:
        return directions
    cos, sin = math.cos(yaw), math.sin(yaw)
    x, y, z = directions.unbind(-1)
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], dim=-1)


def sphere_angles(points: Tensor) -> Tensor:
    """Angles (theta, phi) of `points` (..., 3) on a sphere around the origin: (..., 2)."""
    unit = F.normalize(points, dim=-1)
    theta = torch.arccos(unit[..., 1].clamp(-1.0, 1.0))
    phi = torch.atan2(points[..., 0], points[..., 2]) % (2 * math.pi)
    return torch.stack([theta, phi], dim=-1)


def directions_to_equirectangular(directions: Tensor) -> Tensor:
    """Image coordinates (u, v) in [0, 1], left to right and top to bottom: (..., 3) -> (..., 2)."""
    theta, phi = sphere_angles(directions).unbind(-1)
    return torch.stack([1 - phi / (2 * math.pi), theta / math.pi], dim=-1)


def equirectangular_directions(height: int, width: int, device: torch.device) -> Tensor:
    """Unit directions (height, width, 3) of the pixel centres of an equirectangular image."""
    theta = (torch.arange(height, device=device) + 0.5) * (math.pi / height)
    phi = (1 - (torch.arange(width, device=device) + 0.5) / width) * (2 * math.pi)
    return _from_angles(theta[:, None].expand(height, width), phi.expand(height, width))


def equirectangular_to_directions(places: Tensor) -> Tensor:
    """Unit directions (..., 3) of image coordinates (u, v) in [0, 1], (..., 2)."""
    u, v = places.unbind(-1)
    return _from_angles(v * math.pi, (1 - u) * (2 * math.pi))


def _from_angles(theta: Tensor, phi: Tensor) -> Tensor:
    across = theta.sin()
    return torch.stack([across * phi.sin(), theta.cos(), across * phi.cos()], dim=-1)


def sample_equirectangular(image: Tensor, directions: Tensor) -> Tensor:
    """Bilinear look-up in an equirectangular image that wraps round without a seam.

    `image`: (C, H, W); `directions`: (N, 3), any length. Returns (N, C).
    """
    _, height, width = image.shape
    wrapped = torch.cat([image[:, :, -1:], image, image[:, :, :1]], dim=2)
    u, v = directions_to_equirectangular(directions).unbind(-1)
    grid = torch.stack([(u * width + 1) / (width + 2) * 2 - 1, v * 2 - 1], dim=-1)
    samples = F.grid_sample(
        wrapped[None], grid[None, None].to(image.dtype), padding_mode="border", align_corners=False
    )
    return samples[0, :, 0].t()
