"""Small pictures with cameras, and datasets of them."""

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ballgan.camera import Camera, intrinsics_from_fov

FOV = 2 * math.atan(0.5 / 4.2647)  # of FFHQ's labels


def orbit_label(yaw: float, pitch: float, radius: float = 2.7, fov: float = FOV) -> list[float]:
    """The label of a camera that looks at the origin."""
    position = (
        radius * math.cos(pitch) * math.sin(yaw),
        radius * math.sin(pitch),
        radius * math.cos(pitch) * math.cos(yaw),
    )
    camera = Camera.look_at(position, (0, 0, 0), intrinsics_from_fov(fov))
    return [*np.ravel(camera.cam2world).tolist(), *np.ravel(camera.intrinsics).tolist()]


def project(label: Sequence[float] | np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (N, 3) -> u, v (N, 2) in [0, 1] inside the picture."""
    values = np.asarray(label, np.float64)
    local = np.c_[points, np.ones(len(points))] @ np.linalg.inv(values[:16].reshape(4, 4)).T
    image = local[:, :3] @ values[16:].reshape(3, 3).T
    assert (local[:, 2] > 0).all(), "behind the camera"
    return image[:, :2] / image[:, 2:]


def random_image(size: int, seed: int) -> np.ndarray:
    """(size, size, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def encode(image: np.ndarray, **options: Any) -> bytes:
    """The bytes of a PNG file (or format="JPEG")."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, **{"format": "PNG", **options})
    return buffer.getvalue()


def sound_files(count: int = 6, size: int = 8) -> dict[str, Any]:
    """Contents of a dataset by file name; dataset.json as an object."""
    names = [f"00000/img{i:08d}.png" for i in range(count)]
    files: dict[str, Any] = {name: encode(random_image(size, i)) for i, name in enumerate(names)}
    angles = [(0.9 * math.sin(2.4 * i), 0.3 * math.cos(1.7 * i)) for i in range(count)]
    labels = [[name, orbit_label(*at)] for name, at in zip(names, angles, strict=True)]
    return files | {"dataset.json": {"labels": labels}}


def write_files(path: Path, files: Mapping[str, Any]) -> Path:
    """Write contents as a zip file, or as a folder if `path` has no suffix .zip."""
    contents = {
        name: data if isinstance(data, bytes) else json.dumps(data).encode()
        for name, data in files.items()
    }
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in contents.items():
                archive.writestr(name, data)
    else:
        for name, data in contents.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path
