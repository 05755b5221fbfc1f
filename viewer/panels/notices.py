"""Notices in the corner of the stage, and what an empty stage says."""

from imgui_bundle import ImVec2, imgui, imgui_ctx

from .. import actions as act
from .. import icons, theme
from ..commands import keys_of
from ..info import ViewInfo
from ..state import Notice, ViewerState
from ..ui import Ui, colour_u32
from .tiles import shorten_end

WIDTH = 400.0  # logical pixels
MARGIN = 14.0
BASE_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_nav
    | imgui.WindowFlags_.no_focus_on_appearing
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw all notices, the newest at the bottom; Dismiss for those that were clicked away."""
    actions: list[act.Action] = []
    top = ui.px(MARGIN)
    width = min(ui.px(WIDTH), info.layout.stage.width - 2 * ui.px(MARGIN))
    if width < ui.px(120):
        return []
    for notice in state.notices:
        imgui.set_next_window_pos((ui.px(MARGIN), top))
        imgui.set_next_window_size((width, 0))
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, ui.px(8)),
            imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(ui.px(14), ui.px(11))),
            imgui_ctx.push_style_color(imgui.Col_.window_bg, theme.RAISED),
            imgui_ctx.begin(f"##notice{notice.number}", None, BASE_FLAGS),
        ):
            if _draw_notice(ui, notice):
                actions.append(act.Dismiss(notice.number))
            top += imgui.get_window_height() + ui.px(8)
    return actions


def _draw_notice(ui: Ui, notice: Notice) -> bool:
    """Draw one; whether it was clicked away."""
    is_error = notice.level == "error"
    colour = theme.ERROR if is_error else theme.ACCENT
    corner = imgui.get_window_pos()
    height = imgui.get_window_height()
    imgui.get_window_draw_list().add_rect_filled(
        (corner.x, corner.y + ui.px(8)),
        (corner.x + ui.px(3), corner.y + height - ui.px(8)),
        colour_u32(colour),
        ui.px(2),
    )
    right = imgui.get_window_width() - ui.px(40)
    ui.text(icons.ERROR if is_error else icons.INFO, colour)
    imgui.same_line(0, ui.px(10))
    with imgui_ctx.push_text_wrap_pos(right):
        ui.text(notice.text)
    imgui.same_line()
    imgui.set_cursor_pos((imgui.get_window_width() - ui.px(34), ui.px(7)))
    return ui.button(f"dismiss.{notice.number}", "", icon=icons.CLOSE, kind="quiet")


def draw_empty(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """What the stage says when there is nothing to show."""
    if state.model is not None and (info.quality or info.surface or info.surface_failed):
        return []
    if state.loading or state.recognising or state.restoring:
        lines = [("Opening the model ...", theme.TEXT_DIM)]
    elif state.model is not None:
        lines = [("Rendering ...", theme.TEXT_DIM)]
    elif state.following is not None:
        lines = [
            ("Waiting for the first model", theme.TEXT),
            (f"of {state.following.name}", theme.TEXT_DIM),
        ]
    else:
        lines = [
            ("Drop a model here", theme.TEXT),
            ("BallGAN, EG3D or StyleNeRF model: .pkl or .safetensors", theme.TEXT_DIM),
            (f"{keys_of('file.open')} opens one, too", theme.TEXT_FAINT),
        ]
    stage = info.layout.stage
    draw_list = imgui.get_background_draw_list()
    y = stage.y + stage.height / 2 - ui.px(14)
    for index, (line, colour) in enumerate(lines):
        text = ui.printable(line)
        with imgui_ctx.push_font(ui.fonts.bold if index == 0 else None, 18.0 if index == 0 else 0):
            text = shorten_end(text, stage.width - 2 * ui.px(MARGIN))
            size = imgui.calc_text_size(text)
            place = (stage.x + (stage.width - size.x) / 2, y)
            draw_list.add_text(place, colour_u32(colour), text)
            y += size.y + ui.px(8)
    return []
