"""Features of the learnt sphere, kept where a camera has seen it."""

import math

import torch
from torch import Tensor

from .backgrounds import SphereBackground
from .geometry import directions_to_equirectangular
from .quick_field import sum_rows
from .stylegan2 import Step

TILE = 32  # pixels along a side of the parts that are filled at once


class SphereCache:
    """The equirectangular picture of one background code; tiles are filled when first seen.

    A camera sees a small part of the sphere, so a new code costs little; a camera that moves on
    costs only the part that comes into view.
    """

    def __init__(self, network: SphereBackground, ws: Tensor, height: int, channels: int) -> None:
        """`height` in pixels from pole to pole: a multiple of TILE."""
        self._network, self._ws = network, ws
        self._height, self._width = height, 2 * height
        self._tiles_across = self._width // TILE
        # Untouched memory costs nothing until a tile is written.
        count = height * self._width
        self._rows = torch.empty(count, channels, device=ws.device, dtype=ws.dtype)
        self._filled = torch.zeros(count // TILE**2, dtype=torch.bool, device=ws.device)

    def features(self, points: Tensor, step: Step | None = None) -> Tensor:
        """Features (N, F) in the directions `points` (N, 3), bilinear between pixels.

        `step` is called before tiles are filled; it may raise to stop.
        """
        rows, weights = self._neighbours(points)
        needed = torch.zeros_like(self._filled)
        needed[(rows // TILE**2).flatten()] = True
        missing = (needed & ~self._filled).nonzero()[:, 0]
        for tiles in missing.split(16) if len(missing) else ():
            if step is not None:
                step()
            self._fill(tiles)
        return sum_rows(self._rows, rows, weights)

    def _neighbours(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (N, 4) of the pixels round the directions, wrapping round, and their weights."""
        u, v = directions_to_equirectangular(points).unbind(-1)
        x = u * self._width - 0.5
        y = (v * self._height - 0.5).clamp(0, self._height - 1)
        left, top = x.floor(), y.floor()
        x, y = x - left, y - top
        left, top = left.long() % self._width, top.long()
        columns = left, (left + 1) % self._width
        lines = top, (top + 1).clamp_max(self._height - 1)
        rows = [self._row(line, column) for line in lines for column in columns]
        weights = [a * b for a in (1 - y, y) for b in (1 - x, x)]
        return torch.stack(rows, dim=-1), torch.stack(weights, dim=-1)

    def _row(self, line: Tensor, column: Tensor) -> Tensor:
        """Where a pixel is kept: tile by tile."""
        tile = (line // TILE) * self._tiles_across + column // TILE
        return tile * TILE**2 + (line % TILE) * TILE + column % TILE

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
        self._rows.view(-1, TILE**2, self._rows.shape[1])[tiles] = features.view(
            len(tiles), TILE**2, -1
        )
        self._filled[tiles] = True
