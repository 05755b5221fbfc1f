"""Materials of cars, painted layer over layer."""

from __future__ import annotations

import torch
from torch import Tensor

from . import shapes
from .car_shape import cabin_faces, car_parts
from .cars import GROUND, Car
from .surface import Surface


def car_surface(car: Car, points: Tensor) -> Surface:
    """Materials of cars at surface points (B, 3, R)."""
    x, y, z = points.unbind(1)
    side, up = x.abs(), y - GROUND
    parts = car_parts(car, points)
    nearest = shapes.union(*vars(parts).values()) + 1e-3
    surface = Surface.plain(car.paint, x, 0.05, 0.12)
    roof_second, sill_second, stripe, chrome, _ = (k > 0 for k in car.kinds.split(1, dim=1))
    on_shell = torch.minimum(parts.body, parts.cabin) < nearest + 0.006
    surface.paint(on_shell & (up > car.belt + 0.012) & roof_second, car.second)
    sills = car.floor + 0.3 * (car.belt - car.floor)
    surface.paint(on_shell & (up < sills) & sill_second, car.second)
    surface.paint(on_shell & ((side - 0.03).abs() < 0.016) & stripe, car.second)
    surface.paint(on_shell & (up < car.floor + 0.012), car.trim, 0.02, 0.7)
    _paint_body(car, surface, parts.body < nearest, side, up, z)
    _paint_windows(car, surface, parts.cabin < nearest + 0.004, side, up, z)
    bumpers = parts.bumpers < nearest
    surface.paint(bumpers, car.trim, 0.05, 0.4)
    surface.paint(bumpers & chrome, 0.32, 0.5, 0.12)
    _paint_plate(car, surface, bumpers | (parts.body < nearest), side, up, z)
    surface.paint(parts.spoiler < nearest, car.second, 0.05, 0.2)
    surface.paint(parts.rack < nearest, car.trim, 0.08, 0.35)
    surface.paint(parts.cargo < nearest, car.cargo_color, 0.03, 0.5)
    _paint_wheels(car, surface, parts.wheels < nearest, side, up, z)
    return surface


def _paint_body(
    car: Car, surface: Surface, mask: Tensor, side: Tensor, up: Tensor, z: Tensor
) -> None:
    """Head and tail lamps, grille, door gaps, wheel wells and the bed's lining."""
    place, half_width, half_height, rounding = car.lamp.split(1, dim=1)
    height = up - car.floor - place * (car.belt - car.floor)
    out = side - 0.72 * car.width
    lamp = shapes.rectangle(out, height, (half_width, half_height), rounding * 0.9 * half_height)
    nose = mask & (z > car.length - 0.06)
    tail = mask & (z < 0.045 - car.length)
    grille = (side < 0.45 * car.width) & (height.abs() < half_height)
    bars = torch.sin(height * 420) > 0.2
    surface.paint(nose & grille, car.trim, 0.05, 0.4)
    surface.paint(nose & grille & bars & (car.kinds[:, 3:4] > 0), 0.5, 0.2, 0.25)
    surface.paint(nose & (lamp < 0.005), 0.08, 0.1, 0.2)
    surface.paint(nose & (lamp < 0), 0.85, 0.15, 0.1, glow=0.35)
    red = torch.tensor([0.62, 0.012, 0.015], device=up.device)[None, :, None]
    surface.paint(tail & (lamp < 0), red, 0.1, 0.15, glow=0.35)
    _, front, rear, _ = car.cabin.split(1, dim=1)
    middle = front + (rear - front) * (0.5 + car.pillar[:, 1:2])
    flank = mask & (side > 0.8 * car.width) & (up > car.floor + 0.03)
    gaps = torch.minimum((z - front + 0.02).abs(), (z - middle).abs())
    surface.paint(flank & (gaps < 0.0022), 0.02, 0.02, 0.6)
    handle = ((up - car.belt + 0.022).abs() < 0.004) & ((z - middle - 0.022).abs() < 0.013)
    surface.paint(flank & handle, car.trim, 0.1, 0.3)
    radius, base, _ = car.wheel.split(1, dim=1)
    well = shapes.length2(z.abs() - base, up - radius) < 1.14 * radius
    surface.paint(mask & well & (side > car.width - 0.09), 0.02, 0.02, 0.9)
    lining = (car.bed > 0) & (z < rear) & (side < car.width - 0.027) & (z > 0.02 - car.length)
    surface.paint(mask & lining & (up < car.belt - 0.004), car.trim, 0.02, 0.8)


def _paint_windows(
    car: Car, surface: Surface, mask: Tensor, side: Tensor, up: Tensor, z: Tensor
) -> None:
    """Glass inside the frame that the cabin's planes leave."""
    faces = cabin_faces(car, side, up, z)
    width, place = car.pillar.split(1, dim=1)
    _, front, rear, _ = car.cabin.split(1, dim=1)
    middle = front + (rear - front) * (0.5 + place)
    between = (faces.ends < -1.3 * width) & ((z - middle).abs() > 0.5 * width)
    across = faces.flanks < -width
    inside = (up > car.belt + 0.014) & (faces.roof < -1.1 * width)
    glass = mask & inside & (between | across)
    surface.paint(glass, 0.012, 0.09, 0.06)


def _paint_plate(
    car: Car, surface: Surface, mask: Tensor, side: Tensor, up: Tensor, z: Tensor
) -> None:
    plate = (side < 0.036) & ((up - car.floor - 0.024).abs() < 0.011)
    surface.paint(mask & plate & (z.abs() > car.length - 0.03), 0.7, 0.03, 0.5)


def _paint_wheels(
    car: Car, surface: Surface, mask: Tensor, side: Tensor, up: Tensor, z: Tensor
) -> None:
    """Black tyres; rims with spokes and a hub."""
    radius, base, half = car.wheel.split(1, dim=1)
    share, spokes, twist = car.rim.split(1, dim=1)
    dz, dy = z.abs() - base, up - radius
    radial = shapes.length2(dz, dy) / radius
    surface.paint(mask, 0.012, 0.03, 0.6)
    face = mask & (side > car.width - half)
    surface.paint(face & (radial < share), car.rim_color, 0.12, 0.25)
    spoke = torch.cos(spokes * torch.atan2(dy, dz) + twist) < -0.1
    gap = (radial > 0.3 * share) & (radial < 0.86 * share) & spoke
    surface.paint(face & gap, 0.02, 0.02, 0.7)
