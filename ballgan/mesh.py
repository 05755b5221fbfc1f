"""Iso-surface of a density field -> coloured triangle mesh.

Densities are RAW, as the networks return them; the density that light sees is softplus(raw - 1)
(refs: EG3D's compositor). Coordinates are world units: y up, right-handed, the frontal camera
on +z, which is also what glTF expects of a model that faces the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import trimesh

from .components import drop_unused_vertices, find_largest_component
from .components import keep_largest_component as keep_largest_component
from .field_samples import (
    RESOLUTION_RANGE as RESOLUTION_RANGE,
)
from .field_samples import (
    Field,
    Progress,
    check_grid,
    find_gradient,
    make_axis,
    sample_density,
    sample_density_at,
    sample_seen_colors,
)
from .field_samples import part_of as part_of
from .mesh_files import MESH_SUFFIXES as MESH_SUFFIXES
from .mesh_files import check_mesh_parts as check_mesh_parts
from .mesh_files import check_mesh_path as check_mesh_path
from .mesh_files import write_mesh as write_mesh
from .narrow_band import find_narrow_band, first_samples
from .remesh import simplify_surface
from .surface import PUBLISHED_LEVEL as PUBLISHED_LEVEL
from .surface import (
    check_level,
    describe_missing_surface,
    find_level,
    find_surface,
    march_narrow_band,
)

SAMPLERS = ("fast", "plain")


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
    sampler: str = "fast",
    progress: Progress | None = None,
) -> trimesh.Trimesh:
    """Find the surface density = level inside the cube of side box centred on the origin.

    The cube is divided by resolution^3 points that include its faces. Where the object reaches a
    face of the cube the surface is closed by a flat cap (a millionth of the box outside of it),
    so the mesh is watertight. Not differentiable.

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
        sampler: "plain" samples the density at all points, "fast" only round the surface. They
            find the same surface, but for separate pieces that are smaller than 1/32 of the box
            and do not show in the density around them: "fast" may miss those.
        progress: called with a fraction in [0, 1] every few milliseconds; may raise to stop.

    Returns:
        A mesh with vertex colours as seen from outside, faces outward (counter-clockwise seen
        from outside), and normals from the density's gradient; metadata["level"] is the level
        that was used.

    Raises:
        ValueError: an argument is out of range, the density is not finite, or there is no
            surface at this level.
    """
    if simplify is not None and simplify < 4:
        raise ValueError(f"simplify should be a number of faces of at least 4; got {simplify}")
    check_grid(box, resolution)
    if not isinstance(level, str):
        check_level(level)
    elif level != "auto":
        raise ValueError(f'level should be a number or "auto"; got "{level}"')
    if sampler not in SAMPLERS:
        raise ValueError(f'sampler should be one of {", ".join(SAMPLERS)}; got "{sampler}"')
    report = progress or (lambda fraction: None)
    volume = _Volume(density, box, resolution, device)
    find = _find_by_narrow_band if sampler == "fast" else _find_by_dense_grid
    surface = find(volume, level, part_of(report, 0.0, 0.8))
    if largest_component:
        surface = surface.select_largest(part_of(report, 0.8, 0.85))
    if simplify is not None and simplify < len(surface.faces):
        surface = surface.simplify(simplify, part_of(report, 0.85, 0.88))
    vertices = (surface.vertices - 0.5) * box
    gradients = surface.gradients
    if gradients is None:
        gradients = volume.find_gradient(vertices, part_of(report, 0.88, 0.93))
    colors = sample_seen_colors(
        density,
        color,
        vertices,
        gradients,
        level=surface.level,
        box=box,
        device=device,
        progress=part_of(report, 0.93, 1.0),
    )
    mesh = trimesh.Trimesh(
        vertices,
        surface.faces,
        vertex_normals=outward_normals(gradients, vertices, surface.faces),
        vertex_colors=colors,
        process=False,
    )
    mesh.metadata["level"] = surface.level
    return mesh


@dataclass(frozen=True)
class _Volume:
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
class _Surface:
    """A level surface.

    vertices: (V, 3) in units of the box. faces: (F, 3). gradients: of the density at the vertices
    (V, 3), per world unit, if known.
    """

    vertices: np.ndarray
    faces: np.ndarray
    level: float
    gradients: np.ndarray | None = None

    def select_largest(self, progress: Progress) -> _Surface:
        """The piece of largest volume."""
        kept, faces = find_largest_component(self.vertices, self.faces, progress)
        gradients = None if self.gradients is None else self.gradients[kept]
        return replace(self, vertices=self.vertices[kept], faces=faces, gradients=gradients)

    def simplify(self, count: int, progress: Progress) -> _Surface:
        """The surface with about count faces, at other places."""
        vertices, faces = simplify_surface(self.vertices, self.faces, count, progress)
        used, faces = drop_unused_vertices(len(vertices), faces)
        return _Surface(vertices[used], faces, self.level)


def _find_by_narrow_band(volume: _Volume, level: float | str, progress: Progress) -> _Surface:
    """Sample only where the surface passes."""
    axis = make_axis(volume.box, volume.resolution)
    band = find_narrow_band(
        lambda indices, report: sample_density_at(
            volume.density, indices, axis, volume.device, report
        ),
        volume.resolution,
        lambda values: find_level(values) if isinstance(level, str) else level,
        part_of(progress, 0.0, 0.8),
    )
    lowest, highest = band.value_range
    if not (lowest < band.level < highest and len(band.cells)):
        raise ValueError(describe_missing_surface(band.first_values, band.level))
    vertices, faces, gradients = march_narrow_band(band, part_of(progress, 0.8, 1.0))
    return _Surface(vertices, faces, band.level, gradients / np.float32(volume.voxel))


def _find_by_dense_grid(volume: _Volume, level: float | str, progress: Progress) -> _Surface:
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
    return _Surface(vertices, faces, level)


def outward_normals(gradients: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) against the density's gradients; of the faces where that is flat."""
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    flat = ~(np.isfinite(lengths) & (lengths > 0))[:, 0]
    if not flat.any():
        return -gradients / lengths
    lengths[flat] = 1
    normals = -gradients / lengths
    normals[flat] = trimesh.Trimesh(vertices, faces, process=False).vertex_normals[flat]
    return normals
