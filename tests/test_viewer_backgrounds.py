"""The background's panel in the real program, offscreen, and its parts alone."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.panels.sphere import find_frame, outline, split_at_seam
from ballgan_viewer.state import ViewerState, apply
from ballgan_viewer.surroundings import UNROLLED, list_panoramas
from ballgan_viewer.watcher import Watcher
from ballgan_viewer.worker import close_all
from PIL import Image
from viewer_driver import CENTRE, notices, play, settle, wait_for, wait_until
from viewer_states import model_info

import ballgan
from ballgan.camera_text import to_camera
from ballgan.geometry import (
    directions_to_equirectangular,
    intersect_box,
    intersect_sphere,
    turn,
)
from ballgan.images import load_image
from ballgan.staging import to_background
from ballgan.view import Backdrop, Orbit


def paint(path: Path, color: tuple[int, int, int]) -> None:
    Image.new("RGB", (64, 32), color).save(path)


# In the program


def test_a_gradient_is_chosen_and_coloured(app: Any) -> None:
    play(app, {"wait": "converged"}, {"click": "background.gradient"})
    play(app, {"click": "background.gradient.dusk"}, {"key": "3"})
    rgb = settle(app)
    backdrop = app.state.view.backdrop
    assert backdrop.kind == "gradient"
    assert rgb[0, 0, :3] == pytest.approx(backdrop.top, abs=0.03)
    assert rgb[-1, 0, :3] == pytest.approx(backdrop.bottom, abs=0.03)
    assert notices(app) == []


def test_a_code_that_goes_on_unseen_lets_the_picture_finish(app: Any) -> None:
    play(app, {"wait": "converged"}, {"command": "background.animate"})
    play(app, {"click": "background.gradient"}, {"drag": {"from": CENTRE, "to": [300, 280]}})
    play(app, {"wait": "converged"}, {"wait": 1.1})
    code = app.state.view.backdrop.code
    app.frame()
    wait_until(app, lambda: not app.preview.pending)  # its volume comes in parts, frame by frame
    assert app.patience() != 0 and app.state.view.backdrop.code == code
    play(app, {"click": "background.learnt"})
    wait_until(app, lambda: app.state.view.backdrop.code != code)


def test_the_object_turns_before_a_still_background(app: Any) -> None:
    play(
        app,
        {"wait": "converged"},
        {"click": "background.gradient"},
        {"click": "background.camera.still"},
    )
    held = app.state.view.backdrop.camera
    assert held == app.state.view.camera
    play(app, {"drag": {"from": CENTRE, "to": [300, 260]}})
    assert app.state.view.backdrop.camera == held != app.state.view.camera
    alone = app.state.view.camera
    play(app, {"set": ["background.still.yaw", 30]})
    assert app.state.view.backdrop.camera.yaw == pytest.approx(np.radians(30), abs=0.01)
    assert app.state.view.camera == alone
    play(app, {"key": "H"})
    assert app.state.view.backdrop.camera is None
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.backdrop.camera is not None


def test_bundled_panoramas_have_thumbnails_and_light(app: Any) -> None:
    play(app, {"wait": "converged"}, {"click": "background.photo"})
    panoramas = list_panoramas(app.state)
    wait_until(app, lambda: all(app.surroundings.picture(path) for path in panoramas))
    play(app, {"click": "background.panorama.neon"}, {"wait": "loaded"})
    plain = settle(app)
    assert app.state.view.backdrop.photo == ballgan.bundled_panoramas()["neon"]
    assert app.state.preferences.recent_pictures == ()
    play(app, {"click": "background.light"})
    lit = settle(app)
    play(app, {"set": ["background.strength", 0]})
    assert app.state.view.backdrop.match_light
    assert np.abs(settle(app) - plain).max() < 0.02
    assert np.abs(lit - plain).mean() > 0.004
    play(app, {"click": "background.separation.fold"}, {"wait": "converged"})
    assert "background.histogram" in app.gui.ui.rects
    assert app.easel.separation is not None
    assert notices(app) == []


def test_the_sphere_is_unrolled_edited_outside_and_read_again(app: Any, tmp_path: Path) -> None:
    play(app, {"wait": "converged"}, {"click": "background.sphere.fold"}, {"wait": "idle"})
    assert app.surroundings.picture(UNROLLED) is not None
    play(app, {"click": "background.sphere.edit"})
    wait_until(app, lambda: app.state.view.backdrop.kind == "photo")
    path = Path(app.state.view.backdrop.photo)
    assert path.parent == tmp_path and path.name == "tiny-sphere0.png"
    scene = ballgan.Scene(app.easel.model.generator)
    scene.background = ballgan.LearntBackground(0, 0.7)
    assert np.abs(load_image(path) - scene.unroll(1024)).max() < 0.003
    play(app, {"key": "3"})
    settle(app)
    paint(path, (255, 0, 255))  # another program saves
    wait_until(app, lambda: app.state.revision == 1)
    assert settle(app)[..., :3].mean((0, 1)) == pytest.approx([1, 0, 1], abs=0.01)
    path.write_bytes(path.read_bytes()[:60])  # it is half written
    wait_until(app, lambda: any("last picture" in text for _, text in notices(app)))
    assert settle(app)[..., :3].mean((0, 1)) == pytest.approx([1, 0, 1], abs=0.01)
    paint(path, (0, 255, 0))
    wait_until(app, lambda: app.state.revision == 2)
    assert settle(app)[..., :3].mean((0, 1)) == pytest.approx([0, 1, 0], abs=0.01)
    assert not any("last picture" in text for _, text in notices(app))
    assert not any(name for name in app.state.history.undoes if "revision" in name)


def test_a_copy_to_edit_lies_as_it_was_written(app: Any) -> None:
    play(app, {"wait": "loaded"}, {"click": "background.photo"})
    play(app, {"click": "background.panorama.neon"}, {"wait": "loaded"})
    play(app, {"set": ["background.yaw", 70]}, {"set": ["background.exposure", -2]})
    play(app, {"click": "background.learnt"}, {"set": ["background.yaw", 40]})
    play(app, {"set": ["background.exposure", 0.5]})
    turned = app.state.view.backdrop
    play(app, {"click": "background.sphere.fold"}, {"click": "background.sphere.edit"})
    wait_until(app, lambda: app.state.view.backdrop.kind == "photo")
    backdrop = app.state.view.backdrop
    assert (backdrop.yaw, backdrop.exposure) == (0.0, 0.0)
    scene = ballgan.Scene(app.easel.model.generator)
    scene.background = to_background(turned)
    assert np.abs(load_image(Path(backdrop.photo)) - scene.unroll(1024)).max() < 0.003
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.backdrop == turned


def test_another_picture_begins_without_a_turn(app: Any) -> None:
    play(app, {"wait": "loaded"}, {"click": "background.photo"})
    play(app, {"click": "background.panorama.neon"}, {"wait": "loaded"})
    play(app, {"set": ["background.yaw", 70]}, {"set": ["background.exposure", -2]})
    turned = app.state.view.backdrop
    play(app, {"click": "background.panorama.neon"}, {"wait": "loaded"})
    assert app.state.view.backdrop == turned
    play(app, {"click": "background.panorama.sunset"}, {"wait": "loaded"})
    assert (app.state.view.backdrop.yaw, app.state.view.backdrop.exposure) == (0.0, 0.0)
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.backdrop == turned


# Alone


def test_a_still_camera_goes_with_another_model(app: Any) -> None:
    play(app, {"wait": "converged"})
    *_, hold = commands.run("background.still", app.state)
    state = apply(app.state, hold)
    assert state.view.backdrop.camera == state.view.camera
    far = replace(state.view.backdrop, camera=Orbit(yaw=0.5, radius=1e6))
    held = apply(state, act.SetBackdrop(far)).view.backdrop.camera
    assert held is not None and held.radius < app.state.model.camera_limit * 1.01
    larger = replace(app.state.model, home=replace(app.state.model.home, radius=1.1), name="other")
    moved = apply(state, act.ModelOpened(larger)).view.backdrop.camera
    assert moved is not None and moved.radius == pytest.approx(1.1)


def test_only_the_shown_file_counts() -> None:
    state = ViewerState()
    state = apply(state, act.SetBackdrop(Backdrop("photo", photo="/a.png")))
    assert apply(state, act.PhotoChanged("/b.png")).revision == 0
    assert apply(state, act.PhotoChanged("/a.png")).revision == 1
    broken = apply(state, act.PhotoBroken("/a.png", "a.png is damaged"))
    assert "last picture" in broken.notices[0].text
    assert apply(broken, act.PhotoChanged("/a.png")).notices == ()


def test_the_watcher_waits_until_a_file_is_whole(tmp_path: Path) -> None:
    posted: list[Any] = []
    watcher = Watcher(posted.append, period=0.02)
    path = tmp_path / "room.png"
    paint(path, (1, 2, 3))
    watcher.watch(str(path))
    time.sleep(0.1)
    assert posted == []
    path.write_bytes(b"half")
    wait_for(lambda: len(posted) == 1)
    assert isinstance(posted[0], act.PhotoBroken) and "room.png" in posted[0].message
    paint(path, (3, 2, 1))
    wait_for(lambda: len(posted) == 2)
    assert posted[1] == act.PhotoChanged(str(path))
    path.unlink()
    wait_for(lambda: len(posted) == 3)
    assert "does not exist" in posted[2].message
    watcher.watch(None)
    time.sleep(0.1)
    paint(path, (1, 1, 1))
    time.sleep(0.1)
    assert len(posted) == 3
    close_all([watcher])


def test_the_frame_is_where_the_camera_looks() -> None:
    orbit = Orbit(yaw=0.4, pitch=0.2, radius=2.0, fov=0.5)
    line = outline(orbit, radius=3.0)
    assert line[0] == pytest.approx(line[-1])
    rays = ballgan.Camera.orbit(0.4, 0.2, radius=2.0, fov=0.5, pivot=(0, 0, 0))
    seen = rays.resolve(ballgan.ModelConfig().camera).rays(200, 200)
    distance = intersect_sphere(seen.origins, seen.directions, 3.0)
    places = directions_to_equirectangular(seen.origins + distance[:, None] * seen.directions)
    for axis in (0, 1):
        assert line[:, axis].min() == pytest.approx(places[:, axis].min().item(), abs=0.003)
        assert line[:, axis].max() == pytest.approx(places[:, axis].max().item(), abs=0.003)


def test_the_frame_on_a_cube_is_where_its_pixels_are() -> None:
    """Against the network's own map: what the picture's border shows is under the frame."""
    yaw, side = 0.6, 4.0
    camera = Orbit(yaw=0.9, pitch=0.15, radius=1.2, pivot=(0.2, 0.0, -0.1), fov=0.8)
    info = model_info(background_side=side)
    state = apply(ViewerState(), act.ModelOpened(info))
    backdrop = replace(state.view.backdrop, sphere_yaw=yaw)
    state = replace(state, view=replace(state.view, backdrop=backdrop, camera=camera))
    line = find_frame(state)
    seen = to_camera(camera).rays(200, 200)
    origins, directions = (turn(part, yaw) for part in (seen.origins, seen.directions))
    distance = intersect_box(origins, directions, side)[1]
    met = turn(origins + distance[:, None] * directions, -yaw)
    places = directions_to_equirectangular(met).reshape(200, 200, 2).numpy()
    border = np.concatenate([places[0], places[:, -1], places[-1], places[:, 0]])
    for point in line:
        assert np.abs(border - point).max(1).min() < 0.004
    ball = find_frame(replace(state, model=replace(info, background_side=0, background_radius=2)))
    assert np.abs(ball - line).max() > 0.01


def test_a_frame_across_the_edge_is_drawn_in_pieces() -> None:
    line = outline(Orbit(yaw=np.pi))
    pieces = list(split_at_seam(line))
    assert len(pieces) >= 2
    assert all(np.abs(np.diff(piece[:, 0])).max() < 0.5 for piece in pieces)
