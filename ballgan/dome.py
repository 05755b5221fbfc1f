"""A background as a textured dome round a mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_ROWS, _COLUMNS = 48, 96  # quadrilaterals from pole to pole, and round


@dataclass(frozen=True)
class Dome:
    """A sphere round the world origin that shows a picture on its inside.

    image: (H, W, 3) uint8 sRGB, equirectangular (see geometry.py). radius: world units.
    """

    image: np.ndarray
    radius: float

    def triangles(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """vertices (V, 3), inward normals (V, 3), texture coordinates (V, 2), faces (F, 3).

        Texture coordinates go right and down from the picture's upper left corner, as in glTF.
        Faces are counter-clockwise seen from inside: viewers that hide backs of faces let one
        look in from outside.
        """
        v, u = np.meshgrid(
            np.linspace(0, 1, _ROWS + 1), np.linspace(0, 1, _COLUMNS + 1), indexing="ij"
        )
        theta, phi = math.pi * v, 2 * math.pi * (1 - u)
        points = [np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)]
        outward = np.stack(points, axis=-1).reshape(-1, 3)
        numbers = np.arange(len(outward)).reshape(v.shape)
        upper_left, upper_right = numbers[:-1, :-1], numbers[:-1, 1:]
        lower_left, lower_right = numbers[1:, :-1], numbers[1:, 1:]
        # At the poles one triangle of each quadrilateral has no area.
        lower = np.stack([upper_left, lower_left, lower_right], axis=-1)[:-1]
        upper = np.stack([upper_left, lower_right, upper_right], axis=-1)[1:]
        faces = np.concatenate([lower.reshape(-1, 3), upper.reshape(-1, 3)])
        uv = np.stack([u, v], axis=-1).reshape(-1, 2)
        return self.radius * outward, -outward, uv, faces
