"""Fewer triangles: calls of compiled libraries that run apart (see apart.py).

Imports little, as the other process does it all again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .apart import call_apart

Progress = Callable[[float], None]


def simplify_surface(
    vertices: np.ndarray, faces: np.ndarray, count: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a closed surface to about `count` faces by quadric edge collapse.

    vertices (V, 3), faces (F, 3); some of the vertices returned may be unused. progress: called
    now and then; may raise to stop. Raises ValueError if nothing is left.
    """
    vertices, faces = call_apart(
        collapse_edges, vertices, faces, np.array(count), progress=progress
    )
    faces = _drop_folded_faces(faces.astype(np.int64))
    if len(faces) == 0:
        raise ValueError(f"nothing is left of the mesh with {count} faces; allow more faces")
    return vertices.astype(np.float64), faces


def collapse_edges(
    vertices: np.ndarray, faces: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Quadric edge collapse (Garland and Heckbert 1997) to about count faces; cannot be stopped."""
    import fast_simplification

    original = vertices, faces
    for aggressiveness in (5, 7, 9):  # lower is tidier, but may stop above few faces
        vertices, faces = fast_simplification.simplify(
            *original, target_count=int(count), agg=aggressiveness
        )
        if len(faces) <= count:
            break
    return vertices, faces


def _drop_folded_faces(faces: np.ndarray) -> np.ndarray:
    """Drop pairs of faces with the same corners: collapsed spikes, which enclose nothing."""
    _, numbers, counts = np.unique(
        np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return faces[counts[numbers.ravel()] == 1]
