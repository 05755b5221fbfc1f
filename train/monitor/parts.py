"""What the parts of the window share."""

import dearpygui.dearpygui as dpg

from . import theme
from .layout import Rect

Item = int | str


def place_box(box: Item, area: Rect) -> None:
    """Move and resize a child window."""
    dpg.configure_item(
        box, pos=(area.x, area.y), width=round(area.width), height=round(area.height)
    )


def add_tip(item: Item, words: str, look: theme.Look) -> Item:
    """Explain an item while the pointer rests on it; the text. It must follow the item at once."""
    with dpg.tooltip(item) as tip:
        text = dpg.add_text(words, wrap=round(280 * look.scale))
    dpg.bind_item_theme(tip, look.themes.tip)
    return text


def centre_text(text: Item, area: Rect) -> None:
    """Move a text to the middle of its box; its size is known once it was drawn."""
    width, height = dpg.get_item_rect_size(text)
    dpg.set_item_pos(text, ((area.width - width) / 2, (area.height - height) / 2))
