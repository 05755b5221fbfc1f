"""Several open models, and the newest one of a training run."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import camera_actions as cam
from ballgan_viewer import commands
from ballgan_viewer import latent_actions as lat
from ballgan_viewer.chores import use_chosen_file
from ballgan_viewer.dialogs import Dialogs
from ballgan_viewer.follow import Follower, FollowRequest, list_models
from ballgan_viewer.shelf import open_recognised, open_session
from ballgan_viewer.state import BUNDLED, Following, ModelInfo, ViewerState, apply
from ballgan_viewer.state.models import MAX_MODELS
from imgui_bundle import portable_file_dialogs as pfd
from test_viewer_state import model_info
from viewer_driver import open_app, play, settle

import ballgan
from ballgan.session import read_session
from ballgan.view import Orbit

CENTRE = [270, 280]  # of the picture, logical pixels
TAB, BACK = {"key": "Tab"}, {"key": "Tab", "mods": ["shift"]}


def do(state: ViewerState, *actions: act.Action) -> ViewerState:
    for action in actions:
        state = apply(state, action)
    return state


def info(name: str, **changes: Any) -> ModelInfo:
    return model_info(path=f"/{name}.pkl", name=name, sha256=name, **changes)


def opened(*names: str) -> ViewerState:
    return do(ViewerState(), *(act.ModelOpened(info(name)) for name in names))


def names(state: ViewerState) -> list[str]:
    return [model.name for model in state.models]


# The state


def test_opened_models_stay_open_and_the_last_one_shows() -> None:
    state = opened("a", "b")
    assert (names(state), state.model) == (["a", "b"], info("b"))
    state = do(state, act.ModelOpened(info("c"), show=False))
    assert (names(state), state.model) == (["a", "b", "c"], info("b"))


def test_stepping_goes_round_and_keeps_codes_and_camera() -> None:
    state = do(opened("a", "b", "c"), act.MoveCamera(Orbit(yaw=0.3)), lat.StepSeed("foreground", 4))
    stepped = do(state, act.StepModel(1))
    assert stepped.model == info("a")
    assert stepped.view == state.view
    assert do(stepped, act.StepModel(-1)).model == info("c")
    assert do(state, act.ShowModel("/b.pkl")).model == info("b")
    assert do(state, act.ShowModel("/none.pkl")) == state
    assert do(opened("a"), act.StepModel(1)) == opened("a")


def test_a_model_of_another_scale_brings_its_camera() -> None:
    small = info("small", home=Orbit(radius=1.0), camera_limit=1.5)
    state = do(opened("a"), act.ModelOpened(small), act.MoveCamera(Orbit(yaw=0.5, radius=1.2)))
    assert do(state, act.StepModel(1)).view.camera == replace(info("a").home, yaw=0.5)
    state = do(state, cam.SetConditioning(Orbit(pitch=0.2, radius=1.2)))
    assert do(state, act.StepModel(1)).view.conditioning == replace(info("a").home, pitch=0.2)


def test_closing_shows_the_next_one_and_the_last_one_stays() -> None:
    state = do(opened("a", "b", "c"), act.ShowModel("/b.pkl"), act.CloseModel("/b.pkl"))
    assert (names(state), state.model) == (["a", "c"], info("c"))
    state = do(state, act.CloseModel("/c.pkl"), act.CloseModel("/a.pkl"), act.CloseModel("/x"))
    assert (names(state), state.model) == (["a"], info("a"))


def test_a_file_that_is_opened_again_takes_its_own_place() -> None:
    state = do(opened("a", "b"), act.ModelOpened(info("a", kind="changed")))
    assert [model.kind for model in state.models] == ["changed", info("b").kind]
    assert state.model is state.models[0]


def test_too_many_models_let_the_oldest_go() -> None:
    state = opened(*map(str, range(MAX_MODELS)))
    state = do(state, act.ShowModel("/0.pkl"), act.ModelOpened(info("new"), show=False))
    assert names(state) == ["0", *map(str, range(2, MAX_MODELS)), "new"]
    assert state.notices[-1].text.startswith("1 was closed")


def test_queued_models_wait_for_their_turn() -> None:
    request = act.OpenModel("/b.pkl", show=False)
    state = do(ViewerState(), act.OpenModel("/a.pkl"), act.QueueModel(request))
    assert do(state, act.QueueModel(request)).waiting == (request,)
    assert do(state, act.QueueModel(act.OpenModel("/a.pkl", show=False))).waiting == (request,)
    state = do(state, act.ModelOpened(info("a")), request)
    assert (state.loading, state.waiting) == ("/b.pkl", ())


def test_a_newer_model_of_a_run_takes_the_place_of_the_one_before() -> None:
    state = do(opened("mine"), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    assert state.waiting == (act.OpenModel("/model-1.pkl"),)
    state = do(state, state.waiting[0], act.ModelOpened(info("model-1")))
    assert state.model == info("model-1")
    state = do(state, act.MoveCamera(Orbit(yaw=0.4)), act.RunHasModel("/run", "/model-2.pkl"))
    (request,) = state.waiting
    newer = act.ModelOpened(info("model-2"), show=request.show, replaces=request.replaces)
    shown = do(state, request, newer)
    assert (names(shown), shown.model) == (["mine", "model-2"], info("model-2"))
    assert shown.view == state.view
    assert shown.preferences.recent_models == state.preferences.recent_models
    aside = do(state, act.ShowModel("/mine.pkl"), request, newer)
    assert (names(aside), aside.model) == (["mine", "model-2"], info("mine"))


def test_only_the_newest_of_a_run_waits() -> None:
    state = do(opened("a"), act.FollowRun("/run"))
    state = do(state, *(act.RunHasModel("/run", f"/model-{i}.pkl") for i in (1, 2, 3)))
    assert state.waiting[-1].path == "/model-3.pkl"
    assert len(state.waiting) <= 2
    assert do(state, act.StopFollowing()).following is None
    other = do(state, act.RunHasModel("/other", "/x.pkl"), act.RunLost("/other", "gone"))
    assert other == state


@pytest.mark.parametrize("fails", [True, False])
def test_a_run_goes_on_after_a_model_that_was_never_there(fails: bool) -> None:
    """It could not be read, or the next one came before."""
    state = do(opened(), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    state = do(state, state.waiting[0], act.ModelOpened(info("model-1")))
    state = do(state, act.RunHasModel("/run", "/model-2.pkl"))
    if fails:
        (request,) = state.waiting
        failed = act.ModelFailed("cut off", request.path, request.replaces)
        before, after = do(state, request, failed), do(state, request)
        state = do(before, act.RunHasModel("/run", "/model-3.pkl"))
        assert do(after, act.RunHasModel("/run", "/model-3.pkl"), failed).waiting == state.waiting
    else:
        state = do(state, act.RunHasModel("/run", "/model-3.pkl"))
    (request,) = state.waiting
    newer = act.ModelOpened(info("model-3"), show=request.show, replaces=request.replaces)
    state = do(state, request, newer)
    assert (names(state), state.model) == (["model-3"], info("model-3"))


def test_an_older_model_stands_in_for_a_broken_one_that_a_session_has_brought() -> None:
    state = do(opened("mine"), act.FollowRun("/run", "/model-2.pkl"), act.OpenModel("/model-2.pkl"))
    state = do(state, act.RunHasModel("/run", "/model-2.pkl", ("/model-1.pkl",)))
    assert state.waiting == ()
    state = do(state, act.ModelFailed("cut off", "/model-2.pkl"))
    assert state.waiting == (act.OpenModel("/model-1.pkl"),)
    assert state.following.model == "/model-1.pkl"


def test_a_run_that_vanishes_is_told_and_may_come_back() -> None:
    state = do(ViewerState(), act.FollowRun("/run"), act.RunHasModel("/run", "/m.pkl"))
    lost = do(state, act.RunLost("/run", "No such file or directory"))
    assert lost.following == Following("/run", "/m.pkl", lost=True, looked=True)
    (notice,) = lost.notices
    assert "/run cannot be read: No such file" in notice.text
    empty = do(lost, act.RunIsEmpty("/run"))
    assert not empty.following.lost and [notice.level for notice in empty.notices] == ["info"]
    back = do(lost, act.RunHasModel("/run", "/m2.pkl"))
    assert (back.following, back.notices) == (Following("/run", "/m2.pkl", looked=True), ())


def test_every_model_has_its_own_favourites_and_a_run_hands_them_on() -> None:
    state = do(opened("a"), lat.AddFavourite(), act.ModelOpened(info("b")))
    assert state.notes.favourites == ()
    state = do(state, act.StepModel(1))
    assert len(state.notes.favourites) == 1
    assert do(state, act.StepModel(1)).notes.favourites == ()
    newer = do(state, act.ModelOpened(info("a2"), replaces="/a.pkl"))
    assert (newer.model, newer.notes) == (info("a2"), state.notes)


# The folder


def test_the_newest_model_has_the_highest_number(tmp_path: Path) -> None:
    assert list_models(str(tmp_path)) == []
    for name in "model-000200.pkl", "model-001000.pkl", "model-000400.pkl", "state.pt", "log.jsonl":
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "model-009999.pkl").mkdir()
    found = [Path(path).name for path, _, _ in list_models(str(tmp_path))]
    assert found == ["model-001000.pkl", "model-000400.pkl", "model-000200.pkl"]
    with pytest.raises(FileNotFoundError):
        list_models(str(tmp_path / "nowhere"))


def test_models_without_numbers_go_by_their_time(tmp_path: Path) -> None:
    for age, name in enumerate(["b.pkl", "c.safetensors", "a.pkl"]):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert list_models(str(tmp_path))[0][0] == str(tmp_path / "b.pkl")


def test_a_folder_of_runs_gives_the_run_that_changed_last(tmp_path: Path) -> None:
    for changed, name in enumerate(["00000-a/model-9.pkl", "00002-b/model-1.pkl", "01-c/log.txt"]):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1000 + changed, 1000 + changed))
    assert [path for path, _, _ in list_models(str(tmp_path))] == [
        str(tmp_path / "00002-b/model-1.pkl")
    ]
    (tmp_path / "own.pkl").write_bytes(b"x")
    assert list_models(str(tmp_path))[0][0] == str(tmp_path / "own.pkl")


def test_a_run_without_a_model_is_told_and_can_be_left_by_a_command() -> None:
    state = do(opened("a"), act.FollowRun("/run"), act.RunIsEmpty("/run"))
    (notice,) = state.notices
    assert notice.level == "info" and "/run has no model yet" in notice.text
    assert do(state, act.RunHasModel("/run", "/m.pkl")).notices == ()
    left = do(state, *commands.run("run.stop", state))
    assert left.following is None and left.notices == ()
    with pytest.raises(ValueError, match="cannot be used now"):
        commands.run("run.stop", left)


def test_a_folder_that_is_chosen_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def select(title: str, default: str) -> Any:
        asked.append(title)
        return SimpleNamespace(ready=lambda _: True, result=lambda: "/run")

    monkeypatch.setattr(pfd, "select_folder", select)
    monkeypatch.setattr("ballgan_viewer.dialogs.available", lambda: True)
    dialogs = Dialogs()
    (*_, action) = commands.run("run.follow", ViewerState())
    dialogs.ask(action.purpose, "")
    assert use_chosen_file(dialogs.purpose, dialogs.poll()) == act.FollowRun("/run")
    assert asked == ["Follow a training run"]


def test_a_file_that_grows_is_not_yet_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted, path = [], tmp_path / "model-1.pkl"
    writes = iter([b"", b"half", b"whole", b"", b""])

    class Done(Exception):
        pass

    def wait(ticket: Any) -> None:
        """What happens between two looks."""
        data = next(writes, None)
        if data is None:
            raise Done
        posted.append(len(data))
        with path.open("ab") as file:
            file.write(data)

    monkeypatch.setattr("ballgan_viewer.follow._wait", wait)
    ticket = SimpleNamespace(post=lambda action: posted.append(type(action).__name__))
    with pytest.raises(Done):
        Follower()(FollowRequest(str(tmp_path)), ticket)  # type: ignore[arg-type]
    assert posted == ["RunIsEmpty", 0, 4, 5, 0, "RunHasModel", 0]


def test_a_run_that_comes_back_without_a_model_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted, run = [], tmp_path / "run"
    run.mkdir()
    changes = iter([run.rmdir, run.mkdir, lambda: None])

    def wait(ticket: Any) -> None:
        next(changes)()

    monkeypatch.setattr("ballgan_viewer.follow._wait", wait)
    ticket = SimpleNamespace(post=lambda action: posted.append(type(action).__name__))
    with pytest.raises(StopIteration):
        Follower()(FollowRequest(str(run)), ticket)  # type: ignore[arg-type]
    assert posted == ["RunIsEmpty", "RunLost", "RunIsEmpty"]


# The program


@pytest.fixture(scope="module")
def files(
    tiny_model: ballgan.Generator,
    tiny_model_without_background: ballgan.Generator,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    ballgan.save(tiny_model, folder / "tiny.pkl")
    ballgan.save(tiny_model_without_background, folder / "other.safetensors")
    return folder / "tiny.pkl", folder / "other.safetensors"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def app(files: tuple[Path, Path]) -> Iterator[Any]:
    with open_app(files[0]) as opened_app:
        play(opened_app, {"wait": "loaded"})
        yield opened_app


def errors(app: Any) -> list[str]:
    return [notice.text for notice in app.state.notices if notice.level == "error"]


def wait_until(app: Any, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        app.window.wait(0.02)
        app.frame()


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


def test_files_that_are_dropped_together_all_open(
    app: Any, files: tuple[Path, Path], tmp_path: Path
) -> None:
    paths = [str(files[1]), str(shutil.copy(files[0], tmp_path / "copy.pkl")), "missing.pkl"]
    play(app, {"drop": paths}, {"wait": "loaded"})
    assert [model.name for model in app.state.models] == ["tiny", "other", "copy"]
    assert app.state.model.name == "copy"
    (text,) = errors(app)
    assert "missing.pkl" in text


@contextmanager
def slow_reading() -> Iterator[None]:
    """Let no model be read to its end."""

    def load(path: str, *, progress: Callable[[float], None]) -> None:
        while True:
            progress(0.25)
            time.sleep(0.01)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ballgan, "load", load)
        yield


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
    running = do(opened("a"), act.OpenModel("/b.pkl"))
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


def test_a_run_with_a_model_is_loading_until_the_model_is_there(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copy(files[0], tmp_path / "model-000100.pkl")
    with open_app(tmp_path) as app:
        play(app, {"wait": "converged"})
        assert app.state.model is not None
        assert app.state.model.name == "model-000100"


def test_a_good_model_stands_in_for_a_broken_newest_one(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "00000-toy"
    run.mkdir(parents=True)
    shutil.copy(files[0], run / "model-000100.pkl")
    for number in 200, 300:
        (run / f"model-000{number}.pkl").write_bytes(b"half a model")
    with open_app(run.parent) as app:
        wait_until(app, lambda: app.state.model is not None)
        assert app.state.model.name == "model-000100"
        assert app.state.following.model == str(run / "model-000100.pkl")
        assert "model-000300.pkl" in errors(app)[0]
        shutil.copy(files[1], run / "model-000400.safetensors")
        wait_until(app, lambda: app.state.model.name == "model-000400")
        assert len(app.state.models) == 1 and errors(app) == []


def test_a_run_is_followed(files: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "00000-toy"
    run.mkdir()
    with open_app(run) as app:
        play(app, {"wait": "loaded"})
        assert app.state.following == Following(str(run), looked=True)
        assert app.state.model is None
        shutil.copy(files[0], run / "model-000100.pkl")
        wait_until(app, lambda: app.state.model is not None)
        play(app, {"set": ["foreground.seed", 5]}, {"drag": {"from": CENTRE, "to": [300, 280]}})
        settle(app)
        view = app.state.view
        os.link(shutil.copy(files[0], tmp_path / "new"), run / "model-000200.pkl")
        wait_until(app, lambda: app.state.model.name == "model-000200")
        settle(app)
        assert app.state.view == view
        assert [model.name for model in app.state.models] == ["model-000200"]
        assert errors(app) == []
        (run / "model-000300.pkl").write_bytes(b"half a model")
        wait_until(app, lambda: bool(errors(app)))
        assert app.state.model.name == "model-000200"
        shutil.copy(files[0], run / "model-000300.pkl")
        wait_until(app, lambda: app.state.model.name == "model-000300")
        assert [model.name for model in app.state.models] == ["model-000300"]
        shutil.rmtree(run)
        wait_until(app, lambda: app.state.following.lost)
        assert "cannot be read" in errors(app)[-1]
        play(app, {"click": "run.stop"})
        assert app.state.following is None
        settle(app)
