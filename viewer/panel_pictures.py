"""Pictures that panels show: a texture for each key. Only for the thread with the context."""

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

from . import gl
from .info import Thumbnail

LIMIT = 48  # pictures that are kept


class PanelPictures:
    """Owns the textures. The least recently used one goes when there are too many."""

    def __init__(self) -> None:
        self._textures: OrderedDict[Hashable, gl.Texture] = OrderedDict()

    def put(self, key: Hashable, pixels: np.ndarray) -> None:
        """Keep a picture (H, W, 4) uint8, opaque, under `key`."""
        texture = self._textures.pop(key, None) or gl.Texture()
        texture.upload(pixels)
        self._textures[key] = texture
        while len(self._textures) > LIMIT:
            self._textures.popitem(last=False)[1].close()

    def get(self, key: Hashable) -> Thumbnail | None:
        """The picture under `key`, if there is one."""
        texture = self._textures.get(key)
        if texture is None:
            return None
        self._textures.move_to_end(key)
        return Thumbnail(texture.name, (0.0, 0.0), (1.0, 1.0))

    def close(self) -> None:
        """Delete the textures."""
        for texture in self._textures.values():
            texture.close()
        self._textures.clear()
