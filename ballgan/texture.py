"""A picture for a mesh: layout, and colours for its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from .chunks import part_of
from .field_samples import Field, Progress, evaluate, find_gradient, sample_seen_colors
from .remesh import CHART_PADDING, unwrap_surface

TEXTURE_RANGE = (64, 8192)
TEXTURED_FACES = 30_000  # of a mesh that gets a texture, where nothing else is asked for

_CANDIDATES = 2**17  # pixels at a time that may be in a triangle
_MAX_MOVE = 0.01  # of the box, from the triangles to the surface


def bake_texture(
    mesh: trimesh.Trimesh,
    density: Field,
    color: Field,
    *,
    box: float,
    size: int,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> trimesh.Trimesh:
    """Give a mesh from `extract_mesh` a texture with the colours of the field.

    A pixel's place on a triangle is moved onto the surface of the field, so that a simplified
    mesh keeps the colours of the full one. Takes a second for each 10,000 faces or so: simplify
    before.

    Args:
        mesh: with metadata["level"].
        density, color, box, device: as for `extract_mesh`.
        size: side of the square picture, 64 to 8192 pixels.
        progress: called with a fraction in [0, 1] every few milliseconds; may raise to stop.

    Returns a mesh with the same faces; vertices at the borders of the picture's pieces come more
    than once. Raises ValueError if size is out of range or a colour is not finite.
    """
    check_texture_size(size)
    report = progress or (lambda fraction: None)
    surface = _Surface(density, color, float(mesh.metadata["level"]), box, device)
    normals = np.asarray(mesh.vertex_normals)
    origins, faces, uv = unwrap_surface(
        mesh.vertices, mesh.faces, normals, size, part_of(report, 0.0, 0.3)
    )
    vertices = np.asarray(mesh.vertices)[origins]
    gradients = find_gradient(density, vertices, box / 256, device, part_of(report, 0.3, 0.4))
    image = np.empty((size * size, 3), np.uint8)
    known = np.zeros(size * size, bool)
    for pixels, corners, weights, done in _list_pixels(uv, faces, known):
        here = part_of(report, 0.4 + 0.55 * done[0], 0.4 + 0.55 * done[1])
        points, slopes = _blend(vertices, corners, weights), _blend(gradients, corners, weights)
        image[pixels] = surface.colors_near(points, slopes, here)
    _spread(image, known, part_of(report, 0.96, 1.0))
    textured = trimesh.Trimesh(
        vertices,
        faces,
        vertex_normals=normals[origins],
        visual=TextureVisuals(uv=uv, material=_matt(image.reshape(size, size, 3))),
        process=False,
    )
    textured.metadata["level"] = surface.level
    return textured


@dataclass(frozen=True)
class _Surface:
    """The level surface of a field, to take colours from; see `bake_texture`."""

    density: Field
    color: Field
    level: float
    box: float
    device: torch.device | str

    def colors_near(
        self, points: np.ndarray, gradients: np.ndarray, progress: Progress
    ) -> np.ndarray:
        """Colours (P, 3) uint8 that are seen where the surface is next to points (P, 3)."""
        progress(0.0)
        excess = _evaluate_density(self.density, points, self.device, part_of(progress, 0.0, 0.2))
        return sample_seen_colors(
            self.density,
            self.color,
            _move_to_surface(excess - self.level, points, gradients, _MAX_MOVE * self.box),
            gradients,
            level=self.level,
            box=self.box,
            device=self.device,
            progress=part_of(progress, 0.2, 1.0),
        )


def _matt(image: np.ndarray) -> PBRMaterial:
    """A surface without gloss, with a picture (H, W, 3) uint8 on it."""
    return PBRMaterial(
        baseColorTexture=Image.fromarray(image), metallicFactor=0.0, roughnessFactor=1.0
    )


def check_texture_size(size: int) -> None:
    """Raise ValueError for a side of a texture that is out of range."""
    low, high = TEXTURE_RANGE
    if not low <= size <= high:
        raise ValueError(f"a texture should have {low} to {high} pixels a side; got {size}")


def _list_pixels(
    uv: np.ndarray, faces: np.ndarray, known: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]]:
    """The pixels whose centres lie in triangles, part by part, and each once.

    Pixel (column x, row y) has the number y size + x; rows go down, v goes up. `known` (size^2,)
    gets those that were listed.

    Yields numbers (P,), corners (P, 3), weights (P, 3), and the fractions done before and after.
    """
    size = math.isqrt(len(known))
    positions = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=-1) * size - 0.5  # of pixel centres
    for triangles, x, y in _list_candidates(positions[faces], size):
        weights = _find_weights(positions[faces[triangles]], np.stack([x, y], axis=-1))
        inside = (weights.min(axis=1) >= -1e-9) & ~known[y * size + x]
        pixels, first = np.unique((y * size + x)[inside], return_index=True)
        known[pixels] = True
        done = float(triangles[0] / len(faces)), float((triangles[-1] + 1) / len(faces))
        yield pixels, faces[triangles[inside][first]], weights[inside][first], done


def _list_candidates(
    triangles: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Triangle number, column and row (K,) of the pixels in the bounding boxes of (F, 3, 2)."""
    low = np.ceil(triangles.min(axis=1)).astype(np.int64).clip(0, size - 1)
    high = np.floor(triangles.max(axis=1)).astype(np.int64).clip(0, size - 1)
    widths, heights = np.maximum(high - low + 1, 0).T
    counts = widths * heights
    ends = np.cumsum(counts)
    # Groups of triangles with about _CANDIDATES pixels, and none of them without one.
    splits = np.unique(np.searchsorted(ends, np.arange(0, ends[-1], _CANDIDATES), side="right"))
    for group in np.split(np.arange(len(triangles)), splits):
        count = counts[group]
        if count.sum():
            numbers = np.repeat(group, count)
            nth = np.arange(len(numbers)) - np.repeat(np.cumsum(count) - count, count)
            x = low[numbers, 0] + nth % widths[numbers]
            yield numbers, x, low[numbers, 1] + nth // widths[numbers]


