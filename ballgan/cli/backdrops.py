"""Options that make backgrounds, the backgrounds they make, and how file names call them.

Light: torch is imported when backgrounds are made.
"""

from __future__ import annotations

import re
import unicodedata
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballgan.files import shorten_name
from ballgan.panoramas import bundled_panoramas
from ballgan.view import MAX_STRENGTH

from .latents import list_latents, name_edits
from .values import format_signed, number, parse_color, parse_seeds, whole_number

if TYPE_CHECKING:
    from ballgan.backgrounds import Background, GivenBackground, LearntBackground
    from ballgan.lighting import MatchLight

PHOTO_NAME = 64  # bytes of a photo's name in file names, which may have 255 in all
_COLORS = r"#[^-]*-#[^-]*"  # of a gradient, checked when they are read


@dataclass(frozen=True)
class Backdrop:
    """A background and how file names and labels call it."""

    background: Background
    token: str
    label: str


def add_background(command: ArgumentParser, use: str, *, default: str | None) -> None:
    """--background and how its picture is shown. use: what the background is for."""
    names = ", ".join(bundled_panoramas())
    command.add_argument(
        "--background",
        metavar="WHAT",
        default=default,
        help=f"{use}: none, learnt (the model's own), '#rrggbb' (quote it), '#rrggbb-#rrggbb' (a "
        "gradient from the upper to the lower colour), an image file, PNG, JPEG or WebP: one "
        f"twice as wide as high covers the sphere; or a bundled panorama: {names} "
        f"(default: {default or 'none; for a .png file learnt'})",
    )
    command.add_argument(
        "--turn",
        metavar="ANGLE",
        type=number(-100, 100, " radians"),
        help="turn the background to the right, radians; a gradient's upper colour goes there "
        "(default: 0)",
    )
    command.add_argument(
        "--exposure",
        metavar="STOPS",
        type=number(-20, 20, " stops"),
        help="brightness of the background, learnt or a picture: +1 doubles its light (default: 0)",
    )


def add_background_seeds(command: ArgumentParser) -> None:
    """--background-seeds, for commands that make many pictures."""
    command.add_argument(
        "--background-seeds",
        metavar="LIST",
        type=parse_seeds,
        help="seeds of the learnt background, e.g. 1,4 (default: 0)",
    )


def add_background_seed(command: ArgumentParser) -> None:
    """--background-seed, for commands that make one thing."""
    command.add_argument(
        "--background-seed",
        metavar="SEED",
        type=whole_number(0, 2**32 - 1),
        help="seed of the learnt background (default: 0)",
    )


def add_composition(command: ArgumentParser) -> None:
    """How foreground and background go together."""
    command.add_argument(
        "--still-background",
        action="store_true",
        help="turn the object before a background that stays as the camera at yaw 0 and pitch 0 "
        "sees it (default: the background turns with the camera)",
    )
    command.add_argument(
        "--match-light",
        metavar="STRENGTH",
        nargs="?",
        type=number(0, MAX_STRENGTH),
        const=1.0,
        help="shade the foreground with the background's light instead of the learnt one's; "
        "approximate: no shadows, no gloss; 1 is the full ratio (default: off; 1 if no strength "
        "is given)",
    )


def choose_background(args: Namespace, default: str) -> Background:
    """The background of `--background` and `--background-seed`, for commands that need one.

    default: where no `--background` is given. Raises ValueError if there is no such background.
    """
    if args.background_seed is not None and (args.background or default) != "learnt":
        raise ValueError("--background-seed needs --background learnt")
    options = dict(vars(args), background=args.background or default)
    options["background_seeds"] = None if args.background_seed is None else (args.background_seed,)
    return list_backdrops(Namespace(**options))[0].background


def describe_background(background: Background) -> dict[str, Any]:
    """All that decides what a background shows, as plain values."""
    from ballgan.backgrounds import Panorama
    from ballgan.model_files import hash_file
    from ballgan.plain import to_plain

    file = hash_file(background.path) if isinstance(background, Panorama) else None
    return {"background": to_plain(background), "background_file": file}


