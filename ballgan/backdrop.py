"""Backgrounds that give colour, as a camera sees them on the model's sphere."""

import math
import os
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .backgrounds import Panorama, SolidColor, is_equirectangular, sample_panorama
from .camera import Camera
from .config import ModelConfig
from .geometry import equirectangular_directions, intersect_sphere, require_inside_sphere
from .memo import Memo


class Backdrop:
    """Renders solid colours and panoramas round a model, and keeps the last files it read."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        self.config = config
        self.device = device
        self._pictures = Memo(2)

    def render(self, background: SolidColor | Panorama, camera: Camera, size: int) -> Tensor:
        """Picture (1, 3, size, size) of a background that gives colour.

        Raises ValueError for a camera outside the sphere, or a file that cannot be read.
        """
        device = self.device
        if isinstance(background, SolidColor):
            color = torch.tensor(background.color, device=device).view(1, 3, 1, 1)
            return color.expand(1, 3, size, size)
        visible = self.visible_span()
        image = self.load_panorama(background, size, visible)
        rays = camera.rays(size, size, device)
        points = rays.directions
        radius = self.config.surround_radius
        if radius is not None:
            require_inside_sphere(rays.origins[0], radius)
            distance = intersect_sphere(rays.origins, rays.directions, radius)
            points = rays.origins + distance[:, None] * rays.directions
        colors = sample_panorama(background, image, points, visible)
        return colors.t().reshape(1, 3, size, size)

    def render_sphere(self, background: SolidColor | Panorama, height: int) -> Tensor:
        """Equirectangular picture (3, height, 2 height) of such a background.

        Raises ValueError for a file that cannot be read.
        """
        device = self.device
        if isinstance(background, SolidColor):
            color = torch.tensor(background.color, device=device).view(3, 1, 1)
            return color.expand(3, height, 2 * height)
        visible = self.visible_span()
        image = self.load_panorama(background, round(height * visible / math.pi), visible)
        directions = equirectangular_directions(height, 2 * height, device).flatten(0, 1)
        colors = sample_panorama(background, image, directions, visible)
        return colors.t().reshape(3, height, 2 * height)

    def load_panorama(self, panorama: Panorama, size: int, visible: float) -> Tensor:
        """The file's picture, shrunk to what a picture of `size` can show (no aliasing)."""
        file = (replace(panorama, yaw=0.0, exposure=0.0), _version(panorama.path))
        image = self._pictures.get(file, lambda: panorama.load().to(self.device))
        covered = math.pi if is_equirectangular(panorama, image) else panorama.span or visible
        # Powers of two: few different sizes are kept.
        height = 2 ** math.ceil(math.log2(max(16, 1.5 * size * covered / visible)))
        if height >= image.shape[1]:
            return image
        return self._pictures.get((file, height), lambda: shrink(image, height))

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


def _version(path: str) -> tuple[int, int] | None:
    """Time and size of a file, which change with its content; None if it cannot be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def shrink(image: Tensor, height: int) -> Tensor:
    """Picture (3, H, W) at a smaller height with the same aspect."""
    width = max(1, round(image.shape[2] * height / image.shape[1]))
    return F.interpolate(image[None], size=(height, width), mode="bilinear", antialias=True)[0]
