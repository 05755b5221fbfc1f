"""Reading image folders with known cameras: cameras.json, NeRF's transforms.json, dataset.json.

cameras.json, our own, holds poses as 4x4 camera-to-world matrices and 3x3 intrinsics, either in
pixels ("intrinsics_px") or divided by width (first row) and height (second row) ("intrinsics"):

    {"cameras": {"a.png": {"cam2world": [[...], ...], "intrinsics_px": [[...], ...]}, ...},
     "intrinsics_px": [[...], ...]}      <- of all images that do not have their own

transforms.json, of NeRF, instant-ngp and nerfstudio, holds "frames" with "file_path" and
"transform_matrix" and, for all or by frame, fl_x, fl_y, cx, cy, w, h in pixels or camera_angle_x,
camera_angle_y, the full angles of view in radians. dataset.json is EG3D's (see archive.py).
Pixel coordinates are 0 at the left edge of the first pixel, w at the right edge of the last.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from .archive import describe_label_fault

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".webp")
_DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
_LENSES = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "PERSPECTIVE")
_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True)
class View:
    """An image file and its camera."""

    name: str  # as the camera file has it
    path: Path
    width: int  # pixels of the image
    height: int
    cam2world: np.ndarray  # (4, 4), in the file's convention
    intrinsics: np.ndarray  # (3, 3), in pixels of the image
    distorted: bool = False  # the file has lens distortion, which we cannot express


def read_views(cameras: str | os.PathLike[str], folder: str | os.PathLike[str]) -> list[View]:
    """Read a camera file and look up its images, sorted by name.

    Args:
        cameras: cameras.json, transforms.json or dataset.json; recognised by content.
        folder: where images are looked for first, then beside the camera file.

    Raises ValueError, naming the file and what is wrong: no such file, a missing or damaged image,
    a value that is no number, a lens that is no pinhole.
    """
    content = _read_json(Path(cameras))
    readers = {"frames": _read_transforms, "cameras": _read_cameras, "labels": _read_dataset}
    kind = next((key for key in readers if content.get(key)), None)
    if kind is None:
        raise ValueError(
            f'{cameras} has no "frames" (transforms.json), "cameras" (cameras.json) or "labels" '
            "(dataset.json)"
        )
    folders = (Path(folder), Path(cameras).parent)
    try:
        views = readers[kind](content, folders)
    except ValueError as error:
        raise ValueError(f"{cameras}: {error}") from error
    twice = [name for name, count in Counter(view.name for view in views).items() if count > 1]
    if twice:
        raise ValueError(f"{cameras}: {twice[0]} has more than one camera")
    return sorted(views, key=lambda view: view.name)


# The three formats

_Folders = tuple[Path, ...]


def _read_transforms(content: dict[str, Any], folders: _Folders) -> list[View]:
    frames = _as_list(content["frames"], '"frames"')
    return [_read_frame(frame, content, folders) for frame in frames]


def _read_frame(frame: Any, shared: dict[str, Any], folders: _Folders) -> View:
    fields = {**shared, **_as_dict(frame, 'an entry of "frames"')}
    name = fields.get("file_path")
    if not isinstance(name, str):
        raise ValueError('an entry of "frames" has no "file_path"')
    lens = fields.get("camera_model", "PINHOLE")
    if lens not in _LENSES:
        raise ValueError(f"{name}: the camera model {lens} is no pinhole; undistort the images")
    if fields.get("is_fisheye"):
        raise ValueError(f"{name}: is_fisheye is set; undistort the images")
    path, width, height = _find_image(name, folders)
    pose = _as_pose(fields.get("transform_matrix"), f"{name}: transform_matrix")
    intrinsics = _read_pinhole(fields, name, width, height)
    distorted = any(fields.get(key) not in (None, 0) for key in _DISTORTIONS)
    return View(name, path, width, height, pose, intrinsics, distorted)


def _read_pinhole(fields: Mapping[str, Any], name: str, width: int, height: int) -> np.ndarray:
    """Intrinsics in pixels of an image from fl_x ... or camera_angle_x ...; square pixels."""

    def number(key: str) -> float | None:
        value = fields.get(key)
        if value is None:
            return None
        return _as_number(value, f"{name}: {key}")

    stated = (number("w") or width, number("h") or height)
    scale_x, scale_y = width / stated[0], height / stated[1]
    if abs(scale_x / scale_y - 1) > _ASPECT_TOLERANCE:
        raise ValueError(
            f"{name} is {width} x {height}, which is no scaled {stated[0]:g} x {stated[1]:g}"
        )
    focal_x, focal_y = number("fl_x"), number("fl_y")
    angle_x, angle_y = number("camera_angle_x"), number("camera_angle_y")
    fx = focal_x * scale_x if focal_x is not None else _focal(angle_x, width, name)
    fy = focal_y * scale_y if focal_y is not None else _focal(angle_y, height, name)
    if fx is None and fy is None:
        raise ValueError(f"{name} has no focal length: neither fl_x nor camera_angle_x is given")
    fx, fy = fx or fy, fy or fx
    center_x, center_y = number("cx"), number("cy")
    cx = width / 2 if center_x is None else center_x * scale_x
    cy = height / 2 if center_y is None else center_y * scale_y
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def _focal(angle: float | None, size: int, name: str) -> float | None:
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise ValueError(f"{name}: an angle of view should be from 0 to pi radians; got {angle:g}")
    return 0.5 * size / math.tan(angle / 2)


def _read_cameras(content: dict[str, Any], folders: _Folders) -> list[View]:
    views = []
    for name, fields in _as_dict(content["cameras"], '"cameras"').items():
        path, width, height = _find_image(name, folders)
        fields = _as_dict(fields, f"the camera of {name}")
        pose = _as_pose(fields.get("cam2world"), f"{name}: cam2world")
        own = fields if "intrinsics_px" in fields or "intrinsics" in fields else content
        if ("intrinsics_px" in own) == ("intrinsics" in own):
            raise ValueError(f'{name} should have either "intrinsics_px" or "intrinsics"')
        unit = "intrinsics_px" if "intrinsics_px" in own else "intrinsics"
        matrix = _as_matrix(own[unit], (3, 3), f"{name}: {unit}")
        if unit == "intrinsics":
            matrix = np.diag([width, height, 1.0]) @ matrix
        views.append(View(name, path, width, height, pose, matrix))
    return views


def _read_dataset(content: dict[str, Any], folders: _Folders) -> list[View]:
    views = []
    for entry in _as_list(content["labels"], '"labels"'):
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise ValueError('an entry of "labels" is not [name, 25 numbers]')
        name, label = entry
        fault = describe_label_fault(label)
        if fault is not None:
            raise ValueError(f"the label of {name} is unusable: {fault}")
        path, width, height = _find_image(name, folders)
        values = np.array([_as_number(value, f"the label of {name}") for value in label])
        pixels = np.diag([width, height, 1.0]) @ values[16:].reshape(3, 3)
        views.append(View(name, path, width, height, values[:16].reshape(4, 4), pixels))
    return views


# Values


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes(), parse_int=float)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error})") from error
    return _as_dict(content, str(path))


def _find_image(name: str, folders: _Folders) -> tuple[Path, int, int]:
    """Path, width and height of an image whose suffix may be left out."""
    candidates = (folder / (name + suffix) for folder in folders for suffix in _SUFFIXES)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise ValueError(f"the image {name} is not in {' or '.join(map(str, set(folders)))}")
    try:
        with Image.open(path) as image:
            return path, image.width, image.height
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} is damaged or no image") from error


def _as_dict(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} should be an object {{...}}")
    return value


def _as_list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} should be a list [...]")
    return value


def _as_number(value: Any, what: str) -> float:
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError(f"{what} should be a finite number; got {value!r}")
    return value


def _as_pose(value: Any, what: str) -> np.ndarray:
    """A (4, 4) matrix; the last row may be left out."""
    if isinstance(value, list) and len(value) == 3:
        value = [*value, [0.0, 0.0, 0.0, 1.0]]
    return _as_matrix(value, (4, 4), what)


def _as_matrix(value: Any, shape: tuple[int, int], what: str) -> np.ndarray:
    rows = value if isinstance(value, list) else []
    if len(rows) != shape[0] or any(
        not isinstance(row, list) or len(row) != shape[1] for row in rows
    ):
        raise ValueError(f"{what} should be a {shape[0]}x{shape[1]} matrix, a list of rows")
    return np.array([[_as_number(number, what) for number in row] for row in rows])
