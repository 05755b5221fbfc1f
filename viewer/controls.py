"""Mouse and keys in the picture -> actions. Pure functions of events, camera and state.

What keys do stands in commands.py.
"""

import math
from dataclasses import dataclass, replace

from ballgan.view import Orbit

from . import actions as act
from .commands import press
from .events import Dropped, Event, KeyPressed, PointerButton, PointerMoved, Scrolled
from .layout import Rect
from .state import ViewerState

ORBIT_SPEED = math.pi  # radians for a drag across the picture
ZOOM_STEP = 0.1  # logarithm of the distance for a step of the wheel


@dataclass(frozen=True)
class Grip:
    """What the pointer is doing in the picture."""

    mode: str = ""  # "orbit", "pan" or nothing
    button: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Reach:
    """Where events count: the stage beside the panel, and the square picture in it."""

    stage: Rect
    picture: Rect
    pointer_taken: bool = False  # a panel, popup or notice has the pointer
    keys_taken: bool = False  # someone is typing


def handle(
    event: Event, grip: Grip, state: ViewerState, reach: Reach
) -> tuple[Grip, list[act.Action]]:
    """What an event means: the grip after it, and actions."""
    if isinstance(event, PointerButton):
        return _grip_or_release(event, grip, reach), []
    if isinstance(event, PointerMoved):
        return _drag(event, grip, state, reach)
    if isinstance(event, Scrolled):
        if reach.pointer_taken or not reach.stage.contains(event.x, event.y) or not event.dy:
            return grip, []
        return grip, [act.MoveCamera(zoom(state.view.camera, event.dy))]
    if isinstance(event, KeyPressed):
        return grip, [] if reach.keys_taken else press(event.key, event.mods, state)
    if isinstance(event, Dropped):
        return grip, [act.OpenFile(path) for path in event.paths]
    return grip, []


def ends_stroke(event: Event) -> bool:
    """Whether what comes next is another step of the history: a button or a key went down."""
    if isinstance(event, KeyPressed):
        return not event.repeated
    return isinstance(event, PointerButton) and event.pressed


def orbit(camera: Orbit, dx: float, dy: float) -> Orbit:
    """The camera after a drag by fractions of the picture's height; the object follows."""
    return replace(
        camera,
        yaw=camera.yaw - ORBIT_SPEED * dx,
        pitch=camera.pitch + ORBIT_SPEED * dy,
    )


def pan(camera: Orbit, dx: float, dy: float) -> Orbit:
    """The camera after a drag by fractions of the picture; the pivot stays under the pointer."""
    right, up = image_axes(camera)
    extent = 2 * camera.radius * math.tan(camera.fov / 2)
    x, y, z = (
        p - extent * (dx * r - dy * u) for p, r, u in zip(camera.pivot, right, up, strict=True)
    )
    return replace(camera, pivot=(x, y, z))


def zoom(camera: Orbit, steps: float) -> Orbit:
    """The camera after `steps` of the wheel; positive ones go closer."""
    return replace(camera, radius=camera.radius * math.exp(-ZOOM_STEP * steps))


def image_axes(
    camera: Orbit,
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """World directions that point right and up in the picture."""
    sin_yaw, cos_yaw = math.sin(camera.yaw), math.cos(camera.yaw)
    sin_pitch, cos_pitch = math.sin(camera.pitch), math.cos(camera.pitch)
    return (cos_yaw, 0.0, -sin_yaw), (-sin_pitch * sin_yaw, cos_pitch, -sin_pitch * cos_yaw)


def _grip_or_release(event: PointerButton, grip: Grip, reach: Reach) -> Grip:
    if not event.pressed:
        return Grip() if event.button == grip.button else grip
    if grip.mode or reach.pointer_taken or not reach.stage.contains(event.x, event.y):
        return grip
    panning = event.button != "left" or "shift" in event.mods
    return Grip("pan" if panning else "orbit", event.button, event.x, event.y)


def _drag(
    event: PointerMoved, grip: Grip, state: ViewerState, reach: Reach
) -> tuple[Grip, list[act.Action]]:
    side = max(reach.picture.height, 1.0)
    dx, dy = (event.x - grip.x) / side, (event.y - grip.y) / side
    if not grip.mode or not (dx or dy):
        return grip, []
    move = orbit if grip.mode == "orbit" else pan
    camera = move(state.view.camera, dx, dy)
    return replace(grip, x=event.x, y=event.y), [act.MoveCamera(camera)]
