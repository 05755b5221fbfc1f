"""What a scene shows behind the foreground: the model's own background, or a given picture.

A model's own background gives features (see background_network.py), pictures give colour.

Features are composited before super-resolution, colours after it. A scene's background is one of
`LearntBackground`, `SolidColor`, `Gradient`, `Panorama`, or None (transparent).
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import decode_srgb, encode_srgb
from .geometry import sample_equirectangular, sphere_angles, turn
from .latents import Latent


@dataclass(frozen=True)
class LearntBackground(Latent):
    """The model's own background with the given code.

    yaw: radians, turns it to the right as the front camera sees it.
    exposure: stops; linear light is multiplied by 2^exposure. Super-resolution then makes its
        picture alone, and the foreground is put before it as before a given one.

    A model without a background network shows what it was trained with (black or white), and
    neither turns nor exposes it.
    """

    yaw: float = 0.0
    exposure: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_finite(self, "yaw", "exposure")

    @property
    def as_learnt(self) -> "LearntBackground":
        """The same code, neither turned nor exposed."""
        return replace(self, yaw=0.0, exposure=0.0)


@dataclass(frozen=True)
class SolidColor:
    """One colour everywhere: sRGB-encoded floats in [0, 1]."""

    color: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "color", _check_color("color", self.color))


@dataclass(frozen=True)
class Gradient:
    """One colour above, another below, and a soft passage between them round the horizon.

    top, bottom: sRGB-encoded floats in [0, 1]; values between them are mixed as encoded.
    span: angle of the sphere, top to bottom, in which one passes into the other, radians; None:
        what the model's front camera sees.
    roll: radians; the upper colour comes to the right as the front camera sees it.
    """

    top: tuple[float, float, float] = (0.80, 0.84, 0.90)
    bottom: tuple[float, float, float] = (0.32, 0.34, 0.38)
    span: float | None = None
    roll: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "top", _check_color("top", self.top))
        object.__setattr__(self, "bottom", _check_color("bottom", self.bottom))
        _check_finite(self, "roll")
        _check_span(self.span)


@dataclass(frozen=True)
class Panorama:
    """An image file on the background sphere (PNG, JPEG, WebP, ...).

    An image twice as wide as high is taken as equirectangular and covers the whole sphere. Any
    other one is hung behind the object, upright, as high as `span`, and mirrored outwards so that
    an orbiting camera never sees its end.

    path: the file; it is read when it is first shown, and again when it has changed.
    yaw: radians, turns the picture to the right as the camera sees it.
    exposure: stops; linear light is multiplied by 2^exposure.
    span: angle of the sphere that an ordinary photo covers vertically, radians; None: what the
        model's front camera sees. Set it to treat a 2:1 picture as an ordinary photo.
    """

    path: str
    yaw: float = 0.0
    exposure: float = 0.0
    span: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path)))
        _check_finite(self, "yaw", "exposure")
        _check_span(self.span)

    def load(self) -> Tensor:
        """The picture (3, H, W) in [0, 1]. ValueError names the file and what is wrong with it."""
        from .images import load_image  # here: Pillow takes a tenth of a second to import

        return torch.from_numpy(load_image(self.path)).permute(2, 0, 1).contiguous()


GivenBackground = SolidColor | Gradient | Panorama
Background = LearntBackground | GivenBackground | None


def _check_color(name: str, color: tuple[float, float, float]) -> tuple[float, ...]:
    checked = tuple(float(c) for c in color)
    if len(checked) != 3 or not all(0 <= c <= 1 for c in checked):
        raise ValueError(f"{name} should be three floats in [0, 1]; got {color!r}.")
    return checked


def _check_finite(background: object, *names: str) -> None:
    if not all(math.isfinite(getattr(background, name)) for name in names):
        raise ValueError(f"{' and '.join(names)} should be finite; got {background}.")


def _check_span(span: float | None) -> None:
    if span is not None and not 0 < span <= math.pi:
        raise ValueError(f"span should be between 0 and pi radians; got {span!r}.")


def is_equirectangular(panorama: Panorama, image: Tensor) -> bool:
    """Whether the picture covers the whole sphere: twice as wide as high, and no span given."""
    _, height, width = image.shape
    return panorama.span is None and abs(width / height - 2) < 0.02


def sample_panorama(
    panorama: Panorama, image: Tensor, directions: Tensor, visible_span: float
) -> Tensor:
    """Colours (N, 3) of the panorama in `directions` (N, 3).

    `image`: (3, H, W), what `panorama.load` gave (possibly smaller). `visible_span`: radians of
    the sphere's height that the front camera sees; an ordinary photo covers it.
    """
    turned = turn(directions, panorama.yaw)
    if is_equirectangular(panorama, image):
        colors = sample_equirectangular(image, turned)
    else:
        colors = _sample_photo(image, turned, panorama.span or visible_span)
    return expose(colors, panorama.exposure) if panorama.exposure else colors


def _sample_photo(image: Tensor, directions: Tensor, span: float) -> Tensor:
    """An upright photo round -z, mirrored sideways a whole number of times (no seam behind)."""
    aspect = image.shape[2] / image.shape[1]
    width = photo_width(span, aspect)
    theta, phi = sphere_angles(directions).unbind(-1)
    u = 0.5 + (math.pi - phi) / width
    v = 0.5 + (theta - math.pi / 2) / (width / aspect)
    grid = torch.stack([_mirror(u), _mirror(v)], dim=-1) * 2 - 1
    samples = F.grid_sample(
        image[None], grid[None, None], padding_mode="border", align_corners=False
    )
    return samples[0, :, 0].t()


def photo_width(span: float, aspect: float) -> float:
    """Angle that an upright photo covers sideways: pairs of mirror images fill the circle."""
    pairs = max(1, math.floor(math.pi / (span * aspect)))
    return math.pi / pairs


def _mirror(x: Tensor) -> Tensor:
    """Triangle wave of period 2 that is x on [0, 1]."""
    return 1 - ((x % 2) - 1).abs()


def expose(colors: Tensor, stops: float) -> Tensor:
    """Multiplies the linear light of sRGB-encoded colours by 2^stops, clipped at 1."""
    return encode_srgb(decode_srgb(colors) * 2.0**stops)


def sample_gradient(gradient: Gradient, directions: Tensor, visible_span: float) -> Tensor:
    """Colours (N, 3) of the gradient in `directions` (N, 3); `visible_span` as for a panorama."""
    up = directions.new_tensor([math.sin(gradient.roll), math.cos(gradient.roll), 0.0])
    theta = torch.arccos((F.normalize(directions, dim=-1) @ up).clamp(-1, 1))[:, None]
    down = (theta - math.pi / 2) / (gradient.span or visible_span) + 0.5
    down = down.clamp(0, 1)
    eased = down * down * (3 - 2 * down)
    top, bottom = eased.new_tensor(gradient.top), eased.new_tensor(gradient.bottom)
    return top + eased * (bottom - top)
