"""`ballgan render`: pictures of seeds from cameras, and a contact sheet of them."""

from __future__ import annotations

import itertools
import json
import math
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import ballgan
from ballgan.checkpoint import choose_device
from ballgan.depth import find_depth_range, shade_depth
from ballgan.files import check_writable
from ballgan.images import contact_sheet, resize_image, write_png, write_png_bands
from ballgan.model_files import describe_file
from ballgan.session import Session, describe_picture
from ballgan.view import DepthStyle, View

from .backdrops import Backdrop, choose_light, list_backdrops, list_learnt
from .latents import describe_edits, list_latents, name_edits
from .progress import ProgressBar
from .render_session import FILM_OPTIONS, prepare_session
from .values import DEFAULT_TRUNCATION
from .viewpoints import Viewpoint, list_viewpoints, write_cameras
from .views import describe_backdrop, describe_camera, describe_code

SHEET_NAME = "contact_sheet.png"
_SHEET_PIXELS = 2**25  # of all cells of a contact sheet together
_SHEET_CELL = 256  # pixels, the longest side of a cell at most


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
    colormap: str = "grey"  # of depth pictures
    depth_range: tuple[float, float] | None = None  # of depth pictures; None: the model's
    write_cameras: str | None = None  # convention of a file with the pictures' cameras; None: none

    def run(self) -> str:
        """Render and write all pictures; returns what to tell the user."""
        check_writable(self.output / SHEET_NAME)
        scene = ballgan.Scene(ballgan.load(self.model, device=self.device))
        if self.needs_sphere and scene.model.config.background is None:
            raise ValueError("--background-seeds: this model has no background network")
        scene.match_light, scene.backdrop_camera = self.match_light, self.backdrop_camera
        self.output.mkdir(parents=True, exist_ok=True)
        count = len(self.rows) * len(self.cameras)
        cell = max(16, min(_SHEET_CELL, math.isqrt(_SHEET_PIXELS // count)))
        with ProgressBar("render") as bar:
            cells = list(self._render_all(scene, cell, bar))
        if self.write_cameras is not None:
            self._write_cameras(self.write_cameras, scene.model.config)
        columns = len(self.cameras)
        sheet = contact_sheet(
            [cells[start : start + columns] for start in range(0, count, columns)],
            [self._label_row(latent, backdrop) for latent, backdrop in self.rows],
            [camera.label for camera in self.cameras],
        )
        write_png(self.output / SHEET_NAME, sheet)
        pictures = "1 picture" if count == 1 else f"{count} pictures"
        return f"{self.output}: {pictures} and {SHEET_NAME}"

    def _render_all(
        self, scene: ballgan.Scene, cell: int, bar: ProgressBar
    ) -> Iterator[np.ndarray]:
        """Write all pictures; each one small, for the contact sheet."""
        count, done = len(self.rows) * len(self.cameras), 0
        depth_range = self.depth_range or find_depth_range(scene.model.config)
        file = describe_file(self.model)
        for latent, backdrop in self.rows:
            scene.latent, scene.background = latent, backdrop.background
            for camera in self.cameras:

                def report(fraction: float, done: int = done) -> None:
                    bar((done + fraction) / count)

                frames = scene.render_bands(camera.camera, self.settings, progress=report)
                bands = (show_layer(f, self.layer, depth_range, self.colormap) for f in frames)
                name = self._name_file(latent, backdrop, camera)
                view = self._view(latent, backdrop, camera, scene.model.config)
                facts = self._describe(latent, backdrop, camera)
                facts |= describe_picture(Session((file,), 0, view))
                yield write_and_shrink(self.output / name, bands, cell, facts)
                done += 1

    def _write_cameras(self, convention: str, config: ballgan.ModelConfig) -> None:
        cameras = {
            self._name_file(latent, backdrop, point): point.camera.resolve(config.camera)
            for latent, backdrop in self.rows
            for point in self.cameras
        }
        size = self.settings.size or config.image_resolution
        write_cameras(self.output, convention, cameras, size)

    def _name_file(self, latent: ballgan.Latent, backdrop: Backdrop, camera: Viewpoint) -> str:
        seed = [f"seed{latent.seed:04d}", *name_edits(latent)]
        parts = [*seed, backdrop.token, *camera.tokens]
        parts += self._list_choices(latent, camera)
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
        }
        parts = [f"{name}{value:.9g}" for name, value in choices.items() if value is not None]
        if self.depth_range is not None:
            parts.append("range{:.9g}-{:.9g}".format(*self.depth_range))
        if self.colormap != "grey":
            parts.append(self.colormap)
        still = [] if self.backdrop_camera is None else ["still"]
        return [*parts, *still, *([] if settings.sampler == "fast" else [settings.sampler])]

    def _describe(
        self, latent: ballgan.Latent, backdrop: Backdrop, camera: Viewpoint
    ) -> dict[str, str]:
        """Text chunks that tell how a picture was made."""
        facts = {
            "model": Path(self.model).name,
            "seed": latent.seed,
            "truncation": latent.truncation_psi,
            "truncation_cutoff": latent.truncation_cutoff,
            "edits": describe_edits(latent),
            "background": backdrop.label,
            "still_background": True if self.backdrop_camera else None,
            "match_light": self.match_light.strength if self.match_light else None,
            **camera.facts,
            "layer": self.layer,
        }
        given = {key: value for key, value in facts.items() if value is not None}
        return {"Software": "ballgan render", "ballgan": json.dumps(given)}

    def _view(
        self,
        latent: ballgan.Latent,
        backdrop: Backdrop,
        camera: Viewpoint,
        config: ballgan.ModelConfig,
    ) -> View:
        """What the window shows if a picture is dropped on it."""
        shown = describe_backdrop(backdrop.background, self.learnt, self.match_light)
        if self.backdrop_camera is not None:
            shown = replace(shown, camera=describe_camera(self.backdrop_camera, config))
        near, far = self.depth_range or (None, None)
        return View(
            foreground=describe_code(latent),
            backdrop=shown,
            camera=camera.orbit(config),
            layer=self.layer,
            neural_resolution=self.settings.neural_resolution,
            depth=DepthStyle(near, far, self.colormap),
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
        device=choose_device(args.device),
        rows=tuple((latent, backdrop) for latent in latents for backdrop in backdrops),
        cameras=list_viewpoints(args),
        settings=ballgan.RenderSettings(
            size=args.size,
            neural_resolution=args.neural_resolution,
            sampler=args.sampler,
            layer="foreground" if args.layer in ("depth", "alpha") else args.layer,
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
        colormap=args.colormap,
        depth_range=args.depth_range,
        write_cameras=args.write_cameras,
    ).run


def write_and_shrink(
    path: Path, bands: Iterator[np.ndarray], side: int, facts: dict[str, str]
) -> np.ndarray:
    """Write a square picture that comes in bands; it with at most `side` pixels a side."""
    first = next(bands)
    size, channels = first.shape[1:]
    if len(first) == size:
        write_png(path, first, facts)
        return resize_image(first, side)
    step, small = -(-size // side), []

    def pass_on() -> Iterator[np.ndarray]:
        top = 0
        for band in itertools.chain([first], bands):
            small.append(band[-top % step :: step, ::step].copy())
            top += len(band)
            yield band

    write_png_bands(path, pass_on(), (size, size, channels), facts)
    return np.concatenate(small)


def show_layer(
    frame: ballgan.Frame, layer: str, depth_range: tuple[float, float], colormap: str = "grey"
) -> np.ndarray:
    """The picture of a frame, (H, W, 3), or (H, W, 4) where it is not opaque."""
    if layer == "depth":
        colors = shade_depth(frame.depth, *depth_range, colormap)
        if colormap == "grey":
            return colors * frame.alpha[:, :, None]
        return np.concatenate([colors, frame.alpha[:, :, None]], axis=2)
    if layer == "alpha":
        white = np.ones_like(frame.rgb)
        return np.concatenate([white, frame.alpha[:, :, None]], axis=2)
    return frame.rgb if frame.opaque else frame.rgba()
