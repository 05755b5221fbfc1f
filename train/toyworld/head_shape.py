"""Heads as signed distances; see `heads` for their parameters.

What comes in pairs is evaluated once, at |x|. Parts that a head does not have are pushed away by
one world unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from . import shapes
from .heads import Head
from .shapes import smooth_intersection, smooth_union


@dataclass(frozen=True)
class Parts:
    """Distances (B, R) to the parts of heads, in the order in which they cover each other."""

    skin: Tensor
    eyes: Tensor
    brows: Tensor
    lips: Tensor
    shirt: Tensor
    hair: Tensor
    hat: Tensor
    frame: Tensor
    lenses: Tensor


def head_distance(head: Head, points: Tensor) -> Tensor:
    """Signed distance (B, R) of heads at points (B, 3, R)."""
    parts = head_parts(head, points)
    body = smooth_union(parts.skin, parts.lips, 0.008)
    return shapes.union(
        body, parts.eyes, parts.brows, parts.shirt, parts.hair, parts.hat, parts.frame, parts.lenses
    )


def head_parts(head: Head, points: Tensor) -> Parts:
    """The distances of a head's parts at points (B, 3, R)."""
    x, y, z = points.unbind(1)
    side = x.abs()
    width, height, depth = columns(head.skull)
    cranium = shapes.ellipsoid(x, y - 0.055, z + 0.02, (width, height, depth))
    skin, eyes = _face(head, x, side, y, z, cranium)
    frame, lenses = _glasses(head, side, y, z)
    return Parts(
        skin=skin,
        eyes=eyes,
        brows=_brows(head, side, y, z),
        lips=_lips(head, side, y, z),
        shirt=_shirt(head, x, y, z),
        hair=_hair(head, x, y, z, cranium),
        hat=_hat(head, x, y, z),
        frame=frame,
        lenses=lenses,
    )


def _face(
    head: Head, x: Tensor, side: Tensor, y: Tensor, z: Tensor, cranium: Tensor
) -> tuple[Tensor, Tensor]:
    """Skin (skull, cheeks, nose, ears, lids, neck) and eyeballs."""
    jaw_width, jaw_length = columns(head.jaw)
    jaw_y = y - head.jaw_height
    jaw = shapes.ellipsoid(x, jaw_y, z - 0.035, (jaw_width, jaw_length, 0.122))
    skin = smooth_union(cranium, jaw, 0.07)
    chin_y = jaw_y + jaw_length - 0.03
    skin = smooth_union(skin, shapes.length3(x, chin_y, z - 0.1) - head.chin, 0.05)
    cheek = shapes.length3(side - 0.062, y + 0.055, z - 0.1) - head.cheek
    skin = smooth_union(skin, cheek, 0.04)
    length, projection, tip, bridge = columns(head.nose)
    nose = shapes.capsule(
        (x, y, z), (0.0, 0.03, 0.138), (0.0, 0.02 - length, 0.145 + projection), bridge, tip
    )
    wing = shapes.length3(side - 0.75 * tip, y - 0.017 + length, z - 0.142 - 0.6 * projection)
    skin = smooth_union(skin, smooth_union(nose, wing - 0.7 * tip, 0.012), 0.022)
    ear_height, ear_out = columns(head.ear)
    ear_x = side - head.skull[:, :1] * 0.98 - ear_out * 0.5
    ear = shapes.ellipsoid(ear_x, y, z + 0.015 + 0.6 * ear_x, (0.016, ear_height, 0.028))
    shell = shapes.length3(ear_x - 0.016, y, z) - 0.55 * ear_height
    skin = smooth_union(skin, smooth_intersection(ear, -shell, 0.012), 0.016)
    neck = shapes.length2(x, z + 0.03 + 0.15 * (y + 0.2)) - head.neck
    skin = smooth_union(skin, torch.maximum(neck, (y + 0.26).abs() - 0.16), 0.03)
    half, height, radius, opening = columns(head.eye)
    eye_x, eye_y = side - half, y - height
    eye_z = z - (0.152 - radius)
    ball = shapes.length3(eye_x, eye_y, eye_z)
    slit = (eye_y - head.eye_tilt * eye_x).abs() + 9.0 * eye_x * eye_x
    lids = smooth_intersection(ball - radius - 0.004, opening - slit, 0.006)
    return smooth_union(skin, lids, 0.014), ball - radius


def _brows(head: Head, side: Tensor, y: Tensor, z: Tensor) -> Tensor:
    half, height, _, _ = columns(head.eye)
    lift, slope, radius = columns(head.brow)
    level = height + lift
    start = (half - 0.03, level - 0.5 * slope * 0.05, 0.148)
    end = (half + 0.03, level + 0.5 * slope * 0.05, 0.124)
    return shapes.capsule((side, y - 0.25 * (side - half).square(), z), start, end, radius)


def _lips(head: Head, side: Tensor, y: Tensor, z: Tensor) -> Tensor:
    height, width, radius, smile, opening = columns(head.mouth)
    level = y - height - smile * side * side
    inward = z - 0.148 + 2.2 * side * side
    across = (side - width).clamp_min(0)
    gap = (level.abs() - 0.6 * radius - opening * (1 - (side / width).square()).clamp_min(0)).abs()
    return 0.85 * (shapes.length3(across, gap, inward) - radius * (1.05 - 0.4 * side / width))


