"""Camera labels: EG3D's 25 numbers, their mirror image, and what can be wrong with them.

A label is a row-major 4x4 camera-to-world matrix and a row-major 3x3 matrix of intrinsics
normalised by the image size. Camera axes are OpenCV's: x right, y down, z forward; the world has
y up and the object at its origin. Arrays of labels are (N, 25).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

LABEL_SIZE = 25
OBJECT_RADIUS = 0.5  # world units: half the side of EG3D's box
OPENGL_AXES = np.diag([1.0, -1.0, -1.0, 1.0])  # x right, y up, z backward; its own inverse

_SKEW, _CENTER_X = 17, 18  # places in a label
_NEGATED = (1, 2, 3, 4, 8, _SKEW, _CENTER_X)
_TOLERANCE = 1e-3  # of rotations; labels are written with few digits
_CLEAR_MISS = np.radians(3)  # cameras that aim better than this need no other explanation

_Array = TypeVar("_Array", Tensor, np.ndarray)


@dataclass(frozen=True)
class LabelFault:
    """What is wrong with one label."""

    index: int  # row of the labels
    kind: str
    detail: str


def mirror_labels(labels: _Array) -> _Array:
    """The cameras that see the mirrored world: labels (..., 25) of the x-flipped images.

    World and camera x change sign, which negates the elements (0,1), (0,2), (1,0), (2,0) and (0,3)
    of the pose; the principal point moves to 1 - c_x and the skew is negated. Its own inverse.
    """
    sign, offset = np.ones(LABEL_SIZE), np.zeros(LABEL_SIZE)
    sign[list(_NEGATED)] = -1
    offset[_CENTER_X] = 1
    if isinstance(labels, Tensor):
        return labels * torch.from_numpy(sign).to(labels) + torch.from_numpy(offset).to(labels)
    return labels * sign + offset


def split_labels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, 25) -> poses (N, 4, 4), intrinsics (N, 3, 3)."""
    return labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)


def join_labels(poses: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Inverse of `split_labels`."""
    count = len(poses)
    return np.concatenate([poses.reshape(count, 16), intrinsics.reshape(count, 9)], axis=1)


def measure_orbit(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where cameras stand: distance from the origin, yaw and pitch in radians, each (N,).

    Yaw 0 is on the +z axis, positive towards +x; positive pitch is above.
    """
    x, y, z = poses[:, :3, 3].T
    radius = np.sqrt(x * x + y * y + z * z)
    pitch = np.arcsin(np.clip(y / np.maximum(radius, 1e-12), -1, 1))
    return radius, np.arctan2(x, z), pitch


def find_axes_crossing(poses: np.ndarray) -> np.ndarray:
    """The point (3,) nearest to all optical axes, in the least squares sense.

    Raises ValueError if the cameras all look the same way, so that there is no such point.
    """
    forward, position = poses[:, :3, 2], poses[:, :3, 3]
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]  # (N, 3, 3)
    matrix = across.mean(0)
    if np.linalg.eigvalsh(matrix)[0] < 1e-4:
        raise ValueError(
            "the cameras all look the same way, so where the object is cannot be found from them; "
            "say where with --center"
        )
    return np.linalg.solve(matrix, (across @ position[:, :, None]).mean(0)[:, 0])


# What can be wrong with the numbers


def find_label_faults(labels: np.ndarray) -> list[LabelFault]:
    """Every label (N, 25) that is no camera at all, or one whose intrinsics have other units.

    A pose and its intrinsics have at most one fault each. Whether the poses fit together is
    another question: see `find_convention_faults`.
    """
    finite = np.isfinite(labels).all(1)
    faults = [
        LabelFault(int(i), "label is not finite", "it holds NaN or infinity")
        for i in np.flatnonzero(~finite)
    ]
    rows = np.flatnonzero(finite)
    poses, intrinsics = split_labels(np.asarray(labels, np.float64)[rows])
    for check, matrices in ((_find_pose_faults, poses), (_find_lens_faults, intrinsics)):
        wrong = np.zeros(len(rows), bool)
        for kind, mask, describe in check(matrices):
            faults += [
                LabelFault(int(rows[i]), kind, describe(int(i)))
                for i in np.flatnonzero(mask & ~wrong)
            ]
            wrong |= mask
    return faults


