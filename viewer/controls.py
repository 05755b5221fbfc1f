"""Mouse and keys in the picture -> actions. Pure functions of events, camera and state.

What keys do stands in commands; what movements mean, in navigation.py.
"""

from dataclasses import dataclass, replace

from ballgan.view import Orbit

from . import actions as act
from . import navigation
from .actions import camera as cam
from .commands import press
from .events import (
    Dropped,
    Event,
    FocusLost,
    KeyPressed,
    KeyReleased,
    PointerButton,
    PointerMoved,
    Scrolled,
)
from .layout import Rect
from .state import ViewerState
from .state.camera import looked, widened, zoomed

Actions = list[act.Action]
SCROLL_REACH = 0.025  # of the picture's height, what a step of scrolling orbits or pans
DRAG_ZOOM = 30.0  # steps of the wheel for a drag across the picture


@dataclass(frozen=True)
class Grip:
    """What the pointer is doing in the picture."""

    mode: str = ""  # "orbit", "pan", "zoom", "roll" or nothing
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

    def holds(self, x: float, y: float) -> bool:
        """Whether the pointer is free and over the stage."""
        return not self.pointer_taken and self.stage.contains(x, y)


def handle(event: Event, grip: Grip, state: ViewerState, reach: Reach) -> tuple[Grip, Actions]:
    """What an event means: the grip after it, and actions."""
    if isinstance(event, PointerButton):
        if event.double and event.button == "left" and reach.holds(event.x, event.y):
            return Grip(), _pick(reach.picture.place(event.x, event.y))
        return _grip_or_release(event, grip, reach), []
    if isinstance(event, PointerMoved):
        return _drag(event, grip, state, reach)
    if isinstance(event, Scrolled):
        return grip, _scroll(event, state, reach) if reach.holds(event.x, event.y) else []
    if isinstance(event, KeyPressed):
        return grip, [] if _is_typed(event, state, reach) else _press(event, state)
    if isinstance(event, KeyReleased):
        held = event.position in state.navigation.held
        return grip, [cam.HoldKey(event.position, down=False)] if held else []
    if isinstance(event, FocusLost):
        return Grip(), [cam.ReleaseKeys()]
    if isinstance(event, Dropped):
        return grip, [act.OpenFile(path) for path in event.paths]
    return grip, []


def ends_stroke(event: Event, reach: Reach) -> bool:
    """Whether what comes next is another step of the history: a button or a key went down. What is
    typed in one go is one step."""
    if isinstance(event, KeyPressed):
        return not (event.repeated or reach.keys_taken)
    return isinstance(event, PointerButton) and event.pressed


def _is_typed(event: KeyPressed, state: ViewerState, reach: Reach) -> bool:
    """Whether a key is for the line in which someone types. An overlay has one, and closes by its
    own key all the same, unless that is a letter."""
    return reach.keys_taken and not (
        state.overlay and (event.key == "F1" or event.mods & {"control", "super"})
    )


def _grip_or_release(event: PointerButton, grip: Grip, reach: Reach) -> Grip:
    if not event.pressed:
        return Grip() if event.button == grip.button else grip
    if grip.mode or not reach.holds(event.x, event.y):
        return grip
    mode = "orbit" if event.button == "left" else "pan"
    zooms = bool(event.mods & {"control", "super"})
    if "shift" in event.mods:
        mode = "roll" if zooms else "pan"
    elif zooms:
        mode = "zoom"
    return Grip(mode, event.button, event.x, event.y)


def _drag(
    event: PointerMoved, grip: Grip, state: ViewerState, reach: Reach
) -> tuple[Grip, Actions]:
    side = max(reach.picture.height, 1.0)
    dx, dy = (event.x - grip.x) / side, (event.y - grip.y) / side
    if not grip.mode or not (dx or dy):
        return grip, []
    if grip.mode == "roll":
        ends = ((grip.x, grip.y), (event.x, event.y))
        start, end = (_from_middle(reach.picture, *place) for place in ends)
        camera = navigation.roll(state.camera, start, end)
    else:
        camera = _moved(grip.mode, dx, dy, state)
    return replace(grip, x=event.x, y=event.y), [act.MoveCamera(camera)]


def _from_middle(picture: Rect, x: float, y: float) -> tuple[float, float]:
    """A point as seen from the picture's middle, in its height."""
    (middle_x, middle_y), side = picture.centre, max(picture.height, 1.0)
    return (x - middle_x) / side, (y - middle_y) / side


def _moved(mode: str, dx: float, dy: float, state: ViewerState) -> Orbit:
    """The camera after a drag, or what scrolls like one."""
    camera = state.camera
    if mode == "zoom":
        return zoomed(state, -DRAG_ZOOM * dy, (0.5, 0.5))
    if mode == "pan":
        return navigation.pan(camera, dx, dy)
    return looked(state, dx, dy) if state.navigation.flies else navigation.orbit(camera, dx, dy)


def _scroll(event: Scrolled, state: ViewerState, reach: Reach) -> Actions:
    """A wheel zooms. Scrolling on a trackpad, also sideways, moves as a drag does; Shift pans.

    Systems report a pinch as scrolling with Control, and sideways scrolling of a wheel with Shift.
    """
    if "alt" in event.mods:
        return [act.MoveCamera(widened(state, event.dy))] if event.dy else []
    zooms = bool(event.mods & {"control", "super"}) or not state.preferences.trackpad
    if "shift" not in event.mods and zooms and event.dy:
        camera = zoomed(state, event.dy, reach.picture.place(event.x, event.y))
        return [act.MoveCamera(camera)]
    dx, dy = SCROLL_REACH * event.dx, SCROLL_REACH * event.dy
    if not (dx or dy):
        return []
    mode = "pan" if "shift" in event.mods else "orbit"
    return [act.MoveCamera(_moved(mode, dx, dy, state))]


def _press(event: KeyPressed, state: ViewerState) -> Actions:
    flies = state.navigation.flies and event.mods <= {"shift"} and not state.overlay
    if flies and event.position in navigation.FLY_KEYS:  # under the left hand on any layout
        return [cam.HoldKey(event.position, fast="shift" in event.mods)]
    return press(event.key, event.mods, state, repeated=event.repeated)


def _pick(place: tuple[float, float]) -> Actions:
    inside = all(0 <= coordinate <= 1 for coordinate in place)
    return [cam.PickPivot(place)] if inside else []
