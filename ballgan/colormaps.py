"""Colours for numbers: colormaps that are perceptually uniform and safe for the colour-blind.

Lightness alone orders them, so that they also read in grey and by people who tell fewer hues apart:
viridis (van der Walt and Smith 2015, CC0) and cividis (Nunez, Anderton and Renslow 2018), each
as 33 of its published colours, evenly spaced; between them colours are interpolated.
"""

from functools import cache

import numpy as np

from .view import COLORMAPS

_KNOTS = {  # sRGB, from 0 to 1
    "viridis": (
        "440154 470d60 48186a 482374 472d7b 453681 424086 3f4989 3b528b 375a8d 33638d "
        "2f6a8e 2c728e 297a8e 26818e 23898e 21908c 1f988b 1f9f88 21a685 28ae80 31b57b "
        "3ebc74 4cc26c 5dc963 6ece58 82d34c 96d83f abdc32 c0df24 d5e21a eae51a fde725"
    ),
    "cividis": (
        "00224e 00285b 002e6a 043371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 52596d "
        "5a5f6e 61656f 686a71 6f7073 757676 7c7b78 848179 8b8778 938d78 9b9376 a39a75 "
        "aba072 b3a670 bbad6c c3b469 ccba64 d4c15f ddc958 e6d051 efd748 f8df3c fee838"
    ),
    "grey": "000000 ffffff",
}


def apply_colormap(values: np.ndarray, colormap: str) -> np.ndarray:
    """Colours (..., 3) float32, sRGB in [0, 1], of values (...) in [0, 1]; others are clipped.

    Raises ValueError for a colormap that is not one of COLORMAPS.
    """
    knots = _read_knots(colormap)
    places = np.linspace(0.0, 1.0, len(knots))
    clipped = np.clip(values, 0.0, 1.0)
    channels = [np.interp(clipped, places, knots[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


@cache
def _read_knots(colormap: str) -> np.ndarray:
    if colormap not in _KNOTS:
        raise ValueError(f"colormap is one of {', '.join(COLORMAPS)}; got {colormap!r}.")
    colors = [list(bytes.fromhex(knot)) for knot in _KNOTS[colormap].split()]
    return np.array(colors, np.float64) / 255
