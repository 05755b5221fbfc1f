"""Pictures of views as PNG files of any size up to 8192 pixels, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .filming import FilmSettings, is_transparent_view
from .images import write_png_bands
from .scene import Scene
from .shot import Progress
from .staging import set_scene, to_camera, to_rgba
from .view import View


def capture_picture(
    scene: Scene,
    view: View,
    path: str | Path,
    settings: FilmSettings | None = None,
    *,
    metadata: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> None:
    """Render a view and write it as a PNG, with straight colours and alpha if it is transparent.

    Args:
        scene: of the model; its codes and background become those of the view.
        settings: size, and passes for smooth outlines; as for a picture of a film.
        metadata: text chunks, keyword -> text.
        progress: gets the fraction done, in [0, 1]; it may raise `ballgan.Cancelled`, and nothing
            is left under the name `path`.

    Raises ValueError for impossible values, OSError where the file cannot be written.
    """
    settings = settings or FilmSettings()
    side = settings.size or scene.model.config.image_resolution
    channels = 4 if is_transparent_view(view) else 3
    bands = render_picture(scene, view, settings, progress=progress)
    parts = (band[..., :channels] for band in bands)
    write_png_bands(path, parts, (side, side, channels), metadata)


def render_picture(
    scene: Scene, view: View, settings: FilmSettings, *, progress: Progress | None = None
) -> Iterator[np.ndarray]:
    """Bands of a picture from top to bottom, straight float RGBA (rows, W, 4)."""
    set_scene(scene, view)
    wanted, passes = settings.of(view)
    for band in scene.render_bands(
        to_camera(view.camera), wanted, passes=passes, progress=progress
    ):
        yield to_rgba(view, band, scene.model.config)
