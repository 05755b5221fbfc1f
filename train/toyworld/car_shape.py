"""Cars as signed distances; see `cars` for their parameters.

What comes in pairs is evaluated once, at |x| and, for wheels and bumpers, at |z| too. Parts that a
car does not have are pushed away by one world unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import shapes
from .cars import GROUND, Car
from .shapes import smooth_intersection, smooth_union


@dataclass(frozen=True)
class CarParts:
    """Distances (B, R) to the parts of cars, in the order in which they cover each other."""

    body: Tensor
    cabin: Tensor
    wheels: Tensor
    bumpers: Tensor
    spoiler: Tensor
    rack: Tensor
    cargo: Tensor


@dataclass(frozen=True)
class CabinFaces:
    """Distances (B, R) to the planes that bound the cabin."""

    ends: Tensor  # windscreen and rear window
    flanks: Tensor
    roof: Tensor


def car_distance(car: Car, points: Tensor) -> Tensor:
    """Signed distance (B, R) of cars at points (B, 3, R)."""
    parts = car_parts(car, points)
    shell = smooth_union(parts.body, parts.cabin, 0.015)
    return shapes.union(shell, *list(vars(parts).values())[2:])


def car_parts(car: Car, points: Tensor) -> CarParts:
    """The distances of a car's parts at points (B, 3, R)."""
    x, y, z = points.unbind(1)
    side = x.abs()
    up = y - GROUND
    faces = cabin_faces(car, side, up, z)
    roof, _, _, middle = car.cabin.split(1, dim=1)
    cabin = smooth_intersection(
        smooth_intersection(faces.ends, faces.flanks, 0.02), faces.roof, 0.025
    )
    cabin = torch.maximum(cabin, 0.5 * (car.floor + car.belt) - up)
    lengthwise = z - middle
    return CarParts(
        body=_body(car, side, up, z),
        cabin=cabin,
        wheels=_wheels(car, side, up, z),
        bumpers=_bumpers(car, x, up, z),
        spoiler=_spoiler(car, side, up, z),
        rack=_rack(car, side, up - roof, lengthwise),
        cargo=_cargo(car, x, up - roof, lengthwise),
    )


def cabin_faces(car: Car, side: Tensor, up: Tensor, z: Tensor) -> CabinFaces:
    """The planes that bound the cabin, windows inside them."""
    roof, front, rear, middle = car.cabin.split(1, dim=1)
    front_lean, rear_lean, flank_lean = car.rake.split(1, dim=1)
    over = up - car.belt
    screen = (z - front + front_lean * over) * torch.rsqrt(1 + front_lean * front_lean)
    back = (rear - z + rear_lean * over) * torch.rsqrt(1 + rear_lean * rear_lean)
    lengthwise = z - middle
    flanks = side - car.width + 0.014 + flank_lean * over.clamp_min(-0.02)
    flanks = (flanks + 0.25 * lengthwise * lengthwise) * torch.rsqrt(1 + flank_lean * flank_lean)
    top = up - roof + 0.5 * lengthwise * lengthwise
    return CabinFaces(smooth_intersection(screen, back, 0.03), flanks, top)


def _body(car: Car, side: Tensor, up: Tensor, z: Tensor) -> Tensor:
    """A rounded box with falling hood and trunk, wheel arches, and a pickup's bed."""
    middle, half = 0.5 * (car.floor + car.belt), 0.5 * (car.belt - car.floor)
    narrowed = side + 0.16 * z * z + 0.9 * (up - middle).square()
    body = shapes.box(narrowed, up - middle, z, (car.width, half, car.length), car.roundness)
    hood_start, hood_fall = car.hood.split(1, dim=1)
    trunk_start, trunk_fall = car.trunk.split(1, dim=1)
    fall = hood_fall * (z - hood_start).clamp_min(0) + trunk_fall * (trunk_start - z).clamp_min(0)
    body = smooth_intersection(body, 0.95 * (up - car.belt + fall), 0.025)
    radius, base, _ = car.wheel.split(1, dim=1)
    arch = shapes.length2(z.abs() - base, up - radius) - 1.13 * radius
    arch = torch.maximum(arch, car.width - 0.085 - side)
    body = smooth_intersection(body, -arch, 0.008)
    rear = car.cabin[:, 2:3]
    half_bed = 0.5 * (rear + car.length) - 0.016
    hollow = shapes.box(
        side,
        up - car.belt - 0.03,
        z - 0.5 * (rear - car.length),
        (car.width - 0.03, 0.09, half_bed),
        0.005,
    )
    return smooth_intersection(body, -hollow - (1 - car.bed), 0.006)


