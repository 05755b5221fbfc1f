"""Model: what is open, and opening another."""

from pathlib import Path

from imgui_bundle import imgui, imgui_ctx

from .. import actions as act
from .. import icons, theme
from ..commands import keys_of
from ..info import ViewInfo
from ..state import ModelInfo, ViewerState
from ..ui import Ui
from .recent import recent_files


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    if state.model is not None:
        _describe(ui, state.model)
    elif state.loading is None:
        ui.text("No model is open", theme.TEXT_DIM)
    if state.loading is not None:
        ui.text(f"Opening {Path(state.loading).name} ...", theme.ACCENT, small=True)
    gap = ui.px(4)
    width = imgui.get_content_region_avail().x - 2 * (imgui.get_frame_height() + gap)
    if ui.button("model.open", "Open model ...", icon=icons.FOLDER, width=width):
        actions.append(act.Browse("model"))
    imgui.same_line(0, gap)
    recent = recent_files(ui, "model.recent", "Recent models", state.preferences.recent_models)
    imgui.same_line(0, gap)
    tip = f"Find every command by its name ({keys_of('palette')})"
    if ui.icon_button("commands", icons.SEARCH, tip):
        actions.append(act.ShowOverlay("palette"))
    return [*actions, act.OpenModel(recent)] if recent is not None else actions


def _describe(ui: Ui, model: ModelInfo) -> None:
    with imgui_ctx.push_font(ui.fonts.bold, 0.0):
        ui.text(model.name)
    details = f"{model.kind}  \u00b7  {model.image_resolution} px"
    if model.has_super_resolution:
        details += f" from {model.neural_resolution} px rays"
    ui.text(details, theme.TEXT_DIM, small=True, wrap=True)
    for note in model.notes:
        ui.text(note, theme.TEXT_DIM, small=True, wrap=True)
