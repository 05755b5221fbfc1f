"""Output: which layer is shown, pictures, and the mesh."""

from .. import actions as act
from ..commands import keyed, tip_of
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from . import presets

LAYER_LABELS = (
    ("full", "Full"),
    ("foreground", "Foreground"),
    ("background", "Background"),
    ("raw", "Raw"),
    ("normals", "Normals"),
    ("depth", "Depth"),
    ("alpha", "Alpha"),
    ("surface", "Surface"),
)
LAYER_TIPS = {layer: tip_of(f"layer.{layer}") for layer, _ in LAYER_LABELS}
RAYS = (("0", "Model"), ("64", "64"), ("128", "128"), ("256", "256"))
PREVIEW_TIP = keyed(
    "preview.toggle",
    "While something moves, the graphics card draws a baked copy of the scene at once; "
    "the network's picture replaces it. The status bar says which one you see.",
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    actions: list[act.Action] = []
    layer = ui.segments("layer", LAYER_LABELS, state.view.layer, columns=4, tips=LAYER_TIPS)
    if layer is not None:
        actions.append(act.SetLayer(layer))
    actions += _draw_rays(ui, state)
    actions += presets.draw(ui, state)
    on = ui.switch("preview", "OpenGL preview", state.preview)
    ui.tip(PREVIEW_TIP)
    if on is not None and on != state.preview:
        actions.append(act.TogglePreview())
    return actions


def _draw_rays(ui: Ui, state: ViewerState) -> list[act.Action]:
    ui.label("Rays", "Side of the volume-rendered image: more is finer and slower.")
    current = str(state.view.neural_resolution or 0)
    rays = ui.segments("rays", RAYS, current)
    return [act.SetNeuralResolution(int(rays) or None)] if rays is not None else []
