"""Materials of heads, painted in the order in which the parts cover each other."""

from __future__ import annotations

import torch
from torch import Tensor

from . import shapes
from .head_shape import columns, head_parts
from .heads import Head
from .surface import Surface


def head_surface(head: Head, points: Tensor) -> Surface:
    """Materials of heads at surface points (B, 3, R)."""
    x, y, z = points.unbind(1)
    side = x.abs()
    parts = head_parts(head, points)
    nearest = shapes.union(*vars(parts).values()) + 6e-4
    surface = Surface.plain(head.skin_color, x, 0.035, 0.5)
    _paint_face(head, surface, side, y, z)
    surface.paint(parts.shirt < nearest, _shirt_color(head, x, y, z), 0.02, 0.9)
    _paint_eyes(head, surface, parts.eyes < nearest, side, y, z, x)
    streak = 0.86 + 0.14 * torch.sin(90 * torch.atan2(x, z + 0.03) + 30 * y)
    hair = head.hair_color * streak[:, None]
    surface.paint(parts.hair < nearest, hair, 0.05, 0.42)
    surface.paint(parts.brows < nearest, 0.75 * head.hair_color, 0.03, 0.7)
    surface.paint(parts.hat < nearest, _hat_color(head, y, z), 0.02, 0.85)
    surface.paint(parts.frame < nearest, head.frame_color, 0.12, 0.3)
    surface.paint(parts.lenses < nearest, 0.012, 0.12, 0.12)
    return surface


def _paint_face(head: Head, surface: Surface, side: Tensor, y: Tensor, z: Tensor) -> None:
    """Lips, mouth, blush, beard and nostrils on the skin."""
    height, width, radius, smile, opening = columns(head.mouth)
    beard, _, _, makeup, _ = columns(head.kinds)
    level = y - height - smile * side * side
    blush = torch.exp(-((side - 0.075).square() + (y + 0.05).square()) * 700) * (z > 0.05)
    rosy = surface.albedo * torch.stack([1 + 0 * side, 0.74 + 0 * side, 0.72 + 0 * side], 1)
    amount = (blush * (0.5 + 0.4 * makeup))[:, None]
    surface.albedo = torch.lerp(surface.albedo, rosy, amount)
    jawline = y + 0.112 - 5.5 * side * side < 0
    moustache = ((y - height - 0.02).abs() < 0.012) & (side < width + 0.006) & (z > 0.08)
    beard_area = (beard > 0) & (jawline | moustache) & (z > -0.01) & (y > -0.235)
    surface.paint(beard_area, 0.8 * head.hair_color + 0.12 * head.skin_color, 0.02, 0.8)
    front = z > 0.08
    fullness = (1 - (side / (width + 0.4 * radius)).square()).clamp_min(0)
    inner = opening * (1 - (side / width).square()).clamp_min(0)
    mouth = front & (level.abs() < (inner + 2.1 * radius) * fullness)
    lips = torch.lerp(head.lip_color, 0.7 * head.lip_color, 1 - head.kinds[:, 3:4, None])
    surface.paint(mouth, lips, 0.05, 0.35)
    inside = front & (level.abs() < inner + 0.0018) & (side < width)
    surface.paint(inside, 0.06 * head.lip_color, 0.02, 0.6)
    teeth = inside & (inner > 0.005) & (level > -0.1 * inner) & (side < 0.8 * width)
    surface.paint(teeth, 0.82, 0.05, 0.3)


def _paint_eyes(
    head: Head, surface: Surface, mask: Tensor, side: Tensor, y: Tensor, z: Tensor, x: Tensor
) -> None:
    """White, iris with a darker rim, pupil and a small highlight."""
    half, height, radius, _ = columns(head.eye)
    sideways, up = columns(head.gaze)
    gaze_x = torch.where(x > 0, sideways, -sideways)
    dx = (side - half) / radius - 0.6 * gaze_x
    dy = (y - height) / radius - 0.6 * up
    away = shapes.length2(dx, dy) / head.iris_size
    surface.paint(mask, 0.78, 0.04, 0.15)
    surface.paint(mask & (away < 1), 0.35 * head.iris_color, 0.04, 0.1)
    surface.paint(mask & (away < 0.84), 1.25 * head.iris_color, 0.04, 0.1)
    surface.paint(mask & (away < 0.46), 0.004, 0.04, 0.1)
    glint = shapes.length2(dx + 0.15, dy - 0.2) < 0.13
    surface.paint(mask & glint, 0.95, glow=0.6)


def _shirt_color(head: Head, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    stripes = (torch.sin(95 * (y + 0.35 * z)) > 0.1) & (head.kinds[:, 2:3] > 0)
    collar = y + 0.255 + 0.25 * (x.abs() - 0.05).clamp_min(0) > 0
    second = stripes | (collar & (head.kinds[:, 2:3] < 1))
    return torch.where(second[:, None], head.shirt_second, head.shirt_color)


def _hat_color(head: Head, y: Tensor, z: Tensor) -> Tensor:
    up = y - 0.1 + head.hat[:, 4:5] * (z + 0.02)
    band = (up > 0.014) & (up < 0.04)
    striped = (torch.sin(150 * up) > 0) & (head.kinds[:, 4:5] > 0)
    return torch.where((band | striped)[:, None], head.hat_second, head.hat_color)
