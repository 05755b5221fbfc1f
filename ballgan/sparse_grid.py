"""Values on a small part of a large cubic lattice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_SHIFT = 3
_BRICK = 2**_SHIFT  # points along a side of a brick, the unit of storage
_INSIDE = _BRICK - 1  # bits of an index that tell the place in a brick
_SIZE_SHIFT = 3 * _SHIFT
_SIZE = 1 << _SIZE_SHIFT
_CHUNK = 2**16  # cells at a time: some milliseconds between two reports

# Corner c of a cell lies at ((c >> 2) & 1, (c >> 1) & 1, c & 1) from its lowest one.
CORNERS = np.array([[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(8)])
_OFFSETS = CORNERS @ [_BRICK**2, _BRICK, 1]  # of the addresses of corners in the same brick
# Places in a brick of the lowest corners of cells that have others in the next brick.
_AT_END = (np.stack(np.unravel_index(np.arange(_SIZE), (_BRICK,) * 3)) == _INSIDE).any(axis=0)


class SparseGrid:
    """Values at some points of a lattice with `side` points along each side, in bricks of 8^3.

    A point has an address, brick number x 512 + place in the brick, once its brick exists; all
    arrays below are indexed by it. Brick 0 stands for all that do not exist.

    values: float32; NaN where there is none yet. marks: uint8, for any use. seen: bool, likewise.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self._bricks_per_side = -(-side // _BRICK)
        # By place of a brick: the address of its first point. 0: there is none.
        self._table = np.zeros(self._bricks_per_side**3, np.int64)
        self._corners = np.zeros((3, 1), np.int64)  # indices of the first point of each brick
        # Arrays may be longer than the bricks need.
        self.values = np.full(_SIZE, np.nan, np.float32)
        self.marks = np.zeros(_SIZE, np.uint8)
        self.seen = np.zeros(_SIZE, bool)
        self._requested = np.zeros(_SIZE, bool)

    def find(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Addresses of points whose indices broadcast to one shape; missing bricks are made."""
        places = self._place(x, y, z)
        addresses = self._table[places]
        if addresses.size and not addresses.all():
            wanted = np.zeros(len(self._table), bool)
            wanted[places] = True
            self._add_bricks(wanted)
            addresses = self._table[places]
        return _go_inside(addresses, x, y, z)

    def look_up(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Addresses like those of `find`, in brick 0 where there is no brick: to read only."""
        return _go_inside(self._table[self._place(x, y, z)], x, y, z)

    def cover(self, cells: np.ndarray, step: Callable[[], None]) -> None:
        """Make the missing bricks of cells, given by the indices (3, C) of their lowest corners.

        step: called now and then; may raise to stop.
        """
        wanted = np.zeros(len(self._table), bool)
        for start in range(0, cells.shape[1], _CHUNK):
            step()
            part = cells[:, start : start + _CHUNK]
            wanted[self._place(*part)] = True
            ends = part[:, ((part & _INSIDE) == _INSIDE).any(axis=0)]
            for corner in CORNERS[1:]:
                wanted[self._place(*(ends + corner[:, None]))] = True
        self._add_bricks(wanted)

    def find_corners(self, addresses: np.ndarray) -> np.ndarray:
        """Addresses (8, C) of the corners (see CORNERS) of cells with these lowest ones (C,).

        All bricks that they lie in have to exist (see `cover`).
        """
        corners = addresses + _OFFSETS[:, None]
        ends = np.flatnonzero(_AT_END[addresses & (_SIZE - 1)])
        points = self.locate(addresses[ends])[:, None] + np.arange(2)[:, None]  # (axis, 2, E)
        x, y, z = points[0, :, None, None], points[1, None, :, None], points[2, None, None]
        corners[:, ends] = self.look_up(x, y, z).reshape(8, -1)
        return corners

    def locate(self, addresses: np.ndarray) -> np.ndarray:
        """Addresses (P,) -> indices (3, P)."""
        inside = addresses & (_SIZE - 1)
        indices = self._corners[:, addresses >> _SIZE_SHIFT]
        indices[0] += inside >> 2 * _SHIFT
        indices[1] += inside >> _SHIFT & _INSIDE
        indices[2] += inside & _INSIDE
        return indices

    def request(self, addresses: np.ndarray) -> None:
        """Note points that should get a value, in any order and number."""
        self._requested[addresses] = True

    def take_requested(self) -> np.ndarray:
        """Addresses (P,) of the requested points that have no value yet; none remain requested."""
        addresses = np.flatnonzero(self._requested)
        self._requested[addresses] = False
        return addresses[np.isnan(self.values[addresses])]

    def _place(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Places in the table of the bricks of points."""
        count = self._bricks_per_side
        return (x >> _SHIFT) * count**2 + (y >> _SHIFT) * count + (z >> _SHIFT)

    def _add_bricks(self, wanted: np.ndarray) -> None:
        """Make those bricks that are wanted (a bool for each place) and missing."""
        new = np.flatnonzero(wanted & (self._table == 0))
        if not len(new):
            return
        count = self._corners.shape[1]
        corners = np.stack(np.unravel_index(new, (self._bricks_per_side,) * 3)) * _BRICK
        self._corners = np.concatenate([self._corners, corners], axis=1)
        missing = (self._corners.shape[1] << _SIZE_SHIFT) - len(self.values)
        if missing > 0:
            size = max(missing, len(self.values) // 8)  # for some of the next ones, too
            self.values = np.concatenate([self.values, np.full(size, np.nan, np.float32)])
            self.marks = np.concatenate([self.marks, np.zeros(size, np.uint8)])
            self.seen = np.concatenate([self.seen, np.zeros(size, bool)])
            self._requested = np.concatenate([self._requested, np.zeros(size, bool)])
        self._table[new] = (count + np.arange(len(new))) << _SIZE_SHIFT


def _go_inside(addresses: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Addresses of points, from those of their bricks' first ones, which are overwritten."""
    addresses |= ((x & _INSIDE) << 2 * _SHIFT) | ((y & _INSIDE) << _SHIFT) | (z & _INSIDE)
    return addresses
