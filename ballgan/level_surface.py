"""The level surface of a density field, found from samples everywhere or only near it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from .chunks import part_of
from .components import drop_unused_vertices, find_largest_component
from .field_samples import (
    Field,
    Progress,
    find_gradient,
    make_axis,
    sample_density,
    sample_density_at,
)
from .narrow_band import NarrowBand, find_narrow_band, first_samples
from .remesh import simplify_surface
from .surface import (
    describe_missing_surface,
    find_gradients,
    find_level,
    find_surface,
    march_narrow_band,
)

SAMPLERS = ("fast", "plain")


@dataclass(frozen=True)
class Volume:
    """A density to sample resolution^3 times in a cube of side box."""

    density: Field
    box: float
    resolution: int
    device: torch.device | str

    @property
    def voxel(self) -> float:
        return self.box / (self.resolution - 1)

    def find_gradient(self, points: np.ndarray, progress: Progress) -> np.ndarray:
        """The density's gradient at world points (P, 3), per world unit."""
        return find_gradient(self.density, points, self.voxel, self.device, progress)


@dataclass(frozen=True)
class LevelSurface:
    """A level surface.

    vertices: (V, 3) in units of the box. faces: (F, 3). band, edges: where it was found, and the
    edges there (V,) that the vertices lie on, unless it was found in another way.
    """

    vertices: np.ndarray
    faces: np.ndarray
    level: float
    band: NarrowBand | None = None
    edges: np.ndarray | None = None

    def select_largest(self, progress: Progress) -> LevelSurface:
        """The piece of largest volume."""
        kept, faces = find_largest_component(self.vertices, self.faces, progress)
        edges = None if self.edges is None else self.edges[kept]
        return replace(self, vertices=self.vertices.take(kept, axis=0), faces=faces, edges=edges)

    def simplify(self, count: int, progress: Progress) -> LevelSurface:
        """The surface with about count faces, at other places."""
        vertices, faces = simplify_surface(self.vertices, self.faces, count, progress)
        used, faces = drop_unused_vertices(len(vertices), faces)
        return LevelSurface(vertices[used], faces, self.level)

    def find_gradients(self, volume: Volume, progress: Progress) -> np.ndarray:
        """The density's gradient (V, 3) at the vertices, per world unit.

        From the samples of the band; without one the density is sampled again.
        """
        if self.band is None or self.edges is None:
            return volume.find_gradient((self.vertices - 0.5) * volume.box, progress)
        return find_gradients(self.band, self.edges, progress) / np.float32(volume.voxel)


def find_level_surface(
    volume: Volume, level: float | str, sampler: str, progress: Progress
) -> LevelSurface:
    """The surface density = level; sampler: "fast" or "plain" (see `extract_mesh`)."""
    if sampler == "fast":
        return _find_by_narrow_band(volume, level, progress)
    return _find_by_dense_grid(volume, level, progress)


def _find_by_narrow_band(volume: Volume, level: float | str, progress: Progress) -> LevelSurface:
    """Sample only where the surface passes."""
    axis = make_axis(volume.box, volume.resolution)
    band = find_narrow_band(
        lambda indices, report: sample_density_at(
            volume.density, indices, axis, volume.device, report
        ),
        volume.resolution,
        lambda values: find_level(values) if isinstance(level, str) else level,
        part_of(progress, 0.0, 0.8),
        volume.device,
    )
    lowest, highest = band.value_range
    if not (lowest < band.level < highest and len(band.cells)):
        raise ValueError(describe_missing_surface(band.first_values, band.level))
    vertices, faces, edges = march_narrow_band(band, part_of(progress, 0.8, 1.0))
    return LevelSurface(vertices, faces, band.level, band, edges)


def _find_by_dense_grid(volume: Volume, level: float | str, progress: Progress) -> LevelSurface:
    """Sample everywhere; the marching cubes cannot be stopped."""
    grid = sample_density(
        volume.density,
        box=volume.box,
        resolution=volume.resolution,
        device=volume.device,
        progress=progress,
    )
    if isinstance(level, str):
        first = 1 + first_samples(volume.resolution)
        level = find_level(grid[np.ix_(first, first, first)])
    vertices, faces = find_surface(grid, level)
    return LevelSurface(vertices, faces, level)
