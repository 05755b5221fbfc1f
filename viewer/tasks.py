"""What the worker's threads do: open files, render, find surfaces, write meshes.

Imports of torch, and of what needs it, happen inside the threads: the window is there first. What
else computes with the model: baker, capture_tasks, backdrop_tasks, thumbnail_maker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ballgan.errors import Cancelled
from ballgan.view import Identity, View

from . import actions as act
from . import cameras, describe
from .baker import Baker
from .notes import load_notes
from .paths import find_mesh_path, make_folder, no_files, unused, write_unused
from .requests import (
    STAGES,
    ExportRequest,
    Forget,
    GpuPixels,
    Model,
    Pixels,
    Rendered,
    RenderRequest,
    SaveRequest,
    Settled,
    Surface,
    SurfaceRequest,
    rank,
)
from .reveal import reveal
from .sniff import recognise
from .worker import Failed, Ticket

SURFACE_RESOLUTIONS = (48, 96)  # samples along a side for the level preview, coarse first
KEPT_IDENTITIES = 2  # whose densities are kept: those of the two sides of a comparison
MEASURED = 512  # rays along a side of the picture whose separation is measured, at most
TEXTURE_SIZE = 1024  # pixels


def open_model(request: act.OpenModel, ticket: Ticket) -> None:
    """Load a model file and post ModelOpened."""
    import ballgan
    from ballgan.chunks import part_of
    from ballgan.model_files import describe_file

    path = str(find_bundled_model()) if request.bundled else request.path
    generator = ballgan.load(path, progress=part_of(ticket.progress, 0.0, 0.8))
    file = describe_file(path, part_of(ticket.progress, 0.8, 1.0))
    info = describe.describe_model(generator, path, bundled=request.bundled)
    info = replace(info, size=file.size, sha256=file.sha256)
    notes, complaint = load_notes(info.sha256)
    model = Model(info, generator)
    unasked = request.again or bool(request.replaces)
    kind = act.ModelArrived if unasked else act.ModelOpened
    ticket.post(kind(info, model, request.show, request.replaces, notes))
    if complaint:
        ticket.post(act.Notify("error", complaint))


def open_photo(request: act.OpenPhoto, ticket: Ticket) -> None:
    """Check that an image file can be read and post PhotoOpened."""
    import ballgan

    ballgan.Panorama(request.path).load()
    ticket.check()
    ticket.post(act.PhotoOpened(request.path))


def recognise_file(request: act.OpenFile, ticket: Ticket) -> None:
    """Look into a file and post FileRecognised."""
    kind, camera = recognise(request.path), None
    if kind == "cameras":
        try:
            camera = cameras.read_first(request.path)
        except ValueError as error:
            ticket.post(act.Notify("error", str(error), cameras.ORIGIN))
    ticket.post(act.FileRecognised(request.path, kind, camera))


def find_bundled_model() -> Path:
    """The model that is part of the installation. Raises ValueError if there is none."""
    from ballgan.model_files import bundled_model

    path = bundled_model()
    if path is None:
        raise ValueError("No model is part of this installation: open one, or drop it here.")
    return path


class Direct(Protocol):
    """Whether a window takes GpuPixels; it may find out that it cannot."""

    direct: bool


class Renderer:
    """Owns the scene; climbs the ladder of pictures of a view as far as it is asked to."""

    def __init__(self, window: Direct | None = None) -> None:
        """`window`: whether it takes pictures from the GPU directly; None: it does not."""
        self._window = window
        self._scene: Any = None
        self._baker: Baker | None = None
        self._model: Model | None = None
        self._view: View | None = None
        self._revision = 0
        self._ladder: Iterator[Any] | None = None
        self._ticket: Ticket | None = None
        self._climbed = ""  # last stage of the ladder that was posted
        self._unbaked: Any = None  # what could not be baked

    def __call__(self, request: RenderRequest | Forget, ticket: Ticket) -> None:
        """Post Rendered for each stage up to the limit, and Settled at the end.

        With the preview: what it needs before that, and better versions of it afterwards.
        """
        if isinstance(request, Forget):
            self._scene = self._baker = self._model = None
            self._view = self._ladder = self._ticket = self._unbaked = None
            return
        self._ticket = ticket
        climbing = request.shows(self._model, self._view, self._revision) if self._view else False
        if self._ladder is None or not climbing:
            self._start(request)
        try:
            baked = request.preview and self._bake(request, ticket)
            if not baked or request.limit != STAGES[0]:
                self._climb(request, ticket, baked=baked)
        except BaseException:
            self._ladder = None
            raise
        bakes = baked or request.pane > 0
        if bakes and request.limit == STAGES[-1] and self._baker is not None:
            self._baker.refine(ticket)

    def _start(self, request: RenderRequest) -> None:
        from ballgan import staging

        self._ladder = None
        if self._model != request.model:
            self._scene = request.model.scene
            self._baker = Baker(self._scene, request.model)
        self._model, self._view, self._climbed = request.model, request.view, ""
        self._revision = request.revision
        staging.set_scene(self._scene, request.view)

    def _bake(self, request: RenderRequest, ticket: Ticket) -> bool:
        """Post what the preview lacks; False if that fails. It is told, the network's picture
        comes all the same, and it is tried again when something else is to be baked."""
        assert self._baker is not None
        subject = request.view.identity, request.view.backdrop, request.revision
        if subject == self._unbaked:
            return False
        # Never dropped for a newer view: else nothing would show while a code moves.
        ticket.protected = True
        try:
            self._baker.prepare(request, ticket)
            self._unbaked = None
        except Cancelled:
            raise
        except Exception as error:
            self._unbaked = subject
            text = f"There is no quick preview: {Failed('render', request, error).message}"
            ticket.post(act.Notify("error", text, "preview"))
        ticket.protected = False
        ticket.check()
        return self._unbaked is None

    def _climb(self, request: RenderRequest, ticket: Ticket, *, baked: bool) -> None:
        """Post the next pictures; baked: there is something in the place of the first one."""
        from ballgan import staging

        if self._ladder is None:
            self._ladder = self._scene.render_progressively(
                staging.to_camera(request.view.camera),
                replace(staging.to_settings(request.view), keep_pixels=True),
                progress=self._check,
                preview=not baked,
            )
        last = request.limit == STAGES[-1]
        if self._climbed and not last and rank(self._climbed) >= rank(request.limit):
            return
        while True:
            # The first picture is never dropped for a newer view: else a drag on a slow machine
            # would show nothing until it stops.
            ticket.protected = not self._climbed and not baked
            started = time.perf_counter()
            frame = next(self._ladder, None)
            if frame is None:
                break
            milliseconds = 1000 * (time.perf_counter() - started)
            direct = self._window is not None and self._window.direct
            ticket.post(_to_rendered(request, frame, milliseconds, direct))
            self._climbed = frame.stage
            if not last and rank(frame.stage) >= rank(request.limit):
                return
            ticket.protected = False
            ticket.check()
        ticket.post(Settled(request, self._measure(request)))

    def _measure(self, request: RenderRequest) -> Any:
        """How clearly the foreground is apart in the view; its rays were just followed."""
        from ballgan import staging

        if request.view.layer == "background":
            return None
        camera = staging.to_camera(request.view.camera)
        settings = staging.to_settings(request.view)
        if self._scene.neural_resolution(settings) > MEASURED:  # as many rays would take long
            settings = replace(settings, neural_resolution=MEASURED)
        ticket = self._ticket
        assert ticket is not None
        return self._scene.separation(camera, settings, progress=lambda _: ticket.check())

    def _check(self, fraction: float) -> None:
        assert self._ticket is not None
        self._ticket.break_silence(fraction)


class SurfaceFinder:
    """Finds surfaces for the level preview; the sampled densities are kept for the next level."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._scene: Any = None
        self._grids: dict[Identity, dict[int, np.ndarray]] = {}  # by resolution; used last is last

    def __call__(self, request: SurfaceRequest | Forget, ticket: Ticket) -> None:
        """Post Surface at each resolution."""
        if isinstance(request, Forget):
            self._model, self._scene, self._grids = None, None, {}
            return
        grids = self._prepare(request)
        for resolution in SURFACE_RESOLUTIONS:
            last = resolution == SURFACE_RESOLUTIONS[-1]
            if last or SURFACE_RESOLUTIONS[-1] not in grids:
                ticket.protected = not last
                ticket.post(self._find(request, resolution, grids, ticket, last))
                ticket.check()

    def _prepare(self, request: SurfaceRequest) -> dict[int, np.ndarray]:
        """Give the scene its foreground; the densities that are known of it, to be added to."""
        import ballgan
        from ballgan import staging

        if self._model != request.model:
            self._model, self._grids = request.model, {}
            self._scene = ballgan.Scene(request.model.generator)
        staging.set_identity(self._scene, request.identity)
        grids = self._grids.pop(request.identity, {})
        kept = list(self._grids.items())[1 - KEPT_IDENTITIES :]
        self._grids = dict([*kept, (request.identity, grids)])
        return grids

    def _find(
        self,
        request: SurfaceRequest,
        resolution: int,
        grids: dict[int, np.ndarray],
        ticket: Ticket,
        final: bool,
    ) -> Surface:
        from ballgan.chunks import part_of
        from ballgan.mesh_picture import build_surface, sample_grid

        report, sampled = ticket.break_silence, 0.0
        if resolution not in grids:
            sampled = 0.7
            grids[resolution] = sample_grid(self._scene, resolution, part_of(report, 0.0, sampled))
        found = build_surface(
            self._scene,
            grids[resolution],
            request.level,
            painted=request.painted,
            progress=part_of(report, sampled, 1.0),
        )
        return Surface(request, found, resolution, final)


