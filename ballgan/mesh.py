"""Iso-surface of a density field -> coloured triangle mesh -> file.

Densities are RAW, as the networks return them; the density that light sees is softplus(raw - 1)
(refs: EG3D's compositor). Coordinates are world units: y up, right-handed, the frontal camera
on +z, which is also what glTF expects of a model that faces the viewer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import fast_simplification
import mcubes
import numpy as np
import torch
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from trimesh.exchange.obj import export_obj
from trimesh.exchange.ply import export_ply
from trimesh.exchange.stl import export_stl

from .files import atomic_write
from .gltf import encode_glb

Field = Callable[[torch.Tensor], torch.Tensor]
Progress = Callable[[float], None]

RESOLUTION_RANGE = (16, 1024)
PUBLISHED_LEVEL = 10.0  # raw density at which the published shape export takes the surface

_BATCH = 2**16  # points per call of a field; more is slower on CPUs (256^3: 3 s, 2^18: 8 s)
_MARGIN = 1e-6  # of the box: the least distance of a vertex from a sample, representable in float32
_SAMPLING_SHARE = 0.85  # of the progress that goes to sampling the density


def extract_mesh(
    density: Field,
    color: Field,
    *,
    box: float,
    resolution: int,
    level: float | str = "auto",
    device: torch.device | str = "cpu",
    simplify: int | None = None,
    largest_component: bool = True,
    progress: Progress | None = None,
) -> trimesh.Trimesh:
    """Find the surface density = level inside the cube of side box centred on the origin.

    The density is sampled on resolution^3 points that include the faces of the cube. Where the
    object reaches a face of the cube the surface is closed by a flat cap (a millionth of the box
    outside of it), so the mesh is watertight. Not differentiable.

    Args:
        density: (N, 3) world points -> (N,) raw densities; called without gradients, at most
            2^16 points at a time.
        color: (N, 3) world points -> (N, 3) sRGB colours in [0, 1].
        box: side of the cube, world units.
        resolution: samples along each side, 16 to 1024.
        level: raw density of the surface, or "auto" (see `find_level`).
        device: where the fields want their points.
        simplify: number of faces to reduce the mesh to; None keeps all. Colours are taken
            after it, at the vertices that remain. The mesh stays closed, though two sheets of it
            may come to touch along an edge.
        largest_component: keep only the piece that encloses the largest volume.
        progress: called with a fraction in [0, 1] now and then; may raise to stop the work.

    Returns:
        A mesh with vertex colours, faces outward (counter-clockwise seen from outside);
        metadata["level"] is the level that was used.

    Raises:
        ValueError: an argument is out of range, the density is not finite, or there is no
            surface at this level.
    """
    _check_simplify(simplify)
    if not isinstance(level, str):
        _check_level(level)
    elif level != "auto":
        raise ValueError(f'level should be a number or "auto"; got "{level}"')
    report = progress or (lambda fraction: None)
    grid = sample_density(
        density,
        box=box,
        resolution=resolution,
        device=device,
        progress=lambda fraction: report(_SAMPLING_SHARE * fraction),
    )
    chosen = find_level(grid[1:-1, 1:-1, 1:-1]) if isinstance(level, str) else float(level)
    vertices, faces = find_surface(grid, chosen)
    if largest_component:
        vertices, faces = keep_largest_component(vertices, faces)
    if simplify is not None:
        vertices, faces = _simplify(vertices, faces, simplify)
    vertices = (vertices - 0.5) * box
    report(0.5 * (1 + _SAMPLING_SHARE))
    colors = _sample_colors(
        color,
        vertices,
        device,
        lambda fraction: report(0.5 * (1 + _SAMPLING_SHARE + (1 - _SAMPLING_SHARE) * fraction)),
    )
    mesh = trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)
    mesh.metadata["level"] = chosen
    return mesh


def sample_density(
    density: Field,
    *,
    box: float,
    resolution: int,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> np.ndarray:
    """Sample a density on an exact grid over the cube of side box centred on the origin.

    Sample i of N along an axis lies at -box/2 + i * box/(N - 1); element [i + 1, j + 1, k + 1]
    of the result is the density at (x_i, y_j, z_k). The outermost layer on every side is left
    for `find_surface` to close the surface with.

    Args: see `extract_mesh`.

    Returns:
        (N + 2, N + 2, N + 2) float32.

    Raises:
        ValueError: box or resolution is out of range, or a density is not finite.
    """
    _check_grid(box, resolution)
    axis = torch.from_numpy(np.linspace(-box / 2, box / 2, resolution)).float()
    grid = np.zeros((resolution + 2,) * 3, np.float32)
    layers = max(1, _BATCH // resolution**2)
    for start in range(0, resolution, layers):
        stop = min(start + layers, resolution)
        points = torch.stack(torch.meshgrid(axis[start:stop], axis, axis, indexing="ij"), dim=-1)
        values = _evaluate(density, points.reshape(-1, 3), device)
        if not np.isfinite(values).all():
            raise ValueError(
                "the density is not a finite number everywhere in the box; is the model damaged?"
            )
        shape = (stop - start, resolution, resolution)
        grid[start + 1 : stop + 1, 1:-1, 1:-1] = values.reshape(shape)
        if progress is not None:
            progress(stop / resolution)
    return grid


def find_level(density: np.ndarray) -> float:
    """Choose the raw density at which to take the surface.

    The published shape export uses 10 (a physical density of 9: half of the light is gone after
    8% of a box of side 1). That is the choice whenever such a surface exists, i.e. between 1e-5
    and 99% of the samples lie above it. Otherwise, e.g. for a model trained only briefly, it is
    the threshold that separates the densities best into two classes (Otsu 1979).

    Args:
        density: raw densities, any shape.

    Returns:
        A raw density; strictly between the smallest and largest unless all are equal.
    """
    above = np.count_nonzero(density > PUBLISHED_LEVEL) / density.size
    if 1e-5 <= above <= 0.99:
        return PUBLISHED_LEVEL
    return _separate_classes(density)


def find_surface(grid: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Run marching cubes on a grid from `sample_density`.

    Args:
        grid: (N + 2, N + 2, N + 2) float32. Its outermost layer is overwritten, and values
            within a millionth of their range from the level are moved off it.
        level: raw density of the surface.

    Returns:
        Vertices (V, 3) float64 in units of the box, where [0, 1] is the sampled cube, and
        faces (F, 3) int64; watertight, outward, no two vertices closer than float32 can tell.

    Raises:
        ValueError: there is no surface at this level.
    """
    _check_level(level)
    lowest, highest = _density_range(grid)
    level = float(np.float32(level))
    if not lowest < level < highest:
        raise ValueError(_describe_missing_surface(grid, level))
    _close_surface(grid, level, highest - lowest)
    vertices, faces = mcubes.marching_cubes(grid, level)
    return _place_vertices(vertices - 1, len(grid) - 2), faces.astype(np.int64)


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
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    size = len(vertices)
    edges = coo_matrix((np.ones(len(start), np.int8), (start, end)), shape=(size, size))
    count, labels = connected_components(edges, directed=False)
    if count == 1:
        return vertices, faces
    face_labels = labels[faces[:, 0]]
    corners = vertices[faces] - vertices.mean(axis=0)  # (F, 3, 3)
    volumes = np.bincount(face_labels, np.linalg.det(corners), minlength=count)
    return _drop_unused_vertices(vertices, faces[face_labels == volumes.argmax()])


