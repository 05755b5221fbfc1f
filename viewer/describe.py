"""What the window is told of models, surfaces and pictures: plain values and arrays. For the
worker's threads only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ballgan.staging import find_camera_limit, find_home

from .state import ModelInfo


def describe_model(generator: Any, path: str, *, bundled: bool = False) -> ModelInfo:
    """What the window needs to know of a generator."""
    config, meta = generator.config, generator.meta
    behind = config.background
    return ModelInfo(
        path=path,
        name=Path(path).stem,
        kind=str(meta.get("source", "BallGAN" if behind else "EG3D")),
        image_resolution=config.image_resolution,
        neural_resolution=config.neural_resolution,
        has_background=behind is not None,
        has_super_resolution=config.super_resolution is not None,
        home=find_home(config),
        camera_limit=find_camera_limit(config),
        box=config.field.box_warp,
        sphere_radius=config.preview_radius,
        bundled=bundled,
        notes=tuple(str(note) for note in meta.get("notes", ())),
    )


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
