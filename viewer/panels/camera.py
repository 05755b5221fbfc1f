"""Camera: how it moves, where it is, and which one shapes the identity."""

import math
from dataclasses import replace

from imgui_bundle import imgui

from ballgan.view import MAX_FOV, MAX_PITCH, MIN_FOV, Orbit

from .. import actions as act
from .. import icons
from ..actions import camera as cam
from ..commands import keyed, keys_of
from ..info import ViewInfo
from ..state import ViewerState
from ..ui import Ui

MODES = (("orbit", "Orbit"), ("fly", "Fly"))
IDENTITIES = (("model", "Model's"), ("own", "Chosen"))
FILES = (("opencv", "OpenCV"), ("opengl", "NeRF"))
TO_TYPE = " Ctrl-click to type."
DISTANCE_TIP = "From the pivot, which the camera looks at, in world units." + TO_TYPE
ANGLE_TIP = (
    "Full angle of view. Small angles look flat, wide ones exaggerate what is near. It never "
    "changes who is seen." + TO_TYPE
)
ROLL_TIP = (
    f"Turns the camera round its axis: {keys_of('camera.roll_left')} and "
    f"{keys_of('camera.roll_right')}, or a drag with Control and Shift." + TO_TYPE
)
UPRIGHT_TIP = keyed("camera.upright", "Takes back the roll.")
PIVOT_TIP = (
    "The point that the camera turns around, in world units: x, y up, z. Double-click in the "
    "picture puts it on the surface there. Double-click a number to type."
)
MODE_TIP = (
    f"Orbit: drags turn the camera round the pivot. Fly ({keys_of('camera.fly')}): drags turn "
    "the head, W A S D move, Q and E go down and up, with Shift faster."
)
TURNTABLE_TIP = keyed("camera.turntable", "Turns the camera round the pivot by itself.")
IDENTITY_TIP = (
    "The mapping network is told of a camera, and draws who it thinks belongs before it. Here that "
    "camera is set apart: looking around changes nobody."
)
SCROLLING = (("wheel", "Zooms"), ("trackpad", "Orbits"))
SCROLLING_TIP = "What a mouse wheel or two fingers on a trackpad do in the picture."
SCROLLING_TIPS = {
    "wheel": "Zooms to what is under the pointer: for mice.",
    "trackpad": "Two fingers orbit, with Shift they pan, and a pinch zooms: for trackpads.",
}
RESET_TIP = keyed("camera.reset", "Back to the model's own camera.")
COPY_TIP = keyed("camera.copy", "The camera as JSON text.")
PASTE_TIP = keyed(
    "camera.paste", "A camera as JSON: ours, cameras.json, transforms.json, or 25 numbers."
)
FILE_TIPS = {
    "opencv": "Write cameras.json: x right, y down, z forward; camera to world, world to camera.",
    "opengl": "Write transforms.json, as NeRF and Blender have it: x right, y up, z back.",
}


def draw(ui: Ui, state: ViewerState, info: ViewInfo) -> list[act.Action]:
    """The section's contents."""
    camera = state.view.camera
    actions = _draw_ways(ui, state)
    furthest = state.model.camera_limit if state.model else 2 * camera.radius
    changed = _draw_pivot(ui, _draw_numbers(ui, camera, furthest))
    if changed != camera:
        actions.append(act.MoveCamera(changed))
    if state.model is not None and state.model.conditioned:
        actions += _draw_identity(ui, state)
    return actions + _draw_buttons(ui)


