"""What one frame is rendered with."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from .camera import Camera, Rays
from .frame import RenderSettings

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
