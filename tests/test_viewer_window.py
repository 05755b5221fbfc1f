"""The window itself: its size, on screens of other sizes too, and what goes on while it is away."""

from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer.window import Window, WindowOptions
from viewer_driver import notices, play, settle

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
