"""Background: the learnt sphere, a picture, a gradient, a colour, or nothing."""

import math
from dataclasses import replace

from imgui_bundle import imgui

from ballgan.view import MAX_STRENGTH, Backdrop

from .. import actions as act
from .. import icons, theme
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from .code import draw_code
from .panoramas import draw_panoramas, first_panorama
from .separation import draw_separation
from .sphere import draw_sphere
from .turn import draw_turn

KINDS = (("photo", "Picture"), ("gradient", "Gradient"), ("colour", "Colour"), ("none", "None"))
GAP = 4.0  # logical pixels
Colour = tuple[float, float, float]
SWATCHES: tuple[tuple[str, Colour], ...] = (
    ("white", (1.0, 1.0, 1.0)),
    ("light", (0.93, 0.94, 0.96)),
    ("grey", (0.5, 0.5, 0.5)),
    ("black", (0.0, 0.0, 0.0)),
    ("green", (0.0, 0.69, 0.25)),
    ("blue", (0.16, 0.35, 0.85)),
)
GRADIENTS: tuple[tuple[str, Colour, Colour], ...] = (
    ("studio", (0.80, 0.84, 0.90), (0.32, 0.34, 0.38)),
    ("night", (0.05, 0.07, 0.14), (0.30, 0.36, 0.50)),
    ("sky", (0.36, 0.60, 0.90), (0.90, 0.94, 0.98)),
    ("dusk", (0.22, 0.20, 0.40), (0.95, 0.60, 0.42)),
    ("sand", (0.96, 0.92, 0.85), (0.72, 0.60, 0.47)),
    ("mint", (0.88, 0.97, 0.93), (0.35, 0.62, 0.55)),
)
NO_NETWORK = "This model has no background network: its background is part of the foreground."
STILL_TIP = (
    "Whether the background turns with the camera, as in a room, or stands still while the object "
    "turns before it."
)
FLAT_TIP = "Not here: one colour is the same from everywhere."
PAN_TIP = "Where the camera looks that sees the still background."
LIGHT_TIP = (
    "Shades the foreground as if the light came from this background instead of the learnt one. "
    "Approximate: it uses the surface's normals and nine numbers for each light, and knows neither "
    "shadows nor gloss."
)


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents. All of it is drawn, whatever was changed in this frame."""
    changed = backdrop = state.view.backdrop
    shown = backdrop.kind if backdrop.visible else "none"
    has_network = state.model is None or state.model.has_background
    own = ("learnt", "Learnt" if has_network else "Model's")
    kind = ui.segments("background", (own, *KINDS), shown)
    actions: list[act.Action] = []
    if shown == "none":
        actions += _draw_nothing(ui)
    elif shown == "photo":
        actions += draw_panoramas(ui, state, info)
    elif shown == "learnt" and not state.without_network:
        actions += draw_code(ui, state, "background")
    else:
        changed = _draw_values(ui, changed)
    if shown != "none" and not state.without_network:
        changed = draw_turn(ui, state, changed)
        changed = _draw_composition(ui, state, changed)
        actions += draw_sphere(ui, state, info)
    draw_separation(ui, info)
    if kind is not None:
        changed = _choose(kind, changed)
    return [*actions, act.SetBackdrop(changed)] if changed != backdrop else actions


def _draw_values(ui: Ui, backdrop: Backdrop) -> Backdrop:
    """What a kind without files and codes has; the changed backdrop."""
    if backdrop.kind == "colour":
        return _draw_colour(ui, backdrop)
    if backdrop.kind == "gradient":
        return _draw_gradient(ui, backdrop)
    ui.text(NO_NETWORK, theme.TEXT_DIM, small=True, wrap=True)
    return backdrop


def _choose(kind: str, backdrop: Backdrop) -> Backdrop:
    if kind == "none":
        return replace(backdrop, visible=False)
    if kind == "photo" and backdrop.photo is None:
        backdrop = replace(backdrop, photo=first_panorama())
    return replace(backdrop, kind=kind, visible=True)


def _draw_nothing(ui: Ui) -> list[act.Action]:
    ui.text(
        "The foreground alone. Screenshots keep its transparency.",
        theme.TEXT_DIM,
        small=True,
        wrap=True,
    )
    if ui.button("background.show", "Show the background", icon=icons.EYE, width=-1):
        return [act.ToggleBackground()]
    return []


def _draw_colour(ui: Ui, backdrop: Backdrop) -> Backdrop:
    ui.label("Colour")
    colour = ui.colour("background.picker", backdrop.colour)
    width = _cell(ui, len(SWATCHES))
    for index, (name, value) in enumerate(SWATCHES):
        if index:
            imgui.same_line(0, ui.px(GAP))
        chosen = value == backdrop.colour
        if ui.swatch(f"background.swatch.{name}", value, width, selected=chosen):
            colour = value
    return backdrop if colour is None else replace(backdrop, colour=colour)


def _draw_gradient(ui: Ui, backdrop: Backdrop) -> Backdrop:
    changed = backdrop
    ui.label("Above")
    top = ui.colour("background.top", backdrop.top)
    ui.label("Below")
    bottom = ui.colour("background.bottom", backdrop.bottom)
    if top is not None or bottom is not None:
        changed = replace(backdrop, top=top or backdrop.top, bottom=bottom or backdrop.bottom)
    width = _cell(ui, len(GRADIENTS))
    for index, (name, top, bottom) in enumerate(GRADIENTS):
        if index:
            imgui.same_line(0, ui.px(GAP))
        chosen = (top, bottom) == (backdrop.top, backdrop.bottom)
        name = f"background.gradient.{name}"
        if ui.swatch(name, top, width, below=bottom, selected=chosen):
            changed = replace(changed, top=top, bottom=bottom)
    return changed


def _cell(ui: Ui, count: int) -> float:
    """Width of one of `count` things that fill a line."""
    return (imgui.get_content_region_avail().x - ui.px(GAP) * (count - 1)) / count


def _draw_composition(ui: Ui, state: ViewerState, backdrop: Backdrop) -> Backdrop:
    """How background and foreground go together; the changed backdrop."""
    still, changed = backdrop.camera is not None, backdrop
    flat = backdrop.kind == "colour"
    ui.label("Motion", FLAT_TIP if flat else STILL_TIP)
    with ui.enabled_if(not flat):
        options = (("moves", "With the camera"), ("still", "Stands still"))
        chosen = ui.segments("background.camera", options, "still" if still else "moves")
        if still:
            changed = _turn_still(ui, backdrop)
    if chosen is not None and (chosen == "still") != still:
        changed = replace(changed, camera=None if still else state.view.camera)
    lit = ui.switch(
        "background.light", "Match light (approximate)", backdrop.match_light, tip=LIGHT_TIP
    )
    if lit is not None:
        changed = replace(changed, match_light=lit)
    if backdrop.match_light:
        ui.label("Strength", "How much of the change of light is applied: 1 is all of it.")
        strength = ui.slider("background.strength", backdrop.light_strength, 0.0, MAX_STRENGTH)
        if strength is not None:
            changed = replace(changed, light_strength=min(max(strength, 0.0), MAX_STRENGTH))
    return changed


def _turn_still(ui: Ui, backdrop: Backdrop) -> Backdrop:
    """Angles from which a still background is seen."""
    camera = backdrop.camera
    assert camera is not None
    width = (imgui.get_content_region_avail().x - ui.px(4)) / 2
    name, form = "background.still.yaw", "Pan  %.0f\u00b0"
    angle = math.degrees(camera.yaw)
    yaw = ui.slider(name, angle, -180, 180, form, width=width, tip=PAN_TIP, centred=True)
    imgui.same_line(0, ui.px(4))
    name, form = "background.still.pitch", "Tilt  %.0f\u00b0"
    pitch = ui.slider(name, math.degrees(camera.pitch), -85, 85, form, tip=PAN_TIP, centred=True)
    if yaw is not None:
        camera = replace(camera, yaw=math.radians(yaw))
    if pitch is not None:
        camera = replace(camera, pitch=math.radians(pitch))
    return replace(backdrop, camera=camera)
