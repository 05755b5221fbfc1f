"""The layer "surface": the foreground's mesh as clay or in its own colours, as the window shows it.

The window draws it with OpenGL (shaders/surface.frag, the same formulas), pictures and films are
drawn here, so that they need no graphics card and are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .bands import cut_into_bands
from .camera import Camera
from .chunks import part_of
from .components import keep_largest_component
from .field_samples import find_gradient, sample_density, sample_seen_colors
from .rasterize import Hits, rasterize
from .surface import find_level, find_surface
from .view import MeshStyle

if TYPE_CHECKING:
    from .scene import Scene

RESOLUTION = 96  # samples along a side of the cube
CLAY = (0.80, 0.78, 0.75)
INK, INK_OPACITY = (0.03, 0.06, 0.08), 0.55  # of edges
LINE = 1 / 1024  # width of an edge, of the picture's side; one pixel at least
Progress = Callable[[float], None]


@dataclass(frozen=True)
class ShownSurface:
    """A level surface in world units.

    points: (V, 3) float32. normals: (V, 3) float32, unit length. colors: (V, 3) float32, sRGB in
    [0, 1], if it is painted. faces: (F, 3). level: raw density. density_range: of the samples.
    """

    points: np.ndarray
    normals: np.ndarray
    colors: np.ndarray | None
    faces: np.ndarray
    level: float
    density_range: tuple[float, float]


def sample_grid(scene: Scene, resolution: int, progress: Progress) -> np.ndarray:
    """Raw densities of the scene's foreground in its cube, (N, N, N) with a border for closing."""
    generator = scene.model

    def sample() -> np.ndarray:
        field_code = scene.field_code()
        return sample_density(
            lambda points: generator.density(field_code, points),
            box=generator.config.field.box_warp,
            resolution=resolution,
            device=generator.device,
            progress=progress,
        )

    with torch.inference_mode():
        return scene.within_memory(sample)


def build_surface(
    scene: Scene, grid: np.ndarray, level: float | None, *, painted: bool, progress: Progress
) -> ShownSurface:
    """The surface of sampled densities; level None: chosen. Raises ValueError if there is none."""
    box = scene.model.config.field.box_warp
    inner = grid[1:-1, 1:-1, 1:-1]
    level = find_level(inner) if level is None else level
    vertices, faces = find_surface(grid.copy(), level)
    vertices, faces = keep_largest_component(vertices, faces)
    points = ((vertices - 0.5) * box).astype(np.float32)
    colors = _paint(scene, points, level, progress) if painted else None
    return ShownSurface(
        points,
        find_normals(vertices, faces),
        colors,
        faces,
        float(level),
        (float(inner.min()), float(inner.max())),
    )


def _paint(scene: Scene, points: np.ndarray, level: float, progress: Progress) -> np.ndarray:
    """Colours of vertices as they are seen from outside."""
    generator = scene.model
    box = generator.config.field.box_warp

    def look() -> np.ndarray:
        field_code = scene.field_code()
        density = partial(generator.density, field_code)
        part = part_of(progress, 0.0, 0.4)
        gradients = find_gradient(density, points, box / RESOLUTION, generator.device, part)
        return sample_seen_colors(
            density,
            partial(generator.color, field_code),
            points,
            gradients,
            level=level,
            box=box,
            device=generator.device,
            progress=part_of(progress, 0.4, 1.0),
        )

    with torch.inference_mode():
        return scene.within_memory(look).astype(np.float32) / 255


