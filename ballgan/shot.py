"""What one frame is rendered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor

from .camera import AnyCamera, Camera, Rays
from .frame import RenderSettings

if TYPE_CHECKING:
    from .scene import Scene

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Shot:
    """A camera, its rays, and how they become a picture."""

    camera: Camera
    backdrop_camera: Camera  # sees the background; usually the same
    rays: Rays
    backdrop_rays: Rays
    resolution: int  # of the rays
    size: int  # of the picture
    settings: RenderSettings
    enlarge: bool  # whether super-resolution makes the picture
    progress: Progress | None
    passes: int = 1  # of rays with other samples, whose mean is shown

    def report(self, fraction: float) -> None:
        """Tell the caller, who may stop the work, what part of the rays is done."""
        if self.progress is not None:
            self.progress(fraction)

    def step(self) -> None:
        """Let the caller stop the work before the first ray."""
        self.report(0.0)

    def rays_through(self, right: float, down: float) -> Rays:
        """Rays that pass `right`, `down` in [0, 1] of each pixel, where no network enlarges them.

        Super-resolution was trained on rays through the centres.
        """
        if self.enlarge or (right, down) == (0.5, 0.5):
            return self.rays
        n = self.resolution
        (fx, skew, cx), (zero, fy, cy), last = self.camera.intrinsics
        cx, cy = cx - (right - 0.5) / n, cy - (down - 0.5) / n
        camera = replace(self.camera, intrinsics=((fx, skew, cx), (zero, fy, cy), last))
        return camera.rays(n, n, self.rays.origins.device)

    def image(self, values: Tensor) -> Tensor:
        """Per-ray values (N, C) as an image (1, C, n, n)."""
        return values.t().reshape(1, -1, self.resolution, self.resolution)


def aim(
    scene: Scene,
    camera: AnyCamera,
    settings: RenderSettings,
    stage: str = "full",
    progress: Progress | None = None,
    passes: int = 1,
) -> Shot:
    """What one rung of the ladder is rendered with (see `Scene.render_stage`)."""
    model = scene.model
    resolution = scene.neural_resolution(settings)
    resolved = camera.resolve(model.config.camera)
    rays = resolved.rays(resolution, resolution, model.device)
    behind, behind_rays = resolved, rays
    if scene.backdrop_camera is not None:
        behind = scene.backdrop_camera.resolve(model.config.camera)
        behind_rays = behind.rays(resolution, resolution, model.device)
    enlarge = stage in ("full", "refined") and settings.layer != "raw"
    return Shot(
        camera=resolved,
        backdrop_camera=behind,
        rays=rays,
        backdrop_rays=behind_rays,
        resolution=resolution,
        size=settings.size or model.config.image_resolution,
        settings=settings,
        enlarge=enlarge and model.super_resolution is not None,
        progress=progress,
        passes=passes,
    )
