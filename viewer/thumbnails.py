"""Small pictures for panels: one texture whose cells are given to the values they show."""

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from OpenGL import GL

from .info import Thumbnail
from .thumbnail_maker import SIDE

CELLS = 16  # along a side of the texture


class Thumbnails:
    """Owns the texture. The least recently used cell goes to a new picture when all are taken."""

    def __init__(self) -> None:
        self._cells: OrderedDict[Hashable, int] = OrderedDict()
        self._texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
        side, layout = SIDE * CELLS, (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, side, side, 0, *layout)

    def put(self, key: Hashable, pixels: np.ndarray) -> None:
        """Keep a picture (SIDE, SIDE, 4) uint8 under `key`."""
        if key not in self._cells and len(self._cells) >= CELLS**2:
            self._cells[key] = self._cells.popitem(last=False)[1]
        cell = self._cells.setdefault(key, len(self._cells))
        row, column = divmod(cell, CELLS)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        place = (column * SIDE, row * SIDE, SIDE, SIDE)
        layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, np.ascontiguousarray(pixels))
        GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, *place, *layout)

    def get(self, key: Hashable) -> Thumbnail | None:
        """The picture under `key`, if there is one."""
        if key not in self._cells:
            return None
        self._cells.move_to_end(key)
        row, column = divmod(self._cells[key], CELLS)
        inset = 0.5 / (SIDE * CELLS)  # of a pixel, so that neighbours do not shine through
        low = (column / CELLS + inset, row / CELLS + inset)
        high = ((column + 1) / CELLS - inset, (row + 1) / CELLS - inset)
        return Thumbnail(self._texture, low, high)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._cells

    def close(self) -> None:
        """Delete the texture."""
        GL.glDeleteTextures([self._texture])
