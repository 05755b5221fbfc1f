"""Dear ImGui on a window: context, native backends, fonts and style."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgui_bundle import imgui

from . import theme
from .ui import Ui
from .window import Window

GLSL_VERSION = "#version 410 core"


class Gui:
    """Owns the ImGui context of a window; one `frame` and one `render` a turn."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._context = imgui.create_context()
        io = imgui.get_io()
        io.set_ini_filename("")
        io.set_log_filename("")
        io.config_drag_click_to_input_text = False
        io.config_windows_move_from_title_bar_only = True
        # The callbacks that the window has set are chained by the native backend.
        imgui.backends.glfw_init_for_opengl(window.address, True)
        imgui.backends.opengl3_init(GLSL_VERSION)
        self.ui = Ui(theme.load_fonts())
        self.theme = "dark"
        self._look = ("", 0.0)

    @property
    def wants_pointer(self) -> bool:
        """Whether a panel, popup or notice has the pointer."""
        return bool(imgui.get_io().want_capture_mouse)

    @property
    def wants_keys(self) -> bool:
        """Whether someone is typing."""
        return bool(imgui.get_io().want_text_input)

    @property
    def holding(self) -> bool:
        """Whether a widget is being held."""
        return imgui.is_any_item_active()

    def add_font(self, path: str, size: float) -> None:
        """Take letters that our fonts lack from another (see `theme.merge_font`)."""
        theme.merge_font(self.ui.fonts, path, size)

    @contextmanager
    def frame(self) -> Iterator[Ui]:
        """A frame of the interface; it is complete afterwards, and not yet drawn."""
        scale = self._window.interface_scale
        if (self.theme, scale) != self._look:
            self._look = self.theme, scale
            theme.choose(self.theme)
            theme.apply_style(scale)
        imgui.backends.opengl3_new_frame()
        imgui.backends.glfw_new_frame()
        imgui.new_frame()
        self.ui.begin_frame(scale)
        # Tab is a command, except from one text to the next.
        imgui.push_item_flag(imgui.ItemFlags_.no_tab_stop, not self.wants_keys)
        try:
            yield self.ui
        finally:
            imgui.pop_item_flag()
            imgui.render()

    def render(self) -> None:
        """Draw the finished frame over what the context holds."""
        imgui.backends.opengl3_render_draw_data(imgui.get_draw_data())

    def close(self) -> None:
        """End the context."""
        imgui.backends.opengl3_shutdown()
        imgui.backends.glfw_shutdown()
        imgui.destroy_context(self._context)
