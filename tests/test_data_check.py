"""`data check`: every fault is found and named; sound datasets have none."""

import argparse
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_train.data_check import Report, add_arguments, check_dataset, run
from ballgan_train.data_report import draw_report, format_report
from ballgan_train.labels import (
    OPENGL_AXES,
    find_axes_crossing,
    find_convention_faults,
    find_label_faults,
    mirror_labels,
)
from PIL import Image
from small_datasets import encode, orbit_label, random_image, sound_files, write_files

ODD = "00000/img00000003.png"


def check(tmp_path: Path, files: dict[str, Any], **options: Any) -> Report:
    return check_dataset(write_files(tmp_path / "a.zip", files), **options)


def kinds(report: Report) -> list[tuple[str, str]]:
    return [(fault.kind, fault.name) for fault in report.faults]


def orbit_labels(count: int = 40, yaw: float = 3.0, pitch: float = 0.4) -> np.ndarray:
    """Cameras (count, 25) spread over yaws and pitches up to these."""
    steps = np.linspace(-1, 1, count)
    return np.array([orbit_label(yaw * s, pitch * math.sin(9 * s)) for s in steps])


def change_poses(labels: np.ndarray, change: Any) -> np.ndarray:
    changed = labels.copy()
    for label in changed:
        label[:16] = np.ravel(change(label[:16].reshape(4, 4)))
    return changed


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


# Whole datasets


@pytest.mark.parametrize("name", ["set", "set.zip"])
@pytest.mark.parametrize("workers", [0, 3])
def test_sound_dataset(name: str, workers: int, tmp_path: Path) -> None:
    seen: list[float] = []
    path = write_files(tmp_path / name, sound_files())
    report = check_dataset(path, workers=workers, progress=seen.append)
    assert report.faults == () and report.notes == ()
    assert report.resolution == 8 and report.labels.shape == (6, 25)
    assert seen == pytest.approx([(i + 1) / 6 for i in range(6)])
    text = format_report(report)
    assert "6 images, 8 x 8; 6 sound camera labels" in text and text.endswith("no faults")
    assert "focal length x        4.2647    4.2647    4.2647" in text
    assert "    2.700 to 2.700    ######################################## 6" in text


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = write_files(tmp_path / "sound.zip", sound_files())
    assert command(str(sound), "--picture", str(tmp_path / "a.png")) == 0
    assert capsys.readouterr().out.endswith("no faults\n")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 900
    bad = write_files(tmp_path / "bad.zip", sound_files() | {"b.png": b""})
    assert command(str(bad)) == 1
    out = capsys.readouterr().out
    assert "2 faults:\nimage without label:\n  b.png: dataset.json does not name it\n" in out
    assert "picture is damaged:\n  b.png: " in out
    with pytest.raises(ValueError, match="no.zip does not exist"):
        command(str(tmp_path / "no.zip"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no PNG or JPEG images"):
        command(str(tmp_path / "empty"))


def test_thousands_of_faults_are_summarised(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(1200)]
    files: dict[str, Any] = dict.fromkeys(names, b"")
    report = check(tmp_path, files | {"dataset.json": {"labels": []}})
    text = format_report(report)
    assert "2400 faults:" in text and "picture is damaged (1200):" in text
    assert "  ... and 1195 more (--all lists them)" in text and len(text.splitlines()) < 30
    assert len(format_report(report, limit=None).splitlines()) > 2400
    draw_report(report)  # nothing to show


def test_picture_shows_examples_and_histograms(tmp_path: Path) -> None:
    files = sound_files()
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    files["00000/img00000000.png"] = encode(red)
    picture = draw_report(check(tmp_path, files))
    assert picture.dtype == np.float32 and 0 <= picture.min() and picture.max() <= 1
    assert (picture[20:120, 20:120] == (1, 0, 0)).all()
    ink = (np.abs(picture - np.array([102, 170, 238]) / 255) < 1e-3).all(2)
    panels = [ink[150:, x : x + 250].sum() for x in (16, 280, 544, 808)]
    # Equal distances make one full bar; yaws and pitches several; the map has a dot a camera.
    assert panels[0] > panels[1] > 100 and panels[2] > 100 and 4 <= panels[3] <= 6


# Files


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encode(random_image(8, 99))[:-40], "picture is damaged"),
        (b"text", "picture is damaged"),
        (b"", "picture is damaged"),
        (encode(random_image(16, 99)), "picture has another size"),
        (encode(random_image(8, 99)[:6]), "picture has another size"),
        (encode(random_image(8, 99)[:, :, 0]), "picture is not RGB"),
        (encode(random_image(8, 99).repeat(2, 2)[:, :, :4]), "picture is not RGB"),
        (encode(random_image(8, 0)), "picture is a duplicate"),
        (encode(random_image(8, 0), compress_level=0), "picture is a duplicate"),
    ],
)
def test_picture_faults(data: bytes, kind: str, tmp_path: Path) -> None:
    assert kinds(check(tmp_path, sound_files() | {ODD: data})) == [(kind, ODD)]


