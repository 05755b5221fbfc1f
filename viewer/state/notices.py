"""Lines for the person, and what is remembered."""

from dataclasses import replace

from .. import actions as act
from .reduce import notify, reduce
from .values import ViewerState


@reduce.register
def _(action: act.Notify, state: ViewerState) -> ViewerState:
    return notify(state, action.level, action.text)


@reduce.register
def _(action: act.Dismiss, state: ViewerState) -> ViewerState:
    return replace(state, notices=tuple(n for n in state.notices if n.number != action.number))


@reduce.register
def _(action: act.RememberWindow, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, window_size=action.size))
