"""Bakes the foreground into a grid that any GPU can draw: coarse at once, then finer bricks.

What is kept is the *raw* density, not the extinction: it is smooth where a surface is sharp, so
that a trilinear look-up, activated after it, agrees with the field at a fraction of the
resolution. Colours are straight: the field has them in empty space too, so nothing dark can bleed
in at an edge. Grids are indexed (z, y, x); their samples are at the corners of cells.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .config import SamplingConfig
from .fields import TriplaneField
from .generator import Generator
from .lattice import Lattice, make_lattice
from .style_field import StyleField

COARSE_CELLS = 48  # along a side
BRICK_CELLS = 8  # of the fine grid, along a side of a brick
FINE_CELLS = (96, 192)  # for planes of up to 96 pixels, and for larger ones
INVISIBLE = 1 / 256  # opacity of a ray through the whole grid that nobody sees
DENSITY_LIMIT = 1000.0  # raw; far beyond fully opaque, and safe in half precision
COLOR_LIMIT = 1000.0  # likewise
SLABS = 6  # steps of the coarse pass
BRICKS_PER_STEP = 32


@dataclass(frozen=True)
class Extent:
    """Where the field is baked, and what is beyond.

    half_side: of the baked cube round the origin, world units. cells: of the fine grid, along a
    side. interval: distances along a ray between which the field counts; None: inside the cube
    only. outside: raw colour and raw density beyond the cube; None: nothing.
    """

    half_side: float
    cells: int
    interval: tuple[float, float] | None = None
    outside: tuple[float, float, float, float] | None = None

    @property
    def bricks(self) -> int:
        """Bricks along a side."""
        return self.cells // BRICK_CELLS


@dataclass(frozen=True)
class Coarse:
    """The whole foreground at COARSE_CELLS, n = COARSE_CELLS + 1 samples along a side.

    density: (n, n, n) float16, raw. color: (n, n, n, 4), raw colour and 1; uint8 in 255ths, or
    float16 from a `StyleField`, whose colours have no bounds. distance: uint8, one for each brick
    (z, y, x): 0 where anything may be seen, else the number of bricks to the nearest of those
    (along the axis where it is largest).
    """

    extent: Extent
    density: np.ndarray
    color: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class Bricks:
    """Some bricks of the fine grid.

    places: (B, 3) bricks (z, y, x). density: (B, m, m, m), color: (B, m, m, m, 4), as in Coarse,
    with m = BRICK_CELLS + 1; neighbours share the samples on their common face. fraction: of the
    bricks that are to be baked, done so far.
    """

    places: np.ndarray
    density: np.ndarray
    color: np.ndarray
    fraction: float


class Baking:
    """One foreground on its way into a grid. Steps are short; stop between them at any time."""

    def __init__(self, model: Generator, field_code: Tensor) -> None:
        """field_code: of one scene, as `Generator.field_code` gives it."""
        self.extent = find_extent(model, field_code)
        self._field = model.field
        self._field_code = field_code

    @torch.inference_mode()
    def coarse(self, step: Callable[[], None] | None = None) -> Coarse:
        """The coarse pass. `step` is called now and then; it may raise to stop."""
        lattice = self._lattice(COARSE_CELLS)
        count = COARSE_CELLS + 1
        every = torch.arange(count, device=self._field_code.device)
        parts = []
        for depth in every.chunk(SLABS):
            if step is not None:
                step()
            parts.append(lattice.block(every, every, depth)[0])
        samples = torch.cat(parts)
        distance = measure_distance(find_occupied(samples[..., 3], self.extent).numpy())
        return Coarse(self.extent, *self._pack(samples), distance)

    def refine(self, coarse: Coarse) -> Iterator[Bricks]:
        """The bricks in which anything may be seen, a few at a time, from the middle outwards."""
        # No decorator: inference mode must not stay on in the caller between two steps.
        places = order_outwards(coarse.distance == 0)
        if not len(places):
            return
        with torch.inference_mode():
            lattice = self._lattice(self.extent.cells)
        for start in range(0, len(places), BRICKS_PER_STEP):
            chosen = places[start : start + BRICKS_PER_STEP]
            with torch.inference_mode():
                samples = self._sample_bricks(lattice, torch.from_numpy(chosen))
            yield Bricks(chosen, *self._pack(samples), (start + len(chosen)) / len(places))

    def _sample_bricks(self, lattice: Lattice, places: Tensor) -> Tensor:
        """Raw colour and density (B, m, m, m, 4) of bricks at `places` (B, 3)."""
        device = self._field_code.device
        inside = torch.arange(BRICK_CELLS + 1, device=device)
        corner = places.to(device) * BRICK_CELLS
        z, y, x = (corner[:, k, None] + inside for k in range(3))  # (B, m)
        return lattice.block(x, y, z)

    def _pack(self, samples: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Raw colour and density (..., 4) as `Coarse` has them, on the CPU."""
        density = samples[..., 3].clamp(-DENSITY_LIMIT, DENSITY_LIMIT).half()
        color = torch.ones_like(samples)
        color[..., :3] = samples[..., :3]
        if isinstance(self._field, StyleField):
            color = color.clamp(-COLOR_LIMIT, COLOR_LIMIT).half()
        else:
            color = (color * 255).round().clamp(0, 255).byte()
        return density.cpu().numpy(), color.cpu().numpy()

    def _lattice(self, cells: int) -> Lattice:
        half = self.extent.half_side
        axis = torch.linspace(-half, half, cells + 1, device=self._field_code.device)
        return make_lattice(self._field, self._field_code, axis)


