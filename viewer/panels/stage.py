"""What lies over the picture: the legend of depths, the divider of a comparison, the inspector."""

from dataclasses import replace

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from ballgan.colormaps import apply_colormap
from ballgan.view import View

from .. import actions as act
from .. import theme
from ..actions import output as out
from ..info import Probe, ViewInfo
from ..layout import Rect
from ..state import ViewerState
from ..ui import Ui, colour_u32
from .notices import BASE_FLAGS, MARGIN
from .output import LAYER_LABELS

LEAST_SIDE = 240.0  # logical pixels of the picture, from which there is room for words in it
LEGEND = (12.0, 150.0)  # logical pixels, width and height of the bar
LEGEND_STEPS = 32
GRIP = 22.0  # logical pixels, the width in which the divider can be taken
PLATE = 0.82  # opacity of what stands under words


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw all of it; what the person did with it."""
    picture = info.layout.picture
    if state.model is None or picture.width < ui.px(LEAST_SIDE):
        return []
    other = state.view.compared()
    actions: list[act.Action] = []
    if other is not None:
        _draw_names(ui, state, other, info)
        actions = _draw_divider(ui, state, picture)
    if state.view.layer == "depth":
        _draw_legend(ui, state.view, state.model.depth_range, picture)
    if other is not None and other.layer == "depth":
        _draw_legend(ui, other, state.model.depth_range, picture, on_right=True)
    if info.probe is not None:
        _draw_probe(ui, info.probe, info.layout.stage)
    return actions


def describe_probe(probe: Probe) -> list[tuple[str, str]]:
    """Names and values of what is known of a pixel."""
    lines = []
    if probe.colour is not None:
        red, green, blue = (round(255 * channel) for channel in probe.colour[:3])
        lines.append(("colour", f"#{red:02x}{green:02x}{blue:02x}   {red} {green} {blue}"))
    if probe.opacity is not None:
        lines.append(("alpha", f"{probe.opacity:.3f}"))
    if probe.opacity is not None or probe.depth is not None:
        lines.append(("depth", "none" if probe.depth is None else f"{probe.depth:.3f}"))
    if probe.point is not None:
        lines.append(("point", "  ".join(f"{value:+.3f}" for value in probe.point)))
    return lines


def _draw_names(ui: Ui, state: ViewerState, other: View, info: ViewInfo) -> None:
    """What stands on which side, beside the divider's top."""
    picture = info.layout.picture
    labels = dict(LAYER_LABELS)
    left, right = labels[state.view.layer], labels[other.layer]
    if state.view.comparison.kind == "codes":
        side = state.view.latents.side
        left, right = side, "B" if side == "A" else "A"
    elif state.view.comparison.kind == "pinned":
        left, right = f"Now, {left.lower()}", f"Pinned, {right.lower()}"
    if info.lags:
        right += ", previous picture"
    x = picture.x + picture.width * state.view.comparison.divider
    y = picture.y + ui.px(MARGIN)
    gap, draw = ui.px(8), imgui.get_background_draw_list()
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        for text, on_left in (left, True), (right, False):
            size = imgui.calc_text_size(text)
            start = x - gap - size.x if on_left else x + gap
            if picture.x <= start and start + size.x <= picture.x + picture.width:
                low = (start - ui.px(6), y - ui.px(3))
                high = (start + size.x + ui.px(6), y + size.y + ui.px(3))
                draw.add_rect_filled(low, high, _plate(), ui.px(5))
                draw.add_text((start, y), colour_u32(theme.TEXT), text)


def _draw_divider(ui: Ui, state: ViewerState, picture: Rect) -> list[act.Action]:
    """A line with a knob that can be dragged."""
    how = state.view.comparison
    x = picture.x + picture.width * how.divider
    width = ui.px(GRIP)
    imgui.set_next_window_pos((x - width / 2, picture.y))
    imgui.set_next_window_size((width, picture.height))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)),
        imgui_ctx.push_style_color(imgui.Col_.window_bg, ImVec4(0, 0, 0, 0)),
        imgui_ctx.begin("##divider", None, BASE_FLAGS),
    ):
        if imgui.is_window_appearing():  # under notices that were there before it
            imgui.internal.bring_window_to_display_back(imgui.internal.get_current_window())
        imgui.invisible_button("##compare.divider", (width, picture.height))
        ui.record("compare.divider")
        held = imgui.is_item_active()
        if held or imgui.is_item_hovered():
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
        ink = theme.ACCENT if held else theme.TEXT
        draw = imgui.get_window_draw_list()
        shadow = colour_u32(ImVec4(0, 0, 0, 0.35))
        ends = (x, picture.y), (x, picture.y + picture.height)
        draw.add_line(*ends, shadow, ui.px(4))
        draw.add_line(*ends, colour_u32(ink), ui.px(1.5))
        middle = picture.y + picture.height / 2
        draw.add_circle_filled((x, middle), ui.px(9), colour_u32(ink))
        for side in -1, 1:
            tip, base = x + side * ui.px(5.5), x + side * ui.px(2)
            top, bottom = middle - ui.px(3.5), middle + ui.px(3.5)
            points = ((tip, middle), (base, bottom), (base, top))
            draw.add_triangle_filled(*points, colour_u32(theme.PANEL))
        if held and imgui.get_io().mouse_delta.x:
            divider = (imgui.get_mouse_pos().x - picture.x) / picture.width
            return [out.SetComparison(replace(how, divider=min(max(divider, 0.0), 1.0)))]
    return []


