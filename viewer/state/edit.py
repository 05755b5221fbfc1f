"""Undo and redo."""

from dataclasses import replace
from typing import Any

from .. import actions as act
from .. import document, history
from ..history import History
from .models import travel
from .reduce import reduce
from .values import ViewerState


@reduce.register
def _(action: act.Undo, state: ViewerState) -> ViewerState:
    return _travel(state, *history.undo(state.history, _present(state)))


@reduce.register
def _(action: act.Redo, state: ViewerState) -> ViewerState:
    return _travel(state, *history.redo(state.history, _present(state)))


@reduce.register
def _(action: act.EndStroke, state: ViewerState) -> ViewerState:
    return replace(state, history=history.close(state.history)) if state.history.open else state


def _present(state: ViewerState) -> dict[str, Any]:
    """The document with what is about to come back with a model that is read again."""
    return document.values(state) | state.returning


def _travel(state: ViewerState, changed: History, changes: dict[str, Any]) -> ViewerState:
    film = replace(state.playhead, playing=False)  # it would hide at once what comes back
    state = replace(state, history=changed, playhead=film)
    if document.CAMERA in changes:  # it stays where it is sent
        still = replace(state.navigation.released, turntable=False)
        state = replace(state, navigation=still)
    return travel(state, changes)
