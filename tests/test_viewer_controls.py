"""Mouse and keys -> actions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import latent_actions as lat
from ballgan_viewer.commands import COMMANDS
from ballgan_viewer.controls import (
    Grip,
    Reach,
    handle,
    image_axes,
    orbit,
    pan,
    zoom,
)
from ballgan_viewer.events import Dropped, Event, KeyPressed, PointerButton, PointerMoved, Scrolled
from ballgan_viewer.layout import arrange
from ballgan_viewer.picture import world_to_clip
from ballgan_viewer.state import ViewerState

import ballgan
from ballgan.view import Orbit

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


@pytest.mark.parametrize("camera", [Orbit(), Orbit(yaw=2.0, pitch=-0.6, pivot=(0.3, 0.1, 0.0))])
def test_panning_keeps_the_pivot_under_the_pointer(camera: Orbit) -> None:
    moved = pan(camera, 0.25, -0.125)
    x, y, _, w = world_to_clip(moved) @ [*camera.pivot, 1.0]
    assert (x / w / 2, -y / w / 2) == pytest.approx((0.25, -0.125))


@pytest.mark.parametrize("camera", [Orbit(), Orbit(yaw=-1.2, pitch=0.7, pivot=(0.0, 0.1, 0.2))])
def test_surface_and_renderer_see_the_same(camera: Orbit) -> None:
    pose = np.array(
        ballgan.Camera.orbit(
            camera.yaw, camera.pitch, radius=camera.radius, pivot=camera.pivot, fov=camera.fov
        )
        .resolve(ballgan.ModelConfig().camera)
        .cam2world
    )
    right, up = image_axes(camera)
    assert pose[:3, 0] == pytest.approx(np.array(right))
    assert pose[:3, 1] == pytest.approx(-np.array(up))
    point = np.array([0.2, -0.1, 0.15])
    local = np.linalg.inv(pose) @ [*point, 1]
    focal = 0.5 / math.tan(camera.fov / 2)
    u, v = focal * local[0] / local[2] + 0.5, focal * local[1] / local[2] + 0.5
    x, y, z, w = world_to_clip(camera) @ [*point, 1]
    assert ((x / w + 1) / 2, (1 - y / w) / 2) == pytest.approx((u, v))
    assert -1 < z / w < 1


def test_keys() -> None:
    assert follow(KeyPressed("B")) == [act.ToggleBackground()]
    assert follow(KeyPressed("Right", SHIFT)) == [lat.StepSeed("background", 1)]
    assert follow(KeyPressed("8")) == [act.SetLayer("surface")]
    assert follow(KeyPressed("O", frozenset({"super"}))) == [act.Browse("model")]
    assert follow(KeyPressed("Z", CONTROL)) == []  # there is nothing to undo
    assert follow(KeyPressed("O", CONTROL | SHIFT)) == [act.Browse("session")]
    assert follow(KeyPressed("B", SHIFT)) == []
    assert follow(KeyPressed("B"), reach=replace(REACH, keys_taken=True)) == []


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
