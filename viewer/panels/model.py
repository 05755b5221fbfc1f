"""Model: what is open, and opening another."""

from pathlib import Path

from imgui_bundle import imgui, imgui_ctx

from .. import actions as act
from .. import icons, theme
from ..commands import keyed, keys_of, tip_of
from ..info import ViewInfo
from ..state import Following, ModelInfo, ViewerState
from ..ui import Ui
from .recent import recent_files

OPEN_TIP = keyed("file.open", "A checkpoint of BallGAN, EG3D or StyleNeRF, or drop one here.")


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    if len(state.models) > 1:
        actions += _draw_list(ui, state)
    if state.model is not None:
        _describe(ui, state.model, named=len(state.models) < 2)
    elif state.loading is None:
        actions += _offer_bundled(ui)
    if state.loading is not None:
        ui.text(f"Opening {Path(state.loading).name} ...", theme.ACCENT, small=True, wrap=True)
    if state.following is not None:
        actions += _draw_run(ui, state.following)
    gap = ui.px(4)
    width = imgui.get_content_region_avail().x - 2 * (imgui.get_frame_height() + gap)
    if ui.button("model.open", "Open model ...", icon=icons.FOLDER, width=width, tip=OPEN_TIP):
        actions.append(act.Browse("model"))
    imgui.same_line(0, gap)
    recent = recent_files(ui, "model.recent", "Recent models", state.preferences.recent_models)
    imgui.same_line(0, gap)
    tip = f"Find every command by its name ({keys_of('palette')})"
    if ui.icon_button("commands", icons.SEARCH, tip):
        actions.append(act.ShowOverlay("palette"))
    return [*actions, act.OpenModel(recent)] if recent is not None else actions


def _offer_bundled(ui: Ui) -> list[act.Action]:
    """What to do without a model."""
    ui.text("No model is open", theme.TEXT_DIM)
    tip = tip_of("model.bundled")
    if ui.button("model.bundled", "Open the bundled model", icon=icons.CUBE, width=-1, tip=tip):
        return [act.OpenModel("", bundled=True)]
    return []


def _draw_list(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The open models: a click shows one, a cross closes it."""
    actions: list[act.Action] = []
    gap, side = ui.px(4), imgui.get_frame_height()
    for index, model in enumerate(state.models):
        shown = model is state.model
        width = imgui.get_content_region_avail().x - side - gap
        with (
            imgui_ctx.push_id(str(index)),
            imgui_ctx.push_font(ui.fonts.bold if shown else None, 0.0),
        ):
            kind = "selected" if shown else "quiet"
            if ui.button(f"models.{index}", model.name, kind=kind, width=width):
                actions.append(act.ShowModel(model.path))
        ui.tip(f"{keys_of('model.next')} shows the next one. {model.path}")
        imgui.same_line(0, gap)
        if ui.icon_button(
            f"models.{index}.close",
            icons.CLOSE,
            f"Close this model; {keys_of('edit.undo')} opens it again",
        ):
            actions.append(act.CloseModel(model.path))
    return actions


def _draw_run(ui: Ui, run: Following) -> list[act.Action]:
    """Which run is followed, and a cross to stop that."""
    text, colour = f"Following {run.name}", theme.ACCENT
    if run.lost:
        text, colour = f"{run.name} cannot be read", theme.WARNING
    elif not run.model:
        text = f"Waiting for a model of {run.name}"
    side = imgui.get_frame_height()
    cross = imgui.get_content_region_avail().x + imgui.get_cursor_pos_x() - side
    imgui.align_text_to_frame_padding()
    with imgui_ctx.push_text_wrap_pos(cross - ui.px(4)):
        ui.text(text, colour, small=True)
    ui.tip(f"{run.folder}: its newest model opens by itself; codes and camera stay.")
    imgui.same_line(cross)
    if ui.icon_button("run.stop", icons.CLOSE, tip_of("run.stop")):
        return [act.StopFollowing()]
    return []


def _describe(ui: Ui, model: ModelInfo, *, named: bool) -> None:
    if named:
        with imgui_ctx.push_font(ui.fonts.bold, 0.0):
            ui.text(model.name, wrap=True)
        ui.tip(model.path)
    details = f"{model.kind}  \u00b7  {model.image_resolution} px"
    if model.has_super_resolution:
        details += f" from {model.neural_resolution} px rays"
    ui.text(details, theme.TEXT_DIM, small=True, wrap=True)
    for note in model.notes:
        ui.text(note, theme.TEXT_DIM, small=True, wrap=True)