_Finding = tuple[str, np.ndarray, Callable[[int], str]]  # kind, rows concerned, detail of a row


def _find_pose_faults(poses: np.ndarray) -> Iterator[_Finding]:
    rotation, position = poses[:, :3, :3], poses[:, :3, 3]
    bottom = _exceeds(poses[:, 3] - [0, 0, 0, 1], _TOLERANCE)
    yield (
        "pose is transposed",
        bottom & ~_exceeds(position, 1e-6) & ~_exceeds(poses[:, 3, 3] - 1, _TOLERANCE),
        lambda i: f"the position {_show(poses[i, 3, :3])} is in the last row",
    )
    yield (
        "pose has a wrong last row",
        bottom,
        lambda i: f"it is {_show(poses[i, 3])}, not (0, 0, 0, 1)",
    )
    gram = rotation @ rotation.transpose(0, 2, 1)
    yield (
        "rotation is not orthonormal",
        _exceeds(gram - np.eye(3), _TOLERANCE),
        lambda i: f"its rows have lengths {_show(np.linalg.norm(rotation[i], axis=1))}",
    )
    yield (
        "rotation is a reflection",
        np.linalg.det(rotation) < 0,
        lambda i: "its determinant is -1: one camera axis is flipped",
    )
    yield (
        "camera is at the origin",
        np.linalg.norm(position, axis=1) < 1e-6,
        lambda i: "the object is there",
    )


def _find_lens_faults(intrinsics: np.ndarray) -> Iterator[_Finding]:
    focal = np.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], 1)
    center = intrinsics[:, :2, 2]
    fixed = np.concatenate([intrinsics[:, 2], intrinsics[:, 1, :1]], 1)
    yield (
        "intrinsics are malformed",
        _exceeds(fixed - [0, 0, 1, 0], _TOLERANCE),
        lambda i: f"{_show(intrinsics[i].ravel())} is not ((f, s, c), (0, f, c), (0, 0, 1))",
    )
    yield (
        "intrinsics are in pixels",
        _exceeds(center, 2) | _exceeds(focal, 50),
        lambda i: (
            f"focal lengths {_show(focal[i])}, centre {_show(center[i])}; divide by the image size"
        ),
    )
    yield (
        "focal length is not positive",
        np.minimum(focal[:, 0], focal[:, 1]) <= 0,
        lambda i: f"focal lengths {_show(focal[i])}",
    )
    yield (
        "principal point is outside the picture",
        _exceeds(center - 0.5, 0.5),
        lambda i: f"centre {_show(center[i])}",
    )


def _exceeds(values: np.ndarray, limit: float) -> np.ndarray:
    """Whether any of the values (N, ...) of a row is larger than the limit; (N,)."""
    return np.asarray((np.abs(values) > limit).any(axis=tuple(range(1, values.ndim))))


# Other conventions


def _read_world2cam(poses: np.ndarray) -> np.ndarray:
    return np.linalg.inv(poses)


def _read_opengl(poses: np.ndarray) -> np.ndarray:
    return poses @ OPENGL_AXES


def _read_opengl_world2cam(poses: np.ndarray) -> np.ndarray:
    return np.linalg.inv(OPENGL_AXES @ poses)


_OTHER_READINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "camera axes are OpenGL's or Blender's (y up, z backward)": _read_opengl,
    "pose is world-to-camera, not camera-to-world": _read_world2cam,
    "pose is world-to-camera with OpenGL axes": _read_opengl_world2cam,
}


