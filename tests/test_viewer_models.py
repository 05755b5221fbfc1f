"""Several open models."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.actions import output as out
from ballgan_viewer.shelf import open_recognised, open_session
from ballgan_viewer.state import BUNDLED, Sheet, ViewerState, apply
from ballgan_viewer.state.models import MAX_MODELS
from conftest import TINY, make_model
from viewer_driver import errors, open_app, play, settle, slow_reading, wait_for, wait_until
from viewer_states import do, named, names, with_models

from ballgan.checkpoint import save
from ballgan.latents import Direction
from ballgan.session import read_session
from ballgan.view import Code, CodePair, Orbit

TAB, BACK = {"key": "Tab"}, {"key": "Tab", "mods": ["shift"]}


def test_opened_models_stay_open_and_the_last_one_shows() -> None:
    state = with_models("a", "b")
    assert (names(state), state.model) == (["a", "b"], named("b"))
    state = do(state, act.ModelOpened(named("c"), show=False))
    assert (names(state), state.model) == (["a", "b", "c"], named("b"))


def test_stepping_goes_round_and_keeps_codes_and_camera() -> None:
    state = do(
        with_models("a", "b", "c"), act.MoveCamera(Orbit(yaw=0.3)), lat.StepSeed("foreground", 4)
    )
    stepped = do(state, act.StepModel(1))
    assert stepped.model == named("a")
    assert stepped.view == state.view
    assert do(stepped, act.StepModel(-1)).model == named("c")
    assert do(state, act.ShowModel("/b.pkl")).model == named("b")
    assert do(state, act.ShowModel("/none.pkl")) == state
    assert do(with_models("a"), act.StepModel(1)) == with_models("a")


def test_a_model_of_another_scale_brings_its_camera() -> None:
    small = named("small", home=Orbit(radius=1.0), camera_limit=1.5)
    state = do(with_models("a"), act.ModelOpened(small), act.MoveCamera(Orbit(yaw=0.5, radius=1.2)))
    assert do(state, act.StepModel(1)).view.camera == replace(named("a").home, yaw=0.5)
    state = do(state, cam.SetConditioning(Orbit(pitch=0.2, radius=1.2)))
    assert do(state, act.StepModel(1)).view.conditioning == replace(named("a").home, pitch=0.2)


def test_closing_shows_the_next_one_and_the_last_one_stays() -> None:
    state = do(with_models("a", "b", "c"), act.ShowModel("/b.pkl"), act.CloseModel("/b.pkl"))
    assert (names(state), state.model) == (["a", "c"], named("c"))
    state = do(state, act.CloseModel("/c.pkl"), act.CloseModel("/a.pkl"), act.CloseModel("/x"))
    assert (names(state), state.model) == (["a"], named("a"))


def test_a_file_that_is_opened_again_takes_its_own_place() -> None:
    state = do(with_models("a", "b"), act.ModelOpened(named("a", kind="changed")))
    assert [model.kind for model in state.models] == ["changed", named("b").kind]
    assert state.model is state.models[0]


def test_too_many_models_let_the_oldest_go() -> None:
    state = with_models(*map(str, range(MAX_MODELS)))
    state = do(state, act.ShowModel("/0.pkl"), act.ModelOpened(named("new"), show=False))
    assert names(state) == ["0", *map(str, range(2, MAX_MODELS)), "new"]
    assert state.notices[-1].text.startswith("1 was closed")


def test_a_session_comes_although_what_was_opened_before_it_is_just_stopping() -> None:
    stopping = do(ViewerState(), act.OpenModel("/a.pkl"), act.CancelJob("model"))
    session = act.SessionOpened("/s.json", {}, "/b.pkl")
    state = do(stopping, session, act.OpenModel("/b.pkl"))
    assert (state.pending, state.loading) == (session, "/b.pkl")
    state = do(stopping, act.OpenModel("/b.pkl"))
    assert state.loading == "/b.pkl" and "cancelled" in state.notices[-1].text


def test_queued_models_wait_for_their_turn() -> None:
    request = act.OpenModel("/b.pkl", show=False)
    state = do(ViewerState(), act.OpenModel("/a.pkl"), act.QueueModel(request))
    assert do(state, act.QueueModel(request)).waiting == (request,)
    assert do(state, act.QueueModel(act.OpenModel("/a.pkl", show=False))).waiting == (request,)
    state = do(state, act.ModelOpened(named("a")), request)
    assert (state.loading, state.waiting) == ("/b.pkl", ())


def test_every_model_has_its_own_favourites_and_a_run_hands_them_on() -> None:
    state = do(with_models("a"), lat.AddFavourite(), act.ModelOpened(named("b")))
    assert state.notes.favourites == ()
    state = do(state, act.StepModel(1))
    assert len(state.notes.favourites) == 1
    assert do(state, act.StepModel(1)).notes.favourites == ()
    newer = do(state, act.ModelOpened(named("a2"), replaces="/a.pkl"))
    assert (newer.model, newer.notes) == (named("a2"), state.notes)


@pytest.fixture
def files(model_file: Path, other_file: Path) -> tuple[Path, Path]:
    return model_file, other_file


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def app(files: tuple[Path, Path]) -> Iterator[Any]:
    with open_app(files[0]) as opened_app:
        play(opened_app, {"wait": "loaded"})
        yield opened_app


def test_tab_switches_between_open_models(app: Any, files: tuple[Path, Path]) -> None:
    play(app, {"set": ["foreground.seed", 3]})
    first = settle(app)
    play(app, {"drop": str(files[1])}, {"wait": "loaded"})
    second = settle(app)
    view = app.state.view
    assert np.abs(first - second).mean() > 0.001
    play(app, TAB)
    assert app.state.model.name == "tiny"
    assert np.abs(settle(app) - first).max() < 1e-5
    play(app, BACK)
    assert app.state.model.name == "other"
    assert np.abs(settle(app) - second).max() < 1e-5
    play(app, {"click": "models.0"})
    assert app.state.model.name == "tiny"
    assert app.state.view == view
    play(app, {"click": "models.0.close"})
    assert [model.name for model in app.state.models] == ["other"]
    assert np.abs(settle(app) - second).max() < 1e-5
    assert errors(app) == []


def test_tab_works_after_a_click_into_the_panel(app: Any, files: tuple[Path, Path]) -> None:
    play(app, {"drop": str(files[1])}, {"wait": "loaded"}, {"click": "models.0"}, TAB)
    assert app.state.model.name == "other"
    play(app, TAB)
    assert app.state.model.name == "tiny"
    play(app, BACK)
    assert app.state.model.name == "other"


def test_a_result_that_comes_too_late_does_not_cost_an_open_model(
    app: Any, files: tuple[Path, Path]
) -> None:
    first = settle(app)
    app.dispatch(act.OpenModel(str(files[0])))
    reading, _ = app.shelf.lanes
    wait_for(lambda: not reading.busy)  # it is read again, which the window does not know yet
    app.dispatch(act.OpenModel(str(files[1])))
    play(app, {"wait": "loaded"}, TAB)
    assert app.easel.model.info is app.state.model and app.state.model.name == "tiny"
    assert np.abs(settle(app) - first).max() < 1e-5


def test_a_pinned_view_goes_with_a_model_of_a_smaller_sphere(app: Any, tmp_path: Path) -> None:
    assert TINY.background is not None
    camera = replace(TINY.camera, radius=0.7)
    small = replace(TINY, background=replace(TINY.background, radius=1.0), camera=camera)
    save(make_model(small), tmp_path / "small.pkl")
    play(app, {"command": "background.still"}, {"command": "compare.pin"})
    app.dispatch(cam.SetConditioning(app.state.view.camera))
    app.dispatch(out.PinView())
    settle(app)
    play(app, {"drop": str(tmp_path / "small.pkl")}, {"wait": "loaded"})
    pinned = app.state.view.comparison.pinned
    assert pinned.backdrop.camera.radius == pinned.conditioning.radius == 0.7
    settle(app)
    play(app, TAB)
    settle(app)
    assert app.state.view.comparison.pinned.backdrop.camera.radius == TINY.camera.radius
    assert errors(app) == []


def test_a_contact_sheet_is_pictured_anew_for_another_model(
    app: Any, files: tuple[Path, Path]
) -> None:
    app.dispatch(lat.SetSheet("foreground", 5, 12), lat.MakeSheet())
    sheet, pictured = app.state.sheet, {"wait": "pictured", "timeout": 60}
    play(app, pictured, {"drop": str(files[1])}, {"wait": "loaded"})
    assert app.state.sheet == sheet
    codes = [CodePair(code, Code()) for code in sheet.codes]
    assert not all(app.gallery.find("foreground", pair) for pair in codes)
    play(app, pictured)
    assert all(app.gallery.find("foreground", pair) for pair in codes)
    play(app, TAB)
    assert app.state.sheet == sheet and app.gallery.progress is None


def test_what_belongs_to_a_model_alone_is_left_out_of_the_sheet_of_another() -> None:
    state = do(with_models("a", "b"), lat.SetSheet("background", 7, 96), lat.MakeSheet())
    bare = do(state, act.ModelOpened(named("bare", has_background=False))).sheet
    assert bare == Sheet("foreground", 7, 96, codes_of="background")
    stopped = do(state, lat.StopSheet(), act.StepModel(1)).sheet
    assert stopped == Sheet("background", 7, 96, codes_of="background")
    state = do(state, lat.ShowDirections("foreground", (Direction("pca", 2),)), act.StepModel(1))
    assert state.sheet == Sheet("background", 7, 96)


def test_the_name_of_a_mesh_stays_while_a_run_goes_on() -> None:
    state = do(with_models("a", "b"), act.SetExportPath("/out/head.glb"))
    newer = do(state, act.ModelArrived(named("b2"), replaces="/b.pkl"))
    assert (newer.model, newer.export.path) == (named("b2"), "/out/head.glb")
    assert do(newer, act.StepModel(1)).export.path == "/out/"


def test_files_that_are_dropped_together_all_open(
    app: Any, files: tuple[Path, Path], tmp_path: Path
) -> None:
    paths = [str(files[1]), str(shutil.copy(files[0], tmp_path / "copy.pkl")), "missing.pkl"]
    play(app, {"drop": paths}, {"wait": "loaded"})
    assert [model.name for model in app.state.models] == ["tiny", "other", "copy"]
    assert app.state.model.name == "copy"
    (text,) = errors(app)
    assert "missing.pkl" in text


def cancel_reading(app: Any) -> None:
    """Cancel the model that is being read, once it is known how far it is."""
    wait_until(app, lambda: any(job.fraction > 0 for job in app.state.jobs))
    play(app, {"click": "jobs.model.cancel"}, {"wait": "loaded"})
    assert not app.state.jobs


def test_reading_a_model_is_a_job_that_can_be_cancelled(app: Any, files: tuple[Path, Path]) -> None:
    before, view = settle(app), app.state.view
    with slow_reading():
        play(app, {"drop": [str(files[1]), str(files[1])]})
        cancel_reading(app)
    assert [model.name for model in app.state.models] == ["tiny"]
    assert app.state.view == view and np.abs(settle(app) - before).max() < 1e-5
    assert [notice.text for notice in app.state.notices] == [
        "Opening other.safetensors: cancelled."
    ]
    play(app, {"drop": str(files[1])}, {"wait": "loaded"})
    assert app.state.model.name == "other" and not app.state.jobs


def test_a_model_that_is_cancelled_leaves_nothing_waiting(
    app: Any, files: tuple[Path, Path], tmp_path: Path
) -> None:
    play(app, {"drop": str(files[1])}, {"wait": "loaded"}, {"command": "session.save"})
    play(app, {"wait": "saved"}, {"command": "model.close"}, {"wait": "loaded"})
    session, view = app.state.session, app.state.view
    with slow_reading():
        play(app, {"command": "edit.undo"})
        cancel_reading(app)
    assert [model.name for model in app.state.models] == ["tiny"]
    assert [model.name for model in app.state.closed] == ["other"] and not app.state.reopening
    with slow_reading():
        play(app, {"drop": session})
        cancel_reading(app)
    assert app.state.pending is None and app.state.session is None
    assert app.state.view == view and errors(app) == []


def test_a_model_that_made_way_does_not_hide_that_the_next_one_was_cancelled(
    app: Any, files: tuple[Path, Path]
) -> None:
    with slow_reading():
        app.dispatch(act.OpenModel("/first.pkl"))
        wait_until(app, lambda: any(job.fraction > 0 for job in app.state.jobs))
        app.dispatch(act.OpenModel(str(files[1])))
        time.sleep(0.2)  # the first one has stopped, which the window does not know yet
        app.dispatch(act.CancelJob("model"))
        play(app, {"wait": "loaded", "timeout": 10})
    assert app.state.loading is None and not app.state.jobs


def test_a_session_that_is_cancelled_takes_only_its_own_models_along() -> None:
    mine, undone = act.OpenModel("/mine.pkl", show=False), act.OpenModel("/c.pkl", again=True)
    session = act.SessionOpened(
        "/s.json", {}, "/a.pkl", others=("/b.pkl",), follow=act.FollowRun("/run", "/a.pkl")
    )
    state = do(ViewerState(), act.OpenSession("/s.json"), session)
    state = replace(state, waiting=(mine, undone))
    state = do(state, *open_session(state, session))
    assert [request.path for request in state.waiting] == ["/mine.pkl", "/c.pkl", "/b.pkl"]
    newer = act.RunHasModel("/run", "/a2.pkl")
    for later in do(state), do(state, newer):
        left = do(later, act.OpeningCancelled("/a.pkl"))
        assert left.waiting == (mine, undone)
        assert left.following is None and left.pending is None


def test_at_the_start_a_cancelled_model_leaves_the_choice(files: tuple[Path, Path]) -> None:
    with slow_reading(), open_app(files[0]) as app:
        cancel_reading(app)
        assert app.state.model is None
        play(app, {"click": "model.bundled"})
        assert app.state.loading == BUNDLED


def test_of_several_files_at_the_start_the_first_one_shows() -> None:
    state = apply(ViewerState(), act.OpenModel("/a.pkl"))
    (queued,) = open_recognised(state, act.FileRecognised("/b.pkl", "model"))
    assert queued == act.QueueModel(act.OpenModel("/b.pkl", show=False))
    running = do(with_models("a"), act.OpenModel("/b.pkl"))
    (queued,) = open_recognised(running, act.FileRecognised("/c.pkl", "model"))
    assert queued == act.QueueModel(act.OpenModel("/c.pkl"))


def test_a_session_holds_all_open_models(files: tuple[Path, Path]) -> None:
    with open_app(files[0]) as app:
        play(app, {"wait": "loaded"}, {"drop": str(files[1])}, {"wait": "loaded"}, TAB)
        play(app, {"click": "session.save"}, {"wait": "saved"})
        path = app.state.session
    session = read_session(path)
    assert [Path(file.path) for file in session.models] == list(files)
    assert session.shown == 0
    with open_app(path) as again:
        play(again, {"wait": "loaded"})
        assert again.state.model.name == "tiny"
        assert [model.name for model in again.state.models] == ["tiny", "other"]
        assert errors(again) == []