def test_flipped_bit_in_a_folder(tmp_path: Path) -> None:
    """Decoders may not notice it; the checksums in the file do."""
    data = bytearray(sound_files()[ODD])
    data[data.index(b"IDAT") + 60] ^= 1
    report = check_dataset(write_files(tmp_path / "a", sound_files() | {ODD: bytes(data)}))
    assert kinds(report) == [("picture is damaged", ODD)]


def test_file_twice_in_a_zip_file(tmp_path: Path) -> None:
    path = write_files(tmp_path / "a.zip", sound_files())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(ODD, sound_files()[ODD])
    assert kinds(check_dataset(path)) == [("file is twice in the zip file", ODD)]


# Labels as data


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda labels: labels.pop(3), ("image without label", ODD)),
        (lambda labels: labels.append(["x.png", [0.0] * 25]), ("label without image", "x.png")),
        (lambda labels: labels.append(labels[3]), ("label is given twice", ODD)),
        (lambda labels: labels.append("x"), ("entry is malformed", "dataset.json")),
        (lambda labels: labels[3].__setitem__(1, 4), ("label is malformed", ODD)),
        (lambda labels: labels[3][1].pop(), ("label is malformed", ODD)),
        (lambda labels: labels[3][1].__setitem__(0, math.nan), ("label is not finite", ODD)),
        (lambda labels: labels[3][1].__setitem__(0, math.inf), ("label is not finite", ODD)),
    ],
)
def test_label_entry_faults(change: Any, expected: tuple[str, str], tmp_path: Path) -> None:
    files = sound_files()
    change(files["dataset.json"]["labels"])
    assert kinds(check(tmp_path, files)) == [expected]


@pytest.mark.parametrize("content", [None, {"labels": 3}, b"{"])
def test_unusable_label_file(content: Any, tmp_path: Path) -> None:
    files = sound_files() | {"dataset.json": content}
    if content is None:
        del files["dataset.json"]
    report = check(tmp_path, files)
    assert kinds(report) == [("dataset.json is unusable", "")]
    assert "0 sound camera labels" in format_report(report)


def test_no_labels(tmp_path: Path) -> None:
    report = check(tmp_path, sound_files() | {"dataset.json": {"labels": None}})
    assert {fault.kind for fault in report.faults} == {"image without label"}
    assert len(report.faults) == 6


def test_mirrored_names_need_mirrored_labels(tmp_path: Path) -> None:
    files = sound_files()
    labels = files["dataset.json"]["labels"]
    for number, wrong in ((1, False), (2, True)):
        name, label = labels[number]
        flipped = label if wrong else mirror_labels(np.array(label)).tolist()
        mirrored = np.ascontiguousarray(random_image(8, number)[:, ::-1])
        files[name.replace(".png", "_mirror.png")] = encode(mirrored)
        labels.append([name.replace(".png", "_mirror.png"), flipped])
    report = check(tmp_path, files)
    assert kinds(report) == [("label is not the mirrored one", "00000/img00000002_mirror.png")]
    assert "of 00000/img00000002.png" in report.faults[0].detail


