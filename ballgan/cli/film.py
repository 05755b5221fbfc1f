"""`ballgan render --video`: a film of a turntable, of keys in a file, or of a session."""

from __future__ import annotations

import functools
import math
import shutil
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import ballgan
from ballgan.animation import Animation, read_animation, turntable
from ballgan.files import check_writable
from ballgan.filming import FilmSettings, choose_video, list_views, render_frame
from ballgan.images import read_pixels, write_png
from ballgan.model_files import describe_file, hash_file
from ballgan.plain import to_plain
from ballgan.session import Session, describe_picture
from ballgan.shot import Progress
from ballgan.video import VideoOptions, format_of, prepare_picture, write_video
from ballgan.view import Backdrop, View

from .backdrops import choose_light, list_backdrops, list_learnt
from .crew import Crew
from .latents import list_latents
from .progress import ProgressBar
from .styles import choose_depth, choose_mesh
from .views import describe_backdrop, describe_camera, describe_code
from .work import Piece, Work

DURATION, FPS = 4.0, 30.0  # seconds and pictures per second of a turntable


@dataclass(frozen=True)
class FilmJob:
    """One film, checked as far as possible before the model is read.

    Its pictures are made one by one, in a folder beside it; once all are there, they are encoded.
    """

    model: Path
    device: torch.device
    settings: FilmSettings
    output: Path
    direct: Callable[[ballgan.ModelConfig], tuple[View, Animation]]  # what it shows
    crew: Crew
    overwrite: bool

    def run(self) -> str:
        """Render and write the film; returns what to tell the user."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        check_writable(self.output.with_suffix(self.output.suffix or ".png"))
        if self.output.is_dir() and any(self.output.iterdir()):
            raise ValueError(f"{self.output} is a folder that is not empty: choose another name")
        scene = ballgan.Scene(ballgan.load(str(self.model), device=self.device))
        view, animation = self.direct(scene.model.config)
        file = describe_file(self.model)
        session = Session((file,), animation=animation)

        def describe(shown: View) -> dict[str, str]:
            facts = describe_picture(replace(session, view=shown))
            return {"Software": "ballgan render"} | facts

        config = scene.model.config
        kind, facts = format_of(self.output), describe(view)
        options = choose_video(config, view, animation, kind, self.settings, facts)
        views = list_views(config, view, animation)
        pieces = [
            Piece(f"picture{index:06d}.png", self._origin(file.sha256, options, shown))
            for index, shown in enumerate(views)
        ]
        folder = self.output.with_name(f"{self.output.name}.parts")
        work = Work(folder, pieces, self.crew, overwrite=self.overwrite)

        def make(index: int, progress: Progress) -> None:
            image = render_frame(scene, views[index], self.settings, progress=progress)
            path = folder / pieces[index].name
            write_png(path, prepare_picture(image, options), work.texts(index))

        with ProgressBar("film", shown=self.crew.is_first) as bar:
            complete = work.run(make, bar)
        if not complete:
            return work.describe_share()
        try:
            with ProgressBar("encoding") as bar, write_video(self.output, options) as add:
                for index, (piece, shown) in enumerate(zip(pieces, views, strict=True)):
                    bar(index / len(pieces))
                    texts = describe(shown) if options.format == "png" else None
                    add(read_pixels(folder / piece.name), texts)
        except FileNotFoundError:
            if folder.exists():
                raise
            return f"{self.output}: another process has just written it"
        shutil.rmtree(folder, ignore_errors=True)
        before = f", {work.found} of them from before" if work.found else ""
        return f"{self.output}: {len(views)} pictures{before}, {animation.duration:g} s"

    def _origin(self, model: str, options: VideoOptions, shown: View) -> dict[str, Any]:
        """All that decides a picture's pixels."""
        behind = shown.backdrop
        return {
            "model": model,
            "view": to_plain(shown),
            "background_file": _hash_once(behind.photo) if behind.kind == "photo" else None,
            **to_plain(self.settings),
            "transparent": options.transparent,
        }