def list_backdrops(args: Namespace) -> list[Backdrop]:
    """The backgrounds of `--background` and `--background-seeds`, checked as far as possible."""
    if args.background == "learnt":
        return [_name_learnt(background, args) for background in list_learnt(args)]
    if args.background_seeds is not None:
        raise ValueError("--background-seeds needs --background learnt")
    if args.background_mix is not None or args.background_move is not None:
        raise ValueError("--background-mix and --background-move need --background learnt")
    if args.background == "none" or args.background.startswith("#"):
        return [_read_plain(args)]
    return [_find_picture(args)]


def choose_light(args: Namespace) -> MatchLight | None:
    """What `--match-light` asks for: the light is compared with the learnt background's."""
    from ballgan.lighting import MatchLight

    if args.match_light is None:
        return None
    if args.background == "none":
        raise ValueError("--match-light needs a --background other than none")
    return MatchLight(list_learnt(args)[0], args.match_light)


def list_learnt(args: Namespace) -> list[LearntBackground]:
    """The learnt backgrounds of the options; the first one's light is that which is replaced."""
    from ballgan.backgrounds import LearntBackground

    seeds = args.background_seeds or (0,)
    return list_latents(args, seeds, LearntBackground, "background_")


def _name_learnt(background: LearntBackground, args: Namespace) -> Backdrop:
    changes = [*name_edits(background), *_name_changes(args)]
    token = "_".join([f"bg{background.seed:04d}", *(f"bg-{change}" for change in changes)])
    label = ", ".join([f"background {background.seed}", *changes])
    shown = replace(background, yaw=args.turn or 0.0, exposure=args.exposure or 0.0)
    return Backdrop(shown, token, label)


def _name_changes(args: Namespace) -> list[str]:
    """How file names call a turned and exposed background."""
    return [
        f"{name}{format_signed(getattr(args, name))}"
        for name in ("turn", "exposure")
        if getattr(args, name)
    ]


def _read_plain(args: Namespace) -> Backdrop:
    """No background, one colour, or a gradient."""
    background, token, label = None, "bg-none", "no background"
    if args.background != "none":
        background, label = _read_colors(args.background), args.background
        token = f"bg-{label.lower().replace('#', '')}"
    if args.exposure is not None:
        raise ValueError("--exposure needs a --background that is learnt or a picture")
    if args.turn is None:
        return Backdrop(background, token, label)
    if "-" not in args.background:
        raise ValueError("--turn needs a --background that is learnt, a picture or a gradient")
    changes = _name_changes(args)
    turned = replace(background, roll=args.turn)  # type: ignore[type-var]
    return Backdrop(turned, "_".join([token, *changes]), ", ".join([label, *changes]))


def _read_colors(text: str) -> GivenBackground:
    """One colour, or the upper and the lower one of a gradient."""
    from ballgan.backgrounds import Gradient, SolidColor

    if re.fullmatch(_COLORS, text):
        top, bottom = (parse_color(part) for part in text.split("-"))
        return Gradient(top, bottom)
    return SolidColor(parse_color(text))


def _find_picture(args: Namespace) -> Backdrop:
    """An image file, or a bundled panorama."""
    from ballgan.backgrounds import Panorama

    choice = args.background
    bundled = bundled_panoramas()
    if not Path(choice).exists() and choice not in bundled:
        raise ValueError(
            "--background should be none, learnt, #rrggbb, #rrggbb-#rrggbb, an image file or one "
            f'of {", ".join(bundled)}; there is no file "{choice}"'
        )
    path = choice if Path(choice).exists() else bundled[choice]
    panorama = Panorama(path, yaw=args.turn or 0.0, exposure=args.exposure or 0.0)
    panorama.load()  # a file that cannot be read is better refused now
    name = re.sub(r"[^\w-]+", "-", unicodedata.normalize("NFC", Path(path).stem))
    changes = _name_changes(args)
    token = "_".join([f"bg-{shorten_name(name, PHOTO_NAME)}", *changes])
    return Backdrop(panorama, token, ", ".join([Path(path).name, *changes]))
