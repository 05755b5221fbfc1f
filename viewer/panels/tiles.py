"""Pictures of codes, in rows: a click goes there, a drag onto another one blends the two."""

from dataclasses import dataclass

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx

from ballgan.view import CodePair

from .. import actions as act
from .. import icons, theme
from ..actions import latents as lat
from ..gallery import CURRENT
from ..info import ViewInfo
from ..state import ViewerState
from ..thumbnail_maker import Portrait
from ..ui import Ui, colour_u32

COLUMNS = 4
GAP = 5.0  # logical pixels between pictures
CORNER = 18.0  # logical pixels, of the buttons in the corners of a picture
CARRIED = 10.0  # logical pixels from the pointer to the picture that it carries
PAYLOAD = "codes"  # what is dragged
NAME = "gallery.name"  # the line in which a favourite is named
NAMED = "gallery.named"  # in `Ui.choices`: the codes of the favourite that is named there
BLEND_TIP = "What shows now. Drag it onto another picture: blend the two."
DRAG_TIP = "Click: go there. Drag onto another picture: blend the two."
KEEP_TIP = " Right-click: keep it as a favourite."


@dataclass(frozen=True)
class Tile:
    """A picture of the gallery: codes, and which of them a click takes."""

    name: str
    which: str
    codes: CodePair
    note: str = ""  # what it is, if not a matter of seeds
    title: str = ""  # that a person gave it

    @property
    def label(self) -> str:
        """What stands for the picture until it is there."""
        if self.note:
            return self.note.replace(" ", "\n")
        seeds = []
        if self.which != "background":
            seeds.append(str(self.codes.foreground.seed))
        if self.which != "foreground":
            seeds.append(str(self.codes.background.seed))
        return "\n".join(seeds)

    @property
    def caption(self) -> str:
        """What it is, in words."""
        if self.title or self.note:
            return self.title or self.note
        if self.which == "both":
            codes = self.codes
            return f"Seeds {codes.foreground.seed} before {codes.background.seed}"
        return f"Seed {self.label}"

    def within(self, codes: CodePair) -> CodePair:
        """Its codes; of what it does not show, those that are given."""
        foreground = codes.foreground if self.which == "background" else self.codes.foreground
        background = codes.background if self.which == "foreground" else self.codes.background
        return CodePair(foreground, background)

    def shows(self, codes: CodePair) -> bool:
        """Whether its codes are the present ones."""
        return Portrait.of(self.which, self.codes) == Portrait.of(self.which, codes)


def draw_tile(
    ui: Ui,
    index: int,
    tile: Tile,
    state: ViewerState,
    info: ViewInfo,
    *,
    favourite: bool = False,
) -> list[act.Action]:
    """One picture: a click goes to its codes, a drag onto another one blends the two."""
    gap = ui.px(GAP)
    side = _tile_side(ui)
    if index % COLUMNS:
        imgui.same_line(0, gap)
    corner = imgui.get_cursor_screen_pos()
    imgui.set_next_item_allow_overlap()
    clicked = imgui.invisible_button(f"##{tile.name}", (side, side))
    ui.record(tile.name)
    hovered = imgui.is_item_hovered()
    if imgui.is_item_visible():
        place = (corner.x, corner.y, side)
        _paint_tile(ui, tile, info, place, hovered=hovered, chosen=tile.shows(state.view.codes))
    actions = _drag_tile(ui, tile, info, side)
    keep = "" if favourite else KEEP_TIP
    ui.tip(BLEND_TIP if tile.name == CURRENT else f"{tile.caption}. {DRAG_TIP}{keep}")
    if favourite:
        actions += _draw_corners(ui, tile, (corner.x, corner.y, side), hovered)
    elif tile.name != CURRENT and hovered and imgui.is_mouse_clicked(imgui.MouseButton_.right):
        actions.append(lat.AddFavourite(tile.within(state.view.codes)))
    if clicked and not actions and tile.name != CURRENT:
        actions.append(lat.GoTo(tile.which, tile.codes))
    return actions


def _tile_side(ui: Ui) -> float:
    """Side of a picture, window coordinates: as many as there are columns fill a line."""
    room = imgui.get_window_width() - 2 * imgui.get_style().window_padding.x
    room -= imgui.get_style().scrollbar_size if imgui.get_scroll_max_y() > 0 else 0.0
    return max((room - (COLUMNS - 1) * ui.px(GAP)) / COLUMNS, 8.0)


def _paint_tile(
    ui: Ui,
    tile: Tile,
    info: ViewInfo,
    place: tuple[float, float, float],
    *,
    hovered: bool = False,
    chosen: bool = False,
    above: bool = False,
) -> None:
    """Paint a picture with its title; above: over everything else."""
    x, y, side = place
    draw = imgui.get_foreground_draw_list() if above else imgui.get_window_draw_list()
    rounding = ui.px(5)
    low, high = (x, y), (x + side, y + side)
    thumbnail = info.thumbnail(tile.which, tile.codes)
    draw.add_rect_filled(low, high, colour_u32(theme.CONTROL), rounding)
    if thumbnail is not None:
        texture = imgui.ImTextureRef(thumbnail.texture)
        white = imgui.get_color_u32((1.0, 1.0, 1.0, 1.0))
        draw.add_image_rounded(texture, low, high, thumbnail.low, thumbnail.high, white, rounding)
    else:
        with imgui_ctx.push_font(None, theme.SMALL_SIZE):
            lines = tile.label.split("\n")
            height = imgui.get_text_line_height()
            top = y + (side - height * len(lines)) / 2
            for row, line in enumerate(lines):
                left = x + (side - imgui.calc_text_size(line).x) / 2
                draw.add_text((left, top + row * height), colour_u32(theme.TEXT_FAINT), line)
    if tile.title:
        _paint_title(ui, draw, tile.title, place)
    if chosen or hovered:
        edge = theme.ACCENT if chosen else theme.TEXT
        draw.add_rect(low, high, colour_u32(edge), rounding, ui.px(2))


