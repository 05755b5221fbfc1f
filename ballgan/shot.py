"""What one frame is rendered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .camera import AnyCamera, Camera, Rays
from .config import ModelConfig
from .frame import RenderSettings

if TYPE_CHECKING:
    from .scene import Scene

Progress = Callable[[float], None]


def ascending(progress: Progress | None, index: int = 0, count: int = 1) -> Progress | None:
    """Progress of a part of the work, `index` of `count`, that never goes back: stages begin anew
    at 0.
    """
    if progress is None:
        return None
    done = 0.0

    def report(fraction: float) -> None:
        nonlocal done
        done = max(done, min(fraction, 1.0))
        progress((index + done) / count)

    return report


@dataclass(frozen=True)
class Shot:
    """A camera, its rays, and how they become a picture."""

    camera: Camera
    backdrop_camera: Camera  # sees the background; usually the same
    device: torch.device
    resolution: int  # of the rays, side by side
    lines: int  # of rays: as many, or fewer in a band of a picture
    size: int  # of the picture
    settings: RenderSettings
    enlarge: bool  # whether super-resolution makes the picture
    progress: Progress | None
    passes: int = 1  # of rays with other samples, whose mean is shown

    @cached_property
    def rays(self) -> Rays:
        """Rays through the centres of the pixels."""
        return self.camera.rays(self.resolution, self.lines, self.device)

    @cached_property
    def backdrop_rays(self) -> Rays:
        """Those that look at the background."""
        if self.backdrop_camera == self.camera:
            return self.rays
        return self.backdrop_camera.rays(self.resolution, self.lines, self.device)

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
        left, up = (0.5 - right) / self.resolution, (0.5 - down) / self.lines
        return self.camera.shifted(left, up).rays(self.resolution, self.lines, self.device)

    def image(self, values: Tensor) -> Tensor:
        """Per-ray values (N, C) as an image (1, C, h, w)."""
        return values.t().reshape(1, -1, self.lines, self.resolution)

    def crop(self, rows: slice) -> Shot:
        """Some rows of the rays."""
        return replace(
            self,
            camera=self.camera.crop(self.lines, rows),
            backdrop_camera=self.backdrop_camera.crop(self.lines, rows),
            lines=rows.stop - rows.start,
        )


def point_camera(camera: AnyCamera, config: ModelConfig) -> Camera:
    """The camera whose rays are those that a model's pictures have (see `ray_shift`)."""
    shift = config.sampling.ray_shift
    return camera.resolve(config.camera).shifted(shift, shift)


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
    resolved = behind = point_camera(camera, model.config)
    if scene.backdrop_camera is not None:
        behind = point_camera(scene.backdrop_camera, model.config)
    enlarge = stage in ("full", "refined") and settings.layer != "raw"
    return Shot(
        camera=resolved,
        backdrop_camera=behind,
        device=model.device,
        resolution=resolution,
        lines=resolution,
        size=settings.size or model.config.image_resolution,
        settings=settings,
        enlarge=enlarge and model.super_resolution is not None,
        progress=progress,
        passes=passes,
    )
