"""Features of the learnt sphere, kept where a camera has seen it."""

import math

import torch
from torch import Tensor

from .geometry import directions_to_equirectangular
from .quick_field import sum_rows
from .stylegan2 import Step
from .surfaces import SurfaceBackground

TILE = 32  # pixels along a side of the parts that are filled when they are first seen
TILES_AT_ONCE = 8
MAX_TILES = 1024  # that are kept: 128 MiB of 32 channels


class SphereCache:
    """The equirectangular picture of one background code; tiles are filled when first seen.

    A camera sees a small part of the sphere, so a new code costs little; a camera that moves on
    costs only the part that comes into view.
    """

    def __init__(self, network: SurfaceBackground, ws: Tensor, height: int, channels: int) -> None:
        """`height` in pixels from pole to pole: a multiple of TILE."""
        self._network, self._ws = network, ws
        self._height, self._width = height, 2 * height
        self._tiles_across = self._width // TILE
        # Where each tile is kept among those that were filled so far; -1: nowhere.
        self._slots = torch.full((height * self._width // TILE**2,), -1, device=ws.device)
        self._count = 0
        self._rows = torch.empty(0, TILE**2, channels, device=ws.device, dtype=ws.dtype)

    def features(self, points: Tensor, step: Step | None = None) -> Tensor:
        """Features (N, F) in the directions `points` (N, 3), bilinear between pixels.

        `step` is called before tiles are filled; it may raise to stop.
        """
        tiles, pixels, weights = self._neighbours(points)
        needed = torch.zeros_like(self._slots, dtype=torch.bool)
        needed[tiles.flatten()] = True
        missing = (needed & (self._slots < 0)).nonzero()[:, 0]
        if self._count + len(missing) > MAX_TILES:
            self._slots.fill_(-1)
            self._count, missing = 0, needed.nonzero()[:, 0]
        for some in missing.split(TILES_AT_ONCE) if len(missing) else ():
            if step is not None:
                step()
            self._fill(some)
        rows = self._slots[tiles] * TILE**2 + pixels
        return sum_rows(self._rows.flatten(0, 1), rows, weights)

    def _neighbours(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tiles (N, 4) of the pixels round directions, places in the tiles, and weights."""
        u, v = directions_to_equirectangular(points).unbind(-1)
        x = u * self._width - 0.5
        y = (v * self._height - 0.5).clamp(0, self._height - 1)
        left, top = x.floor(), y.floor()
        x, y = x - left, y - top
        left, top = left.long() % self._width, top.long()
        columns = left, (left + 1) % self._width
        lines = top, (top + 1).clamp_max(self._height - 1)
        line = torch.stack([lines[0], lines[0], lines[1], lines[1]], dim=-1)  # (N, 4)
        column = torch.stack([*columns, *columns], dim=-1)
        weights = [a * b for a in (1 - y, y) for b in (1 - x, x)]
        tiles = (line // TILE) * self._tiles_across + column // TILE
        pixels = (line % TILE) * TILE + column % TILE
        return tiles, pixels, torch.stack(weights, dim=-1)

    def _fill(self, tiles: Tensor) -> None:
        """Run the network for some tiles (M,)."""
        inside = torch.arange(TILE, device=tiles.device)
        line = (tiles // self._tiles_across)[:, None] * TILE + inside  # (M, TILE)
        column = (tiles % self._tiles_across)[:, None] * TILE + inside
        theta = ((line + 0.5) * (math.pi / self._height))[:, :, None]
        phi = ((1 - (column + 0.5) / self._width) * (2 * math.pi))[:, None]
        x, z = theta.sin() * phi.sin(), theta.sin() * phi.cos()
        directions = torch.stack([x, theta.cos().expand_as(x), z], dim=-1)  # (M, TILE, TILE, 3)
        features = self._network(directions.view(1, -1, 3), self._ws)[0]
        first, self._count = self._count, self._count + len(tiles)
        if self._count > len(self._rows):
            grown = self._rows.new_empty(first + self._count, *self._rows.shape[1:])
            grown[:first] = self._rows[:first]  # pages that nothing touches take no memory
            self._rows = grown
        self._rows[first : self._count] = features.view(len(tiles), TILE**2, -1)
        self._slots[tiles] = torch.arange(first, self._count, device=tiles.device)
