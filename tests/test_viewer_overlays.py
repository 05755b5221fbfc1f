"""What lies over the window, the size of the interface, and windows of other sizes: as a person
meets them, in the real program."""

from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.preferences import SECTIONS
from imgui_bundle import imgui
from viewer_driver import open_app, play

PALETTE = {"key": "K", "mods": ["control"]}


def type_text(app: Any, text: str) -> None:
    for character in text:
        imgui.backends.glfw_char_callback(app.window.address, ord(character))
        app.frame()
    app.frame()


@pytest.mark.parametrize("step", [{"key": "/", "mods": ["shift"]}, {"key": "F1"}])
def test_the_list_of_keys_opens_and_closes(app: Any, step: dict[str, Any]) -> None:
    play(app, {"wait": "loaded"}, step)
    assert app.state.overlay == "keys"
    play(app, {"key": "Escape"})
    assert app.state.overlay == ""
    view = app.state.view
    play(app, step, {"key": "B"}, {"key": "N"}, step)
    assert app.state.overlay == "" and app.state.view == view
    play(app, step, {"size": [880, 600]})
    assert imgui.internal.find_window_by_name("##keys").was_active


def test_the_palette_closes_by_its_own_key_and_makes_room_for_the_list_of_keys(app: Any) -> None:
    play(app, PALETTE, PALETTE)
    assert app.state.overlay == ""
    play(app, PALETTE, {"key": "F1"})
    assert app.state.overlay == "keys"
    play(app, {"key": "F1"})
    assert app.state.overlay == ""


def test_the_palette_runs_what_was_typed(app: Any) -> None:
    play(app, {"wait": "loaded"}, PALETTE)
    assert app.state.overlay == "palette"
    type_text(app, "next foregr")
    assert app.state.palette.query == "next foregr"
    play(app, {"key": "Enter"})
    assert app.state.overlay == "" and app.state.view.foreground.seed == 1
    play(app, PALETTE)
    type_text(app, "layer")
    query = app.state.palette
    play(app, {"key": "Down"})
    assert app.state.palette.choice == query.choice + 1
    play(app, {"key": "Escape"}, {"key": "B"})
    assert app.state.overlay == "" and not app.state.view.backdrop.visible


def test_the_palette_has_ones_own_presets_and_the_open_models(app: Any, other_file: Path) -> None:
    play(app, {"wait": "loaded"}, {"drop": str(other_file)}, {"wait": "loaded"})
    play(app, {"key": "5"})
    app.dispatch(act.NamePreset("Shape 100 %"), act.SavePreset(), act.SetLayer("full"))
    for text in "shape", "model tiny":
        play(app, PALETTE)
        type_text(app, text)
        play(app, {"key": "Enter"})
    assert app.state.view.layer == "normals" and app.state.model.name == "tiny"
    play(app, PALETTE)
    type_text(app, "model tiny")
    assert "palette.model.show.0" not in app.gui.ui.rects  # it shows already


def test_all_jobs_are_cancelled_by_a_command(app: Any) -> None:
    play(app, {"wait": "loaded"})
    app.dispatch(act.MakeTurntable(60.0), act.PlayFilm(False), act.StartFilm())
    app.dispatch(act.StartExport("mesh"))
    play(app, {"command": "jobs.cancel"}, {"wait": "idle", "timeout": 60})
    texts = [notice.text for notice in app.state.notices]
    assert len(texts) == 2 and all("cancelled" in text for text in texts)
    with pytest.raises(ValueError, match="cannot be used now"):
        play(app, {"command": "jobs.cancel"})


def test_steps_of_the_palette_are_undone_one_by_one(app: Any) -> None:
    play(app, {"wait": "loaded"})
    for _ in range(2):
        play(app, PALETTE)
        type_text(app, "next foregr")
        play(app, {"key": "Enter"})
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.foreground.seed == 1


def test_the_interface_becomes_larger_and_smaller(app: Any) -> None:
    play(app, {"wait": "loaded"})
    width = app.gui.ui.rects["model.open"].width
    play(app, {"key": "=", "mods": ["control"]}, {"key": "+", "mods": ["control"]})
    app.frame()
    assert app.window.interface_scale == pytest.approx(1.21)
    assert app.gui.ui.rects["model.open"].width == pytest.approx(1.21 * width, abs=3)
    play(app, {"key": "-", "mods": ["control"]})
    assert app.window.interface_scale == pytest.approx(1.1)
    play(app, {"key": "0", "mods": ["control"]})
    app.frame()
    assert app.gui.ui.rects["model.open"].width == pytest.approx(width, abs=1)


@pytest.mark.parametrize(("size", "scale"), [((1024, 700), 1.0), ((1920, 1080), 2.0)])
def test_nothing_is_cut_in_small_and_in_large_windows(
    model_file: Path, size: tuple[int, int], scale: float
) -> None:
    with open_app(model_file, size=size, scale=scale) as app:
        play(app, {"wait": "shown"})
        app.dispatch(act.FoldSections(()), act.ShowTimeline(True), act.AddKey())
        for _ in range(3):
            app.frame()
        layout, rects = app._arrange(), app.gui.ui.rects
        assert app.window.framebuffer_size == tuple(scale * side for side in size)
        assert imgui.internal.find_window_by_name("##panel").scroll_max.x == 0
        timeline = imgui.internal.find_window_by_name("##timeline")
        assert (timeline.scroll_max.x, timeline.scroll_max.y) == (0, 0)
        for name, rect in rects.items():
            within = [
                area
                for area in (layout.panel, layout.timeline, layout.stage, layout.status)
                if area.x <= rect.x and rect.x + rect.width <= area.x + area.width + 0.5
            ]
            assert within, name
        assert rects["timeline.close"].y > layout.stage.height
        for section in SECTIONS if scale == 1 else SECTIONS[-1:]:
            app.gui.ui.reveal = f"section.{section}"
            for _ in range(2):
                app.frame()
            head = app.gui.ui.rects[f"section.{section}"]
            assert layout.panel.contains(*head.centre), section
