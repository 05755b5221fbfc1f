"""What the window is told of models, surfaces and pictures: plain values and arrays. For the
worker's threads only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ballgan.view import SEEDS

from .state import CodeSpace, ModelInfo


def describe_model(generator: Any, path: str, *, bundled: bool = False) -> ModelInfo:
    """What the window needs to know of a generator."""
    from ballgan.backdrop import Backdrop
    from ballgan.background_config import CubeConfig
    from ballgan.depth import find_depth_range
    from ballgan.staging import find_camera_limit, find_home

    config, meta = generator.config, generator.meta
    behind = config.background
    return ModelInfo(
        path=path,
        name=Path(path).stem,
        kind=str(meta.get("source", config.kind)),
        image_resolution=config.image_resolution,
        neural_resolution=config.neural_resolution,
        has_background=behind is not None,
        has_super_resolution=config.super_resolution is not None,
        home=find_home(config),
        camera_limit=find_camera_limit(config),
        box=config.field.box_warp,
        ray_shift=config.sampling.ray_shift,
        depth_range=find_depth_range(config),
        conditioned=config.mapping.label_dim > 0 and config.mapping.label_scale != 0,
        background_radius=_find_radius(behind),
        background_side=behind.side if isinstance(behind, CubeConfig) else 0.0,
        surround_radius=config.surround_radius or 0.0,
        unrolls=generator.background is None or generator.background.surrounds,
        visible_span=Backdrop(config, generator.device).visible_span(),
        start_seeds=_start_seeds(meta.get("start_seeds")),
        bundled=bundled,
        notes=tuple(str(note) for note in meta.get("notes", ())),
        foreground_space=CodeSpace(config.num_ws, config.mapping.w_dim),
        background_space=_describe_background_codes(generator),
    )


def _find_radius(background: Any) -> float:
    """Radius of the sphere that is unrolled; of one that goes on for ever, where its inverse radius
    is half of the first."""
    from ballgan.background_config import InvertedSphereConfig, SphereConfig

    if isinstance(background, SphereConfig):
        return background.radius
    return 2 / background.start if isinstance(background, InvertedSphereConfig) else 0.0


def _describe_background_codes(generator: Any) -> CodeSpace:
    background = generator.background
    if background is None:
        return CodeSpace()
    config = background.config
    if generator.config.shares_mapping:
        return CodeSpace(background.num_ws, generator.config.mapping.w_dim, True)
    mapped = background.mapping is not None
    return CodeSpace(background.num_ws, config.w_dim if mapped else config.z_dim, mapped)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Straight float (H, W, 4) in [0, 1] -> premultiplied uint8 (H, W, 4)."""
    scaled = rgba * 255.0
    scaled[..., :3] *= rgba[..., 3:]
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def _start_seeds(value: Any) -> tuple[int, int]:
    """Two seeds that a file names; (0, 0) if it names none, or something else."""
    good = isinstance(value, list | tuple) and len(value) == 2
    if good and all(type(seed) is int and 0 <= seed < SEEDS for seed in value):
        return value[0], value[1]
    return 0, 0
