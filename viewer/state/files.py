"""Files that are recognised, and pictures that are opened."""

from dataclasses import replace

from ballgan.panoramas import bundled_panoramas

from .. import actions as act
from ..preferences import remember
from .jobs import without_job
from .reduce import forget, is_late, notify, reduce, with_backdrop
from .values import ViewerState


@reduce.register
def _(action: act.OpenFile, state: ViewerState) -> ViewerState:
    return replace(state, recognising=(*state.recognising, action.path))


@reduce.register
def _(action: act.FileRecognised, state: ViewerState) -> ViewerState:
    return replace(state, recognising=state.recognising[1:])


@reduce.register
def _(action: act.OpenPhoto, state: ViewerState) -> ViewerState:
    return replace(forget(state, "picture"), opening=action.path)


@reduce.register
def _(action: act.PhotoOpened, state: ViewerState) -> ViewerState:
    if is_late(state.opening, action.path):
        return state
    state = replace(state, opening=None)
    if action.path not in bundled_panoramas().values():
        recent = remember(state.preferences.recent_pictures, action.path)
        state = replace(state, preferences=replace(state.preferences, recent_pictures=recent))
    if action.path != state.view.backdrop.photo:
        state = with_backdrop(state, yaw=0.0, exposure=0.0)
    return with_backdrop(state, kind="photo", visible=True, photo=action.path)


@reduce.register
def _(action: act.ForgetPhoto, state: ViewerState) -> ViewerState:
    kept = tuple(path for path in state.preferences.recent_pictures if path != action.path)
    return replace(state, preferences=replace(state.preferences, recent_pictures=kept))


@reduce.register
def _(action: act.PhotoFailed, state: ViewerState) -> ViewerState:
    if is_late(state.opening, action.path):
        return state
    return notify(replace(state, opening=None), "error", action.message, "picture")


@reduce.register
def _(action: act.PhotoChanged, state: ViewerState) -> ViewerState:
    if action.path != state.view.backdrop.photo:
        return state
    return replace(forget(state, "picture"), revision=state.revision + 1)


@reduce.register
def _(action: act.PhotoBroken, state: ViewerState) -> ViewerState:
    if action.path != state.view.backdrop.photo:
        return state
    text = f"{action.message.rstrip('.')}. The last picture of it stays until it can be read."
    return notify(forget(state, "picture"), "error", text, "picture")


@reduce.register
def _(action: act.SphereWritten, state: ViewerState) -> ViewerState:
    text = f"Wrote {action.path}"
    if action.edit:
        text += ": what another program changes in it shows at once"
    return notify(without_job(state, "sphere"), "info", text)
