"""Presets of how to render: kept by name, and remembered."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import preferences
from ballgan_viewer.presets import (
    BUILT_IN,
    MAX_PRESETS,
    Preset,
    built_in,
    changes_of,
    find_preset,
    settings_of,
    with_preset,
    with_settings,
)
from ballgan_viewer.state import ViewerState
from viewer_driver import open_app, play
from viewer_states import do

import ballgan
from ballgan.view import Code, Comparison, DepthStyle, MeshStyle, View

DEPTH = View(layer="depth", neural_resolution=96)


def test_a_preset_is_how_to_render_and_never_what() -> None:
    split = Comparison(True, 0.3, "pinned", pinned=View(foreground=Code(9.0)))
    shown = View(foreground=Code(3.0), comparison=split, mesh=MeshStyle(level=5.0))
    settings = settings_of(replace(DEPTH, foreground=Code(7.0), mesh=MeshStyle("colour", True, 8)))
    preset = Preset("Depth", json.loads(json.dumps(settings)))
    wanted = replace(shown, layer="depth", neural_resolution=96, mesh=MeshStyle("colour", True, 5))
    assert with_settings(shown, preset) == wanted
    for preset in built_in(64):
        rays = {"Standard": None, "Draft": 32, "Fine": 128}[preset.name]
        assert with_settings(DEPTH, preset) == replace(DEPTH, neural_resolution=rays)
    for preset in ViewerState().presets:  # without a model
        assert with_settings(View(), preset) == View()


def test_settings_that_a_preset_lacks_or_that_are_gone_are_passed_over() -> None:
    old = {"layer": "alpha", "sparkle": 3, "comparison": {"on": True}, "depth": {"glow": 1}}
    assert changes_of(Preset("Old", old)) == {"layer": "alpha", "depth": DepthStyle()}
    with pytest.raises(ValueError, match="Bad.neural_resolution should be of type int"):
        changes_of(Preset("Bad", {"neural_resolution": "many"}))
    with pytest.raises(ValueError, match="Bad.layer should be one of full, "):
        changes_of(Preset("Bad", {"layer": "sparkle"}))


def test_the_preset_in_use_is_found() -> None:
    presets = (*built_in(64), Preset("Depth", settings_of(DEPTH)))
    assert find_preset(presets, View(comparison=Comparison(divider=0.2))) == presets[0]
    assert find_preset(presets, DEPTH) == presets[-1]
    assert find_preset(presets, replace(DEPTH, neural_resolution=128)) == presets[2]
    assert find_preset(presets[:-1], DEPTH) is None


def test_a_name_stands_for_one_preset() -> None:
    presets = with_preset((Preset("A", {}), Preset("B", {})), Preset("A", {"layer": "raw"}))
    assert presets == (Preset("B", {}), Preset("A", {"layer": "raw"}))
    many = tuple(Preset(str(i), {}) for i in range(MAX_PRESETS))
    assert len(with_preset(many, Preset("A", {}))) == MAX_PRESETS


def test_saving_choosing_undoing_and_forgetting() -> None:
    state = do(ViewerState(view=DEPTH), act.NamePreset("  Depth "), act.SavePreset())
    assert [preset.name for preset in state.preferences.presets] == ["Depth"]
    assert state.preset_name == ""
    state = do(state, act.ApplyPreset("Standard"))
    assert state.view == replace(DEPTH, neural_resolution=None)
    state = do(state, act.EndStroke(), act.ApplyPreset("Depth"))
    assert state.view == DEPTH
    assert do(state, act.Undo()).view == replace(DEPTH, neural_resolution=None)
    assert do(state, act.DeletePreset("Depth")).preferences.presets == ()
    assert do(state, act.ApplyPreset("Nothing")) == state
    assert do(state, act.NamePreset(" "), act.SavePreset()).preferences == state.preferences
    taken = do(state, act.NamePreset("Draft"), act.SavePreset())
    assert "choose another name" in taken.notices[0].text


def test_a_preset_that_makes_room_is_told_of() -> None:
    kept = tuple(Preset(f"Number {i}", {}) for i in range(MAX_PRESETS))
    state = ViewerState()
    state = replace(state, preferences=replace(state.preferences, presets=kept))
    after = do(state, act.NamePreset("Number 7"), act.SavePreset())
    assert len(after.preferences.presets) == MAX_PRESETS and after.notices == ()
    after = do(state, act.NamePreset("One more"), act.SavePreset())
    (notice,) = after.notices
    assert notice.text == "Only 50 presets are kept: Number 0 is gone. Undo brings it back."
    assert do(after, act.Undo()).preferences.presets == kept


def test_presets_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    kept = preferences.Preferences(presets=(Preset("Depth", settings_of(DEPTH)),))
    preferences.save(preferences.Preferences(), kept)
    assert preferences.load() == (kept, None)
    (tmp_path / "viewer.json").write_text(
        '{"presets": [{"name": "x", "settings": {"neural_resolution": "y"}}]}'
    )
    loaded, complaint = preferences.load()
    assert loaded == preferences.Preferences()
    assert complaint is not None and "x.neural_resolution" in complaint


def test_presets_in_the_window(
    tiny_model: ballgan.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    ballgan.save(tiny_model, tmp_path / "tiny.pkl")
    with open_app(tmp_path / "tiny.pkl") as app:
        play(app, {"wait": "loaded"}, {"click": "layer.normals"}, {"click": "presets"})
        play(app, {"set": ["presets.name", "Shape"]})  # and Enter
        assert [preset.name for preset in app.state.preferences.presets] == ["Shape"]
        app.dispatch(act.NamePreset("Same"))
        play(app, {"click": "presets.save"}, {"click": f"presets.{len(BUILT_IN) + 1}.delete"})
        assert [preset.name for preset in app.state.preferences.presets] == ["Shape"]
        play(app, {"click": "presets.2"})
        assert app.state.view.neural_resolution == 2 * app.state.model.neural_resolution
        play(app, {"click": "layer.full"})
        play(app, {"click": "presets"}, {"click": f"presets.{len(BUILT_IN)}"})
        assert (app.state.view.layer, app.state.view.neural_resolution) == ("normals", None)
        play(app, {"click": "presets"}, {"click": f"presets.{len(BUILT_IN)}.delete"})
        assert app.state.preferences.presets == ()
        play(app, {"wait": "converged"})
        assert app.state.notices == ()
