"""Gallery: sides A and B, favourites, and a contact sheet of seeds: pictures to click and drag."""

from dataclasses import dataclass

from imgui_bundle import imgui, imgui_ctx

from ballgan.view import CodePair

from .. import actions as act
from .. import icons, theme
from .. import latent_actions as lat
from ..commands import keyed
from ..gallery import CURRENT, FAVOURITE, THUMBNAILS, codes_of
from ..info import ViewInfo
from ..state import Sheet, ViewerState
from ..state.latents import SWEEP
from ..thumbnail_maker import Portrait
from ..ui import Ui, colour_u32
from .directions import describe
from .jobs import draw_job

COLUMNS = 4
GAP = 5.0  # logical pixels between pictures
COUNTS = (12, 24, 48, 96)
LARGEST_SEED = 2**31 - 1
PAYLOAD = "codes"  # what is dragged
SIDE_TIP = keyed("codes.side", "Two states of both codes to compare; what is locked stays.")
COPY_TIP = "Make the other side the same as this one"
DRAG_TIP = "Click: go there. Drag onto another picture: blend the two."
STAR_TIP = "Keep both codes as a favourite of this model"


@dataclass(frozen=True)
class Tile:
    """A picture of the gallery: codes, and which of them a click takes."""

    name: str
    which: str
    codes: CodePair
    note: str = ""  # what it is, if not a matter of seeds

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
        if self.note:
            return self.note
        if self.which == "both":
            codes = self.codes
            return f"Seeds {codes.foreground.seed} before {codes.background.seed}"
        return f"Seed {self.label}"

    def shows(self, codes: CodePair) -> bool:
        """Whether its codes are the present ones."""
        return Portrait.of(self.which, self.codes) == Portrait.of(self.which, codes)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions = _draw_sides(ui, state)
    actions += _draw_favourites(ui, state, info)
    return actions + _draw_sheet(ui, state, info)


def _draw_sides(ui: Ui, state: ViewerState) -> list[act.Action]:
    side = state.view.latents.side
    ui.label("Side", SIDE_TIP)
    gap = ui.px(4)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - gap
    clicked = ui.segments("gallery.side", (("A", "A"), ("B", "B")), side, width=width)
    imgui.same_line(0, gap)
    if ui.icon_button("gallery.side.copy", icons.COPY, COPY_TIP):
        return [lat.CopySide()]
    return [lat.ToggleSide()] if clicked not in (None, side) else []


