"""Camera: where it is on its orbit."""

import math
from dataclasses import replace

from imgui_bundle import imgui

from ballgan.view import MAX_FOV, MAX_PITCH, MIN_FOV, Orbit

from .. import actions as act
from .. import icons
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui

DISTANCE_TIP = "From the point that the camera looks at, in world units."
ANGLE_TIP = "Full angle of view. Small angles look flat, wide ones exaggerate what is near."


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    camera = state.view.camera
    furthest = state.model.camera_limit if state.model else 2 * camera.radius
    changed = _draw_numbers(ui, camera, furthest)
    actions: list[act.Action] = [act.MoveCamera(changed)] if changed != camera else []
    if ui.button("camera.reset", "Reset camera", icon=icons.RESET, width=-1, tip="Key R"):
        actions.append(act.ResetCamera())
    return actions


def _draw_numbers(ui: Ui, camera: Orbit, furthest: float) -> Orbit:
    """Two rows of two sliders; the changed camera."""
    half = (imgui.get_content_region_avail().x - imgui.get_style().item_spacing.x) / 2
    yaw = _draw_angle(ui, "camera.yaw", "Yaw", camera.yaw, (-math.pi, math.pi), half)
    imgui.same_line()
    limits = (-MAX_PITCH, MAX_PITCH)
    pitch = _draw_angle(ui, "camera.pitch", "Pitch", camera.pitch, limits, half)
    radius = ui.slider(
        "camera.distance",
        camera.radius,
        0.3,
        furthest,
        "Distance  %.2f",
        width=half,
        tip=DISTANCE_TIP,
    )
    imgui.same_line()
    fov = _draw_angle(ui, "camera.fov", "Angle", camera.fov, (MIN_FOV, MAX_FOV), half, ANGLE_TIP)
    if radius is not None:
        camera = replace(camera, radius=max(radius, 0.01))
    return replace(camera, yaw=yaw, pitch=pitch, fov=fov)


def _draw_angle(
    ui: Ui,
    name: str,
    title: str,
    value: float,
    limits: tuple[float, float],
    width: float,
    tip: str = "",
) -> float:
    """A slider in degrees; the angle in radians, `value` itself if it was not touched."""
    low, high = (math.degrees(limit) for limit in limits)
    form = f"{title}  %.1f\u00b0"
    degrees = ui.slider(name, math.degrees(value), low, high, form, width=width, tip=tip)
    return value if degrees is None else math.radians(min(max(degrees, low), high))
