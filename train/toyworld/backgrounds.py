"""Backgrounds on a far sphere, drawn independently of the object, and the light they give.

Five families: skies over a landscape, rooms with corners, textured walls, bokeh, gradients. Each is
a function of the direction from the world's origin, seamless all round (not at the poles, which no
camera sees). Rooms can also be walked in: then walls, floor and ceiling have their real distances,
and shift against each other when the camera moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .draws import Draws, palette_table
from .tracing import dot, unit

SPHERE_RADIUS = 3.0
ROOM_SCALE = 3.5  # world units for a room's own unit: every camera of a domain is inside
TILE = 32  # side of an image's own table of random numbers
FAMILIES = ("sky", "room", "wall", "bokeh", "gradient")
_WEIGHTS = (0.26, 0.22, 0.2, 0.16, 0.16)
_ROOM = FAMILIES.index("room")

# One row a family and mood: sky: zenith, horizon, ground, far hills; room: wall, other wall,
# floor, trim; wall: base, figure, joint, accent; bokeh: dark, mid, two lights; gradient: four.
MOODS = {
    "sky": (
        ("3f7fc4", "cfe4ee", "6f8f4e", "7fa0b4"),
        ("2d5fa8", "f2d7b5", "8a7a4f", "8f8aa0"),
        ("4a4f8f", "f5a878", "4c4a44", "7a5a78"),
        ("6aa6d8", "eef3f2", "c9b58a", "a9b7b4"),
        ("8795a3", "dfe3e4", "69756a", "96a2a6"),
        ("1f3b73", "e88f8a", "3c3f4f", "544a72"),
        ("58b0c9", "fbf0d0", "4f8f63", "6fb0a0"),
    ),
    "room": (
        ("d8cbb6", "b9a88f", "8a6242", "f1ece2"),
        ("9db4ab", "c9d3c8", "b08d62", "f4f1e8"),
        ("c98f77", "e0b8a0", "6b4a38", "f3e6da"),
        ("6f86a8", "93a6bf", "a89274", "e9ecf0"),
        ("e6dfd3", "cfc4b4", "55504a", "ffffff"),
        ("4f5d58", "6c7a72", "9c7a55", "d9d4c6"),
        ("d9b45f", "e8cf94", "7a5638", "fbf3df"),
    ),
    "wall": (
        ("a5533f", "8c4434", "d3c6b5", "b96a4f"),
        ("e7e2d8", "cfd8d6", "b7b3aa", "3f7f86"),
        ("3f6a73", "4f8088", "dfe5e0", "e3b65b"),
        ("e9b9a6", "f3d7c8", "c98a77", "ffffff"),
        ("5c5f66", "70747c", "3a3d42", "a8adb5"),
        ("88a36f", "a3ba8a", "e9ecdc", "f6e7b0"),
        ("c9b79c", "b8a485", "8e7c62", "7a5a40"),
    ),
    "bokeh": (
        ("10141f", "26304a", "ffb35c", "7fc8ff"),
        ("1c2a1e", "4a6b3f", "f6e58a", "b8e0a0"),
        ("2a1622", "5a2c48", "ff8fa3", "ffd9a0"),
        ("33393f", "7f8a90", "ffffff", "cfe6f2"),
        ("3a2a1c", "8a6238", "ffe0a0", "ffb070"),
    ),
    "gradient": (
        ("f6e9dc", "e3b7a0", "c98f8f", "ffffff"),
        ("2f3e5c", "6f8fb0", "1f2433", "cfe0ea"),
        ("cfe3d4", "7fae9e", "3f6f6c", "f2f6e8"),
        ("f2c14e", "f78154", "b4436c", "fff0c0"),
        ("d5d6da", "a3a6ad", "6d7079", "f4f4f6"),
        ("b8a9d9", "7a6fb0", "463f7a", "f0e6ff"),
        ("83c5d8", "f4f1de", "e07a5f", "ffffff"),
    ),
}


@dataclass(frozen=True)
class Backdrop:
    """Parameters of a batch of backgrounds and their light."""

    family: Tensor  # (B, 1) int64, position in FAMILIES
    colors: Tensor  # (B, 4, 3, 1) linear RGB, a row of MOODS with jitter
    shape: Tensor  # (B, 6) uniform in [0, 1): what the family makes of them
    turn: Tensor  # (B, 1) turn about the vertical, radians
    axes: Tensor  # (B, 2) cosine and sine of the turn
    tile: Tensor  # (B, TILE * TILE) uniform in [0, 1)
    light: Tensor  # (B, 3, 1) unit direction towards the key light
    light_color: Tensor  # (B, 3, 1)
    above: Tensor  # (B, 3, 1) ambient light from above
    below: Tensor  # (B, 3, 1) and from below


@dataclass(frozen=True)
class Surroundings:
    """What is round the objects of a batch, on the device of its rays."""

    backdrop: Backdrop
    families: Tensor  # (B,) its families on the CPU: images are grouped without a wait for a GPU
    near: bool = False  # whether it is a room with real distances, instead of a far sphere

    def behind(self, position: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """What a camera at `position` (B, 3, 1) sees in unit directions (B, 3, R), but for objects.

        Returns linear RGB (B, 3, R), and the distance (B, R) of the wall or the far sphere.
        """
        if self.near:
            color, reach = _room(self.backdrop, directions, position / ROOM_SCALE)
            return color, ROOM_SCALE * reach
        reach = _far_sphere(position, directions)
        seen = unit(position + directions * reach[:, None])
        return radiance(self.backdrop, self.families, seen), reach

    def mirrored(self, points: Tensor, directions: Tensor) -> Tensor:
        """Linear RGB (B, 3, R) that comes to points (B, 3, R) of an object from directions."""
        if self.near:
            return _room(self.backdrop, directions, points / ROOM_SCALE)[0]
        return radiance(self.backdrop, self.families, directions)


def draw_backdrops(draws: Draws, *, rooms: bool = False) -> Backdrop:
    """The backgrounds of a batch of images; `rooms`: all of them are rooms."""
    family = draws.pick(_WEIGHTS)
    if rooms:
        family = torch.full_like(family, _ROOM)
    mood = draws.uniform()
    colors = torch.zeros(family.shape[0], 4, 3)
    for number, name in enumerate(FAMILIES):
        table = torch.stack([palette_table(row) for row in MOODS[name]])
        chosen = table[(mood[:, 0] * len(table)).long()]
        colors = torch.where((family == number)[..., None], chosen, colors)
    tint = draws.uniform(0.85, 1.15, count=3)[:, None] * draws.uniform(0.8, 1.2)[..., None]
    colors = (colors * tint).clamp(0.004, 1.0)[..., None]
    # In float64, then rounded: the last bit must not depend on the number of images.
    azimuth, height = draws.uniform(-1.5, 1.5).double(), draws.uniform(0.25, 1.0).double()
    level = torch.cos(height)
    light = torch.stack(
        [level * torch.sin(azimuth), torch.sin(height), level * torch.cos(azimuth)], dim=1
    ).float()
    turn = draws.uniform(0, 2 * math.pi)
    warm = torch.lerp(
        torch.tensor([1.0, 0.8, 0.6]), torch.tensor([1.0, 0.97, 0.94]), height.float()
    )
    above, below = _ambient(family[..., None], colors)
    strength = draws.uniform(1.3, 2.0)[..., None]
    return Backdrop(
        family=family,
        colors=colors,
        shape=draws.uniform(count=6),
        turn=turn,
        axes=torch.cat([turn.double().cos(), turn.double().sin()], 1).float(),
        tile=draws.uniform(count=TILE * TILE),
        light=light,
        light_color=warm[..., None] * strength * (0.45 + 0.55 * _level(above)),
        above=above,
        below=below,
    )


def _ambient(family: Tensor, colors: Tensor) -> tuple[Tensor, Tensor]:
    """Light from above and from below that suits the colours: neither black nor pure."""
    sky = 0.55 * colors[:, 0] + 0.45 * colors[:, 1]
    above = torch.where(family == 1, 0.5 * colors[:, 0] + 0.5 * colors[:, 3], sky)
    above = torch.where(family == 3, 0.5 * colors[:, 1] + 0.3 * colors[:, 2], above)
    below = torch.where(family < 2, colors[:, 2], 0.5 * (colors[:, 1] + colors[:, 2]))
    return _bright(above, 0.5), 0.6 * _bright(below, 0.36)


def _bright(color: Tensor, level: float) -> Tensor:
    """The colour at a brightness near `level`, half as saturated."""
    mean = color.mean(1, keepdim=True)
    pale = 0.5 * color + 0.5 * mean
    return pale * ((level / mean.clamp_min(0.02)).double() ** 0.75).float()


def _level(color: Tensor) -> Tensor:
    return (color.mean(1, keepdim=True) / 0.5).clamp(0.3, 1.3)


def _far_sphere(position: Tensor, directions: Tensor) -> Tensor:
    """Distances (B, R) at which rays from `position` (B, 3, 1) meet the background sphere."""
    along = dot(position.expand_as(directions), directions)
    gap = SPHERE_RADIUS**2 - dot(position, position)
    return -along + (along * along + gap).sqrt()


def radiance(backdrop: Backdrop, families: Tensor, directions: Tensor) -> Tensor:
    """Linear RGB (B, 3, R) seen in unit directions (B, 3, R) from the world's origin."""
    result = torch.empty_like(directions)
    for number, paint in enumerate((_sky, _painted_room, _wall, _bokeh, _gradient)):
        rows = (families == number).nonzero()[:, 0]
        if len(rows) == len(families):
            return paint(backdrop, directions)
        if len(rows):
            rows = rows.to(directions.device)
            part = Backdrop(**{name: value[rows] for name, value in vars(backdrop).items()})
            result[rows] = paint(part, directions[rows])
    return result


