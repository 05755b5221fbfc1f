"""How the camera moves, and what the mapping network is told of it."""

from dataclasses import replace

from ballgan.view import NEAREST, PIVOT_ROOM, Orbit

from .. import navigation
from ..actions import camera as cam
from .reduce import glide_to, reduce, with_camera, with_view
from .values import ViewerState


@reduce.register
def _(action: cam.SetNavigation, state: ViewerState) -> ViewerState:
    return replace(state, navigation=action.navigation)


@reduce.register
def _(action: cam.HoldKey, state: ViewerState) -> ViewerState:
    present = state.navigation
    held = present.held - {action.key}
    if action.down and present.flies:
        held |= {action.key}
    fast = action.fast if action.down else present.fast
    if (held, fast) == (present.held, present.fast):
        return state
    return replace(state, navigation=replace(present, held=held, fast=fast and bool(held)))


@reduce.register
def _(action: cam.ReleaseKeys, state: ViewerState) -> ViewerState:
    return replace(state, navigation=state.navigation.released)


@reduce.register
def _(action: cam.Advance, state: ViewerState) -> ViewerState:
    way, camera = state.navigation, state.view.camera
    if state.glide is not None:  # nothing else moves the camera until it is there
        seconds = state.glide.seconds + action.seconds
        there = seconds >= navigation.GLIDE_SECONDS
        return replace(state, glide=None if there else replace(state.glide, seconds=seconds))
    if way.turntable:
        camera = replace(camera, yaw=camera.yaw + way.turn_speed * action.seconds)
    if way.held:
        home = state.model.home if state.model else Orbit()
        speed = navigation.FLY_SPEED * home.radius * (navigation.FAST if way.fast else 1.0)
        distance = speed * action.seconds
        camera = navigation.fly(camera, way.held, distance, NEAREST * home.radius)
    return state if camera == state.view.camera else with_camera(state, camera)


@reduce.register
def _(action: cam.FaceSide, state: ViewerState) -> ViewerState:
    return glide_to(state, navigation.face(state.view.camera, action.side))


@reduce.register
def _(action: cam.GlideTo, state: ViewerState) -> ViewerState:
    return glide_to(state, action.camera)


@reduce.register
def _(action: cam.RollBy, state: ViewerState) -> ViewerState:
    camera = state.view.camera
    return glide_to(state, replace(camera, roll=camera.roll + action.angle))


@reduce.register
def _(action: cam.SetUpright, state: ViewerState) -> ViewerState:
    return glide_to(state, replace(state.view.camera, roll=0.0))


@reduce.register
def _(action: cam.SetConditioning, state: ViewerState) -> ViewerState:
    return with_view(state, conditioning=action.pose)


@reduce.register
def _(action: cam.SetTrackpad, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, trackpad=action.on))


@reduce.register
def _(action: cam.SetGlide, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, glide=action.on))


def zoomed(state: ViewerState, steps: float, at: tuple[float, float]) -> Orbit:
    """The camera closer by `steps` of the wheel, as close as it may be, towards a place."""
    camera = state.camera
    wanted = replace(camera, radius=navigation.zoom(camera, steps).radius)
    allowed = with_camera(state, wanted).view.camera.radius
    return navigation.zoom_to(camera, allowed, at)


def widened(state: ViewerState, steps: float) -> Orbit:
    """The camera with a wider angle of view, as far as it can be so far away, or so close, that the
    pivot stays as large as it is."""
    camera = state.camera
    wanted = navigation.widen(camera, steps)
    allowed = with_camera(state, wanted).view.camera.radius
    return navigation.widen_to(camera, allowed) if allowed != wanted.radius else wanted


def looked(state: ViewerState, dx: float, dy: float) -> Orbit:
    """The camera with its head turned, with a pivot that it may have."""
    home = state.model.home if state.model else Orbit()
    limit = state.model.camera_limit if state.model else 4 * home.radius
    nearest, room = NEAREST * home.radius, PIVOT_ROOM * limit
    return navigation.look(state.camera, dx, dy, nearest, room)
