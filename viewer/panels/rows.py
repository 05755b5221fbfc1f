"""A choice of rows of ws: a strip of cells to click or to drag over, and the usual ranges."""

from imgui_bundle import imgui, imgui_ctx

from .. import theme
from ..layout import Rect
from ..ui import Ui, colour_u32

GAP = 2.0  # logical pixels between cells
Rows = tuple[int, ...]


def ranges_of(count: int) -> dict[str, Rows]:
    """The usual ranges of `count` rows: thirds, from form to detail."""
    first, second = round(count / 3), round(2 * count / 3)
    bounds = {"coarse": (0, first), "middle": (first, second), "fine": (second, count)}
    return {name: tuple(range(*ends)) for name, ends in bounds.items()}


def draw_rows(ui: Ui, name: str, rows: Rows, count: int, *, none: str) -> Rows | None:
    """The strip for `count` rows and buttons below; the new rows if they were changed.

    none: what no rows are called; rows are "all" where that is the same.
    """
    everything = tuple(range(count))
    choices = ranges_of(count) | {"all": everything}
    if none != "All":
        choices = {"none": (), **choices}
    changed = _draw_strip(ui, name, rows, count)
    shown = tuple(row for row in rows if row < count)
    current = next((key for key, value in choices.items() if value == shown), "")
    clicked = ui.segments(name, [(key, key.capitalize()) for key in choices], current)
    return choices[clicked] if clicked is not None else changed


def format_rows(rows: Rows) -> str:
    """Write (0, 1, 2, 5) as "0-2, 5"."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return ", ".join(f"{run[0]}\u2013{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _draw_strip(ui: Ui, name: str, rows: Rows, count: int) -> Rows | None:
    start, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    height, gap = ui.px(20), ui.px(GAP)
    cell = (width - gap * (count - 1)) / count
    imgui.invisible_button(f"##{name}.strip", (width, height))
    ui.record(f"{name}.strip")
    hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
    under = int((imgui.get_io().mouse_pos.x - start.x) / (cell + gap))
    under = min(max(under, 0), count - 1)
    draw = imgui.get_window_draw_list()
    with imgui_ctx.push_font(None, 10.0):
        for row in range(count):
            left = start.x + row * (cell + gap)
            ui.record_at(f"{name}.{row}", Rect(left, start.y, cell, height))
            chosen = row in rows
            fill = theme.ACCENT_SOFT if chosen else theme.CONTROL
            if hovered and row == under and not chosen:
                fill = theme.CONTROL_HOVERED
            draw.add_rect_filled(
                (left, start.y), (left + cell, start.y + height), colour_u32(fill), ui.px(3)
            )
            size = imgui.calc_text_size(str(row))
            if size.x < cell:
                ink = colour_u32(theme.ACCENT if chosen else theme.TEXT_DIM)
                place = (left + (cell - size.x) / 2, start.y + (height - size.y) / 2)
                draw.add_text(place, ink, str(row))
    if not active:
        ui.tip("Click rows, or drag over them, to choose them or not.")
    return _paint(ui, name, rows, under) if active else None


def _paint(ui: Ui, name: str, rows: Rows, under: int) -> Rows | None:
    """What a press or a drag does: all rows it passes become as the first one."""
    if imgui.is_item_activated():
        ui.travel[name] = float(under not in rows)
    choose = bool(ui.travel.get(name))
    if choose == (under in rows):
        return None
    return tuple(sorted({*rows, under} if choose else set(rows) - {under}))
