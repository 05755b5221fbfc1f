"""Widgets of the panel in the real program, offscreen: what a person drags, clicks and types."""

from typing import Any

import numpy as np
import pytest
from ballgan_viewer import script
from test_viewer_app import app, notices
from viewer_driver import play, settle

from ballgan.view import Code

__all__ = ["app"]  # fixtures
ALONG = {"by": [-40, 0], "steps": 3}


def drawn_while(app: Any, step: dict[str, Any]) -> list[set[str]]:
    """Names of the widgets in each frame of a step."""
    drawn = []
    for _ in script.play(app, step):
        app.frame()
        drawn.append(set(app.gui.ui.rects))
    return drawn


# Nothing goes away while something is dragged


@pytest.mark.parametrize("which", ["foreground", "background"])
def test_no_widget_goes_away_while_a_code_is_dragged(app: Any, which: str) -> None:
    play(app, {"wait": "shown"})
    for name in ("truncation", "cutoff", "pad", "seed"):
        before = app.state.view.code(which)
        drawn = drawn_while(app, {"drag": {"widget": f"{which}.{name}", **ALONG}})
        assert app.state.view.code(which) != before
        assert all(names == drawn[0] for names in drawn), name
    assert {"background.yaw", "background.camera.still", "background.light"} <= drawn[0]


def test_no_widget_goes_away_while_the_background_is_dragged(app: Any) -> None:
    play(app, {"wait": "shown"}, {"click": "background.light"}, {"key": "H"})
    play(app, {"click": "background.sphere.fold"}, {"click": "background.separation.fold"})
    play(app, {"wait": "converged"})
    for kind, widgets in (
        ("learnt", ("exposure", "strength", "still.yaw", "still.pitch")),
        ("gradient", ("yaw",)),
        ("photo", ("yaw",)),
    ):
        play(app, {"click": f"background.{kind}"})
        for name in widgets:
            before = app.state.view.backdrop
            drawn = drawn_while(app, {"drag": {"widget": f"background.{name}", **ALONG}})
            assert app.state.view.backdrop != before
            assert "background.separation.fold" in drawn[0]
            assert all(names == drawn[0] for names in drawn), (kind, name)
    assert notices(app) == []


def test_the_cutoff_is_set_and_taken_back(app: Any) -> None:
    whole = settle(app)
    rows = app.state.model.space("foreground").rows
    play(app, {"set": ["foreground.cutoff", 1]})
    assert app.state.view.foreground == Code(truncation_cutoff=1)
    assert np.abs(settle(app) - whole).mean() > 0.001
    play(app, {"drag": {"widget": "foreground.cutoff", "by": [300, 0]}})
    assert app.state.view.foreground == Code()
    play(app, {"set": ["background.cutoff", 0]})
    assert app.state.view.backdrop.code == Code(truncation_cutoff=0)
    play(app, {"set": ["background.cutoff", rows + 5]})
    assert app.state.view.backdrop.code == Code()
    assert np.abs(settle(app) - whole).max() < 1e-5


def test_one_colour_is_neither_turned_nor_held_still(app: Any) -> None:
    play(app, {"wait": "shown"}, {"click": "background.colour"})
    held = {"background.camera.still", "background.camera.moves"}
    assert held <= app.gui.ui.disabled
    with pytest.raises(script.ScriptError, match="cannot be used now"):
        play(app, {"command": "background.still"})
    play(app, {"command": "background.light"})
    assert app.state.view.backdrop.match_light
    play(app, {"click": "background.gradient"}, {"command": "background.still"})
    assert not held & app.gui.ui.disabled
    assert app.state.view.backdrop.camera == app.state.view.camera
    play(app, {"click": "background.none"})
    for name in ("background.still", "background.light"):
        with pytest.raises(script.ScriptError, match="cannot be used now"):
            play(app, {"command": name})
