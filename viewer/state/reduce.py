"""The one function that changes the state, and what the reducers share.

`apply(state, action)` gives the next state. The reducers stand in the other files of this folder by
topic: a function registered with `reduce` for its action. They never render, load, draw or import
torch, so all of it can be tested alone.
"""

from dataclasses import replace
from functools import singledispatch
from typing import Any

from ballgan.view import Orbit, clamp_camera, clamp_view

from .. import actions as act
from .. import document, history
from ..notes import ModelNotes
from ..words import sentence
from .values import Glide, Notice, ViewerState

MAX_NOTICES = 4


def apply(state: ViewerState, action: act.Action) -> ViewerState:
    """The state after `action`. Actions that only have an effect outside leave it as it is."""
    after = reduce(action, state)
    if not action.undoable or after is state or _begins(state, after):
        return after
    before, now = document.values(state), document.values(after)
    if state.returning and (after.returning, after.model) == (state.returning, state.model):
        # What a person changes meanwhile shall not be changed by a model that is still to come.
        coming = {n: v for n, v in state.returning.items() if now.get(n) == before.get(n)}
        before, now = before | state.returning, now | coming
        after = replace(after, returning=coming)
    moved, moves = document.moving(state), document.moving(after)
    recorded = history.record(
        after.history,
        before,
        now,
        joins=action.joins,
        begins=moves - moved,
        ends=bool(moved - moves),
    )
    return after if recorded is after.history else replace(after, history=recorded)


def _begins(before: ViewerState, after: ViewerState) -> bool:
    """Whether the window's first model has come, with its camera: there is nothing before that."""
    return before.model is None and after.model is not None


@singledispatch
def reduce(action: act.Action, state: ViewerState) -> ViewerState:
    """The state after `action`: each reducer registers itself for its action."""
    raise TypeError(f"apply() got {action!r}, which is not an action of ballgan_viewer.actions.")


@reduce.register
def _(action: act.Effect, state: ViewerState) -> ViewerState:
    return state


def with_view(state: ViewerState, **changes: Any) -> ViewerState:
    """The state with other fields of the view."""
    return replace(state, view=replace(state.view, **changes))


def with_camera(state: ViewerState, camera: Orbit) -> ViewerState:
    """The state with another camera; it and those of still backgrounds are clamped to where the
    model can render."""
    view = clamp_view(replace(state.view, camera=camera), *_reach(state))
    return replace(state, view=view, glide=None)


def glide_to(state: ViewerState, camera: Orbit) -> ViewerState:
    """As `with_camera`; the window shows the way there, where that is wanted."""
    start, state = state.camera, with_camera(state, camera)
    glides = state.preferences.glide and state.model is not None and start != state.view.camera
    return replace(state, glide=Glide(start)) if glides else state


def with_still_camera(state: ViewerState, camera: Orbit | None) -> ViewerState:
    """The state with a background that this camera sees; None: that of the view."""
    clamped = None if camera is None else clamp_camera(camera, *_reach(state))
    return state if clamped == state.view.backdrop.camera else with_backdrop(state, camera=clamped)


def _reach(state: ViewerState) -> tuple[Orbit, float]:
    """The model's own camera, and how far from the origin one may be."""
    home = state.model.home if state.model else Orbit()
    return home, state.model.camera_limit if state.model else 4 * home.radius


def with_level(state: ViewerState) -> ViewerState:
    """The state whose view has the level of the mesh that the export has."""
    options, style = state.export, state.view.mesh
    level = None if options.automatic_level else options.level
    return with_view(state, mesh=replace(style, level=level)) if level != style.level else state


def with_backdrop(state: ViewerState, **changes: Any) -> ViewerState:
    """The state with other fields of the backdrop."""
    return with_view(state, backdrop=replace(state.view.backdrop, **changes))


def with_notes(state: ViewerState, notes: ModelNotes) -> ViewerState:
    """The state with something else kept of the model that shows."""
    checksum = state.model.sha256 if state.model is not None else ""
    return replace(state, notebooks=state.notebooks | {checksum: notes})


def notify(state: ViewerState, level: str, text: str, origin: str = "") -> ViewerState:
    """Add a notice; the same text moves to the end instead of showing twice."""
    text = sentence(text)
    others = tuple(n for n in state.notices if (n.level, n.text) != (level, text))
    number = state.notices_given + 1
    notices = _with_room((*others, Notice(number, level, text, origin)))
    return replace(state, notices=notices, notices_given=number)


def _with_room(notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    """Those there is room for: what goes by itself makes room for what stays, but the newest shows
    in any case."""
    lasting = [notice for notice in notices if notice.level != "info"][-MAX_NOTICES:]
    passing = [notice for notice in notices if notice.level == "info"]
    kept = [*lasting, *passing[-max(MAX_NOTICES - len(lasting), 1) :]]
    return tuple(notice for notice in notices if notice in kept)


def forget(state: ViewerState, origin: str) -> ViewerState:
    """Drop notices about something that is being tried again."""
    return replace(state, notices=tuple(n for n in state.notices if n.origin != origin))


def is_late(pending: str | None, path: str) -> bool:
    """Whether a file that was opened is no longer the one that is waited for."""
    return pending is not None and pending != path
