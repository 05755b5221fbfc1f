"""The panels in a pure ImGui context: no window, no GL, no model."""

from ballgan_viewer import actions as act
from ballgan_viewer import panels, theme
from ballgan_viewer.info import ViewInfo
from ballgan_viewer.layout import arrange
from ballgan_viewer.state import ViewerState
from ballgan_viewer.ui import Ui
from imgui_bundle import imgui

SIZE = (1280, 1100)


class Screen:
    """A pure ImGui context with the panels on it."""

    def __init__(self, scale: float = 1.0, size: tuple[int, int] = SIZE) -> None:
        self.context = imgui.create_context()
        io = imgui.get_io()
        io.set_ini_filename("")
        io.backend_flags |= imgui.BackendFlags_.renderer_has_textures
        self.size = (size[0] * scale, size[1] * scale)
        io.display_size = self.size
        io.delta_time = 1 / 60
        self.ui = Ui(theme.load_fonts())
        self.scale = scale
        theme.apply_style(scale)

    def show(self, state: ViewerState, **info: object) -> list[act.Action]:
        layout = arrange(*self.size, self.scale, timeline=state.playhead.shown)
        imgui.new_frame()
        self.ui.begin_frame(self.scale)
        actions = panels.draw(self.ui, state, ViewInfo(layout, **info))  # type: ignore[arg-type]
        imgui.render()
        return actions

    def click(self, state: ViewerState, name: str, **info: object) -> list[act.Action]:
        """Everything the panels answer while `name` is clicked."""
        actions = self.show(state, **info) + self.show(state, **info)
        self.ui.reveal = name
        actions += self.show(state, **info) + self.show(state, **info)
        return actions + self.click_at(state, self.ui.rects[name].centre, **info)

    def click_at(
        self, state: ViewerState, place: tuple[float, float], **info: object
    ) -> list[act.Action]:
        """Everything the panels answer while the pointer clicks at `place`."""
        io = imgui.get_io()
        io.add_mouse_pos_event(*place)
        actions = self.show(state, **info)
        for pressed in True, False:
            io.add_mouse_button_event(0, pressed)
            actions += self.show(state, **info)
        return actions + self.show(state, **info)

    def press(self, state: ViewerState, key: imgui.Key) -> list[act.Action]:
        """Everything the panels answer while a key is pressed."""
        actions: list[act.Action] = []
        for pressed in True, False:
            imgui.get_io().add_key_event(key, pressed)
            actions += self.show(state)
        return actions
