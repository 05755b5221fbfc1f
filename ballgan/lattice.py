"""A field on the points of a grid: raw colour and density of any block of them."""

from typing import Protocol

import torch
from torch import Tensor

from .fields import TriplaneField
from .style_field import StyleField

POINTS_AT_ONCE = 2**14


class Lattice(Protocol):
    """Values at the points (axis[x], axis[y], axis[z])."""

    def block(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Raw colour and density (B, z, y, x, 4) at indices (B, m), or (m,) for B = 1."""
        ...


def make_lattice(field: TriplaneField | StyleField, field_code: Tensor, axis: Tensor) -> Lattice:
    """A field of one scene on a grid with the same positions (N,) along each axis."""
    if isinstance(field, TriplaneField):
        return TriplaneLattice(field, field_code, axis)
    return PointLattice(field, field_code, axis)


class TriplaneLattice:
    """What each plane gives is looked up once, and then only added up."""

    def __init__(self, field: TriplaneField, planes: Tensor, axis: Tensor) -> None:
        self._field = field
        self._logits = field.plane_logits(planes, axis)

    def block(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """See `Lattice.block`."""
        indices = [axis if axis.ndim == 2 else axis[None] for axis in (x, y, z)]
        total: Tensor | None = None
        for plane, (first, second) in zip(self._logits, self._field.axes, strict=True):
            part = plane[indices[second][:, :, None], indices[first][:, None, :]]  # (B, n, m, M)
            if second < first:  # x is last: a higher axis comes first
                part = part.transpose(1, 2)
            missing = 3 - first - second
            part = part.unsqueeze(3 - missing)
            total = part if total is None else total + part
        assert total is not None
        return self._field.raw_from_logits(total)


class PointLattice:
    """The field at each point."""

    def __init__(self, field: StyleField, rows: Tensor, axis: Tensor) -> None:
        self._field, self._rows, self._axis = field, rows, axis

    def block(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """See `Lattice.block`."""
        places = [self._axis[axis if axis.ndim == 2 else axis[None]] for axis in (x, y, z)]
        x, y, z = places[0][:, None, None], places[1][:, None, :, None], places[2][:, :, None, None]
        points = torch.stack(torch.broadcast_tensors(x, y, z), dim=-1)  # (B, z, y, x, 3)
        parts = []
        for part in points.reshape(-1, 3).split(POINTS_AT_ONCE):
            density, features = self._field(self._rows, part[None])
            parts.append(torch.cat([features[0, :, :3], density[0, :, None]], dim=-1))
        return torch.cat(parts).view(*points.shape[:-1], 4)
