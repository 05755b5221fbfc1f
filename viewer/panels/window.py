"""Window: colours and size of the interface, how the camera is sent away, the list of keys."""

from .. import actions as act
from .. import icons
from ..actions import camera as cam
from ..commands import keyed, keys_of
from ..info import ViewInfo
from ..preferences import THEMES
from ..state import ViewerState
from ..ui import Ui

THEME_LABELS = tuple((name, name.capitalize()) for name in THEMES)
THEME_TIP = "Colours of the window; pictures and files are the same in both."
SIZES = tuple((str(percent), f"{percent} %") for percent in (80, 100, 125, 150, 200))
SIZE_TIP = (
    f"Of text and controls, times what the screen asks for. {keys_of('window.larger')} and "
    f"{keys_of('window.smaller')} change it in smaller steps."
)
MOTIONS = (("glide", "Glides"), ("jump", "Jumps"))
GLIDE_TIP = "How it gets to where a key, the orientation cube or a double click sends it."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    ui.label("Theme", THEME_TIP)
    theme = ui.segments("window.theme", THEME_LABELS, state.preferences.theme)
    if theme is not None:
        actions.append(act.SetTheme(theme))
    ui.label("Size", SIZE_TIP)
    size = ui.segments("window.size", SIZES, f"{100 * state.preferences.zoom:.0f}")
    if size is not None:
        actions.append(act.SetZoom(int(size) / 100))
    ui.label("Camera", GLIDE_TIP)
    current = "glide" if state.preferences.glide else "jump"
    motion = ui.segments("window.camera", MOTIONS, current)
    ui.tip(GLIDE_TIP)
    if motion is not None:
        actions.append(cam.SetGlide(motion == "glide"))
    tip = keyed("keys", "What each key and each movement of the pointer does.")
    if ui.button("keys", "Keys and mouse", icon=icons.KEYBOARD, width=-1, tip=tip):
        actions.append(act.ShowOverlay("keys"))
    return actions
