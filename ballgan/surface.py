"""Level surfaces of sampled densities as triangles.

Grids are padded: sample [i + 1, j + 1, k + 1] is that at index (i, j, k) of the N^3 samples, and
the outermost layer lies outside and closes the surface. Vertices are in units of the box, where
[0, 1] is the sampled cube.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import mcubes
import numpy as np

from .chunks import map_chunks, part_of
from .narrow_band import NarrowBand, move_off_level

Progress = Callable[[float], None]

PUBLISHED_LEVEL = 10.0  # raw density at which the published shape export takes the surface

_MARGIN = 1e-6  # of the box: the least distance of a vertex from a sample, representable in float32
_CHUNK = 2**14  # cells or edges at a time: milliseconds between two reports, even shares of threads


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
    """Run marching cubes on a dense grid from `sample_density`.

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
    check_level(level)
    inner = grid[1:-1, 1:-1, 1:-1]
    lowest, highest = float(inner.min()), float(inner.max())
    level = float(np.float32(level))
    if not lowest < level < highest:
        raise ValueError(describe_missing_surface(inner, level))
    _close_surface(grid, level, highest - lowest)
    vertices, faces = mcubes.marching_cubes(grid, level)
    return _place_vertices(vertices - 1, len(grid) - 2), faces.astype(np.int64)


