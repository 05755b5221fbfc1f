"""`data pack`: cameras of other conventions give the right labels; crops keep pixels and rays."""

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_train.camera_files import read_views
from ballgan_train.data import Dataset
from ballgan_train.data_check import check_dataset
from ballgan_train.data_pack import PackOptions, add_arguments, pack_dataset, run
from PIL import Image
from small_datasets import orbit_label, project, random_image, sound_files, write_files

# What a Blender camera with this matrix sees, by hand: at (0, -4, 1), it looks along +y with z up,
# so its columns are right (1, 0, 0), up (0, 0, 1), backward (0, -1, 0).
BLENDER = [[1.0, 0, 0, 0], [0, 0, -1, -4], [0, 1, 0, 1], [0, 0, 0, 1]]


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def blender_pose(yaw: float, pitch: float, distance: float) -> np.ndarray:
    """A camera with OpenGL axes in a world with z up that looks at the origin, by its angles."""
    right = np.array([math.cos(yaw), math.sin(yaw), 0])
    backward = np.array(
        [math.cos(pitch) * math.sin(yaw), -math.cos(pitch) * math.cos(yaw), math.sin(pitch)]
    )
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(backward, right), backward], axis=1)
    pose[:3, 3] = distance * backward
    return pose


def write_blender_scene(folder: Path, count: int = 5, size: int = 32, **fields: Any) -> Path:
    """A transforms.json with cameras round the origin; returns it."""
    frames = []
    for i in range(count):
        save(folder / "train" / f"r_{i}.png", random_image(size, i))
        pose = blender_pose(0.7 * i - 1, 0.1 * i, 4.0)
        frames.append({"file_path": f"./train/r_{i}", "transform_matrix": pose.tolist()})
    content = {"camera_angle_x": 0.7, "frames": frames} | fields
    return write_json(folder / "transforms.json", content)


def pack(folder: Path, cameras: Path, **options: Any) -> Dataset:
    output = folder / "packed.zip"
    pack_dataset(folder, cameras, output, PackOptions(**{"convention": "opengl", **options}))
    return Dataset(output)


def write_one(folder: Path, width: int, height: int, **fields: Any) -> Path:
    save(folder / "a.png", np.zeros((height, width, 3), np.uint8))
    frame = {"file_path": "a.png", "transform_matrix": BLENDER} | fields
    return write_json(folder / "transforms.json", {"frames": [frame]})


# Conventions


def test_blender_camera_by_hand(tmp_path: Path) -> None:
    """(0, -4, 1) of Blender is in front of the object, at (0, 1, 4), and looks along -z."""
    cameras = write_one(tmp_path, 10, 10, camera_angle_x=2 * math.atan(0.5))
    label = pack(tmp_path, cameras, up="z", force=True).label(0).numpy()
    expected = [[1, 0, 0, 0], [0, -1, 0, 1], [0, 0, -1, 4], [0, 0, 0, 1]]
    np.testing.assert_allclose(label[:16].reshape(4, 4), expected, atol=1e-6)
    np.testing.assert_allclose(label[16:], [1, 0, 0.5, 0, 1, 0.5, 0, 0, 1], atol=1e-6)


def test_transforms_json_reprojects(tmp_path: Path) -> None:
    """A point marked where Blender sees it is where the label puts it."""
    size, point = 64, np.array([0.4, -0.3, 0.5])  # of Blender's world, z up
    focal = 0.5 / math.tan(0.35)
    frames = []
    for i in range(4):
        pose = blender_pose(0.9 * i, 0.3 * math.sin(i), 4.0)
        x, y, z = (np.linalg.inv(pose) @ [*point, 1])[:3]
        image = np.zeros((size, size, 3), np.uint8)
        image[int((0.5 + focal * y / z) * size), int((0.5 - focal * x / z) * size)] = 255
        save(tmp_path / f"{i}.png", image)
        frames.append({"file_path": f"{i}.png", "transform_matrix": pose.tolist()})
    content = {"camera_angle_x": 0.7, "frames": frames}
    dataset = pack(tmp_path, write_json(tmp_path / "transforms.json", content), up="z")
    assert check_dataset(dataset.archive.path).faults == ()
    turned = np.array([[0.4, 0.5, 0.3]])  # (x, z, -y): y up
    for i in range(4):
        u, v = project(dataset.label(i).numpy(), turned)[0]
        assert dataset.image(i)[0, int(v * size), int(u * size)] == 255


