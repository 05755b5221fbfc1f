"""What the worker's threads do: open files, render, find surfaces, write meshes.

This is the only module of the viewer that computes with the model; its imports of torch and
ballgan happen inside the threads, so that the window is there first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import actions as act
from .state import ExportOptions, ModelInfo
from .view import Backdrop, Code, Orbit, View
from .worker import Ticket

if TYPE_CHECKING:
    import ballgan

STAGES = ("preview", "raw", "full")
SURFACE_RESOLUTIONS = (48, 96)  # samples along a side for the level preview, coarse first
BUNDLED_MODELS = ("heads.pkl", "placeholder.pkl")  # the first that is there
SPHERE_MARGIN = 0.98  # of the background's radius that the camera may use


@dataclass(frozen=True)
class Model:
    """A loaded generator and what the window knows of it; two are equal if they are the same."""

    info: ModelInfo
    generator: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.generator is other.generator

    def __hash__(self) -> int:
        return id(self.generator)


@dataclass(frozen=True)
class RenderRequest:
    """Render `view` up to the stage `limit`."""

    model: Model
    view: View
    limit: str = "full"

    def covers(self, other: RenderRequest) -> bool:
        """Whether the work on this request gives all that `other` asks for."""
        same = (self.model, self.view) == (other.model, other.view)
        return same and rank(self.limit) >= rank(other.limit)


@dataclass(frozen=True)
class Rendered:
    """A picture of a view, ready to show."""

    request: RenderRequest
    stage: str
    rgba: np.ndarray  # (H, W, 4) float32, straight
    pixels: np.ndarray  # (H, W, 4) uint8, premultiplied
    neural_resolution: int
    milliseconds: float


@dataclass(frozen=True)
class Settled:
    """Nothing better than the last picture of this view will come."""

    request: RenderRequest


@dataclass(frozen=True)
class SurfaceRequest:
    """Find the surface of a foreground at a raw density; None: choose it."""

    model: Model
    code: Code
    level: float | None


@dataclass(frozen=True)
class Surface:
    """A coarse mesh for the level preview."""

    request: SurfaceRequest
    vertices: np.ndarray  # (V, 3) float32, world units
    normals: np.ndarray  # (V, 3) float32, unit length
    faces: np.ndarray  # (F, 3)
    level: float
    density_range: tuple[float, float]
    final: bool


@dataclass(frozen=True)
class ExportRequest:
    """Write the foreground of a code as a mesh."""

    model: Model
    code: Code
    options: ExportOptions
    path: str


def open_model(request: act.OpenModel, ticket: Ticket) -> None:
    """Load a model file and post ModelOpened."""
    import ballgan

    path = str(find_bundled_model()) if request.bundled else request.path
    generator = ballgan.load(path)
    info = describe_model(generator, path, bundled=request.bundled)
    ticket.post(act.ModelOpened(info, Model(info, generator)))


def open_picture(request: act.OpenPicture, ticket: Ticket) -> None:
    """Check that an image file can be read and post PictureOpened."""
    import ballgan

    ballgan.Panorama(request.path).load()
    ticket.post(act.PictureOpened(request.path))


def find_bundled_model() -> Path:
    """The model that is part of the installation. Raises ValueError if there is none."""
    folder = resources.files("ballgan.assets")
    for name in BUNDLED_MODELS:
        path = Path(str(folder / name))
        if path.is_file():
            return path
    raise ValueError("No model is part of this installation: open one, or drop it on the window.")


def describe_model(generator: Any, path: str, *, bundled: bool = False) -> ModelInfo:
    """What the window needs to know of a generator."""
    config, meta = generator.config, generator.meta
    camera = config.camera
    home = Orbit(radius=camera.radius, pivot=tuple(camera.pivot), fov=camera.fov)
    sphere = config.background
    limit = SPHERE_MARGIN * sphere.radius if sphere else 4 * camera.radius
    return ModelInfo(
        path=path,
        name=Path(path).stem,
        kind=str(meta.get("source", "BallGAN" if sphere else "EG3D")),
        image_resolution=config.image_resolution,
        neural_resolution=config.neural_resolution,
        has_background=sphere is not None,
        has_super_resolution=config.super_resolution is not None,
        home=home,
        camera_limit=limit,
        box=config.field.box_warp,
        placeholder=bool(meta.get("placeholder", False)),
        bundled=bundled,
        notes=tuple(str(note) for note in meta.get("notes", ())),
    )


def to_latent(code: Code, kind: type[ballgan.Latent]) -> ballgan.Latent:
    """The library's latent for a place on the lattice."""
    return kind.at(code.x, code.y, truncation_psi=code.truncation_psi)


