"""Where a field is empty, so that rays need not be sampled there."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .quick_field import AnyQuickField
from .volume import density_to_extinction

COARSE_RESOLUTION, FINE_RESOLUTION = 32, 64
POINTS_PER_PART = {"cpu": 2**14}  # whose hidden layers stay in the cache
MANY_POINTS = 2**18  # at a time elsewhere
LARGEST_LOSS = 1 / 2048  # light that may be let through by mistake: an eighth of 1/255


@dataclass(frozen=True)
class OccupancyGrid:
    """Cells of the field's box that may hold something.

    cells: (R, R, R) bool, axes x, y, z: whether a ray may lose light there. The outermost cells
    stand for what is outside the box, each for all that is farther out along its axes. box: side
    of the cube, world units.
    """

    cells: Tensor
    box: float

    def occupied(self) -> float:
        """Occupied share of the box."""
        return self.cells[1:-1, 1:-1, 1:-1].float().mean().item()

    def at(self, points: Tensor) -> Tensor:
        """Whether there may be something at points (3, ...), one axis after the other: bool."""
        size = self.cells.shape[0]
        index = (points * ((size - 2) / self.box) + size / 2).clamp_(0, size - 0.5).int()
        x, y, z = index.unbind(0)
        flat = x.mul_(size).add_(y).mul_(size).add_(z)
        return self.cells.flatten().index_select(0, flat.flatten()).view(flat.shape)


def find_occupancy(field: AnyQuickField, resolution: int = COARSE_RESOLUTION) -> OccupancyGrid:
    """The cells where a field has matter.

    A cell is empty if the extinction at its centre and at the centres of all 26 neighbours is so
    small that a ray right across the box, through such cells only, loses at most `LARGEST_LOSS`
    of its light (see `least_extinction`).
    """
    least = least_extinction(field.box)
    solid = density_to_extinction(field.density_grid(resolution)) > least
    return _make_grid(field, solid)


def refine_occupancy(
    field: AnyQuickField, coarse: OccupancyGrid, resolution: int = FINE_RESOLUTION
) -> OccupancyGrid:
    """The same with smaller cells, looked at only where the coarse grid is occupied.

    Outside of the box the coarse cells stay.
    """
    device = coarse.cells.device
    axis = ((torch.arange(-1, resolution + 1, device=device) + 0.5) / resolution - 0.5) * field.box
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))  # (3,) + (R + 2,) * 3
    solid = coarse.at(points)
    inside = torch.zeros_like(solid)
    inside[1:-1, 1:-1, 1:-1] = solid[1:-1, 1:-1, 1:-1]
    chosen = inside.flatten().nonzero()[:, 0]
    points, least = points.flatten(1), least_extinction(field.box)
    for part in chosen.split(POINTS_PER_PART.get(device.type, MANY_POINTS)):
        some = points.index_select(1, part)
        extinction = density_to_extinction(field.density_of(field.hidden(some), some))
        solid.view(-1)[part] = extinction > least
    return _make_grid(field, solid)


def least_extinction(box: float) -> float:
    """-ln(1 - loss) / (sqrt(3) box): over the longest way through the box it costs the loss."""
    return -math.log1p(-LARGEST_LOSS) / (math.sqrt(3) * box)


def _make_grid(field: AnyQuickField, solid: Tensor) -> OccupancyGrid:
    """Of cells that are solid, or have a neighbour that is."""
    if field.outside is not None:
        solid = solid[1:-1, 1:-1, 1:-1]
    cells = F.max_pool3d(solid[None, None].float(), 3, 1, 1)[0, 0] > 0
    if field.outside is not None:
        cells = F.pad(cells, (1, 1, 1, 1, 1, 1), value=field.outside)
    return OccupancyGrid(cells, field.box)
