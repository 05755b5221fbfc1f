"""Lines for the person, and what is remembered."""

from dataclasses import replace

from .. import actions as act
from ..preferences import LARGEST_ZOOM, LEAST_ZOOM, THEMES
from .reduce import forget, notify, reduce
from .values import ViewerState


@reduce.register
def _(action: act.Notify, state: ViewerState) -> ViewerState:
    state = forget(state, action.origin) if action.origin else state
    return notify(state, action.level, action.text, action.origin)


@reduce.register
def _(action: act.Dismiss, state: ViewerState) -> ViewerState:
    return replace(state, notices=tuple(n for n in state.notices if n.number != action.number))


@reduce.register
def _(action: act.RememberWindow, state: ViewerState) -> ViewerState:
    size = state.preferences.window_size if action.maximised else action.size
    preferences = replace(state.preferences, window_size=size, maximised=action.maximised)
    return replace(state, preferences=preferences)


@reduce.register
def _(action: act.SetTheme, state: ViewerState) -> ViewerState:
    if action.name not in THEMES:
        raise ValueError(f"a theme is one of {', '.join(THEMES)}; got {action.name!r}.")
    return replace(state, preferences=replace(state.preferences, theme=action.name))


@reduce.register
def _(action: act.SetZoom, state: ViewerState) -> ViewerState:
    zoom = min(max(action.zoom, LEAST_ZOOM), LARGEST_ZOOM)
    return replace(state, preferences=replace(state.preferences, zoom=zoom))


@reduce.register
def _(action: act.FoldSections, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, folded=action.names))
