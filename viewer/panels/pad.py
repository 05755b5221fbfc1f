"""The latent pad: an endless map of seeds to drag; between seeds their codes are blended."""

import math

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ballgan.view import LATTICE_WIDTH, SEEDS, Code

from .. import theme
from ..ui import Ui, colour_u32

SPACING = 31.0  # logical pixels between neighbouring seeds
CLICK = 4.0  # logical pixels of travel up to which a press is a click
RING = 7.0  # logical pixels, outer radius of the mark of the present place
SNAP = 0.22  # of the spacing, within which a click goes to the seed itself
TIP = "Every dot is a seed. Drag the map to blend neighbouring seeds; click a dot to go to it."


def latent_pad(ui: Ui, name: str, code: Code, width: float, height: float) -> Code | None:
    """Draw the pad in `width` x `height` window coordinates; the new code if it was moved."""
    corner = imgui.get_cursor_screen_pos()
    imgui.invisible_button(f"##{name}", (width, height))
    ui.record(name)
    hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
    spacing = ui.px(SPACING)
    centre = (corner.x + width / 2, corner.y + height / 2)
    _draw_map(ui, corner, (width, height), code, hovered or active)
    if not active:
        ui.tip(TIP)
    return _move(ui, name, code, centre, spacing)


def _move(
    ui: Ui, name: str, code: Code, centre: tuple[float, float], spacing: float
) -> Code | None:
    """The code after this frame's part of a drag, or after a click."""
    delta = imgui.get_io().mouse_delta
    before = ui.travel.get(name, 0.0)
    if imgui.is_item_activated():
        ui.travel[name] = 0.0
    elif imgui.is_item_active():
        ui.travel[name] = before + math.hypot(delta.x, delta.y)
        if ui.travel[name] > ui.px(CLICK) and (delta.x or delta.y):
            if before <= ui.px(CLICK):  # what was held back until it was sure to be a drag
                delta = imgui.get_mouse_drag_delta(0, 0.0)
            return code.at(code.x - delta.x / spacing, code.y - delta.y / spacing)
    elif imgui.is_item_deactivated() and before <= ui.px(CLICK):
        mouse = imgui.get_io().mouse_pos
        x = code.x + (mouse.x - centre[0]) / spacing
        y = code.y + (mouse.y - centre[1]) / spacing
        if math.hypot(x - round(x), y - round(y)) < SNAP:
            x, y = float(round(x)), float(round(y))
        return code.at(x, y)
    return None


def _draw_map(ui: Ui, corner: ImVec2, size: tuple[float, float], code: Code, lit: bool) -> None:
    width, height = size
    spacing, centre = ui.px(SPACING), (corner.x + width / 2, corner.y + height / 2)
    draw = imgui.get_window_draw_list()
    end = (corner.x + width, corner.y + height)
    rounding = ui.px(6)
    draw.add_rect_filled(corner, end, colour_u32(theme.STAGE), rounding)
    draw.push_clip_rect(corner, end, True)
    columns = _range(code.x, width / 2 / spacing)
    rows = _range(code.y, height / 2 / spacing)
    for i in columns:
        x = centre[0] + (i - code.x) * spacing
        draw.add_line((x, corner.y), (x, end[1]), colour_u32(theme.RAISED), ui.px(1))
    for j in rows:
        y = centre[1] + (j - code.y) * spacing
        draw.add_line((corner.x, y), (end[0], y), colour_u32(theme.RAISED), ui.px(1))
    with imgui_ctx.push_font(None, 9.5):
        for i in columns:
            for j in rows:
                place = (centre[0] + (i - code.x) * spacing, centre[1] + (j - code.y) * spacing)
                seed = (i + LATTICE_WIDTH * j) % SEEDS
                nearest = (i, j) == (round(code.x), round(code.y))
                _draw_seed(ui, place, seed, (corner.x, end[0]), nearest=nearest)
    ring = theme.ACCENT_HOVERED if lit else theme.ACCENT
    draw.add_circle(centre, ui.px(RING - 1), colour_u32(ring), 0, ui.px(2))
    draw.add_circle_filled(centre, ui.px(2), colour_u32(ring))
    draw.pop_clip_rect()
    border = theme.CONTROL_ACTIVE if lit else theme.LINE
    draw.add_rect(corner, end, colour_u32(border), rounding, ui.px(1))


def _draw_seed(
    ui: Ui,
    place: tuple[float, float],
    seed: int,
    sides: tuple[float, float],
    *,
    nearest: bool,
) -> None:
    """A dot with its seed, if that is whole between the pad's sides; where seeds are too long to
    stand side by side, only the nearest's."""
    draw = imgui.get_window_draw_list()
    draw.add_circle_filled(place, ui.px(2.5), colour_u32(theme.TEXT_FAINT))
    text = str(seed)
    width = imgui.calc_text_size(text).x
    left = place[0] - width / 2
    whole = sides[0] < left and left + width < sides[1]
    if (width < ui.px(SPACING - 3) and whole) or nearest:
        draw.add_text((left, place[1] + ui.px(RING)), colour_u32(theme.TEXT_DIM), text)


def _range(middle: float, reach: float) -> range:
    return range(math.floor(middle - reach) - 1, math.ceil(middle + reach) + 2)