def write_mesh(mesh: trimesh.Trimesh, path: str | Path) -> None:
    """Write a mesh with its vertex colours; nothing is left behind if that fails.

    `.obj` has the colours behind the coordinates of a vertex (`v x y z r g b`), `.ply` (binary)
    as bytes; both sRGB. `.glb` has linear colours, which glTF prescribes, normals, and a white
    material without metalness, so that viewers show the colours. `.stl` (binary) cannot hold
    colours: they are lost.

    Raises:
        ValueError: the suffix is none of these.
        OSError: the file cannot be written.
    """
    data = _ENCODERS[check_mesh_path(path)](mesh)
    with atomic_write(path) as file:
        file.write(data)


def _encode_obj(mesh: trimesh.Trimesh) -> bytes:
    return export_obj(mesh, include_normals=False, header=None).encode()


_ENCODERS: dict[str, Callable[[trimesh.Trimesh], bytes]] = {
    ".obj": _encode_obj,
    ".ply": export_ply,
    ".glb": encode_glb,
    ".stl": export_stl,
}
MESH_SUFFIXES = tuple(_ENCODERS)


def check_mesh_path(path: str | Path) -> str:
    """Return the suffix of a mesh file in lower case; ValueError if it is none we write."""
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_SUFFIXES:
        known = ", ".join(MESH_SUFFIXES)
        raise ValueError(f'a mesh file should end in one of {known}; got "{Path(path).name}"')
    return suffix


def _check_grid(box: float, resolution: int) -> None:
    if not (math.isfinite(box) and box > 0):
        raise ValueError(f"box should be a positive length in world units; got {box}")
    low, high = RESOLUTION_RANGE
    if not low <= resolution <= high:
        raise ValueError(
            f"resolution should be {low} to {high} samples a side; got {resolution}. "
            "256 is usual; time and memory grow with its cube"
        )


def _check_level(level: float) -> None:
    if not math.isfinite(level):
        raise ValueError(f"level should be a finite raw density; got {level}")


