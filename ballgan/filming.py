"""From an animation to a film in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from .animation import Animation
from .config import ModelConfig
from .frame import RenderSettings
from .plain import require_one_of
from .progressive import REFINEMENTS, can_be_refined
from .scene import Scene
from .shot import Progress, ascending
from .split import join_pictures
from .staging import (
    draw_mesh,
    find_camera_limit,
    find_home,
    find_mesh_side,
    set_scene,
    to_camera,
    to_rgba,
    to_settings,
)
from .video import FORMATS, VideoOptions, format_of, write_video
from .view import CUT_OUT, SIDES, View, clamp_view

PASSES = (1, *REFINEMENTS)


@dataclass(frozen=True)
class FilmSettings:
    """How the pictures of a film are rendered.

    size: side in pixels; None: the model's own. passes: sets of samples whose mean is shown, one of
    PASSES; more make outlines smoother, and take as much longer. sampler, samples: as of
    RenderSettings. sides: of a comparison, one of view.SIDES.
    """

    size: int | None = None
    passes: int = 3
    sampler: str = "fast"
    samples: int | None = None
    sides: str = "both"

    def __post_init__(self) -> None:
        require_one_of("sides", self.sides, SIDES)
        if self.passes not in PASSES:
            known = ", ".join(map(str, PASSES))
            raise ValueError(f"passes should be one of {known}; got {self.passes!r}.")

    def complete(self, config: ModelConfig, view: View) -> FilmSettings:
        """The same with a size, if a mesh shows: those have none of their own."""
        meshed = any(part.layer == "surface" for part in view.sides(self.sides))
        if self.size is not None or not meshed:
            return self
        return replace(self, size=find_mesh_side(config))

    def of(self, view: View) -> tuple[RenderSettings, int]:
        """What a view's picture is rendered with: settings and passes."""
        settings = replace(
            to_settings(view),
            size=self.size,
            sampler=self.sampler,
            samples=self.samples,
            matte="solved",
        )
        return settings, self.passes if can_be_refined(settings) else 1


def render_film(
    scene: Scene,
    view: View,
    animation: Animation,
    path: str | Path,
    settings: FilmSettings | None = None,
    *,
    format: str | None = None,
    metadata: Callable[[View], dict[str, str]] | None = None,
    progress: Progress | None = None,
) -> int:
    """Render an animation and write it to `path`.

    Args:
        scene: of the model; its codes, background and camera become those of the film.
        view: what the animation leaves open, such as the layer.
        format: a key of `video.FORMATS`; None: what the suffix of `path` says (see `format_of`).
        metadata: texts by name for a view: for `view` those of the film, and where that is a folder
            of pictures, for each picture's own view.
        progress: gets the fraction done, in [0, 1]; it may raise `ballgan.Cancelled`. However the
            work ends before its time, nothing is left under the name `path`.

    Returns the number of pictures. Transparent pictures are written with alpha, or on white into
    MP4, which cannot hold it. Raises ValueError for impossible values, OSError where the film
    cannot be written.
    """
    settings = (settings or FilmSettings()).complete(scene.model.config, view)
    texts = metadata(view) if metadata else {}
    kind = format or format_of(path)
    options = choose_video(scene.model.config, view, animation, kind, settings, texts)
    views = list_views(scene.model.config, view, animation)
    each = metadata if options.format == "png" else None
    report = ascending(progress)
    step = (lambda: None) if report is None else partial(report, 0.0)  # it never goes back
    with write_video(path, options, step) as add:
        for index, shown in enumerate(views):
            part = ascending(report, index, len(views))
            picture = render_frame(scene, shown, settings, progress=part)
            add(picture, each(shown) if each else None)
    return len(views)


def choose_video(
    config: ModelConfig,
    view: View,
    animation: Animation,
    format: str,
    settings: FilmSettings,
    metadata: dict[str, str],
) -> VideoOptions:
    """What a film is written with; arguments as for `render_film`. Raises ValueError."""
    require_one_of("format", format, tuple(FORMATS))
    side = settings.complete(config, view).size or config.image_resolution
    return VideoOptions(
        size=(side, side),
        fps=animation.fps,
        format=format,
        transparent=FORMATS[format].transparent and is_transparent(animation, view, settings.sides),
        metadata=metadata,
    )


def list_views(config: ModelConfig, view: View, animation: Animation) -> list[View]:
    """What the pictures of a film show; cameras are kept where the model can render."""
    home, limit = find_home(config), find_camera_limit(config)
    views = (animation.view_at(view, time) for time in animation.frame_times)
    return [clamp_view(shown, home, limit) for shown in views]


def render_frame(
    scene: Scene, view: View, settings: FilmSettings, *, progress: Progress | None = None
) -> np.ndarray:
    """One picture of a film, straight float RGBA (H, W, 4)."""
    views = view.sides(settings.sides)
    pictures = [
        _render_side(scene, part, settings, ascending(progress, index, len(views)))
        for index, part in enumerate(views)
    ]
    return join_pictures(pictures, view.comparison.divider)


def _render_side(
    scene: Scene, view: View, settings: FilmSettings, progress: Progress | None
) -> np.ndarray:
    set_scene(scene, view)
    camera = to_camera(view.camera)
    if view.layer == "surface":
        bands = draw_mesh(
            scene, camera, view.mesh, settings.size, samples=settings.passes, progress=progress
        )
        return np.concatenate(list(bands))
    wanted, passes = settings.of(view)
    stage = "refined" if passes > 1 else "full"
    frame = scene.render_stage(camera, wanted, stage, progress, passes)
    return to_rgba(view, frame, scene.model.config)


def is_transparent(animation: Animation, view: View, sides: str = "both") -> bool:
    """Whether pictures of the film may have transparent parts."""
    shown = (replace(view, backdrop=key.backdrop) for key in animation.keys)
    return any(is_transparent_view(view, sides) for view in shown)


def is_transparent_view(view: View, sides: str = "both") -> bool:
    """Whether the picture of a view may have transparent parts."""
    return any(_may_be_transparent(part) for part in view.sides(sides))


def _may_be_transparent(view: View) -> bool:
    if view.layer == "alpha":
        return False
    return view.layer in CUT_OUT or not view.backdrop.visible