def march_narrow_band(
    band: NarrowBand, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run marching cubes on the cells of a narrow band: the surface of `find_surface`.

    Cells share the vertices on their edges, so there is nothing to weld.

    Args:
        band: from `find_narrow_band`. progress: called with 0 to 1; may raise to stop.

    Returns vertices and faces as `find_surface`, and the edge of each vertex (V,), for
    `find_gradients`.
    """
    grid = band.grid
    keys = []
    crossed = np.zeros(3 * len(grid.values), bool)

    def list_triangles(part: slice) -> np.ndarray:
        corners = grid.find_corners(band.cells[part])
        return _list_triangles(corners, band.configurations[part])

    report = part_of(progress, 0.0, 0.3)
    for triangles in map_chunks(list_triangles, len(band.cells), _CHUNK, report):
        keys.append(triangles)
        crossed[triangles] = True
    edges = np.flatnonzero(crossed)  # edge 3 a + k leaves the point with address a along axis k
    numbers = np.empty(len(crossed), np.int64)  # by edge; only those crossed are written
    for start in range(0, len(edges), _CHUNK):
        progress(0.3)
        some = edges[start : start + _CHUNK]
        numbers[some] = np.arange(start, start + len(some))
    faces = np.empty((sum(map(len, keys)), 3), np.int64)
    done = 0
    for chunk in keys:
        progress(0.3 + 0.1 * done / len(faces))
        faces[done : done + len(chunk)] = numbers[chunk]
        done += len(chunk)
    vertices = np.empty((len(edges), 3))

    def place(part: slice) -> None:
        low, along, _, _, fraction = _cross_edges(band, edges[part])
        vertices[part] = _place_vertices((low + along * fraction).T - 1, grid.side - 2)

    for _ in map_chunks(place, len(edges), _CHUNK, part_of(progress, 0.4, 1.0)):
        pass
    progress(1.0)
    return vertices, faces, edges


def find_gradients(band: NarrowBand, edges: np.ndarray, progress: Progress) -> np.ndarray:
    """The density's gradient (V, 3) float32 per voxel where the surface crosses edges (V,).

    From central differences of the samples: all cells round a crossed edge are crossed, so the
    neighbours of its ends were sampled too. progress: called with 0 to 1; may raise to stop.
    """
    gradients = np.empty((len(edges), 3), np.float32)

    def differentiate(part: slice) -> None:
        low, along, first, second, fraction = _cross_edges(band, edges[part])
        slopes = along * (second - first)
        for k in (1, 2):
            across = np.roll(along, k, axis=0)
            slopes += across * ((1 - fraction) * _find_slope(band, low, across))
            slopes += across * (fraction * _find_slope(band, low + along, across))
        gradients[part] = slopes.T

    for _ in map_chunks(differentiate, len(edges), _CHUNK, progress):
        pass
    progress(1.0)
    return gradients


def _cross_edges(band: NarrowBand, edges: np.ndarray) -> tuple[np.ndarray, ...]:
    """Where the surface crosses edges (E,).

    Returns the grid indices (3, E) of the ends they leave, their unit vectors (3, E), the values
    at both ends (E,), and how much of the edge is before the surface (E,).
    """
    addresses, axis = np.divmod(edges, 3)
    low = band.grid.locate(addresses)
    along = np.eye(3, dtype=np.int64)[:, axis]
    first = _get_values(band, addresses)
    second = _get_values(band, band.grid.find(*(low + along)))
    return low, along, first, second, (band.level - first) / (second - first)


def _find_slope(band: NarrowBand, points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Central difference (P,) per voxel at points along unit vectors (3, P), one-sided at faces."""
    before = np.where(axis, np.maximum(points - 1, 1), points)
    after = np.where(axis, np.minimum(points + 1, band.grid.side - 2), points)
    distance = (after - before).sum(axis=0)
    find = band.grid.find
    return (_get_values(band, find(*after)) - _get_values(band, find(*before))) / distance


def _get_values(band: NarrowBand, addresses: np.ndarray) -> np.ndarray:
    """Values (P,) float64 at grid points, also outside of the box."""
    lowest, highest = band.value_range
    values = band.grid.values[addresses].astype(np.float64)
    return np.where(np.isinf(values), band.level - (highest - lowest), values)


def _list_triangles(corners: np.ndarray, configurations: np.ndarray) -> np.ndarray:
    """Triangles (T, 3) in cells with corner addresses (8, C), as edges 3 address + axis."""
    table, counts = _make_triangle_table()
    count = counts[configurations]
    cells = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(cells)) - np.repeat(np.cumsum(count) - count, count)
    edges = table[configurations[cells], nth]  # (T, 3)
    return 3 * corners[edges // 3, cells[:, None]] + edges % 3


@functools.cache
def _make_triangle_table() -> tuple[np.ndarray, np.ndarray]:
    """The triangles of each configuration of a cell (see CORNERS), as PyMCubes makes them.

    Returns (256, 5, 3), edges 3 corner + axis, and how many are triangles (256,).
    """
    table = np.zeros((256, 5, 3), np.int64)
    counts = np.zeros(256, np.int64)
    for configuration in range(1, 255):
        values = (configuration >> np.arange(8) & 1).astype(np.float64).reshape(2, 2, 2)
        vertices, faces = mcubes.marching_cubes(values, 0.5)
        low = np.floor(vertices).astype(np.int64)  # (V, 3); a vertex is in the middle of its edge
        edges = 3 * (low @ [4, 2, 1]) + (vertices - low).argmax(axis=1)
        counts[configuration] = len(faces)
        table[configuration, : len(faces)] = edges[faces.astype(np.int64)]
    return table, counts


def check_level(level: float) -> None:
    """Raise ValueError for a level that is not a finite number."""
    if not math.isfinite(level):
        raise ValueError(f"level should be a finite raw density; got {level}")


def describe_missing_surface(values: np.ndarray, level: float) -> str:
    """Why there is no surface among these raw densities, and which level to try."""
    lowest, highest = float(values.min()), float(values.max())
    if lowest == highest:
        return f"there is no surface: the raw density is {lowest:.4g} everywhere"
    suggestion = find_level(values)
    return (
        f"there is no surface at level {level:.4g}: the raw density lies between "
        f'{lowest:.4g} and {highest:.4g}. Try level {suggestion:.4g}, or "auto"'
    )


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


def _close_surface(grid: np.ndarray, level: float, span: float) -> None:
    """Set the outermost layer below the level and move values off the level itself."""
    for side in (0, -1):
        grid[side] = grid[:, side] = grid[:, :, side] = level - span
    for layer in grid:  # one layer at a time: no second copy of the grid
        layer[:] = move_off_level(layer, level, span)


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