def _shirt(head: Head, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    width, height = columns(head.shoulders)
    torso = shapes.ellipsoid(x, y + 0.43, z + 0.04, (width, height, 0.15))
    torso = smooth_intersection(torso, -0.46 - y, 0.01)
    collar = shapes.length2(shapes.length2(x, z + 0.042) - head.neck - 0.012, y + 0.265) - 0.019
    return smooth_union(torso, collar, 0.02)


def _hair(head: Head, x: Tensor, y: Tensor, z: Tensor, cranium: Tensor) -> Tensor:
    """A combed or curly cap with a hairline, hanging strands, and a bun."""
    thickness, hairline, ridge, curl = columns(head.hair)
    count, twist, frequency, parting = columns(head.hair_waves)
    angle = torch.atan2(x - parting, z + 0.03)
    comb = torch.sin(count * angle + twist * y + 2.0 * torch.sin(3 * angle))
    bumps = torch.sin(frequency * x) * torch.sin(frequency * y) * torch.sin(frequency * z)
    relief = ridge * comb + curl * bumps
    edge = 0.69 * (z - 0.075) - 0.72 * (y - 0.115 - hairline) + ridge * comb * 2
    cap = smooth_intersection(cranium - thickness - relief, edge, 0.027)
    radius, height, depth = columns(head.bun)
    bun = shapes.length3(x, y - 0.055 - height, z - depth) - radius - relief
    return smooth_union(torch.minimum(cap, _strands(head, x, y, z)), bun, 0.02)


def _strands(head: Head, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Hanging strands side by side round the back of the head, wavy, of uneven length."""
    length, radius, flare, wave, frequency, opening = columns(head.strands)
    back = -(z + 0.025)
    spacing = 2 * math.pi / 34
    place = torch.round(torch.atan2(x, back) / spacing)
    place = torch.minimum(torch.maximum(place, -(opening / spacing).floor()), opening / spacing)
    place = place.round()
    sine, cosine = torch.sin(place * spacing), torch.cos(place * spacing)
    unevenness = torch.sin(place * 12.9898 + twist_of(head))
    top = 0.075
    bottom = top - 0.05 - length * (1 + 0.13 * unevenness)
    along = torch.minimum(torch.maximum(y, bottom), torch.full_like(y, top))
    drop = top - along
    spread = head.skull[:, :1] + head.hair[:, :1] * 0.6 + 0.006 + flare * drop * drop * 2
    sway = wave * torch.sin(frequency * along + 4 * unevenness)
    tangential = x * cosine - back * sine + sway
    radial = x * sine + back * cosine - spread - 0.3 * sway
    taper = radius * (1 - 0.5 * drop / (top - bottom))
    return 0.9 * (shapes.length3(tangential, radial, y - along) - taper)


def twist_of(head: Head) -> Tensor:
    """A phase (B, 1) that makes the strands of different heads differ."""
    return head.hair_waves[:, 1:2]


def _hat(head: Head, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A crown over the skull and a brim between a bonnet's roll and a wide disc."""
    absence, height, brim, shift, tilt = columns(head.hat)
    width, _, depth = columns(head.skull)
    up = y - 0.1 + tilt * (z + 0.02)
    crown = shapes.ellipsoid(x, up, z + 0.02, (width + 0.022, 0.118 * height, depth + 0.022))
    crown = smooth_intersection(crown, -up, 0.012)
    reach = shapes.length2(x, z + 0.02 - shift)
    rim = shapes.disc(reach, up - 0.004, torch.maximum(brim, width + 0.01), 0.009, 0.008)
    return 0.92 * smooth_union(crown, rim, 0.012) + absence


def _glasses(head: Head, side: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Frames with bridge and temples, and the panes in them."""
    absence, half_width, half_height, rounding, wire = columns(head.glasses)
    eye_half, eye_height, _, _ = columns(head.eye)
    lens_y = y - eye_height + 0.004
    plane = z - 0.176 + 0.9 * side * side
    rim = shapes.rectangle(
        side - eye_half - 0.002, lens_y, (half_width, half_height), rounding * half_height
    )
    frame = shapes.length2(rim, plane) - wire
    bridge = shapes.length3((side - 0.02).clamp_min(0), lens_y - 0.008, plane) - wire
    hinge = eye_half + half_width
    along = (z + 0.02 - 0.08).abs() - 0.08
    stem_x = side - torch.maximum(hinge, head.skull[:, :1] + 0.004)
    temple = shapes.length3(stem_x, lens_y - 0.01, along.clamp_min(0)) - wire
    frame = shapes.union(frame, bridge, temple)
    pane = torch.maximum(rim, plane.abs() - 0.0016)
    return 0.9 * frame + absence, pane + absence + 1 - head.kinds[:, 1:2]


def columns(values: Tensor) -> tuple[Tensor, ...]:
    """The columns of (B, N), each (B, 1)."""
    return values.split(1, dim=1)