def test_round_trip_of_eg3d_labels(tmp_path: Path) -> None:
    """Pictures and labels that are in EG3D's form already come out as they went in."""
    original = Dataset(write_files(tmp_path / "folder", sound_files()))
    packed = pack(tmp_path / "folder", tmp_path / "folder" / "dataset.json", convention="opencv")
    assert packed.archive.images == original.archive.images
    np.testing.assert_allclose(packed.labels, original.labels, atol=1e-7)
    for i in range(len(original)):
        assert packed.image(i).equal(original.image(i))


@pytest.mark.parametrize("unit", ["intrinsics", "intrinsics_px"])
def test_cameras_json(unit: str, tmp_path: Path) -> None:
    save(tmp_path / "b.png", np.zeros((20, 20, 3), np.uint8))
    save(tmp_path / "sub" / "a.jpg", np.zeros((20, 20, 3), np.uint8))
    label = np.array(orbit_label(0.4, 0.1))
    pose, matrix = label[:16].reshape(4, 4), label[16:].reshape(3, 3)
    own = matrix * [[2], [2], [1]]
    scale = np.array([[20], [20], [1]]) if unit == "intrinsics_px" else 1
    content = {
        "cameras": {
            "sub/a.jpg": {"cam2world": pose[:3].tolist(), unit: (own * scale).tolist()},
            "b.png": {"cam2world": pose.tolist()},
        },
        unit: (matrix * scale).tolist(),
    }
    cameras = write_json(tmp_path / "cameras.json", content)
    dataset = pack(tmp_path, cameras, convention="opencv", force=True)
    np.testing.assert_allclose(dataset.label(0), label, atol=1e-6)  # b.png
    np.testing.assert_allclose(dataset.label(1), [*label[:16], *own.ravel()], atol=1e-6)
    sources = json.loads(dataset.archive.read("dataset.json"))["sources"]
    assert sources == {"00000/img00000000.png": "b.png", "00000/img00000001.png": "sub/a.jpg"}


def test_world_with_y_down(tmp_path: Path) -> None:
    """COLMAP's worlds often have y down: the same cameras, turned by 180 degrees about x."""
    labels = np.array([orbit_label(0.5 * i, 0.1) for i in range(4)])
    entries = []
    for i, label in enumerate(labels):
        save(tmp_path / f"{i}.png", random_image(8, i))
        pose = np.diag([1.0, -1, -1, 1]) @ label[:16].reshape(4, 4)
        entries.append([f"{i}.png", [*pose.ravel(), *label[16:]]])
    cameras = write_json(tmp_path / "cameras.json", {"labels": entries})
    with pytest.raises(ValueError, match="world's up is -y, not \\+y.*--up"):
        pack(tmp_path, cameras, convention="opencv")
    packed = pack(tmp_path, cameras, convention="opencv", up="minus-y")
    np.testing.assert_allclose(packed.labels, labels, atol=1e-6)


# Lenses


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fl_x": 40, "fl_y": 30, "cx": 12, "cy": 9}, [2, 1.5, 0.6, 0.45]),
        ({"fl_x": 40}, [2, 2, 0.5, 0.5]),
        ({"fl_x": 80, "cx": 24, "w": 40, "h": 40}, [2, 2, 0.6, 0.5]),  # stated for larger images
        ({"camera_angle_x": 2 * math.atan(0.25)}, [2, 2, 0.5, 0.5]),
        (
            {"camera_angle_x": 2 * math.atan(0.25), "camera_angle_y": 2 * math.atan(0.5)},
            [2, 1, 0.5, 0.5],
        ),
        ({"fl_x": 40, "camera_angle_x": 1.0}, [2, 2, 0.5, 0.5]),  # lengths before angles
    ],
)
def test_intrinsics_of_transforms(fields: dict[str, float], expected: Any, tmp_path: Path) -> None:
    cameras = write_one(tmp_path, 20, 20, **fields)
    label = pack(tmp_path, cameras, up="z", force=True).label(0)
    np.testing.assert_allclose(label[[16, 20, 18, 21]], expected, atol=1e-6)


