"""Where a field is empty, so that rays need not be sampled there."""

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .quick_field import QuickField
from .volume import density_to_extinction

GRID_RESOLUTION = 64
LARGEST_LOSS = 1 / 2048  # light that may be let through by mistake: an eighth of 1/255


@dataclass(frozen=True)
class OccupancyGrid:
    """Cells of the field's box that may hold something.

    cells: (R, R, R) bool, axes x, y, z: whether a ray may lose light there. The outermost cells
    stand for all that is outside the box. box: side of the cube, world units.
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


def find_occupancy(field: QuickField, *, resolution: int = GRID_RESOLUTION) -> OccupancyGrid:
    """The cells where a field has matter.

    A cell is empty if the extinction at its centre and at the centres of all 26 neighbours is so
    small that a ray right across the box, through such cells only, loses at most `LARGEST_LOSS`
    of its light: extinction <= -ln(1 - loss) / (sqrt(3) box).
    """
    least = -math.log1p(-LARGEST_LOSS) / (math.sqrt(3) * field.box)
    solid = density_to_extinction(field.density_grid(resolution)) > least
    dilated = F.max_pool3d(solid[None, None].float(), 3, 1, 1)[0, 0]
    outside = float(density_to_extinction(field.density_outside()) > least)
    padded = F.pad(dilated, (1, 1, 1, 1, 1, 1), value=outside)
    return OccupancyGrid(padded > 0, field.box)
