"""`ballgan render --session`: the picture that a session shows, as the window saves it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import ballgan
from ballgan.capture import capture_picture, render_shown
from ballgan.files import check_writable
from ballgan.filming import FilmSettings
from ballgan.images import write_rgba
from ballgan.model_files import describe_file, find_model
from ballgan.session import SUFFIX, Session, complain_of, describe_picture, read_session

from .progress import ProgressBar

ALLOWED = (
    "session",
    "model",
    "output",
    "device",
    "size",
    "overwrite",
    "debug",
    "crew",
)  # options that go with --session
FILM_OPTIONS = ("turntable", "keyframes", "duration", "fps", "passes")  # that go with --video


@dataclass(frozen=True)
class SessionJob:
    """One picture, checked as far as possible before the model is read."""

    session: Session
    model: Path
    device: torch.device
    settings: FilmSettings | None  # None: the picture as the window shows it
    output: Path  # the file

    def run(self) -> str:
        """Render and write the picture; returns what to tell the user."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        check_writable(self.output)
        scene = ballgan.Scene(ballgan.load(str(self.model), device=self.device))
        shown = replace(self.session, models=(describe_file(self.model),), shown=0)
        facts = {"Software": "ballgan render"} | describe_picture(shown)
        view, settings = self.session.view, self.settings
        with ProgressBar("render") as bar:
            if settings is not None:
                capture_picture(scene, view, self.output, settings, metadata=facts, progress=bar)
                return str(self.output)
            rgba = render_shown(scene, view, self.session.picture.sides, progress=bar)
        write_rgba(self.output, rgba, facts)
        return str(self.output)


def prepare_session(args: Namespace) -> Callable[[], str]:
    """Check the options and return the job. Raises ValueError before the model is read."""
    given = [name for name, value in args.defaults.items() if getattr(args, name) != value]
    others = [name for name in given if name not in (*ALLOWED, "video", *FILM_OPTIONS)]
    if others:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise ValueError(f"--session says what to render: it does not go with {names}")
    unknown: list[str] = []
    session = read_session(args.session, unknown)
    if unknown and args.crew.is_first:
        sys.stderr.write(f"ballgan render: warning: {complain_of(unknown)}\n")
    model = choose_model(session, args.model)
    if args.video is not None:
        from .film import prepare_film

        return prepare_film(args, session, model)
    if not args.crew.is_first:
        return str  # one picture is nothing to share
    if args.size is not None:
        session = replace(session, picture=replace(session.picture, size=args.size))
    picture = session.picture
    sized = (
        FilmSettings(picture.size, picture.passes, sides=picture.sides) if picture.size else None
    )
    if sized is not None:
        sized.of(session.view)  # refuses impossible sizes
    name = Path(args.session).name
    stem = name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else Path(name).stem
    output = Path(args.output) / f"{stem}.png"
    if output.exists() and output.samefile(args.session):
        raise ValueError(f"--output {args.output}: the picture would replace {args.session}")
    return SessionJob(
        session=session,
        model=model,
        device=args.crew.choose_device(args.device),
        settings=sized,
        output=output,
    ).run


def choose_model(session: Session, given: str | None) -> Path:
    """The model file to render with: the given one, or the session's where it is unchanged."""
    if given is not None:
        return Path(given)
    if session.model is None:
        raise ValueError("the session names no model: give one, ballgan render MODEL --session ...")
    found = find_model(session.model)
    if found is None:
        changed = Path(session.model.path).is_file()
        what = "has changed since" if changed else "is not there"
        raise ValueError(
            f"the session's model {session.model.path} {what}: name the one to use, "
            "ballgan render MODEL --session ..."
        )
    return found
