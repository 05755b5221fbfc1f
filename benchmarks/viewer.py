"""The viewer's GL preview, offscreen: frame times in a drag, first previews, agreement.

    python benchmarks/viewer.py [MODEL ...] [--json] [--quick]

Times are of the whole program: event, interface, preview, `glFinish`; "cpu ms" is the processor
time of all its threads, which other programs on the same cores do not change much. "plain ms" is
what published viewers do for every change: the whole network, with the published sampler. In a
drag the preview shoots as many rays as are quick ("rays" in the table, along a side of the
picture); the background is always drawn pixel by pixel.
"""

import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from harness import (
    Row,
    Timing,
    count_repeats,
    find_wrong,
    make_parser,
    measure,
    publish,
    summarize,
    time_once,
)

PICTURE = 512  # pixels, side of the picture in the window
RAW = 128  # pixels, side of the picture that is compared with the network's
LIMITS = {"psnr_db": (28.0, math.inf)}  # of the refined volume against the network's raw picture
WINDOW = (PICTURE + 344, PICTURE + 30)  # with the panel and the status bar


@contextlib.contextmanager
def open_app(model: str | None) -> Iterator[Any]:
    """The program offscreen, with its model loaded; its settings go nowhere."""
    from ballgan_viewer.app import App, AppOptions
    from ballgan_viewer.script import run_script
    from ballgan_viewer.window import Window, WindowOptions

    with tempfile.TemporaryDirectory() as folder:
        os.environ["BALLGAN_CONFIG_DIR"] = folder
        window = Window(WindowOptions(size=WINDOW, scale=1.0, offscreen=True))
        app = App(window, AppOptions((model,) if model else (), remember=False))
        try:
            run_script(app, [{"wait": "loaded"}])
            pump(app, lambda: app.preview.is_current(app.easel.model, app.state.view))
            yield app
        finally:
            app.close()
            window.close()


def pump(app: Any, condition: Callable[[], bool], timeout: float = 300.0) -> None:
    """Run the program's loop until `condition` holds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the viewer did not get there")
        app.frame()
        patience = app.patience()
        if not condition():
            app.window.wait(0.1 if patience is None else patience)


def drag(app: Any, frames: int) -> Timing:
    """Frames of an orbit with the mouse: each one event and one frame."""
    from imgui_bundle import imgui

    backend = imgui.backends
    places = iter(
        (WINDOW[0] // 3 + 60 * math.sin(0.35 * i), 250 + 20 * math.cos(0.35 * i))
        for i in range(frames + 3)
    )

    def move() -> None:
        backend.glfw_cursor_pos_callback(app.window.address, *next(places))
        app.frame()
        assert app.easel.engine(app.state) == "preview"

    backend.glfw_cursor_enter_callback(app.window.address, 1)
    backend.glfw_cursor_pos_callback(app.window.address, *next(places))
    app.frame()
    backend.glfw_mouse_button_callback(app.window.address, 0, 1, 0)
    app.frame()
    for _ in range(2):  # the number of rays adapts
        backend.glfw_cursor_pos_callback(app.window.address, *next(places))
        app.frame()
    try:
        return measure(move, frames - 1)
    finally:
        backend.glfw_mouse_button_callback(app.window.address, 0, 0, 0)
        app.frame()


def first_preview(app: Any, which: str, repeats: int) -> Timing:
    """From a new code to the end of the frame that shows it."""
    from ballgan_viewer.actions import latents as lat

    def change() -> None:
        app.dispatch(lat.StepSeed(which, 1))
        pump(app, lambda: app.preview.is_current(app.easel.model, app.state.view))

    return measure(change, repeats)


def backbone(app: Any, repeats: int) -> Timing:
    """Mapping and planes of new codes: what the first preview of a foreground waits for."""
    import torch

    generator = app.easel.model.generator
    label = None
    if generator.config.mapping.label_dim:
        label = torch.zeros(1, generator.config.mapping.label_dim, device=generator.device)
    seeds = iter(range(10**6))

    def synthesise() -> None:
        with torch.inference_mode():
            generator.planes(generator.map(generator.z(next(seeds)), label))

    return measure(synthesise, repeats)


def agreement(app: Any) -> float:
    """PSNR in dB of the refined preview against the network's raw picture at RAW x RAW."""
    from ballgan_viewer.gl import read_framebuffer
    from ballgan_viewer.layout import Rect

    import ballgan
    from ballgan import staging

    view = replace(app.state.view, layer="raw")
    app.preview.draw(view, Rect(0, 0, RAW, RAW), app.window.framebuffer_size, 1.0)
    shown = read_framebuffer(*app.window.framebuffer_size)[:RAW, :RAW] / 255
    scene = ballgan.Scene(app.easel.model.generator)
    scene.latent = staging.to_latent(view.foreground)
    scene.background = staging.to_background(view.backdrop)
    settings = ballgan.RenderSettings(size=RAW, neural_resolution=RAW, layer="raw")
    expected = scene.render(staging.to_camera(view.camera), settings).rgb
    return -10 * math.log10(float(np.square(shown - expected).mean()) + 1e-12)


