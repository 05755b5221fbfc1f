"""Backgrounds that give colour, as a camera sees them on the model's sphere."""

import math
from threading import Lock
from weakref import WeakValueDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from .backgrounds import (
    Background,
    GivenBackground,
    Gradient,
    Panorama,
    SolidColor,
    is_equirectangular,
    sample_gradient,
    sample_panorama,
)
from .camera import Camera
from .config import ModelConfig
from .files import file_version
from .geometry import equirectangular_directions, intersect_sphere, require_inside_sphere
from .memo import Memo
from .transfer import send

# Photos that scenes have, on the CPU: they are large, so all scenes share them.
_photos: WeakValueDictionary[tuple, Tensor] = WeakValueDictionary()
_reading = Lock()
KEPT = 2  # photos a scene: those of both sides of a comparison


class Backdrop:
    """Renders given backgrounds round a model."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        self.config = config
        self.device = device
        self._pictures = Memo(4)  # photos, at the sizes of a picture and of its light
        self._kept: dict[str, tuple[tuple, Tensor]] = {}  # files that were read last, by path

    def release(self) -> None:
        """Keep nothing on the model's device."""
        self._pictures.clear()

    def render(
        self, background: GivenBackground, camera: Camera, size: int, lines: int | None = None
    ) -> Tensor:
        """Picture (1, 3, size, size) of a background that gives colour.

        lines: of a part of the picture that `camera` sees (see `Camera.crop`): (1, 3, lines, size).
        Raises ValueError for a camera outside the sphere, or a file that cannot be read.
        """
        rays = camera.rays(size, size if lines is None else lines, self.device)
        points = rays.directions
        radius = self.config.surround_radius
        if radius is not None and not isinstance(background, SolidColor):
            require_inside_sphere(send(camera.position, "cpu"), radius)
            distance = intersect_sphere(rays.origins, rays.directions, radius)
            points = rays.origins + distance[:, None] * rays.directions
        colors = self._paint(background, points, size, self.visible_span())
        return colors.t().reshape(1, 3, -1, size)

    def render_sphere(self, background: GivenBackground, height: int) -> Tensor:
        """Equirectangular picture (3, height, 2 height) of such a background.

        Raises ValueError for a file that cannot be read.
        """
        visible = self.visible_span()
        size = round(height * visible / math.pi)
        directions = equirectangular_directions(height, 2 * height, self.device).flatten(0, 1)
        colors = self._paint(background, directions, size, visible)
        return colors.t().reshape(3, height, 2 * height)

    def _paint(
        self, background: GivenBackground, directions: Tensor, size: int, visible: float
    ) -> Tensor:
        """Colours (N, 3) in `directions` (N, 3), sharp in a picture of `size`."""
        if isinstance(background, SolidColor):
            return send(background.color, directions.device).expand(len(directions), 3)
        if isinstance(background, Gradient):
            return sample_gradient(background, directions, visible)
        image = self.load_panorama(background, size, visible)
        return sample_panorama(background, image, directions, visible)

    def load_panorama(self, panorama: Panorama, size: int, visible: float) -> Tensor:
        """The file's picture, shrunk to what a picture of `size` can show (no aliasing).

        A file that has changed is read again. While that fails, because a program is still
        writing it, its last picture stays. Raises ValueError if it could never be read.
        """
        file = (panorama.path, version(panorama))
        image = self._read(panorama, file)
        covered = math.pi if is_equirectangular(panorama, image) else panorama.span or visible
        # Powers of two: few different sizes are kept.
        height = 2 ** math.ceil(math.log2(max(16, 1.5 * size * covered / visible)))
        height = min(height, image.shape[1])
        if height == image.shape[1] and self.device == image.device:
            return image
        return self._pictures.get((file, height), lambda: shrink(image, height).to(self.device))

    def _read(self, panorama: Panorama, file: tuple) -> Tensor:
        kept = self._kept.get(panorama.path)
        if kept is not None and kept[0] == file:
            return kept[1]  # without waiting for a scene that reads another file
        try:
            with _reading:
                image = _photos.get(file)
                if image is None:
                    image = _photos[file] = panorama.load()
        except ValueError:
            if kept is None:
                raise
            return kept[1]
        self._kept.pop(panorama.path, None)
        self._kept[panorama.path] = file, image
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return image

    def visible_span(self) -> float:
        """Angle of the background sphere that the model's front camera sees, top to bottom."""
        camera = self.config.camera
        radius = self.config.surround_radius
        if radius is None:
            return camera.fov
        position = camera.pivot[2] + camera.radius
        # Law of sines in the triangle of sphere centre, camera and the point seen.
        half = camera.fov / 2
        ratio = min(max(position / radius * math.sin(half), -1.0), 1.0)
        return 2 * (half + math.asin(ratio))


def version(background: Background) -> tuple[int, int] | None:
    """Version of a panorama's file (see `file_version`); None without a file."""
    return file_version(background.path) if isinstance(background, Panorama) else None


def shrink(image: Tensor, height: int) -> Tensor:
    """Picture (3, H, W) at a height that is not larger, with the same aspect."""
    if height == image.shape[1]:
        return image
    width = max(1, round(image.shape[2] * height / image.shape[1]))
    return F.interpolate(image[None], size=(height, width), mode="bilinear", antialias=True)[0]
