"""Depth pictures: distances as colours, over a range that does not depend on the frame.

A range that follows each frame's own extremes makes a turning object flicker and two pictures
incomparable; this one is the model's, or chosen.
"""

import numpy as np

from .colormaps import apply_colormap
from .config import ModelConfig


def find_depth_range(config: ModelConfig) -> tuple[float, float]:
    """Distances from the camera, world units, between which a model's foreground lies.

    The interval in which the model samples the foreground; for a model that samples inside its
    cube, from the nearest to the farthest face seen from the default radius: what is in the cube's
    corners is seldom there, and would leave the rest few colours.
    """
    sampling = config.sampling
    if sampling.near is not None and sampling.far is not None:
        return sampling.near, sampling.far
    reach = config.field.box_warp / 2
    return max(0.0, config.camera.radius - reach), config.camera.radius + reach


def shade_depth(depth: np.ndarray, near: float, far: float, colormap: str = "grey") -> np.ndarray:
    """Distances (...) as colours (..., 3) float32 in [0, 1].

    `near` and what is before it has the colormap's bright end; `far`, what is behind it and
    infinite distances have its dark end. Raises ValueError for an unknown colormap.
    """
    return apply_colormap((far - depth) / max(far - near, 1e-9), colormap)