def ambient(backdrop: Backdrop, normals: Tensor) -> Tensor:
    """Diffuse light (B, 3, R) that the background sends to surfaces with these normals."""
    return torch.lerp(backdrop.below, backdrop.above, 0.5 + 0.5 * normals[:, 1:2])


def _sky(backdrop: Backdrop, directions: Tensor) -> Tensor:
    """Sky with clouds and sun above two ranges of hills and a ground in perspective."""
    zenith, horizon, ground, hills = backdrop.colors.unbind(1)
    cloudy, scale, rise, rough, _, sunny = backdrop.shape.split(1, dim=1)
    phi, elevation = _angles(backdrop, directions)
    level = elevation - (0.06 - 0.2 * rise)
    sky = torch.lerp(zenith, horizon, torch.exp(-4.0 * level.clamp_min(0))[:, None])
    clouds = _ring(backdrop, phi, 12, 22 * level.clamp_min(0).sqrt(), octaves=3)
    cover = ((clouds - 0.72 + 0.35 * cloudy) * 4).clamp(0, 1) * (level * 9).clamp(0, 1)
    sky = torch.lerp(sky, 0.25 * horizon + 0.7, (0.8 * cover)[:, None])
    near_sun = dot(directions, backdrop.light.expand_as(directions)).clamp_min(0)
    glow = 0.35 * near_sun**8 + 1.5 * sunny * near_sun**220
    sky = sky + (glow * (level > 0))[:, None] * backdrop.light_color * 0.4
    ridge = _ring(backdrop, phi, 11, 0.37 + 9 * scale + 0 * phi, octaves=3)
    second = _ring(backdrop, phi, 17, 0.81 + 9 * scale + 0 * phi, octaves=3)
    far = torch.lerp(hills, horizon, 0.35)
    sky = torch.where((level < 0.16 * rough * ridge + 0.015)[:, None], far, sky)
    middle = 0.7 * torch.lerp(hills, ground, 0.5)
    sky = torch.where((level < (0.1 * rough * second)).unsqueeze(1), middle, sky)
    depth = 1 / (0.12 - level).clamp_min(0.1)
    east, north = 1.6 * directions[:, 0] * depth, 1.6 * directions[:, 2] * depth
    grain = _noise(backdrop, east + 40, north + 40 + 9 * scale, octaves=3) - 0.5
    floor = ground * (1 + 0.8 * grain)[:, None]
    haze = torch.exp(9.0 * level.clamp_max(0))[:, None]
    return torch.where((level < 0)[:, None], torch.lerp(floor, middle, 0.8 * haze), sky)