@functools.cache
def _hash_once(path: str | None) -> str | None:
    return None if path is None else hash_file(path)


def prepare_film(args: Namespace, session: Session | None, model: Path) -> Callable[[], str]:
    """Check the options and return the job. Raises ValueError before the model is read.

    session: with whose view the film begins; None: the options say what it shows.
    """
    output = Path(args.video)
    kind = format_of(output)
    if output.is_dir() and kind != "png":
        raise ValueError(f"--video {output} is a folder; a file name is needed")
    if args.turntable is not None and args.keyframes is not None:
        raise ValueError("--turntable and --keyframes exclude each other")
    if args.turntable == 0:
        raise ValueError("--turntable needs at least one turn")
    side = args.size or 64  # of the model's own size, which is even, nothing can be wrong
    VideoOptions((side, side), args.fps or FPS, kind)
    start = None if session is not None else _describe_view(args)

    def direct(config: ballgan.ModelConfig) -> tuple[View, Animation]:
        view = session.view if session is not None else _complete(args, start, config)
        return view, _choose_animation(args, view, session)

    if args.keyframes is not None:  # a file that cannot be used is better refused now
        read_animation(args.keyframes, session.view if session is not None else View())
    return FilmJob(
        model=model,
        device=args.crew.choose_device(args.device),
        settings=FilmSettings(
            args.size,
            args.passes,
            args.sampler,
            args.samples,
            session.picture.sides if session is not None else "both",
        ),
        output=output,
        direct=direct,
        crew=args.crew,
        overwrite=args.overwrite,
    ).run


def _choose_animation(args: Namespace, view: View, session: Session | None) -> Animation:
    """The keys of a file or of the session, else a turntable; --duration and --fps change it."""
    if args.keyframes is not None:
        animation = read_animation(args.keyframes, view)
    elif args.turntable is None and session is not None and session.animation.keys:
        animation = session.animation
    else:
        turns = 1 if args.turntable is None else args.turntable
        animation = turntable(view, duration=DURATION, fps=FPS, turns=turns)
    if args.duration is not None:
        animation = animation.stretched(args.duration / animation.duration)
    return animation if args.fps is None else replace(animation, fps=args.fps)


def _describe_view(args: Namespace) -> View:
    """The view that the options describe, but for its camera."""
    latents = list_latents(args, args.seeds, ballgan.Latent)
    if len(latents) != 1 or len(args.yaw) != 1 or len(args.pitch) != 1:
        raise ValueError(
            "a film begins with one seed, one amount of each --move, one yaw and one pitch; "
            "--keyframes FILE goes from one to others"
        )
    return View(
        foreground=describe_code(latents[0]),
        backdrop=_describe_backdrop(args),
        layer=args.layer,
        neural_resolution=args.neural_resolution,
        depth=choose_depth(args),
        mesh=choose_mesh(args),
    )


def _describe_backdrop(args: Namespace) -> Backdrop:
    backdrops = [backdrop.background for backdrop in list_backdrops(args)]
    if len(backdrops) != 1:
        raise ValueError("a film begins with one background; --keyframes FILE goes to others")
    return describe_backdrop(backdrops[0], list_learnt(args)[0], choose_light(args))


def _complete(args: Namespace, view: View | None, config: ballgan.ModelConfig) -> View:
    """The view with the camera of the options, and of the model where they are silent."""
    assert view is not None
    fov = None if args.fov is None else math.radians(args.fov)
    given = ballgan.Camera.orbit(
        args.yaw[0], args.pitch[0], radius=args.radius, fov=fov, roll=args.roll
    )
    camera = describe_camera(given, config)
    if not args.still_background:
        return replace(view, camera=camera)
    still = replace(camera, yaw=0.0, pitch=0.0, roll=0.0)
    return replace(view, camera=camera, backdrop=replace(view.backdrop, camera=still))
