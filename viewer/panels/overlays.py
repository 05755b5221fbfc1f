"""What lies over the window while it is asked for: the command palette, and the list of keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from imgui_bundle import ImVec2, imgui, imgui_ctx

from .. import actions as act
from .. import theme
from ..commands import COMMANDS, GESTURES, Command, keys_of, present_rows
from ..info import ViewInfo
from ..layout import Rect
from ..search import search
from ..state import ViewerState
from ..ui import Ui

Rows = list[tuple[str, str]]  # keys, and what they do
Groups = list[tuple[str, Rows]]
PALETTE_WIDTH, KEYS_WIDTH = 560.0, 860.0  # logical pixels
ROWS = 10  # of the palette, where there is room
PALETTE_SHARE = 0.84  # of the window's height, at most
ROW_HEIGHT = 28.0


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """Draw the overlay that the state names; nothing if it names none."""
    if state.overlay == "palette":
        return _draw_palette(ui, state, info)
    if state.overlay == "keys":
        return _draw_keys(ui, info)
    return []


@contextmanager
def _sheet(ui: Ui, name: str, info: ViewInfo, width: float, top: float) -> Iterator[None]:
    """A raised window in the middle of the whole, over everything else."""
    area = whole(info)
    width = min(ui.px(width), area.width - ui.px(24))
    imgui.set_next_window_pos((area.width / 2, area.height * top), imgui.Cond_.always, (0.5, 0.0))
    imgui.set_next_window_size_constraints(
        (width, 0), (width, max(area.height * (0.96 - top), ui.px(40)))
    )
    flags = imgui.WindowFlags_.no_title_bar | imgui.WindowFlags_.no_resize
    flags |= imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
    flags |= imgui.WindowFlags_.always_auto_resize
    padding = ImVec2(ui.px(14), ui.px(14))
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, ui.px(10)),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, ui.px(1)),
        imgui_ctx.push_style_color(imgui.Col_.window_bg, theme.RAISED),
        imgui_ctx.begin(name, None, flags),
    ):
        if imgui.is_window_appearing():
            imgui.set_window_focus()
        yield


def whole(info: ViewInfo) -> Rect:
    """The whole window."""
    status = info.layout.status
    return Rect(0, 0, status.width, status.y + status.height)


def _dismissed() -> bool:
    """Whether the person clicked beside the window that is being drawn, or pressed Escape."""
    beside = imgui.is_mouse_clicked(0) and not imgui.is_window_hovered(
        imgui.HoveredFlags_.root_and_child_windows
        | imgui.HoveredFlags_.allow_when_blocked_by_active_item
    )
    return imgui.is_key_pressed(imgui.Key.escape) or (beside and not imgui.is_window_appearing())


def _draw_palette(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    found = search(state.palette.query, present_rows(state))
    choice = min(state.palette.choice, max(len(found) - 1, 0))
    with _sheet(ui, "##palette", info, PALETTE_WIDTH, 0.12):
        if imgui.is_window_appearing():
            ui.focus = "palette.query"
        query = ui.line("palette.query", state.palette.query, "Type what you want to do")
        imgui.dummy((0, ui.px(2)))
        shown = count_rows(ui, whole(info).height)
        first = max(0, min(choice - shown // 2, len(found) - shown))
        actions: list[act.Action] = []
        for index, row in enumerate(found[first : first + shown], start=first):
            if _draw_row(ui, row, state, chosen=index == choice):
                actions = _choose(row, state)
        if not found:
            ui.text("Nothing is called that.", theme.TEXT_DIM)
        if _dismissed():  # Escape also takes back what was typed: that comes too late
            return [act.ShowOverlay("")]
        if query is not None:
            return [act.SearchCommands(query)]
        if actions:
            return actions
        if imgui.is_key_pressed(imgui.Key.down_arrow) and found:
            return [act.SearchCommands(state.palette.query, (choice + 1) % len(found))]
        if imgui.is_key_pressed(imgui.Key.up_arrow) and found:
            return [act.SearchCommands(state.palette.query, (choice - 1) % len(found))]
        wheel = imgui.get_io().mouse_wheel if imgui.is_window_hovered() else 0.0
        if wheel and found:
            place = min(max(choice - round(wheel), 0), len(found) - 1)
            return [act.SearchCommands(state.palette.query, place)]
        if imgui.is_key_pressed(imgui.Key.enter) and found:
            return _choose(found[choice], state)
        return []


def count_rows(ui: Ui, height: float) -> int:
    """How many rows of the palette a window of this height has room for."""
    room = PALETTE_SHARE * height - ui.px(76)
    return min(max(int(room / ui.px(ROW_HEIGHT + 6)), 1), ROWS)


def _choose(row: Command, state: ViewerState) -> list[act.Action]:
    if not row.enabled(state):
        return []
    return [act.ShowOverlay(""), act.EndStroke(), *row.actions(state)]


def _draw_row(ui: Ui, row: Command, state: ViewerState, *, chosen: bool) -> bool:
    """A line of the palette: what it does, to what it belongs, its keys; whether it was clicked."""
    start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    height, enabled = ui.px(ROW_HEIGHT), row.enabled(state)
    clicked = imgui.invisible_button(f"##{row.name}", (width, height))
    ui.record(f"palette.{row.name}", enabled=enabled)
    draw = imgui.get_window_draw_list()
    if chosen or imgui.is_item_hovered():
        end = (start.x + width, start.y + height)
        fill = theme.ACCENT_SOFT if chosen else theme.CONTROL
        draw.add_rect_filled(start, end, imgui.get_color_u32(fill), ui.px(5))
    with imgui_ctx.push_font(None, theme.SMALL_SIZE):
        keys = "   ".join(str(keys) for keys in row.keys)
        x = start.x + width - ui.px(10)
        top = start.y + (height - imgui.get_text_line_height()) / 2
        for text, colour, room in (
            (keys, theme.TEXT_DIM, ui.px(110)),
            (row.group, theme.TEXT_FAINT, 0.0),
        ):
            left = x - imgui.calc_text_size(text).x
            draw.add_text((left, top), imgui.get_color_u32(colour), text)
            x -= room
    baseline = start.y + (height - imgui.get_text_line_height()) / 2
    ink = imgui.get_color_u32(theme.TEXT if enabled else theme.TEXT_FAINT)
    draw.push_clip_rect(start, (left - ui.px(8), start.y + height), True)  # names can be long
    draw.add_text((start.x + ui.px(10), baseline), ink, ui.printable(row.title))
    draw.pop_clip_rect()
    ui.tip(row.tip)
    return clicked and enabled


def _draw_keys(ui: Ui, info: ViewInfo) -> list[act.Action]:
    """All keys by group, in as many columns as there is room for."""
    groups: Groups = [("Mouse", [(gesture.name, gesture.title) for gesture in GESTURES])]
    for name, commands in groupby(COMMANDS, key=lambda row: row.group):
        keyed = [(_write_keys(c), c.title) for c in commands if c.keys]
        if keyed:
            groups.append((name, keyed))
    with _sheet(ui, "##keys", info, KEYS_WIDTH, 0.08):
        with imgui_ctx.push_font(ui.fonts.bold, theme.FONT_SIZE):
            ui.text("Keys and mouse")
        imgui.same_line()
        ui.text(f"{keys_of('palette')} finds everything by its name.", theme.TEXT_DIM)
        columns = 3 if imgui.get_content_region_avail().x >= ui.px(640) else 2
        height = _height(ui, groups, columns)
        for column, chosen in enumerate(balance(groups, columns)):
            if column:
                imgui.same_line()
            size = ImVec2(imgui.get_window_width() / columns - ui.px(14), height)
            flags = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
            with imgui_ctx.begin_child(f"##column{column}", size, window_flags=flags):
                for name, rows in chosen:
                    _draw_group(ui, name, rows)
        return [act.ShowOverlay("")] if _dismissed() else []


def _write_keys(row: Command) -> str:
    """All keys of a command, or the first where they are too long for the column."""
    keys = [str(key) for key in row.keys]
    return " or ".join(keys) if sum(map(len, keys)) <= 12 else keys[0]


def balance(groups: Groups, columns: int) -> list[Groups]:
    """The groups in order, in columns of similar height."""
    sizes = [len(rows) + 2 for _, rows in groups]
    goal, filled = sum(sizes) / columns, 0.0
    result: list[Groups] = [[] for _ in range(columns)]
    for group, size in zip(groups, sizes, strict=True):
        middle = filled + size / 2
        result[min(int(middle / goal), columns - 1)].append(group)
        filled += size
    return result


def _height(ui: Ui, groups: Groups, columns: int) -> float:
    tallest = max(sum(len(rows) + 1.6 for _, rows in column) for column in balance(groups, columns))
    return tallest * ui.px(19.2)


def _draw_group(ui: Ui, name: str, rows: Rows) -> None:
    imgui.dummy((0, ui.px(4)))
    with imgui_ctx.push_font(ui.fonts.bold, 12.5):
        ui.text(name.upper(), theme.TEXT_DIM)
    for keys, title in rows:
        with imgui_ctx.push_font(None, theme.SMALL_SIZE):
            ui.text(keys, theme.ACCENT)
            imgui.same_line(ui.px(104))
            ui.text(title)
