"""Sessions that are opened and saved."""

from dataclasses import replace
from typing import Any

from .. import actions as act
from .. import document
from ..autosave import is_left
from ..notes import ModelNotes, merge
from ..preferences import remember
from .models import show
from .reduce import forget, is_late, notify, reduce, with_camera, with_level
from .values import ViewerState


@reduce.register
def _(action: act.OpenSession, state: ViewerState) -> ViewerState:
    return replace(forget(state, "session"), restoring=action.path)


@reduce.register
def _(action: act.SessionOpened, state: ViewerState) -> ViewerState:
    if is_late(state.restoring, action.path):
        return state
    state = replace(state, restoring=None, pending=action)
    state = _remember(state, action.path, whole=not action.complaint)
    return notify(state, "error", action.complaint, "session") if action.complaint else state


@reduce.register
def _(action: act.SessionFailed, state: ViewerState) -> ViewerState:
    if is_late(state.restoring, action.path):
        return state
    return notify(replace(state, restoring=None), "error", action.message, "session")


@reduce.register
def _(action: act.RestoreDocument, state: ViewerState) -> ViewerState:
    state = show(state, action.model) if action.model else state
    values = document.joined(state, action.values)
    state = _keep_for_later(state, values)
    state = document.with_values(replace(state, pending=None, returning={}), values)
    if "export" not in values:  # a picture knows the level of its mesh alone
        level = state.view.mesh.level
        export = replace(state.export, automatic_level=level is None)
        state = replace(state, export=export if level is None else replace(export, level=level))
    if "animation" in values and state.animation.keys:
        state = replace(state, playhead=replace(state.playhead, shown=True))
    return with_camera(with_level(state), state.view.camera)


@reduce.register
def _(action: act.NameSession, state: ViewerState) -> ViewerState:
    return replace(state, session_name=action.name)


@reduce.register
def _(action: act.SessionSaved, state: ViewerState) -> ViewerState:
    state = _remember(replace(forget(state, "session"), session_name=""), action.path)
    return notify(state, "info", f"Saved {action.path}", "session")


@reduce.register
def _(action: act.JoinNotes, state: ViewerState) -> ViewerState:
    rest = dict(state.session_notes)
    given = rest.pop(action.checksum, ModelNotes())
    notes = merge(state.notebooks.get(action.checksum, ModelNotes()), given)
    notebooks = state.notebooks | {action.checksum: notes}
    return replace(state, notebooks=notebooks, session_notes=rest)


def _keep_for_later(state: ViewerState, values: dict[str, Any]) -> ViewerState:
    """The state with what a session keeps of models that are not open yet, and of no
    other one's."""
    notes = {
        name.removeprefix(document.NOTES): value
        for name, value in values.items()
        if name.startswith(document.NOTES)
    }
    absent = {key: kept for key, kept in notes.items() if key not in state.notebooks}
    return replace(state, session_notes=absent)


def _remember(state: ViewerState, path: str, *, whole: bool = True) -> ViewerState:
    """A session file is saved again where it was; a picture, an autosave, or what was not restored
    as a whole, is only where it came from."""
    recent = remember(state.preferences.recent_sessions, path)
    state = replace(state, preferences=replace(state.preferences, recent_sessions=recent))
    source_only = path.lower().endswith(".png") or is_left(path)
    return replace(state, session=path if whole and not source_only else None)
