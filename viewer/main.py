"""The command `ballgan-viewer`: the window, or the same program without one."""

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from ballgan.cli.interrupts import end_as_by_interrupt
from ballgan.cli.values import Parser, parse_scale, parse_window_size
from ballgan.errors import explain

if TYPE_CHECKING:
    from .app import App
    from .preferences import Loaded, Preferences
    from .window import Window, WindowOptions

MAX_SIDE = 8192  # physical pixels of the window
CONVERGE_TIMEOUT = 600.0  # seconds to wait for the picture of --screenshot


def main(arguments: list[str] | None = None) -> int:
    """Run the viewer; the exit status."""
    options = parse(arguments)
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.WARNING)
    for noisy in "PIL", "OpenGL", "trimesh":
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if arguments is None:  # a process of its own
        end_as_by_interrupt()
    try:
        return view(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if options.debug:
            raise
        print(f"ballgan-viewer: {explain(error)}", file=sys.stderr)
        return 1


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line as a namespace."""
    from .commands import keys_of
    from .script_steps import STEPS_HELP

    parser = Parser(
        prog="ballgan-viewer",
        description="Look at a BallGAN, EG3D or StyleNeRF model: orbit it, change its codes and\n"
        "background, export it as a mesh.",
        epilog=STEPS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the lines of the steps
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="FILE",
        help="checkpoints (.pkl or .safetensors), of which "
        f"{keys_of('model.next')} shows one after the other; the folder of a training run, whose "
        "newest model shows; a session, or a picture that was saved in the window; an image for "
        "the background. Default: the bundled model",
    )
    parser.add_argument(
        "--offscreen",
        action="store_true",
        help="run without a display: with --screenshot or --script",
    )
    parser.add_argument(
        "--size",
        type=parse_window_size,
        metavar="WxH",
        help="size of the window in logical pixels; default: as it was the last time, as far as "
        "the screen has room; the first time, and with --offscreen, 1280x800",
    )
    parser.add_argument(
        "--scale",
        type=parse_scale,
        help="physical pixels a logical pixel; default: what the screen says",
    )
    parser.add_argument(
        "--screenshot",
        metavar="FILE",
        help="write the window as a PNG once the picture is finished, and exit",
    )
    parser.add_argument(
        "--script", metavar="FILE", help="replay a JSON list of user actions, described below"
    )
    parser.add_argument(
        "--no-preview",
        action="store_true",
        help="do not draw the quick OpenGL preview this time; "
        f"key {keys_of('preview.toggle')} switches it for good",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks and messages")
    options = parser.parse_args(arguments)
    if options.offscreen and not (options.screenshot or options.script):
        parser.error("--offscreen shows nothing by itself: add --screenshot FILE or --script FILE")
    if options.size and max(options.size) * (options.scale or 1.0) > MAX_SIDE:
        width, height = options.size
        parser.error(
            f"a window has at most {MAX_SIDE} physical pixels a side; "
            f"got {width}x{height} at scale {options.scale or 1.0:g}"
        )
    return options


def view(options: argparse.Namespace) -> int:
    """Open the window and run the program as the options say."""
    from . import preferences, theme
    from .window import Window

    loaded = preferences.load()
    remembered, _ = loaded  # the app tells what is wrong with them
    window = Window(window_options(options, remembered))
    try:
        theme.choose(remembered.theme)
        window.show(theme.rgb(theme.STAGE))
        return run(window, options, loaded)
    finally:
        window.close()


def window_options(options: argparse.Namespace, remembered: "Preferences") -> "WindowOptions":
    """How to open the window: as the command says, else as it was the last time."""
    from .preferences import Preferences
    from .window import WindowOptions

    default = Preferences() if options.offscreen else remembered
    return WindowOptions(
        size=options.size or default.window_size,
        fits=not (options.size or options.offscreen),
        maximised=default.maximised and not options.size,
        scale=options.scale or (1.0 if options.offscreen else None),
        offscreen=options.offscreen,
    )


def run(window: "Window", options: argparse.Namespace, loaded: "Loaded") -> int:
    """Run the program on an open window."""
    from .app import App, AppOptions, save_window
    from .script import load_script, run_script

    steps = load_script(options.script) if options.script else []
    app = App(
        window,
        AppOptions(
            tuple(options.paths),
            remember=not options.offscreen,
            preview=not options.no_preview,
            loaded=loaded,
        ),
    )
    finished = False
    try:
        run_script(app, steps)
        if options.screenshot:
            converge(app)
            save_window(app, options.screenshot)
        elif not options.offscreen:
            app.run()
        finished = True
    finally:
        app.close(unexpectedly=not finished)
    return 0


def converge(app: "App") -> None:
    """Wait for the finished picture. Raises RuntimeError if there is none."""
    from .script import run_script

    run_script(app, [{"wait": "converged", "timeout": CONVERGE_TIMEOUT}])
    if app.state.model is None:
        raise RuntimeError(app.state.notices[-1].text if app.state.notices else "no model is open")
