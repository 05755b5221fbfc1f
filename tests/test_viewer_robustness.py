"""The real program offscreen: nothing that a person or a file system does ends it."""

import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import panels
from ballgan_viewer.chores import use_chosen_file
from imgui_bundle import imgui
from PIL import Image
from viewer_driver import CENTRE, notices, open_app, play, settle

import ballgan

import glfw  # isort: skip  (after imgui_bundle, so that GLFW is the library that it brings)


def export(app: Any, typed: str) -> None:
    play(
        app,
        {"wait": "idle"},
        {"click": "export.resolution.128"},
        {"set": ["export.path", typed]},
        {"click": "export"},
        {"wait": "idle"},
    )


@pytest.mark.parametrize("typed", ["/proc/x", "~nosuchuser/x", "a" * 300, "nowhere/"])
def test_paths_that_cannot_be_written_give_a_notice(app: Any, typed: str) -> None:
    export(app, typed)
    ((level, text),) = notices(app)
    assert level == "error"
    assert "failed: " in text
    assert app.state.export.path == typed


@pytest.mark.parametrize("typed", ["/", ".", "~", "~x", "x/..", "..", "//", "%s%n"])
def test_any_text_can_be_typed_as_a_path(app: Any, typed: str) -> None:
    play(app, {"wait": "idle"}, {"set": ["export.path", typed]})
    assert app.state.export.path == typed
    assert notices(app) == []


def test_an_export_overwrites_nothing(app: Any, tmp_path: Path) -> None:
    (tmp_path / "head.glb").write_text("mine")
    export(app, "head.glb")
    assert (tmp_path / "head.glb").read_text() == "mine"
    assert app.state.exported == str(tmp_path / "head-2.glb")
    assert (tmp_path / "head-2.glb").stat().st_size > 1000


def test_a_name_chosen_without_a_suffix_gets_one_and_replaces_nothing(
    app: Any, tmp_path: Path
) -> None:
    play(app, {"wait": "idle"})
    for chosen, name in ("face", "face.ballgan.json"), ("face", "face-2.ballgan.json"):
        app.dispatch(use_chosen_file("save_session", str(tmp_path / chosen)))
        play(app, {"wait": "saved"})
        assert app.state.session == str(tmp_path / name) and Path(app.state.session).is_file()
    assert not (tmp_path / "face").exists()
    (tmp_path / "file").touch()
    app.dispatch(act.SetOutputFolder(str(tmp_path / "file" / "folder")))  # cannot be made
    app.dispatch(use_chosen_file("save_session", str(tmp_path / "other")))
    play(app, {"wait": "saved"})
    assert app.state.session == str(tmp_path / "other.ballgan.json")
    app.dispatch(use_chosen_file("save_session", str(tmp_path / "face.ballgan.json")))
    play(app, {"wait": "saved"})  # the dialog has asked
    assert app.state.session == str(tmp_path / "face.ballgan.json")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes on Linux only")
