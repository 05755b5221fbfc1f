"""The sample pictures: one layer at one time, in a view that can be zoomed."""

from pathlib import Path

import dearpygui.dearpygui as dpg

from ..run_folder import LAYERS, Samples
from . import palette, theme
from .headline import format_kimg
from .layout import BAR_HEIGHT, GAP, Rect
from .parts import Item, centre_text, place_box
from .timeline import Timeline
from .watcher import Picture, Watcher


class SamplesView:
    """Shows the newest samples, until a person chooses older ones."""

    def __init__(self, watcher: Watcher, parent: Item, look: theme.Look) -> None:
        self._watcher, self._look, self._scale = watcher, look, look.scale
        self.timeline = Timeline()
        self.layer = "full"
        self._drawn: Picture | None = None
        self._stage_area = Rect(0, 0, 1, 1)
        self._texture: Item | None = None
        self._series: Item | None = None
        self._shape: tuple[int, ...] = ()
        self._locked = 0  # frames until the axes are freed
        self._textures = dpg.add_texture_registry()
        with dpg.child_window(parent=parent, no_scrollbar=True, no_scroll_with_mouse=True) as box:
            self._build_layers()
            self._build_stage()
            self._build_slider()
        self.box = box
        dpg.bind_item_theme(box, look.themes.bare)
        self._mark_layer()

    def _build_layers(self) -> None:
        with dpg.group(horizontal=True, horizontal_spacing=6 * self._scale):
            self._buttons = {
                layer: dpg.add_button(
                    label=layer.capitalize(),
                    callback=lambda _, __, name: self.choose_layer(name),
                    user_data=layer,
                )
                for layer in LAYERS
            }

    def _build_stage(self) -> None:
        with dpg.child_window(no_scrollbar=True, no_scroll_with_mouse=True) as self._stage:
            self._message = dpg.add_text("", color=palette.TEXT_DIM)
            with dpg.plot(
                width=-1,
                height=-1,
                no_menus=True,
                no_mouse_pos=True,
                equal_aspects=True,
                show=False,
            ) as self.plot:
                hidden = {
                    "no_tick_labels": True,
                    "no_tick_marks": True,
                    "no_gridlines": True,
                    "no_highlight": True,
                }
                self._x = dpg.add_plot_axis(dpg.mvXAxis, **hidden)
                self._y = dpg.add_plot_axis(dpg.mvYAxis, **hidden)
        dpg.bind_item_theme(self._stage, self._look.themes.stage)
        dpg.bind_item_theme(self.plot, self._look.themes.picture)

    def _build_slider(self) -> None:
        self._earlier = dpg.add_button(label="<", callback=lambda: self.move(-1))
        self._slider = dpg.add_slider_int(
            no_input=True, format="", callback=lambda _, index: self.choose(index)
        )
        self._later = dpg.add_button(label=">", callback=lambda: self.move(1))
        self._time = dpg.add_text("")
        self._newest = dpg.add_button(label="Newest", callback=self.follow)

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        gap, bar = GAP / 2 * self._scale, BAR_HEIGHT * self._scale
        button = (area.width - (len(LAYERS) - 1) * 6 * self._scale) / len(LAYERS)
        for item in self._buttons.values():
            dpg.configure_item(item, width=int(button), height=round(bar))
        stage = area.height - 2 * (bar + gap)
        self._stage_area = Rect(0, bar + gap, area.width, stage)
        place_box(self._stage, self._stage_area)
        self._place_row(area.width, area.height - bar)

    def _place_row(self, length: float, top: float) -> None:
        gap, small, large = (size * self._scale for size in (6, 34, 84))
        rest = length - 2 * small - 2 * large - 4 * gap
        row = {
            self._earlier: small,
            self._slider: rest,
            self._later: small,
            self._time: large,
            self._newest: large,
        }
        left = 0.0
        for item, width in row.items():
            dpg.set_item_pos(item, (left, top))
            if item != self._time:
                dpg.set_item_width(item, int(width))
            left += width + gap

    def show(self, samples: tuple[Samples, ...]) -> None:
        """Take note of the samples that there are."""
        self.timeline.samples = samples
        self._refresh()

    def choose_layer(self, layer: str) -> None:
        """Show a layer."""
        self.layer = layer
        self._mark_layer()
        self._refresh()

    def move(self, by: int) -> None:
        """Go to later samples, or to earlier ones if `by` is negative."""
        self.timeline.move(by)
        self._refresh()

    def choose(self, index: int) -> None:
        """Go to the samples at `index` of those there are."""
        self.timeline.choose(index)
        self._refresh()

    def follow(self) -> None:
        """Go to the newest samples and stay there."""
        self.timeline.follow()
        self._refresh()

    def _mark_layer(self) -> None:
        for layer, button in self._buttons.items():
            dpg.bind_item_theme(button, self._look.themes.chosen if layer == self.layer else 0)

    def _refresh(self) -> None:
        timeline, wanted = self.timeline, self.wanted
        self._watcher.show(wanted)
        self._refresh_slider()
        if timeline.current is None:
            self._say("No sample pictures yet")
        elif wanted is None:
            self._say(f"There is no {self.layer} picture of this time")
        else:
            self._draw_arrived()

    def _refresh_slider(self) -> None:
        timeline = self.timeline
        count, current = len(timeline.samples), timeline.current
        for item in (self._earlier, self._slider, self._later, self._newest):
            dpg.configure_item(item, show=count > 1)
        dpg.configure_item(self._slider, max_value=max(count - 1, 1))
        dpg.set_value(self._slider, max(timeline.index, 0))
        dpg.set_value(self._time, f"{format_kimg(current.kimg)} kimg" if current else "")
        newest = self._look.themes.chosen if timeline.kimg is None else 0
        dpg.bind_item_theme(self._newest, newest)

    def step(self) -> None:
        """What is to be done before every frame."""
        self._draw_arrived()
        centre_text(self._message, self._stage_area)
        if self._locked:
            self._locked -= 1
            if not self._locked:
                dpg.set_axis_limits_auto(self._x)
                dpg.set_axis_limits_auto(self._y)

    @property
    def wanted(self) -> Path | None:
        """The picture that should be shown."""
        current = self.timeline.current
        return None if current is None else current.pictures.get(self.layer)

    @property
    def settled(self) -> bool:
        """Whether it is shown, or the reason why it cannot be."""
        return self.wanted is None or (self._drawn is not None and self._drawn.path == self.wanted)

    @property
    def shows_picture(self) -> bool:
        """Whether a picture is shown, not a reason why there is none."""
        return dpg.is_item_shown(self.plot)

    def _draw_arrived(self) -> None:
        picture = self._watcher.picture
        if picture is None or picture.path != self.wanted:
            return
        if picture is not self._drawn:
            self._drawn = picture
            self._draw(picture)
        elif picture.pixels is not None:
            self._show_plot()

    def _show_plot(self) -> None:
        dpg.hide_item(self._message)
        dpg.show_item(self.plot)

    def _say(self, text: str) -> None:
        dpg.hide_item(self.plot)
        dpg.set_value(self._message, text)
        dpg.show_item(self._message)

    def _draw(self, picture: Picture) -> None:
        if picture.pixels is None:
            self._say(picture.fault)
            return
        height, width = picture.pixels.shape[:2]
        texture = dpg.add_static_texture(
            width, height, picture.pixels.ravel(), parent=self._textures
        )
        bounds = {"bounds_min": (0.0, 0.0), "bounds_max": (width / height, 1.0)}
        series = dpg.add_image_series(texture, parent=self._y, **bounds)
        for old in (self._series, self._texture):
            if old is not None:
                dpg.delete_item(old)
        self._texture, self._series = texture, series
        self._show_plot()
        if (height, width) != self._shape:  # else the zoom stays, to compare one face over time
            self._shape = (height, width)
            self.reset()

    def reset(self) -> None:
        """Show the whole picture."""
        if self._shape:
            dpg.set_axis_limits(self._x, 0.0, self._shape[1] / self._shape[0])
            dpg.set_axis_limits(self._y, 0.0, 1.0)
            self._locked = 3