def _wheels(car: Car, side: Tensor, up: Tensor, z: Tensor) -> Tensor:
    """Tyres with a dished rim."""
    radius, base, half = car.wheel.split(1, dim=1)
    across = side - car.width + half + 0.006
    radial = shapes.length2(z.abs() - base, up - radius)
    tyre = shapes.disc(radial, across, radius, half, 0.011)
    dish = torch.maximum(radial - radius * car.rim[:, :1], half - 0.008 - across)
    return smooth_intersection(tyre, -dish, 0.003)


def _bumpers(car: Car, x: Tensor, up: Tensor, z: Tensor) -> Tensor:
    half, out = car.bumper.split(1, dim=1)
    along = z.abs() + 0.3 * x * x - car.length + 0.012
    height = up - car.floor - 0.022
    return shapes.box(x, height, along, (0.93 * car.width, half, 0.012 + out), 0.009)


def _spoiler(car: Car, side: Tensor, up: Tensor, z: Tensor) -> Tensor:
    """A wing on two posts over the tail, or over a hatchback's roof edge."""
    absence, lift, chord = car.spoiler.split(1, dim=1)
    trunk_start, trunk_fall = car.trunk.split(1, dim=1)
    place = -car.length + 0.045
    deck = car.belt - trunk_fall * (trunk_start - place).clamp_min(0)
    height = up - deck - lift
    along = z - place
    wing_half = (0.88 * car.width, 0.006, chord)
    wing = shapes.box(side, height + 0.3 * along, along, wing_half, 0.005)
    post_half = (0.006, 0.5 * lift + 0.008, 0.01)
    post = shapes.box(side - 0.6 * car.width, height + 0.5 * lift, along, post_half, 0.003)
    return torch.minimum(wing, post) + absence


def _rack(car: Car, side: Tensor, over: Tensor, lengthwise: Tensor) -> Tensor:
    """Two rails along the roof and two bars across."""
    absence, height = car.rack.split(1, dim=1)
    half, rail = _roof_half(car)
    level = over - height
    rails = shapes.length3(side - rail, level, (lengthwise.abs() - half).clamp_min(0))
    bars = shapes.length3((side - rail).clamp_min(0), level, lengthwise.abs() - 0.7 * half)
    feet = shapes.length3(
        side - rail, (level + 0.5 * height).abs() - 0.5 * height, lengthwise.abs() - 0.7 * half
    )
    return torch.minimum(torch.minimum(rails, bars), feet) - 0.0058 + absence


def _cargo(car: Car, x: Tensor, over: Tensor, lengthwise: Tensor) -> Tensor:
    """A box on the rack."""
    absence, height = car.rack.split(1, dim=1)
    half, rail = _roof_half(car)
    lid = over - height - 0.025
    box = shapes.box(x, lid, lengthwise, (0.7 * rail, 0.021, 0.85 * half), 0.012)
    return box + absence + 1 - car.kinds[:, 4:5]


def _roof_half(car: Car) -> tuple[Tensor, Tensor]:
    """Half the length of the roof's flat part, and where its rails run."""
    roof, front, rear, _ = car.cabin.split(1, dim=1)
    front_lean, rear_lean, flank_lean = car.rake.split(1, dim=1)
    rise = roof - car.belt
    half = 0.5 * (front - rear - (front_lean + rear_lean) * rise).clamp_min(0.1)
    return 0.75 * half, car.width - 0.03 - flank_lean * rise
