"""Models and pictures that are opened."""

import os
from dataclasses import replace

from .. import actions as act
from ..preferences import remember
from .reduce import forget, notify, reduce, with_backdrop, with_camera
from .values import BUNDLED, Sheet, ViewerState


@reduce.register
def _(action: act.OpenFile, state: ViewerState) -> ViewerState:
    return replace(state, recognising=(*state.recognising, action.path))


@reduce.register
def _(action: act.FileRecognised, state: ViewerState) -> ViewerState:
    return replace(state, recognising=state.recognising[1:])


@reduce.register
def _(action: act.OpenModel, state: ViewerState) -> ViewerState:
    state = forget(state, "model")
    return replace(state, loading=action.path or BUNDLED)


@reduce.register
def _(action: act.ModelOpened, state: ViewerState) -> ViewerState:
    model, previous = action.model, state.model
    if is_late(state.loading, BUNDLED if model.bundled else model.path):
        return state
    state = replace(state, model=model, loading=None, notes=action.notes, sheet=Sheet())
    if previous is not None and previous.path != model.path:
        folder = _keep_folder(state.export.path)  # the name was about the other model
        state = replace(state, export=replace(state.export, path=folder))
    if not model.bundled:
        recent = remember(state.preferences.recent_models, model.path)
        state = replace(state, preferences=replace(state.preferences, recent_models=recent))
    camera = state.view.camera
    if previous is None or previous.home != model.home:  # another scale: keep the angles only
        camera = replace(model.home, yaw=camera.yaw, pitch=camera.pitch)
    return with_camera(state, camera)


@reduce.register
def _(action: act.ModelFailed, state: ViewerState) -> ViewerState:
    if is_late(state.loading, action.path or BUNDLED):
        return state
    return notify(replace(state, loading=None, pending=None), "error", action.message, "model")


@reduce.register
def _(action: act.OpenPicture, state: ViewerState) -> ViewerState:
    return replace(forget(state, "picture"), opening=action.path)


@reduce.register
def _(action: act.PictureOpened, state: ViewerState) -> ViewerState:
    if is_late(state.opening, action.path):
        return state
    recent = remember(state.preferences.recent_pictures, action.path)
    state = replace(
        state,
        opening=None,
        preferences=replace(state.preferences, recent_pictures=recent),
    )
    return with_backdrop(state, kind="photo", visible=True, photo=action.path)


@reduce.register
def _(action: act.PictureFailed, state: ViewerState) -> ViewerState:
    if is_late(state.opening, action.path):
        return state
    return notify(replace(state, opening=None), "error", action.message, "picture")


def _keep_folder(typed: str) -> str:
    """The folder of a path that was typed, with its separator; empty if there is none."""
    return typed[: len(typed) - len(os.path.basename(typed))]


def is_late(pending: str | None, path: str) -> bool:
    """Whether a file that was opened is no longer the one that is waited for."""
    return pending is not None and pending != path
