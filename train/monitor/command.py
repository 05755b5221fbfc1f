"""The arguments of `ballgan-train monitor`, and what it does."""

import argparse
from pathlib import Path

from ballgan.cli.values import parse_scale, parse_window_size

from ..run_folder import find_run
from .display import check_display


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the monitor to `parser`."""
    parser.description = (
        "Watch a training run in a window: curves, sample grids over time, and its models in the "
        "viewer. Only reads the run folder: open and close it at any time, also on a folder that "
        "is synced from a server."
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of a training run")
    parser.add_argument(
        "--size",
        metavar="WxH",
        type=parse_window_size,
        default=(1280, 800),
        help="size of the window in logical pixels (default: 1280x800)",
    )
    parser.add_argument(
        "--scale",
        type=parse_scale,
        help="physical pixels a logical pixel (default: what the screen says)",
    )
    parser.add_argument(
        "--screenshot",
        metavar="FILE",
        type=Path,
        help="write the window as a PNG once everything is shown, and exit",
    )


def run(args: argparse.Namespace) -> int:
    """Show the window until it is closed; the exit status.

    Raises ValueError if RUN is no run folder, OSError if no window can be opened.
    """
    folder = find_run(args.run)
    screen_scale = check_display(folder)
    from .window import Window  # imports Dear PyGui, which only machines with a display need

    window = Window(folder, size=args.size, scale=args.scale or screen_scale)
    try:
        window.run(args.screenshot)
    finally:
        window.close()
    return 0
