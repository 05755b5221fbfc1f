"""Stylised heads: their parameters and how they are drawn.

The face looks along +z, y is up; the head is about 0.45 high round the origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .draws import Draws

SKIN = ("eec4a8", "e6b592", "dda279", "ca8c5e", "ac7048", "895234", "673c28", "4a2c1f")
HAIR = ("17120f", "2b1b12", "4a2c19", "6e4223", "8c5a2e", "b98a4a", "dcbb7c", "8f3f1e")
HAIR_BOLD = ("c9c9c6", "f0ede6", "e06a8c", "3f8fa8", "7a5bb0", "c8402f")
CLOTH = ("d94f3d", "f2a541", "f4d35e", "5fa777", "2f7f86", "3a5a9b", "7b5ea7", "e8e2d6", "2c2f3a")
IRIS = ("4a2d1a", "6b4423", "3f6b4a", "4f7fa8", "6f8a96", "7a6a3a")
LIPS = ("c9636a", "b0484f", "d98880", "8f3b46", "e0707a")
METAL = ("1c1c20", "6a3b22", "b8863b", "8a8f98", "a83246", "2f4f6f")
HAT = ("b23a3a", "2f4a6d", "3c6e57", "d9a441", "3a3536", "c98a9a", "7c6fa0", "d8cfbf")


@dataclass(frozen=True)
class Head:
    """Parameters of a batch of heads: (B, 1) lengths in world units, (B, 3, 1) linear colours."""

    skull: Tensor  # (B, 3) radii
    jaw: Tensor  # (B, 2) half width, half length
    jaw_height: Tensor
    chin: Tensor
    cheek: Tensor
    nose: Tensor  # (B, 4) length, projection, tip radius, bridge radius
    ear: Tensor  # (B, 2) height, how far it stands out
    eye: Tensor  # (B, 4) half distance, height, radius, opening
    eye_tilt: Tensor
    gaze: Tensor  # (B, 2) sideways, up
    iris_size: Tensor
    brow: Tensor  # (B, 3) height over the eye, slope, radius
    mouth: Tensor  # (B, 5) height, half width, lip radius, smile, opening
    neck: Tensor
    shoulders: Tensor  # (B, 2) width, height
    hair: Tensor  # (B, 4) thickness, hairline, ridge height, curl height
    hair_waves: Tensor  # (B, 4) ridges round the crown, twist, curl frequency, parting
    strands: Tensor  # (B, 6) length, radius, flare, wave, wave frequency, opening angle
    bun: Tensor  # (B, 3) radius, height, depth
    glasses: Tensor  # (B, 5) absence, half width, half height, rounding, frame radius
    hat: Tensor  # (B, 5) absence, height, brim radius, brim shift, tilt
    kinds: Tensor  # (B, 5) 0 or 1: beard, dark lenses, striped shirt, make-up, striped hat
    skin_color: Tensor
    hair_color: Tensor
    shirt_color: Tensor
    shirt_second: Tensor
    iris_color: Tensor
    lip_color: Tensor
    frame_color: Tensor
    hat_color: Tensor
    hat_second: Tensor


def draw_heads(draws: Draws) -> Head:
    """The heads of a batch of images."""
    width = draws.bump(0.9, 1.1)
    height = draws.bump(0.92, 1.1)
    has_hat = draws.chance(0.24)
    bare = 1 - has_hat
    curly = draws.chance(0.3)
    long = draws.chance(0.55)
    bold = draws.chance(0.16)[..., None]
    hair_color = torch.lerp(draws.color(HAIR), draws.color(HAIR_BOLD), bold)
    skin = draws.tone(SKIN)
    lips = torch.lerp(skin, draws.color(LIPS), 0.55)
    return Head(
        skull=torch.cat([0.146 * width, 0.15 * height, 0.17 * draws.bump(0.94, 1.06)], 1),
        jaw=torch.cat([0.108 * width * draws.bump(0.88, 1.12), draws.bump(0.12, 0.15)], 1),
        jaw_height=draws.bump(-0.085, -0.055),
        chin=draws.bump(0.024, 0.045),
        cheek=draws.bump(0.036, 0.056),
        nose=draws.bumps((0.05, 0.085), (0.02, 0.052), (0.015, 0.027), (0.011, 0.016)),
        ear=draws.bumps((0.032, 0.052), (0.0, 0.022)),
        eye=draws.bumps((0.048, 0.063), (0.005, 0.03), (0.028, 0.042), (0.008, 0.026)),
        eye_tilt=draws.bump(-0.2, 0.3),
        gaze=draws.bumps((-0.5, 0.5), (-0.25, 0.25)),
        iris_size=draws.bump(0.42, 0.62),
        brow=draws.bumps((0.038, 0.06), (-0.3, 0.4), (0.0055, 0.0115)),
        mouth=torch.cat(
            [
                draws.bumps((-0.125, -0.1), (0.028, 0.056), (0.007, 0.013), (-5.0, 11.0)),
                draws.chance(0.4) * draws.uniform(0.003, 0.016),
            ],
            1,
        ),
        neck=draws.bump(0.055, 0.085),
        shoulders=draws.bumps((0.27, 0.42), (0.14, 0.19)),
        hair=torch.cat(
            [
                torch.where(has_hat > 0, 0.012, draws.uniform(0.008, 0.045)),
                draws.bump(-0.025, 0.04),
                draws.uniform(0.001, 0.006),
                curly * bare * draws.uniform(0.004, 0.016),
            ],
            1,
        ),
        hair_waves=torch.cat(
            [
                draws.uniform(14, 40).round(),
                draws.uniforms((-18, 18), (55, 105)),
                draws.bump(-0.09, 0.09),
            ],
            1,
        ),
        strands=torch.cat(
            [
                torch.where(long > 0, draws.uniform(0.08, 0.4), draws.uniform(-0.06, 0.02)),
                draws.uniforms((0.01, 0.019), (0.0, 0.28)),
                draws.uniform(0.0, 1.0).square() * 0.014,
                draws.uniform(25, 60),
                draws.bump(1.75, 2.3),
            ],
            1,
        ),
        bun=torch.where(
            bare * draws.chance(0.2) > 0,
            draws.uniforms((0.045, 0.075), (0.12, 0.2), (-0.16, -0.05)),
            torch.tensor([0.01, 0.0, -0.02]),  # inside the skull
        ),
        glasses=torch.cat(
            [
                1 - draws.chance(0.3),
                draws.bumps((0.034, 0.046), (0.022, 0.038)),
                draws.uniforms((0.35, 1.0), (0.0032, 0.0062)),
            ],
            1,
        ),
        hat=torch.cat(
            [
                1 - has_hat,
                draws.bump(1.0, 1.35),
                draws.uniforms((0.13, 0.27), (0.0, 0.09), (-0.3, 0.05)),
            ],
            1,
        ),
        kinds=draws.chances(0.2, 0.3, 0.35, 0.25, 0.4),
        skin_color=skin,
        hair_color=hair_color,
        shirt_color=draws.color(CLOTH),
        shirt_second=draws.color(CLOTH),
        iris_color=draws.color(IRIS),
        lip_color=lips,
        frame_color=draws.color(METAL, spread=0.1),
        hat_color=draws.color(HAT),
        hat_second=draws.color(HAT),
    )
