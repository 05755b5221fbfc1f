"""Cameras as JSON text, to copy, to paste, and for other programs.

Three forms are written and read; the last two are for any number of pictures, by their names:

    {"format": "ballgan camera", "yaw": 0.4, "pitch": 0.1, "radius": 2.7, "pivot": [0, 0, 0.2],
     "fov": 0.23, "roll": 0.0}                             angles in radians, as in sessions
    {"cameras": {"a.png": {"cam2world": 4x4, "world2cam": 4x4}, ...}, "intrinsics_px": 3x3,
     "width": 512, "height": 512}                          OpenCV: x right, y down, z forward
    {"frames": [{"file_path": "a.png", "transform_matrix": 4x4}, ...], "fl_x": ..., "fl_y": ...,
     "cx": ..., "cy": ..., "w": 512, "h": 512}             OpenGL, as NeRF has it: y up, z back

EG3D's label, a list of 25 numbers, and dataset.json are read too. World axes are always ours: y up.
Pixel coordinates are 0 at the left edge of the first pixel, w at the right edge of the last (cv2
counts from the middle of the first: half a pixel less). Light: nothing here imports torch.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .camera import Camera
from .config import CameraConfig
from .json_values import (
    as_dict,
    as_list,
    as_matrix,
    as_number,
    as_pinhole,
    as_pose,
    read_json,
)
from .plain import from_plain, to_plain
from .view import Orbit

Made = TypeVar("Made")
Counted = TypeVar("Counted", bound=Collection[Any])

FORMAT = "ballgan camera"
CONVENTIONS = ("opencv", "opengl")
FILE_NAMES = {"opencv": "cameras.json", "opengl": "transforms.json"}
MAX_CAMERAS = 10_000  # of one text
NO_ROLL = 1e-5  # radians, up to which a camera counts as upright: matrices are rounded
KINDS = '"format", "cameras", "frames", "transform_matrix" or "labels"'
_ROWS = re.compile(r"\[\s+([-+.\deE,\s]*?)\s+\]")  # of matrices: better read in one line


def encode_camera(orbit: Orbit) -> str:
    """The text of one camera, exact to the last digit."""
    return _dump({"format": FORMAT} | to_plain(orbit))


def encode_cameras(cameras: Mapping[str, Camera], convention: str, size: int) -> str:
    """The text of the cameras of square pictures, by the pictures' names.

    convention: "opencv" or "opengl". size: side of the pictures in pixels.
    Raises ValueError for another convention, or for no camera at all.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is one of {', '.join(CONVENTIONS)}; got {convention!r}.")
    if not cameras:
        raise ValueError("cameras should hold one camera or more; got none.")
    encode = _encode_opencv if convention == "opencv" else _encode_opengl
    return _dump(encode(cameras, size))


def decode_cameras(text: str, name: str = "the text") -> dict[str, Camera]:
    """The cameras in a text of any form, by the names of their pictures, in its order.

    They are made for square pictures: of others the largest centred square is taken. `name` is
    what errors call the text. Raises ValueError that says what is wrong and where.
    """
    fields = _read_fields(text, name)
    return _checked(name, lambda: _collect(_read_cameras(fields)))


def decode_first(text: str, name: str = "the text") -> Orbit | Camera:
    """The first camera in a text of any form; nothing else is looked at. Ours is an orbit, exactly.

    Raises ValueError as `decode_cameras` does.
    """
    fields = _read_fields(text, name)
    if fields.get("format") == FORMAT:
        return _checked(name, lambda: _read_orbit(fields))
    return _checked(name, lambda: next(_read_cameras(fields))[1])


def fit_orbit(camera: Camera, near: Orbit) -> Orbit:
    """The orbit with the same position, direction, roll and vertical angle of view.

    What an orbit lacks is lost: a centre beside the middle (see `describe_loss`). The pivot is
    where the axis passes nearest to `near.pivot`; if that is behind the camera, as far ahead as
    `near` is from its own.
    """
    pose = np.array(camera.cam2world)
    right, ahead, position = pose[:3, 0], pose[:3, 2], pose[:3, 3]
    level = math.hypot(ahead[0], ahead[2])
    if level > 1e-6:
        yaw = math.atan2(-ahead[0], -ahead[2])
    else:  # straight up or down: only the right side tells
        yaw = math.atan2(-right[2], right[0])
    along = float(ahead @ (np.array(near.pivot) - position))
    radius = along if along > 1e-3 * near.radius else near.radius
    x, y, z = (position + radius * ahead).tolist()
    fov = 2 * math.atan(0.5 / camera.intrinsics[1][1])
    orbit = Orbit(yaw, math.atan2(-ahead[1], level), radius, (x, y, z), fov)
    upright = np.array(to_camera(orbit).cam2world)
    roll = math.atan2(right @ upright[:3, 1], right @ upright[:3, 0])
    return replace(orbit, roll=roll if abs(roll) > NO_ROLL else 0.0)


