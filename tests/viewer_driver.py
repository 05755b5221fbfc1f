"""Runs the real viewer offscreen inside the test process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZE = (900, 600)  # of the window; small, since every frame is drawn by the CPU
CENTRE = [270, 280]  # of the picture, logical pixels


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


def wait_until(app: Any, condition: Callable[[], bool]) -> None:
    """Draw frames until something is so."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        app.window.wait(0.02)
        app.frame()


@contextmanager
def slow_reading() -> Iterator[None]:
    """Let no model be read to its end."""

    def load(path: str, *, progress: Callable[[float], None]) -> None:
        while True:
            progress(0.25)
            time.sleep(0.01)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ballgan.load", load)
        yield


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def notices(app: Any) -> list[tuple[str, str]]:
    """The levels and texts of what the window tells."""
    return [(notice.level, notice.text) for notice in app.state.notices]


def errors(app: Any) -> list[str]:
    """The texts of the mistakes that the window tells of."""
    return [text for level, text in notices(app) if level == "error"]


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