def reveal_file(request: act.RevealFile, ticket: Ticket) -> None:
    """Show a file in the system's file manager, or post a notice."""
    complaint = reveal(request.path)
    if complaint is not None:
        ticket.post(act.Notify("error", complaint))


def save_picture(request: SaveRequest, ticket: Ticket) -> None:
    """Write a picture and post a notice."""
    from ballgan.images import write_rgba
    from ballgan.split import join_pictures

    picture = join_pictures(list(request.pictures), request.divider)

    def write(path: Path) -> None:
        write_rgba(path, picture, request.metadata)

    path, _ = write_unused(make_folder(request.folder) / f"{request.stem}.png", write)
    ticket.post(act.Captured(str(path)))
    ticket.post(act.Notify("info", f"Saved {path}"))


def export_mesh(request: ExportRequest, ticket: Ticket) -> None:
    """Write a mesh file and post ExportFinished."""
    from ballgan.chunks import part_of
    from ballgan.files import check_writable
    from ballgan.mesh import write_mesh
    from ballgan.mesh_files import TEXTURE_SUFFIXES, texture_paths

    started = time.perf_counter()
    options = request.options
    wanted = find_mesh_path(options, request.name, make_folder(request.folder))
    if not wanted.parent.is_dir():  # told before the mesh is made
        raise FileNotFoundError(f"cannot write {wanted}: there is no folder {wanted.parent}")
    check_writable(unused(wanted))
    suffix = wanted.suffix.lower()
    textured = options.texture and suffix in TEXTURE_SUFFIXES
    dome = None
    if request.domed and suffix == ".glb":  # first: a photo that cannot be read is told at once
        dome = _build_dome(request, part_of(ticket.progress, 0.0, 0.05))
    mesh = _build_mesh(request, textured, part_of(ticket.progress, 0.05, 0.95))

    def write(path: Path) -> None:
        write_mesh(mesh, path, dome=dome, progress=part_of(ticket.progress, 0.95, 1.0))

    beside = texture_paths if textured and suffix == ".obj" else no_files
    path, _ = write_unused(wanted, write, beside=beside)
    seconds = time.perf_counter() - started
    text = f"Wrote {path} ({len(mesh.faces):,} triangles, {seconds:.0f} s)"
    ticket.post(act.ExportFinished(str(path), text))


