"""Background: the learnt sphere, a photo, a colour, or nothing."""

import math
from dataclasses import replace
from pathlib import Path

from imgui_bundle import imgui

from ballgan.view import Backdrop

from .. import actions as act
from .. import icons, theme
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui
from ..words import printable
from .code import draw_code
from .recent import recent_files

KINDS = (("photo", "Photo"), ("colour", "Colour"), ("none", "None"))
SWATCHES = (
    ("white", (1.0, 1.0, 1.0)),
    ("light", (0.93, 0.94, 0.96)),
    ("grey", (0.5, 0.5, 0.5)),
    ("black", (0.0, 0.0, 0.0)),
    ("green", (0.0, 0.69, 0.25)),
    ("blue", (0.16, 0.35, 0.85)),
)
NO_NETWORK = "This model has no background network: its background is part of the foreground."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    backdrop = state.view.backdrop
    shown = backdrop.kind if backdrop.visible else "none"
    has_network = state.model is None or state.model.has_background
    own = ("learnt", "Learnt" if has_network else "Model's")
    kind = ui.segments("background", (own, *KINDS), shown)
    if kind is not None:
        return _choose(kind, backdrop)
    if shown == "none":
        return _draw_nothing(ui)
    if shown == "colour":
        return _draw_colour(ui, backdrop)
    if shown == "photo":
        return _draw_photo(ui, backdrop, state)
    if not has_network:
        ui.text(NO_NETWORK, theme.TEXT_DIM, small=True, wrap=True)
        return []
    return draw_code(ui, state, "background")


def _choose(kind: str, backdrop: Backdrop) -> list[act.Action]:
    if kind == "none":
        return [act.SetBackdrop(replace(backdrop, visible=False))]
    if kind == "photo" and backdrop.photo is None:
        return [act.Browse("picture")]
    return [act.SetBackdrop(replace(backdrop, kind=kind, visible=True))]


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


def _draw_colour(ui: Ui, backdrop: Backdrop) -> list[act.Action]:
    ui.label("Colour")
    colour = ui.colour("background.picker", backdrop.colour) or _draw_swatches(ui)
    return [act.SetBackdrop(replace(backdrop, colour=colour))] if colour is not None else []


def _draw_swatches(ui: Ui) -> tuple[float, float, float] | None:
    """Colours that are often wanted; the one that was clicked."""
    chosen = None
    gap = ui.px(4)
    width = (imgui.get_content_region_avail().x - gap * (len(SWATCHES) - 1)) / len(SWATCHES)
    for index, (name, colour) in enumerate(SWATCHES):
        if index:
            imgui.same_line(0, gap)
        if ui.swatch(f"background.swatch.{name}", colour, width):
            chosen = colour
    return chosen


def _draw_photo(ui: Ui, backdrop: Backdrop, state: ViewerState) -> list[act.Action]:
    name = printable(Path(backdrop.photo).name) if backdrop.photo else "Choose a picture ..."
    gap = ui.px(4)
    width = imgui.get_content_region_avail().x - imgui.get_frame_height() - gap
    label, tip = shorten(name, width - ui.px(50)), backdrop.photo or ""
    if ui.button("background.browse", label, icon=icons.PICTURE, width=width, tip=tip):
        return [act.Browse("picture")]
    imgui.same_line(0, gap)
    pictures = state.preferences.recent_pictures
    recent = recent_files(ui, "background.recent", "Recent pictures", pictures)
    if recent is not None:
        return [act.OpenPicture(recent)]
    changed = backdrop
    ui.label("Turn", "Turns the picture round the object.")
    yaw = ui.slider("background.yaw", math.degrees(backdrop.yaw), -180, 180, "%.0f\u00b0")
    if yaw is not None:
        changed = replace(changed, yaw=math.radians(yaw))
    ui.label("Exposure", "Brightness in stops: +1 doubles the light.")
    stops = ui.slider("background.exposure", backdrop.exposure, -4, 4, "%+.1f stops")
    if stops is not None:
        changed = replace(changed, exposure=stops)
    return [act.SetBackdrop(changed)] if changed != backdrop else []


def shorten(name: str, room: float) -> str:
    """`name` with dots in the middle if it is wider than `room`."""
    if imgui.calc_text_size(name).x <= room:
        return name
    keep = len(name)
    while keep > 6 and imgui.calc_text_size(f"{name[:keep]}...").x > room:
        keep -= 1
    half = keep // 2
    return f"{name[:half]}...{name[-half:]}"
