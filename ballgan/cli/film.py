"""`ballgan render --video`: a film of a turntable, of keys in a file, or of a session."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import ballgan
from ballgan.animation import Animation, read_animation, turntable
from ballgan.checkpoint import choose_device
from ballgan.files import check_writable
from ballgan.filming import FilmSettings, render_film
from ballgan.model_files import describe_file
from ballgan.session import Session, describe_picture
from ballgan.video import VideoOptions, format_of
from ballgan.view import Backdrop, View

from .backdrops import choose_light, list_backdrops, list_learnt
from .latents import list_latents
from .progress import ProgressBar
from .views import describe_backdrop, describe_camera, describe_code

DURATION, FPS = 4.0, 30.0  # seconds and pictures per second of a turntable


@dataclass(frozen=True)
class FilmJob:
    """One film, checked as far as possible before the model is read."""

    model: Path
    device: torch.device
    settings: FilmSettings
    output: Path
    direct: Callable[[ballgan.ModelConfig], tuple[View, Animation]]  # what it shows

    def run(self) -> str:
        """Render and write the film; returns what to tell the user."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        check_writable(self.output.with_suffix(self.output.suffix or ".png"))
        model = ballgan.load(str(self.model), device=self.device)
        view, animation = self.direct(model.config)
        session = Session((describe_file(self.model),), animation=animation)

        def describe(shown: View) -> dict[str, str]:
            facts = describe_picture(replace(session, view=shown))
            return {"Software": "ballgan render"} | facts

        with ProgressBar("film") as bar:
            count = render_film(
                ballgan.Scene(model),
                view,
                animation,
                self.output,
                self.settings,
                metadata=describe,
                progress=bar,
            )
        return f"{self.output}: {count} pictures, {animation.duration:g} s"


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
        device=choose_device(args.device),
        settings=FilmSettings(
            args.size,
            args.passes,
            args.sampler,
            args.samples,
            session.picture.sides if session is not None else "both",
        ),
        output=output,
        direct=direct,
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
    given = ballgan.Camera.orbit(args.yaw[0], args.pitch[0], radius=args.radius, fov=fov)
    camera = describe_camera(given, config)
    if not args.still_background:
        return replace(view, camera=camera)
    still = replace(camera, yaw=0.0, pitch=0.0)
    return replace(view, camera=camera, backdrop=replace(view.backdrop, camera=still))
