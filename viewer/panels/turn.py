"""How a background lies round the scene, and how bright it is: each kind has its own values."""

import math

from imgui_bundle import imgui

from ballgan.view import MOST_STOPS, Backdrop

from ..state import ViewerState
from ..ui import Ui

GAP = 4.0  # logical pixels
TURN_TIPS = {
    "learnt": "Turns the learnt background round the object.",
    "gradient": "Where the upper colour is: at 90\u00b0 it is at the right.",
    "photo": "Turns the picture round the object.",
    "colour": "Not here: one colour is the same from everywhere.",
}
PLANE_TIP = "Not here: this model's background is a plane, with nothing beside it to turn to."
EXPOSURE_TIPS = {
    "learnt": "Brightness in stops: +1 doubles the light. With super-resolution the foreground is "
    "then put before a picture of the background alone.",
    "gradient": "Not here: choose brighter colours.",
    "photo": "Brightness in stops: +1 doubles the light.",
    "colour": "Not here: choose a brighter colour.",
}


def draw_turn(ui: Ui, state: ViewerState, backdrop: Backdrop) -> Backdrop:
    """Two sliders, greyed out where they would change nothing; their tooltips say why. The changed
    backdrop."""
    turn = None if state.on_plane else backdrop.turn
    tip = PLANE_TIP if state.on_plane else TURN_TIPS[backdrop.kind]
    gap = ui.px(GAP)
    width = (imgui.get_content_region_avail().x - gap) / 2
    with ui.enabled_if(turn is not None):
        name, angle, form = "background.yaw", math.degrees(turn or 0.0), "Turn  %.0f\u00b0"
        degrees = ui.slider(name, angle, -180, 180, form, width=width, tip=tip, centred=True)
    if degrees is not None and turn is not None:
        backdrop = backdrop.turned(math.radians(degrees))
    imgui.same_line(0, gap)
    tip, stops = EXPOSURE_TIPS[backdrop.kind], backdrop.stops
    with ui.enabled_if(stops is not None):
        name, amount, form = "background.exposure", stops or 0.0, "Exposure  %+.1f"
        value = ui.slider(name, amount, -MOST_STOPS, MOST_STOPS, form, tip=tip, centred=True)
    if value is not None and stops is not None:
        backdrop = backdrop.exposed(value)
    return backdrop