def find_extent(model: Generator, field_code: Tensor) -> Extent:
    """Where a model's field is worth baking.

    A bounded field ends at its cube, and so does, here, that of an MLP. Published tri-planes have
    density beyond it, between fixed distances from the camera: the cube grows to what the model's
    own camera sees.
    """
    config, field = model.config, model.field
    half = config.field.box_warp / 2
    interval = _sampled_interval(config.sampling)
    if isinstance(field, StyleField):
        return Extent(half, FINE_CELLS[0], interval)
    cells = FINE_CELLS[0] if field_code.shape[-1] <= FINE_CELLS[0] else FINE_CELLS[1]
    if field.config.bounded or interval is None:
        return Extent(half, cells, interval)
    x, y, z = config.camera.pivot
    position = math.hypot(x, y, z + config.camera.radius)
    reach = max(position - interval[0], interval[1] - position)
    half = min(max(half, reach), 2 * half)
    return Extent(half, cells, interval, _outside(field, field_code))


def _sampled_interval(config: SamplingConfig) -> tuple[float, float] | None:
    """Distances of the first and last sample along a ray; None: inside the cube."""
    if config.near is None or config.far is None:
        return None
    if config.scheme == "nerf":
        return config.near, config.far
    stratum = (config.far - config.near) / (config.coarse_samples - 1)
    return config.near + stratum / 2, config.far + stratum / 2  # centres of strata


@torch.inference_mode()
def _outside(field: TriplaneField, planes: Tensor) -> tuple[float, float, float, float]:
    """Raw colour and density of a zero feature: what an unbounded field is far away."""
    nothing = torch.zeros(1, planes.shape[2], device=planes.device, dtype=planes.dtype)
    red, green, blue, density = field.raw_from_logits(field.hidden(nothing))[0].tolist()
    return red, green, blue, density


def find_occupied(density: Tensor, extent: Extent) -> Tensor:
    """Bricks (z, y, x) in which something may be seen, from coarse raw densities (n, n, n).

    Conservative: a brick counts if a sample in it, or within a coarse cell of it, could add up to
    a visible opacity along a ray through the whole grid. On the CPU.
    """
    cells = COARSE_CELLS // extent.bricks  # coarse cells along a side of a brick
    threshold = density_of_extinction(-math.log1p(-INVISIBLE) / (2 * extent.half_side))
    highest = F.max_pool3d(density[None, None].float(), cells + 3, stride=cells, padding=1)
    return (highest[0, 0] > threshold).cpu()


def density_of_extinction(extinction: float) -> float:
    """Inverse of `volume.density_to_extinction`."""
    return 1 + math.log(math.expm1(extinction))


def order_outwards(occupied: np.ndarray) -> np.ndarray:
    """Places (B, 3) of the occupied bricks, those nearest to the middle first."""
    places = np.argwhere(occupied)
    middle = (np.array(occupied.shape) - 1) / 2
    distance = np.square(places - middle).sum(axis=1)
    return places[np.argsort(distance, kind="stable")]


def measure_distance(occupied: np.ndarray) -> np.ndarray:
    """Bricks to the nearest occupied one, along the axis where it is largest: uint8."""
    # Not by SciPy: importing that would delay the first picture by more than a tenth of a second.
    most = max(occupied.shape)
    distance, reached = np.full(occupied.shape, most, np.uint8), occupied
    for steps in range(most):
        distance[reached & (distance == most)] = steps
        if reached.all():
            break
        reached = grow(reached)
    return distance


def grow(cells: np.ndarray) -> np.ndarray:
    """Cells (z, y, x) that are set or beside a set one, corners included."""
    for axis in range(cells.ndim):
        along = np.moveaxis(cells, axis, 0)
        wider = along.copy()
        wider[1:] |= along[:-1]
        wider[:-1] |= along[1:]
        cells = np.moveaxis(wider, 0, axis)
    return cells
