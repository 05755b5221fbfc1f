"""A button that names the preset of how to render, and opens the list of all."""

from imgui_bundle import imgui, imgui_ctx

from .. import actions as act
from .. import icons, theme
from ..presets import find_preset
from ..state import ViewerState
from ..ui import Ui

WIDTH = 240.0  # logical pixels
TIP = (
    "How to render. Standard has the model's rays, Draft half and Fine twice as many across. Your "
    "own keep the layer and its colours, too. Codes, background and camera stay."
)


def draw(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The row in the panel."""
    ui.label("Preset", TIP)
    preset = find_preset(state.presets, state.view)
    label = preset.name if preset is not None else "Custom"
    if ui.button("presets", label, icon=icons.CHEVRON_DOWN, width=-1, tip=TIP):
        imgui.open_popup("presets.menu")
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    imgui.set_next_window_pos((low.x, high.y + ui.px(4)), imgui.Cond_.appearing)
    with imgui_ctx.begin_popup("presets.menu") as popup:
        if not popup:
            return []
        current = preset.name if preset is not None else ""
        return [*_draw_list(ui, state, current), *_draw_new(ui, state)]


def _draw_list(ui: Ui, state: ViewerState, current: str) -> list[act.Action]:
    """All presets: a click takes one, a cross forgets one's own."""
    actions: list[act.Action] = []
    gap, side, width = ui.px(4), imgui.get_frame_height(), ui.px(WIDTH)
    own = state.preferences.presets
    for index, preset in enumerate(state.presets):
        kind = "selected" if preset.name == current else "quiet"
        with imgui_ctx.push_id(str(index)):
            room = width - side - gap if preset in own else width
            if ui.button(f"presets.{index}", preset.name, kind=kind, width=room):
                actions.append(act.ApplyPreset(preset.name))
                imgui.close_current_popup()
            if preset in own:
                imgui.same_line(0, gap)
                if ui.icon_button(f"presets.{index}.delete", icons.CLOSE, "Forget this preset"):
                    actions.append(act.DeletePreset(preset.name))
    return actions


def _draw_new(ui: Ui, state: ViewerState) -> list[act.Action]:
    """A name and a button that keeps the present settings."""
    gap, side = ui.px(4), imgui.get_frame_height()
    ui.text("Keep the present settings as", theme.TEXT_DIM, small=True)
    actions: list[act.Action] = []
    name = ui.line("presets.name", state.preset_name, "Name", width=ui.px(WIDTH) - side - gap)
    if name is not None:
        actions.append(act.NamePreset(name))
    enter = imgui.is_key_pressed(imgui.Key.enter) or imgui.is_key_pressed(imgui.Key.keypad_enter)
    entered = imgui.is_item_deactivated() and enter
    imgui.same_line(0, gap)
    usable = bool(state.preset_name.strip())
    tip = "Enter. Keep as a preset"
    if ui.icon_button("presets.save", icons.SAVE, tip, enabled=usable) or (entered and usable):
        actions.append(act.SavePreset())
    return actions