def _draw_ways(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Orbit or fly, the turntable with its speed, and what scrolling does."""
    way = state.navigation
    ui.label("Move", MODE_TIP)
    mode = ui.segments("camera.mode", MODES, way.mode)
    ui.label("Turntable", TURNTABLE_TIP)
    turntable = ui.switch("camera.turntable", "", way.turntable, tip=TURNTABLE_TIP)
    imgui.same_line()
    name, speed, form = "camera.turn_speed", math.degrees(way.turn_speed), "%.0f\u00b0 a second"
    degrees = ui.slider(name, speed, -180.0, 180.0, form, centred=True)
    changed = way
    if mode is not None:
        changed = replace(changed, mode=mode, held=frozenset())
    if turntable is not None:
        changed = replace(changed, turntable=turntable)
    if degrees is not None:
        changed = replace(changed, turn_speed=math.radians(degrees))
    actions: list[act.Action] = [cam.SetNavigation(changed)] if changed != way else []
    ui.label("Scrolling", SCROLLING_TIP)
    current = "trackpad" if state.preferences.trackpad else "wheel"
    scrolling = ui.segments("camera.scrolling", SCROLLING, current, tips=SCROLLING_TIPS)
    return [*actions, cam.SetTrackpad(scrolling == "trackpad")] if scrolling else actions


def _draw_numbers(ui: Ui, camera: Orbit, furthest: float) -> Orbit:
    """Three rows of two; the changed camera."""
    half = (imgui.get_content_region_avail().x - imgui.get_style().item_spacing.x) / 2
    yaw = _draw_angle(ui, "camera.yaw", "Yaw", camera.yaw, (-math.pi, math.pi), half, TO_TYPE[1:])
    imgui.same_line()
    limits = (-MAX_PITCH, MAX_PITCH)
    pitch = _draw_angle(ui, "camera.pitch", "Pitch", camera.pitch, limits, half, TO_TYPE[1:])
    form = "Distance  %.2f"
    radius = ui.slider(
        "camera.distance", camera.radius, 0.3, furthest, form, width=half, tip=DISTANCE_TIP
    )
    imgui.same_line()
    fov = _draw_angle(ui, "camera.fov", "Angle", camera.fov, (MIN_FOV, MAX_FOV), half, ANGLE_TIP)
    limits = (-math.pi, math.pi)
    roll = _draw_angle(ui, "camera.roll", "Roll", camera.roll, limits, half, ROLL_TIP)
    imgui.same_line()
    rolled = bool(camera.roll)
    if ui.button("camera.upright", "Upright", width=half, enabled=rolled, tip=UPRIGHT_TIP):
        roll = 0.0
    if radius is not None:
        camera = replace(camera, radius=max(radius, 0.01))
    return replace(camera, yaw=yaw, pitch=pitch, fov=fov, roll=roll)


def _draw_pivot(ui: Ui, camera: Orbit) -> Orbit:
    """Three numbers in a row; the changed camera."""
    ui.label("Pivot", PIVOT_TIP)
    gap = ui.px(4)
    width = (imgui.get_content_region_avail().x - 2 * gap) / 3
    pivot = list(camera.pivot)
    for index, axis in enumerate("xyz"):
        if index:
            imgui.same_line(0, gap)
        value = ui.number(
            f"camera.pivot.{axis}", pivot[index], form=f"{axis} %.3f", speed=0.005, width=width
        )
        ui.tip(PIVOT_TIP)
        if value is not None:
            pivot[index] = value
    return replace(camera, pivot=(pivot[0], pivot[1], pivot[2]))


def _draw_identity(ui: Ui, state: ViewerState) -> list[act.Action]:
    """Which camera the mapping network is told of."""
    assert state.model is not None
    home, pose = state.model.home, state.view.conditioning
    ui.label("Identity", IDENTITY_TIP)
    choice = ui.segments("camera.identity", IDENTITIES, "model" if pose is None else "own")
    ui.tip(IDENTITY_TIP)
    changed, kept = pose, f"camera.identity of {home}"  # another scale has other poses
    if pose is not None:
        changed = ui.choices[kept] = _draw_pose(ui, pose, state.view.camera)
    if choice is not None:
        changed = ui.choices.get(kept, home) if choice == "own" else None
    return [cam.SetConditioning(changed)] if changed != pose else []


def _draw_pose(ui: Ui, pose: Orbit, present: Orbit) -> Orbit:
    """The angles of the pose, and a button that takes the `present` camera; the changed pose."""
    side = imgui.get_frame_height()
    gap = imgui.get_style().item_spacing.x
    width = (imgui.get_content_region_avail().x - side - 2 * gap) / 2
    yaw = _draw_angle(ui, "identity.yaw", "Yaw", pose.yaw, (-math.pi, math.pi), width, IDENTITY_TIP)
    imgui.same_line()
    limits = (-MAX_PITCH, MAX_PITCH)
    pitch = _draw_angle(ui, "identity.pitch", "Pitch", pose.pitch, limits, width, IDENTITY_TIP)
    imgui.same_line()
    if ui.icon_button("identity.take", icons.CAMERA, "Take the camera that you look through"):
        return present
    return replace(pose, yaw=yaw, pitch=pitch)


def _draw_buttons(ui: Ui) -> list[act.Action]:
    """Reset, the clipboard, and files for other programs."""
    gap = imgui.get_style().item_spacing.x
    third = (imgui.get_content_region_avail().x - 2 * gap) / 3
    actions: list[act.Action] = []
    if ui.button("camera.reset", "Reset", icon=icons.RESET, width=third, tip=RESET_TIP):
        actions.append(act.ResetCamera())
    imgui.same_line()
    if ui.button("camera.copy", "Copy", width=third, tip=COPY_TIP):
        actions.append(cam.CopyCamera())
    imgui.same_line()
    if ui.button("camera.paste", "Paste", width=third, tip=PASTE_TIP):
        actions.append(cam.PasteCamera())
    ui.label("Save for")
    half = (imgui.get_content_region_avail().x - gap) / 2
    for index, (convention, title) in enumerate(FILES):
        if index:
            imgui.same_line()
        tip = FILE_TIPS[convention]
        if ui.button(f"camera.save.{convention}", title, width=half, tip=tip):
            actions.append(cam.SaveCamera(convention))
    return actions


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
    degrees = ui.slider(
        name, math.degrees(value), low, high, form, width=width, tip=tip, centred=low < 0 < high
    )
    return value if degrees is None else math.radians(min(max(degrees, low), high))
