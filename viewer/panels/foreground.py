"""Foreground: the object's code."""

from .. import actions as act
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from .code import draw_code


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    code = draw_code(ui, "foreground", state.view.foreground)
    return [act.SetForeground(code)] if code is not None else []