def whole_network(app: Any, change: str, repeats: int) -> Timing:
    """The picture after a change of the "camera" or of a code, without anything kept or baked."""
    import ballgan
    from ballgan import staging

    scene, view = ballgan.Scene(app.easel.model.generator), app.state.view
    settings = replace(staging.to_settings(view), sampler="plain")
    yaws = iter(np.linspace(0.1, 0.6, repeats + 1))

    def render() -> None:
        yaw = next(yaws)
        if change == "foreground":
            scene.latent = ballgan.Latent(round(1000 * yaw))
        elif change == "background":
            scene.background = ballgan.LearntBackground(round(1000 * yaw))
        scene.render(ballgan.Camera.orbit(yaw, 0.0), settings)

    return measure(render, repeats)


def row(model: str, what: str, cost: Timing, plain: Timing | None = None, **more: Any) -> Row:
    """A line of the table."""
    times = {
        "fast ms": 1e3 * cost.median_s,
        "fast min ms": 1e3 * cost.minimum_s,
        "cpu ms": 1e3 * cost.cpu_s,
    }
    if plain is not None:
        times |= {"plain ms": 1e3 * plain.median_s, "ratio": plain.median_s / cost.median_s}
    return {"model": model, "what": what, **times, **more}


def benchmark(model: str | None, repeats: int) -> list[Row]:
    """All rows of one model; None: the bundled one."""
    with open_app(model) as app:
        name = app.state.model.name
        rows = []
        moved = whole_network(app, "camera", 2)
        cost = drag(app, 6 * repeats)
        rows.append(row(name, "drag, coarse volume", cost, moved, rays=app.preview.side))
        rows.append(row(name, "backbone", backbone(app, repeats)))
        for which in "foreground", "background":
            if which == "background" and not app.state.model.has_background:
                continue
            plain = whole_network(app, which, 2)
            cost = first_preview(app, which, repeats)
            rows.append(row(name, f"new {which} code to its preview", cost, plain))
        for what, condition in (
            ("network's picture after that", lambda: app.converged),
            ("refined volume after that", lambda: is_refined(app)),
        ):
            rows.append(row(name, what, once(lambda done=condition: pump(app, done))))  # type: ignore[misc]
        rows.append(row(name, "window at rest", measure(app.frame, 6 * repeats)))
        decibels = agreement(app)
        cost = drag(app, 6 * repeats)
        more: Row = {"rays": app.preview.side, "psnr_db": decibels}
        more["wrong"] = find_wrong(more, LIMITS)
        rows.append(row(name, "drag, refined volume", cost, moved, **more))
        return rows


def is_refined(app: Any) -> bool:
    """Whether the idle work on the preview is done."""
    busy = app.lanes["render"].busy or app.preview.pending
    return app.preview.refined and not busy


def once(callable: Callable[[], Any]) -> Timing:
    """What can be measured a single time only."""
    return summarize([time_once(callable)])


def main() -> None:
    parser = make_parser(__doc__, quick="few runs", repeats=10)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: the bundled model")
    args = parser.parse_args()
    models, repeats = args.models or [None], count_repeats(args, quick=2)
    publish(lambda: [row for model in models for row in benchmark(model, repeats)], args)


if __name__ == "__main__":
    main()