@pytest.mark.parametrize(("width", "height"), [(60, 40), (40, 60)])
@pytest.mark.parametrize("size", [None, 20])
def test_crop_keeps_rays(width: int, height: int, size: int | None, tmp_path: Path) -> None:
    """A white square round a point's pixel is found round its projection after cropping."""
    save(tmp_path / "a.png", np.zeros((height, width, 3), np.uint8))
    point = np.array([[0.2, 0.1, 0.3]])
    content = {"fl_x": 50, "cx": 33 * width / 60, "cy": 19 * height / 40}
    pose = np.array(orbit_label(0.4, 0.2))[:16].reshape(4, 4)
    matrix = np.array([[50, 0, content["cx"]], [0, 50, content["cy"]], [0, 0, 1.0]])
    column, row = project([*pose.ravel(), *matrix.ravel()], point)[0]
    image = np.zeros((height, width, 3), np.uint8)
    left, top = round(column) - 2, round(row) - 2
    image[top : top + 4, left : left + 4] = 255
    save(tmp_path / "a.png", image)
    frame = {"file_path": "a.png", "transform_matrix": pose.tolist()} | content
    cameras = write_json(tmp_path / "transforms.json", {"frames": [frame]})
    dataset = pack(tmp_path, cameras, convention="opencv", size=size)
    side = size or 40
    assert dataset.resolution == side
    u, v = project(dataset.label(0).numpy(), point)[0] * side
    rows, columns = np.nonzero(dataset.image(0)[0].numpy() > 100)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((u, v), abs=0.6)
    assert dataset.label(0)[16].item() == pytest.approx(50 / 40)


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    cameras = write_one(tmp_path, 8, 8, fl_x=20)
    save(tmp_path / "a.png", np.zeros((8, 8, 4), np.uint8))
    assert pack(tmp_path, cameras, up="z", force=True).image(0).unique().tolist() == [255]


# Scale and centre


def test_radius_centres_and_scales(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path)
    content = json.loads(cameras.read_text())
    for number, frame in enumerate(content["frames"]):
        matrix = np.array(frame["transform_matrix"])
        matrix[:3, 3] = matrix[:3, 3] * (1 + 0.1 * number) + [5.0, -3.0, 2.0]
        frame["transform_matrix"] = matrix.tolist()
    write_json(cameras, content)
    for options in ({}, {"center": (5.0, -3.0, 2.0)}):
        dataset = pack(tmp_path, cameras, up="z", radius=2.7, **options)
        poses = dataset.labels[:, :16].reshape(-1, 4, 4).numpy()
        distances = np.linalg.norm(poses[:, :3, 3], axis=1)
        assert distances == pytest.approx(2.7 * np.array([1, 1.1, 1.2, 1.3, 1.4]) / 1.2, rel=1e-4)
        toward = -poses[:, :3, 3] / distances[:, None]
        np.testing.assert_allclose(poses[:, :3, 2], toward, atol=1e-4)  # all look at the origin


def test_center_alone_moves_without_scaling(tmp_path: Path) -> None:
    cameras = write_one(tmp_path, 8, 8, fl_x=20)
    label = pack(tmp_path, cameras, up="z", center=(0.0, 2.0, 1.0)).label(0)
    assert label[[3, 7, 11]].tolist() == [0, 0, 6]


