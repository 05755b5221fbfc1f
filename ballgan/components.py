"""The connected pieces of triangle meshes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .chunks import map_chunks, part_of

Progress = Callable[[float], None]

_CHUNK = 2**16  # faces at a time: some milliseconds between two reports


def keep_largest_component(
    vertices: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the connected piece that encloses the largest volume.

    Volume, not area: a thin floating sheet can have a larger area than a head. The walls of
    cavities inside an object enclose a negative volume and are dropped.

    Args:
        vertices: (V, 3). faces: (F, 3) of closed, outward surfaces.

    Returns:
        The vertices and faces of one piece, in their old order.
    """
    kept, faces = find_largest_component(vertices, faces, lambda fraction: None)
    return vertices[kept], faces


def find_largest_component(
    vertices: np.ndarray, faces: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """The piece of `keep_largest_component`: which vertices it has, and its faces among them.

    progress: called with 0 to 1; may raise to stop.
    """
    labels = label_components(len(vertices), faces, lambda fraction: progress(0.7 * fraction))
    count = int(labels.max()) + 1
    if count == 1:
        return np.arange(len(vertices)), faces
    x, y, z = (axis - axis.mean() for axis in vertices.T)
    volumes = np.zeros(count)

    def add_up(part: slice) -> np.ndarray:
        corners = faces[part].T.copy()
        (ax, bx, cx), (ay, by, cy), (az, bz, cz) = (axis.take(corners) for axis in (x, y, z))
        sixfold = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        return np.bincount(labels.take(corners[0]), sixfold, minlength=count)

    for part in map_chunks(add_up, len(faces), _CHUNK, part_of(progress, 0.7, 1.0)):
        volumes += part
    return drop_unused_vertices(
        len(vertices), faces.compress(labels[faces[:, 0]] == volumes.argmax(), axis=0)
    )


def label_components(count: int, faces: np.ndarray, progress: Progress) -> np.ndarray:
    """Number the connected pieces of a mesh with `count` vertices: (V,), from 0.

    Faces are joined in parts, which takes no longer and can be stopped in between.
    """
    owners = np.full(count, -1, np.int64)  # of each vertex: the last piece of a part that had it
    joints = [(np.empty(0, np.int64),) * 2]
    pieces = 0
    for start in range(0, len(faces), _CHUNK):
        progress(start / len(faces))
        part = faces[start : start + _CHUNK]
        used, local = drop_unused_vertices(count, part)
        number, labels = _connect(len(used), *pairwise(local.T))
        labels = labels + pieces
        met = owners[used] >= 0
        joints.append((owners[used[met]], labels[met]))
        owners[used] = labels
        pieces += number
    lonely = np.flatnonzero(owners < 0)
    owners[lonely] = pieces + np.arange(len(lonely))
    _, merged = _connect(pieces + len(lonely), *joints)
    return merged[owners].astype(np.int64)


def _connect(size: int, *pairs: Sequence[np.ndarray]) -> tuple[int, np.ndarray]:
    """Number of pieces, and the piece of each of `size` nodes, joined by pairs of arrays (P,)."""
    start, end = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    graph = coo_matrix((np.ones(len(start), np.int8), (start, end)), shape=(size, size))
    return connected_components(graph, directed=False)


def drop_unused_vertices(count: int, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` vertices (K,) the faces use, and the faces numbered among them."""
    mask = np.zeros(count, bool)
    mask[faces] = True
    used = np.flatnonzero(mask)
    numbers = np.empty(count, np.int64)
    numbers[used] = np.arange(len(used))
    return used, numbers.take(faces)