@pytest.mark.parametrize("name", [os.fsdecode(b"bad\xff.pkl"), "n" * 248 + ".pkl"])
def test_models_with_difficult_names(
    model_file: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    path = tmp_path / "folder" / name
    path.parent.mkdir()
    shutil.copy(model_file, path)
    with open_app(path) as app:
        export(app, str(tmp_path) + "/")
        assert app.state.exported is not None, notices(app)
        assert Path(app.state.exported).is_file()
        play(app, {"drop": str(path) + "x"}, {"wait": "idle"})
        assert notices(app)[-1][0] == "error"


def test_the_current_folder_may_be_deleted(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with open_app(model_file) as app:
        settle(app)
        here.rmdir()
        play(app, {"key": "Right"}, {"wait": "idle"}, {"key": "S"}, {"wait": "saved"})
        app.frame()
        assert notices(app) == [("info", f"Saved {tmp_path / 'tiny-seed1.png'}")]


def test_a_picture_without_a_suffix_is_put_behind(app: Any, tmp_path: Path) -> None:
    settle(app)
    Image.new("RGB", (16, 8), (255, 0, 0)).save(tmp_path / "photo", format="PNG")
    play(app, {"drop": str(tmp_path / "photo")}, {"wait": "loaded"})
    assert app.state.view.backdrop.photo == str(tmp_path / "photo")
    assert notices(app) == []


def test_the_last_of_two_models_is_shown(
    app: Any, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(app)
    for name in "a.pkl", "b.pkl":
        shutil.copy(model_file, tmp_path / name)
    load = ballgan.load

    def load_slowly(path: str, **options: Any) -> ballgan.Generator:
        time.sleep(0.2)
        return load(path, **options)

    monkeypatch.setattr(ballgan, "load", load_slowly)
    names: list[str] = []
    play(app, {"drop": str(tmp_path / "a.pkl")})
    play(app, {"drop": str(tmp_path / "b.pkl")})
    while app.loading:
        app.frame()
        names.append(app.state.model.name)
        time.sleep(0.01)
    assert set(names) == {"tiny", "a", "b"}
    assert app.state.model.name == "b"
    assert app.state.preferences.recent_models[0] == str(tmp_path / "b.pkl")


def test_a_level_without_a_surface_says_so(app: Any) -> None:
    play(app, {"wait": "idle"}, {"click": "layer.surface"}, {"wait": "converged"})
    play(app, {"click": "export.automatic"})
    play(app, {"set": ["export.level", "100000"]}, {"wait": "converged"})
    assert app.easel.surface_failed(app.state)
    play(app, {"set": ["export.level", "5"]}, {"wait": "converged"})
    assert not app.easel.surface_failed(app.state)


def test_the_wheel_zooms_with_control_too(app: Any) -> None:
    settle(app)
    radii = []
    for held in False, True:
        play(app, {"key": "R"})
        imgui.get_io().add_key_event(imgui.Key.mod_ctrl, held)
        play(app, {"wheel": 2, "at": CENTRE})
        radii.append(app.state.view.camera.radius)
    imgui.get_io().add_key_event(imgui.Key.mod_ctrl, False)
    assert radii[0] == radii[1] < app.state.model.home.radius


def _run_frames(app: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of the window for `count` frames."""
    left = iter(range(count))
    monkeypatch.setattr(app.window, "should_close", lambda: next(left, None) is None)
    monkeypatch.setattr(app, "patience", lambda: 0.0)
    app.run()


def _raise(*_: object, **options: object) -> Any:
    raise KeyError("a mistake")


@pytest.fixture(params=["panel", "status", "event", "effect", "draw"])
def breakage(request: pytest.FixtureRequest) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def damage(app: Any, patch: pytest.MonkeyPatch) -> None:
        if request.param == "panel":
            patch.setattr(panels, "DRAW", dict.fromkeys(panels.DRAW, _raise))
        elif request.param == "status":
            patch.setattr(panels, "PARTS", (_raise, *panels.PARTS))
        elif request.param == "event":
            patch.setattr("ballgan_viewer.app.handle", _raise)
        elif request.param == "effect":
            patch.setattr(app.easel, "submit", _raise)
        else:
            patch.setattr(app.easel, "draw", _raise)

    return damage


def test_a_mistake_of_ours_is_a_notice_and_the_window_stays(
    app: Any,
    breakage: Callable[[Any, pytest.MonkeyPatch], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    settle(app)
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.DEBUG):
        breakage(app, patch)
        app.window.events.clear()
        imgui.backends.glfw_key_callback(app.window.address, glfw.KEY_B, 0, glfw.PRESS, 0)
        _run_frames(app, 4, patch)
    ((level, text),) = notices(app)
    assert level == "error" and "Internal error (KeyError): 'a mistake'. The window goes on" in text
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == 1
    play(app, {"key": "R"})
    settle(app)
    play(app, {"click": f"dismiss.{app.state.notices[0].number}"})
    assert notices(app) == []


def test_a_mistake_of_ours_ends_a_script(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(app)
    with monkeypatch.context() as patch:
        patch.setattr(panels, "PARTS", (_raise,))
        with pytest.raises((KeyError, ValueError), match="a mistake"):
            play(app, {"key": "B"})
    play(app, {"key": "B"})
    settle(app)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["pipe.png", "pipe.json", "pipe.pkl"])
def test_a_pipe_is_refused_and_what_comes_after_it_opens(
    app: Any, tmp_path: Path, name: str
) -> None:
    """Reading one would wait for ever, and all that is dropped later with it."""
    os.mkfifo(tmp_path / name)
    Image.new("RGB", (64, 32), (200, 0, 0)).save(tmp_path / "room.png")
    play(app, {"wait": "loaded"}, {"drop": str(tmp_path / name)}, {"wait": "loaded"})
    assert any("not a regular file" in text for _, text in notices(app))
    play(app, {"drop": str(tmp_path / "room.png")}, {"wait": "loaded"})
    assert app.state.view.backdrop.photo == str(tmp_path / "room.png")


@pytest.mark.skipif(sys.platform == "win32", reason="needs sparse files")
@pytest.mark.parametrize("name", ["huge.png", "huge.json", "huge.bin"])
def test_a_huge_file_is_refused_at_once(app: Any, tmp_path: Path, name: str) -> None:
    with open(tmp_path / name, "wb") as file:
        file.truncate(2**31)
    started = time.monotonic()
    play(app, {"wait": "loaded"}, {"drop": str(tmp_path / name)}, {"wait": "loaded"})
    assert time.monotonic() - started < 20
    ((level, text),) = notices(app)
    assert level == "error" and name in text


def test_an_information_stays_until_there_is_a_model_to_look_at(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballgan_viewer.chores.NOTICE_SECONDS", 0.01)
    with open_app(model_file) as app:
        app.dispatch(act.Notify("info", "It shows again what it showed."))
        while app.loading:
            assert app.state.notices
            app.frame()
        app.frame()
        time.sleep(0.01)
        app.frame()
        assert app.state.notices == ()
