"""Foreground: the object's code."""

from .. import actions as act
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from .code import draw_code


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    return draw_code(ui, state, "foreground")
