"""The window itself: its size, on screens of other sizes too, and what goes on while it is away."""

from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer import preferences
from ballgan_viewer.main import main, parse, window_options
from ballgan_viewer.preferences import Preferences
from ballgan_viewer.window import Window, WindowOptions
from viewer_driver import SIZE, notices, open_app, play, require_gl, settle

import glfw  # isort: skip  (second, so that GLFW is the library that imgui_bundle brings)


def test_a_minimised_window_goes_on_with_its_chores(
    app: Any, other_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(app)
    scale = app.window.interface_scale
    for ask in "get_window_size", "get_framebuffer_size":  # as Windows says then
        monkeypatch.setattr(glfw, ask, lambda handle: (0, 0))
    play(app, {"key": "Right"}, {"drop": str(other_file)}, {"wait": "converged"})
    assert app.state.model.name == "other" and app.state.view.foreground.seed == 1
    assert app.window.interface_scale == scale and notices(app) == []


@pytest.mark.parametrize(
    ("size", "fits", "shown"),
    [
        ((3840, 900), True, (1918, 900)),  # the screen is 1920 x 1080, with a frame and a bar
        ((9000, 9000), True, (1918, 1059)),
        ((800, 600), True, (800, 600)),
        ((3840, 900), False, (3840, 900)),
    ],
)
def test_a_window_from_a_larger_screen_fits(
    size: tuple[int, int], fits: bool, shown: tuple[int, int]
) -> None:
    require_gl()
    window = Window(WindowOptions(size=size, fits=fits, offscreen=True))
    try:
        assert window.size == shown
    finally:
        window.close()


def test_a_maximised_window_is_so_again_and_keeps_its_own_size(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    with open_app(model_file, remember=True) as app:
        glfw.maximize_window(app.window._handle)
        play(app, {"size": [1000, 700]})
    remembered, _ = preferences.load()
    assert remembered == Preferences(maximised=True)
    options = window_options(parse([]), remembered)
    assert options == WindowOptions(size=(1280, 800), fits=True, maximised=True)
    window = Window(WindowOptions(size=SIZE, maximised=True, offscreen=True))
    assert window.maximised
    window.close()


def test_the_settings_are_read_once(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_gl()
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    (tmp_path / "script.json").write_text('[{"wait": "loaded"}]')
    loaded, load = [], preferences.load
    monkeypatch.setattr(preferences, "load", lambda: loaded.append(load()) or loaded[-1])
    options = ["--offscreen", "--script", str(tmp_path / "script.json"), str(model_file)]
    assert main(options) == 0 and len(loaded) == 1


def test_a_size_that_is_asked_for_is_taken_as_it_is() -> None:
    remembered = Preferences(window_size=(5000, 3000), maximised=True)
    assert window_options(parse(["--size", "3000x2000"]), remembered) == WindowOptions(
        size=(3000, 2000)
    )
