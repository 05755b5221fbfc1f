"""Light of an environment on diffuse surfaces, and the foreground shaded for another one.

Irradiance is so smooth over directions that nine numbers a colour describe it to about one
percent (Ramamoorthi & Hanrahan, "An Efficient Representation for Irradiance Environment Maps",
2001). A model's foreground has its light baked into its colours; the quotient of two irradiances
changes that light. This is approximate: it knows neither shadows nor gloss, the normals are those
of the density, and ordinary pictures hold little of the brightness of lamps and the sun.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .backgrounds import Background, LearntBackground
from .camera import AnyCamera, Camera, Matrix
from .color import decode_srgb, encode_srgb
from .geometry import equirectangular_directions
from .view import MAX_STRENGTH

if TYPE_CHECKING:
    from .scene import Scene

Coefficients = tuple[tuple[float, float, float], ...]

# Of the polynomials that `basis` lists: A_l / pi of the clamped cosine (eq. 8 of the paper), times
# the square of the spherical harmonic's constant.
_WEIGHTS = (
    *(1.0 / (4 * math.pi),),
    *(2 / 3 * 3.0 / (4 * math.pi),) * 3,
    *(1 / 4 * 15.0 / (4 * math.pi),) * 2,
    *(1 / 4 * 5.0 / (16 * math.pi),),
    *(1 / 4 * 15.0 / (4 * math.pi),),
    *(1 / 4 * 15.0 / (16 * math.pi),),
)
BRIGHTNESS = 0.4  # exponent of the ratio of the mean brightnesses
DARKEST = 0.1  # of the mean irradiance: nine numbers overshoot, even below zero
RATIO_RANGE = (1 / 8, 8.0)


@dataclass(frozen=True)
class Light:
    """Irradiance by the direction of a surface's normal, divided by pi.

    An environment of constant radiance L gives L: the light that a white surface sends back.

    coefficients: (9, 3), of the polynomials in `basis`, for linear red, green and blue.
    """

    coefficients: Coefficients

    @staticmethod
    def from_panorama(image: Tensor) -> Light:
        """The light of an equirectangular picture (3, H, W) of linear radiance."""
        _, height, width = image.shape
        edges = torch.linspace(0, math.pi, height + 1, dtype=torch.float64).cos()
        solid_angles = (edges[:-1] - edges[1:])[:, None] * (2 * math.pi / width)  # (H, 1)
        directions = equirectangular_directions(height, width, torch.device("cpu")).double()
        parts = basis(directions) * solid_angles[..., None]  # (H, W, 9)
        sums = torch.einsum("hwk,chw->kc", parts, image.double().cpu())
        return _as_light(sums * sums.new_tensor(_WEIGHTS)[:, None])

    def irradiance(self, normals: Tensor) -> Tensor:
        """Irradiance / pi (N, 3), never below DARKEST of its mean, for unit normals (N, 3)."""
        coefficients = normals.new_tensor(self.coefficients)
        values = basis(normals) @ coefficients
        return torch.maximum(values, DARKEST * coefficients[0].clamp_min(1e-4))

    @property
    def brightness(self) -> float:
        """Luminance of the mean over all directions, a little above 0 (Rec. 709 weights)."""
        red, green, blue = self.coefficients[0]
        return max(0.2126 * red + 0.7152 * green + 0.0722 * blue, 1e-4)

    def scaled(self, factor: float) -> Light:
        """The same light, `factor` times as bright."""
        return Light(tuple((r * factor, g * factor, b * factor) for r, g, b in self.coefficients))

    def evened(self) -> Light:
        """As much light, but the same colourless light from everywhere."""
        mean = sum(self.coefficients[0]) / 3
        return Light(((mean,) * 3, *(((0.0,) * 3,) * 8)))


def basis(normals: Tensor) -> Tensor:
    """The polynomials of the first nine spherical harmonics: (..., 3) -> (..., 9)."""
    x, y, z = normals.unbind(-1)
    one = torch.ones_like(x)
    parts = [one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return torch.stack(parts, dim=-1)


@dataclass(frozen=True)
class MatchLight:
    """Shade the foreground as if the light came from the scene's background. Approximate.

    reference: the background whose light the foreground has now, usually the learnt one of the
        same scene; the model learnt both together.
    strength: exponent of the ratio of the two lights: 0 changes nothing, 1 is the full ratio.
    """

    reference: Background = field(default_factory=LearntBackground)
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise ValueError(f"strength should be in [0, {MAX_STRENGTH}]; got {self.strength!r}.")


@dataclass(frozen=True)
class Shading:
    """Two lights, and how the normals of the one are turned for the other.

    turn: rotation (3, 3) from the foreground's world to the new light's; None: they are the same.
    """

    new: Light
    old: Light
    strength: float = 1.0
    turn: Matrix | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether the ratio is one everywhere."""
        return self.strength == 0 or (self.turn is None and self.new == self.old)

    def ratio(self, normals: Tensor) -> Tensor:
        """Factor (N, 3) of linear light for surfaces with unit `normals` (N, 3)."""
        turned = normals if self.turn is None else normals @ normals.new_tensor(self.turn).t()
        ratio = self.new.irradiance(turned) / self.old.irradiance(normals)
        return ratio.clamp(*RATIO_RANGE) ** self.strength


def find_lights(scene: Scene) -> tuple[Light, Light] | None:
    """The light that a scene's foreground should have, and that which it has; None: no change.

    Backgrounds tell direction and colour of a light better than its strength: lamps are clipped in
    pictures, or behind the photographer. So only a part of a change of the mean brightness counts.
    A model without a background network is compared with an even light as bright as the new one.
    """
    match, background, model = scene.match_light, scene.background, scene.model
    plain = model.background is None
    if match is None or background is None or (plain and isinstance(background, LearntBackground)):
        return None
    new = scene.light(background)
    even = match.reference is None or (plain and isinstance(match.reference, LearntBackground))
    old = new.evened() if even else scene.light(match.reference)
    return new.scaled((new.brightness / old.brightness) ** (BRIGHTNESS - 1)), old


def find_shading(scene: Scene, camera: AnyCamera) -> Shading | None:
    """How a scene's `match_light` shades its foreground; None if it changes nothing.

    A background that stands still before a camera of its own lights the object from where it is
    seen in the picture.
    """
    lights = find_lights(scene)
    if lights is None or scene.match_light is None:
        return None
    turn = None
    if scene.backdrop_camera is not None:
        defaults = scene.model.config.camera
        turn = turn_between(camera.resolve(defaults), scene.backdrop_camera.resolve(defaults))
    shading = Shading(*lights, scene.match_light.strength, turn)
    return None if shading.changes_nothing else shading


def turn_between(camera: Camera, other: Camera) -> Matrix | None:
    """Rotation (3, 3) that brings a camera's axes onto another's; None: they are the same."""
    ours, others = (np.array(c.cam2world)[:3, :3] for c in (camera, other))
    if np.array_equal(ours, others):
        return None
    return tuple(tuple(float(v) for v in row) for row in others @ ours.T)


def relight(colors: Tensor, ratio: Tensor, amount: Tensor | float = 1.0) -> Tensor:
    """Multiply the linear light of sRGB-encoded `colors` by `ratio`, where `amount` is 1.

    amount: in [0, 1], the foreground's share of a colour. All of shapes that fit each other.
    """
    return encode_srgb(decode_srgb(colors.clamp(0, 1)) * (1 + amount * (ratio - 1)))


def _as_light(coefficients: Tensor) -> Light:
    return Light(tuple((r, g, b) for r, g, b in coefficients.tolist()))