def _painted_room(backdrop: Backdrop, directions: Tensor) -> Tensor:
    """A room as it is seen from its middle."""
    return _room(backdrop, directions, torch.zeros_like(directions[:, :, :1]))[0]


def _room(backdrop: Backdrop, directions: Tensor, origins: Tensor) -> tuple[Tensor, Tensor]:
    """The inside of a box: two wall colours, boards, ceiling, skirting, a window.

    origins: (B, 3, R) or (B, 3, 1), where the rays begin, in the room's unit. Returns linear RGB
    (B, 3, R) and distances (B, R) in that unit.
    """
    wall, other, floor, trim = backdrop.colors.unbind(1)
    wide, deep, tall, sill, boards, fall = backdrop.shape.split(1, dim=1)
    dx, dy, dz = _turned(backdrop, directions)
    ox, oy, oz = _turned(backdrop, origins)
    half_x, half_z = 0.8 + 0.7 * wide, 0.8 + 0.7 * deep
    bottom, top = 0.28 + 0.2 * tall, 0.45 + 0.3 * tall
    to_x = (half_x - dx.sign() * ox) / (dx.abs() + 1e-6)
    to_z = (half_z - dz.sign() * oz) / (dz.abs() + 1e-6)
    to_y = (torch.where(dy < 0, bottom, top) - dy.sign() * oy) / (dy.abs() + 1e-6)
    reach = torch.minimum(torch.minimum(to_x, to_z), to_y)
    px, py, pz = ox + dx * reach, oy + dy * reach, oz + dz * reach
    on_x = to_x <= torch.minimum(to_z, to_y)
    level = to_y <= torch.minimum(to_x, to_z)
    color = torch.where(on_x[:, None], wall, other)
    along = torch.where(on_x, pz, px)
    panel = (along / 0.32).frac().abs()
    opening = ((panel - 0.5).abs() < 0.3) & (py > 0.02 - 0.1 * sill) & (py < 0.3)
    bars = ((panel - 0.5).abs() < 0.27) & (py > 0.035 - 0.1 * sill) & (py < 0.285)
    cross = (panel - 0.5).abs() > 0.02
    window = (sill > 0.45) & on_x & (px > 0)
    outdoors = backdrop.light_color * 0.55 + 0.2 * py[:, None]
    color = torch.where((window & opening)[:, None], trim, color)
    color = torch.where((window & opening & bars & cross)[:, None], outdoors, color)
    color = torch.where((py < 0.045 - bottom)[:, None], 0.9 * trim, color)
    plank = torch.floor(pz / 0.07)
    tint = 0.75 + 0.5 * _cell(backdrop, plank, torch.floor(px / 0.4 + 0.37 * plank))
    seam = ((pz / 0.07 - plank - 0.5).abs() < 0.46).float() * 0.25 + 0.75
    tint = torch.lerp(tint * seam, torch.ones_like(tint), (boards > 0.6).float())
    color = torch.where((level & (dy < 0))[:, None], floor * tint[:, None], color)
    color = torch.where((level & (dy > 0))[:, None], 0.95 * trim, color)
    gap_x, gap_z = half_x - px.abs(), half_z - pz.abs()
    gap_y = torch.minimum(py + bottom, top - py)
    gaps = torch.stack([gap_x, gap_z, gap_y]).sort(dim=0).values
    corner = 1 - 0.38 * torch.exp(-gaps[1] / 0.1)
    facing = 0.85 + 0.35 * torch.where(on_x, dx * (wide - 0.5), dz * (deep - 0.5)).sign() * 0.4
    return color * (corner * facing * (0.9 + 0.25 * fall * py))[:, None], reach


