"""Undo and redo through the real program: one gesture is one step."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import document
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.notes import Favourite, ModelNotes
from ballgan_viewer.state import ExportOptions, ModelInfo, ViewerState
from viewer_driver import CENTRE, play, settle
from viewer_states import do, model_info

from ballgan.session import decode_session, encode_session
from ballgan.view import Code, CodePair, Orbit, View

UNDO = {"key": "Z", "mods": ["control"]}
REDO = {"key": "Z", "mods": ["control", "shift"]}


@pytest.fixture
def app(app: Any) -> Any:
    play(app, {"wait": "loaded"})
    return app


def test_a_gesture_is_a_step_and_undo_brings_the_picture_back(app: Any) -> None:
    before, view = settle(app), app.state.view
    play(app, {"drag": {"from": CENTRE, "to": [350, 300]}})
    turned = app.state.view
    play(app, {"drag": {"from": CENTRE, "to": [300, 280]}}, {"wheel": 2, "at": CENTRE})
    play(app, UNDO, UNDO)
    assert app.state.view == turned
    play(app, UNDO)
    assert app.state.view == view
    assert np.abs(settle(app) - before).max() < 1e-5
    play(app, UNDO)  # there is nothing more
    assert app.state.view == view
    play(app, REDO)
    assert app.state.view == turned


def test_widgets_and_keys_are_undone_one_by_one(app: Any) -> None:
    start = app.state.view
    play(app, {"drag": {"widget": "foreground.truncation", "by": [-60, 0], "steps": 6}})
    play(app, {"drag": {"widget": "foreground.pad", "by": [40, 10], "steps": 6}})
    play(app, {"set": ["foreground.seed", 7]}, {"key": "Right"}, {"key": "Right"}, {"key": "B"})
    play(app, {"click": "export.format.obj"})
    assert app.state.view.foreground.seed == 9
    assert not app.state.view.backdrop.visible
    play(app, UNDO)
    assert app.state.export.format == "glb"
    play(app, UNDO, UNDO)
    assert app.state.view.foreground.seed == 8
    assert app.state.view.backdrop.visible
    play(app, UNDO, UNDO)
    assert app.state.view.foreground.is_blend
    play(app, UNDO)
    assert app.state.view.foreground.truncation_psi < start.foreground.truncation_psi
    play(app, UNDO)
    assert app.state.view == start


def test_commands_are_undone_one_by_one(app: Any) -> None:
    play(app, {"command": "foreground.next"}, {"command": "foreground.next"}, UNDO)
    assert app.state.view.foreground.seed == 1


def test_a_flight_is_one_step(app: Any) -> None:
    start = app.state.view.camera
    play(app, {"key": "B"}, {"key": "V"}, {"hold": ["D", "W"], "seconds": 0.2})
    there = app.state.view.camera
    assert there != start
    play(app, {"key": "Right"}, UNDO, UNDO)
    assert app.state.view.camera == start and app.state.view.foreground.seed == 0
    assert not app.state.view.backdrop.visible
    play(app, REDO)
    assert app.state.view.camera == there
    play(app, UNDO, UNDO)
    assert app.state.view.backdrop.visible and not app.state.history.undoes


def test_undo_ends_the_turntable_where_it_began(app: Any) -> None:
    start = app.state.view.camera
    play(app, {"key": "Space", "mods": ["shift"]})
    play(app, {"key": "B"}, {"key": "R"})
    while app.state.view.camera.yaw < 0.1:
        app.frame()
    play(app, UNDO, UNDO)
    assert app.state.view.backdrop.visible and not app.state.navigation.turntable
    play(app, UNDO)
    assert app.state.view.camera == start and not app.state.history.undoes


@pytest.mark.parametrize("which", ["foreground", "background"])
def test_how_far_a_code_has_moved_is_undone_with_its_animation(app: Any, which: str) -> None:
    start, animate = app.state.view, {"command": f"{which}.animate"}
    play(app, animate)
    while app.state.view.code(which) == start.code(which):
        app.frame()
    play(app, animate, UNDO)
    assert app.state.view == start and not app.state.history.undoes
    play(app, animate, {"key": "V"}, {"key": "4"})
    while app.state.view.code(which) == start.code(which):
        app.frame()
    play(app, {"command": "codes.stop"})
    stopped = app.state.view.code(which)
    play(app, UNDO, UNDO)
    assert app.state.view.layer == start.layer and app.state.view.latents.of(which).moves
    play(app, UNDO)
    assert app.state.view == start and stopped != start.code(which)


def test_what_the_program_does_is_no_step(app: Any) -> None:
    assert app.state.history.undoes == ()  # though the model has brought its camera
    play(app, {"key": "P"}, {"key": "P"}, {"key": "S"}, {"wait": "saved"})
    assert app.state.history.undoes == ()


def test_the_document_is_the_whole_view_and_the_mesh_options() -> None:
    state = ViewerState()
    names = set(document.values(state))
    view = {f"view.{field.name}" for field in fields(View)}
    assert names == view | set(document.PARTS) | set(document.KEPT) | {
        document.SHOWN,
        document.CLOSED,
    }
    other = document.with_values(
        state, {"view.layer": "depth", "export": ExportOptions(format="obj")}
    )
    assert other == replace(
        state, view=replace(View(), layer="depth"), export=ExportOptions(format="obj")
    )
    assert document.with_values(state, document.values(other)) == other


def test_what_a_person_keeps_is_undone_for_its_own_model() -> None:
    first, other = model_info(path="/a", sha256="a"), model_info(path="/b", sha256="b")
    state = do(ViewerState(), act.ModelOpened(first), act.ModelArrived(other))
    state = do(state, lat.AddFavourite(), act.EndStroke(), lat.NameFavourite(CodePair(), "calm"))
    state = do(state, act.ModelArrived(first), act.EndStroke(), act.NamePreset("mine"))
    state = do(state, act.SavePreset(), act.EndStroke(), act.PhotoOpened("/sky.png"))
    assert state.preferences.recent_pictures == ("/sky.png",)
    assert document.describe(state.history.undoes) == "background and list of pictures"
    state = do(state, act.Undo())
    assert state.preferences.recent_pictures == () and state.view.backdrop.photo is None
    state = do(state, act.Undo())
    assert state.preferences.presets == ()
    assert document.describe(state.history.undoes) == "favourites and names"
    state = do(state, act.Undo())
    assert (state.model, state.notes) == (first, ModelNotes())
    assert state.notebooks["b"].favourites == (Favourite(),)
    state = do(state, act.Undo(), act.Redo(), act.Redo(), act.Redo(), act.Redo())
    assert state.notebooks["b"].favourites == (Favourite(name="calm"),)
    assert [preset.name for preset in state.preferences.presets] == ["mine"]
    assert state.preferences.recent_pictures == ("/sky.png",)


def test_a_step_to_another_model_is_undone_with_its_camera() -> None:
    near, far = (
        model_info(path=f"/{r}", sha256=r, camera_limit=4.0, home=Orbit(radius=float(r)))
        for r in "23"
    )
    state = do(ViewerState(), act.ModelOpened(far), act.ModelOpened(near), act.EndStroke())
    state = do(state, act.MoveCamera(Orbit(yaw=0.5, radius=2.5)), act.EndStroke())
    stepped = do(state, act.StepModel(1), act.EndStroke(), lat.SetCode("foreground", Code(3.0)))
    assert (stepped.model, stepped.view.camera) == (far, Orbit(yaw=0.5, radius=3.0))
    back = do(stepped, act.Undo())
    assert (back.model, back.view.foreground) == (far, Code())
    assert document.describe(back.history.undoes) == "camera and model"
    back = do(back, act.Undo())
    assert (back.model, back.view.camera) == (near, Orbit(yaw=0.5, radius=2.5))
    assert do(back, act.Redo()).view.camera == stepped.view.camera


def two_models() -> tuple[ModelInfo, ModelInfo]:
    near, far = (
        model_info(path=f"/{r}", sha256=r, camera_limit=4.0, home=Orbit(radius=float(r)))
        for r in "23"
    )
    return near, far


def close_the_far_one(near: ModelInfo, far: ModelInfo) -> tuple[ViewerState, ViewerState]:
    """Before and after; the last step before is one of the camera."""
    state = do(ViewerState(), act.ModelOpened(near), act.ModelOpened(far), act.EndStroke())
    state = do(state, act.MoveCamera(Orbit(yaw=0.5, radius=2.8)), act.EndStroke())
    return state, do(state, act.CloseModel("/3"), act.EndStroke())


def test_closing_a_model_is_undone_by_opening_its_file_again() -> None:
    near, far = two_models()
    state = do(ViewerState(), act.ModelOpened(near), act.ModelOpened(far), act.EndStroke())
    assert do(state, act.Undo()).model == near  # before the other one was opened
    assert do(state, act.Undo()).models == (near, far)
    state = do(state, act.MoveCamera(Orbit(yaw=0.5, radius=2.8)), act.EndStroke())
    closed = do(state, act.CloseModel("/3"), act.EndStroke())
    assert (closed.model, closed.models) == (near, (near,))
    assert document.describe(closed.history.undoes) == "camera, model and open models"
    undone = do(closed, act.Undo())
    assert undone.waiting == (act.OpenModel("/3", show=False, again=True),)
    assert undone.models == (near,)
    loading = do(undone, undone.waiting[0])
    back = do(loading, act.ModelArrived(far))
    assert (back.model, back.models, back.view) == (far, (near, far), state.view)
    assert back.history == undone.history
    assert do(back, act.Redo()).view == closed.view and do(back, act.Redo()).models == (near,)
    late = do(loading, act.Redo(), act.ModelArrived(far))  # done again while it was read
    assert (late.models, late.loading) == ((near,), None)
    beside = do(state, act.CloseModel("/2"), act.Undo())
    assert beside.waiting == (act.OpenModel("/2", show=False, again=True),)
    assert beside.model == far and not beside.closed
    assert do(state, act.CloseModel("/2"), act.CloseModel("/3")).closed == (near,)  # one stays


def test_undo_and_redo_while_a_closed_model_is_read_again() -> None:
    near, far = two_models()
    before, closed = close_the_far_one(near, far)
    loading = do(closed, act.Undo(), act.OpenModel("/3", show=False, again=True))
    redone = do(loading, act.Redo())
    assert (redone.model, redone.closed, redone.view) == (near, (far,), closed.view)
    again = do(redone, act.Undo())
    assert not again.waiting  # it is being read already
    back = do(again, act.ModelArrived(far, show=False))
    assert (back.model, back.models, back.view) == (far, (near, far), before.view)
    assert do(back, act.Redo()).view == closed.view
    twice = do(loading, act.Undo())
    assert twice.view == closed.view  # the other model's camera is left alone
    back = do(twice, act.ModelArrived(far, show=False))
    first = do(before, act.Undo())
    assert (back.model, back.view) == (far, first.view)
    back = do(back, act.Redo())
    assert (back.model, back.view) == (far, before.view)
    assert do(back, act.Redo()).view == closed.view


def test_what_is_changed_while_a_closed_model_is_read_again_stays() -> None:
    near, far = two_models()
    before, closed = close_the_far_one(near, far)
    loading = do(closed, act.Undo(), act.OpenModel("/3", show=False, again=True))
    moved = do(loading, act.MoveCamera(Orbit(yaw=1.2)), act.MoveCamera(Orbit(yaw=1.3)))
    assert moved.view.camera.yaw == 1.3 and not moved.history.redoes
    back = do(moved, act.EndStroke(), act.ModelArrived(far, show=False))
    assert back.model == far and back.view.camera == replace(far.home, yaw=1.3)
    undone = do(back, act.Undo())
    assert (undone.model, undone.view) == (far, before.view)
    assert do(undone, act.Redo()).view == back.view
    early = do(moved, act.EndStroke(), act.Undo(), act.ModelArrived(far, show=False))
    assert (early.model, early.view) == (far, before.view)
    other = do(loading, lat.SetCode("foreground", Code(7.0)), act.ModelArrived(far, show=False))
    assert other.view == replace(before.view, foreground=Code(7.0))  # with the camera that waited


def test_favourites_of_a_closed_model_are_undone_while_it_is_read_again() -> None:
    near, far = two_models()
    state = do(ViewerState(), act.ModelOpened(near), act.ModelOpened(far), act.EndStroke())
    kept = do(state, lat.AddFavourite(), act.EndStroke())
    closed = do(kept, act.CloseModel("/3"), act.EndStroke())
    assert "notes" not in document.to_session(closed).window  # those of the open models only
    loading = do(closed, act.Undo(), act.OpenModel("/3", show=False, again=True))
    file = ModelNotes(favourites=(Favourite(),))  # has what was there when it was closed
    assert do(loading, act.ModelArrived(far, notes=file, show=False)).notes == kept.notes
    back = do(loading, act.Undo(), act.ModelArrived(far, notes=file, show=False))
    assert (back.model, back.notes) == (far, ModelNotes())
    assert do(back, act.Redo()).notes == kept.notes
    beside = do(kept, act.ShowModel("/2"), act.EndStroke(), act.CloseModel("/3"), act.EndStroke())
    reading = do(beside, act.Undo(), act.Undo(), act.Undo())  # of closing, stepping, and keeping
    arrived = do(reading, act.ModelArrived(far, notes=file, show=False))
    assert arrived.notebooks[far.sha256] == ModelNotes()
    opened = do(closed, act.OpenModel("/3"), act.ModelOpened(far))  # by hand
    assert opened.notes == ModelNotes()  # as its file says


def test_two_closed_models_come_back_and_the_right_one_shows() -> None:
    near, far = two_models()
    third = model_info(path="/4", sha256="4", camera_limit=4.0)
    before, _ = close_the_far_one(near, far)
    state = do(before, act.ModelArrived(third, show=False), act.CloseModel("/4"), act.EndStroke())
    state = do(state, act.CloseModel("/3"), act.EndStroke(), act.Undo(), act.Undo())
    assert {request.path for request in state.waiting} == {"/3", "/4"}
    state = do(state, act.OpenModel("/4", show=False, again=True))
    state = do(state, act.ModelArrived(third, show=False))
    assert state.model == near and [request.path for request in state.waiting] == ["/3"]
    state = do(state, state.waiting[0], act.ModelArrived(far, show=False))
    assert (state.model, state.view) == (far, before.view)
    assert (state.waiting, state.reopening, state.returning) == ((), (), {})


def test_other_models_leave_alone_what_waits_for_a_closed_one() -> None:
    near, far = two_models()
    other = model_info(path="/9", sha256="9", camera_limit=4.0)
    before, closed = close_the_far_one(near, far)
    loading = do(closed, act.Undo(), act.OpenModel("/3", show=False, again=True))
    newer = do(closed, act.Undo(), act.ModelArrived(other, show=False))  # of a run
    assert (newer.model, newer.view) == (near, closed.view) and newer.history.redoes
    assert do(newer, act.ModelArrived(far, show=False)).view == before.view
    failed = do(closed, act.Undo(), act.OpenModel("/x"), act.ModelFailed("bad", "/x"))
    assert do(failed, act.ModelArrived(far, show=False)).view == before.view
    opened = do(loading, act.OpenModel("/9"))  # which ends the reading of the other one
    assert opened.waiting == (act.OpenModel("/3", show=False, again=True),)
    opened = do(opened, act.ModelOpened(other), opened.waiting[0])
    assert opened.model == other
    assert do(opened, act.ModelArrived(far, show=False)).view == before.view


def test_a_closed_model_that_cannot_be_read_again_stays_closed() -> None:
    near, far = two_models()
    _, closed = close_the_far_one(near, far)
    closed = do(closed, lat.SetCode("foreground", Code(3.0)), act.EndStroke())
    loading = do(closed, act.Undo(), act.Undo(), act.OpenModel("/3", show=False, again=True))
    failed = do(loading, act.ModelFailed("no such file", "/3"))
    assert (failed.model, failed.models, failed.closed) == (near, (near,), (far,))
    assert (failed.reopening, failed.returning, failed.loading) == ((), {}, None)
    assert failed.view.camera.yaw == 0.5 and failed.view.camera.radius == 2.8  # the rest of it
    assert failed.history == loading.history and failed.notices
    redone = do(failed, act.Redo(), act.Redo())
    assert (redone.closed, redone.view) == ((far,), closed.view)


def test_undo_shows_the_other_models_picture(app: Any, other_file: Path) -> None:
    first = settle(app)
    play(app, {"drop": str(other_file)}, {"wait": "loaded"}, {"key": "Tab"}, {"wait": "converged"})
    assert app.easel.model.info.name == "tiny"
    play(app, UNDO, {"wait": "converged"})
    assert app.easel.model.info.name == app.state.model.name == "other"
    play(app, REDO)
    assert app.easel.model.info.name == "tiny"
    assert np.abs(settle(app) - first).max() < 1e-5


def test_undo_reads_a_closed_model_again(app: Any, other_file: Path) -> None:
    play(app, {"drop": str(other_file)}, {"wait": "loaded"}, {"key": "Tab"}, {"wait": "converged"})
    play(app, {"drag": {"from": CENTRE, "to": [330, 300]}})
    before, view = settle(app), app.state.view
    closed = app.easel.model
    play(app, {"command": "model.close"}, {"wait": "converged"})
    assert [model.name for model in app.state.models] == ["other"]
    play(app, UNDO, {"wait": "loaded"})
    assert app.state.model.name == "tiny" and app.state.view == view
    assert app.easel.model is not closed  # it was not kept in memory
    assert np.abs(settle(app) - before).max() < 1e-5
    play(app, REDO, {"wait": "converged"})
    assert [model.name for model in app.state.models] == ["other"]


def test_a_session_with_another_model_is_one_step(
    app: Any, other_file: Path, tmp_path: Path
) -> None:
    from ballgan.model_files import describe_file
    from ballgan.session import Session, write_session

    shown = View(foreground=Code(5.0), camera=app.state.view.camera)
    write_session(tmp_path / "x.ballgan.json", Session((describe_file(other_file),), 0, shown))
    before = app.state.view
    play(app, {"drop": str(tmp_path / "x.ballgan.json")}, {"wait": "loaded"})
    assert (app.state.model.name, app.state.view.foreground.seed) == ("other", 5)
    play(app, UNDO)
    assert (app.state.model.name, app.state.view) == ("tiny", before)


def test_preferences_are_left_alone() -> None:
    state = do(ViewerState(), act.SetTheme("light"), act.SetZoom(1.5), act.FoldSections(()))
    assert not state.history.past
    assert do(state, act.Undo()) == state


def test_sessions_bring_their_favourites_to_the_same_model() -> None:
    mine = do(ViewerState(), act.ModelOpened(model_info(sha256="a")), lat.AddFavourite())
    named = do(mine, lat.NameFavourite(CodePair(), "calm"))
    values = document.read(decode_session(encode_session(document.to_session(named))), [])
    other = do(ViewerState(), act.ModelOpened(model_info(sha256="b")))
    assert do(other, act.RestoreDocument(values)).notes == ModelNotes()
    fresh = do(ViewerState(), act.ModelOpened(model_info(sha256="a")), act.EndStroke())
    joined = do(fresh, act.RestoreDocument(values))
    assert joined.notes.favourites == (Favourite(name="calm"),)
    assert do(joined, act.Undo()).notes == ModelNotes()


def test_undo_leaves_jobs_notices_and_the_model_alone() -> None:
    state = do(
        ViewerState(),
        lat.SetCode("foreground", Code(3.0)),
        act.EndStroke(),
        act.SetLayer("depth"),
        act.Notify("error", "Something"),
        act.StartExport("mesh"),
    )
    undone = do(state, act.Undo())
    assert (undone.view.layer, undone.view.foreground) == ("full", Code(3.0))
    assert (undone.notices, undone.jobs) == (state.notices, state.jobs)


def test_undone_cameras_are_those_that_the_model_can_have() -> None:
    far = Orbit(radius=3.5)
    state = do(ViewerState(), act.MoveCamera(far), act.EndStroke(), act.MoveCamera(Orbit()))
    near = replace(state, view=replace(state.view, camera=Orbit(radius=1.0)))
    assert do(near, act.Undo()).view.camera.radius <= 4 * Orbit().radius


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("view.camera",), "camera"),
        (("view.backdrop", "view.layer"), "background and layer"),
        (
            ("view.foreground", "view.neural_resolution", "export"),
            "foreground, rays and mesh options",
        ),
        (("a", "b", "c", "d"), "several things"),
        ((), ""),
    ],
)
def test_steps_in_words(names: tuple[str, ...], words: str) -> None:
    assert document.describe(names) == words