def to_camera(orbit: Orbit) -> Camera:
    """The pose and intrinsics of an orbit."""
    open_orbit = Camera.orbit(
        orbit.yaw,
        orbit.pitch,
        radius=orbit.radius,
        pivot=orbit.pivot,
        fov=orbit.fov,
        roll=orbit.roll,
    )
    return open_orbit.resolve(CameraConfig())


def describe_loss(camera: Camera) -> str:
    """What `fit_orbit` leaves out, such as "its pixels that are not square"; empty: nothing."""
    (fx, skew, cx), (_, fy, cy), _ = camera.intrinsics
    lost = []
    if max(abs(cx - 0.5), abs(cy - 0.5)) > 1e-3:
        lost.append(f"its centre at ({cx:.3f}, {cy:.3f}) of the picture")
    if abs(fx / fy - 1) > 1e-3 or abs(skew) > 1e-3:
        lost.append("its pixels that are not square")
    return ", ".join(lost)


# Writing


def _encode_opencv(cameras: Mapping[str, Camera], size: int) -> dict[str, Any]:
    poses = {
        name: {"cam2world": _rows(camera.cam2world), "world2cam": _rows(camera.world2cam())}
        for name, camera in cameras.items()
    }
    intrinsics = {name: _rows(_in_pixels(camera, size)) for name, camera in cameras.items()}
    head = {"width": size, "height": size}
    first = next(iter(intrinsics.values()))
    if all(matrix == first for matrix in intrinsics.values()):
        return {"cameras": poses, "intrinsics_px": first} | head
    own = {name: pose | {"intrinsics_px": intrinsics[name]} for name, pose in poses.items()}
    return {"cameras": own} | head


def _encode_opengl(cameras: Mapping[str, Camera], size: int) -> dict[str, Any]:
    frames, lenses = [], []
    for name, camera in cameras.items():
        (fx, _, cx), (_, fy, cy), _ = _in_pixels(camera, size).tolist()
        lenses.append({"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": size, "h": size})
        frames.append({"file_path": name, "transform_matrix": _rows(camera.to_opengl())})
    shared = {"camera_model": "PINHOLE"}
    if all(lens == lenses[0] for lens in lenses):
        angle = 2 * math.atan(0.5 * size / lenses[0]["fl_x"])
        return shared | lenses[0] | {"camera_angle_x": angle, "frames": frames}
    return shared | {"frames": [f | lens for f, lens in zip(frames, lenses, strict=True)]}


def _in_pixels(camera: Camera, size: int) -> np.ndarray:
    return np.diag([size, size, 1.0]) @ np.array(camera.intrinsics)


def _rows(matrix: Any) -> list[list[float]]:
    return (np.array(matrix) + 0.0).tolist()  # no -0.0


def _dump(content: dict[str, Any]) -> str:
    text = json.dumps(content, indent=2, allow_nan=False)
    return _ROWS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


# Reading


def _read_fields(text: str, name: str) -> dict[str, Any]:
    content = read_json(text, name)
    return as_dict(
        {"labels": [["camera", content]]} if isinstance(content, list) else content, name
    )


def _read_cameras(fields: dict[str, Any]) -> Iterator[tuple[str, Camera]]:
    """Each camera with its name, in turn."""
    if fields.get("format") == FORMAT:
        yield "camera", to_camera(_read_orbit(fields))
    elif "frames" in fields:
        for frame in _counted(as_list(fields["frames"], '"frames"')):
            yield _read_frame(frame, fields)
    elif "transform_matrix" in fields:
        yield _read_frame(fields, {})
    elif "cameras" in fields:
        for name, own in _counted(as_dict(fields["cameras"], '"cameras"').items()):
            yield _read_opencv(name, own, fields)
    elif "labels" in fields:
        for entry in _counted(as_list(fields["labels"], '"labels"')):
            yield _read_label(entry)
    else:
        raise ValueError(f"this is no camera that we know: it has none of {KINDS}")