def _build_dome(request: ExportRequest, progress: Callable[[float], None]) -> Any:
    import ballgan
    from ballgan import staging

    scene = ballgan.Scene(request.model.generator)
    scene.background = staging.to_background(request.backdrop)
    return scene.dome(progress=progress)


def _build_mesh(request: ExportRequest, textured: bool, progress: Callable[[float], None]) -> Any:
    import ballgan
    from ballgan import staging

    options, scene = request.options, ballgan.Scene(request.model.generator)
    staging.set_identity(scene, request.identity)
    return scene.mesh(
        options.resolution,
        level="auto" if options.automatic_level else options.level,
        simplify=options.faces or None,
        texture=TEXTURE_SIZE if textured else None,
        progress=progress,
    )


def _to_rendered(request: RenderRequest, frame: Any, milliseconds: float, direct: bool) -> Rendered:
    from ballgan import staging

    rgba = staging.to_rgba(request.view, frame, request.model.generator.config)
    depth = frame.foreground_depth
    if depth is None or request.view.layer == "background":  # or of a very large picture
        depth = frame.depth
    return Rendered(
        request,
        frame.stage,
        rgba,
        _to_pixels(request.view, frame, rgba, direct),
        frame.neural_resolution,
        milliseconds,
        frame.alpha,
        depth,
        frame.convergence,
    )


def _to_pixels(view: View, frame: Any, rgba: np.ndarray, direct: bool) -> Pixels:
    """What the window shows of a frame: of a GPU as it is there, if it is taken directly."""
    if frame.pixels is None or view.layer in ("alpha", "depth"):  # that are shaded on the CPU
        return describe.premultiply(rgba)
    if frame.pixels.device.type != "cuda":
        return frame.pixels.cpu().numpy()
    import torch

    stream = torch.cuda.current_stream(frame.pixels.device)
    if direct:
        return GpuPixels(frame.pixels, stream.record_event())
    pinned = frame.pixels.to("cpu", non_blocking=True)  # where the driver of GL reads it sooner
    stream.synchronize()
    return pinned.numpy()
