"""Window: colours and size of the interface, what scrolling does, and the list of keys."""

from .. import actions as act
from .. import camera_actions as cam
from .. import icons
from ..commands import keyed, keys_of
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui

THEMES = (("dark", "Dark"), ("light", "Light"))
SIZES = tuple((str(percent), f"{percent} %") for percent in (80, 100, 125, 150, 200))
SIZE_TIP = (
    f"Of text and controls, times what the screen asks for. {keys_of('window.larger')} and "
    f"{keys_of('window.smaller')} change it in smaller steps."
)
SCROLLING = (("wheel", "Zooms"), ("trackpad", "Orbits"))
SCROLLING_TIP = "Orbiting is for trackpads: there a pinch zooms, and Shift pans."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    ui.label("Theme")
    theme = ui.segments("window.theme", THEMES, state.preferences.theme)
    if theme is not None:
        actions.append(act.SetTheme(theme))
    ui.label("Size", SIZE_TIP)
    size = ui.segments("window.size", SIZES, f"{100 * state.preferences.zoom:.0f}")
    if size is not None:
        actions.append(act.SetZoom(int(size) / 100))
    ui.label("Scrolling", SCROLLING_TIP)
    current = "trackpad" if state.preferences.trackpad else "wheel"
    scrolling = ui.segments("window.scrolling", SCROLLING, current)
    if scrolling is not None:
        actions.append(cam.SetTrackpad(scrolling == "trackpad"))
    tip = keyed("keys", "What each key and each movement of the pointer does.")
    if ui.button("keys", "Keys and mouse", icon=icons.KEYBOARD, width=-1, tip=tip):
        actions.append(act.ShowOverlay("keys"))
    return actions
