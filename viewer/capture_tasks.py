"""What the lanes of captures do: render pictures and films, and write them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ballgan.animation import Animation
from ballgan.session import describe_picture
from ballgan.view import View

from . import actions as act
from .paths import make_folder, write_unused
from .requests import CaptureRequest
from .worker import Ticket

if TYPE_CHECKING:
    from ballgan import Scene


def capture(request: CaptureRequest, ticket: Ticket) -> None:
    """Write a picture or a film, and post Captured and the end of the job.

    The scene is one of its own: the window goes on rendering with its own.
    """
    from ballgan.process import return_freed_memory

    try:
        _capture(request, ticket)
    finally:
        return_freed_memory()


def _capture(request: CaptureRequest, ticket: Ticket) -> None:
    import ballgan

    started = time.perf_counter()
    suffix = ".png" if request.animation is None else _suffix(request.options.film)
    scene = ballgan.Scene(request.model.generator)

    def write(path: Path) -> str:
        return _write(scene, request, path, ticket)

    wanted = make_folder(request.folder) / f"{request.stem}{suffix}"
    path, what = write_unused(wanted, write, suffix=suffix)
    seconds = time.perf_counter() - started
    film = request.animation is not None
    ticket.post(act.Captured(str(path), film))
    lane = "film" if film else "capture"
    ticket.post(act.EndJob(lane, "info", f"Wrote {path} ({what}, {seconds:.0f} s)"))


def _write(scene: Scene, request: CaptureRequest, path: Path, ticket: Ticket) -> str:
    """Write the file; what it holds, in words."""
    from ballgan.capture import capture_picture, render_shown
    from ballgan.filming import FilmSettings, render_film
    from ballgan.images import write_rgba
    from ballgan.video import FORMATS

    options, film = request.options, request.animation
    report, facts = ticket.progress, request.metadata
    if film is None and not options.size:  # as `ballgan render --session` does
        rgba = render_shown(scene, request.view, options.sides, progress=report)
        write_rgba(path, rgba, facts)
        return f"{len(rgba)} pixels"
    size = options.size if film is None else options.film_size
    settings = FilmSettings(size or None, options.passes, sides=options.sides)
    if film is None:
        capture_picture(scene, request.view, path, settings, metadata=facts, progress=report)
        return f"{size} pixels"
    film = replace(film, fps=min(film.fps, FORMATS[options.film].max_fps))

    def describe(view: View) -> dict[str, str]:
        session = replace(request.session, view=view, animation=Animation())
        return {"Software": "ballgan-viewer"} | describe_picture(session)

    count = render_film(
        scene,
        request.view,
        film,
        path,
        settings,
        format=options.film,
        metadata=describe,
        progress=report,
    )
    return f"{count} pictures"


def _suffix(film: str) -> str:
    from ballgan.video import FORMATS

    return FORMATS[film].suffix
