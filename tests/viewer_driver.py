"""Runs the real viewer offscreen inside the test process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZE = (900, 600)  # of the window; small, since every frame is drawn by the CPU


@cache
def missing_gl() -> str:
    """Why there is no GL context here; empty if there is one."""
    from ballgan_viewer.window import Window, WindowError, WindowOptions

    try:
        Window(WindowOptions(size=(16, 16), offscreen=True)).close()
    except WindowError as error:
        return str(error)
    return ""


def require_gl() -> None:
    """Skip the test where there is no GL context."""
    if missing_gl():
        pytest.skip(missing_gl())


@contextmanager
def open_app(
    model: Path | str, *, size: tuple[int, int] = SIZE, scale: float = 1.0, remember: bool = False
) -> Iterator[Any]:
    """The viewer on `model`, offscreen."""
    require_gl()
    from ballgan_viewer.app import App, AppOptions
    from ballgan_viewer.window import Window, WindowOptions

    window = Window(WindowOptions(size=size, scale=scale, offscreen=True))
    try:
        app = App(window, AppOptions((str(model),), remember=remember))
        try:
            yield app
        finally:
            app.close()
    finally:
        window.close()


def play(app: Any, *steps: dict[str, Any]) -> None:
    """Do the steps of a script."""
    from ballgan_viewer.script import run_script

    run_script(app, list(steps))


def settle(app: Any) -> np.ndarray:
    """Wait for the finished picture: straight float RGBA (H, W, 4)."""
    play(app, {"wait": "converged", "timeout": 60})
    assert app.easel.picture is not None
    return app.easel.picture.rgba.copy()


def stage_pixels(app: Any) -> np.ndarray:
    """What the window shows where the picture is: (side, side, 3) uint8."""
    pixels = app.grab()
    from ballgan_viewer.layout import arrange

    area = arrange(*app.window.size, app.window.interface_scale).picture
    left, top, side = round(area.x), round(area.y), round(area.width)
    return pixels[top : top + side, left : left + side]