def _counted(entries: Counted) -> Counted:
    if not 0 < len(entries) <= MAX_CAMERAS:
        raise ValueError(f"there should be 1 to {MAX_CAMERAS} cameras; there are {len(entries)}")
    return entries


def _collect(cameras: Iterable[tuple[str, Camera]]) -> dict[str, Camera]:
    """Cameras by name; a name that comes again gets a number."""
    named: dict[str, Camera] = {}
    for name, camera in cameras:
        named[name if name not in named else f"{name} ({len(named)})"] = camera
    return named


def _read_orbit(fields: dict[str, Any]) -> Orbit:
    values = {key: value for key, value in fields.items() if key != "format"}
    orbit = from_plain(Orbit, values, "camera", lenient=True)
    to_camera(orbit)  # raises ValueError for values that mean nothing
    return orbit


def _read_frame(frame: Any, shared: dict[str, Any]) -> tuple[str, Camera]:
    fields = {**shared, **as_dict(frame, 'an entry of "frames"')}
    name = str(fields.get("file_path", "camera"))
    pose = as_pose(fields.get("transform_matrix"), f"{name}: transform_matrix")
    width, height = _read_size(fields, "w", "h", name)
    if width == 1.0 and ("fl_x" in fields or "fl_y" in fields):
        raise ValueError(f"{name} has a focal length in pixels, but not w, the picture's width")
    lens = _square(as_pinhole(fields, name, width, height), width, height)
    return name, _checked(name, lambda: Camera.from_opengl(pose, lens))


def _read_opencv(name: str, own: Any, shared: dict[str, Any]) -> tuple[str, Camera]:
    own = as_dict(own, f"the camera of {name}")
    pose = as_pose(own.get("cam2world"), f"{name}: cam2world")
    lens = own if "intrinsics_px" in own or "intrinsics" in own else shared
    if ("intrinsics_px" in lens) == ("intrinsics" in lens):
        raise ValueError(f'{name} should have either "intrinsics_px" or "intrinsics"')
    width, height = _read_size({**shared, **own}, "width", "height", name)
    if "intrinsics" in lens:
        normalized = as_matrix(lens["intrinsics"], (3, 3), f"{name}: intrinsics")
        matrix = np.diag([width, height, 1.0]) @ normalized
    elif width == 1.0:
        raise ValueError(f'{name} has "intrinsics_px", but not "width", the picture\'s')
    else:
        matrix = as_matrix(lens["intrinsics_px"], (3, 3), f"{name}: intrinsics_px")
    intrinsics = _square(matrix, width, height)
    return name, _checked(name, lambda: Camera(tuple(map(tuple, pose.tolist())), intrinsics))


def _read_label(entry: Any) -> tuple[str, Camera]:
    name, label = entry if isinstance(entry, list) and len(entry) == 2 else ("", entry)
    numbers = as_list(label, "a camera label")
    values = [as_number(number, "a camera label") for number in numbers]
    return str(name), _checked(str(name), lambda: Camera.from_label(values))


def _read_size(fields: dict[str, Any], wide: str, high: str, name: str) -> tuple[float, float]:
    """Width and height in pixels; 1 x 1 where nothing is said."""
    width = as_number(fields.get(wide, 1.0), f"{name}: {wide}")
    height = as_number(fields.get(high, width), f"{name}: {high}")
    if min(width, height) <= 0:
        raise ValueError(f"{name} should have a size above 0; got {width:g} x {height:g}")
    return width, height


def _square(matrix: np.ndarray, width: float, height: float) -> Any:
    """Normalised intrinsics of the largest centred square of a picture; `matrix` in pixels."""
    side = min(width, height)
    moved = matrix.copy()
    moved[0, 2] -= (width - side) / 2
    moved[1, 2] -= (height - side) / 2
    return tuple(map(tuple, (np.diag([1 / side, 1 / side, 1.0]) @ moved).tolist()))


def _checked(name: str, make: Callable[[], Made]) -> Made:
    """What `make` makes; its errors begin with `name`."""
    try:
        return make()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
