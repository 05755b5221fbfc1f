"""Gallery: sides A and B, favourites, and a contact sheet of seeds: pictures to click and drag."""

from imgui_bundle import imgui, imgui_ctx

from ballgan.view import CODES

from .. import actions as act
from .. import icons, theme
from ..actions import latents as lat
from ..commands import keyed, tip_of
from ..gallery import CURRENT, FAVOURITE, THUMBNAILS, codes_of
from ..info import ViewInfo
from ..notes import Favourite
from ..state import Sheet, ViewerState
from ..state.latents import SWEEP
from ..ui import LARGEST_INTEGER, Ui
from .directions import describe
from .jobs import draw_job
from .tiles import NAME, NAMED, Tile, draw_tile, shorten_end

COUNTS = (12, 24, 48, 96)
SIDE_TIP = keyed("codes.side", "Two states of both codes to compare; what is locked stays.")
COPY_TIP = "Make the other side the same as this one"
BLENDED_TIP = "How far it is from the picture that was dragged to the one it was dropped on."


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
    tiles = [Tile(CURRENT, "both", codes, title="Now")]
    tiles += [
        Tile(f"{FAVOURITE}{i}", "both", kept.codes, title=kept.name)
        for i, kept in enumerate(favourites)
    ]
    for index, tile in enumerate(tiles):
        actions += draw_tile(ui, index, tile, state, info, favourite=index > 0)
    actions += _draw_blend(ui, state)
    named = [f for f in favourites if f.codes == ui.choices.get(NAMED)]
    named += [f for f in favourites if f.codes == codes]
    if named:
        actions += _draw_name(ui, named[0])
    if codes not in (favourite.codes for favourite in favourites):
        tip = tip_of("codes.keep")
        if ui.button("gallery.keep", "Keep as favourite", icon=icons.STAR, width=-1, tip=tip):
            actions.append(lat.AddFavourite())
    return actions


def _draw_blend(ui: Ui, state: ViewerState) -> list[act.Action]:
    """The way between two pictures, after one was dragged onto the other."""
    blends = [
        state.view.code(which).blend
        for which in CODES
        if len(state.view.code(which).blend) == 2 and not state.view.latents.of(which).locked
    ]
    if not blends:
        return []
    ui.label("Blend", BLENDED_TIP)
    weight = ui.slider("gallery.blend", blends[0][1][1], 0.0, 1.0, tip=BLENDED_TIP)
    return [lat.SlideBlends(weight)] if weight is not None else []


def _draw_name(ui: Ui, favourite: Favourite) -> list[act.Action]:
    """The line with the name of the favourite that shows, or whose pencil was clicked."""
    ui.label("Name", tip_of("codes.name"))
    name = ui.line(NAME, favourite.name, "Unnamed favourite", whole=True)
    if imgui.is_item_deactivated():
        ui.choices[NAMED] = None
    return [lat.NameFavourite(favourite.codes, name)] if name is not None else []


def _draw_sheet(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Choice of the seeds of a contact sheet, and its pictures."""
    sheet = state.sheet
    imgui.dummy((0, ui.px(4)))
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
        if sheet.directions and not index % len(SWEEP):
            _draw_head(ui, state, sheet, index // len(SWEEP))
        tile = Tile(f"gallery.sheet.{index}", sheet.codes_of, codes_of(sheet, index), note)
        actions += draw_tile(ui, index, tile, state, info)
    return actions


def _draw_head(ui: Ui, state: ViewerState, sheet: Sheet, row: int) -> None:
    """A direction's name over its pictures, and how far they go."""
    reach = f"{SWEEP[0]:+g} to {SWEEP[-1]:+g}"
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        room, width = imgui.get_content_region_avail().x, imgui.calc_text_size(reach).x
        name = shorten_end(_name_direction(state, sheet, row), room - width - ui.px(8))
        start = imgui.get_cursor_pos_x()
        ui.text(name, theme.TEXT_DIM)
        imgui.same_line(start + room - width)
        ui.text(reach, theme.TEXT_FAINT)


def _name_direction(state: ViewerState, sheet: Sheet, row: int) -> str:
    direction = sheet.directions[row]
    return state.notes.name_of(sheet.codes_of, direction) or describe(direction)


def _describe_move(state: ViewerState, sheet: Sheet, index: int) -> str:
    """Direction and amount of a picture, in words."""
    row, column = divmod(index, len(SWEEP))
    return f"{_name_direction(state, sheet, row)} {SWEEP[column]:+g}"


def _draw_choice(ui: Ui, state: ViewerState, sheet: Sheet) -> list[act.Action]:
    which, first, count = sheet.which, sheet.first, sheet.count
    ui.label("Seeds of", "A contact sheet shows neighbouring seeds; all else is as it is now.")
    options = (("foreground", "Foreground"), ("background", "Background"))
    with ui.enabled_if(state.model is not None and state.model.has_background):
        which = ui.segments("gallery.sheet.which", options, which) or which
    ui.label("From seed")
    gap = ui.px(4)
    width = 0.45 * imgui.get_content_region_avail().x
    seed = ui.integer("gallery.sheet.first", first, 0, LARGEST_INTEGER, "%d", width=width)
    imgui.same_line(0, gap)
    counts = [(str(number), str(number)) for number in COUNTS]
    chosen = ui.segments("gallery.sheet.count", counts, str(count))
    changed = lat.SetSheet(which, first if seed is None else seed, int(chosen or count))
    return [changed] if changed != lat.SetSheet(sheet.which, first, count) else []