def to_background(backdrop: Backdrop) -> Any:
    """The library's background; None: transparent."""
    import ballgan

    if not backdrop.visible:
        return None
    if backdrop.kind == "colour":
        return ballgan.SolidColor(backdrop.colour)
    if backdrop.kind == "photo" and backdrop.photo is not None:
        return ballgan.Panorama(backdrop.photo, yaw=backdrop.yaw, exposure=backdrop.exposure)
    return to_latent(backdrop.code, ballgan.LearntBackground)


def to_camera(orbit: Orbit) -> Any:
    """The library's camera."""
    import ballgan

    return ballgan.Camera.orbit(
        orbit.yaw, orbit.pitch, radius=orbit.radius, pivot=orbit.pivot, fov=orbit.fov
    )


class Renderer:
    """Owns the scene; climbs the ladder of pictures of a view as far as it is asked to."""

    def __init__(self) -> None:
        self._scene: Any = None
        self._model: Model | None = None
        self._view: View | None = None
        self._ladder: Iterator[Any] | None = None
        self._ticket: Ticket | None = None
        self._climbed = ""  # last stage of the ladder that was posted

    def __call__(self, request: RenderRequest, ticket: Ticket) -> None:
        """Post Rendered for each stage up to the limit, and Settled at the end."""
        self._ticket = ticket
        if self._ladder is None or (self._model, self._view) != (request.model, request.view):
            self._start(request)
        try:
            self._climb(request, ticket)
        except BaseException:
            self._ladder = None
            raise

    def _start(self, request: RenderRequest) -> None:
        import ballgan

        if self._model != request.model:
            self._scene = ballgan.Scene(request.model.generator)
        self._model, self._view, self._climbed = request.model, request.view, ""
        view = request.view
        self._scene.latent = to_latent(view.foreground, ballgan.Latent)
        self._scene.background = to_background(view.backdrop)
        self._ladder = self._scene.render_progressively(
            to_camera(view.camera), _settings(view), progress=self._check
        )

    def _climb(self, request: RenderRequest, ticket: Ticket) -> None:
        assert self._ladder is not None
        last = request.limit == STAGES[-1]
        if self._climbed and not last and rank(self._climbed) >= rank(request.limit):
            return
        while True:
            # The first picture is never dropped for a newer view: else a drag on a slow machine
            # would show nothing until it stops.
            ticket.protected = not self._climbed
            started = time.perf_counter()
            frame = next(self._ladder, None)
            if frame is None:
                break
            milliseconds = 1000 * (time.perf_counter() - started)
            ticket.post(_to_rendered(request, frame, milliseconds))
            self._climbed = frame.stage
            if not last and rank(frame.stage) >= rank(request.limit):
                return
            ticket.protected = False
            ticket.check()
        ticket.post(Settled(request))

    def _check(self, fraction: float) -> None:
        assert self._ticket is not None
        self._ticket.check()


