"""The top of the window: the run, its state, its models; below, the numbers that matter."""

from collections.abc import Callable
from pathlib import Path

import dearpygui.dearpygui as dpg

from . import palette, theme
from .headline import NONE, Tile, describe_state, describe_tiles, find_total
from .layout import Rect
from .parts import Item, add_tip, place_box
from .watcher import Snapshot

NEWEST = "Newest model"
BUTTON_WIDTH, CHOICE_WIDTH = 140, 190  # logical pixels
NO_MODEL = "The run has saved no model yet"


class Head:
    """The run's name and state at the left, the models at the right."""

    def __init__(
        self,
        parent: Item,
        look: theme.Look,
        open_model: Callable[[Path], None],
    ) -> None:
        self._scale, self._open_model = look.scale, open_model
        self._models: dict[str, Path] = {}
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            self._lamp = self._build_lamp()
            self._name = dpg.add_text("", pos=(24 * look.scale, 0))
            self._state = dpg.add_text(
                "", pos=(24 * look.scale, 27 * look.scale), color=palette.TEXT_DIM
            )
            self._choice = dpg.add_combo([], width=round(CHOICE_WIDTH * look.scale))
            with dpg.group() as self._corner:
                self._button = dpg.add_button(
                    label="Open in viewer",
                    width=round(BUTTON_WIDTH * look.scale),
                    callback=self._open_chosen,
                )
                self._tip = add_tip(self._button, NO_MODEL, look)
        dpg.bind_item_theme(self.box, look.themes.bare)
        dpg.bind_item_theme(self._name, look.themes.text)
        dpg.bind_item_theme(self._state, look.themes.text)
        dpg.bind_item_theme(self._button, look.themes.primary)
        dpg.bind_item_font(self._name, look.fonts.large)
        dpg.bind_item_font(self._state, look.fonts.small)
        dpg.bind_item_font(self._button, look.fonts.bold)

    def _build_lamp(self) -> Item:
        size = round(20 * self._scale)
        with dpg.drawlist(size, round(30 * self._scale), pos=(0, 0)):
            centre = (7 * self._scale, 14 * self._scale)
            return dpg.draw_circle(
                centre, 5.5 * self._scale, fill=palette.TEXT_FAINT, color=palette.CLEAR
            )

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        top = 6 * self._scale
        right = area.width - BUTTON_WIDTH * self._scale
        dpg.set_item_pos(self._corner, (right, top))
        dpg.set_item_pos(self._choice, (right - (CHOICE_WIDTH + 8) * self._scale, top))

    def show(self, snapshot: Snapshot, now: float) -> None:
        """Write down the state of the run at `now` (unix seconds)."""
        dpg.configure_item(self._lamp, fill=palette.STATES[snapshot.state])
        dpg.set_value(self._name, snapshot.folder.resolve().name)
        dpg.set_value(self._state, describe_state(snapshot, now))
        newest_first = [model.path for model in reversed(snapshot.models)]
        self._models = {path.name: path for path in newest_first}
        if newest_first:
            self._models = {NEWEST: newest_first[0], **self._models}
        names = list(self._models)
        if dpg.get_value(self._choice) not in self._models:
            dpg.set_value(self._choice, names[0] if names else "No model yet")
        dpg.configure_item(self._choice, items=names, enabled=bool(names))
        dpg.configure_item(self._button, enabled=bool(names))
        chosen = self._models.get(dpg.get_value(self._choice))
        dpg.set_value(self._tip, NO_MODEL if chosen is None else f"ballgan-viewer {chosen.name}")

    def _open_chosen(self) -> None:
        chosen = self._models.get(dpg.get_value(self._choice))
        if chosen is not None:
            self._open_model(chosen)


class Tiles:
    """The numbers, each on a card; the first with the run's progress as a line."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._scale = look.scale
        self._cards = [Card(parent, look) for _ in describe_tiles(Snapshot(Path()))]

    def place(self, areas: tuple[Rect, ...]) -> None:
        """Move and resize."""
        for card, area in zip(self._cards, areas, strict=True):
            card.place(area)

    def show(self, snapshot: Snapshot) -> None:
        """Write down the numbers."""
        for card, tile in zip(self._cards, describe_tiles(snapshot), strict=True):
            card.show(tile)
        total = find_total(snapshot)
        self._cards[0].show_progress((snapshot.kimg or 0.0) / total if total else None)


class Card:
    """One tile."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._scale = look.scale
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            with dpg.drawlist(1, 1) as self._list:
                self._track, self._bar = (
                    dpg.draw_rectangle((0, 0), (0, 0), color=palette.CLEAR, fill=colour)
                    for colour in (palette.CONTROL, palette.ACCENT)
                )
            left = 14 * look.scale
            self._name = dpg.add_text("", pos=(left, 8 * look.scale), color=palette.TEXT_DIM)
            self._value = dpg.add_text("", pos=(left, 24 * look.scale))
            self._detail = dpg.add_text("", pos=(left, 51 * look.scale), color=palette.TEXT_DIM)
        dpg.bind_item_theme(self.box, look.themes.tile)
        dpg.bind_item_font(self._name, look.fonts.small)
        dpg.bind_item_font(self._value, look.fonts.large)
        dpg.bind_item_font(self._detail, look.fonts.small)
        self._area = Rect(0, 0, 0, 0)
        self._fraction: float | None = None

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        dpg.configure_item(self._list, width=round(area.width), height=round(area.height))
        self._area = area
        self.show_progress(self._fraction)

    def show(self, tile: Tile) -> None:
        """Write down the number."""
        colour = palette.MOODS["none" if tile.value == NONE else tile.mood]
        dpg.set_value(self._name, tile.name)
        dpg.set_value(self._value, tile.value)
        dpg.configure_item(self._value, color=colour)
        dpg.set_value(self._detail, tile.detail)
        warns = tile.mood == "warning"
        dpg.configure_item(self._detail, color=palette.WARNING if warns else palette.TEXT_DIM)

    def show_progress(self, fraction: float | None) -> None:
        """Draw the line at the bottom; None: no line."""
        self._fraction = fraction
        inset, bottom = 7 * self._scale, self._area.height
        length = self._area.width - 2 * inset
        for bar, part in ((self._track, 1.0), (self._bar, min(max(fraction or 0.0, 0.0), 1.0))):
            dpg.configure_item(
                bar,
                pmin=(inset, bottom - 3 * self._scale),
                pmax=(inset + part * length, bottom),
                show=fraction is not None,
            )
