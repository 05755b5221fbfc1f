"""What the window writes about itself, and when: never while somebody waits for it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import cameras, paths, preferences
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.chores import may_end
from ballgan_viewer.notes import add_favourite, load_notes, save_notes
from ballgan_viewer.preferences import Preferences
from ballgan_viewer.presets import Preset
from conftest import TINY, make_model
from viewer_driver import open_app, play, wait_until

import ballgan
from ballgan.view import Code, CodePair


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def app(model_file: Path) -> Iterator[Any]:
    with open_app(model_file, remember=True) as opened:
        play(opened, {"wait": "loaded"})
        yield opened


def close(app: Any) -> None:
    """Close the app before its fixture does."""
    app.close()
    app.close = lambda: None


def test_settings_are_written_now_and_then_by_a_thread_and_at_the_end(
    app: Any, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, save = [], preferences.save

    def note(before: Preferences, after: Preferences) -> None:
        threads.append(threading.current_thread())
        save(before, after)

    monkeypatch.setattr(preferences, "save", note)
    monkeypatch.setattr("ballgan_viewer.settings.INTERVAL", 60.0)
    wait_until(app, lambda: not app.settings.lane.busy)
    for length in range(1, 20):
        app.dispatch(act.SetOutputFolder("/somewhere/far/away"[:length]))
        app.frame()
    assert threads == []
    close(app)
    assert len(threads) == 1 and threads[0] is not threading.main_thread()
    assert preferences.load() == (app.state.preferences, None)
    assert app.state.preferences.output_folder == "/somewhere/far/away"


def test_settings_are_written_while_the_window_is_open(app: Any) -> None:
    app.dispatch(act.SetTheme("light"))
    assert app.patience() is not None
    wait_until(app, lambda: preferences.load()[0].theme == "light")
    wait_until(app, lambda: app.settings.until_due(app.state) is None)


def test_settings_that_cannot_be_written_are_a_message(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    wait_until(app, lambda: not app.settings.lane.busy)
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "file" / "x"))
    app.dispatch(act.SetTheme("light"))
    wait_until(app, lambda: bool(app.state.notices))
    assert app.state.notices[0].text.startswith("Settings could not be saved: ")


def test_cameras_are_read_and_written_by_threads(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, make_folder, read_first = [], paths.make_folder, cameras.read_first

    def note(work: Any) -> Any:
        def noted(argument: str) -> Any:
            threads.append(threading.current_thread())
            return work(argument)

        return noted

    monkeypatch.setattr(paths, "make_folder", note(make_folder))
    monkeypatch.setattr(cameras, "read_first", note(read_first))
    app.dispatch(act.SetOutputFolder(str(tmp_path)))
    play(app, {"command": "camera.save_opencv"}, {"wait": "saved"})
    play(app, {"key": "Right", "mods": ["alt"]}, {"drop": str(tmp_path / "cameras.json")})
    play(app, {"wait": "loaded"})
    assert len(threads) == 2 and threading.main_thread() not in threads


def test_favourites_that_a_run_hands_on_are_written(model_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "00000-toy"
    run.mkdir()
    os.link(model_file, run / "model-000100.pkl")
    with open_app(run, remember=True) as app:
        play(app, {"wait": "loaded"})
        app.dispatch(lat.AddFavourite())
        ballgan.save(make_model(TINY, seed=3), tmp_path / "new.pkl")
        os.rename(tmp_path / "new.pkl", run / "model-000200.pkl")
        wait_until(app, lambda: app.state.model.name == "model-000200")
        checksum = app.state.model.sha256
        assert [kept.codes for kept in app.state.notes.favourites] == [CodePair()]
    assert load_notes(checksum) == (app.state.notes, None)


def test_what_another_window_writes_stays(app: Any, model_file: Path) -> None:
    checksum, notes = app.state.model.sha256, app.state.notes
    theirs = Preferences(recent_models=("/theirs.pkl",), presets=(Preset("b", {}),), theme="light")
    wait_until(app, lambda: app.settings.until_due(app.state) is None)
    wait_until(app, lambda: not app.settings.lane.busy)
    preferences.save(Preferences(), theirs)
    save_notes(checksum, "tiny", notes, add_favourite(notes, CodePair(Code(9.0))))
    app.dispatch(lat.AddFavourite(), act.NamePreset("a"), act.SavePreset())
    close(app)
    remembered, _ = preferences.load()
    assert {preset.name for preset in remembered.presets} == {"a", "b"}
    assert set(remembered.recent_models) == {str(model_file), "/theirs.pkl"}
    assert remembered.theme == "light"
    kept = [favourite.codes for favourite in load_notes(checksum)[0].favourites]
    assert kept == [CodePair(), CodePair(Code(9.0))]


def test_a_window_that_writes_a_file_is_closed_the_second_time(app: Any) -> None:
    quit_ = {"key": "Q", "mods": ["control"]}
    app.dispatch(act.BeginJob("thumbnails", "Contact sheet"))
    play(app, quit_)
    assert app.window.should_close() and may_end(app)
    app.dispatch(act.BeginJob("film", "Rendering a film"))
    assert not may_end(app) and not app.window.should_close()
    assert app.state.notices[-1].text == "Rendering a film is not finished. Quit again to stop it."
    app.frame()
    play(app, quit_)
    app.run()
    assert app.window.should_close()


def test_favourites_that_could_not_be_written_are_written_with_the_next(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    with monkeypatch.context() as patch:
        patch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "file" / "x"))
        app.dispatch(lat.AddFavourite())
        wait_until(app, lambda: bool(app.state.notices))
    play(app, {"key": "Right"})
    app.dispatch(lat.AddFavourite())
    wait_until(app, lambda: not app.settings.lane.busy)
    assert len(app.state.notes.favourites) == 2
    assert load_notes(app.state.model.sha256) == (app.state.notes, None)


@pytest.mark.parametrize("closes", [False, True])
def test_what_could_not_be_written_is_tried_again(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    (tmp_path / "file").write_text("no folder")
    wait_until(app, lambda: not app.settings.lane.busy)
    monkeypatch.setattr("ballgan_viewer.settings.INTERVAL", 60.0 if closes else 0.05)
    with monkeypatch.context() as patch:
        patch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "file" / "x"))
        app.dispatch(act.SetTheme("light"), lat.AddFavourite())
        app.settings.save(app.state, early=True)
        wait_until(app, lambda: len(app.state.notices) == 2)
        for _ in range(5):
            wait_until(app, lambda: not app.settings.lane.busy)
        assert len(app.state.notices) == 2  # told once
    if closes:
        close(app)
    else:
        wait_until(app, lambda: app.settings.until_due(app.state) is None)
    assert preferences.load() == (app.state.preferences, None)
    assert load_notes(app.state.model.sha256) == (app.state.notes, None)
    assert app.state.preferences.theme == "light" and len(app.state.notes.favourites) == 1


def test_what_killed_windows_left_half_written_is_removed(model_file: Path, config: Path) -> None:
    (config / "models").mkdir(parents=True)
    old = config / ".viewer.json.0123456789ab.tmp", config / "models" / ".x.json.0123456789ab.tmp"
    for path in old:
        path.write_text("{")
        os.utime(path, (1e9, 1e9))
    fresh = config / ".viewer.json.ba9876543210.tmp"  # another window may be writing it
    fresh.write_text("{")
    with open_app(model_file, remember=True):
        assert not any(path.exists() for path in old)
        assert fresh.exists()