def test_mirrored_names_need_mirrored_pixels(tmp_path: Path) -> None:
    files = sound_files()
    labels = files["dataset.json"]["labels"]
    smooth = np.tile(np.linspace(0, 250, 8, dtype=np.uint8)[None, :, None], (8, 1, 3))
    turned = np.ascontiguousarray(smooth[:, ::-1])
    pictures = {  # by number: the original, and what its mirror image is said to be
        0: (smooth, turned),
        1: (smooth + 1, turned + np.uint8(3)),  # as a lossy format might have it
        2: (smooth + 2, smooth + 3),  # not turned at all
        3: (smooth + 4, np.zeros((4, 4, 3), np.uint8)),
    }
    for number, (original, mirrored) in pictures.items():
        name, label = labels[number]
        files[name] = encode(original)
        files[name.replace(".png", "_mirror.png")] = encode(mirrored)
        flipped = mirror_labels(np.array(label)).tolist()
        labels.append([name.replace(".png", "_mirror.png"), flipped])
    report = check(tmp_path, files)
    wrong = [(kind, name) for kind, name in kinds(report) if "mirrored" in kind]
    names = ["00000/img00000002_mirror.png", "00000/img00000003_mirror.png"]
    assert wrong == [("picture is not the mirrored one", name) for name in names]
    told = [fault.detail for fault in report.faults if "mirrored" in fault.kind]
    assert told[0].startswith("its pixels differ by 1") and "00000/img00000002.png" in told[0]


# Labels as cameras


@pytest.mark.parametrize(
    ("place", "value", "kind"),
    [
        (slice(0, 16), np.eye(4).ravel() * 0, "pose has a wrong last row"),
        (14, 0.5, "pose has a wrong last row"),
        (slice(0, 3), [2.0, 0, 0], "rotation is not orthonormal"),
        (3, math.nan, "label is not finite"),
        ([16, 20], -1.0, "focal length is not positive"),
        ([16, 20], 1000.0, "intrinsics are in pixels"),
        (18, 256.0, "intrinsics are in pixels"),
        (18, 1.2, "principal point is outside the picture"),
        (24, 0.0, "intrinsics are malformed"),
        (19, 0.3, "intrinsics are malformed"),
        ([3, 7, 11], 0.0, "camera is at the origin"),
    ],
)
def test_label_faults(place: Any, value: Any, kind: str) -> None:
    labels = orbit_labels(5)
    labels[2, place] = value
    (fault,) = find_label_faults(labels)
    assert (fault.index, fault.kind) == (2, kind)


def test_sound_labels_have_no_faults() -> None:
    assert find_label_faults(orbit_labels()) == []
    assert find_label_faults(orbit_labels().astype(np.float32)) == []
    assert find_label_faults(np.zeros((0, 25))) == []
    assert find_convention_faults(np.zeros((0, 25))) == ([], [])


def test_transposed_and_reflected_poses() -> None:
    labels = orbit_labels(6)
    labels[1:2] = change_poses(labels[1:2], np.transpose)
    labels[4:5] = change_poses(labels[4:5], lambda pose: pose @ np.diag([1.0, -1, 1, 1]))
    labels[5, 16:] *= 512
    found = [(fault.index, fault.kind) for fault in find_label_faults(labels)]
    assert found == [
        (1, "pose is transposed"),
        (4, "rotation is a reflection"),
        (5, "intrinsics are malformed"),
    ]


def test_a_fault_is_named_with_numbers() -> None:
    labels = orbit_labels(1)
    labels[0, :12].reshape(3, 4)[:, :3] *= 2
    (fault,) = find_label_faults(labels)
    assert fault.detail == "its rows have lengths (2, 2, 2)"


# Other conventions

READINGS = {
    "camera axes are OpenGL's or Blender's (y up, z backward)": lambda pose: pose @ OPENGL_AXES,
    "pose is world-to-camera, not camera-to-world": np.linalg.inv,
    "pose is world-to-camera with OpenGL axes": lambda pose: OPENGL_AXES @ np.linalg.inv(pose),
}


@pytest.mark.parametrize(("yaw", "pitch"), [(3.0, 0.4), (0.8, 0.35), (0.3, 0.1), (3.0, 1.5)])
def test_right_cameras_pass(yaw: float, pitch: float) -> None:
    assert find_convention_faults(orbit_labels(60, yaw, pitch)) == ([], [])


