"""Work for the background's panel, in lanes of its own: thumbnails, the unrolled background, and
the file that is written of it. Torch is imported in the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ballgan.view import Backdrop

from . import actions as act
from .paths import make_folder, write_unused
from .requests import Forget, Model
from .worker import Ticket

THUMBNAIL = (64, 128)  # pixels, height and width
UNROLLED = 192  # pixels, height in the panel
WRITTEN = 1024  # and in a file


@dataclass(frozen=True)
class PanoramaRequest:
    """Make a thumbnail of this panorama, an image file."""

    path: str


@dataclass(frozen=True)
class UnrollRequest:
    """Unroll a background. revision: counts how often its file has changed."""

    model: Model
    backdrop: Backdrop
    revision: int = 0


@dataclass(frozen=True)
class SphereRequest:
    """Write a background as an equirectangular PNG; edit: and show the file instead of it."""

    model: Model
    backdrop: Backdrop
    folder: str
    stem: str
    edit: bool = False


@dataclass(frozen=True)
class PanelPicture:
    """A picture for the panel, (H, W, 4) uint8; `key` is a path or an UnrollRequest."""

    key: Any
    pixels: np.ndarray


def make_thumbnail(request: PanoramaRequest, ticket: Ticket) -> None:
    """Post a PanelPicture: a grey one if the file cannot be read."""
    import torch

    import ballgan
    from ballgan.backdrop import shrink
    from ballgan.bake_background import to_bytes

    ticket.check()
    height, width = THUMBNAIL
    try:
        image = ballgan.Panorama(request.path).load()
    except ValueError:  # its tile stays empty; choosing it says what is wrong
        image = torch.full((3, height, width), 0.15)
    # The part round the middle, which the camera sees, not the whole sphere.
    rows, columns = image.shape[1], image.shape[2]
    high = min(rows, columns * height // width) if columns < 2 * rows else rows // 2
    high = max(high, 1)
    across = min(max(high * width // height, 1), columns)
    top, left = (rows - high) // 2, (columns - across) // 2
    part = shrink(image[:, top : top + high, left : left + across], height)
    ticket.post(PanelPicture(request.path, to_bytes(part.permute(1, 2, 0))))


class Unroller:
    """Owns a scene of its own, so that the other one keeps what it has computed."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._scene: Any = None

    def __call__(self, request: UnrollRequest | Forget, ticket: Ticket) -> None:
        """Post a PanelPicture; or let go of a model that is no longer looked at."""
        import ballgan
        from ballgan.images import quantize

        if isinstance(request, Forget):
            self._model = self._scene = None
            return
        if self._model != request.model:
            self._model, self._scene = request.model, ballgan.Scene(request.model.generator)
        pixels = _unroll(self._scene, request.backdrop, UNROLLED, lambda _: ticket.check())
        opaque = np.ones_like(pixels[..., :1])
        rgba = np.concatenate([pixels, opaque], axis=2)
        ticket.post(PanelPicture(request, quantize(rgba)))


def write_sphere(request: SphereRequest, ticket: Ticket) -> None:
    """Write the file and post SphereWritten."""
    import ballgan
    from ballgan.images import write_png

    folder = make_folder(request.folder)
    scene = ballgan.Scene(request.model.generator)
    pixels = _unroll(scene, request.backdrop, WRITTEN, ticket.progress)

    def write(path: Path) -> None:
        write_png(path, pixels, {"Software": "ballgan-viewer"})

    path, _ = write_unused(folder / f"{request.stem}.png", write)
    ticket.post(act.SphereWritten(str(path), request.edit))


def _unroll(scene: Any, backdrop: Backdrop, height: int, progress: Any) -> np.ndarray:
    from ballgan import staging

    scene.background = staging.to_background(backdrop)
    return scene.unroll(height, progress=progress)
