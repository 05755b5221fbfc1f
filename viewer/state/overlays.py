"""What lies over the window while it is asked for."""

from dataclasses import replace

from .. import actions as act
from .reduce import reduce
from .values import Palette, ViewerState

OVERLAYS = ("", "palette", "keys")


@reduce.register
def _(action: act.ShowOverlay, state: ViewerState) -> ViewerState:
    if action.name not in OVERLAYS:
        raise ValueError(f"an overlay is one of {OVERLAYS}; got {action.name!r}.")
    return replace(state, overlay=action.name, palette=Palette())


@reduce.register
def _(action: act.SearchCommands, state: ViewerState) -> ViewerState:
    return replace(state, palette=Palette(action.query, action.choice))
