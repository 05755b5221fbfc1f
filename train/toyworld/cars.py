"""Stylised cars: their parameters and how they are drawn.

A car stands on y = GROUND with its nose towards +z; it is about 0.8 long round the origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .draws import Draws

GROUND = -0.185
PAINT = ("c3272f", "e0662f", "efb93a", "4f9a5f", "1f7f86", "2a5ea8", "22325e", "6a4a8f")
PAINT_NEUTRAL = ("f2f1ec", "c7cbd0", "83898f", "35383d", "14151a", "d8c9ae", "7fb3c4", "e3a3a0")
PLASTIC = ("1c1d20", "26282c", "3a3d42", "b9bcc0")
RIM = ("d7d9dc", "9a9ea3", "55585d", "22242a", "c9b27a")


@dataclass(frozen=True)
class Car:
    """Parameters of a batch of cars: (B, 1) lengths in world units, (B, 3, 1) linear colours."""

    length: Tensor  # half
    width: Tensor  # half
    wheel: Tensor  # (B, 3) radius, half the wheelbase, half width
    rim: Tensor  # (B, 3) share of the radius, spokes, twist
    floor: Tensor  # height of the body's underside over the ground
    belt: Tensor  # height of the windows' lower edge
    hood: Tensor  # (B, 2) where it begins to fall along z, how much it falls
    trunk: Tensor  # (B, 2) where it begins to fall, how much
    roundness: Tensor
    cabin: Tensor  # (B, 4) roof height, front and rear end at the belt, middle
    rake: Tensor  # (B, 3) lean of windscreen, rear window and sides
    pillar: Tensor  # (B, 2) width, place of the middle one
    bed: Tensor  # 1 for a pickup's open bed, else 0
    lamp: Tensor  # (B, 4) height, half width, half height, roundness
    bumper: Tensor  # (B, 2) half height, how far it stands out
    spoiler: Tensor  # (B, 3) absence, height, chord
    rack: Tensor  # (B, 2) absence, height
    kinds: Tensor  # (B, 5) 0 or 1: second colour on the roof, on the sills, stripe, chrome, cargo
    paint: Tensor
    second: Tensor
    trim: Tensor
    rim_color: Tensor
    cargo_color: Tensor


def draw_cars(draws: Draws) -> Car:
    """The cars of a batch of images."""
    kind = draws.pick([0.3, 0.22, 0.2, 0.12, 0.16])  # saloon, hatchback, estate, pickup, sports
    length = draws.bump(0.355, 0.43)
    wheel = draws.bump(0.06, 0.084) + 0.006 * (kind == 3)
    floor = draws.bump(0.03, 0.055) + 0.02 * (kind == 3) - 0.008 * (kind == 4)
    belt = floor + draws.bump(0.118, 0.155) - 0.012 * (kind == 4)
    belt = torch.maximum(belt, 2.35 * wheel + 0.008)
    roof = belt + _by_kind(kind, (0.105, 0.118, 0.135, 0.115, 0.078)) * draws.bump(0.85, 1.2)
    front = length * _by_kind(kind, (0.36, 0.44, 0.46, 0.4, 0.3)) + draws.bump(-0.03, 0.05)
    rear = -length * _by_kind(kind, (0.6, 0.86, 0.92, 0.12, 0.66)) + draws.bump(-0.02, 0.03)
    neutral = draws.chance(0.45)[..., None]
    return Car(
        length=length,
        width=draws.bump(0.165, 0.205),
        wheel=torch.cat([wheel, length * draws.bump(0.56, 0.66), draws.bump(0.02, 0.034)], 1),
        rim=torch.cat(
            [draws.bump(0.5, 0.72), draws.uniform(4.0, 9.99).floor(), draws.uniform(0, 6.28)], 1
        ),
        floor=floor,
        belt=belt,
        hood=torch.cat([front + draws.bump(-0.02, 0.03), draws.bump(0.02, 0.13)], 1),
        trunk=torch.cat([rear - draws.bump(-0.02, 0.03), draws.bump(0.0, 0.12)], 1),
        roundness=draws.bump(0.02, 0.05),
        cabin=torch.cat([roof, front, rear, 0.5 * (front + rear)], 1),
        rake=torch.cat(
            [
                draws.bump(0.45, 1.15),
                _by_kind(kind, (0.9, 0.4, 0.15, 0.1, 1.5)) * draws.bump(0.7, 1.3),
                draws.bump(0.2, 0.45),
            ],
            1,
        ),
        pillar=draws.bumps((0.011, 0.018), (-0.3, 0.2)),
        bed=(kind == 3).float(),
        lamp=torch.cat(
            [
                draws.bumps((0.35, 0.68), (0.018, 0.04), (0.012, 0.024)),
                draws.uniform(0.2, 1.0),
            ],
            1,
        ),
        bumper=draws.bumps((0.014, 0.026), (0.004, 0.016)),
        spoiler=torch.cat(
            [
                1 - draws.chance(0.25) * (kind != 3) * (kind != 2),
                draws.uniforms((0.02, 0.06), (0.02, 0.036)),
            ],
            1,
        ),
        rack=torch.cat([1 - draws.chance(0.35) * (kind != 4), draws.uniform(0.012, 0.02)], 1),
        kinds=draws.chances(0.2, 0.16, 0.16, 0.35, 0.45),
        paint=torch.lerp(draws.color(PAINT, spread=0.3), draws.color(PAINT_NEUTRAL), neutral),
        second=torch.lerp(
            draws.color(PAINT_NEUTRAL), draws.color(PAINT), draws.chance(0.3)[..., None]
        ),
        trim=draws.color(PLASTIC),
        rim_color=draws.color(RIM),
        cargo_color=draws.color((*PAINT, "8a6a45", "b08d62")),
    )


def _by_kind(kind: Tensor, values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values)[kind]
