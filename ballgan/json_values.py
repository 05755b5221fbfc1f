"""Checked values out of JSON that was read with `parse_int=float`.

Each function raises ValueError that begins with `what`, the place of the value in its file.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

ASPECT_TOLERANCE = 0.01  # of an image, against what its camera says


def read_json(text: str | bytes, what: str) -> Any:
    """The content of JSON; all its numbers are floats."""
    try:
        return json.loads(text, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not valid JSON ({error})") from error


def as_dict(value: Any, what: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} should be an object {{...}}")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError(f"{what} should be a list [...]")
    return value


def as_number(value: Any, what: str) -> float:
    """A finite number."""
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError(f"{what} should be a finite number; got {value!r:.80}")
    return value


def as_matrix(value: Any, shape: tuple[int, int], what: str) -> np.ndarray:
    """A list of rows as a float64 matrix of `shape`."""
    rows = value if isinstance(value, list) else []
    if len(rows) != shape[0] or any(
        not isinstance(row, list) or len(row) != shape[1] for row in rows
    ):
        raise ValueError(f"{what} should be a {shape[0]}x{shape[1]} matrix, a list of rows")
    return np.array([[as_number(number, what) for number in row] for row in rows])


def as_pose(value: Any, what: str) -> np.ndarray:
    """A (4, 4) matrix; the last row may be left out."""
    if isinstance(value, list) and len(value) == 3:
        value = [*value, [0.0, 0.0, 0.0, 1.0]]
    return as_matrix(value, (4, 4), what)


def as_pinhole(fields: Mapping[str, Any], what: str, width: float, height: float) -> np.ndarray:
    """Intrinsics (3, 3) in pixels of an image of `width` x `height`, as transforms.json has them.

    fields: fl_x, fl_y, cx, cy in pixels of an image of w x h, or camera_angle_x and camera_angle_y,
    the full angles of view in radians. Pixels are square where only one of them is given.
    """

    def number(key: str) -> float | None:
        value = fields.get(key)
        return None if value is None else as_number(value, f"{what}: {key}")

    stated = (number("w") or width, number("h") or height)
    scale_x, scale_y = width / stated[0], height / stated[1]
    if abs(scale_x / scale_y - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"{what} is {width:g} x {height:g}, which is no scaled {stated[0]:g} x {stated[1]:g}"
        )
    focal_x, focal_y = number("fl_x"), number("fl_y")
    angle_x, angle_y = number("camera_angle_x"), number("camera_angle_y")
    fx = focal_x * scale_x if focal_x is not None else _focal(angle_x, width, what)
    fy = focal_y * scale_y if focal_y is not None else _focal(angle_y, height, what)
    if fx is None and fy is None:
        raise ValueError(f"{what} has no focal length: neither fl_x nor camera_angle_x is given")
    fx, fy = fx or fy, fy or fx
    center_x, center_y = number("cx"), number("cy")
    cx = width / 2 if center_x is None else center_x * scale_x
    cy = height / 2 if center_y is None else center_y * scale_y
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def _focal(angle: float | None, size: float, what: str) -> float | None:
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise ValueError(f"{what}: an angle of view should be from 0 to pi radians; got {angle:g}")
    return 0.5 * size / math.tan(angle / 2)
