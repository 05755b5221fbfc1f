"""Widgets of the panel in the real program, offscreen: what a person drags, clicks and types."""

import math
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import script
from viewer_driver import notices, play, settle, wait_until

from ballgan.view import Code, CodeControl, CodePair

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
        ("learnt", ("exposure", "strength", "still.yaw")),
        ("gradient", ("yaw",)),
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


@pytest.mark.parametrize("which", ["foreground", "background"])
def test_a_code_is_animated_faster_and_stopped(app: Any, which: str) -> None:
    play(app, {"wait": "shown"}, {"click": f"{which}.animate"}, {"set": [f"{which}.speed", 2]})
    assert app.state.view.latents.of(which) == CodeControl(animated=True, speed=2.0)
    start = app.state.view.code(which)
    wait_until(app, lambda: app.state.view.code(which).x > start.x + 0.5)
    play(app, {"click": f"{which}.animate"})
    there = app.state.view.code(which)
    settle(app)
    assert app.state.view.code(which) == there
    assert app.state.view.codes.foreground.x == 0 or which == "foreground"


def test_the_other_side_is_made_the_same(app: Any) -> None:
    play(app, {"wait": "shown"}, {"key": "X"}, {"key": "Right"})
    codes = app.state.view.codes
    play(app, {"click": "gallery.side.copy"}, {"click": "gallery.side.A"})
    assert (app.state.view.codes, app.state.view.latents.side) == (codes, "A")
    play(app, {"command": "edit.undo"}, {"command": "edit.undo"}, {"click": "gallery.side.A"})
    assert app.state.view.codes == CodePair()


def test_a_still_background_is_tilted(app: Any) -> None:
    before = settle(app)
    play(app, {"click": "background.camera.still"}, {"set": ["background.still.pitch", 40]})
    assert app.state.view.backdrop.camera.pitch == pytest.approx(math.radians(40))
    assert app.state.view.camera == app.state.model.home
    assert np.abs(settle(app) - before).mean() > 0.005
    play(app, {"click": "background.camera.moves"})
    assert np.abs(settle(app) - before).max() < 1e-5


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


# Names


def name_direction(app: Any, name: str) -> None:
    play(
        app,
        {"wait": "shown"},
        {"click": "foreground.directions.fold"},
        {"click": "foreground.method.sefa"},
        {"click": "foreground.direction.1.rename"},
        {"set": ["foreground.direction.1.name", name]},
        {"click": "foreground.method.named"},
    )


def named(app: Any) -> list[str]:
    return [each.name for each in app.state.notes.directions]


def test_a_named_direction_is_renamed_and_its_name_cleared(app: Any) -> None:
    name_direction(app, "smile")
    assert named(app) == ["smile"]
    line = "foreground.direction.0.name"
    play(app, {"click": "foreground.direction.0.rename"}, {"set": [line, "grin"]})
    assert named(app) == ["grin"]
    assert line not in app.gui.ui.rects
    play(app, {"click": "foreground.direction.0.rename"}, {"set": [line, ""]})
    assert named(app) == []
    assert app.gui.ui.editing is None
    play(app, {"command": "edit.undo"})
    assert named(app) == ["grin"]
    assert notices(app) == []


@pytest.mark.parametrize(
    ("end", "left"), [({"key": "Escape"}, ["smile"]), ({"click": "foreground.method.pca"}, [])]
)
def test_a_cleared_name_keeps_its_line_until_it_is_finished(
    app: Any, end: dict[str, Any], left: list[str]
) -> None:
    name_direction(app, "smile")
    play(app, {"click": "foreground.direction.0.rename"})
    for _ in range(4):  # until the line is typed into, all of it selected
        app.frame()
    play(app, {"key": "Delete"})
    view = app.state.view
    play(app, {"key": "B"}, {"key": "N"})  # typed into the line, not commands
    assert (app.state.view, named(app)) == (view, ["smile"])
    play(app, end)
    assert (named(app), app.gui.ui.editing) == (left, None)
