"""Values of a density and a colour field: on grids, along normals, and as light shows them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from .chunks import part_of
from .cores import cut_for_cores, run_on_cores

Field = Callable[[torch.Tensor], torch.Tensor]
Progress = Callable[[float], None]

BATCH = 2**15  # points per call of a field: the cost of a call is small, and a cancel comes soon

_MAX_DEPTH = 0.05  # of the box: how far below the surface a colour is looked for
_HALVINGS = 3


def evaluate(
    field: Field,
    count: int,
    get_points: Callable[[slice], torch.Tensor],
    device: torch.device | str,
    progress: Progress,
) -> np.ndarray:
    """Call a field on the float32 points (n, 3) of slices of range(count); (count, ...) float32."""

    def call(part: slice, report: Progress) -> torch.Tensor:
        report(0.0)
        return field(get_points(part).float().to(device)).float().cpu()

    with torch.no_grad():
        parts = run_on_cores(call, cut_for_cores(count, BATCH), progress, device)
    progress(1.0)
    return torch.cat(parts).numpy()


def make_axis(box: float, resolution: int) -> torch.Tensor:
    """Positions (N,) of the samples along a side: i at -box/2 + i * box/(N - 1)."""
    return torch.from_numpy(np.linspace(-box / 2, box / 2, resolution)).float()


def sample_density_at(
    density: Field,
    indices: np.ndarray,
    axis: torch.Tensor,
    device: torch.device | str,
    progress: Progress,
) -> np.ndarray:
    """Densities (P,) at the points of a grid with these indices (3, P) along its axis (N,).

    Raises ValueError if one is not finite.
    """

    def get_points(part: slice) -> torch.Tensor:
        return torch.stack([axis[torch.from_numpy(k[part])] for k in indices], dim=-1)

    return require_finite(
        evaluate(density, indices.shape[1], get_points, device, progress),
        "the density is not a finite number everywhere in the box; is the model damaged?",
    )


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
    check_grid(box, resolution)
    axis = make_axis(box, resolution)
    grid = np.zeros((resolution + 2,) * 3, np.float32)
    layers = max(1, BATCH // resolution**2)
    for start in range(0, resolution, layers):
        stop = min(start + layers, resolution)
        shape = (stop - start, resolution, resolution)
        x, y, z = np.unravel_index(np.arange(math.prod(shape)), shape)
        values = sample_density_at(
            density, np.stack([x + start, y, z]), axis, device, lambda fraction: None
        )
        grid[start + 1 : stop + 1, 1:-1, 1:-1] = values.reshape(shape)
        if progress is not None:
            progress(stop / resolution)
    return grid


def find_gradient(
    density: Field,
    points: np.ndarray,
    step: float,
    device: torch.device | str,
    progress: Progress,
) -> np.ndarray:
    """Central differences of a density at world points (P, 3): (P, 3) float32 per world unit."""
    offsets = step * torch.cat([torch.eye(3), -torch.eye(3)])
    positions = torch.from_numpy(points)

    def get_points(part: slice) -> torch.Tensor:
        k = torch.arange(part.start, part.stop)
        return positions[k // 6] + offsets[k % 6]

    values = evaluate(density, 6 * len(points), get_points, device, progress).reshape(-1, 2, 3)
    return (values[:, 0] - values[:, 1]) / (2 * step)


def sample_seen_colors(
    density: Field,
    color: Field,
    points: np.ndarray,
    gradients: np.ndarray,
    *,
    level: float,
    box: float,
    device: torch.device | str,
    progress: Progress,
) -> np.ndarray:
    """The colours of a surface as one sees them from outside, looking along its normal.

    Light does not end at the surface: a picture shows what lies some way behind it. The colour
    is taken where half of the light that comes in along the normal is gone if the density goes
    on growing as at the surface: s t + g t^2 / 2 = ln 2, with s the extinction and g its slope.
    Where that is on the other side of a thin part, it is taken nearer to the surface.

    Args:
        density, color, device, box: see `extract_mesh`.
        points: of the surface (P, 3), world units. gradients: of the raw density there (P, 3).
        level: raw density of the surface.
        progress: called with 0 to 1; may raise to stop.

    Returns (P, 3) uint8, sRGB. Raises ValueError if a colour is not finite.
    """
    slope = np.linalg.norm(gradients, axis=1)
    extinction = math.log1p(math.exp(-abs(level - 1))) + max(level - 1, 0.0)  # softplus
    depth = 2 * math.log(2) / (extinction + np.sqrt(extinction**2 + 2 * math.log(2) * slope))
    depth = np.minimum(depth, _MAX_DEPTH * box)[:, None]
    inward = np.divide(gradients, slope[:, None], where=slope[:, None] > 0, out=0 * gradients)
    positions = points + depth * inward
    unsure = np.arange(len(points))
    for k in range(_HALVINGS):
        here = torch.from_numpy(positions[unsure])
        report = part_of(progress, 0.5 * k / _HALVINGS, 0.5 * (k + 1) / _HALVINGS)
        outside = evaluate(density, len(here), here.__getitem__, device, report) < level
        unsure = unsure[outside]
        if not len(unsure):
            break
        depth[unsure] = depth[unsure] / 2 if k < _HALVINGS - 1 else 0.0
        positions[unsure] = points[unsure] + depth[unsure] * inward[unsure]
    everywhere = torch.from_numpy(positions)
    colors = require_finite(
        evaluate(color, len(points), everywhere.__getitem__, device, part_of(progress, 0.5, 1.0)),
        "the colour is not a finite number everywhere on the surface",
    )
    return np.rint(colors.clip(0, 1) * 255).astype(np.uint8)


RESOLUTION_RANGE = (16, 1024)


def check_grid(box: float, resolution: int) -> None:
    """Raise ValueError for a side or a resolution of the cube that cannot be sampled."""
    if not (math.isfinite(box) and box > 0):
        raise ValueError(f"box should be a positive length in world units; got {box}")
    low, high = RESOLUTION_RANGE
    if not low <= resolution <= high:
        raise ValueError(
            f"resolution should be {low} to {high} samples a side; got {resolution}. "
            "256 is usual; time and memory grow with it"
        )


def require_finite(values: np.ndarray, message: str) -> np.ndarray:
    """Return the values; ValueError if one is not finite."""
    if not np.isfinite(values).all():
        raise ValueError(message)
    return values
