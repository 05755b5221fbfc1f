"""Pictures of views: as the window shows them, and as PNG files of any size up to 8192 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from .bands import cut_into_bands
from .filming import FilmSettings, is_transparent_view
from .images import write_png_bands
from .scene import Scene
from .shot import Progress, ascending
from .split import join_bands, join_pictures
from .staging import draw_mesh, render_view, set_scene, to_camera, to_rgba
from .view import View


def render_shown(
    scene: Scene, view: View, sides: str = "both", *, progress: Progress | None = None
) -> np.ndarray:
    """The finished picture as the window shows it, straight float RGBA (H, W, 4): the end of the
    ladder, or of a comparison both sides or one of them (see view.SIDES)."""
    views = view.sides(sides)
    pictures = [
        render_view(scene, part, progress=ascending(progress, index, len(views)))
        for index, part in enumerate(views)
    ]
    return join_pictures(pictures, view.comparison.divider)


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

    Memory stays bounded.

    Args:
        scene: of the model; its codes and background become those of the view.
        settings: size, passes for smooth outlines, and sides of a comparison; as for a picture of
            a film.
        metadata: text chunks, keyword -> text.
        progress: gets the fraction done, in [0, 1]; it may raise `ballgan.Cancelled`, and nothing
            is left under the name `path`.

    Raises ValueError for impossible values, OSError where the file cannot be written.
    """
    settings = (settings or FilmSettings()).complete(scene.model.config, view)
    side = settings.size or scene.model.config.image_resolution
    channels = 4 if is_transparent_view(view, settings.sides) else 3
    bands = render_picture(scene, view, settings, progress=progress)
    parts = (band[..., :channels] for band in bands)
    write_png_bands(path, parts, (side, side, channels), metadata)


def render_picture(
    scene: Scene, view: View, settings: FilmSettings, *, progress: Progress | None = None
) -> Iterator[np.ndarray]:
    """Bands of a picture from top to bottom, straight float RGBA (rows, W, 4)."""
    settings = settings.complete(scene.model.config, view)
    views = view.sides(settings.sides)
    if len(views) == 1:
        yield from _render_bands(scene, views[0], settings, progress)
        return
    done = [0.0, 0.0]  # of each side: they take turns

    def report(index: int, fraction: float) -> None:
        done[index] = max(done[index], fraction)
        if progress is not None:
            progress(sum(done) / 2)

    left, right = (
        _render_bands(stage, part, settings, partial(report, index))
        for index, (stage, part) in enumerate(zip((scene, Scene(scene.model)), views, strict=True))
    )
    side = settings.size or scene.model.config.image_resolution
    yield from join_bands(left, right, view.comparison.divider, cut_into_bands(side))


def _render_bands(
    scene: Scene, view: View, settings: FilmSettings, progress: Progress | None
) -> Iterator[np.ndarray]:
    """Bands of one side."""
    set_scene(scene, view)
    camera = to_camera(view.camera)
    if view.layer == "surface":
        yield from draw_mesh(
            scene, camera, view.mesh, settings.size, samples=settings.passes, progress=progress
        )
        return
    wanted, passes = settings.of(view)
    for band in scene.render_bands(camera, wanted, passes=passes, progress=progress):
        yield to_rgba(view, band, scene.model.config)
