"""What to render, and what comes back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LAYERS = ("full", "foreground", "background", "raw", "normals")
SAMPLERS = ("fast", "plain")
MATTES = ("quick", "solved")
STAGES = ("preview", "raw", "full", "refined")
MAX_SIZE = 8192
MIN_NEURAL_RESOLUTION, MAX_NEURAL_RESOLUTION = 4, 2048  # of those that are asked for
VISIBLE = 1 / 255  # opacity above which there is something; a solved matte has noise below it


@dataclass(frozen=True)
class RenderSettings:
    """How to render.

    size: side of the picture in pixels; None: the model's own.
    neural_resolution: side of the volume-rendered image; None: the model's own, or for a model
        without super-resolution `size`.
    sampler: "plain" is the published scheme to rounding; "fast" converges to the same picture: it
        skips empty space, stops in the dark, and keeps the sphere where a camera has seen it.
    layer: "full", "foreground" (straight colour and alpha), "background" (the whole sphere),
        "raw" (before super-resolution) or "normals".
    samples: of a ray, the plain sampler takes as many coarse as fine ones; None: the model's own
        numbers, or as many as the fast sampler needs.
    matte: of a model with super-resolution before another background than its own, or none.
        "quick": the enlarged opacity of the rays. "solved": from two pictures before two
        backgrounds, as sharp as the picture and true to what the network adds; twice the work.
    keep_pixels: whether the frame has what a window wants of it, too: `Frame.pixels` and
        `Frame.foreground_depth`; not above 2048 pixels.
    """

    size: int | None = None
    neural_resolution: int | None = None
    sampler: str = "fast"
    layer: str = "full"
    samples: int | None = None
    matte: str = "quick"
    keep_pixels: bool = False

    def __post_init__(self) -> None:
        _require_choice("layer", self.layer, LAYERS)
        _require_choice("sampler", self.sampler, SAMPLERS)
        _require_choice("matte", self.matte, MATTES)
        _require_whole("size", self.size, 1, MAX_SIZE)
        lowest, highest = MIN_NEURAL_RESOLUTION, MAX_NEURAL_RESOLUTION
        _require_whole("neural_resolution", self.neural_resolution, lowest, highest)
        _require_whole("samples", self.samples, 4, 1024)


@dataclass(frozen=True)
class Frame:
    """A rendered picture.

    rgb: (H, W, 3) float32, sRGB in [0, 1], not multiplied by alpha.
    alpha: (H, W) float32 in [0, 1], opacity of the foreground.
    depth: (H, W) float32, expected distance from the camera along each ray in world units: of
        what the layer shows; infinite where there is nothing (alpha up to VISIBLE).
    opaque: whether rgb already holds a background, so that alpha must not be used to blend.
    stage: "preview", "raw" (full neural resolution, no super-resolution), "full", or "refined" (the
        same with more samples).
    convergence: how far the picture is from the first rung to what no sample changes any more, in
        [0, 1], where it is known.
    pixels: (H, W, 4) uint8 on the model's device, multiplied by alpha, for a window that may be on
        the same GPU; None unless the settings ask for it.
    foreground_depth: (H, W) float32, depth of the foreground alone, infinite where there is none;
        None unless the settings ask for it.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    layer: str = "full"
    neural_resolution: int = 0
    stage: str = "full"
    opaque: bool = True
    convergence: float = 0.0
    pixels: Tensor | None = None
    foreground_depth: np.ndarray | None = None

    def rgba(self) -> np.ndarray:
        """(H, W, 4) float32, not premultiplied; alpha is 1 everywhere if the frame is opaque."""
        alpha = np.ones_like(self.alpha) if self.opaque else self.alpha
        return np.dstack([self.rgb, alpha])

    @staticmethod
    def from_images(
        rgb: Tensor,
        alpha: Tensor,
        depth: Tensor,
        size: int,
        *,
        depth_behind: Tensor | None = None,
        keep_pixels: bool = False,
        opaque: bool = True,
        **labels: str | int,
    ) -> "Frame":
        """A frame of `size` from (1, 3, h, w), (1, 1, h, w), (1, 1, h, w) of any resolution.

        depth: of the foreground; it counts where alpha says that there is one. depth_behind:
        (1, 1, h, w), of the background, where it has distances.
        """
        rgb, alpha = (resize(image, size).clamp(0, 1) for image in (rgb, alpha))
        depth = resize(depth, size)
        alone = torch.where(alpha > VISIBLE, depth, torch.inf)
        whole = alone
        if depth_behind is not None:
            whole = torch.lerp(resize(depth_behind, size), depth, alpha)
        kept: dict[str, Any] = {}
        if keep_pixels:
            shown = torch.ones_like(alpha) if opaque else alpha
            kept["pixels"] = to_pixels(rgb, shown)
            kept["foreground_depth"] = _to_numpy(alone)[0, 0]
        return Frame(
            rgb=_to_numpy(rgb[0].permute(1, 2, 0).contiguous()),
            alpha=_to_numpy(alpha)[0, 0],
            depth=_to_numpy(whole)[0, 0],
            opaque=opaque,
            **kept,
            **labels,  # type: ignore[arg-type]
        )


def to_pixels(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Premultiplied (H, W, 4) uint8 of straight (1, 3, H, W) and alpha (1, 1, H, W) in [0, 1]."""
    scaled = torch.cat([rgb * 255 * alpha, alpha * 255], dim=1)[0].permute(1, 2, 0)
    return scaled.add_(0.5).clamp_(0, 255).to(torch.uint8).contiguous()


def resize(image: Tensor, size: int) -> Tensor:
    """Images (B, C, H, H) at (B, C, size, size), bilinear, antialiased when shrinking."""
    if image.shape[-1] == size:
        return image
    return F.interpolate(
        image, size=(size, size), mode="bilinear", antialias=image.shape[-1] > size
    )


def resize_depth(depth: Tensor, size: int) -> Tensor:
    """Depth (1, 1, n, n) at `size`; infinite where it was: distances are not mixed with nothing."""
    if depth.shape[-1] == size:
        return depth
    return F.interpolate(depth, size=(size, size), mode="nearest")


def enlarge_rows(image: Tensor, size: int, rows: slice) -> Tensor:
    """Some rows of what `resize` makes of images (B, C, H, H), of which `size` is at least H."""
    if image.shape[-1] == size:
        return image[:, :, rows]
    # Where the rows are among those of the image, as `resize` has it.
    place = (torch.arange(rows.start, rows.stop, device=image.device) + 0.5) * (
        image.shape[2] / size
    ) - 0.5
    place = place.clamp(0, image.shape[2] - 1)
    above = place.long()
    below = (above + 1).clamp_max(image.shape[2] - 1)
    lines = torch.lerp(image[:, :, above], image[:, :, below], (place - above)[:, None])
    return F.interpolate(lines, size=(len(place), size), mode="bilinear")


def _to_numpy(image: Tensor) -> np.ndarray:
    return image.float().cpu().numpy()


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}; got {value!r}.")


def _require_whole(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not (type(value) is int and low <= value <= high):
        raise ValueError(f"{name} should be a whole number in {low} ... {high}; got {value!r}.")
