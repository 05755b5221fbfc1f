"""Draws the bundled panoramas: python assets/make_panoramas.py

Everything is computed from formulas and seeded noise; nothing is copied from anywhere. The pictures
are soft, as a background out of focus: the model's camera sees a small part of the sphere, so many
pixels would only show how few they are. Axes as in ballgan/geometry.py: y up, the middle is -z.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

HEIGHT = 1024
QUALITY = 86

Colors = np.ndarray  # (..., 3) linear light


def directions() -> np.ndarray:
    """Unit directions (H, 2 H, 3) of the pixel centres."""
    theta = (np.arange(HEIGHT) + 0.5) * math.pi / HEIGHT
    phi = (1 - (np.arange(2 * HEIGHT) + 0.5) / (2 * HEIGHT)) * 2 * math.pi
    sin = np.sin(theta)[:, None]
    y = np.broadcast_to(np.cos(theta)[:, None], (HEIGHT, 2 * HEIGHT))
    return np.stack([sin * np.sin(phi), y, sin * np.cos(phi)], axis=-1)


def noise(points: np.ndarray, octaves: int, seed: int) -> np.ndarray:
    """Fractal noise about 0, of deviation about 1, at points (..., 3): smooth on the sphere."""
    total, weight = np.zeros(points.shape[:-1]), 0.0
    for octave in range(octaves):
        grid = np.random.default_rng(seed + octave).standard_normal((32, 32, 32))
        total += 0.5**octave * _trilinear(grid, points * 2**octave + 7.3 * octave)
        weight += 0.25**octave
    return total / (0.55 * math.sqrt(weight))


def _trilinear(grid: np.ndarray, points: np.ndarray) -> np.ndarray:
    low = np.floor(points).astype(int)
    part = points - low
    part = part * part * (3 - 2 * part)
    value = np.zeros(points.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        index = (low + corner) % 32
        value += weight * grid[index[..., 0], index[..., 1], index[..., 2]]
    return value


def toward(yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """Unit direction, degrees to the right of the middle and above the horizon."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    across = math.cos(pitch)
    return np.array([across * math.sin(yaw), math.sin(pitch), -across * math.cos(yaw)])


