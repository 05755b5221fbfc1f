"""Panels: functions of the state and of what was drawn last; they answer with actions.

They never render, load or touch GL, so a pure ImGui context is enough to run them.
"""

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui, imgui_ctx

from .. import actions as act
from .. import theme
from ..info import ViewInfo
from ..preferences import SECTIONS
from ..state import ViewerState
from ..ui import Ui
from . import (
    background,
    camera,
    capture,
    cube,
    foreground,
    gallery,
    jobs,
    mesh,
    model,
    notices,
    output,
    overlays,
    session,
    stage,
    status,
    timeline,
    window,
)

DRAW: dict[str, Callable[[Ui, ViewerState, ViewInfo], list[act.Action]]] = {
    "model": model.draw,
    "foreground": foreground.draw,
    "background": background.draw,
    "camera": camera.draw,
    "output": output.draw,
    "capture": capture.draw,
    "mesh": mesh.draw,
    "gallery": gallery.draw,
    "session": session.draw,
    "window": window.draw,
}
ALWAYS_USABLE = ("model", "session", "window")  # sections, also before a model is open


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw the whole interface; what the person did with it."""
    return [action for part in PARTS for action in part(ui, state, info)]


def _close_popups(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Let Escape close menus and the colour picker."""
    if imgui.is_key_pressed(imgui.Key.escape):
        imgui.internal.close_popups_except_modals()
    return []


def _draw_side_panel(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    actions: list[act.Action] = []
    panel = info.layout.panel
    if panel.width < 1 or panel.height < 1:
        return actions
    flags = imgui.WindowFlags_.no_title_bar | imgui.WindowFlags_.no_resize
    flags |= imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
    flags |= imgui.WindowFlags_.no_collapse | imgui.WindowFlags_.no_bring_to_front_on_focus
    imgui.set_next_window_pos((panel.x, panel.y))
    imgui.set_next_window_size((panel.width, panel.height))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_min_size, ImVec2(1, 1)),
        imgui_ctx.begin("##panel", None, flags),
    ):
        ui.fold_sections(state.preferences.folded)
        for name in SECTIONS:
            with ui.section(f"section.{name}", name.capitalize()) as unfolded:
                if unfolded:
                    with ui.enabled_if(state.model is not None or name in ALWAYS_USABLE):
                        actions += DRAW[name](ui, state, info)
        if ui.closed != set(state.preferences.folded):
            actions.append(act.FoldSections(tuple(sorted(ui.closed))))
        ui.fade_bottom(theme.PANEL)
    return actions


PARTS = (
    _close_popups,
    _draw_side_panel,
    stage.draw,
    cube.draw,
    timeline.draw,
    status.draw,
    notices.draw_empty,
    jobs.draw,
    notices.draw,
    overlays.draw,
)
