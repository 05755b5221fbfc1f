"""Finding the cells of a fine grid that a level surface passes, by sampling few of its points.

A coarse grid over the whole cube is halved again and again; only cells that may hold the surface
are kept. What is found on the finest grid is then completed by following the surface from cell to
cell: a piece of it that is met anywhere is found whole, however thin it is elsewhere.

Lattices: point 1 + k of the lattice with stride s lies at sample min(k s, N - 1) of the N samples
along a side. One more point at either end, a voxel outside, closes the surface: its value is
minus infinity and is never sampled. The lattice with stride 1 is the padded dense grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from .chunks import map_chunks
from .cores import cut_for_cores, run_on_cores
from .sparse_grid import CORNERS, SparseGrid

Progress = Callable[[float], None]
Sampler = Callable[[np.ndarray, Progress], np.ndarray]
Result = TypeVar("Result")

_FIRST_CELLS = 30  # the least number of cells along a side of the first grid
_CHUNK = 2**14  # cells at a time: some milliseconds between two reports
_POINTS = 2**16  # likewise, in each thread
_FIRST_SHARE = 0.4  # of the progress that goes to the first grid
# Axis and side of each face of a cell, and the bits of its corners.
_FACES = [
    (axis, side, sum(1 << c for c in range(8) if CORNERS[c, axis] == side))
    for axis in range(3)
    for side in (0, 1)
]
# Which faces (6, 256) the surface crosses in a cell of each configuration.
_CROSSED_FACES = np.array([[c & bits not in (0, bits) for c in range(256)] for *_, bits in _FACES])
# Neighbours along x, y, z in arrays (n, n, n, C).
_NEIGHBOURS = [
    ((slice(None),) * k + (slice(-1),), (slice(None),) * k + (slice(1, None),)) for k in range(3)
]


@dataclass(frozen=True)
class NarrowBand:
    """The cells that a level surface passes, and the values round them.

    grid: points as in the padded dense grid; it has the corners of these cells, and so all
    neighbours of an edge that the surface crosses. cells: addresses (A,) of their lowest corners.
    configurations: (A,) uint8; bit c tells whether the value at corner c (see `CORNERS`) is above
    the level. value_range: of all values that were sampled, of which there are `samples`.
    first_values: those of the first grid.
    """

    grid: SparseGrid
    cells: np.ndarray
    configurations: np.ndarray
    level: float
    value_range: tuple[float, float]
    samples: int
    first_values: np.ndarray


def first_stride(resolution: int) -> int:
    """Stride of the first grid for N samples along a side: a power of two."""
    stride = 1
    while (resolution - 1) / (2 * stride) >= _FIRST_CELLS:
        stride *= 2
    return stride


def first_samples(resolution: int) -> np.ndarray:
    """Which of the N samples along a side the first grid has."""
    stride = first_stride(resolution)
    count = _count_cells(resolution, stride)
    return np.minimum(np.arange(count + 1) * stride, resolution - 1)


def find_narrow_band(
    sampler: Sampler,
    resolution: int,
    choose_level: Callable[[np.ndarray], float],
    progress: Progress,
    device: torch.device | str = "cpu",
) -> NarrowBand:
    """Sample a field round one of its level surfaces.

    Args:
        sampler: sample indices (3, P) in [0, resolution) and a function to call with the fraction
            of them that is done -> values (P,) float32.
        resolution: samples along a side, at least 3.
        choose_level: values of the first grid (P,) -> level.
        progress: called with the fraction of the work that is done; may raise to stop it.
        device: of the field. On a processor the sampler is called by several threads at a time.

    Returns a band without cells if no surface was found.
    """
    search = _Search(sampler, resolution, progress, device)
    stride = first_stride(resolution)
    side = _count_cells(resolution, 2 * stride) + 2
    cells = np.stack(np.unravel_index(np.arange(side**3), (side,) * 3))
    grid = search.refine(cells, stride, _FIRST_SHARE)
    first = grid.values[np.isfinite(grid.values)]
    search.level = float(np.float32(choose_level(first)))
    cells, margins = search.find_candidates(grid, cells)
    while stride > 2:
        stride //= 2
        grid = search.refine(cells, stride, 0.6, grid)
        cells, margins = search.find_candidates(grid, cells)
    if stride == 2:
        coarser, grid = grid, SparseGrid(resolution + 2)
        search.follow(grid, search.predict(coarser, cells, margins), coarser)
    else:
        search.move_off(grid, np.arange(len(grid.values)))
        search.follow(grid, cells, None)
    active = np.flatnonzero((grid.marks != 0) & (grid.marks != 255))
    value_range = (search.lowest, search.highest)
    return NarrowBand(
        grid, active, grid.marks[active], search.level, value_range, search.samples, first
    )


class _Search:
    """What the steps of one search share. Cells are indices (3, C) of their lowest corners."""

    def __init__(
        self, sampler: Sampler, resolution: int, progress: Progress, device: torch.device | str
    ) -> None:
        self.sampler = sampler
        self.device = device
        self.resolution = resolution
        self.progress = progress
        self.level = 0.0
        self.done = 0.0
        self.lowest, self.highest = np.inf, -np.inf
        self.samples = 0

    def refine(
        self, cells: np.ndarray, stride: int, until: float, coarser: SparseGrid | None = None
    ) -> SparseGrid:
        """Sample the lattice of `stride` in cells of the one with twice the stride.

        `until`: the progress at its end. `coarser`: that lattice, if it has values.
        """
        grid = SparseGrid(_count_cells(self.resolution, stride) + 3)
        for start in range(0, cells.shape[1], _CHUNK):
            self.progress(self.done)
            grid.request(grid.find(*_halve(cells[:, start : start + _CHUNK], grid.side)))
        self._sample(grid, stride, until, coarser)
        return grid

    def find_candidates(self, grid: SparseGrid, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the cells of a lattice, inside cells of the coarser one, that may be crossed.

        The values in a cell are taken to exceed those at its corners by at most half the sum of
        the second differences along the axes. That is exact for a tent, the profile of a thin
        strand in a distance field, and four times the error of trilinear interpolation in a
        smooth field.

        Returns these cells (3, K), and by how much values may exceed those at the corners (K,).
        """
        margins = np.full(len(grid.values), np.nan, np.float32)

        def examine(part: slice) -> None:
            points = _halve(cells[:, part], grid.side)
            addresses = grid.look_up(*points)
            values = grid.values[addresses]  # (3, 3, 3, C)
            margin = 0.5 * _sum_second_differences(values)
            crossed = _are_steps(points) & self._may_cross(values, margin)  # (2, 2, 2, C)
            lowest = addresses[:2, :2, :2][crossed]
            margins[lowest] = np.broadcast_to(margin, crossed.shape)[crossed]

        self._map(examine, cells.shape[1])
        found = np.flatnonzero(~np.isnan(margins))
        return grid.locate(found), margins[found]

    def predict(self, grid: SparseGrid, cells: np.ndarray, margins: np.ndarray) -> np.ndarray:
        """Find the cells of the finest lattice, inside cells of the next, that may be crossed.

        Values between the corners are predicted by trilinear interpolation, to half the margins.
        Returns cells (3, K), some of them more than once.
        """
        # Not halved in the middle.
        irregular = ((cells == 0) | (cells >= grid.side - 3)).any(axis=0)
        margins = np.where(irregular, 1e30, 0.5 * margins).astype(np.float32)

        def examine(part: slice) -> np.ndarray:
            corners = grid.find_corners(grid.look_up(*cells[:, part]))
            values = grid.values[corners].reshape(2, 2, 2, -1)
            points = _halve(cells[:, part], self.resolution + 2)
            crossed = _are_steps(points) & self._may_cross(_interpolate(values), margins[part])
            lowest = np.broadcast_arrays(*points)
            return np.stack([axis[:2, :2, :2][crossed] for axis in lowest])

        found = self._map(examine, cells.shape[1])
        return np.concatenate([np.empty((3, 0), np.int64), *found], axis=1)

    def follow(self, grid: SparseGrid, cells: np.ndarray, coarser: SparseGrid | None) -> None:
        """Mark cells of the finest lattice, those that the surface enters from them, and so on.

        A mark is the configuration of a cell.
        """
        while cells.shape[1]:
            grid.cover(cells, lambda: self.progress(self.done))
            parts = self._map(partial(self._begin, grid, cells), cells.shape[1])
            self._sample(grid, 1, self.done + 0.7 * (0.99 - self.done), coarser)
            entered = self._map(partial(self._enter, grid, parts), len(parts), 1)
            cells = np.concatenate(entered, axis=1)

    def _begin(
        self, grid: SparseGrid, cells: np.ndarray, part: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """Request the corners of new cells. Returns these cells (3, C) and corners (8, C)."""
        addresses = grid.look_up(*cells[:, part])
        new = np.flatnonzero(~grid.seen[addresses])
        grid.seen[addresses[new]] = True
        corners = grid.find_corners(addresses[new])
        grid.request(corners)
        return cells[:, part].take(new, axis=1), corners

    def _enter(
        self, grid: SparseGrid, parts: list[tuple[np.ndarray, np.ndarray]], part: slice
    ) -> np.ndarray:
        """Configure cells from `_begin`; returns their neighbours across crossed faces (3, N)."""
        ((cells, corners),) = parts[part]  # one at a time
        above = grid.values[corners] > self.level
        configurations = np.packbits(above, axis=0, bitorder="little")[0]
        grid.marks[corners[0]] = configurations
        neighbours = []
        for face, (axis, side, _) in enumerate(_FACES):
            crossed = np.flatnonzero(_CROSSED_FACES[face, configurations])
            if side == 1:  # the neighbour's lowest corner is one of this cell
                crossed = crossed[~grid.seen[corners[4 >> axis, crossed]]]
            across = cells.take(crossed, axis=1)
            across[axis] += 2 * side - 1
            neighbours.append(across.compress(~grid.seen[grid.look_up(*across)], axis=1))
        return np.concatenate(neighbours, axis=1)

    def _sample(
        self, grid: SparseGrid, stride: int, until: float, coarser: SparseGrid | None
    ) -> None:
        """Sample the points of a lattice that were requested; `until`: the progress at the end.

        Points that the coarser lattice has too get their values from there.
        """
        addresses, start = grid.take_requested(), self.done

        def sample(part: slice, report: Progress) -> np.ndarray:
            return self._sample_part(grid, addresses[part], stride, coarser, report)

        def report(fraction: float) -> None:
            self.done = start + fraction * (until - start)
            self.progress(self.done)

        parts = cut_for_cores(len(addresses), _POINTS)
        for sampled in run_on_cores(sample, parts, report, self.device):
            self.samples += len(sampled)
            self.lowest = min(self.lowest, float(sampled.min(initial=np.inf)))
            self.highest = max(self.highest, float(sampled.max(initial=-np.inf)))
        if stride == 1 and coarser is not None:
            self.move_off(grid, addresses)

    def _sample_part(
        self,
        grid: SparseGrid,
        addresses: np.ndarray,
        stride: int,
        coarser: SparseGrid | None,
        report: Progress,
    ) -> np.ndarray:
        """Give points their values. Returns those that were sampled."""
        x, y, z = points = grid.locate(addresses)
        last = grid.side - 1
        outside = (x == 0) | (y == 0) | (z == 0) | (x == last) | (y == last) | (z == last)
        values = np.where(outside, -np.inf, np.nan).astype(np.float32)
        if coarser is not None:
            shared = np.flatnonzero(~outside & ((x & y & z & 1) == 1))  # 1 + k with even k
            values[shared] = coarser.values[coarser.look_up(*((points[:, shared] + 1) >> 1))]
        new = np.flatnonzero(np.isnan(values))
        if len(new):
            indices = np.minimum((points[:, new] - 1) * stride, self.resolution - 1)
            values[new] = self.sampler(indices, report)
        grid.values[addresses] = values
        return values[new]

    def move_off(self, grid: SparseGrid, addresses: np.ndarray) -> None:
        """Move those values that are nearly the level off it."""
        span = self.highest - self.lowest
        grid.values[addresses] = move_off_level(grid.values[addresses], self.level, span)

    def _may_cross(self, values: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Which cells between points (n, n, n, C) may hold the level: (n - 1, n - 1, n - 1, C)."""
        low, high = values, values
        for before, after in _NEIGHBOURS:
            low = np.minimum(low[before], low[after])
            high = np.maximum(high[before], high[after])
        return (low - margin <= self.level) & (high + margin > self.level)

    def _map(self, work: Callable[[slice], Result], count: int, size: int = _CHUNK) -> list[Result]:
        """Results of `work` for parts of range(count), made by several threads; reports between.

        What one part writes another one may write as well, if it is the same.
        """
        return list(map_chunks(work, count, size, lambda _: self.progress(self.done)))


def move_off_level(values: np.ndarray, level: float, span: float) -> np.ndarray:
    """Values that are nearly the level become a little more, so that no vertex meets a sample.

    span: the range of all values; a millionth of it is near.
    """
    nudge = 1e-6 * max(span, abs(level))
    return np.where(np.abs(values - np.float32(level)) < nudge, np.float32(level + nudge), values)


def _halve(cells: np.ndarray, side: int) -> list[np.ndarray]:
    """Indices of the 3^3 points of a lattice in cells (3, C) of the coarser one, axis by axis.

    (3, 1, 1, C), (1, 3, 1, C), (1, 1, 3, C). Cells at the ends are not halved: there the same
    point comes more than once.
    """
    first = np.minimum(2 * cells - 1, side - 2)
    points = (first[:, None] + np.arange(3)[:, None]).clip(0, side - 1)  # (axis, 3, C)
    return [points[0, :, None, None], points[1, None, :, None], points[2, None, None]]


def _are_steps(points: list[np.ndarray]) -> np.ndarray:
    """Which pairs of neighbours among such points are cells of the lattice: (2, 2, 2, C)."""
    x, y, z = (np.diff(axis, axis=k) == 1 for k, axis in enumerate(points))
    return x & y & z


def _interpolate(values: np.ndarray) -> np.ndarray:
    """Values at the corners of cells (2, 2, 2, C) -> also halfway between them (3, 3, 3, C)."""
    for axis in range(3):
        first, last = np.split(values, 2, axis=axis)
        values = np.concatenate([first, 0.5 * (first + last), last], axis=axis)
    return values


def _sum_second_differences(values: np.ndarray) -> np.ndarray:
    """The largest second difference along each axis of values (3, 3, 3, C), summed: (C,)."""
    total = np.zeros(values.shape[-1], np.float32)
    with np.errstate(invalid="ignore"):  # the values outside are infinite
        for axis in range(3):
            first, middle, last = np.moveaxis(values, axis, 0)
            difference = np.abs(first - 2 * middle + last).max(axis=(0, 1))
            total += np.where(np.isfinite(difference), difference, 0)
    return total


def _count_cells(resolution: int, stride: int) -> int:
    return -(-(resolution - 1) // stride)