def _find_weights(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Barycentric weights (K, 3) of points (K, 2) in triangles (K, 3, 2); flat ones have none."""
    first, second, third = np.moveaxis(triangles, 1, 0)
    area = _cross(second - first, third - first)
    area = np.where(np.abs(area) < 1e-12, np.nan, area)
    u = _cross(second - points, third - points) / area
    v = _cross(third - points, first - points) / area
    return np.nan_to_num(np.stack([u, v, 1 - u - v], axis=-1), nan=-1.0)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _blend(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values (V, 3) at the corners (P, 3) of triangles, blended by weights (P, 3): (P, 3)."""
    return np.einsum("pk,pkc->pc", weights, values[corners])


def _evaluate_density(
    density: Field, points: np.ndarray, device: torch.device | str, progress: Progress
) -> np.ndarray:
    here = torch.from_numpy(points)
    return evaluate(density, len(points), here.__getitem__, device, progress)


def _move_to_surface(
    excess: np.ndarray, points: np.ndarray, gradients: np.ndarray, limit: float
) -> np.ndarray:
    """Points (P, 3) one step of Newton's method closer to where the excess (P,) is zero.

    limit: the longest step.
    """
    slopes = np.linalg.norm(gradients, axis=1)
    usable = slopes > 0
    steps = np.divide(-excess, slopes, where=usable, out=np.zeros(len(points)))
    directions = np.divide(gradients, slopes[:, None], where=usable[:, None], out=0 * gradients)
    return points + steps.clip(-limit, limit)[:, None] * directions


def _spread(image: np.ndarray, known: np.ndarray, progress: Progress) -> None:
    """Spread the known pixels of a square picture (size^2, 3) over the gaps between charts.

    The rest gets the mean colour: small copies that programs make of the picture blend it in.
    """
    size = math.isqrt(len(known))
    border = np.flatnonzero(known)
    image[~known] = np.rint(image[border].mean(axis=0))
    for k in range(CHART_PADDING):
        progress(k / CHART_PADDING)
        found = []
        for step, inside in (
            (1, border % size < size - 1),
            (-1, border % size > 0),
            (size, border < size * (size - 1)),
            (-size, border >= size),
        ):
            source = border[inside]
            source = source[~known[source + step]]
            image[source + step] = image[source]
            known[source + step] = True
            found.append(source + step)
        border = np.concatenate(found)
    progress(1.0)
