"""Mouse and keys -> actions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.commands import COMMANDS
from ballgan_viewer.controls import Grip, Reach, handle
from ballgan_viewer.events import (
    Dropped,
    Event,
    FocusLost,
    KeyPressed,
    KeyReleased,
    PointerButton,
    PointerMoved,
    Scrolled,
)
from ballgan_viewer.layout import arrange
from ballgan_viewer.navigation import eye_position, image_axes, orbit, pan, zoom
from ballgan_viewer.picture import world_to_clip
from ballgan_viewer.preferences import Preferences
from ballgan_viewer.state import Navigation, ViewerState, apply
from viewer_states import with_model

import ballgan
from ballgan.staging import to_camera
from ballgan.view import NEAREST, Orbit, View

LAYOUT = arrange(1280, 800, 1.0)
REACH = Reach(LAYOUT.stage, LAYOUT.picture)
CENTRE = LAYOUT.picture.centre
SHIFT, CONTROL = frozenset({"shift"}), frozenset({"control"})


def follow(*events: Event, reach: Reach = REACH) -> list[act.Action]:
    grip, actions = Grip(), []
    for event in events:
        grip, given = handle(event, grip, ViewerState(), reach)
        actions += given
    return actions


def drag(button: str = "left", mods: frozenset[str] = frozenset()) -> list[Event]:
    x, y = CENTRE
    return [
        PointerButton(x, y, button, True, mods),
        PointerMoved(x + 77, y),
        PointerButton(x + 77, y, button, False),
        PointerMoved(x + 200, y),
    ]


def test_left_drag_orbits_so_that_the_object_follows() -> None:
    (action,) = follow(*drag())
    assert isinstance(action, act.MoveCamera)
    assert action.camera.yaw == pytest.approx(-math.pi * 77 / LAYOUT.picture.height)
    assert action.camera.pitch == 0


@pytest.mark.parametrize(
    ("button", "mods"), [("right", frozenset()), ("middle", frozenset()), ("left", SHIFT)]
)
def test_other_drags_pan(button: str, mods: frozenset[str]) -> None:
    (action,) = follow(*drag(button, mods))
    assert isinstance(action, act.MoveCamera)
    assert action.camera.yaw == 0
    assert action.camera.pivot[0] < 0


def test_dragging_down_raises_the_camera() -> None:
    assert orbit(Orbit(), 0.0, 0.1).pitch > 0


def test_drags_that_begin_in_the_panel_do_nothing() -> None:
    x, y = LAYOUT.panel.centre
    assert follow(PointerButton(x, y, "left", True), PointerMoved(100, 100)) == []
    assert follow(*drag(), reach=replace(REACH, pointer_taken=True)) == []


def test_the_wheel_zooms_in_the_stage_only() -> None:
    (action,) = follow(Scrolled(*CENTRE, 0, 1))
    assert isinstance(action, act.MoveCamera)
    assert action.camera.radius < Orbit().radius
    assert follow(Scrolled(*LAYOUT.panel.centre, 0, 1)) == []
    assert zoom(zoom(Orbit(), 3), -3).radius == pytest.approx(Orbit().radius)


@pytest.mark.parametrize(
    "camera", [Orbit(), Orbit(roll=0.8), Orbit(yaw=2.0, pitch=-0.6, pivot=(0.3, 0.1, 0.0))]
)
def test_panning_keeps_the_pivot_under_the_pointer(camera: Orbit) -> None:
    moved = pan(camera, 0.25, -0.125)
    x, y, _, w = world_to_clip(moved) @ [*camera.pivot, 1.0]
    assert (x / w / 2, -y / w / 2) == pytest.approx((0.25, -0.125))


@pytest.mark.parametrize("shift", [0.0, 0.04])
@pytest.mark.parametrize(
    "camera", [Orbit(), Orbit(yaw=-1.2, pitch=0.7, pivot=(0.0, 0.1, 0.2), roll=-2.0)]
)
def test_surface_and_renderer_see_the_same(camera: Orbit, shift: float) -> None:
    pose = np.array(to_camera(camera).resolve(ballgan.ModelConfig().camera).cam2world)
    right, up = image_axes(camera)
    assert pose[:3, 0] == pytest.approx(np.array(right))
    assert pose[:3, 1] == pytest.approx(-np.array(up))
    point = np.array([0.2, -0.1, 0.15])
    local = np.linalg.inv(pose) @ [*point, 1]
    focal = 0.5 / math.tan(camera.fov / 2)
    u, v = (focal * part / local[2] + 0.5 + shift for part in local[:2])
    x, y, z, w = world_to_clip(camera, shift) @ [*point, 1]
    assert ((x / w + 1) / 2, (1 - y / w) / 2) == pytest.approx((u, v))
    assert -1 < z / w < 1


def test_keys() -> None:
    assert follow(KeyPressed("B")) == [act.ToggleBackground()]
    assert follow(KeyPressed("8")) == [act.SetLayer("surface")]
    assert follow(KeyPressed("O", frozenset({"super"}))) == [act.Browse("model")]
    assert follow(KeyPressed("Z", CONTROL)) == []  # there is nothing to undo
    assert follow(KeyPressed("O", CONTROL | SHIFT)) == [act.Browse("session")]
    assert follow(KeyPressed("B", SHIFT)) == []
    assert follow(KeyPressed("B"), reach=replace(REACH, keys_taken=True)) == []


@pytest.mark.parametrize(
    ("key", "mods", "repeats"),
    [
        ("Right", frozenset(), True),
        ("[", frozenset(), True),
        ("-", CONTROL, True),
        ("S", frozenset(), False),
        ("B", frozenset(), False),
        ("/", SHIFT, False),
    ],
)
def test_a_held_key_repeats_only_what_goes_on(
    key: str, mods: frozenset[str], repeats: bool
) -> None:
    state = with_model()
    first, again = (
        handle(KeyPressed(key, mods, repeated), Grip(), state, REACH)[1]
        for repeated in (False, True)
    )
    assert first != [] and again == (first if repeats else [])


@pytest.mark.parametrize("overlay", ["keys", "palette"])
def test_keys_rest_under_an_overlay(overlay: str) -> None:
    state = replace(with_model(), overlay=overlay, navigation=Navigation(mode="fly"))
    for event in KeyPressed("B"), KeyPressed("N"), KeyPressed("W", position="W"):
        assert handle(event, Grip(), state, REACH)[1] == []
    (action,) = handle(KeyPressed("K", CONTROL), Grip(), state, REACH)[1]
    assert action == act.ShowOverlay("" if overlay == "palette" else "palette")


def test_no_key_is_used_twice() -> None:
    used = [keys for row in COMMANDS for keys in row.keys]
    assert len(used) == len(set(used))


def test_dropped_files_are_looked_into() -> None:
    paths = ("/a/Photo.JPG", "/b/model.pkl", "/c/notes")
    assert follow(Dropped(paths)) == [act.OpenFile(path) for path in paths]


@pytest.mark.parametrize("size", [(1280, 800), (300, 900), (1, 1), (5000, 300)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_picture_is_the_largest_square_beside_the_panel(
    size: tuple[int, int], scale: float
) -> None:
    layout = arrange(*size, scale)
    picture, stage = layout.picture, layout.stage
    assert picture.width == picture.height >= 1
    assert picture.width in (pytest.approx(max(min(stage.width, stage.height), 1)),)
    assert stage.width + layout.panel.width == size[0]
    assert stage.height + layout.status.height == size[1]


def scroll(
    dx: float,
    dy: float,
    *mods: str,
    trackpad: bool = False,
    at: tuple[float, float] = CENTRE,
    navigation: Navigation | None = None,
) -> Orbit:
    """The camera after scrolling."""
    state = ViewerState(preferences=Preferences(trackpad=trackpad))
    state = replace(state, navigation=navigation or Navigation())
    _, (action,) = handle(Scrolled(*at, dx, dy, frozenset(mods)), Grip(), state, REACH)
    assert isinstance(action, act.MoveCamera)
    return action.camera


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.2, 0.7), (0.9, 0.1)])
def test_the_wheel_zooms_to_what_is_under_the_pointer(place: tuple[float, float]) -> None:
    picture = LAYOUT.picture
    at = (picture.x + place[0] * picture.width, picture.y + place[1] * picture.height)
    before, after = Orbit(), scroll(0, 3, at=at)
    right, up = image_axes(before)
    extent = 2 * before.radius * math.tan(before.fov / 2)
    seen = [
        extent * ((place[0] - 0.5) * r + (0.5 - place[1]) * u)
        for r, u in zip(right, up, strict=True)
    ]
    x, y, _, w = world_to_clip(after) @ [*seen, 1.0]
    assert ((1 + x / w) / 2, (1 - y / w) / 2) == pytest.approx(place)
    assert after.radius == pytest.approx(before.radius * math.exp(-0.3))


def test_zooming_at_the_nearest_distance_does_not_drift() -> None:
    state = ViewerState(view=View(camera=Orbit(radius=NEAREST * Orbit().radius)))
    _, (action,) = handle(Scrolled(LAYOUT.picture.x + 5, 50, 0, 4), Grip(), state, REACH)
    assert isinstance(action, act.MoveCamera)
    assert action.camera == state.view.camera


def test_a_trackpad_orbits_pans_with_shift_and_zooms_with_a_pinch() -> None:
    home = Orbit()
    assert scroll(2, -1, trackpad=True).yaw < 0 > scroll(2, -1, trackpad=True).pitch
    assert scroll(2, 1, "shift", trackpad=True).pivot[0] < 0
    for trackpad in True, False:
        assert scroll(0, 1, "control", trackpad=trackpad).radius < home.radius
        assert scroll(3, 0, trackpad=trackpad).yaw < 0  # sideways never zooms


def test_alt_and_wheel_widen_the_angle_and_keep_the_size() -> None:
    wide = scroll(0, 4, "alt")
    assert wide.fov > Orbit().fov
    size = Orbit().radius * math.tan(Orbit().fov / 2)
    assert wide.radius * math.tan(wide.fov / 2) == pytest.approx(size)
    narrow = scroll(0, -400, "alt")  # as far away as the background lets it
    assert narrow.radius == pytest.approx(scroll(0, -400).radius)
    assert narrow.radius * math.tan(narrow.fov / 2) == pytest.approx(size)


def test_control_drag_zooms() -> None:
    x, y = CENTRE
    events = [PointerButton(x, y, "left", True, frozenset({"control"})), PointerMoved(x, y + 50)]
    (action,) = follow(*events)
    assert isinstance(action, act.MoveCamera)
    assert action.camera.radius > Orbit().radius


def test_a_double_click_picks_a_pivot_in_the_picture() -> None:
    x, y = LAYOUT.picture.x + 1, LAYOUT.picture.y + LAYOUT.picture.height / 2
    (action,) = follow(PointerButton(x, y, "left", True, double=True))
    assert isinstance(action, cam.PickPivot)
    assert action.place == pytest.approx((1 / LAYOUT.picture.width, 0.5))
    beside = PointerButton(LAYOUT.picture.x - 2, y, "left", True, double=True)
    assert follow(beside) == []
    assert follow(PointerButton(*LAYOUT.panel.centre, "left", True, double=True)) == []


FLYING = ViewerState(navigation=Navigation(mode="fly"))


def test_keys_fly_only_in_flight() -> None:
    assert not any(isinstance(action, cam.HoldKey) for action in follow(KeyPressed("S")))
    _, (action,) = handle(KeyPressed("Z", SHIFT, position="W"), Grip(), FLYING, REACH)
    assert action == cam.HoldKey("W", fast=True)
    state = apply(FLYING, action)
    assert state.navigation.held == {"W"} and state.navigation.fast
    _, (action,) = handle(KeyReleased("W"), Grip(), state, REACH)
    assert apply(state, action).navigation == FLYING.navigation
    _, (action,) = handle(FocusLost(), Grip(), state, REACH)
    assert apply(state, action).navigation == FLYING.navigation
    assert apply(ViewerState(), cam.HoldKey("W")) == ViewerState()
    for action in commands.run("camera.fly", state):
        state = apply(state, action)
    assert state.navigation == Navigation()  # neither a key nor Shift is held when it ends


def test_flight_drags_turn_the_head() -> None:
    grip = Grip("orbit", "left", *CENTRE)
    _, (action,) = handle(PointerMoved(CENTRE[0] + 60, CENTRE[1] - 30), grip, FLYING, REACH)
    assert isinstance(action, act.MoveCamera)
    before, after = FLYING.view.camera, action.camera
    assert eye_position(after) == pytest.approx(eye_position(before))
    assert after.yaw > before.yaw and after.pitch > before.pitch