def _check_simplify(faces: int | None) -> None:
    if faces is not None and faces < 4:
        raise ValueError(f"simplify should be a number of faces of at least 4; got {faces}")


def _evaluate(field: Field, points: torch.Tensor, device: torch.device | str) -> np.ndarray:
    """Call a field on (N, 3) float32 points in batches; returns float32 on the CPU."""
    with torch.no_grad():
        batches = [field(batch.to(device)).float().cpu() for batch in points.split(_BATCH)]
    return torch.cat(batches).numpy()


def _sample_colors(
    color: Field, vertices: np.ndarray, device: torch.device | str, progress: Progress
) -> np.ndarray:
    """Colours at (V, 3) world points as (V, 3) uint8."""
    points = torch.from_numpy(vertices).float()
    colors = np.empty((len(points), 3), np.uint8)
    for start in range(0, len(points), _BATCH):
        values = _evaluate(color, points[start : start + _BATCH], device)
        if not np.isfinite(values).all():
            raise ValueError("the colour is not a finite number everywhere on the surface")
        colors[start : start + _BATCH] = np.rint(values.clip(0, 1) * 255)
        progress(min(1.0, (start + _BATCH) / len(points)))
    return colors


def _separate_classes(density: np.ndarray) -> float:
    """Otsu's threshold: the one with the largest variance between the classes."""
    counts, edges = np.histogram(density, bins=256)
    centers = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)[:-1].astype(float)  # samples in the class under edge k + 1
    above = density.size - below
    sums = np.cumsum(counts * centers)
    difference = sums[:-1] / below.clip(1) - (sums[-1] - sums[:-1]) / above.clip(1)
    variance = below * above * difference**2
    # Every threshold in an empty gap between the classes is equally good: take the middle.
    best = np.flatnonzero(variance >= variance.max() * (1 - 1e-9))
    return float(edges[1:-1][best].mean())


def _density_range(grid: np.ndarray) -> tuple[float, float]:
    inner = grid[1:-1, 1:-1, 1:-1]
    return float(inner.min()), float(inner.max())


def _describe_missing_surface(grid: np.ndarray, level: float) -> str:
    lowest, highest = _density_range(grid)
    if lowest == highest:
        return f"there is no surface: the raw density is {lowest:.4g} everywhere"
    suggestion = find_level(grid[1:-1, 1:-1, 1:-1])
    return (
        f"there is no surface at level {level:.4g}: the raw density lies between "
        f'{lowest:.4g} and {highest:.4g}. Try level {suggestion:.4g}, or "auto"'
    )


def _close_surface(grid: np.ndarray, level: float, span: float) -> None:
    """Set the outermost layer below the level and move values off the level itself."""
    for side in (0, -1):
        grid[side] = grid[:, side] = grid[:, :, side] = level - span
    nudge = 1e-6 * max(span, abs(level))
    for layer in grid:  # one layer at a time: no second copy of the grid
        layer[np.abs(layer - level) < nudge] = level + nudge


def _place_vertices(vertices: np.ndarray, resolution: int) -> np.ndarray:
    """Voxel coordinates (sample i at i) -> units of the box, apart from each other.

    A vertex lies on the edge between two neighbouring samples. It is kept off the samples by
    _MARGIN: vertices that coincide after rounding to float32 would be merged by programs that
    read the file, which tears holes. Vertices between the cube and the closing layer belong on
    the face of the cube.
    """
    margin = _MARGIN * (resolution - 1)
    base = np.floor(vertices)
    fraction = vertices - base
    fraction = np.where(fraction > 0, fraction.clip(margin, 1 - margin), 0.0)
    return (base + fraction).clip(-margin, resolution - 1 + margin) / (resolution - 1)


def _drop_unused_vertices(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used = np.unique(faces)
    numbers = np.zeros(len(vertices), np.int64)
    numbers[used] = np.arange(len(used))
    return vertices[used], numbers[faces]


def _simplify(vertices: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Quadric edge collapse (Garland and Heckbert 1997) to about count faces."""
    if count >= len(faces):
        return vertices, faces
    original = vertices, faces
    for aggressiveness in (5, 7, 9):  # lower is tidier, but may stop above few faces
        vertices, faces = fast_simplification.simplify(
            *original, target_count=count, agg=aggressiveness
        )
        if len(faces) <= count:
            break
    faces = _drop_folded_faces(faces.astype(np.int64))
    if len(faces) == 0:
        raise ValueError(f"nothing is left of the mesh with {count} faces; allow more faces")
    return _drop_unused_vertices(vertices, faces)


def _drop_folded_faces(faces: np.ndarray) -> np.ndarray:
    """Drop pairs of faces with the same corners: collapsed spikes, which enclose nothing."""
    _, numbers, counts = np.unique(
        np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return faces[counts[numbers.ravel()] == 1]
