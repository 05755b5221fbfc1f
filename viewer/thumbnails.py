"""Small pictures for panels: one texture whose cells are given to the values they show."""

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from OpenGL import GL

from .info import Thumbnail
from .thumbnail_maker import SIDE

CELLS = 18  # along a side of the texture: for all favourites and a whole sheet


class Thumbnails:
    """Owns the texture. The least recently used cell goes to a new picture when all are taken."""

    def __init__(self) -> None:
        self._cells: OrderedDict[Hashable, int] = OrderedDict()
        self._texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR),
            (GL.GL_TEXTURE_MAX_LEVEL, 1),  # half as large: smaller ones would run together
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
        layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
        for level in 0, 1:
            side = SIDE * CELLS >> level
            GL.glTexImage2D(GL.GL_TEXTURE_2D, level, GL.GL_RGBA8, side, side, 0, *layout)

    def put(self, key: Hashable, pixels: np.ndarray) -> None:
        """Keep a picture (SIDE, SIDE, 4) uint8 under `key`."""
        if key not in self._cells and len(self._cells) >= CELLS**2:
            self._cells[key] = self._cells.popitem(last=False)[1]
        cell = self._cells.setdefault(key, len(self._cells))
        row, column = divmod(cell, CELLS)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        for level, image in enumerate((pixels, halve(pixels))):
            side = SIDE >> level
            place = (column * side, row * side, side, side)
            layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, np.ascontiguousarray(image))
            GL.glTexSubImage2D(GL.GL_TEXTURE_2D, level, *place, *layout)

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


def halve(pixels: np.ndarray) -> np.ndarray:
    """A picture (2 h, 2 w, 4) uint8 at half its size: means of 2 x 2 pixels."""
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // 2, 2, width // 2, 2, channels)
    return np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)
