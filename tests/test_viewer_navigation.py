"""How the camera moves."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.navigation import (
    FLY_SPEED,
    SIDES,
    aim,
    eye_position,
    face,
    fly,
    look,
    move,
    pan,
    ray_direction,
    zoom,
)
from ballgan_viewer.panels.cube import FACES, project
from ballgan_viewer.state import Navigation, ViewerState, apply
from ballgan_viewer.state.camera import widened, with_camera, zoomed

from ballgan.camera_text import to_camera
from ballgan.view import MAX_FOV, MIN_FOV, NEAREST, Orbit, View

CAMERA = Orbit(yaw=0.6, pitch=-0.3, radius=2.0, pivot=(0.1, 0.0, -0.1), fov=0.5)


@pytest.mark.parametrize("distance", [0.9, 2.0, 5.0])
def test_what_is_zoomed_at_stays_in_its_place_however_far_away(distance: float) -> None:
    place = (0.8, 0.3)
    point = move(eye_position(CAMERA), ray_direction(CAMERA, *place), distance)
    closer = zoom(CAMERA, 3.0, place)
    towards = np.array(point) - np.array(eye_position(closer))
    assert closer.radius < CAMERA.radius
    assert towards / np.linalg.norm(towards) == pytest.approx(ray_direction(closer, *place))


@pytest.mark.parametrize("shift", [0.0, 0.04])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.0), (0.8, 0.3)])
def test_rays_are_those_of_the_library(place: tuple[float, float], shift: float) -> None:
    camera = to_camera(CAMERA).shifted(shift, shift)
    rays = camera.rays(40, 40).directions.view(40, 40, 3).numpy()
    column, row = min(int(40 * place[0]), 39), min(int(40 * place[1]), 39)
    centre = ((column + 0.5) / 40, (row + 0.5) / 40)
    assert ray_direction(CAMERA, *centre, shift) == pytest.approx(
        rays[row, column].tolist(), abs=1e-6
    )


@pytest.mark.parametrize(
    ("keys", "step"),
    [("W", (0, 0, 1)), ("S", (0, 0, -1)), ("D", (1, 0, 0)), ("A", (-1, 0, 0)), ("E", (0, 1, 0))],
)
def test_keys_move_the_eye_along_the_axes_of_the_picture(
    keys: str, step: tuple[float, float, float]
) -> None:
    after = fly(CAMERA, frozenset(keys), 0.3, NEAREST)
    pose = np.array(to_camera(CAMERA).cam2world)[:3, :3]  # x right, y down, z ahead
    expected = eye_position(CAMERA) + 0.3 * pose @ (np.array(step) * (1, -1, 1))
    assert eye_position(after) == pytest.approx(expected.tolist())
    assert (after.yaw, after.pitch) == (CAMERA.yaw, CAMERA.pitch)


def test_two_keys_are_no_faster_and_opposite_ones_stand_still() -> None:
    moved = fly(CAMERA, frozenset("WD"), 0.3, NEAREST)
    assert math.dist(eye_position(moved), eye_position(CAMERA)) == pytest.approx(0.3)
    assert fly(CAMERA, frozenset("WS"), 0.3, NEAREST) == CAMERA


def test_flying_on_pushes_the_pivot() -> None:
    after = fly(CAMERA, frozenset("W"), 1.9, 0.4)
    assert after.radius == 0.4
    assert math.dist(eye_position(after), eye_position(CAMERA)) == pytest.approx(1.9)


def test_looking_about_keeps_the_eye_and_pulls_the_pivot_in() -> None:
    after = look(CAMERA, 2.0, 0.0, nearest=0.4, room=2.5)
    assert eye_position(after) == pytest.approx(eye_position(CAMERA))
    assert math.hypot(*after.pivot) <= 2.5 + 1e-9
    assert after.yaw == pytest.approx(CAMERA.yaw + 1.5)


def test_aiming_keeps_direction_and_size() -> None:
    point = (0.3, 0.2, 0.4)
    after = aim(CAMERA, point)
    assert after.pivot == point
    assert (after.yaw, after.pitch, after.fov) == (CAMERA.yaw, CAMERA.pitch, CAMERA.fov)
    depth = (np.array(to_camera(CAMERA).world2cam()) @ [*point, 1])[2]
    assert after.radius == pytest.approx(depth)


def test_time_turns_the_turntable_and_flies() -> None:
    state = ViewerState(navigation=Navigation(turntable=True, turn_speed=0.5))
    turned = apply(state, cam.Advance(0.1))
    assert turned.view.camera.yaw == pytest.approx(0.05)
    assert turned.history == state.history  # nobody did it
    held = ViewerState(navigation=Navigation(mode="fly", held=frozenset("D")))
    moved = apply(held, cam.Advance(0.1)).view.camera
    assert moved.pivot[0] == pytest.approx(0.1 * FLY_SPEED * Orbit().radius)
    assert apply(ViewerState(), cam.Advance(0.1)) == ViewerState()


@pytest.mark.parametrize("side", SIDES)
def test_a_side_faces_the_camera(side: str) -> None:
    state = apply(ViewerState(view=View(camera=CAMERA)), cam.FaceSide(side))
    camera = state.view.camera
    assert camera.direction == pytest.approx(FACES[side][0], abs=2e-3)
    assert (camera.pivot, camera.radius) == (CAMERA.pivot, CAMERA.radius)
    shapes = project(camera, (0.0, 0.0), 10.0)
    assert max(shapes, key=lambda name: shapes[name][0]) == side
    corners = np.array(shapes[side][1])  # from its top left clockwise, y down
    assert corners == pytest.approx(np.array([(-10, -10), (10, -10), (10, 10), (-10, 10)]), abs=0.1)


def test_the_cube_shows_at_most_three_faces() -> None:
    shapes = project(CAMERA, (0.0, 0.0), 10.0)
    assert set(shapes) == {"front", "right", "bottom"}
    assert face(pan(CAMERA, 0.1, 0.1), "top").pitch == pytest.approx(math.pi / 2)


@pytest.mark.parametrize("steps", [-1e6, 1e6])
def test_a_drag_across_a_picture_of_a_pixel_goes_to_the_limits(steps: float) -> None:
    state = ViewerState()
    farthest = with_camera(state, replace(state.camera, radius=1e9)).view.camera.radius
    nearest = with_camera(state, replace(state.camera, radius=0.0)).view.camera.radius
    limit = nearest if steps > 0 else farthest
    assert zoomed(state, steps, (0.5, 0.5)).radius == pytest.approx(limit)
    fov = MAX_FOV if steps > 0 else MIN_FOV
    assert widened(state, steps).fov == pytest.approx(fov, rel=0.3)
