"""Fewer triangles, and their layout on a picture.

Compiled libraries do both, in a process of their own (see apart.py). That imports this module
again, which is why it imports little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .apart import call_apart

Progress = Callable[[float], None]

CHART_PADDING = 4  # pixels between the pieces of a layout


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


def unwrap_surface(
    vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, size: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay a surface out on a square picture, without overlaps.

    Args:
        vertices, normals: (V, 3). faces: (F, 3). size: side of the picture, pixels.
        progress: called now and then; may raise to stop.

    Returns which vertex each vertex of the layout is (W,), faces (F, 3) of those, and texture
    coordinates (W, 2) in [0, 1].
    """
    origins, layout, uv = call_apart(
        lay_out, vertices, faces, normals, np.array(size), progress=progress
    )
    return origins.astype(np.int64), layout.astype(np.int64), uv.astype(np.float64)


def lay_out(
    vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Charts and their packing by xatlas; cannot be stopped."""
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices.astype(np.float32), faces.astype(np.uint32), normals.astype(np.float32))
    options = xatlas.PackOptions()
    options.resolution = int(size)
    options.padding = CHART_PADDING
    atlas.generate(pack_options=options)
    return atlas[0]
