"""The camera through the real window: mouse, keys, clipboard, files."""

import json
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import cameras
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.navigation import GLIDE_SECONDS
from viewer_driver import CENTRE, open_app, play, settle

from ballgan.camera_text import (
    decode_cameras,
    decode_first,
    encode_camera,
    encode_cameras,
    to_camera,
)
from ballgan.session import read_session
from ballgan.view import MAX_FOV, MAX_PITCH, NEAREST, Orbit


@pytest.fixture(scope="module")
def opened(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
        with open_app(model_file) as app:
            settle(app)
            yield app


@pytest.fixture
def app(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The window as it was when it opened."""
    monkeypatch.chdir(tmp_path)
    state = opened.state
    yield opened
    opened.state = state


def camera_of(app: Any) -> Orbit:
    return app.state.view.camera


def last_notice(app: Any) -> tuple[str, str]:
    return app.state.notices[-1].level, app.state.notices[-1].text


def test_flight_by_keys_and_back(app: Any) -> None:
    home = camera_of(app)
    play(app, {"key": "V"}, {"hold": ["D", "W"], "seconds": 0.3})
    flown = camera_of(app)
    assert flown.pivot[0] > home.pivot[0] + 0.01
    assert flown.radius < home.radius - 0.01
    assert app.state.navigation.held == frozenset()
    play(app, {"drag": {"from": CENTRE, "to": [300, 280]}})
    assert camera_of(app).yaw > flown.yaw
    play(app, {"click": "camera.mode.orbit"}, {"key": "R"})
    assert camera_of(app) == home
    assert not app.state.navigation.flies


def test_the_turntable_turns_until_it_is_stopped(app: Any) -> None:
    play(app, {"click": "camera.turntable"})
    for _ in range(5):
        app.frame()
    turned = camera_of(app).yaw
    assert turned > 0
    play(app, {"key": "Space", "mods": ["shift"]})
    assert len(app.state.history.past) == 1  # where it began
    stopped = camera_of(app)
    app.frame()
    assert camera_of(app) == stopped
    settle(app)


def test_a_double_click_on_the_surface_centres_it(app: Any) -> None:
    before = camera_of(app)
    alpha, depth = app.easel.picture.alpha, app.easel.picture.depth
    assert alpha is not None and depth is not None
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    place = ((column + 0.5) / alpha.shape[1], (row + 0.5) / alpha.shape[0])
    area = app._arrange().picture
    at = [area.x + place[0] * area.width, area.y + place[1] * area.height]
    play(app, {"double_click": at})
    after = camera_of(app)
    x, y, z = (to_camera(before).world2cam() @ [*after.pivot, 1])[:3]
    focal = 0.5 / math.tan(before.fov / 2)
    assert (focal * x / z + 0.5, focal * y / z + 0.5) == pytest.approx(place, abs=0.01)
    assert after.radius == pytest.approx(z, abs=1e-6)
    assert 2.25 <= math.hypot(x, y, z) <= 3.3  # where the model has its foreground
    assert (after.yaw, after.pitch, after.fov) == (before.yaw, before.pitch, before.fov)
    play(app, {"key": "Z", "mods": ["control"]})
    assert camera_of(app) == before


def test_a_picture_that_is_saved_on_the_way_shows_the_way(app: Any) -> None:
    start = camera_of(app)
    app.dispatch(cam.GlideTo(replace(start, yaw=start.yaw + 1.0)))
    app.dispatch(cam.Advance(0.5 * GLIDE_SECONDS), act.SavePicture())
    play(app, {"wait": "captured"})
    saved = read_session(app.state.captured).view.camera
    assert saved.yaw == pytest.approx(start.yaw + 0.5, abs=1e-6)
    assert camera_of(app).yaw == pytest.approx(start.yaw + 1.0)


def test_copy_and_paste(app: Any) -> None:
    play(app, {"drag": {"from": CENTRE, "to": [330, 300]}}, {"key": "]"})
    play(app, {"key": "C", "mods": ["control"]})
    moved = camera_of(app)
    assert moved.roll > 0.05
    assert decode_first(app.window.clipboard) == moved
    play(app, {"key": "R"}, {"key": "V", "mods": ["control"]})
    assert camera_of(app) == moved
    play(app, {"command": "camera.copy_opengl"}, {"key": "R"}, {"click": "camera.paste"})
    assert to_camera(camera_of(app)).position == pytest.approx(to_camera(moved).position)
    frames = json.loads(app.window.clipboard)["frames"]
    assert frames[0]["file_path"] == "tiny-seed0.png"


def test_an_angle_of_view_that_cannot_be_shown_is_told(app: Any) -> None:
    wide = replace(camera_of(app), fov=math.radians(90))
    app.window.clipboard = encode_cameras({"wide": to_camera(wide)}, "opengl", 512)
    play(app, {"click": "camera.paste"})
    assert camera_of(app).fov == pytest.approx(MAX_FOV)
    text = "The camera was taken, with an angle of view of 80\u00b0: 90\u00b0 cannot be shown"
    assert last_notice(app) == ("info", text)
    wide = replace(wide, fov=math.radians(60))
    app.window.clipboard = encode_cameras({"wide": to_camera(wide)}, "opengl", 512)
    play(app, {"click": "camera.paste"})
    assert last_notice(app) == ("info", "The camera was taken")


def test_what_cannot_be_pasted_is_explained(app: Any) -> None:
    before = camera_of(app)
    for text, message in (
        ("", "There is no text on the clipboard"),
        ("hello", "What can be pasted: a camera copied here"),
        ("hello", "The text on the clipboard is not valid JSON"),
        ('{"frames": []}', "1 to 10000 cameras"),
    ):
        app.window.clipboard = text
        play(app, {"command": "camera.paste"})
        level, shown = last_notice(app)
        assert level == "error" and message in shown
        assert camera_of(app) == before
    app.window.clipboard = encode_camera(replace(before, radius=900.0))
    play(app, {"command": "camera.paste"})
    assert "moved to where the model can be seen" in last_notice(app)[1]
    assert camera_of(app).radius < app.state.model.camera_limit + 1
    assert not [n for n in app.state.notices if n.level == "error"]  # it has been put right


@pytest.mark.parametrize(("key", "name"), [("opencv", "cameras"), ("opengl", "transforms")])
def test_saved_cameras_can_be_read(app: Any, tmp_path: Path, key: str, name: str) -> None:
    play(app, {"click": f"camera.save.{key}"}, {"click": f"camera.save.{key}"})
    play(app, {"wait": "saved"})
    app.frame()
    assert last_notice(app)[1].startswith("Saved ")
    (camera,) = decode_cameras((tmp_path / f"{name}.json").read_text()).values()
    assert np.array(camera.cam2world) == pytest.approx(
        np.array(to_camera(camera_of(app)).cam2world)
    )
    assert len(list(tmp_path.glob(f"{name}*.json"))) == 2  # nothing is overwritten


def test_dropped_cameras_are_looked_through(app: Any, tmp_path: Path) -> None:
    wanted = replace(camera_of(app), yaw=0.5, radius=2.0)
    text = encode_cameras({"a.png": to_camera(wanted)}, "opengl", 64)
    (tmp_path / "transforms.json").write_text(text)
    (tmp_path / "broken.json").write_text('{"frames": [{"file_path": "a.png"}]}')
    play(app, {"drop": str(tmp_path / "transforms.json")}, {"wait": "loaded"})
    assert to_camera(camera_of(app)).position == pytest.approx(to_camera(wanted).position)
    play(app, {"drop": str(tmp_path / "broken.json")}, {"wait": "loaded"})
    assert "a.png: transform_matrix should be a 4x4 matrix" in last_notice(app)[1]


def test_the_window_does_not_wait_for_a_file_of_cameras(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def note(text: str, name: str = "") -> Any:
        threads.append(threading.current_thread().name)
        return decode_first(text, name)

    monkeypatch.setattr(cameras, "decode_first", note)
    (tmp_path / "transforms.json").write_text(
        encode_cameras({"a.png": to_camera(camera_of(app))}, "opengl", 64)
    )
    play(app, {"drop": str(tmp_path / "transforms.json")}, {"wait": "loaded"})
    assert last_notice(app) == ("info", "The camera was taken") and threads == ["recognise"]


def test_the_angle_of_view_changes_nobody_but_the_identity_pose_does(app: Any) -> None:
    before = app.preview.identity
    play(app, {"set": ["camera.fov", 40]}, {"set": ["camera.yaw", 30]})
    settle(app)
    assert camera_of(app).fov == pytest.approx(math.radians(40))
    assert app.preview.identity == before  # nothing was baked again
    play(app, {"key": "R"})
    picture = settle(app)
    play(app, {"click": "camera.identity.own"}, {"set": ["identity.yaw", 60]})
    other = settle(app)
    assert app.state.view.camera == app.state.model.home
    assert np.abs(other - picture).max() > 1e-3
    assert app.preview.identity != before
    play(app, {"click": "camera.identity.model"})
    assert np.abs(settle(app) - picture).max() < 1e-5


def test_the_identity_pose_is_typed_taken_and_chosen_again(app: Any) -> None:
    def pose() -> Any:
        return app.state.view.conditioning

    play(app, {"click": "camera.identity.own"}, {"set": ["identity.pitch", 20]})
    assert pose().pitch == pytest.approx(math.radians(20))
    play(app, {"set": ["camera.yaw", 40]}, {"click": "identity.take"})
    taken = camera_of(app)
    assert pose() == taken
    play(app, {"key": "R"}, {"click": "camera.identity.model"})
    assert pose() is None
    play(app, {"click": "camera.identity.own"})
    assert pose() == taken
    play(app, {"click": "camera.identity.own"})
    assert pose() == taken


def test_the_distance_is_typed_and_dragged_as_far_as_the_model_goes(app: Any) -> None:
    home = camera_of(app)
    play(app, {"set": ["camera.distance", 2.2]})
    assert camera_of(app) == replace(home, radius=pytest.approx(2.2))
    play(app, {"drag": {"widget": "camera.distance", "by": [300, 0], "steps": 3}})
    far = camera_of(app).radius
    assert home.radius < far <= app.state.model.camera_limit
    play(app, {"set": ["camera.distance", -3]})
    assert camera_of(app).radius == pytest.approx(NEAREST * home.radius)


def test_the_pivot_is_typed(app: Any) -> None:
    play(app, {"set": ["camera.pivot.y", 0.125]})
    assert camera_of(app).pivot == pytest.approx((0.0, 0.125, 0.2))


def test_the_cube_turns_the_camera(app: Any) -> None:
    play(app, {"command": "camera.right"}, {"click": "cube.right"})
    assert camera_of(app).yaw == pytest.approx(math.pi / 2)
    play(app, {"drag": {"widget": "cube", "by": [25, 0]}})
    assert camera_of(app).yaw < math.pi / 2 - 0.3
    play(app, {"click": "cube.front"})
    assert (camera_of(app).yaw, camera_of(app).pitch) == (0.0, 0.0)


def test_roll_by_mouse_keys_and_numbers_and_back(app: Any) -> None:
    home, upright = camera_of(app), settle(app)
    area = app._arrange().picture
    x, y = area.centre
    quarter = {"from": [x + 100, y], "to": [x, y + 100], "steps": 12, "mods": ["control", "shift"]}
    play(app, {"drag": quarter})
    assert camera_of(app).roll == pytest.approx(-math.pi / 2)
    assert replace(camera_of(app), roll=0.0) == home
    turned = settle(app)
    clockwise, other = (np.abs(turned - np.rot90(upright, k)).mean() for k in (-1, 1))
    assert clockwise < 0.4 * other
    play(app, {"key": "]"}, {"key": "]"})
    assert camera_of(app).roll == pytest.approx(-math.pi / 2 + math.radians(10))
    play(app, {"set": ["camera.roll", 30]})
    assert camera_of(app).roll == pytest.approx(math.radians(30))
    play(app, {"drag": {"from": [x, y], "to": [x + 40, y]}})
    assert camera_of(app).pitch > 0.05 and camera_of(app).yaw < -0.1  # it follows the pointer
    play(app, {"click": "camera.upright"})
    assert camera_of(app).roll == 0.0
    play(app, {"key": "["}, {"key": "R", "mods": ["shift"]})
    assert camera_of(app).roll == 0.0
    play(app, {"key": "["}, {"key": "F"})
    assert camera_of(app) == home
    play(app, {"key": "Z", "mods": ["control"]})
    assert camera_of(app).roll == pytest.approx(math.radians(-5))


def test_the_camera_glides_where_it_is_sent_and_can_be_told_to_jump(app: Any) -> None:
    home, steps = camera_of(app), len(app.state.history.past)
    app.dispatch(cam.FaceSide("right"))
    assert camera_of(app).yaw == pytest.approx(math.pi / 2)  # what sessions and scripts see
    assert app.state.camera.yaw == home.yaw and not app.converged
    seen = []
    while app.state.glide is not None:
        app.frame()
        seen.append(app.state.camera.yaw)
    assert len(seen) > 1 and seen == sorted(seen) and 0 < seen[0] < math.pi / 2
    assert app.state.camera == camera_of(app)
    assert len(app.state.history.past) == steps + 1
    app.dispatch(cam.FaceSide("front"))
    app.frame()
    play(app, {"drag": {"from": CENTRE, "to": [271, 280], "steps": 1}})  # takes it on its way
    assert app.state.glide is None
    play(app, {"click": "window.camera.jump"})
    app.dispatch(cam.FaceSide("top"))
    assert app.state.glide is None
    assert camera_of(app).pitch == pytest.approx(MAX_PITCH)
    play(app, {"command": "camera.glide"}, {"key": "R"})
    assert camera_of(app) == home


def test_trackpad_scrolling_is_remembered(app: Any) -> None:
    before = camera_of(app)
    play(app, {"click": "camera.scrolling.trackpad"}, {"wheel": [4, -2], "at": CENTRE})
    orbited = camera_of(app)
    assert orbited.yaw < before.yaw and orbited.radius == before.radius
    play(app, {"wheel": 3, "at": CENTRE, "mods": ["control"]})
    assert camera_of(app).radius < before.radius
    assert app.state.preferences.trackpad