def find_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3) float32 of a triangle mesh."""
    corners = vertices[faces]  # (F, 3, 3)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [
            np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.maximum(lengths, 1e-20)).astype(np.float32)


# Pictures


def draw_surface(
    surface: ShownSurface,
    camera: Camera,
    style: MeshStyle,
    size: int,
    *,
    samples: int = 1,
    progress: Progress | None = None,
) -> Iterator[np.ndarray]:
    """Bands of the picture from top to bottom, straight float RGBA (rows, size, 4).

    camera: a resolved one. samples: of a pixel, whose mean smooths outlines. `progress` gets the
    fraction done, in [0, 1]; it may raise to stop.
    """
    mesh = _Seen.of(surface, camera)
    bands = cut_into_bands(size)
    parts = len(bands) * samples
    for index, rows in enumerate(bands):
        total = torch.zeros(rows.stop - rows.start, size, 4)
        for sample in range(samples):
            done = index * samples + sample
            report = None if progress is None else partial(progress, done / parts)
            total += mesh.draw(style, size, rows, _place_in_pixel(sample, samples), report)
        total /= samples
        alpha = total[..., 3:]
        total[..., :3] = torch.where(alpha > 0, total[..., :3] / alpha.clamp_min(1e-6), 0.0)
        yield total.clamp(0, 1).numpy()
    if progress is not None:
        progress(1.0)


def _place_in_pixel(index: int, count: int) -> tuple[float, float]:
    """Places that fill a pixel evenly: the R2 sequence (Roberts 2018); one is in its middle."""
    if count == 1:
        return 0.5, 0.5
    return (0.5 + 0.7548776662 * (index + 1)) % 1, (0.5 + 0.5698402910 * (index + 1)) % 1


@dataclass(frozen=True)
class _Seen:
    """A surface before a camera: places in a picture of side 1 with their distances, and what
    shading needs."""

    places: Tensor  # (V, 3) float64
    faces: Tensor
    attributes: Tensor  # (V, 9): normal, view direction's end, colour
    right: Tensor
    up: Tensor
    eye: Tensor

    @staticmethod
    def of(surface: ShownSurface, camera: Camera) -> _Seen:
        pose = np.array(camera.cam2world)
        points = torch.from_numpy(surface.points).double()
        local = torch.from_numpy((surface.points - pose[:3, 3]) @ pose[:3, :3]).double()
        (fx, skew, cx), (_, fy, cy), _ = camera.intrinsics
        distance = local[:, 2]
        safe = torch.where(distance.abs() < 1e-9, torch.full_like(distance, 1e-9), distance)
        x = (fx * local[:, 0] + skew * local[:, 1]) / safe + cx
        y = fy * local[:, 1] / safe + cy
        colors = np.ones_like(surface.points) if surface.colors is None else surface.colors
        parts = (torch.from_numpy(surface.normals), points.float(), torch.from_numpy(colors))
        axes = torch.from_numpy(pose[:3]).float()
        return _Seen(
            torch.stack([x, y, distance], dim=1),
            torch.from_numpy(surface.faces.astype(np.int64)),
            torch.cat([part.float() for part in parts], dim=1),
            axes[:, 0],
            -axes[:, 1],
            axes[:, 3],
        )

    def draw(
        self,
        style: MeshStyle,
        size: int,
        rows: slice,
        place: tuple[float, float],
        step: Callable[[], None] | None,
    ) -> Tensor:
        """Premultiplied RGBA (rows, size, 4) of one sample at a `place` in each pixel."""
        corners = self.places * self.places.new_tensor([size, size, 1.0])
        corners[:, 0] -= place[0] - 0.5
        corners[:, 1] -= place[1] - 0.5
        hits = rasterize(corners, self.faces, size, rows, step=step)
        picture = torch.zeros((rows.stop - rows.start) * size, 4)
        picture[hits.pixels, 3] = 1.0
        picture[hits.pixels, :3] = self._shade(hits, style, max(size * LINE, 1.0))
        return picture.view(-1, size, 4)

    def _shade(self, hits: Hits, style: MeshStyle, line_px: float) -> Tensor:
        """Colours (P, 3) of what is seen."""
        weights = hits.weights.float()[..., None]
        values = (self.attributes[self.faces[hits.faces]] * weights).sum(1)
        normals, points, colors = values[:, :3], values[:, 3:6], values[:, 6:]
        if style.paint != "colour":
            view = F.normalize(self.eye - points, dim=1)
            colors = shade_clay(F.normalize(normals, dim=1), view, self.right, self.up)
        if style.wireframe:
            ink = (0.5 * line_px + 0.5 - hits.edges_px.float()).clamp(0, 1) * INK_OPACITY
            colors = torch.lerp(colors, colors.new_tensor(INK).expand_as(colors), ink[:, None])
        return colors.clamp(0, 1)


def shade_clay(normals: Tensor, view: Tensor, right: Tensor, up: Tensor) -> Tensor:
    """Colours (P, 3) of clay: shaders/clay.glsl. normals, view: (P, 3), unit length."""
    facing = (normals * view).sum(1, keepdim=True)
    normals = torch.where(facing < 0, -normals, normals)
    key = F.normalize(view + 0.6 * up - 0.5 * right, dim=1)
    fill = F.normalize(view + 1.4 * right - 0.2 * up, dim=1)
    key, fill = ((normals * light).sum(1, keepdim=True).clamp_min(0) for light in (key, fill))
    rim = (1 - facing.abs().clamp_max(1)) ** 3
    light = 0.16 + 0.74 * key + fill * normals.new_tensor([0.10, 0.13, 0.17])
    return normals.new_tensor(CLAY) * light + 0.14 * rim