def test_radius_of_one_camera_needs_a_center(tmp_path: Path) -> None:
    cameras = write_one(tmp_path, 8, 8, fl_x=20)
    with pytest.raises(ValueError, match="say where with --center"):
        pack(tmp_path, cameras, up="z", radius=2.7)
    with pytest.raises(ValueError, match="all cameras are at the centre"):
        pack(tmp_path, cameras, up="z", radius=2.7, center=(0.0, -4.0, 1.0))


# The command


def command(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cameras = write_blender_scene(tmp_path)
    save(tmp_path / "unused.png", random_image(8, 0))
    output = tmp_path / "x.zip"
    options = ("--cameras", cameras, "--output", output, "--size", 16, "--radius", 2.7)
    assert command(tmp_path, *options, "--convention", "opengl", "--up", "z") == 0
    out = capsys.readouterr().out
    assert "x.zip: 5 images, 16 x 16; cameras 2.700 from the origin" in out
    assert "without a camera: 1" in out
    assert check_dataset(output).faults == ()
    with pytest.raises(ValueError, match="--convention is needed"):
        command(tmp_path, *options)  # the convention is never guessed
    with pytest.raises(SystemExit):
        command("--help")
    assert '"intrinsics_px": 3x3' in " ".join(capsys.readouterr().out.split())


def test_wrong_convention_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path)
    with pytest.raises(ValueError, match="camera axes are OpenGL's .*--convention.*right"):
        pack(tmp_path, cameras, convention="opencv", up="z")
    with pytest.raises(ValueError, match="the world's up is \\+z, not \\+y.*--up"):
        pack(tmp_path, cameras, convention="opengl")
    assert not (tmp_path / "packed.zip").exists()
    assert len(pack(tmp_path, cameras, convention="opencv", up="z", force=True)) == 5


def test_interrupted_run_goes_on(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path)
    whole = pack(tmp_path, cameras, up="z").archive.path.read_bytes()
    options = PackOptions("opengl", up="z")

    def interrupt(fraction: float) -> None:
        raise KeyboardInterrupt

    for changed in (False, True):
        output = tmp_path / f"{changed}.zip"
        with pytest.raises(KeyboardInterrupt):
            pack_dataset(tmp_path, cameras, output, options, progress=interrupt)
        assert not output.exists()
        if changed:
            save(tmp_path / "train" / "r_2.png", random_image(32, 99)[::-1])
            os.utime(tmp_path / "train" / "r_2.png", (1, 1))
            with pytest.raises(ValueError, match="unfinished"):
                pack_dataset(tmp_path, cameras, output, options)
        else:
            pack_dataset(tmp_path, cameras, output, options)
            assert output.read_bytes() == whole
            assert not list(tmp_path.glob("False.zip.*"))


def test_lens_distortion_is_refused(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path, k1=0.0, p2=0.01)
    with pytest.raises(ValueError, match="r_0 has lens distortion"):
        pack(tmp_path, cameras, up="z")
    assert len(pack(tmp_path, cameras, up="z", force=True)) == 5


def test_sizes(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path, 3, 32)
    save(tmp_path / "train" / "r_1.png", random_image(16, 9))
    with pytest.raises(ValueError, match="differ in size .*r_1: 16, .*: 32.*at most 16"):
        pack(tmp_path, cameras, up="z")
    with pytest.raises(ValueError, match="r_1 has only 16 pixels a side; choose --size 16"):
        pack(tmp_path, cameras, up="z", size=32)
    assert pack(tmp_path, cameras, up="z", size=16).resolution == 16


def test_image_turned_by_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 8)).save(tmp_path / "a.jpg", exif=exif)
    frame = {"file_path": "a.jpg", "transform_matrix": BLENDER, "fl_x": 20.0}
    cameras = write_json(tmp_path / "transforms.json", {"frames": [frame]})
    with pytest.raises(ValueError, match="turned by its EXIF tag"):
        pack(tmp_path, cameras, up="z", force=True)


