"""How things are shown: depth, mesh, comparison, inspector."""

from dataclasses import replace

from ballgan.view import Comparison

from ..actions import output as out
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
    how = action.comparison
    how = replace(how, divider=min(max(how.divider, 0.0), 1.0))
    if how.on and not state.view.comparison.on and _shows_twice(state, how.layer):
        how = replace(how, layer="full" if state.view.layer == "normals" else "normals")
    return with_view(state, comparison=how)


def _shows_twice(state: ViewerState, layer: str) -> bool:
    """Whether a layer looks like the one that shows."""
    alike = {"full", "raw"} if state.why_no_raw else set()
    return layer == state.view.layer or {layer, state.view.layer} <= alike


@reduce.register
def _(action: out.PinView, state: ViewerState) -> ViewerState:
    pinned = replace(state.view, comparison=Comparison())
    comparison = replace(state.view.comparison, on=True, kind="pinned", pinned=pinned)
    return with_view(state, comparison=comparison)


@reduce.register
def _(action: out.ToggleInspector, state: ViewerState) -> ViewerState:
    return replace(state, inspects=not state.inspects)
