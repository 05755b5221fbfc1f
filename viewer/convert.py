"""Between the window's plain values and the library's types. For the worker's threads only: the
library and torch are imported when they are first needed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .requests import RenderRequest
from .state import ModelInfo
from .view import Backdrop, Code, Orbit, View

if TYPE_CHECKING:
    import ballgan

SPHERE_MARGIN = 0.98  # of the background's radius that the camera may use


def describe_model(generator: Any, path: str, *, bundled: bool = False) -> ModelInfo:
    """What the window needs to know of a generator."""
    config, meta = generator.config, generator.meta
    camera = config.camera
    home = Orbit(radius=camera.radius, pivot=tuple(camera.pivot), fov=camera.fov)
    sphere = config.background
    limit = SPHERE_MARGIN * sphere.radius if sphere else 4 * camera.radius
    return ModelInfo(
        path=path,
        name=Path(path).stem,
        kind=str(meta.get("source", "BallGAN" if sphere else "EG3D")),
        image_resolution=config.image_resolution,
        neural_resolution=config.neural_resolution,
        has_background=sphere is not None,
        has_super_resolution=config.super_resolution is not None,
        home=home,
        camera_limit=limit,
        box=config.field.box_warp,
        sphere_radius=sphere.radius if sphere else 0.0,
        bundled=bundled,
        notes=tuple(str(note) for note in meta.get("notes", ())),
    )


def to_latent(code: Code, kind: type[ballgan.Latent]) -> ballgan.Latent:
    """The library's latent for a place on the lattice."""
    return kind.at(code.x, code.y, truncation_psi=code.truncation_psi)


def to_background(backdrop: Backdrop) -> Any:
    """The library's background; None: transparent."""
    import ballgan

    if not backdrop.visible:
        return None
    if backdrop.kind == "colour":
        return ballgan.SolidColor(backdrop.colour)
    if backdrop.kind == "photo" and backdrop.photo is not None:
        return ballgan.Panorama(backdrop.photo, yaw=backdrop.yaw, exposure=backdrop.exposure)
    return to_latent(backdrop.code, ballgan.LearntBackground)


def to_camera(orbit: Orbit) -> Any:
    """The library's camera."""
    import ballgan

    return ballgan.Camera.orbit(
        orbit.yaw, orbit.pitch, radius=orbit.radius, pivot=orbit.pivot, fov=orbit.fov
    )


def to_settings(view: View) -> Any:
    """The library's render settings; depth and alpha are read from the foreground's frame."""
    import ballgan

    layer = "foreground" if view.layer in ("alpha", "depth") else view.layer
    return ballgan.RenderSettings(layer=layer, neural_resolution=view.neural_resolution)


def to_rgba(request: RenderRequest, frame: Any) -> np.ndarray:
    """The requested layer of a frame: straight float RGBA (H, W, 4)."""
    layer = request.view.layer
    if layer == "alpha":
        grey = np.repeat(frame.alpha[..., None], 3, axis=2)
        return np.concatenate([grey, np.ones_like(grey[..., :1])], axis=2)
    if layer == "depth":
        near, far = depth_range(request.view.camera, request.model.info.box)
        grey = shade_depth(frame.depth, near, far)
        return np.concatenate([grey, frame.alpha[..., None]], axis=2)
    return frame.rgba()


def depth_range(camera: Orbit, box: float) -> tuple[float, float]:
    """Distances shown white and black: the foreground's cube, seen from the camera."""
    position = [p + camera.radius * d for p, d in zip(camera.pivot, camera.direction, strict=True)]
    distance = math.hypot(*position)
    return max(distance - 0.6 * box, 0.0), distance + 0.6 * box


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3) float32 of a triangle mesh."""
    corners = vertices[faces]  # (F, 3, 3)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.maximum(lengths, 1e-20)).astype(np.float32)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Straight float (H, W, 4) in [0, 1] -> premultiplied uint8 (H, W, 4)."""
    scaled = rgba * 255.0
    scaled[..., :3] *= rgba[..., 3:]
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def shade_depth(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """Distances (H, W) as grey (H, W, 3): white at `near`, black at `far` and beyond."""
    grey = np.clip((far - depth) / max(far - near, 1e-9), 0.0, 1.0)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