GOOD_FRAME = {"file_path": "a.png", "transform_matrix": BLENDER, "fl_x": 20.0}
GOOD_CAMERA = {"cam2world": np.eye(4).tolist(), "intrinsics": np.eye(3).tolist()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, 'has no "frames"'),
        ([], "should be an object"),
        ({"frames": 3}, '"frames" should be a list'),
        ({"frames": [3]}, "should be an object"),
        ({"frames": [{}]}, 'has no "file_path"'),
        ({"frames": [GOOD_FRAME | {"file_path": "no"}]}, "the image no is not in"),
        ({"frames": [GOOD_FRAME | {"fl_x": None}]}, "a.png has no focal length"),
        ({"frames": [GOOD_FRAME | {"fl_x": "x"}]}, "fl_x should be a finite number; got 'x'"),
        ({"frames": [GOOD_FRAME | {"fl_x": math.nan}]}, "fl_x should be a finite number; got nan"),
        ({"frames": [GOOD_FRAME | {"w": 8, "h": 4}]}, "is 8 x 8, which is no scaled 8 x 4"),
        (
            {"frames": [GOOD_FRAME | {"fl_x": None, "camera_angle_x": 4}]},
            "angle of view should be from 0 to pi radians; got 4",
        ),
        ({"frames": [GOOD_FRAME | {"camera_model": "FISHEYE"}]}, "FISHEYE is no pinhole"),
        ({"frames": [GOOD_FRAME | {"transform_matrix": [[1, 2]]}]}, "4x4 matrix"),
        ({"frames": [GOOD_FRAME, GOOD_FRAME]}, "a.png has more than one camera"),
        ({"frames": [GOOD_FRAME | {"file_path": "text.png"}]}, "text.png is damaged or no image"),
        ({"cameras": [1]}, '"cameras" should be an object'),
        ({"cameras": {"a.png": 3}}, "camera of a.png should be an object"),
        ({"cameras": {"a.png": {"cam2world": np.eye(4).tolist()}}}, "should have either"),
        (
            {"cameras": {"a.png": GOOD_CAMERA | {"intrinsics_px": np.eye(3).tolist()}}},
            "should have either",
        ),
        ({"cameras": {"a.png": GOOD_CAMERA | {"cam2world": None}}}, "cam2world should be a 4x4"),
        ({"labels": [["a.png", [1, 2]]]}, "label of a.png is unusable: it has 2 numbers"),
        ({"labels": ["a.png"]}, "is not \\[name, 25 numbers\\]"),
    ],
)
def test_wrong_camera_files(content: Any, message: str, tmp_path: Path) -> None:
    save(tmp_path / "a.png", random_image(8, 0))
    (tmp_path / "text.png").write_text("text")
    cameras = write_json(tmp_path / "cameras.json", content)
    with pytest.raises(ValueError, match=f"cameras.json.*{message}") as caught:
        read_views(cameras, tmp_path)
    assert "\n" not in str(caught.value)


def test_wrong_places_and_options(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no is not a folder"):
        pack(tmp_path / "no", tmp_path / "a.json")
    with pytest.raises(ValueError, match="is a folder; a zip file is to be written"):
        pack_dataset(tmp_path, tmp_path / "a.json", tmp_path, PackOptions("opengl"))
    with pytest.raises(ValueError, match="a.json cannot be read"):
        pack(tmp_path, tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="a.json is not valid JSON"):
        pack(tmp_path, tmp_path / "a.json")
    wrong: list[dict[str, Any]] = [
        {"convention": "blender"},
        {"up": "x"},
        {"size": 0},
        {"radius": -1.0},
        {"radius": math.inf},
        {"center": (0, 0, math.nan)},
    ]
    for options in wrong:
        with pytest.raises(ValueError, match=f"{next(iter(options))} should be"):
            PackOptions(**{"convention": "opengl", **options})


def test_images_are_found_beside_the_camera_file(tmp_path: Path) -> None:
    cameras = write_blender_scene(tmp_path / "scene", 2)
    (tmp_path / "images").mkdir()
    views = read_views(cameras, tmp_path / "images")
    assert [view.path.name for view in views] == ["r_0.png", "r_1.png"]
