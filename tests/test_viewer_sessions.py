"""Session files, and saved pictures, through the real program offscreen."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import document, paths
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.notes import load_notes
from ballgan_viewer.state import CaptureOptions, Following
from PIL import Image
from viewer_driver import CENTRE, errors, open_app, play, settle, wait_until

import ballgan
from ballgan.animation import Animation, Key
from ballgan.camera_text import decode_cameras
from ballgan.cli.main import main
from ballgan.model_files import ModelFile, bundled_model, describe_file
from ballgan.session import Session, read_session, write_session
from ballgan.view import Backdrop, Code, Comparison, View

CHANGES: tuple[dict[str, Any], ...] = (
    {"set": ["foreground.seed", 12]},
    {"drag": {"widget": "foreground.pad", "by": [17, 5]}},
    {"drag": {"from": CENTRE, "to": [310, 290]}},
    {"set": ["background.seed", 5]},
    {"click": "export.format.obj"},
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def app(model_file: Path) -> Iterator[Any]:
    with open_app(model_file) as opened:
        play(opened, {"wait": "loaded"})
        yield opened


def values_of(app: Any) -> dict[str, Any]:
    """The document, without what is kept of whichever models are open."""
    values = document.values(app.state)
    return {name: value for name, value in values.items() if not name.startswith(document.NOTES)}


def test_a_session_brings_everything_back(app: Any, tmp_path: Path) -> None:
    start = values_of(app)
    play(app, *CHANGES, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
    before, values = settle(app), values_of(app)
    (path,) = (tmp_path / "work").glob("tiny-seed*.ballgan.json")
    assert app.state.session == str(path)
    while app.state.history.past:
        play(app, {"key": "Z", "mods": ["control"]})
    assert values_of(app) == start
    play(app, {"drop": str(path)}, {"wait": "loaded"})
    assert values_of(app) == values
    assert np.abs(settle(app) - before).max() < 1e-5
    play(app, {"click": "undo"})
    assert values_of(app) == start
    play(app, {"click": "session.save"}, {"wait": "saved"})
    assert len(list((tmp_path / "work").iterdir())) == 1  # the same file
    assert read_session(path).view == app.state.view
    assert errors(app) == []


def test_the_timeline_of_a_session_shows(app: Any, tmp_path: Path) -> None:
    app.dispatch(act.AddKey())
    play(app, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
    (path,) = (tmp_path / "work").glob("*.ballgan.json")
    app.dispatch(act.ShowTimeline(False))
    play(app, {"drop": str(path)}, {"wait": "loaded"})
    assert app.state.playhead.shown


def test_a_saved_picture_is_a_session_and_the_command_makes_the_same_pixels(
    app: Any, model_file: Path, tmp_path: Path
) -> None:
    play(app, *CHANGES, {"key": "B"}, {"wait": "converged"}, {"key": "S"}, {"wait": "saved"})
    values = values_of(app)
    (picture,) = (tmp_path / "work").glob("*.png")
    arguments = [str(model_file), "--session", str(picture), "--output", str(tmp_path / "again")]
    assert main(["render", *arguments]) == 0
    with Image.open(picture) as saved, Image.open(tmp_path / "again" / picture.name) as made:
        assert saved.mode == made.mode == "RGBA"
        assert np.array_equal(np.asarray(saved), np.asarray(made))
    play(app, {"key": "R"}, {"set": ["foreground.seed", 1]}, {"key": "B"})
    play(app, {"drop": str(picture)}, {"wait": "loaded"})
    restored = values_of(app)
    assert restored == values | {"export": restored["export"]}
    assert app.state.session is None  # the next session does not replace the picture
    assert errors(app) == []


def test_the_command_makes_the_same_pixels_at_another_size(
    app: Any, model_file: Path, tmp_path: Path
) -> None:
    options = replace(app.state.capture, size=96, passes=1)
    app.dispatch(act.SetCapture(options))
    play(app, *CHANGES, {"key": "B"}, {"key": "S", "mods": ["shift"]}, {"wait": "captured"})
    picture = Path(app.state.captured)
    arguments = [str(model_file), "--session", str(picture), "--output", str(tmp_path / "again")]
    assert main(["render", *arguments]) == 0
    with Image.open(picture) as saved, Image.open(tmp_path / "again" / picture.name) as made:
        assert saved.size == (96, 96)
        assert np.array_equal(np.asarray(saved), np.asarray(made))
    assert errors(app) == []


def test_a_session_opens_its_model(app: Any, other_file: Path, tmp_path: Path) -> None:
    play(app, *CHANGES, {"click": "session.save"}, {"wait": "saved"})
    values, camera = values_of(app), app.state.view.camera
    play(app, {"drop": str(other_file)}, {"wait": "loaded"}, {"key": "R"})
    assert app.state.model.name == "other"
    play(app, {"click": "session.recent"}, {"click": "session.recent.0"}, {"wait": "idle"})
    assert app.state.model.name == "tiny"
    assert values_of(app) == values
    assert app.state.view.camera == camera
    play(app, {"key": "Z", "mods": ["control"]})  # one step, to another model
    assert app.state.model.name == app.easel.model.info.name == "other"
    play(app, {"key": "Z", "mods": ["control", "shift"]})
    assert values_of(app) == values and app.easel.model.info.name == "tiny"
    assert errors(app) == []


def test_a_model_that_moved_is_found_by_its_content(
    app: Any, model_file: Path, other_file: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.pkl"
    shutil.copy(model_file, moved)
    play(app, {"drop": str(moved)}, {"wait": "loaded"}, {"set": ["foreground.seed", 3]})
    play(app, {"click": "session.save"}, {"wait": "saved"}, {"drop": str(other_file)})
    play(app, {"wait": "loaded"})
    moved.unlink()
    play(app, {"drop": app.state.session}, {"wait": "loaded"})
    assert app.state.model.path == str(model_file)
    assert errors(app) == []


def test_another_model_stands_in_for_one_that_is_gone(app: Any, tmp_path: Path) -> None:
    play(app, *CHANGES, {"click": "session.save"}, {"wait": "saved"})
    path = Path(app.state.session)
    session = read_session(path)
    assert session.model is not None
    gone = replace(session.model, path="/gone/cats.pkl", sha256="0" * 64)
    write_session(path, replace(session, models=(gone,)))
    values = values_of(app)
    play(app, {"key": "R"}, {"drop": str(path)}, {"wait": "loaded"})
    assert values_of(app) == values
    (text,) = errors(app)
    assert "cats.pkl is not here: another one stands in" in text


def test_a_model_that_has_changed_is_told(app: Any, model_file: Path, tmp_path: Path) -> None:
    play(app, *CHANGES, {"click": "session.save"}, {"wait": "saved"})
    path, values = Path(app.state.session), values_of(app)
    session = read_session(path)
    assert session.model is not None
    write_session(path, replace(session, models=(replace(session.model, sha256="0" * 64),)))
    play(app, {"key": "R"}, {"drop": str(path)}, {"wait": "loaded"})
    assert values_of(app) == values
    assert app.state.model.path == str(model_file)
    (text,) = errors(app)
    assert "tiny.pkl has changed since" in text


def test_a_picture_that_is_gone_is_told(app: Any, tmp_path: Path) -> None:
    session = document.to_session(app.state)
    backdrop = Backdrop("photo", photo="/gone/room.jpg")
    path = tmp_path / "s.ballgan.json"
    film = Animation((Key(0.0, session.view.camera, backdrop=backdrop),))
    split = Comparison(True, kind="pinned", pinned=View(backdrop=backdrop))
    view = replace(session.view, backdrop=backdrop, comparison=split)
    write_session(path, replace(session, view=view, animation=film))
    play(app, {"drop": str(path)}, {"wait": "idle"})
    assert app.state.view.backdrop.kind == "learnt"
    assert app.state.animation.keys[0].backdrop.kind == "learnt"
    assert app.state.view.comparison.pinned.backdrop.kind == "learnt"
    (text,) = errors(app)
    assert "room.jpg is not here" in text
    Image.new("RGB", (8, 8)).save(tmp_path / "room.jpg")  # beside the session
    play(app, {"drop": str(path)}, {"wait": "idle"})
    assert app.state.view.backdrop == replace(backdrop, photo=str(tmp_path / "room.jpg"))
    assert app.state.view.comparison.pinned.backdrop == app.state.view.backdrop


def test_what_a_newer_viewer_wrote_opens_as_far_as_it_is_known(app: Any, tmp_path: Path) -> None:
    play(app, *CHANGES, {"click": "session.save"}, {"wait": "saved"})
    path, values = Path(app.state.session), values_of(app)
    data = json.loads(path.read_text())
    data["view"]["sparkle"] = data["window"]["door"] = data["window"]["export"]["glue"] = 1
    path.write_text(newer := json.dumps(data))
    play(app, {"key": "R"}, {"drop": str(path)}, {"wait": "loaded"})
    assert values_of(app) == values
    (text,) = errors(app)
    assert "session.view.sparkle, session.window.door, session.window.export.glue" in text
    play(app, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
    assert path.read_text() == newer  # what was not restored as a whole is not replaced
    assert app.state.session not in (None, str(path))


@pytest.fixture
def session_of_damaged(tmp_path: Path) -> Path:
    """A session whose model cannot be read."""
    model, path = tmp_path / "cats.pkl", tmp_path / "look.ballgan.json"
    model.write_bytes(b"torn")
    view = View(foreground=Code(5.0))
    cats = (ModelFile(str(model), 9, "0" * 64),)
    write_session(path, Session(cats, 0, view, animation=Animation((Key(0.0, view.camera),))))
    return path


def test_a_damaged_model_leaves_the_rest_of_its_session(app: Any, session_of_damaged: Path) -> None:
    path = session_of_damaged
    play(app, {"drop": str(path)}, {"wait": "idle"})
    assert app.state.model.name == "tiny"
    assert app.state.view.foreground == Code(5.0) and len(app.state.animation.keys) == 1
    assert app.state.session is None  # where the reference to the model stays
    assert "cats.pkl has changed since" in errors(app)[0] and "cats.pkl" in errors(app)[1]
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.foreground == Code()


def test_a_damaged_model_at_the_start_leaves_the_rest_of_its_session(
    session_of_damaged: Path,
) -> None:
    with open_app(session_of_damaged) as app:
        play(app, {"wait": "idle", "timeout": 60})
        assert app.state.model.bundled and app.state.view.foreground == Code(5.0)
        assert app.state.session is None
        assert len(errors(app)) == 2


def test_a_stand_in_does_not_replace_the_model_of_the_file(app: Any, tmp_path: Path) -> None:
    path = tmp_path / "look.ballgan.json"
    gone = ModelFile("/gone/cats.pkl", 9, "0" * 64)
    write_session(path, replace(document.to_session(app.state), models=(gone,)))
    play(app, {"drop": str(path)}, {"wait": "idle"}, {"key": "Right"})
    play(app, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
    assert read_session(path).model == gone
    assert app.state.session not in (None, str(path))


def test_favourites_of_all_models_of_a_session_come_back(
    model_file: Path, other_file: Path, tmp_path: Path
) -> None:
    with open_app(model_file) as app:
        for drop in other_file, model_file:
            play(app, {"wait": "loaded"}, {"key": "Right"})
            app.dispatch(lat.AddFavourite())
            play(app, {"drop": str(drop)}, {"wait": "loaded"})
        assert app.state.model.name == "tiny"
        play(app, {"click": "session.save"}, {"wait": "saved"})
        kept, path = app.state.notebooks, app.state.session
    assert len(kept) == 2 and not (tmp_path / "config" / "models").exists()
    with open_app(path, remember=True) as again:
        play(again, {"wait": "idle"})
        assert again.state.notebooks == kept and again.state.session_notes == {}
    assert {checksum: load_notes(checksum)[0] for checksum in kept} == kept


def test_a_model_that_comes_too_late_does_not_use_up_its_favourites(app: Any) -> None:
    app.dispatch(lat.AddFavourite())
    kept = {document.NOTES + "late": app.state.notes}
    app.dispatch(act.RestoreDocument(kept), act.OpenModel("/wanted.pkl"))
    app.dispatch(act.ModelOpened(replace(app.state.model, path="/late.pkl", sha256="late")))
    assert list(app.state.session_notes) == ["late"] and "late" not in app.state.notebooks
    app.dispatch(act.RestoreDocument({}))  # another session
    assert app.state.session_notes == {}


def test_a_run_is_followed_again(model_file: Path, other_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    old, new = run / "model-000100.pkl", run / "model-000200.pkl"
    shutil.copy(model_file, old)
    with open_app(run) as app:
        play(app, {"wait": "loaded"}, {"set": ["foreground.seed", 7]})
        play(app, {"click": "session.save"}, {"wait": "saved"})
        path = app.state.session
    shutil.copy(model_file, new)
    old.unlink()  # a run keeps its last few models
    for file in run.iterdir():
        os.utime(file, (1e9, 1e9))
    with open_app(path) as again:
        play(again, {"wait": "idle"})
        assert again.state.following == Following(str(run), str(new), looked=True)
        assert [model.path for model in again.state.models] == [str(new)]
        assert again.state.view.foreground.seed == 7
        assert errors(again) == [] and again.state.session == path
        shutil.copy(other_file, run / "model-000300.safetensors")
        os.utime(run / "model-000300.safetensors", (1e9, 1e9))
        wait_until(again, lambda: again.state.model.name == "model-000300")
        assert len(again.state.models) == 1
    shutil.rmtree(run)
    with open_app(path) as alone:
        play(alone, {"wait": "idle", "timeout": 60})
        assert alone.state.following is None and alone.state.view.foreground.seed == 7
        assert "run is not here: it is followed no longer" in errors(alone)[0]


def test_a_folder_of_runs_is_followed_again_from_the_model_that_is_there(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, read = ballgan.load, []

    def count(*args: Any, **how: Any) -> Any:
        read.append(args)
        return load(*args, **how)

    monkeypatch.setattr(ballgan, "load", count)
    run = tmp_path / "runs" / "00000-toy"
    run.mkdir(parents=True)
    shutil.copy(model_file, run / "model-000100.pkl")
    with open_app(run.parent) as app:
        play(app, {"wait": "loaded"}, {"click": "session.save"}, {"wait": "saved"})
        path = app.state.session
    with open_app(path) as again:
        play(again, {"wait": "idle"})
        wait_until(again, lambda: again.state.following.looked)
        play(again, {"wait": "idle"})
        model = str(run / "model-000100.pkl")
        assert again.state.following == Following(str(run.parent), model, looked=True)
    assert len(read) == 2  # once in each window


def test_a_picture_brings_back_how_it_was_made(app: Any, tmp_path: Path) -> None:
    options = replace(app.state.capture, size=64, passes=1, film="gif")
    app.dispatch(act.SetCapture(options))
    play(app, {"click": "capture.save"}, {"wait": "captured", "timeout": 60})
    app.dispatch(act.SetCapture(CaptureOptions(film="webm")))
    play(app, {"drop": app.state.captured}, {"wait": "loaded"})
    assert app.state.capture == replace(options, film="webm")  # which no picture knows
    assert errors(app) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": "ballgan session", "version": 9}', "written by a newer program"),
        ('{"format": "ballgan session", "ver', "damaged"),
        ("{}", "is no session"),
        (
            '{"format": "ballgan session", "version": 1, "window": {"capture": {"film": "avi"}}}',
            "capture.film is 'mp4', 'webm', 'gif' or 'png'; got 'avi'",
        ),
        (
            '{"format": "ballgan session", "version": 1, "window": {"export": {"faces": -1}}}',
            "export.faces should be 0 (all) or 4 at least; got -1",
        ),
        ('{"format": "ballgan session", "version": 1, "picture": {"passes": 2}}', "capture.passes"),
        (
            '{"format": "ballgan session", "version": 1, "window": {"export": {"level": "x"}}}',
            "session.window.export.level should be of type float",
        ),
    ],
)
def test_files_that_cannot_be_used_change_nothing(
    app: Any, tmp_path: Path, content: str, message: str
) -> None:
    values = values_of(app)
    (tmp_path / "bad.json").write_text(content)
    play(app, {"drop": str(tmp_path / "bad.json")}, {"wait": "loaded"})
    assert values_of(app) == values
    (text,) = errors(app)
    assert message in text and "bad.json" in text


def test_a_session_can_be_named(app: Any, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "mine.ballgan.json").write_text("precious")
    for typed in "mine", "other.json", str(tmp_path):
        play(app, {"set": ["session.name", typed]}, {"click": "session.save"}, {"wait": "saved"})
    assert (work / "mine.ballgan.json").read_text() == "precious"
    assert read_session(work / "mine-2.ballgan.json").view == app.state.view
    assert read_session(work / "other.json").view == app.state.view
    assert Path(app.state.session) == tmp_path / "tiny-seed0.ballgan.json"
    play(app, {"key": "Right"}, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
    assert read_session(tmp_path / "tiny-seed0.ballgan.json").view == app.state.view


def test_what_another_window_saves_meanwhile_is_not_replaced(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused, work = paths.unused, tmp_path / "work"

    def lose_a_race(path: Path, *how: Any) -> Path:
        found = unused(path, *how)
        if found == path:
            found.write_text("theirs")
        return found

    Image.new("RGB", (8, 8)).save(work / "p.png")
    app.dispatch(act.OpenPhoto(str(work / "p.png")))
    play(app, {"wait": "loaded"})
    monkeypatch.setattr("ballgan_viewer.paths.unused", lose_a_race)
    play(app, {"set": ["session.name", "mine"]}, {"click": "session.save"}, {"wait": "saved"})
    play(app, {"click": "camera.save.opencv"}, {"wait": "saved"})
    for name in "mine.ballgan.json", "cameras.json":
        assert (work / name).read_text() == "theirs"
    assert decode_cameras((work / "cameras-2.json").read_text())
    saved = json.loads((work / "mine-2.ballgan.json").read_text())
    assert saved["view"]["backdrop"]["photo"] == "p.png"  # relative to where the session is
    assert app.state.session == str(work / "mine-2.ballgan.json")


def test_a_session_that_cannot_be_written_is_told(app: Any, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "s.json")
    play(app, {"set": ["session.name", nowhere]}, {"click": "session.save"}, {"wait": "saved"})
    (text,) = errors(app)
    assert text.startswith("The session could not be saved: ") and "nowhere" in text


def test_a_session_of_the_bundled_model_opens_it(tmp_path: Path) -> None:
    model = bundled_model()
    assert model is not None
    path = tmp_path / "look.ballgan.json"
    write_session(path, Session((describe_file(model),), 0, View(foreground=Code(5.0))))
    with open_app(path) as app:
        play(app, {"wait": "loaded", "timeout": 60})
        assert app.state.model.bundled and app.state.view.foreground == Code(5.0)
        assert errors(app) == []


def test_sessions_are_for_people(app: Any, tmp_path: Path) -> None:
    play(app, {"click": "session.save"}, {"wait": "saved"})
    data = json.loads(Path(app.state.session).read_text())
    assert data["view"]["camera"]["radius"] == 2.5
    assert data["window"]["export"]["format"] == "glb"
    assert data["models"][0]["path"].endswith("tiny.pkl")
