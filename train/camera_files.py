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

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from ballgan.json_values import (
    as_dict,
    as_list,
    as_matrix,
    as_number,
    as_pinhole,
    as_pose,
    read_json,
)

from .archive import Archive, describe_label_fault

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".webp")
_DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
_LENSES = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "PERSPECTIVE")


@dataclass(frozen=True)
class Photo:
    """An image file."""

    name: str  # as the camera file has it, or below its folder
    path: Path
    width: int  # pixels of the image
    height: int


@dataclass(frozen=True)
class View(Photo):
    """An image file and its camera."""

    cam2world: np.ndarray  # (4, 4), in the file's convention
    intrinsics: np.ndarray  # (3, 3), in pixels of the image
    distorted: bool = False  # the file has lens distortion, which we cannot express


def read_photos(folder: str | os.PathLike[str]) -> list[Photo]:
    """All images below a folder, sorted by name; ValueError if one is damaged or there is none."""
    names = Archive(folder).images
    if not names:
        raise ValueError(f"{folder} holds no PNG or JPEG images")
    return [Photo(name, *_find_image(name, (Path(folder),))) for name in names]


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
    frames = as_list(content["frames"], '"frames"')
    return [_read_frame(frame, content, folders) for frame in frames]


def _read_frame(frame: Any, shared: dict[str, Any], folders: _Folders) -> View:
    fields = {**shared, **as_dict(frame, 'an entry of "frames"')}
    name = fields.get("file_path")
    if not isinstance(name, str):
        raise ValueError('an entry of "frames" has no "file_path"')
    lens = fields.get("camera_model", "PINHOLE")
    if lens not in _LENSES:
        raise ValueError(f"{name}: the camera model {lens} is no pinhole; undistort the images")
    if fields.get("is_fisheye"):
        raise ValueError(f"{name}: is_fisheye is set; undistort the images")
    path, width, height = _find_image(name, folders)
    pose = as_pose(fields.get("transform_matrix"), f"{name}: transform_matrix")
    intrinsics = as_pinhole(fields, name, width, height)
    distorted = any(fields.get(key) not in (None, 0) for key in _DISTORTIONS)
    return View(name, path, width, height, pose, intrinsics, distorted)


def _read_cameras(content: dict[str, Any], folders: _Folders) -> list[View]:
    views = []
    for name, fields in as_dict(content["cameras"], '"cameras"').items():
        path, width, height = _find_image(name, folders)
        fields = as_dict(fields, f"the camera of {name}")
        pose = as_pose(fields.get("cam2world"), f"{name}: cam2world")
        own = fields if "intrinsics_px" in fields or "intrinsics" in fields else content
        if ("intrinsics_px" in own) == ("intrinsics" in own):
            raise ValueError(f'{name} should have either "intrinsics_px" or "intrinsics"')
        unit = "intrinsics_px" if "intrinsics_px" in own else "intrinsics"
        matrix = as_matrix(own[unit], (3, 3), f"{name}: {unit}")
        if unit == "intrinsics":
            matrix = np.diag([width, height, 1.0]) @ matrix
        views.append(View(name, path, width, height, pose, matrix))
    return views


def _read_dataset(content: dict[str, Any], folders: _Folders) -> list[View]:
    views = []
    for entry in as_list(content["labels"], '"labels"'):
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise ValueError('an entry of "labels" is not [name, 25 numbers]')
        name, label = entry
        fault = describe_label_fault(label)
        if fault is not None:
            raise ValueError(f"the label of {name} is unusable: {fault}")
        path, width, height = _find_image(name, folders)
        values = np.array([as_number(value, f"the label of {name}") for value in label])
        pixels = np.diag([width, height, 1.0]) @ values[16:].reshape(3, 3)
        views.append(View(name, path, width, height, values[:16].reshape(4, 4), pixels))
    return views


# Values


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    return as_dict(read_json(content, str(path)), str(path))


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
