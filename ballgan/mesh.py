"""Iso-surface of a density field -> coloured triangle mesh.

Densities are RAW, as the networks return them; the density that light sees is softplus(raw - 1)
(refs: EG3D's compositor). Coordinates are world units: y up, right-handed, the frontal camera
on +z, which is also what glTF expects of a model that faces the viewer.
"""

from __future__ import annotations

import numpy as np
import torch
import trimesh

from .chunks import part_of
from .components import keep_largest_component as keep_largest_component
from .field_samples import RESOLUTION_RANGE as RESOLUTION_RANGE
from .field_samples import Field, Progress, check_grid, sample_seen_colors
from .field_samples import sample_density as sample_density
from .level_surface import SAMPLERS as SAMPLERS
from .level_surface import LevelSurface, Volume, find_level_surface
from .mesh_files import MESH_SUFFIXES as MESH_SUFFIXES
from .mesh_files import check_mesh_parts as check_mesh_parts
from .mesh_files import check_mesh_path as check_mesh_path
from .mesh_files import write_mesh as write_mesh
from .surface import PUBLISHED_LEVEL as PUBLISHED_LEVEL
from .surface import check_level
from .surface import find_level as find_level
from .surface import find_surface as find_surface


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
    _check_options(box, resolution, level, simplify, sampler)
    report = progress or (lambda fraction: None)
    volume = Volume(density, box, resolution, device)
    surface = find_level_surface(volume, level, sampler, part_of(report, 0.0, 0.8))
    if largest_component:
        surface = surface.select_largest(part_of(report, 0.8, 0.85))
    if simplify is not None and simplify < len(surface.faces):
        surface = surface.simplify(simplify, part_of(report, 0.85, 0.88))
    return _dress(surface, volume, color, part_of(report, 0.88, 1.0))


def _check_options(
    box: float, resolution: int, level: float | str, simplify: int | None, sampler: str
) -> None:
    """Raise ValueError for what is out of range."""
    if simplify is not None and simplify < 4:
        raise ValueError(f"simplify should be a number of faces of at least 4; got {simplify}")
    check_grid(box, resolution)
    if not isinstance(level, str):
        check_level(level)
    elif level != "auto":
        raise ValueError(f'level should be a number or "auto"; got "{level}"')
    if sampler not in SAMPLERS:
        raise ValueError(f'sampler should be one of {", ".join(SAMPLERS)}; got "{sampler}"')


def _dress(
    surface: LevelSurface, volume: Volume, color: Field, progress: Progress
) -> trimesh.Trimesh:
    """The mesh of a surface in a volume, in world units, with normals and colours."""
    vertices = (surface.vertices - 0.5) * volume.box
    gradients = surface.find_gradients(volume, part_of(progress, 0.0, 0.4))
    colors = sample_seen_colors(
        volume.density,
        color,
        vertices,
        gradients,
        level=surface.level,
        box=volume.box,
        device=volume.device,
        progress=part_of(progress, 0.4, 1.0),
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
