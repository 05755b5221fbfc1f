"""Cameras: a pose with intrinsics, an orbit round the object, and the rays through pixels.

Poses are OpenCV camera-to-world matrices (x right, y down, z forward); intrinsics are normalised
by the image size. Angles are radians; positive yaw moves the camera to its right, positive pitch
moves it up, positive roll turns its top to its right (the picture turns to the left). The
published pose samplers use the opposite pitch: `Camera.published` keeps theirs.
Light: torch is imported when the first tensor is made.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .config import CameraConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Matrix = tuple[tuple[float, ...], ...]
MAX_PITCH = math.radians(89.9)
OPENGL_AXES = np.diag([1.0, -1.0, -1.0, 1.0])  # of OpenCV's and back: y and z are turned round


@dataclass(frozen=True)
class Rays:
    """Rays of an image, row by row: origins and unit directions (N, 3), N = height * width.

    axis: (3,), the unit direction in which the camera looks.
    """

    origins: "Tensor"
    directions: "Tensor"
    height: int
    width: int
    axis: "Tensor"


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; a value that can be compared and hashed."""

    cam2world: Matrix  # 4x4
    intrinsics: Matrix  # 3x3, normalised by the image size

    def __post_init__(self) -> None:
        pose = _as_matrix("cam2world", self.cam2world, (4, 4))
        intrinsics = _as_matrix("intrinsics", self.intrinsics, (3, 3))
        rotation = pose[:3, :3]
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3:
            raise ValueError(
                "The rotation in cam2world should be orthonormal (camera-to-world, OpenCV "
                f"axes, no scale); rows have lengths {np.linalg.norm(rotation, axis=1)}."
            )
        if min(intrinsics[0, 0], intrinsics[1, 1]) <= 0:
            raise ValueError(f"Focal lengths should be positive; got {intrinsics.tolist()}.")
        object.__setattr__(self, "cam2world", _as_tuples(pose))
        object.__setattr__(self, "intrinsics", _as_tuples(intrinsics))

    @staticmethod
    def orbit(
        yaw: float = 0.0,
        pitch: float = 0.0,
        *,
        radius: float | None = None,
        pivot: Sequence[float] | None = None,
        fov: float | None = None,
        roll: float = 0.0,
    ) -> "Orbit":
        """A camera on an orbit round the object; what is None, the model fills in."""
        point = None if pivot is None else (float(pivot[0]), float(pivot[1]), float(pivot[2]))
        return Orbit(yaw, pitch, radius, point, fov, roll)

    @staticmethod
    def look_at(position: Sequence[float], target: Sequence[float], intrinsics: Matrix) -> "Camera":
        """A camera at `position` that looks at `target` with y up (world units)."""
        eye = np.asarray(position, dtype=np.float64)
        forward = _normalize(np.asarray(target, dtype=np.float64) - eye)
        right = _normalize(np.cross(forward, (0.0, 1.0, 0.0)))
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = eye
        return Camera(_as_tuples(pose), intrinsics)

    @staticmethod
    def published(
        yaw: float,
        pitch: float,
        *,
        radius: float,
        pivot: Sequence[float],
        intrinsics: Matrix,
    ) -> "Camera":
        """The camera of EG3D's published look-at pose sampler, for comparison with its images.

        The position is on a sphere of `radius` round the world origin (not the pivot), with
        height -2 radius pitch / pi: positive pitch moves the camera DOWN.
        """
        vertical = min(max(math.pi / 2 + pitch, 1e-5), math.pi - 1e-5)
        polar = math.acos(1 - 2 * vertical / math.pi)
        position = (
            radius * math.sin(polar) * math.sin(yaw),
            radius * math.cos(polar),
            radius * math.sin(polar) * math.cos(yaw),
        )
        return Camera.look_at(position, pivot, intrinsics)

    @staticmethod
    def from_label(label: Sequence[float] | np.ndarray) -> "Camera":
        """A camera from EG3D's 25 numbers: 16 of camera-to-world, 9 of intrinsics, row by row."""
        values = np.asarray(label, dtype=np.float64).reshape(-1)
        if values.size != 25:
            raise ValueError(
                f"A camera label has 25 numbers (16 pose, 9 intrinsics); got {values.size}."
            )
        return Camera(_as_tuples(values[:16].reshape(4, 4)), _as_tuples(values[16:].reshape(3, 3)))

    def label(self, device: "torch.device | str" = "cpu") -> "Tensor":
        """EG3D's 25 numbers as a (1, 25) float32 tensor; inverse of `from_label`."""
        from .transfer import send

        return send(np.concatenate([np.ravel(self.cam2world), np.ravel(self.intrinsics)]), device)[
            None
        ]

    @staticmethod
    def from_opengl(
        cam2world: Sequence[Sequence[float]] | np.ndarray, intrinsics: Matrix
    ) -> "Camera":
        """A camera from a camera-to-world matrix (4, 4) in OpenGL's axes: x right, y up, z back.

        Blender, NeRF's transforms.json and glTF have these. The world's axes stay as they are.
        """
        pose = _as_matrix("cam2world", cam2world, (4, 4))
        return Camera(_as_tuples(pose @ OPENGL_AXES), intrinsics)

    def to_opengl(self) -> np.ndarray:
        """Camera-to-world (4, 4) in OpenGL's axes; inverse of `from_opengl`."""
        return np.array(self.cam2world) @ OPENGL_AXES

    def world2cam(self) -> np.ndarray:
        """World-to-camera (4, 4) in OpenCV's axes: [R | t] of cv2.projectPoints and COLMAP."""
        pose = np.array(self.cam2world)
        inverse = np.eye(4)
        inverse[:3, :3] = pose[:3, :3].T
        inverse[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
        return inverse

    @property
    def position(self) -> np.ndarray:
        """World position (3,) float64."""
        return np.array(self.cam2world)[:3, 3]

    def resolve(self, defaults: CameraConfig) -> "Camera":
        """Itself: nothing is left open."""
        return self

    def crop(self, height: int, rows: slice) -> "Camera":
        """The camera that sees some rows of this one's picture of `height` rows."""
        (fx, skew, cx), (zero, fy, cy), last = self.intrinsics
        scale = height / (rows.stop - rows.start)
        line = (zero * scale, fy * scale, cy * scale - rows.start * scale / height)
        return replace(self, intrinsics=((fx, skew, cx), line, last))

    def shifted(self, left: float, up: float) -> "Camera":
        """The camera whose rays pass so many sides of the picture further to the left and up."""
        (fx, skew, cx), (zero, fy, cy), last = self.intrinsics
        lens = ((fx, skew, cx + left), (zero, fy, cy + up), last)
        return replace(self, intrinsics=lens) if left or up else self

    def rolled(self, roll: float) -> "Camera":
        """The camera turned round its axis, its top to its right, by `roll` radians."""
        turn = np.eye(4)
        turn[:2, :2] = [[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]]
        return replace(self, cam2world=_as_tuples(np.array(self.cam2world) @ turn))

    def rays(self, width: int, height: int, device: "torch.device | str" = "cpu") -> Rays:
        """Rays through the pixel centres of a (height, width) image."""
        from .transfer import send

        pose, intrinsics = send(self.cam2world, device), send(self.intrinsics, device)
        origins, directions = cast_rays(pose[None], intrinsics[None], width, height)
        return Rays(origins[0], directions[0], height, width, axis=pose[:3, 2])

    def corner_rays(self, width: int, height: int) -> Rays:
        """Those of `rays` through the four corners of the picture, on the CPU."""
        import torch

        from .transfer import send

        pose, intrinsics = send(self.cam2world, "cpu"), send(self.intrinsics, "cpu")
        u, v = (torch.tensor([0.5, size - 0.5]) / size for size in (width, height))
        origins, directions = _cast_through(pose[None], intrinsics[None], u, v)
        return Rays(origins[0], directions[0], 2, 2, axis=pose[:3, 2])


@dataclass(frozen=True)
class Orbit:
    """A camera that looks at a pivot from a direction; None means the model's own default."""

    yaw: float = 0.0
    pitch: float = 0.0
    radius: float | None = None  # distance from the pivot, world units
    pivot: tuple[float, float, float] | None = None
    fov: float | None = None  # full vertical angle of view, radians
    roll: float = 0.0  # turns the camera round its axis, its top to its right

    def __post_init__(self) -> None:
        values = [self.yaw, self.pitch, self.roll, *(self.pivot or ())]
        values += [v for v in (self.radius, self.fov) if v is not None]
        if not all(math.isfinite(v) for v in values):
            raise ValueError(f"Camera values should be finite numbers; got {self}.")
        if abs(self.pitch) > math.pi / 2:
            raise ValueError(f"pitch should be within +-pi/2 radians; got {self.pitch:g}.")
        if self.radius is not None and self.radius <= 0:
            raise ValueError(f"radius should be above zero; got {self.radius:g}.")
        if self.fov is not None and not 0 < self.fov < math.pi:
            raise ValueError(f"fov should be between 0 and pi radians; got {self.fov:g}.")

    def resolve(self, defaults: CameraConfig) -> Camera:
        """The camera, with the model's defaults where this orbit says None."""
        radius = defaults.radius if self.radius is None else self.radius
        pivot = defaults.pivot if self.pivot is None else self.pivot
        fov = defaults.fov if self.fov is None else self.fov
        pitch = min(max(self.pitch, -MAX_PITCH), MAX_PITCH)
        offset = (
            math.cos(pitch) * math.sin(self.yaw),
            math.sin(pitch),
            math.cos(pitch) * math.cos(self.yaw),
        )
        position = [p + radius * o for p, o in zip(pivot, offset, strict=True)]
        level = Camera.look_at(position, pivot, intrinsics_from_fov(fov))
        return level.rolled(self.roll) if self.roll else level

    @property
    def cam2world(self) -> Matrix:
        """Pose with the library's own defaults (a model may have others: see `resolve`)."""
        return self.resolve(CameraConfig()).cam2world

    @property
    def intrinsics(self) -> Matrix:
        """Intrinsics with the library's own default angle of view."""
        return self.resolve(CameraConfig()).intrinsics


class AnyCamera(Protocol):
    """What Scene renders from: a Camera or an Orbit."""

    def resolve(self, defaults: CameraConfig) -> Camera:
        """The camera, with the model's defaults where values were left open."""


def cast_rays(
    cam2world: "Tensor", intrinsics: "Tensor", width: int, height: int
) -> "tuple[Tensor, Tensor]":
    """Origins and unit directions (B, height * width, 3) of the rays through pixel centres.

    `cam2world`: (B, 4, 4). `intrinsics`: (B, 3, 3), normalised by the image size, skew allowed.
    """
    import torch

    device = cam2world.device
    u = (torch.arange(width, device=device) + 0.5) / width
    v = (torch.arange(height, device=device) + 0.5) / height
    return _cast_through(cam2world, intrinsics, u, v)


def _cast_through(
    cam2world: "Tensor", intrinsics: "Tensor", u: "Tensor", v: "Tensor"
) -> "tuple[Tensor, Tensor]":
    """The same through places in the picture: columns u (W,) and lines v (H,) in [0, 1]."""
    import torch

    v, u = (grid.flatten() for grid in torch.meshgrid(v, u, indexing="ij"))
    fx, skew, cx = (k[:, None] for k in intrinsics[:, 0].unbind(-1))
    fy, cy = intrinsics[:, 1, 1:2], intrinsics[:, 1, 2:3]
    y = (v - cy) / fy  # (B, N)
    x = (u - cx + cy * skew / fy - skew * v / fy) / fx
    local = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    rotation = cam2world[:, :3, :3].transpose(1, 2)
    directions = torch.nn.functional.normalize(local @ rotation, dim=-1)
    return cam2world[:, None, :3, 3].expand_as(directions), directions


def rays_from_labels(labels: "Tensor", size: int, shift: float = 0.0) -> "tuple[Tensor, Tensor]":
    """Origins and unit directions (B, size * size, 3) for camera labels (B, 25).

    shift: to the left and up (see `Camera.shifted`).
    """
    intrinsics = labels[:, 16:].view(-1, 3, 3)
    if shift:
        intrinsics = intrinsics.clone()
        intrinsics[:, :2, 2] += shift
    return cast_rays(labels[:, :16].view(-1, 4, 4), intrinsics, size, size)


def orbit_labels(
    yaw: "Tensor",
    pitch: "Tensor",
    radius: "Tensor | float",
    focal: "Tensor | float",
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> "Tensor":
    """Labels (B, 25) float32 of the cameras that `Camera.orbit` makes, a batch at once.

    yaw, pitch, radius: (B,) as for `Camera.orbit`. focal: (B,), in sides of the picture.
    """
    import torch

    yaw, pitch = yaw.double(), pitch.double()
    cos_y, sin_y, cos_p, sin_p = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin()
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    right, down = (cos_y, zero, -sin_y), (sin_p * sin_y, -cos_p, sin_p * cos_y)
    back = (cos_p * sin_y, sin_p, cos_p * cos_y)
    rows = zip(right, down, back, pivot, strict=True)
    pose = [part for x, y, b, middle in rows for part in (x, y, -b, middle + radius * b)]
    lens = [focal * one, zero, one / 2, zero, focal * one, one / 2, zero, zero, one]
    return torch.stack([*pose, zero, zero, zero, one, *lens], dim=1).float()


def corner_rays(labels: "Tensor") -> "tuple[Tensor, Tensor]":
    """Origins and unit directions (B, 4, 3) of the rays through the corners of the pictures."""
    poses, intrinsics = labels[:, :16].view(-1, 4, 4), labels[:, 16:].view(-1, 3, 3)
    # The pixel centres of a picture twice as large are at its corners.
    halved = intrinsics.clone()
    halved[:, :2] /= 2
    halved[:, :2, 2] += 0.25
    return cast_rays(poses, halved, 2, 2)


def intrinsics_from_fov(fov: float) -> Matrix:
    """Normalised intrinsics of a square image with the full angle of view `fov` in radians."""
    focal = 0.5 / math.tan(fov / 2)
    return ((focal, 0.0, 0.5), (0.0, focal, 0.5), (0.0, 0.0, 1.0))


def _normalize(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    if length < 1e-12:
        raise ValueError("The camera's position and target should differ, and not vertically only.")
    return vector / length


def _as_matrix(name: str, value: object, shape: tuple[int, int]) -> np.ndarray:
    matrix = np.asarray(value, dtype=np.float64)
    if matrix.shape != shape or not np.isfinite(matrix).all():
        raise ValueError(f"{name} should be a finite {shape[0]}x{shape[1]} matrix; got {value!r}.")
    return matrix


def _as_tuples(matrix: np.ndarray) -> Matrix:
    return tuple(tuple(float(v) for v in row) for row in matrix)