def angle_deg(d: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Degrees between directions (..., 3) and a unit direction."""
    return np.degrees(np.arccos(np.clip(d @ to, -1, 1)))


def step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: object, b: object, t: np.ndarray) -> Colors:
    """Colours a where t is 0, b where it is 1."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    return first + t[..., None] * (second - first)


def studio(d: np.ndarray) -> Colors:
    """A grey cyclorama with a large soft box, a strip light and a warm wall behind."""
    up = d[..., 1]
    light = mix((0.05, 0.05, 0.055), (0.26, 0.265, 0.28), step(-0.5, 0.35, up))
    light *= (0.55 + 0.9 * step(70, 0, angle_deg(d, toward(15, 5))))[..., None]
    boxes = (((-75, 30), (26, 20), (3.2, 3.1, 2.9)), ((95, 18), (7, 34), (1.8, 2.0, 2.4)))
    for (yaw, pitch), (half_width, half_height), color in boxes:
        x = np.degrees(np.arctan2(d[..., 0], -d[..., 2])) - yaw
        x = (x + 180) % 360 - 180
        y = np.degrees(np.arcsin(np.clip(up, -1, 1))) - pitch
        inside = step(3, -3, np.abs(x) - half_width) * step(3, -3, np.abs(y) - half_height)
        light = mix(light, color, inside)
    behind = step(60, 10, angle_deg(d, toward(180, 0)))
    return light + behind[..., None] * np.array([0.16, 0.09, 0.05])


def clear_sky(d: np.ndarray) -> Colors:
    """A summer day: blue above, haze at the horizon, white clouds, meadows below."""
    up, sun = d[..., 1], toward(-60, 40)
    sky = mix((0.62, 0.76, 0.92), (0.06, 0.20, 0.55), np.clip(up, 0, 1) ** 0.55)
    plane = d[..., [0, 2]] / np.maximum(up, 0.06)[..., None]
    place = np.concatenate([0.9 * plane, np.full_like(plane[..., :1], 0.4)], axis=-1)
    cloud = step(0.1, 1.5, noise(place, 5, 11)) * step(0.03, 0.22, up)
    sky = mix(sky, (0.95, 0.95, 0.96), 0.9 * cloud)
    glow = np.exp(-((angle_deg(d, sun) / 14) ** 2))
    sky = (
        sky + glow[..., None] * np.array([1.0, 0.95, 0.8]) + (angle_deg(d, sun) < 3)[..., None] * 6
    )
    hills = 0.045 + 0.03 * noise(3 * d * (1, 0, 1), 3, 5)
    green = mix((0.10, 0.17, 0.05), (0.20, 0.26, 0.09), step(-1, 1, noise(14 * d, 4, 3)))
    haze = mix((0.30, 0.42, 0.40), green, step(0.0, -0.35, up))
    return mix(sky, haze, step(0.012, -0.012, up - hills))


def sunset(d: np.ndarray) -> Colors:
    """The sun low behind hills, to the left of the middle."""
    up, sun = d[..., 1], toward(-28, 4)
    away = angle_deg(d, sun)
    low = mix((1.0, 0.42, 0.12), (0.32, 0.20, 0.30), step(0, 130, away))
    sky = mix(low, (0.05, 0.08, 0.22), np.clip(1.5 * up, 0, 1) ** 0.6)
    streak = noise(d * (4, 22, 4), 4, 21)
    sky = mix(sky, low * (1.3, 0.9, 0.9), 0.55 * step(0.2, 1.6, streak) * step(0.5, 0.05, up))
    sky += np.exp(-((away / 9) ** 2))[..., None] * np.array([1.3, 0.75, 0.3])
    sky += (away < 2.4)[..., None] * np.array([6.0, 4.5, 2.5])
    for height, seed, shade in ((0.06, 31, 0.5), (0.01, 41, 0.22), (-0.06, 51, 0.06)):
        ridge = height + 0.035 * noise(4 * d * (1, 0, 1), 4, seed)
        hill = shade * mix(low, (0.10, 0.07, 0.10), np.full(up.shape, 0.6))
        sky = mix(sky, hill, step(0.008, -0.008, up - ridge))
    return sky


def overcast(d: np.ndarray) -> Colors:
    """An even grey sky over the sea: the softest light."""
    up = d[..., 1]
    folds = noise(d * (3, 7, 3), 5, 61)
    sky = mix((0.42, 0.46, 0.50), (0.72, 0.75, 0.78), step(-0.1, 0.9, up)) * (
        1 + 0.13 * folds[..., None]
    )
    waves = noise(d * (30, 160, 30), 3, 71)
    sea = mix((0.26, 0.32, 0.34), (0.07, 0.11, 0.13), step(0, -0.5, up)) * (
        1 + 0.16 * waves[..., None] * step(0, -0.1, up)[..., None]
    )
    return mix(sky, sea, step(0.004, -0.004, up))


def night_city(d: np.ndarray) -> Colors:
    """Lamps out of focus before a dark blue street."""
    up = d[..., 1]
    light = mix((0.010, 0.010, 0.016), (0.035, 0.040, 0.075), step(-0.4, 0.5, up))
    light += step(0.35, 0.0, np.abs(up))[..., None] * np.array([0.045, 0.028, 0.02])
    random = np.random.default_rng(81)
    palette = np.array([(1.0, 0.55, 0.18), (1.0, 0.78, 0.45), (0.9, 0.2, 0.12), (0.3, 0.55, 1.0)])
    for _ in range(320):
        yaw, pitch = random.uniform(-180, 180), random.normal(1, 8)
        radius, bright = random.uniform(0.5, 2.6), random.uniform(0.15, 0.9)
        away = angle_deg(d, toward(yaw, pitch))
        disc = step(radius, 0.88 * radius, away) * (0.75 + 0.25 * np.clip(away / radius, 0, 1))
        light += bright * disc[..., None] * palette[random.integers(len(palette))]
    return light


def room(d: np.ndarray) -> Colors:
    """A room with daylight from a window on the left, plaster walls and a wooden floor."""
    half = np.array([2.6, 1.4, 2.6])
    reach = half / np.maximum(np.abs(d), 1e-9)
    wall = reach.argmin(axis=-1)
    point = d * reach.min(axis=-1)[..., None]
    x, y, z = np.moveaxis(point, -1, 0)
    plaster = np.array([0.62, 0.56, 0.48]) * (1 + 0.02 * noise(6 * point, 4, 91)[..., None])
    plank = np.floor(x / 0.22)
    grain = noise(np.stack([7 * x + 9 * plank, plank, 0.9 * z], axis=-1), 4, 95)
    wood = np.array([0.30, 0.17, 0.085]) * (1 + 0.14 * grain + 0.1 * np.sin(7.1 * plank))[..., None]
    base = np.where((wall == 1)[..., None] & (y < 0)[..., None], wood, plaster)
    window = np.array([-2.6, 0.25, -0.7])
    away = window - point
    distance = np.linalg.norm(away, axis=-1)
    light = 0.16 + 1.5 * np.clip(np.abs(away[..., 0]) / distance, 0, 1) / (0.5 + distance**2)
    color = base * light[..., None] * np.array([1.0, 0.98, 0.95])
    glass = step(0.03, -0.03, np.abs(y - 0.25) - 0.75) * step(0.03, -0.03, np.abs(z + 0.7) - 0.8)
    bars = np.minimum(np.abs(y - 0.25), np.abs(z + 0.7))
    glass = glass * step(0.02, 0.05, bars) * ((wall == 0) & (x < 0))
    picture = (wall == 2) & (z < 0) & (np.abs(x - 0.9) < 0.45) & (np.abs(y - 0.35) < 0.3)
    art = mix((0.10, 0.16, 0.20), (0.50, 0.30, 0.14), step(0.2, 0.6, y + 0.15 * np.sin(6 * x)))
    color = np.where(picture[..., None], 0.8 * light[..., None] * art, color)
    return mix(color, (2.6, 2.9, 3.2), glass)


def neon(d: np.ndarray) -> Colors:
    """Two colours of light from the sides, to see what matched light does."""
    up = d[..., 1]
    light = np.full((*up.shape, 3), 0.012) + step(-0.2, -0.9, up)[..., None] * 0.01
    for yaw, color in ((-85, (1.5, 0.08, 0.75)), (85, (0.05, 0.65, 1.5))):
        away = angle_deg(d, toward(yaw, 8))
        light += np.exp(-((away / 42) ** 2))[..., None] * 0.55 * np.array(color)
        tube = step(1.6, 0.7, np.abs(np.degrees(np.arcsin(np.clip(up, -1, 1))) - 8))
        side = np.degrees(np.arctan2(d[..., 0], -d[..., 2])) - yaw
        light += (tube * step(34, 30, np.abs(side)))[..., None] * 2.2 * np.array(color)
    return light * (1 + 0.05 * noise(9 * d, 3, 99)[..., None])


PANORAMAS: dict[str, tuple[Callable[[np.ndarray], Colors], float]] = {  # drawn by, blur in pixels
    "clear-sky": (clear_sky, 2.0),
    "neon": (neon, 2.0),
    "night-city": (night_city, 2.0),
    "overcast": (overcast, 2.0),
    "room": (room, 2.5),
    "studio": (studio, 2.0),
    "sunset": (sunset, 2.0),
}


def encode(linear: Colors, blur: float) -> np.ndarray:
    """Linear light -> sRGB bytes, softened."""
    linear = np.clip(linear, 0, 8)
    linear = gaussian_filter(linear, (blur, blur, 0), mode=("nearest", "wrap", "nearest"))
    linear = np.clip(linear, 0, 1)
    low, high = 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    encoded = np.where(linear <= 0.0031308, low, high) * 255
    # A little noise hides the steps of dark gradients.
    dither = np.random.default_rng(0).uniform(-0.5, 0.5, encoded.shape[:2])[..., None]
    return np.clip(np.rint(encoded + dither), 0, 255).astype(np.uint8)


def main() -> None:
    """Write all of them into assets/panoramas."""
    folder = Path(__file__).parent / "panoramas"
    folder.mkdir(exist_ok=True)
    for name, (draw, blur) in PANORAMAS.items():
        pixels = encode(draw(directions()), blur)
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