def find_convention_faults(labels: np.ndarray) -> tuple[list[str], list[LabelFault]]:
    """Find labels that make sense only if they are read in another way.

    A camera read rightly looks at the object at the origin and stands upright.

    Args:
        labels: (N, 25), without those that `find_label_faults` names.

    Returns:
        What holds for the dataset as a whole, and single labels whose camera does not see the
        object or is upside down.
    """
    if not len(labels):
        return [], []
    poses, intrinsics = split_labels(np.asarray(labels, np.float64))
    reading = _find_better_reading(poses)
    overall = [] if reading is None else [f"by the directions of all cameras, the {reading}"]
    upright = poses if reading is None else _OTHER_READINGS[reading](poses)
    up_axis = _find_up_axis(upright)
    if up_axis is not None:
        overall.append(f"by the directions of all cameras, the world's up is {up_axis}, not +y")
    single = list(_find_misdirected(poses, intrinsics, reading))
    if not overall:
        misdirected = {fault.index for fault in single}
        single += (fault for fault in _find_upside_down(poses) if fault.index not in misdirected)
    return overall, single


def _find_better_reading(poses: np.ndarray) -> str | None:
    """The reading under which cameras aim at the origin far better than as they are, if any."""
    miss = np.median(_measure_miss(poses))
    if miss < _CLEAR_MISS:
        return None
    others = {
        name: float(np.median(_measure_miss(read(poses)))) for name, read in _OTHER_READINGS.items()
    }
    best = min(others, key=lambda name: others[name])
    return best if others[best] < 0.3 * miss else None


def _find_up_axis(poses: np.ndarray) -> str | None:
    """The world axis that the tops of the pictures point to on average, if clearly not +y."""
    mean = -poses[:, :3, 1].mean(0)
    axis = int(np.abs(mean).argmax())
    # A camera that looks down on the object has its top sideways: part of +y is enough.
    if abs(mean[axis]) < 0.3 or mean[1] > 0.3 * abs(mean[axis]):
        return None
    return "+-"[int(mean[axis] < 0)] + "xyz"[axis]


def _find_misdirected(
    poses: np.ndarray, intrinsics: np.ndarray, reading: str | None
) -> Iterator[LabelFault]:
    """Cameras that do not see the object, with the first reading under which they do."""
    blind = np.flatnonzero(~_sees_object(poses, intrinsics))
    readings = dict(_OTHER_READINGS)
    if reading is not None:  # what explains the dataset explains its parts
        readings = {reading: readings.pop(reading), **readings}
    sighted = {
        name: _sees_object(read(poses[blind]), intrinsics[blind]) for name, read in readings.items()
    }
    miss = np.degrees(_measure_miss(poses[blind]))
    for row, index in enumerate(blind):
        kind = next((name for name, sees in sighted.items() if sees[row]), None)
        away = f"as read, it looks {miss[row]:.0f} degrees past the origin"
        yield LabelFault(int(index), kind or "camera does not look at the object", away)


def _find_upside_down(poses: np.ndarray) -> Iterator[LabelFault]:
    for index in np.flatnonzero(poses[:, 1, 1] > 0.2):  # the camera's down has a part upward
        yield LabelFault(int(index), "camera is upside down", "its y axis points up")


def _measure_miss(poses: np.ndarray) -> np.ndarray:
    """Angle (N,) in radians between the optical axis and the direction to the origin."""
    position = poses[:, :3, 3]
    cosine = -(poses[:, :3, 2] * position).sum(1) / np.linalg.norm(position, axis=1)
    return np.arccos(np.clip(cosine, -1, 1))


def _sees_object(poses: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Whether any part (N,) of a ball round the origin can be in the picture."""
    half_sizes = 0.5 / np.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], 1)
    half_view = np.arctan(np.linalg.norm(half_sizes, axis=1))
    distance = np.linalg.norm(poses[:, :3, 3], axis=1)
    half_object = np.arcsin(np.minimum(1, OBJECT_RADIUS / distance))
    return _measure_miss(poses) < half_view + half_object


def _show(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