def _turned(backdrop: Backdrop, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Components of vectors (B, 3, R) along the room's axes."""
    cosine, sine = backdrop.axes.split(1, dim=1)
    across = vectors[:, 0] * cosine - vectors[:, 2] * sine
    return across, vectors[:, 1], vectors[:, 0] * sine + vectors[:, 2] * cosine


def _wall(backdrop: Backdrop, directions: Tensor) -> Tensor:
    """A wall all round: bricks or tiles, stripes, dots, or plaster, lit from one side."""
    base, figure, joint, accent = backdrop.colors.unbind(1)
    kind, size, proportion, width, wear, _ = backdrop.shape.split(1, dim=1)
    phi, elevation = _angles(backdrop, directions)
    across = 2 * torch.round(20 + 30 * size)  # a whole, even number: no seam
    u = phi * across
    v = elevation * across * (0.16 + 0.25 * proportion)
    row = torch.floor(v)
    brick_u = u + 0.5 * (row.remainder(2)) * (proportion > 0.35)
    column = torch.floor(brick_u)
    edge_u = 0.5 - (brick_u - column - 0.5).abs()
    edge_v = (0.5 - (v - row - 0.5).abs()) * (0.6 + proportion)
    rand = _cell(backdrop, column.remainder(across), row)
    grain = _ring(backdrop, phi, 64, elevation * 10, octaves=2)
    brick = torch.lerp(base, figure, rand[:, None]) * (0.82 + 0.36 * grain)[:, None]
    brick = torch.where(((rand > 0.93) & (wear > 0.4))[:, None], accent, brick)
    mortar = torch.minimum(edge_u, edge_v) < 0.03 + 0.05 * width
    bricks = torch.where(mortar[:, None], joint, brick)
    stripe = (u * 0.5).remainder(1.0) < 0.25 + 0.5 * width
    thin = ((u * 0.5).remainder(1.0) - 0.06).abs() < 0.025
    striped = torch.where(stripe[:, None], base, figure)
    striped = torch.where((thin & (wear > 0.5))[:, None], accent, striped)
    dot_v = elevation * across / (2 * math.pi) + 0.5 * torch.floor(u).remainder(2)
    dotted = (u.remainder(1.0) - 0.5).square() + (dot_v.remainder(1.0) - 0.5).square()
    dots = torch.where((dotted < (0.16 + 0.2 * width).square())[:, None], accent, base)
    cloud = _ring(backdrop, phi, 20, elevation * 3, octaves=4)
    plaster = torch.lerp(base, joint, (1.6 * cloud - 0.4).clamp(0, 1)[:, None])
    color = torch.where((kind < 0.42)[..., None], bricks, plaster)
    color = torch.where(((kind > 0.55) & (kind < 0.75))[..., None], striped, color)
    color = torch.where((kind >= 0.75)[..., None], dots, color)
    lit = 0.78 + 0.35 * dot(directions, backdrop.light.expand_as(directions)) + 0.2 * (grain - 0.5)
    return color * lit.clamp_min(0.3)[:, None]


def _bokeh(backdrop: Backdrop, directions: Tensor) -> Tensor:
    """Lights out of focus before a blurred scene: two layers of discs of many sizes."""
    dark, middle, first, second = backdrop.colors.unbind(1)
    size, dense, spread, _, warm, _ = backdrop.shape.split(1, dim=1)
    phi, elevation = _angles(backdrop, directions)
    blur = _ring(backdrop, phi, 9, elevation * 1.4 + 0.3, octaves=2)
    color = torch.lerp(dark, middle, (1.7 * blur - 0.35).clamp(0, 1)[:, None])
    for layer in (0, 1):
        across = torch.round(26 + 22 * size) + 13 * layer
        u = phi * across + 0.3 * layer
        v = elevation * across / (2 * math.pi) + 0.6 * layer
        row = torch.floor(v)
        left = torch.floor(u)
        column = left.remainder(across)
        radius = 0.2 + 0.24 * _cell(backdrop, column + 11, row + 5 * layer)
        margin = 0.5 - radius
        shift_u = margin * (2 * _cell(backdrop, column, row + 3) - 1)
        shift_v = margin * (2 * _cell(backdrop, column + 7, row) - 1)
        away = torch.sqrt((u - left - 0.5 - shift_u).square() + (v - row - 0.5 - shift_v).square())
        disc = ((radius - away) / 0.05).clamp(0, 1) * (0.75 + 0.25 * (away / radius).clamp_max(1))
        power = (_cell(backdrop, column + 3, row + 9) - 0.55 + 0.5 * dense).clamp(0, 1)
        hue = (_cell(backdrop, column + 5, row + 2) > 0.35 + 0.4 * spread).float()[:, None]
        color = color + (disc * power * (0.7 + 0.5 * warm))[:, None] * torch.lerp(
            first, second, hue
        )
    return color


def _gradient(backdrop: Backdrop, directions: Tensor) -> Tensor:
    """A studio backdrop: a smooth run of colours with a pool of light."""
    first, second, third, light = backdrop.colors.unbind(1)
    slant, pool, waves, _, marble, _ = backdrop.shape.split(1, dim=1)
    phi, elevation = _angles(backdrop, directions)
    swing = torch.sin(2 * math.pi * phi + 6 * slant) + waves * torch.sin(6 * math.pi * phi)
    swirl = _ring(backdrop, phi, 7, elevation * 1.2 + 0.3, octaves=2) - 0.5
    place = (0.5 + 1.1 * elevation + 0.25 * slant * swing + marble * swirl).clamp(0, 1)[:, None]
    color = torch.lerp(torch.lerp(third, second, (2 * place).clamp(0, 1)), first, place * place)
    toward = unit(torch.stack([-backdrop.light[:, 0], 0.1 + 0 * slant, -backdrop.light[:, 2]], 1))
    near = dot(directions, toward.expand_as(directions)).clamp_min(0)
    return torch.lerp(color, light, (0.55 * pool * near**14)[:, None])


def _angles(backdrop: Backdrop, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Longitude as a turn in [0, 1), and elevation in radians, each (B, R)."""
    phi = torch.atan2(directions[:, 0], -directions[:, 2]) + backdrop.turn
    return (phi / (2 * math.pi)).remainder(1.0), torch.asin(directions[:, 1].clamp(-1, 1))


def _cell(backdrop: Backdrop, column: Tensor, row: Tensor) -> Tensor:
    """A random number in [0, 1) for every cell of an endless grid (repeats after TILE cells)."""
    place = column.long().remainder(TILE) + TILE * row.long().remainder(TILE)
    return backdrop.tile.gather(1, place)


def _noise(
    backdrop: Backdrop, u: Tensor, v: Tensor, *, octaves: int, period: int | None = None
) -> Tensor:
    """Smooth noise in [0, 1] at (u, v), both (B, R); lattice points at whole numbers.

    With `period`, it repeats in u after this many lattice points.
    """
    total, weight, norm = torch.zeros_like(u), 1.0, 0.0
    for octave in range(octaves):
        column, row = torch.floor(u), torch.floor(v)
        fu, fv = u - column, v - row
        fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
        i, j = column.long(), row.long() + 9 * octave
        left, right = i, i + 1
        if period is not None:
            left, right = left.remainder(period << octave), right.remainder(period << octave)
        left, right = left.remainder(TILE), right.remainder(TILE)
        low, high = TILE * j.remainder(TILE), TILE * (j + 1).remainder(TILE)
        gather = backdrop.tile.gather
        bottom = torch.lerp(gather(1, left + low), gather(1, right + low), fu)
        top = torch.lerp(gather(1, left + high), gather(1, right + high), fu)
        total = total + weight * torch.lerp(bottom, top, fv)
        norm, weight, u, v = norm + weight, 0.5 * weight, 2 * u, 2 * v
    return total / norm


def _ring(backdrop: Backdrop, phi: Tensor, period: int, v: Tensor, *, octaves: int) -> Tensor:
    """Noise with `period` lattice points round the horizon: phi (B, R) is a turn in [0, 1)."""
    return _noise(backdrop, phi * period, v, octaves=octaves, period=period)