def _draw_legend(
    ui: Ui, view: View, own: tuple[float, float], picture: Rect, *, on_right: bool = False
) -> None:
    """A bar of the colours with distances beside it."""
    near, far = view.depth.resolve(own)
    width, height = (ui.px(length) for length in LEGEND)
    x, bottom = picture.x + ui.px(MARGIN + 10), picture.y + picture.height - ui.px(MARGIN + 12)
    if on_right:
        x = picture.x + picture.width - ui.px(MARGIN + 52) - width
    top, draw = bottom - height, imgui.get_background_draw_list()
    low, high = (x - ui.px(10), top - ui.px(12)), (x + width + ui.px(52), bottom + ui.px(12))
    draw.add_rect_filled(low, high, _plate(), ui.px(7))
    edges = [apply_colormap_at(1 - i / LEGEND_STEPS, view) for i in range(LEGEND_STEPS + 1)]
    step = height / LEGEND_STEPS
    for i, (above, below) in enumerate(zip(edges, edges[1:], strict=False)):
        corner, end = (x, top + i * step), (x + width, top + (i + 1) * step)
        draw.add_rect_filled_multi_color(corner, end, above, above, below, below)
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        line = imgui.get_text_line_height()
        for share in 0.0, 0.5, 1.0:
            place = (x + width + ui.px(8), top + share * height - line / 2)
            draw.add_text(place, colour_u32(theme.TEXT), f"{near + share * (far - near):.2f}")


def apply_colormap_at(value: float, view: View) -> int:
    """A colour of the view's colormap as draw lists want it."""
    red, green, blue = apply_colormap(np.array(value), view.depth.colormap).tolist()
    return imgui.get_color_u32(ImVec4(red, green, blue, 1.0))


def _draw_probe(ui: Ui, probe: Probe, stage: Rect) -> None:
    """A plate beside the pointer: a swatch, and what is known."""
    lines = describe_probe(probe)
    if not lines:
        return
    draw, pointer = imgui.get_foreground_draw_list(), imgui.get_mouse_pos()
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        line, pad, names = imgui.get_text_line_height() + ui.px(3), ui.px(9), ui.px(48)
        widest = max(imgui.calc_text_size(text).x for _, text in lines)
        swatch = ui.px(22) if probe.colour is not None else 0.0
        width, height = names + widest + swatch + 2 * pad, line * len(lines) + 2 * pad
        x, y = pointer.x + ui.px(16), pointer.y + ui.px(16)
        if x + width > stage.x + stage.width:
            x = pointer.x - ui.px(12) - width
        if y + height > stage.y + stage.height:
            y = pointer.y - ui.px(12) - height
        draw.add_rect_filled((x, y), (x + width, y + height), _plate(0.94), ui.px(7))
        for i, (name, text) in enumerate(lines):
            top = y + pad + i * line
            draw.add_text((x + pad, top), colour_u32(theme.TEXT_DIM), name)
            draw.add_text((x + pad + names, top), colour_u32(theme.TEXT), text)
        if probe.colour is not None:
            red, green, blue, _ = probe.colour
            side = ui.px(14)
            corner = (x + width - pad - side, y + pad)
            end = (corner[0] + side, corner[1] + side)
            ink = imgui.get_color_u32(ImVec4(red, green, blue, 1.0))
            draw.add_rect_filled(corner, end, ink, ui.px(3))


def _plate(opacity: float = PLATE) -> int:
    ground = theme.PANEL
    return colour_u32(ImVec4(ground.x, ground.y, ground.z, opacity))
