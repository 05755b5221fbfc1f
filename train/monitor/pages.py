"""The right side of the window: all curves, any one scalar, the configuration."""

from collections.abc import Mapping

import dearpygui.dearpygui as dpg

from . import palette, theme
from .charts import Chart
from .curves import PANELS, Curve, Panel
from .layout import BAR_HEIGHT, GAP, Rect, arrange_grid
from .parts import Item, centre_text, place_box
from .watcher import Snapshot

PAGES = ("Curves", "Any scalar", "Configuration")
BUTTON_WIDTH = 124  # logical pixels


class Pages:
    """The pages and the buttons that choose one."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._look, self._scale = look, look.scale
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            with dpg.group(horizontal=True, horizontal_spacing=6 * look.scale):
                self._buttons = {
                    page: dpg.add_button(
                        label=page,
                        width=round(BUTTON_WIDTH * look.scale),
                        height=round(BAR_HEIGHT * look.scale),
                        user_data=page,
                        callback=lambda _, __, name: self.choose(name),
                    )
                    for page in PAGES
                }
            self.curves = CurvesPage(self.box, look)
            self.scalar = ScalarPage(self.box, look)
            self.config = ConfigPage(self.box, look)
        pages = (self.curves, self.scalar, self.config)
        self._pages: dict[str, CurvesPage | ScalarPage | ConfigPage] = dict(
            zip(PAGES, pages, strict=True)
        )
        dpg.bind_item_theme(self.box, look.themes.bare)
        self.choose(PAGES[0])

    def choose(self, name: str) -> None:
        """Show a page."""
        self.chosen = name
        for page, button in self._buttons.items():
            dpg.bind_item_theme(button, self._look.themes.chosen if page == name else 0)
            dpg.configure_item(self._pages[page].box, show=page == name)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        top = (BAR_HEIGHT + GAP / 2) * self._scale
        for page in self._pages.values():
            page.place(Rect(0, top, area.width, area.height - top))

    def show(self, snapshot: Snapshot) -> None:
        """Bring all pages up to date."""
        for page in self._pages.values():
            page.show(snapshot)

    def step(self) -> None:
        """What is to be done before every frame."""
        for chart in self.charts:
            chart.step()
        self.curves.step()

    @property
    def typing(self) -> bool:
        """Whether the keys belong to a text field."""
        return dpg.is_item_focused(self.config.filter)

    @property
    def charts(self) -> list[Chart]:
        """The charts of the page that is shown."""
        page = self._pages[self.chosen]
        return [] if isinstance(page, ConfigPage) else page.charts


class CurvesPage:
    """The panels, in two columns."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._scale = look.scale
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            self._message = dpg.add_text("", color=palette.TEXT_DIM)
            self.charts = [Chart(panel, self.box, look) for panel in PANELS]
        self._area = Rect(0, 0, 1, 1)
        dpg.bind_item_theme(self.box, look.themes.bare)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        self._area = area
        cells = arrange_grid(area.width, area.height, len(self.charts), GAP * self._scale)
        for chart, cell in zip(self.charts, cells, strict=True):
            chart.place(cell)

    def show(self, snapshot: Snapshot) -> None:
        """Draw what there is; before there is anything, say so."""
        if snapshot.curves:
            text = ""
        elif snapshot.loaded:
            text = (
                "Nothing is logged yet\n\n"
                "This window follows the folder and fills by itself when the run\n"
                "writes its first line; leave it open or come back later."
            )
        else:
            text = "Reading the log ..."
        dpg.set_value(self._message, text)
        for chart in self.charts:
            dpg.configure_item(chart.box, show=bool(snapshot.curves))
            chart.show(snapshot.curves)

    def step(self) -> None:
        """What is to be done before every frame."""
        centre_text(self._message, self._area)


class ScalarPage:
    """One chart of any scalar that the run logs."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._look, self._scale = look, look.scale
        self._curves: Mapping[str, Curve] = {}
        self._area = Rect(0, 0, 1, 1)
        self.charts: list[Chart] = []
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            self._choice = dpg.add_combo(
                [], width=round(280 * look.scale), callback=lambda _, name: self.choose(name)
            )
        dpg.bind_item_theme(self.box, look.themes.bare)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        self._area = area
        top = (BAR_HEIGHT + GAP) * self._scale
        for chart in self.charts:
            chart.place(Rect(0, top, area.width, area.height - top))

    def show(self, snapshot: Snapshot) -> None:
        """Draw the chosen scalar; the first one, until a person chooses."""
        self._curves = snapshot.curves
        names = sorted(snapshot.curves)
        dpg.configure_item(self._choice, items=names, show=bool(names))
        if names and dpg.get_value(self._choice) not in names:
            self.choose(names[0])
        for chart in self.charts:
            chart.show(self._curves)

    def choose(self, name: str) -> None:
        """Draw a scalar."""
        dpg.set_value(self._choice, name)
        for chart in self.charts:
            dpg.delete_item(chart.box)
        panel = Panel(name, (name,), ("",))
        self.charts = [Chart(panel, self.box, self._look)]
        self.place(self._area)
        self.charts[0].show(self._curves)


class ConfigPage:
    """The options of the run, with a filter."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._scale = look.scale
        self._config: tuple[tuple[str, str], ...] = ()
        self._wanted = ""
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            self.filter = dpg.add_input_text(
                hint="Filter options",
                width=round(280 * look.scale),
                callback=lambda _, text: self.search(text),
            )
            self._message = dpg.add_text("", color=palette.TEXT_DIM)
            self._table = dpg.add_table(
                header_row=False, row_background=True, scrollY=True, borders_innerH=False
            )
            for weight in 0.42, 0.58:
                dpg.add_table_column(
                    parent=self._table, width_stretch=True, init_width_or_weight=weight
                )
        dpg.bind_item_theme(self.box, look.themes.bare)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)

    def show(self, snapshot: Snapshot) -> None:
        """List the options, if they have changed."""
        if snapshot.config != self._config or not snapshot.config:
            self._config = snapshot.config
            self._list()

    def search(self, wanted: str) -> None:
        """List the options whose name or value contains this."""
        self._wanted = wanted.strip().lower()
        self._list()

    def _list(self) -> None:
        rows = [row for row in self._config if self._wanted in " ".join(row).lower()]
        if not self._config:
            text = "The run has not written its config.json yet."
        else:
            text = "" if rows else "No option matches."
        dpg.configure_item(self._message, default_value=text, show=bool(text))
        dpg.configure_item(self._table, show=bool(rows))
        for row in dpg.get_item_children(self._table, 1):
            dpg.delete_item(row)
        for name, value in rows:
            with dpg.table_row(parent=self._table):
                dpg.add_text(name, color=palette.TEXT_DIM)
                dpg.add_text(value, wrap=0)
