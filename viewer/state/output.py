"""How things are shown: depth, mesh, comparison, inspector."""

from dataclasses import replace

from ballgan.view import Comparison

from .. import output_actions as out
from .reduce import reduce, with_view
from .values import ViewerState


@reduce.register
def _(action: out.SetDepth, state: ViewerState) -> ViewerState:
    return with_view(state, depth=action.style)


@reduce.register
def _(action: out.SetMesh, state: ViewerState) -> ViewerState:
    return with_view(state, mesh=action.style)


@reduce.register
def _(action: out.SetComparison, state: ViewerState) -> ViewerState:
    divider = min(max(action.comparison.divider, 0.0), 1.0)
    return with_view(state, comparison=replace(action.comparison, divider=divider))


@reduce.register
def _(action: out.PinView, state: ViewerState) -> ViewerState:
    pinned = replace(state.view, comparison=Comparison())
    comparison = replace(state.view.comparison, on=True, kind="pinned", pinned=pinned)
    return with_view(state, comparison=comparison)


@reduce.register
def _(action: out.ToggleInspector, state: ViewerState) -> ViewerState:
    return replace(state, inspects=not state.inspects)
