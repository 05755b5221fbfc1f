"""The monitor's window: builds it, and brings to it what the watcher finds."""

import time
from dataclasses import dataclass
from pathlib import Path

import dearpygui.dearpygui as dpg

from . import palette, theme
from .charts import Chart
from .head import Head, Tiles
from .headline import describe_reading
from .layout import Rect, arrange
from .pages import Pages
from .parts import Item, place_box
from .samples import SamplesView
from .viewer import Viewers
from .watcher import INTERVAL, Snapshot, Watcher

# Seconds between two frames, while the last input is at most so many seconds ago. On a machine
# that draws and trains on its CPU, a window that nobody touches should cost little.
PACES = ((0.5, 1 / 60), (10.0, 0.1), (float("inf"), 0.25))
NOTICE_SECONDS = 12.0
SCREENSHOT_TIMEOUT = 60.0  # seconds until everything must be shown


@dataclass(frozen=True)
class Notice:
    """A line for the person, shown for some seconds."""

    text: str
    warns: bool = True


class Window:
    """The window of one run folder; `close` ends it."""

    def __init__(
        self,
        folder: Path,
        *,
        size: tuple[int, int] = (1280, 800),
        scale: float = 1.0,
        interval: float = INTERVAL,
    ) -> None:
        self._scale = scale
        self._size = (0, 0)
        self.snapshot = Snapshot(folder)
        self.notice, self._notice_until = Notice(""), 0.0
        self._clock = 0  # the second that the state was written for
        self._touched = 0.0
        self._pointer: list[float] = []
        self.viewers = Viewers()
        self._watcher = Watcher(folder, interval)
        dpg.create_context()
        dpg.configure_app(manual_callback_management=True, keyboard_navigation=False)
        dpg.create_viewport(
            title=f"{folder.resolve().name} \u00b7 BallGAN monitor",
            width=round(size[0] * scale),
            height=round(size[1] * scale),
            x_pos=60,
            y_pos=40,
            min_width=round(640 * scale),
            min_height=round(400 * scale),
            clear_color=palette.PANEL,
        )
        dpg.setup_dearpygui()
        self._build()
        dpg.show_viewport()

    def _build(self) -> None:
        look = theme.create_look(self._scale)
        with dpg.window(no_scrollbar=True, no_scroll_with_mouse=True) as self._main:
            main = self._main
            self.head = Head(main, look, self.open_model)
            self.tiles = Tiles(main, look)
            self.samples = SamplesView(self._watcher, main, look)
            self.pages = Pages(main, look)
            self.status = Status(main, look)
        dpg.set_primary_window(main, True)
        with dpg.handler_registry():
            dpg.add_key_press_handler(dpg.mvKey_Left, callback=lambda: self._press(-1))
            dpg.add_key_press_handler(dpg.mvKey_Right, callback=lambda: self._press(1))
            dpg.add_mouse_double_click_handler(dpg.mvMouseButton_Left, callback=self._reset_plot)
            dpg.add_mouse_wheel_handler(callback=self._touch)
            dpg.add_key_press_handler(callback=self._touch)

    def run(self, screenshot: Path | None = None) -> None:
        """Show the window until it is closed, or until `screenshot` is written."""
        if screenshot is not None:
            self._save(screenshot)
            return
        while dpg.is_dearpygui_running():
            started = time.monotonic()
            self.step()
            idle = started - self._touched
            interval = next(interval for limit, interval in PACES if idle <= limit)
            time.sleep(max(interval - (time.monotonic() - started), 0.0))

    def close(self) -> None:
        """Close the window. Viewers that were opened stay."""
        self._watcher.close()
        self.viewers.close()
        dpg.destroy_context()

    def step(self) -> None:
        """Everything for one frame, and the frame."""
        dpg.run_callbacks(dpg.get_callback_queue())
        self._resize()
        self._update()
        self._notice_input()
        self.samples.step()
        self.pages.step()
        self.status.step()
        dpg.render_dearpygui_frame()

    def open_model(self, model: Path) -> None:
        """Open a model in the viewer."""
        try:
            self.viewers.open(model)
            self._notify(f"Opening {model.name} in the viewer ...", warns=False)
        except OSError as error:
            self._notify(f"The viewer cannot be started: {error}")

    def _update(self) -> None:
        snapshot, now = self._watcher.snapshot, time.time()
        if snapshot is not self.snapshot:
            self.snapshot = snapshot
            self.tiles.show(snapshot)
            self.pages.show(snapshot)
            self.samples.show(snapshot.samples)
        elif int(now) == self._clock:
            return
        self._clock = int(now)
        self.head.show(snapshot, now)
        for fault in self.viewers.collect_faults():
            self._notify(fault)
        notice = self.notice if time.monotonic() < self._notice_until else Notice("")
        self.status.show(snapshot, notice)

    def _notify(self, text: str, *, warns: bool = True) -> None:
        self.notice, self._notice_until = Notice(text, warns), time.monotonic() + NOTICE_SECONDS
        self._clock = 0

    def _resize(self) -> None:
        size = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        if size != self._size:
            self._size = size
            layout = arrange(*size, self._scale)
            self.head.place(layout.head)
            self.tiles.place(layout.tiles)
            self.samples.place(layout.samples)
            self.pages.place(layout.charts)
            self.status.place(layout.status)

    def _notice_input(self) -> None:
        pointer = dpg.get_mouse_pos(local=False)
        buttons = (dpg.mvMouseButton_Left, dpg.mvMouseButton_Right, dpg.mvMouseButton_Middle)
        if pointer != self._pointer or any(map(dpg.is_mouse_button_down, buttons)):
            self._pointer = pointer
            self._touch()

    def _touch(self) -> None:
        self._touched = time.monotonic()

    def _press(self, by: int) -> None:
        if not self.pages.typing:
            self.samples.move(by)

    def _reset_plot(self) -> None:
        plots: list[SamplesView | Chart] = [self.samples, *self.pages.charts]
        for plotted in plots:
            if dpg.is_item_hovered(plotted.plot):
                plotted.reset()

    def _save(self, path: Path) -> None:
        """Write the window as a PNG. Raises OSError if it cannot be written."""
        deadline = time.monotonic() + SCREENSHOT_TIMEOUT
        path.unlink(missing_ok=True)
        self.step()
        while not (self._watcher.snapshot.loaded and self.samples.settled):
            if time.monotonic() > deadline:
                raise OSError(f"{path}: the run folder was not read within a minute")
            self.step()
        for _ in range(8):  # sizes, axes and textures settle over some frames
            self.step()
        dpg.output_frame_buffer(str(path.resolve()))
        for _ in range(3):
            self.step()
        if not path.is_file():
            raise OSError(f"{path} cannot be written")


