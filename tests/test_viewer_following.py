"""The newest model of a training run."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.chores import use_chosen_file
from ballgan_viewer.dialogs import Dialogs
from ballgan_viewer.follow import Follower, FollowRequest, list_models
from ballgan_viewer.state import Following, ViewerState
from imgui_bundle import portable_file_dialogs as pfd
from panel_screen import Screen
from viewer_driver import CENTRE, errors, open_app, play, settle, slow_reading, wait_for, wait_until
from viewer_states import do, named, names, with_models

from ballgan.view import Orbit

TAB, BACK = {"key": "Tab"}, {"key": "Tab", "mods": ["shift"]}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr("ballgan_viewer.follow.INTERVAL", 0.2)
    monkeypatch.chdir(tmp_path)


def test_a_newer_model_of_a_run_takes_the_place_of_the_one_before() -> None:
    state = do(with_models("mine"), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    assert state.waiting == (act.OpenModel("/model-1.pkl", of_run=True),)
    state = do(state, state.waiting[0], act.ModelOpened(named("model-1")))
    assert state.model == named("model-1")
    state = do(state, act.MoveCamera(Orbit(yaw=0.4)), act.RunHasModel("/run", "/model-2.pkl"))
    (request,) = state.waiting
    newer = act.ModelOpened(named("model-2"), show=request.show, replaces=request.replaces)
    shown = do(state, request, newer)
    assert (names(shown), shown.model) == (["mine", "model-2"], named("model-2"))
    assert shown.view == state.view
    assert shown.preferences.recent_models == state.preferences.recent_models
    aside = do(state, act.ShowModel("/mine.pkl"), request, newer)
    assert (names(aside), aside.model) == (["mine", "model-2"], named("mine"))


def test_only_the_newest_of_a_run_waits() -> None:
    state = do(with_models("a"), act.FollowRun("/run"))
    state = do(state, *(act.RunHasModel("/run", f"/model-{i}.pkl") for i in (1, 2, 3)))
    assert state.waiting[-1].path == "/model-3.pkl"
    assert len(state.waiting) == 1
    assert do(state, act.StopFollowing()).following is None
    other = do(state, act.RunHasModel("/other", "/x.pkl"), act.RunLost("/other", "gone"))
    assert other == state


@pytest.mark.parametrize("fails", [True, False])
def test_a_run_goes_on_after_a_model_that_was_never_there(fails: bool) -> None:
    """It could not be read, or the next one came before."""
    state = do(with_models(), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    state = do(state, state.waiting[0], act.ModelOpened(named("model-1")))
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
    newer = act.ModelOpened(named("model-3"), show=request.show, replaces=request.replaces)
    state = do(state, request, newer)
    assert (names(state), state.model) == (["model-3"], named("model-3"))


def test_a_model_of_a_run_waits_while_another_one_is_opened_in_its_stead() -> None:
    state = do(with_models("mine"), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    state = do(state, state.waiting[0], act.ModelOpened(named("model-1")))
    state = do(state, act.RunHasModel("/run", "/model-2.pkl"), *state.waiting)
    state = do(state, *state.waiting, act.OpenModel("/other.pkl"))
    late = do(state, act.ModelArrived(named("model-2"), replaces="/model-1.pkl"))
    assert late == state and [request.path for request in state.waiting] == ["/model-2.pkl"]
    newer = do(state, act.RunHasModel("/run", "/model-3.pkl"))
    for later, name in (state, "model-2"), (newer, "model-3"):
        later = do(later, act.ModelOpened(named("other")))
        (request,) = later.waiting
        arrived = act.ModelArrived(named(name), replaces=request.replaces)
        later = do(later, request, arrived)
        assert (names(later), later.model) == (["mine", name, "other"], named("other"))
    same = do(state, act.OpenModel("/model-2.pkl"))
    assert same.waiting == () and same.loading == "/model-2.pkl"


def test_the_first_model_of_a_run_does_not_take_the_stage_from_one_that_was_opened_since() -> None:
    state = do(with_models("mine"), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    state = do(state, *state.waiting, act.OpenModel("/other.pkl"), act.ModelOpened(named("other")))
    (request,) = state.waiting
    state = do(state, request, act.ModelOpened(named("model-1"), show=request.show))
    assert (names(state), state.model) == (["mine", "other", "model-1"], named("other"))


def test_an_older_model_of_a_run_does_not_take_the_stage_either() -> None:
    found = act.RunHasModel("/run", "/model-2.pkl", ("/model-1.pkl",))
    state = do(with_models("mine"), act.FollowRun("/run"), found)
    state = do(state, *state.waiting, act.OpenModel("/other.pkl"), act.ModelOpened(named("other")))
    state = do(state, *state.waiting, act.ModelFailed("cut off", "/model-2.pkl"))
    (request,) = state.waiting
    assert (request.path, request.show, request.of_run) == ("/model-1.pkl", False, True)


def test_nothing_comes_of_a_run_that_was_left() -> None:
    state = do(with_models("mine"), act.FollowRun("/run"), act.RunHasModel("/run", "/model-1.pkl"))
    for leaves in act.StopFollowing(), act.FollowRun("/other"):
        assert do(state, leaves).waiting == ()
        left = do(state, *state.waiting, leaves)
        assert left.job("model").cancelling
        cancelled = do(left, act.OpeningCancelled("/model-1.pkl"))
        assert do(left, act.OpenModel("/a.pkl")).waiting == () == cancelled.waiting
        assert cancelled.loading is None and not cancelled.jobs
    asked = do(state, act.OpenModel("/model-1.pkl"), act.StopFollowing())
    assert not asked.job("model").cancelling


def test_an_older_model_stands_in_for_a_broken_one_that_a_session_has_brought() -> None:
    state = do(
        with_models("mine"), act.FollowRun("/run", "/model-2.pkl"), act.OpenModel("/model-2.pkl")
    )
    state = do(state, act.RunHasModel("/run", "/model-2.pkl", ("/model-1.pkl",)))
    assert state.waiting == ()
    state = do(state, act.ModelFailed("cut off", "/model-2.pkl"))
    assert state.waiting == (act.OpenModel("/model-1.pkl", of_run=True),)
    assert state.following.model == "/model-1.pkl"


def test_frames_tell_the_name_of_a_run_without_a_look_at_the_disk(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(path: str, **options: Any) -> None:
        raise AssertionError(f"a share that hangs: {path}")

    monkeypatch.setattr(os, "lstat", hang)
    state = do(ViewerState(), act.FoldSections(()), act.FollowRun("runs/toy/"))
    assert state.following.folder == os.path.abspath("runs/toy")
    assert screen.show(state) == []
    assert screen.show(do(state, act.ModelOpened(named("model-1")))) == []


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
    state = do(with_models("a"), act.FollowRun("/run"), act.RunIsEmpty("/run"))
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


def test_a_run_with_a_model_is_loading_until_the_model_is_there(
    model_file: Path, tmp_path: Path
) -> None:
    shutil.copy(model_file, tmp_path / "model-000100.pkl")
    with open_app(tmp_path) as app:
        play(app, {"wait": "converged"})
        assert app.state.model is not None
        assert app.state.model.name == "model-000100"


def test_a_good_model_stands_in_for_a_broken_newest_one(
    model_file: Path, other_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "00000-toy"
    run.mkdir(parents=True)
    shutil.copy(model_file, run / "model-000100.pkl")
    for number in 200, 300:
        (run / f"model-000{number}.pkl").write_bytes(b"half a model")
    with open_app(run.parent) as app:
        wait_until(app, lambda: app.state.model is not None)
        assert app.state.model.name == "model-000100"
        assert app.state.following.model == str(run / "model-000100.pkl")
        assert "model-000300.pkl" in errors(app)[0]
        shutil.copy(other_file, run / "model-000400.safetensors")
        wait_until(app, lambda: app.state.model.name == "model-000400")
        assert len(app.state.models) == 1 and errors(app) == []


def test_a_run_goes_on_after_its_model_made_way_for_another_one(
    model_file: Path, other_file: Path, tmp_path: Path
) -> None:
    with open_app(tmp_path) as app:
        shutil.copy(model_file, tmp_path / "model-000100.pkl")
        wait_until(app, lambda: app.state.model is not None)
        with slow_reading():
            shutil.copy(model_file, tmp_path / "model-000200.pkl")
            wait_until(app, lambda: str(app.state.loading).endswith("model-000200.pkl"))
        app.dispatch(act.OpenModel(str(other_file)))
        wait_until(app, lambda: len(app.state.models) == 2 and not app.loading)
        assert names(app.state) == ["model-000200", "other"]
        assert app.state.model.name == "other"
        play(app, TAB)
        shutil.copy(model_file, tmp_path / "model-000300.pkl")
        wait_until(app, lambda: names(app.state) == ["model-000300", "other"])
        assert app.state.model.name == "model-000300" and errors(app) == []


def test_a_run_that_is_left_brings_no_more_models(model_file: Path, tmp_path: Path) -> None:
    with open_app(tmp_path) as app:
        shutil.copy(model_file, tmp_path / "model-000100.pkl")
        wait_until(app, lambda: app.state.model is not None)
        shown = settle(app)
        with slow_reading():
            shutil.copy(model_file, tmp_path / "model-000200.pkl")
            wait_until(app, lambda: app.state.loading is not None)
            play(app, {"click": "run.stop"}, {"wait": "loaded"})
        assert names(app.state) == ["model-000100"] and not app.state.jobs
        app.dispatch(act.FollowRun(str(tmp_path), app.state.model.path))
        wait_until(app, lambda: app.state.loading is not None)
        reading, _ = app.shelf.lanes
        wait_for(lambda: not reading.busy)  # it has been read, which the window does not know yet
        app.dispatch(act.StopFollowing())
        play(app, {"wait": "loaded"})
        assert names(app.state) == ["model-000100"] and not app.state.jobs
        assert np.abs(settle(app) - shown).max() < 1e-5 and errors(app) == []


def test_a_run_is_followed(model_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "00000-toy"
    run.mkdir()
    with open_app(run) as app:
        play(app, {"wait": "loaded"})
        assert app.state.following == Following(str(run), looked=True)
        assert app.state.model is None
        shutil.copy(model_file, run / "model-000100.pkl")
        wait_until(app, lambda: app.state.model is not None)
        play(app, {"set": ["foreground.seed", 5]}, {"drag": {"from": CENTRE, "to": [300, 280]}})
        settle(app)
        view = app.state.view
        os.link(shutil.copy(model_file, tmp_path / "new"), run / "model-000200.pkl")
        wait_until(app, lambda: app.state.model.name == "model-000200")
        settle(app)
        assert app.state.view == view
        assert [model.name for model in app.state.models] == ["model-000200"]
        assert errors(app) == []
        (run / "model-000300.pkl").write_bytes(b"half a model")
        wait_until(app, lambda: bool(errors(app)))
        assert app.state.model.name == "model-000200"
        shutil.copy(model_file, run / "model-000300.pkl")
        wait_until(app, lambda: app.state.model.name == "model-000300")
        assert [model.name for model in app.state.models] == ["model-000300"]
        shutil.rmtree(run)
        wait_until(app, lambda: app.state.following.lost)
        assert "cannot be read" in errors(app)[-1]
        play(app, {"click": "run.stop"})
        assert app.state.following is None
        settle(app)


@pytest.mark.parametrize(
    ("purpose", "instead"),
    [
        ("model", "drop the file on the window"),
        ("picture", "drop the file on the window"),
        ("session", "drop the file on the window"),
        ("run", "drop the folder on the window"),
        ("folder", "type the folder in the section Capture"),
        ("export", "type the path in the section Mesh"),
        ("save_session", "type the path in the section Session"),
    ],
)
def test_without_dialogs_it_is_said_what_else_works(
    purpose: str, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballgan_viewer.dialogs.available", lambda: False)
    (notice,) = Dialogs().ask(purpose, "")
    assert isinstance(notice, act.Notify) and notice.text.endswith(f"or {instead}.")
    assert len(do(ViewerState(), notice, *Dialogs().ask("model", "")).notices) == 1