class SurfaceFinder:
    """Finds surfaces for the level preview; the sampled densities are kept for the next level."""

    def __init__(self) -> None:
        self._key: tuple[Model, Code] | None = None
        self._scene: Any = None
        self._grids: dict[int, np.ndarray] = {}

    def __call__(self, request: SurfaceRequest, ticket: Ticket) -> None:
        """Post Surface at each resolution."""
        self._prepare(request)
        for resolution in SURFACE_RESOLUTIONS:
            last = resolution == SURFACE_RESOLUTIONS[-1]
            if last or SURFACE_RESOLUTIONS[-1] not in self._grids:
                ticket.protected = not last
                ticket.post(self._find(request, resolution, ticket, last))
                ticket.check()

    def _prepare(self, request: SurfaceRequest) -> None:
        import ballgan

        key = (request.model, request.code)
        if self._key == key:
            return
        if self._key is None or self._key[0] != request.model:
            self._scene = ballgan.Scene(request.model.generator)
        self._scene.latent = to_latent(request.code, ballgan.Latent)
        self._key, self._grids = key, {}

    def _find(
        self, request: SurfaceRequest, resolution: int, ticket: Ticket, final: bool
    ) -> Surface:
        from ballgan import mesh

        box = request.model.info.box
        if resolution not in self._grids:
            self._grids[resolution] = self._sample(request, resolution, ticket)
        grid = self._grids[resolution]
        inner = grid[1:-1, 1:-1, 1:-1]
        level = mesh.find_level(inner) if request.level is None else request.level
        vertices, faces = mesh.find_surface(grid.copy(), level)
        vertices, faces = mesh.keep_largest_component(vertices, faces)
        return Surface(
            request,
            ((vertices - 0.5) * box).astype(np.float32),
            vertex_normals(vertices, faces),
            faces,
            float(level),
            (float(inner.min()), float(inner.max())),
            final,
        )

    def _sample(self, request: SurfaceRequest, resolution: int, ticket: Ticket) -> np.ndarray:
        import torch

        from ballgan import mesh

        generator = request.model.generator
        with torch.inference_mode():
            planes = self._scene.planes()
            return mesh.sample_density(
                lambda points: generator.density(planes, points),
                box=request.model.info.box,
                resolution=resolution,
                device=generator.device,
                progress=lambda _: ticket.check(),
            )


def export_mesh(request: ExportRequest, ticket: Ticket) -> None:
    """Write a mesh file and post ExportFinished."""
    import ballgan
    from ballgan.mesh import check_mesh_path, write_mesh

    started = time.perf_counter()
    check_mesh_path(request.path)
    scene = ballgan.Scene(request.model.generator)
    scene.latent = to_latent(request.code, ballgan.Latent)
    options = request.options
    mesh = scene.mesh(
        options.resolution,
        level="auto" if options.automatic_level else options.level,
        progress=lambda fraction: ticket.progress(0.98 * fraction),
    )
    ticket.check()
    write_mesh(mesh, request.path)
    seconds = time.perf_counter() - started
    text = f"Wrote {request.path} ({len(mesh.faces):,} triangles, {seconds:.0f} s)"
    ticket.post(act.ExportFinished(request.path, text))


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3) float32 of a triangle mesh."""
    corners = vertices[faces]  # (F, 3, 3)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.maximum(lengths, 1e-20)).astype(np.float32)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Straight float (H, W, 4) in [0, 1] -> premultiplied uint8 (H, W, 4)."""
    scaled = rgba * 255.0
    scaled[..., :3] *= rgba[..., 3:]
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def shade_depth(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """Distances (H, W) as grey (H, W, 3): white at `near`, black at `far` and beyond."""
    grey = np.clip((far - depth) / max(far - near, 1e-9), 0.0, 1.0)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


def _settings(view: View) -> Any:
    import ballgan

    layer = "foreground" if view.layer in ("alpha", "depth") else view.layer
    return ballgan.RenderSettings(layer=layer, neural_resolution=view.neural_resolution)


def _to_rendered(request: RenderRequest, frame: Any, milliseconds: float) -> Rendered:
    rgba = _layer_rgba(request, frame)
    return Rendered(
        request, frame.stage, rgba, premultiply(rgba), frame.neural_resolution, milliseconds
    )


def _layer_rgba(request: RenderRequest, frame: Any) -> np.ndarray:
    layer = request.view.layer
    if layer == "alpha":
        grey = np.repeat(frame.alpha[..., None], 3, axis=2)
        return np.concatenate([grey, np.ones_like(grey[..., :1])], axis=2)
    if layer == "depth":
        near, far = depth_range(request.view.camera, request.model.info.box)
        grey = shade_depth(frame.depth, near, far)
        return np.concatenate([grey, frame.alpha[..., None]], axis=2)
    return frame.rgba()


def depth_range(camera: Orbit, box: float) -> tuple[float, float]:
    """Distances shown white and black: the foreground's cube, seen from the camera."""
    position = [p + camera.radius * d for p, d in zip(camera.pivot, camera.direction, strict=True)]
    distance = math.hypot(*position)
    return max(distance - 0.6 * box, 0.0), distance + 0.6 * box


def rank(stage: str) -> int:
    """Place of a stage on the ladder; higher is better."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES) - 1
