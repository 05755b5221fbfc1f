"""Models and pictures that are opened."""

import os
from dataclasses import replace

from ballgan.panoramas import bundled_panoramas

from .. import actions as act
from ..preferences import remember
from .reduce import forget, notify, reduce, with_backdrop, with_camera, with_still_camera
from .values import BUNDLED, ViewerState


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
    state = replace(state, model=model, loading=None)
    if previous is not None and previous.path != model.path:
        folder = _keep_folder(state.export.path)  # the name was about the other model
        state = replace(state, export=replace(state.export, path=folder))
    if not model.bundled:
        recent = remember(state.preferences.recent_models, model.path)
        state = replace(state, preferences=replace(state.preferences, recent_models=recent))
    camera, still = state.view.camera, state.view.backdrop.camera
    if previous is None or previous.home != model.home:  # another scale: keep the angles only
        camera = replace(model.home, yaw=camera.yaw, pitch=camera.pitch)
        still = still and replace(model.home, yaw=still.yaw, pitch=still.pitch)
    return with_camera(with_still_camera(state, still), camera)


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
    state = replace(state, opening=None)
    if action.path not in bundled_panoramas().values():
        recent = remember(state.preferences.recent_pictures, action.path)
        state = replace(state, preferences=replace(state.preferences, recent_pictures=recent))
    return with_backdrop(state, kind="photo", visible=True, photo=action.path)


@reduce.register
def _(action: act.PictureFailed, state: ViewerState) -> ViewerState:
    if is_late(state.opening, action.path):
        return state
    return notify(replace(state, opening=None), "error", action.message, "picture")


@reduce.register
def _(action: act.PictureChanged, state: ViewerState) -> ViewerState:
    if action.path != state.view.backdrop.photo:
        return state
    return replace(forget(state, "picture"), revision=state.revision + 1)


@reduce.register
def _(action: act.PictureBroken, state: ViewerState) -> ViewerState:
    if action.path != state.view.backdrop.photo:
        return state
    text = f"{action.message.rstrip('.')}. The last picture of it stays until it can be read."
    return notify(forget(state, "picture"), "error", text, "picture")


@reduce.register
def _(action: act.SphereWritten, state: ViewerState) -> ViewerState:
    text = f"Wrote {action.path}"
    if action.edit:
        text += ": what another program changes in it shows at once"
    state = replace(state, jobs=tuple(job for job in state.jobs if job.lane != "sphere"))
    return notify(state, "info", text)


def _keep_folder(typed: str) -> str:
    """The folder of a path that was typed, with its separator; empty if there is none."""
    return typed[: len(typed) - len(os.path.basename(typed))]


def is_late(pending: str | None, path: str) -> bool:
    """Whether a file that was opened is no longer the one that is waited for."""
    return pending is not None and pending != path