def _drag_tile(ui: Ui, tile: Tile, info: ViewInfo, side: float) -> list[act.Action]:
    flags = imgui.DragDropFlags_
    if imgui.begin_drag_drop_source(
        flags.source_no_disable_hover | flags.source_no_preview_tooltip
    ):
        ui.dragged = tile
        imgui.set_drag_drop_payload_py_id(PAYLOAD, 0)
        window, gap = imgui.get_io().display_size, ui.px(CARRIED)
        place = carried_at(imgui.get_mouse_pos(), 0.7 * side, gap, window)
        _paint_tile(ui, tile, info, (*place, 0.7 * side), above=True)
        imgui.end_drag_drop_source()
    actions: list[act.Action] = []
    if imgui.begin_drag_drop_target():
        dropped = imgui.accept_drag_drop_payload_py_id(PAYLOAD) is not None
        start = ui.dragged
        if dropped and isinstance(start, Tile):
            which = start.which if tile.which == "both" else tile.which
            if start.which in ("both", which):
                actions.append(lat.BlendBetween(which, start.codes, tile.codes))
        imgui.end_drag_drop_target()
    return actions


def carried_at(pointer: ImVec2, side: float, gap: float, window: ImVec2) -> tuple[float, float]:
    """The corner of a picture that the pointer carries: beside it, and within the window."""
    x, y = (
        place + gap if place + gap + side <= room else place - gap - side
        for place, room in ((pointer.x, window.x), (pointer.y, window.y))
    )
    return x, y


def _paint_title(
    ui: Ui, draw: imgui.ImDrawList, title: str, place: tuple[float, float, float]
) -> None:
    """A name over the foot of a picture, as much of it as there is room for."""
    x, y, side = place
    pad = ui.px(5)
    with imgui_ctx.push_font(None, 11.0):
        text = shorten_end(ui.printable(title), side - 2 * pad)
        height = imgui.get_text_line_height() + ui.px(4)
        plate = ImVec4(theme.PANEL.x, theme.PANEL.y, theme.PANEL.z, 0.8)
        low, high = (x, y + side - height), (x + side, y + side)
        corners = imgui.ImDrawFlags_.round_bottom
        draw.add_rect_filled(low, high, colour_u32(plate), ui.px(5), corners)
        draw.add_text((x + pad, low[1] + ui.px(1.5)), colour_u32(theme.TEXT), text)


def _draw_corners(
    ui: Ui, tile: Tile, place: tuple[float, float, float], hovered: bool
) -> list[act.Action]:
    """A pencil and a cross over a favourite; they show while the pointer is on the picture."""
    x, y, side = place
    right = (x + side - ui.px(CORNER), y)
    name, tip = f"{tile.name}.rename", "Name this favourite"
    if draw_corner(ui, name, icons.PENCIL, (x, y), tip, lit=hovered):
        ui.choices[NAMED] = tile.codes
        ui.focus = ui.reveal = NAME
    name, tip = f"{tile.name}.remove", "Forget this favourite"
    if draw_corner(ui, name, icons.CLOSE, right, tip, lit=hovered):
        return [lat.RemoveFavourite(tile.codes)]
    return []


def draw_corner(
    ui: Ui, name: str, icon: str, place: tuple[float, float], tip: str, *, lit: bool
) -> bool:
    """A small button over a picture, with its upper left corner at `place`; whether it was clicked.

    lit: it shows; else only while the pointer is on it.
    """
    size, after = ui.px(CORNER), imgui.get_cursor_screen_pos()
    imgui.set_cursor_screen_pos(place)
    clicked = imgui.invisible_button(f"##{name}", (size, size))
    ui.record(name)
    hovered = imgui.is_item_hovered()
    if lit or hovered:
        draw, centre = imgui.get_window_draw_list(), (place[0] + size / 2, place[1] + size / 2)
        draw.add_circle_filled(centre, 0.42 * size, colour_u32(theme.PANEL))
        with imgui_ctx.push_font(None, 10.0):
            extent = imgui.calc_text_size(icon)
            bright = theme.ERROR if icon == icons.CLOSE else theme.ACCENT
            corner = (centre[0] - extent.x / 2, centre[1] - extent.y / 2)
            draw.add_text(corner, colour_u32(bright if hovered else theme.TEXT), icon)
    ui.tip(tip)
    imgui.set_cursor_screen_pos(after)
    return clicked


def shorten_end(text: str, room: float) -> str:
    """`text` with dots at its end if it is wider than `room`, in the present font."""
    if imgui.calc_text_size(text).x <= room:
        return text
    while text and imgui.calc_text_size(f"{text}...").x > room:
        text = text[:-1]
    return f"{text.rstrip()}..."