def test_cameras_that_aim_beside_the_origin_pass() -> None:
    """FFHQ's later crops are centred on (0, 0, 0.2); crops of others are less exact."""
    labels = orbit_labels(60, 0.8, 0.3)
    for label in labels:
        label[[3, 7, 11]] += [0.1, 0.05, 0.2]
    assert find_convention_faults(labels) == ([], [])


@pytest.mark.parametrize(("yaw", "pitch"), [(3.0, 0.4), (0.8, 0.35), (0.3, 0.1)])
@pytest.mark.parametrize("kind", READINGS)
def test_whole_dataset_in_another_convention(kind: str, yaw: float, pitch: float) -> None:
    labels = change_poses(orbit_labels(60, yaw, pitch), READINGS[kind])
    assert find_label_faults(labels) == []
    overall, single = find_convention_faults(labels)
    assert overall == [f"by the directions of all cameras, the {kind}"]
    assert {fault.kind for fault in single} <= {kind}
    assert single or yaw < 1  # near the front, a wrong camera may still see the object


def test_single_label_in_another_convention() -> None:
    kind = next(iter(READINGS))
    labels = orbit_labels(60, 0.8, 0.3)
    labels[7:8] = change_poses(labels[7:8], READINGS[kind])
    overall, (fault,) = find_convention_faults(labels)
    assert overall == [] and (fault.index, fault.kind) == (7, kind)
    assert "looks 180 degrees past the origin" in fault.detail


def test_single_world_to_camera_label_from_the_side() -> None:
    labels = orbit_labels(60)
    labels[10:11] = change_poses(labels[10:11], np.linalg.inv)
    overall, (fault,) = find_convention_faults(labels)
    assert overall == [] and fault.index == 10 and "world-to-camera" in fault.kind


def test_upside_down_and_sideways() -> None:
    labels = orbit_labels(60, 0.8, 0.3)
    labels[3:4] = change_poses(labels[3:4], lambda pose: pose @ np.diag([-1.0, -1, 1, 1]))
    labels[9, [0, 4, 8, 2, 6, 10]] = labels[9, [2, 6, 10, 0, 4, 8]] * [-1, -1, -1, 1, 1, 1]
    overall, single = find_convention_faults(labels)
    assert overall == []
    assert [(fault.index, fault.kind) for fault in single] == [
        (9, "camera does not look at the object"),
        (3, "camera is upside down"),
    ]


@pytest.mark.parametrize(
    ("turn", "up"),
    [
        ([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], "+z"),
        (np.diag([1.0, -1, -1]), "-y"),
        ([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]], "+x"),
    ],
)
def test_world_with_another_axis_up(turn: Any, up: str) -> None:
    world = np.eye(4)
    world[:3, :3] = turn
    labels = change_poses(orbit_labels(60), lambda pose: world @ pose)
    overall, single = find_convention_faults(labels)
    assert overall == [f"by the directions of all cameras, the world's up is {up}, not +y"]
    assert single == []


def test_convention_faults_are_reported_with_names(tmp_path: Path) -> None:
    files = sound_files()
    for entry in files["dataset.json"]["labels"]:
        entry[1][:16] = np.ravel(np.reshape(entry[1][:16], (4, 4)) @ OPENGL_AXES).tolist()
    report = check(tmp_path, files)
    assert kinds(report)[-1] == ("cameras follow another convention", "")
    assert kinds(report)[0] == (next(iter(READINGS)), "00000/img00000000.png")
    assert len(report.faults) == 7
    assert json.dumps(format_report(report))  # plain text


def test_axes_crossing() -> None:
    labels = orbit_labels(30)
    poses = labels[:, :16].reshape(-1, 4, 4).copy()
    poses[:, :3, 3] += [1.0, -2.0, 3.0]
    assert find_axes_crossing(poses) == pytest.approx([1, -2, 3])
    with pytest.raises(ValueError, match="all look the same way.*--center"):
        find_axes_crossing(poses[:1])


# Notes


def test_notes(tmp_path: Path) -> None:
    files = sound_files(3, size=12)
    for entry in files["dataset.json"]["labels"]:
        entry[1] = orbit_label(0, 0, radius=270)
    report = check(tmp_path, files)
    assert report.faults == ()
    text = format_report(report)
    assert "a power of two; it is 12" in text
    assert "the cameras are 270 from the origin" in text and "all cameras are equal" in text