def _draw_favourites(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The present codes, and those that were kept."""
    actions: list[act.Action] = []
    codes, favourites = state.view.codes, state.notes.favourites
    tiles = [Tile(CURRENT, "both", codes)]
    tiles += [Tile(f"{FAVOURITE}{i}", "both", kept) for i, kept in enumerate(favourites)]
    for index, tile in enumerate(tiles):
        actions += _draw_tile(ui, index, tile, state, info, removable=index > 0)
    kept = codes in favourites
    label = "Is a favourite" if kept else "Keep as favourite"
    if ui.button("gallery.keep", label, icon=icons.STAR, width=-1, enabled=not kept, tip=STAR_TIP):
        actions.append(lat.AddFavourite())
    return actions


def _draw_sheet(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Choice of the seeds of a contact sheet, and its pictures."""
    sheet = state.sheet
    actions: list[act.Action] = _draw_choice(ui, state, sheet)
    job = state.job(THUMBNAILS)
    if job is None:
        label = f"Contact sheet of {sheet.count} seeds"
        if ui.button("gallery.sheet", label, icon=icons.GRID, width=-1):
            actions.append(lat.MakeSheet())
    else:
        actions += draw_job(ui, job, "gallery.sheet.cancel")
    for index in range(len(sheet.codes)):
        note = _describe_move(state, sheet, index) if sheet.directions else ""
        tile = Tile(f"gallery.sheet.{index}", sheet.codes_of, codes_of(sheet, index), note)
        actions += _draw_tile(ui, index, tile, state, info)
    return actions


def _describe_move(state: ViewerState, sheet: Sheet, index: int) -> str:
    """Direction and amount of a picture, in words."""
    row, column = divmod(index, len(SWEEP))
    direction = sheet.directions[row]
    name = state.notes.name_of(sheet.codes_of, direction) or describe(direction)
    return f"{name} {SWEEP[column]:+g}"


def _draw_choice(ui: Ui, state: ViewerState, sheet: Sheet) -> list[act.Action]:
    which, first, count = sheet.which, sheet.first, sheet.count
    ui.label("Seeds of", "A contact sheet shows neighbouring seeds; all else is as it is now.")
    options = (("foreground", "Foreground"), ("background", "Background"))
    with ui.enabled_if(state.model is not None and state.model.has_background):
        which = ui.segments("gallery.sheet.which", options, which) or which
    ui.label("From seed")
    gap = ui.px(4)
    width = 0.45 * imgui.get_content_region_avail().x
    seed = ui.integer("gallery.sheet.first", first, 0, LARGEST_SEED, "%d", width=width)
    imgui.same_line(0, gap)
    counts = [(str(number), str(number)) for number in COUNTS]
    chosen = ui.segments("gallery.sheet.count", counts, str(count))
    changed = lat.SetSheet(which, first if seed is None else seed, int(chosen or count))
    return [changed] if changed != lat.SetSheet(sheet.which, first, count) else []


def _draw_tile(
    ui: Ui,
    index: int,
    tile: Tile,
    state: ViewerState,
    info: ViewInfo,
    *,
    removable: bool = False,
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
    ui.tip(DRAG_TIP if tile.name == CURRENT else f"{tile.caption}. {DRAG_TIP}")
    if removable:
        actions += _draw_remove(ui, tile, (corner.x, corner.y, side), hovered)
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
) -> None:
    x, y, side = place
    draw, rounding = imgui.get_window_draw_list(), ui.px(5)
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
    if chosen or hovered:
        edge = theme.ACCENT if chosen else theme.TEXT
        draw.add_rect(low, high, colour_u32(edge), rounding, ui.px(2))


def _drag_tile(ui: Ui, tile: Tile, info: ViewInfo, side: float) -> list[act.Action]:
    if imgui.begin_drag_drop_source(imgui.DragDropFlags_.source_no_disable_hover):
        ui.dragged = tile
        imgui.set_drag_drop_payload_py_id(PAYLOAD, 0)
        corner = imgui.get_cursor_screen_pos()
        imgui.dummy((0.7 * side, 0.7 * side))
        _paint_tile(ui, tile, info, (corner.x, corner.y, 0.7 * side))
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


def _draw_remove(
    ui: Ui, tile: Tile, place: tuple[float, float, float], hovered: bool
) -> list[act.Action]:
    """A cross in the corner of a favourite; it shows while the pointer is on the picture."""
    x, y, side = place
    after = imgui.get_cursor_screen_pos()
    size = ui.px(18)
    imgui.set_cursor_screen_pos((x + side - size, y))
    clicked = imgui.invisible_button(f"##{tile.name}.remove", (size, size))
    ui.record(f"{tile.name}.remove")
    on_cross = imgui.is_item_hovered()
    if hovered or on_cross:
        draw = imgui.get_window_draw_list()
        centre = (x + side - size / 2, y + size / 2)
        draw.add_circle_filled(centre, 0.42 * size, colour_u32(theme.PANEL))
        with imgui_ctx.push_font(None, 11.0):
            extent = imgui.calc_text_size(icons.CLOSE)
            ink = theme.ERROR if on_cross else theme.TEXT
            corner = (centre[0] - extent.x / 2, centre[1] - extent.y / 2)
            draw.add_text(corner, colour_u32(ink), icons.CLOSE)
    ui.tip("Forget this favourite")
    imgui.set_cursor_screen_pos(after)
    return [lat.RemoveFavourite(tile.codes)] if clicked else []