class Status:
    """The bar at the bottom: the folder, how much was read; or what went wrong."""

    def __init__(self, parent: Item, look: theme.Look) -> None:
        self._scale = look.scale
        with dpg.child_window(parent=parent, no_scrollbar=True) as self.box:
            top = 8 * look.scale
            self._left = dpg.add_text("", pos=(14 * look.scale, top), color=palette.TEXT_DIM)
            self._right = dpg.add_text("", pos=(0, top), color=palette.TEXT_DIM)
        dpg.bind_item_theme(self.box, look.themes.tile)
        dpg.bind_item_font(self.box, look.fonts.small)
        self._width = 0.0

    def place(self, area: Rect) -> None:
        """Move and resize."""
        place_box(self.box, area)
        self._width = area.width

    def show(self, snapshot: Snapshot, notice: Notice) -> None:
        """Write down how the reading goes; a notice takes the place of the folder's name."""
        if not notice.text:
            notice = Notice(snapshot.fault)
        colour = palette.WARNING if notice.warns else palette.TEXT
        dpg.set_value(self._left, notice.text or str(snapshot.folder.resolve()))
        dpg.configure_item(self._left, color=colour if notice.text else palette.TEXT_DIM)
        dpg.set_value(self._right, describe_reading(snapshot) if snapshot.loaded else "")

    def step(self) -> None:
        """What is to be done before every frame: how wide a text is, is known once it is drawn."""
        left = self._width - dpg.get_item_rect_size(self._right)[0] - 14 * self._scale
        dpg.set_item_pos(self._right, (left, 8 * self._scale))
