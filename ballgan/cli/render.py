"""`ballgan render`: pictures of seeds from cameras, and a contact sheet of them."""

from __future__ import annotations

import itertools
import json
import math
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ballgan
from ballgan.files import check_writable
from ballgan.filming import is_transparent_view
from ballgan.images import contact_sheet, read_pixels, resize_image, write_png, write_png_bands
from ballgan.model_files import ModelFile, describe_file
from ballgan.plain import to_plain
from ballgan.session import Session, describe_picture
from ballgan.shot import Progress
from ballgan.staging import draw_mesh, find_mesh_side, to_rgba
from ballgan.view import DepthStyle, MeshStyle, View

from .backdrops import (
    Backdrop,
    choose_light,
    describe_background,
    list_backdrops,
    list_learnt,
)
from .crew import Crew
from .latents import describe_edits, list_latents, name_edits
from .progress import ProgressBar
from .render_session import FILM_OPTIONS, prepare_session
from .styles import choose_depth, choose_mesh
from .values import DEFAULT_TRUNCATION
from .viewpoints import Viewpoint, list_viewpoints, write_cameras
from .views import describe_backdrop, describe_camera, describe_code
from .work import Piece, Work

SHEET_NAME = "contact_sheet.png"
_SHEET_PIXELS = 2**25  # of all cells of a contact sheet together
_SHEET_CELL = 256  # pixels, the longest side of a cell at most


@dataclass(frozen=True)
class Shot:
    """One picture."""

    latent: ballgan.Latent
    backdrop: Backdrop
    point: Viewpoint


