import json
import math
from dataclasses import replace

import numpy as np
import pytest

from ballgan.camera import Camera, intrinsics_from_fov
from ballgan.camera_text import (
    CONVENTIONS,
    decode_cameras,
    decode_first,
    describe_loss,
    encode_camera,
    encode_cameras,
    fit_orbit,
    to_camera,
)
from ballgan.view import Orbit

ORBIT = Orbit(yaw=0.7, pitch=-0.3, radius=1.9, pivot=(0.1, -0.2, 0.05), fov=0.4)
HOME = Orbit()
EYE = [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]


def turn_about_axis(camera: Camera, roll: float) -> Camera:
    c, s = math.cos(roll), math.sin(roll)
    pose = np.array(camera.cam2world) @ [[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    return Camera(tuple(map(tuple, pose.tolist())), camera.intrinsics)


def test_opengl_looks_along_minus_z_with_y_up() -> None:
    pose = to_camera(Orbit(radius=2.0)).to_opengl()
    assert pose == pytest.approx(np.array(EYE))
    again = Camera.from_opengl(pose, intrinsics_from_fov(0.5))
    assert again == to_camera(Orbit(radius=2.0, fov=0.5))


def test_world2cam_takes_the_pivot_to_the_axis() -> None:
    camera = to_camera(ORBIT)
    x, y, z, w = camera.world2cam() @ [*ORBIT.pivot, 1]
    assert (x, y, z, w) == pytest.approx((0, 0, ORBIT.radius, 1))
    assert camera.world2cam() @ np.array(camera.cam2world) == pytest.approx(np.eye(4), abs=1e-12)


def test_our_text_is_exact() -> None:
    text = encode_camera(ORBIT)
    assert decode_first(text) == ORBIT
    assert json.loads(text)["yaw"] == 0.7
    assert '"pivot": [0.1, -0.2, 0.05]' in text
    assert decode_cameras(text) == {"camera": to_camera(ORBIT)}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_cameras_survive_either_convention(convention: str) -> None:
    cameras = {"a.png": to_camera(ORBIT), "b/c.png": to_camera(replace(ORBIT, yaw=-2.0, fov=0.6))}
    again = decode_cameras(encode_cameras(cameras, convention, 512))
    assert list(again) == ["a.png", "b/c.png"]
    for name, camera in cameras.items():
        assert np.array(again[name].cam2world) == pytest.approx(np.array(camera.cam2world))
        assert np.array(again[name].intrinsics) == pytest.approx(np.array(camera.intrinsics))


def test_numbers_of_transforms_json() -> None:
    orbit = Orbit(radius=2.0, fov=math.pi / 2)
    content = json.loads(encode_cameras({"a.png": to_camera(orbit)}, "opengl", 100))
    assert content["fl_x"] == content["fl_y"] == pytest.approx(50)
    assert (content["cx"], content["w"]) == (50, 100)
    assert content["camera_angle_x"] == pytest.approx(math.pi / 2)
    (frame,) = content["frames"]
    assert frame["file_path"] == "a.png"
    assert np.array(frame["transform_matrix"]) == pytest.approx(np.array(EYE))


def test_numbers_of_cameras_json() -> None:
    content = json.loads(encode_cameras({"a.png": to_camera(ORBIT)}, "opencv", 200))
    matrix = np.array(content["intrinsics_px"])
    assert matrix[0, 0] == pytest.approx(100 / math.tan(0.2))
    camera = content["cameras"]["a.png"]
    pixel = matrix @ (np.array(camera["world2cam"]) @ [*ORBIT.pivot, 1])[:3]
    assert pixel[:2] / pixel[2] == pytest.approx([100, 100])


def test_a_wide_picture_gives_its_middle_square() -> None:
    frame = {"transform_matrix": EYE, "fl_x": 300, "w": 200, "h": 100, "cx": 110}
    (camera,) = decode_cameras(json.dumps(frame)).values()
    assert np.array(camera.intrinsics) == pytest.approx(
        np.array([[3.0, 0, 0.6], [0, 3.0, 0.5], [0, 0, 1]])
    )


def test_an_angle_alone_is_enough() -> None:
    text = json.dumps({"camera_angle_x": 0.5, "frames": [{"transform_matrix": EYE}] * 2})
    cameras = decode_cameras(text)
    assert list(cameras) == ["camera", "camera (1)"]
    assert cameras["camera"].intrinsics == intrinsics_from_fov(0.5)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_only_the_first_camera_is_looked_at(convention: str) -> None:
    cameras = {"a.png": to_camera(ORBIT), "b.png": to_camera(replace(ORBIT, yaw=2.0))}
    content = json.loads(encode_cameras(cameras, convention, 512))
    if convention == "opengl":
        content["frames"][1]["transform_matrix"] = "damaged"
    else:
        content["cameras"]["b.png"]["cam2world"] = "damaged"
    first = decode_first(json.dumps(content))
    assert isinstance(first, Camera) and first.position == pytest.approx(cameras["a.png"].position)
    with pytest.raises(ValueError, match="b.png"):
        decode_cameras(json.dumps(content))


def test_labels_are_read() -> None:
    camera = to_camera(ORBIT)
    label = [float(v) for v in np.concatenate([np.ravel(camera.cam2world), [2, 0, 0.5, 0, 2, 0.5]])]
    label += [0, 0, 1]
    for content in label, {"labels": [["a.png", label], ["b.png", label]]}:
        first = decode_first(json.dumps(content))
        assert isinstance(first, Camera) and first.position == pytest.approx(camera.position)


@pytest.mark.parametrize("yaw", [-3.0, 0.0, 1.2])
@pytest.mark.parametrize("pitch", [-1.4, 0.0, 0.9])
@pytest.mark.parametrize("roll", [0.0, 0.4, -2.9])
def test_an_orbit_is_found_again(yaw: float, pitch: float, roll: float) -> None:
    orbit = replace(ORBIT, yaw=yaw, pitch=pitch, roll=roll)
    found = fit_orbit(to_camera(orbit), near=replace(HOME, pivot=orbit.pivot))
    assert found.radius == pytest.approx(orbit.radius)
    assert found.pivot == pytest.approx(orbit.pivot)
    assert (found.yaw, found.pitch, found.fov) == pytest.approx((yaw, pitch, 0.4))
    assert found.roll == pytest.approx(roll)
    assert describe_loss(to_camera(orbit)) == ""


def test_a_camera_that_looks_away_gets_a_pivot_before_it() -> None:
    away = fit_orbit(to_camera(Orbit(yaw=0.0, pivot=(0.0, 0.0, 8.0))), near=Orbit(radius=2.5))
    assert away.radius == pytest.approx(10.7)  # it still sees the origin
    away = fit_orbit(to_camera(Orbit(yaw=math.pi, pivot=(0.0, 0.0, 8.0))), near=Orbit(radius=2.5))
    assert away.radius == 2.5
    assert to_camera(away).position == pytest.approx([0, 0, 5.3])


def test_straight_down_keeps_its_sides() -> None:
    pose = np.array([[0, 1, 0, 0], [0, 0, -1, 3], [-1, 0, 0, 0], [0, 0, 0, 1]], float)  # right: -z
    orbit = fit_orbit(Camera(tuple(map(tuple, pose.tolist())), intrinsics_from_fov(0.3)), HOME)
    assert orbit.pitch == pytest.approx(math.pi / 2)
    assert orbit.yaw == pytest.approx(math.pi / 2)


def test_what_an_orbit_lacks_is_told() -> None:
    rolled = turn_about_axis(to_camera(ORBIT), math.radians(12))
    orbit = fit_orbit(rolled, HOME)
    assert to_camera(orbit).position == pytest.approx(rolled.position)
    assert abs(orbit.roll) == pytest.approx(math.radians(12))
    assert np.array(to_camera(orbit).cam2world) == pytest.approx(np.array(rolled.cam2world))
    shifted = Camera(rolled.cam2world, ((2.0, 0, 0.6), (0, 1.9, 0.5), (0, 0, 1)))
    loss = describe_loss(shifted)
    assert "its centre at (0.600, 0.500)" in loss
    assert "not square" in loss


FRAME = {"file_path": "a.png", "transform_matrix": EYE, "camera_angle_x": 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "clip is not valid JSON"),
        ("hello", "clip is not valid JSON"),
        ({"a": 1}, "clip: this is no camera that we know: it has none of"),
        (3, "clip should be an object"),
        ([1.0, 2.0], "25 numbers .*; got 2"),
        ({"frames": []}, "1 to 10000 cameras; there are 0"),
        ({"frames": [FRAME | {"transform_matrix": [[1]]}]}, "a.png: transform_matrix should be a"),
        ({"frames": [FRAME | {"transform_matrix": [[math.nan] * 4] * 4}]}, "finite number"),
        ({"frames": [FRAME | {"transform_matrix": [[2.0] * 4] * 4}]}, "a.png: .*orthonormal"),
        ({"frames": [FRAME | {"fl_x": 300}]}, "not w, the picture's width"),
        ({"frames": [{"transform_matrix": EYE}]}, "no focal length"),
        ({"frames": [FRAME | {"camera_angle_x": 4}]}, "angle of view"),
        ({"frames": [FRAME | {"w": -1, "fl_x": 2}]}, "size above 0"),
        ({"cameras": {"a": {"cam2world": EYE}}}, 'either "intrinsics_px" or "intrinsics"'),
        ({"cameras": {"a": {"cam2world": EYE, "intrinsics_px": EYE}}}, '"width"'),
        ({"format": "ballgan camera", "yaw": "left"}, "camera.yaw should be of type float"),
        ({"format": "ballgan camera", "radios": 1}, r"clip: camera has .*radios \(radius\?\)"),
        ({"format": "ballgan camera", "radius": -1}, "radius should be above zero"),
        ({"format": "ballgan camera", "pitch": 3}, "pitch should be within"),
    ],
)
def test_bad_texts_are_explained(content: object, message: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    for decode in decode_cameras, decode_first:
        with pytest.raises(ValueError, match=message):
            decode(text, "clip")


def test_only_known_conventions_are_written() -> None:
    with pytest.raises(ValueError, match="opencv, opengl; got 'blender'"):
        encode_cameras({"a": to_camera(ORBIT)}, "blender", 64)
    with pytest.raises(ValueError, match="one camera or more"):
        encode_cameras({}, "opencv", 64)
