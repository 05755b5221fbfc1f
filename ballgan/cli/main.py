"""The `ballgan` command: info, render, export, convert; evaluate is ballgan-train's.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Errors are one line on stderr. A
reader of stdout that leaves early, such as head, is no error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version

from ..errors import explain
from .backdrops import (
    add_background,
    add_background_seed,
    add_background_seeds,
    add_composition,
)
from .crew import Crew, find_crew
from .interrupts import end_as_by_interrupt, keep_interrupts
from .latents import add_edits, add_truncation
from .styles import add_layer
from .values import (
    Parser,
    join_negative_values,
    number,
    parse_angles,
    parse_level,
    parse_seeds,
    whole_number,
)

SHARED = (
    "What an interrupted command has finished is not done again by the same command. Many GPUs or "
    "machines: torchrun --nproc-per-node 8 --max-restarts 3 -m ballgan ..., or the environment's "
    "RANK and WORLD_SIZE (job arrays); the files are the same."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: of this process) and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["evaluate"]:
        return _hand_over(given, is_program=arguments is None)
    try:
        args = build_parser().parse_args(join_negative_values(given))
    except SystemExit as stop:
        _write("")  # --help is still buffered
        return stop.code if isinstance(stop.code, int) else 0
    if arguments is None:  # a process of its own
        end_as_by_interrupt()
    try:
        with keep_interrupts():
            # torch takes a second to import: only now, so that --help is quick.
            module = importlib.import_module(f".{args.module}", __package__)
        try:
            args.crew = find_crew()
            if not (args.crew.is_first or args.shared):
                return 0
            job = getattr(module, args.prepare)(args)
        except ValueError as error:
            return _fail(args, error, status=2)
        told = job()
        _write(f"{told}\n" if told else "")
        return 0
    except KeyboardInterrupt:
        rest = "; the same command goes on with what is finished"
        kept = rest if args.command == "render" else ""
        print(f"ballgan {args.command}: interrupted{kept}", file=sys.stderr)
        return 130
    except Exception as error:
        return _fail(args, error, status=1)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(
        prog="ballgan",
        allow_abbrev=False,
        description="Look into, render, export, convert and evaluate 3D-aware GANs with a sphere "
        "background.",
        epilog="Model files: native .pkl and .safetensors, published BallGAN and EG3D .pkl; "
        "recognised by their content, and never able to run code.",
    )
    parser.add_argument("--version", action="version", version=f"ballgan {version('ballgan')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_info(commands)
    _add_render(commands)
    _add_export(commands)
    _add_convert(commands)
    _add_command(commands, "evaluate", "", "measure how good a model is: ballgan-train evaluate")
    return parser


def _hand_over(given: list[str], *, is_program: bool) -> int:
    """Have `ballgan-train` do a command: nothing of training is imported here."""
    command = [sys.executable, "-m", "ballgan_train", *given]
    if is_program and os.name == "posix":
        os.execv(sys.executable, command)
    return subprocess.call(command)


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_command(
    commands: _Commands[Parser],
    name: str,
    module: str,
    summary: str,
    epilog: str = "",
    *,
    shared: bool = False,
) -> Parser:
    description = summary[0].upper() + summary[1:] + "."
    command = commands.add_parser(
        name, help=summary, description=description, epilog=epilog, allow_abbrev=False
    )
    command.set_defaults(module=module, prepare=f"prepare_{name}", shared=shared, crew=Crew())
    command.add_argument("--debug", action="store_true", help="show a traceback on errors")
    return command


def _add_info(commands: _Commands[Parser]) -> None:
    command = _add_command(commands, "info", "info", "tell what a model file holds")
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("--json", action="store_true", help="print JSON, with the full config")


def _add_render(commands: _Commands[Parser]) -> None:
    command = _add_command(
        commands,
        "render",
        "render",
        "render pictures of seeds from cameras, and a contact sheet",
        "Every foreground seed is shown with every background seed from every yaw and pitch. "
        "Of several amounts of --move each is shown. "
        "Files are named by their parameters, e.g. seed0003_bg0001_yaw-0.40_pitch+0.00_full.png, "
        "and those options that differ from their defaults, e.g. ..._psi0.5_fov20_full.png. "
        + SHARED,
        shared=True,
    )
    command.add_argument(
        "model", metavar="MODEL", nargs="?", help="model file; default: that of the --session"
    )
    command.add_argument(
        "--session",
        metavar="FILE",
        help="render what the viewer showed instead: a session file, or a picture that it saved. "
        "The pixels are the same; of the other options only --size, --device and --output apply "
        "(default: none)",
    )
    _add_seeds(command)
    add_truncation(command)
    add_edits(command)
    add_background(command, "what stands behind the foreground", default="learnt")
    add_background_seeds(command)
    add_edits(command, background=True)
    add_composition(command)
    _add_camera(command)
    _add_picture(command)
    _add_film(command)
    _add_device(command)
    command.add_argument(
        "--output",
        metavar="DIR",
        default="renders",
        help="folder for the pictures and contact_sheet.png, which shows those of the last "
        "command; created if missing (default: %(default)s)",
    )
    _add_overwrite(command)
    command.set_defaults(defaults=vars(command.parse_args([])))


def _add_seeds(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--seeds",
        metavar="LIST",
        type=parse_seeds,
        default=(0,),
        help="foreground seeds, e.g. 0-3,7 (default: 0)",
    )


def _add_camera(command: argparse.ArgumentParser) -> None:
    for name, direction in (("yaw", "right"), ("pitch", "up")):
        command.add_argument(
            f"--{name}",
            metavar="LIST",
            type=parse_angles,
            default=(0.0,),
            help=f"angles in radians, e.g. -0.4,0,0.4; positive moves the camera {direction} "
            "(default: 0)",
        )
    command.add_argument(
        "--fov",
        metavar="DEGREES",
        type=number(0.1, 179, " degrees"),
        help="vertical field of view in degrees (default: the model's)",
    )
    command.add_argument(
        "--radius",
        metavar="LENGTH",
        type=number(0.001, 1000, " world units"),
        help="distance from the model's pivot in world units (default: the model's)",
    )
    command.add_argument(
        "--roll",
        metavar="RADIANS",
        type=number(-10, 10, " radians"),
        default=0.0,
        help="turn the camera round its axis, its top to its right (default: 0)",
    )
    command.add_argument(
        "--cameras",
        metavar="FILE",
        help="look from the cameras in a file instead: cameras.json (OpenCV), transforms.json "
        "(NeRF, OpenGL), dataset.json (EG3D), or a camera copied from the window; the world's y "
        "axis is up, and of pictures that are not square the middle is taken "
        "(default: --yaw and --pitch)",
    )
    command.add_argument(
        "--write-cameras",
        choices=("opencv", "opengl"),
        help="also write the cameras of the pictures: cameras.json for OpenCV (x right, y down, "
        "z forward), or transforms.json for NeRF and other OpenGL axes (y up, z back) "
        "(default: none)",
    )


def _add_picture(command: argparse.ArgumentParser) -> None:
    add_layer(command)
    command.add_argument(
        "--size",
        metavar="PIXELS",
        type=whole_number(16, 8192),
        help="width and height of the pictures (default: the model's; of --layer surface 1024 or "
        "more)",
    )
    command.add_argument(
        "--neural-resolution",
        metavar="PIXELS",
        type=whole_number(4, 1024),
        help="width and height of the volume rendering (default: the model's)",
    )
    command.add_argument(
        "--samples",
        metavar="COUNT",
        type=whole_number(4, 1024),
        help="per ray; the plain sampler takes as many coarse as fine ones (default: the model's)",
    )
    command.add_argument(
        "--sampler",
        choices=("fast", "plain"),
        default="fast",
        help="plain is the published scheme to rounding (default: %(default)s)",
    )


def _add_film(command: argparse.ArgumentParser) -> None:
    film = command.add_argument_group(
        "films",
        "One film instead of pictures. While it is made, its pictures are in a folder beside it, "
        "FILE.parts, which stays if that is interrupted: the same command goes on with them.",
    )
    film.add_argument(
        "--video",
        metavar="FILE",
        help="film to write: .mp4 (H.264), .webm (VP9), .gif, or a name without a suffix for a "
        "folder of PNG pictures; all but MP4, which shows white instead, keep transparency "
        "(default: pictures, no film)",
    )
    film.add_argument(
        "--turntable",
        metavar="TURNS",
        nargs="?",
        type=whole_number(-100, 100),
        const=1,
        help="go round the object; negative turns go to the left (default: one turn, if "
        "there are no keys)",
    )
    film.add_argument(
        "--keyframes",
        metavar="FILE",
        help="JSON with the keys of camera, codes and background, or a session with an animation, "
        'e.g. {"duration": 4, "loop": false, "keys": [{"time": 0}, {"time": 3, "camera": {"yaw": '
        '0.6}, "foreground": {"x": 4}}]}; angles in radians; what a key does not say is as in the '
        "other options (default: those of the --session)",
    )
    film.add_argument(
        "--duration",
        metavar="SECONDS",
        type=number(0.1, 3600, " seconds"),
        help="stretch the film to this length (default: the file's; 4 for a turntable)",
    )
    film.add_argument(
        "--fps",
        metavar="RATE",
        type=number(1, 120, " pictures a second"),
        help="pictures per second; GIF has at most 50 (default: the file's; 30 for a turntable)",
    )
    film.add_argument(
        "--passes",
        metavar="COUNT",
        type=int,
        choices=(1, 3, 7, 15),
        default=3,
        help="sets of samples in each picture: 1 is quick, 15 the smoothest (default: %(default)s)",
    )


def _add_overwrite(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that were made from another model or with other settings "
        "(default: refuse); those of the same command stay",
    )


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device",
        metavar="DEVICE",
        default="auto",
        help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)",
    )


def _add_export(commands: _Commands[Parser]) -> None:
    command = _add_command(
        commands,
        "export",
        "export",
        "write the foreground as a coloured mesh, or the background as a panorama",
        "Vertices are in world units, y up, faces outward; colours are those of the volume "
        "rendering seen from outside, before super-resolution. STL files cannot hold colours. "
        "With --texture an OBJ file gets a .mtl and a _texture.png beside it. A .png file gets "
        "the background, unrolled (equirectangular, before super-resolution); edit it, and use it "
        "as --background. With --seeds or --background-seeds there is a file for each. " + SHARED,
        shared=True,
    )
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument(
        "--seed", type=whole_number(0, 2**32 - 1), default=0, help="seed (default: %(default)s)"
    )
    command.add_argument(
        "--seeds",
        metavar="LIST",
        type=parse_seeds,
        help="several seeds, e.g. 0-3,7: a mesh for each, and --output head.glb means "
        "head_seed0003.glb (default: one mesh, of --seed)",
    )
    add_truncation(command)
    add_edits(command)
    _add_surface(command)
    _add_surroundings(command)
    _add_device(command)
    command.add_argument(
        "--output",
        metavar="FILE",
        required=True,
        help="file ending in .obj, .ply, .glb, .stl or .png",
    )
    _add_overwrite(command)


def _add_surface(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--resolution",
        metavar="COUNT",
        type=whole_number(16, 1024),
        default=256,
        help="density samples along each side of the cube, 16 to 1024 (default: %(default)s)",
    )
    command.add_argument(
        "--level",
        type=parse_level,
        default="auto",
        help="raw density of the surface; auto is 10, as in the published export, where the "
        "foreground reaches it, else what separates full from empty best (default: %(default)s)",
    )
    command.add_argument(
        "--simplify",
        metavar="FACES",
        type=whole_number(4, 10**9),
        help="reduce the mesh to about this many faces (default: keep all; with --texture 30000)",
    )
    command.add_argument(
        "--texture",
        metavar="PIXELS",
        nargs="?",
        type=whole_number(64, 8192),
        const=1024,
        help="a picture with this side instead of vertex colours, for .glb and .obj "
        "(default: none; 1024 if no side is given)",
    )
    command.add_argument(
        "--all-components",
        action="store_true",
        help="keep all pieces, not only the one of largest volume",
    )


def _add_surroundings(command: argparse.ArgumentParser) -> None:
    add_background(command, "a dome round the mesh, for .glb, or the .png file", default=None)
    add_background_seed(command)
    add_background_seeds(command)
    add_edits(command, background=True)
    command.add_argument(
        "--height",
        metavar="PIXELS",
        type=whole_number(16, 4096),
        help="height of a .png file; it is twice as wide (default: 1024)",
    )


def _add_convert(commands: _Commands[Parser]) -> None:
    command = _add_command(
        commands, "convert", "export", "write a model of any format we read in a native one"
    )
    command.add_argument("input", metavar="IN", help="model file of any format we read")
    command.add_argument(
        "output",
        metavar="OUT",
        help="file to write: the suffix .safetensors selects that format, .pkl, .pt or .pth ours",
    )
    command.add_argument(
        "--half", action="store_true", help="store 16-bit floats: half the size, less exact"
    )


def _write(text: str) -> None:
    """Write to stdout now, so that what goes wrong is an error of ours and not of Python's end."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        # What is still buffered would fail again when Python ends: let it go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise


def _fail(args: argparse.Namespace, error: Exception, *, status: int) -> int:
    """Report an error in one line (and with --debug its traceback) and return the status."""
    if args.debug:
        traceback.print_exception(error)
    expected = isinstance(error, (ValueError, OSError, RuntimeError))
    message = explain(error)
    if not expected or not message:
        message = f"{type(error).__name__}: {message}".rstrip(": ")
    print(f"ballgan {args.command}{args.crew.title}: error: {message}", file=sys.stderr)
    return status