@dataclass(frozen=True)
class RenderJob:
    """Everything one `ballgan render` does, checked; rows are (latent, backdrop) pairs."""

    model: str
    device: torch.device
    rows: tuple[tuple[ballgan.Latent, Backdrop], ...]
    cameras: tuple[Viewpoint, ...]
    settings: ballgan.RenderSettings
    layer: str
    output: Path
    needs_sphere: bool  # whether the user chose among learnt backgrounds
    learnt: ballgan.Latent  # the code of the model's own background
    match_light: ballgan.MatchLight | None
    backdrop_camera: ballgan.Orbit | None  # None: that of each picture
    depth: DepthStyle
    mesh: MeshStyle
    write_cameras: str | None = None  # convention of a file with the pictures' cameras; None: none
    crew: Crew = Crew()
    overwrite: bool = False

    @property
    def shots(self) -> list[Shot]:
        """All pictures, row by row."""
        return [Shot(*row, camera) for row in self.rows for camera in self.cameras]

    def run(self) -> str:
        """Render and write all pictures; returns what to tell the user."""
        check_writable(self.output / SHEET_NAME)
        scene = ballgan.Scene(ballgan.load(self.model, device=self.device))
        if self.needs_sphere and scene.model.config.background is None:
            raise ValueError("--background-seeds: this model has no background network")
        scene.match_light, scene.backdrop_camera = self.match_light, self.backdrop_camera
        shots = self.shots
        file = describe_file(self.model)
        pieces = [Piece(self._name_file(shot), self._origin(shot, file.sha256)) for shot in shots]
        work = Work(self.output, pieces, self.crew, overwrite=self.overwrite)

        def make(index: int, progress: Progress) -> None:
            path, texts = self.output / pieces[index].name, work.texts(index)
            self._render(scene, shots[index], file, path, texts, progress)

        with ProgressBar("render", shown=self.crew.is_first) as bar:
            complete = work.run(make, bar)
        if not complete:
            return work.describe_share()
        if self.write_cameras is not None:
            self._write_cameras(shots, self.write_cameras, scene.model.config)
        self._write_sheet([self.output / piece.name for piece in pieces])
        pictures = "1 picture" if len(work) == 1 else f"{len(work)} pictures"
        before = f", {work.found} of them from before," if work.found else ""
        return f"{self.output}: {pictures}{before} and {SHEET_NAME}"

    def _render(
        self,
        scene: ballgan.Scene,
        shot: Shot,
        file: ModelFile,
        path: Path,
        texts: dict[str, str],
        progress: Progress,
    ) -> None:
        """Write one picture, with texts besides its own."""
        scene.latent, scene.background = shot.latent, shot.backdrop.background
        config = scene.model.config
        view = self._view(shot, config)
        if self.layer == "surface":
            size = self.settings.size
            bands = draw_mesh(scene, shot.point.camera, self.mesh, size, progress=progress)
        else:
            frames = scene.render_bands(shot.point.camera, self.settings, progress=progress)
            bands = (to_rgba(view, frame, config) for frame in frames)
        channels = 4 if is_transparent_view(view) else 3
        facts = texts | self._describe(shot) | describe_picture(Session((file,), 0, view))
        write_picture(path, (band[..., :channels] for band in bands), facts)

    def _write_sheet(self, pictures: list[Path]) -> None:
        """Write the contact sheet, from the pictures' files."""
        count, columns = len(pictures), len(self.cameras)
        side = max(16, min(_SHEET_CELL, math.isqrt(_SHEET_PIXELS // count)))
        cells = [load_small(path, side) for path in pictures]
        sheet = contact_sheet(
            [cells[start : start + columns] for start in range(0, count, columns)],
            [self._label_row(latent, backdrop) for latent, backdrop in self.rows],
            [camera.label for camera in self.cameras],
        )
        write_png(self.output / SHEET_NAME, sheet)

    def _origin(self, shot: Shot, model: str) -> dict[str, Any]:
        """All that decides a picture's pixels."""
        return {
            "model": model,
            "foreground": to_plain(shot.latent),
            **describe_background(shot.backdrop.background),
            "camera": to_plain(shot.point.camera),
            "background_camera": to_plain(self.backdrop_camera),
            "match_light": to_plain(self.match_light),
            "layer": self.layer,
            "depth": to_plain(self.depth),
            "mesh": to_plain(self.mesh),
            **to_plain(self.settings),
        }

    def _write_cameras(
        self, shots: list[Shot], convention: str, config: ballgan.ModelConfig
    ) -> None:
        cameras = {
            self._name_file(shot): shot.point.camera.resolve(config.camera) for shot in shots
        }
        meshed = self.layer == "surface"
        own = find_mesh_side(config) if meshed else config.image_resolution
        size = self.settings.size or own
        write_cameras(self.output, convention, cameras, size)

    def _name_file(self, shot: Shot) -> str:
        seed = [f"seed{shot.latent.seed:04d}", *name_edits(shot.latent)]
        parts = [*seed, shot.backdrop.token, *shot.point.tokens]
        parts += self._list_choices(shot.latent, shot.point)
        return "_".join([*parts, self.layer]) + ".png"

    def _list_choices(self, latent: ballgan.Latent, camera: Viewpoint) -> list[str]:
        """What differs from the defaults, so that other options give other names."""
        settings = self.settings
        psi = None if latent.truncation_psi == DEFAULT_TRUNCATION else latent.truncation_psi
        choices = {
            "psi": psi,
            "cut": latent.truncation_cutoff,
            **camera.choices,
            "size": settings.size,
            "neural": settings.neural_resolution,
            "samples": settings.samples,
            "light": None if self.match_light is None else self.match_light.strength,
            "level": self.mesh.level,
        }
        parts = [f"{name}{value:.9g}" for name, value in choices.items() if value is not None]
        if self.depth.near is not None:
            parts.append(f"range{self.depth.near:.9g}-{self.depth.far:.9g}")
        words = {
            self.depth.colormap: self.depth.colormap != "grey",
            self.mesh.paint: self.mesh.paint != "clay",
            "wireframe": self.mesh.wireframe,
            "still": self.backdrop_camera is not None,
            settings.sampler: settings.sampler != "fast",
        }
        return [*parts, *(word for word, applies in words.items() if applies)]

    def _describe(self, shot: Shot) -> dict[str, str]:
        """Text chunks that tell how a picture was made."""
        latent = shot.latent
        facts = {
            "model": Path(self.model).name,
            "seed": latent.seed,
            "truncation": latent.truncation_psi,
            "truncation_cutoff": latent.truncation_cutoff,
            "edits": describe_edits(latent),
            "background": shot.backdrop.label,
            "still_background": True if self.backdrop_camera else None,
            "match_light": self.match_light.strength if self.match_light else None,
            **shot.point.facts,
            "layer": self.layer,
        }
        given = {key: value for key, value in facts.items() if value is not None}
        return {"Software": "ballgan render", "ballgan": json.dumps(given)}

    def _view(self, shot: Shot, config: ballgan.ModelConfig) -> View:
        """What the window shows if a picture is dropped on it."""
        shown = describe_backdrop(shot.backdrop.background, self.learnt, self.match_light)
        if self.backdrop_camera is not None:
            shown = replace(shown, camera=describe_camera(self.backdrop_camera, config))
        return View(
            foreground=describe_code(shot.latent),
            backdrop=shown,
            camera=shot.point.orbit(config),
            layer=self.layer,
            neural_resolution=self.settings.neural_resolution,
            depth=self.depth,
            mesh=self.mesh,
        )

    def _label_row(self, latent: ballgan.Latent, backdrop: Backdrop) -> str:
        several = len({other.label for _, other in self.rows}) > 1
        parts = [f"seed {latent.seed}", *name_edits(latent)]
        return ", ".join([*parts, backdrop.label] if several else parts)


def prepare_render(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job. Raises ValueError before the model is read."""
    output = Path(args.output)
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output {output} is a file; a folder is needed")
    others = [name for name in FILM_OPTIONS if getattr(args, name) != args.defaults[name]]
    if others and args.video is None:
        raise ValueError(f"--{others[0]} needs --video FILE, the film to write")
    if args.session is not None:
        return prepare_session(args)
    if args.model is None:
        raise ValueError("name a model file, or what to render with --session FILE")
    if args.video is not None:
        if args.cameras is not None or args.write_cameras is not None:
            raise ValueError("--cameras and --write-cameras are for pictures, not for --video")
        from .film import prepare_film

        return prepare_film(args, None, Path(args.model))
    if args.layer == "background" and args.background == "none":
        raise ValueError("--layer background needs a --background other than none")
    latents = list_latents(args, args.seeds, ballgan.Latent)
    backdrops = list_backdrops(args)
    fov = None if args.fov is None else math.radians(args.fov)
    return RenderJob(
        model=args.model,
        device=args.crew.choose_device(args.device),
        rows=tuple((latent, backdrop) for latent in latents for backdrop in backdrops),
        cameras=list_viewpoints(args),
        settings=ballgan.RenderSettings(
            size=args.size,
            neural_resolution=args.neural_resolution,
            sampler=args.sampler,
            layer="foreground" if args.layer in ("depth", "alpha", "surface") else args.layer,
            samples=args.samples,
            matte="solved",
        ),
        layer=args.layer,
        output=output,
        needs_sphere=args.background == "learnt" and args.background_seeds is not None,
        learnt=list_learnt(args)[0],
        match_light=choose_light(args),
        backdrop_camera=ballgan.Camera.orbit(radius=args.radius, fov=fov)
        if args.still_background
        else None,
        depth=choose_depth(args),
        mesh=choose_mesh(args),
        write_cameras=args.write_cameras,
        crew=args.crew,
        overwrite=args.overwrite,
    ).run


def write_picture(path: Path, bands: Iterator[np.ndarray], facts: dict[str, str]) -> None:
    """Write a square picture that comes in bands."""
    first = next(bands)
    size, channels = first.shape[1:]
    if len(first) == size:
        write_png(path, first, facts)
    else:
        parts = itertools.chain([first], bands)
        write_png_bands(path, parts, (size, size, channels), facts)


def load_small(path: Path, side: int) -> np.ndarray:
    """A square picture of ours, (h, w, 3 or 4) floats, with at most `side` pixels a side."""
    pixels = read_pixels(path)
    step = max(1, len(pixels) // (4 * side))
    pixels = pixels[::step, ::step]  # of a large picture the bytes alone are kept
    return resize_image(pixels.astype(np.float32) / 255, side)
