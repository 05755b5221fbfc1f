"""Session: steps back and forth, and the file that holds what is shown."""

import os

from imgui_bundle import imgui

from .. import actions as act
from .. import document, icons
from ..commands import keyed, keys_of
from ..info import ViewInfo
from ..paths import describe_session_path
from ..state import ViewerState
from ..ui import Ui
from .recent import recent_files

OPEN_TIP = keyed(
    "session.open",
    "A session file, or a picture that was saved here: its metadata holds what it "
    "shows. Dropping it on the window does the same.",
)
SAVE_TIP = keyed(
    "session.save",
    f"{keys_of('session.save_as')} for another file. Codes, background, camera and options, as "
    "JSON:",
)
NAME_TIP = "another file, or a folder, can be typed; what is there is not overwritten then."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions, where = _draw_steps(ui, state), describe_session_path(state)
    gap, side = ui.px(4), imgui.get_frame_height()
    width = (imgui.get_content_region_avail().x - side - 2 * gap) / 2
    if ui.button("session.open", "Open ...", icon=icons.FOLDER, width=width, tip=OPEN_TIP):
        actions.append(act.Browse("session"))
    imgui.same_line(0, gap)
    with ui.enabled_if(state.model is not None):
        tip = f"{SAVE_TIP} {where}"
        if ui.button("session.save", "Save", icon=icons.SAVE, width=width, tip=tip):
            actions.append(act.SaveSession())
    imgui.same_line(0, gap)
    recent = recent_files(
        ui, "session.recent", "Recent sessions", state.preferences.recent_sessions
    )
    ui.label("File", NAME_TIP)
    name = ui.line("session.name", state.session_name, os.path.basename(where), width=-1)
    ui.tip(f"{where}: {NAME_TIP}")
    if name is not None:
        actions.append(act.NameSession(name))
    return [*actions, act.OpenSession(recent)] if recent is not None else actions


def _draw_steps(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Undo and redo, each with what it would change."""
    gap = ui.px(4)
    width = (imgui.get_content_region_avail().x - gap) / 2
    steps = (
        ("undo", "Undo", icons.UNDO, state.history.undoes, act.Undo()),
        ("redo", "Redo", icons.REDO, state.history.redoes, act.Redo()),
    )
    chosen: list[act.Action] = []
    for index, (name, label, icon, values, action) in enumerate(steps):
        if index:
            imgui.same_line(0, gap)
        keys, what = keys_of(f"edit.{name}"), document.describe(values)
        tip = f"{keys}. {label}: {what}" if what else f"{keys}. There is nothing to {name}."
        if ui.button(name, label, icon=icon, width=width, enabled=bool(what), tip=tip):
            chosen.append(action)
    return chosen
