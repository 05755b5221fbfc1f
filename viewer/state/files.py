"""Files that are recognised, and pictures that are opened."""

from dataclasses import replace

from .. import actions as act
from ..preferences import remember
from .reduce import forget, is_late, notify, reduce, with_backdrop
from .values import ViewerState


@reduce.register
def _(action: act.OpenFile, state: ViewerState) -> ViewerState:
    return replace(state, recognising=(*state.recognising, action.path))


@reduce.register
def _(action: act.FileRecognised, state: ViewerState) -> ViewerState:
    return replace(state, recognising=state.recognising[1:])


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
