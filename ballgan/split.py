"""Two pictures in one, left and right of a divider, as the window shows a comparison."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from .frame import resize

LINE = 1 / 400  # width of the divider, of the picture's side
LIGHT, SHADOW = 0.93, 0.12  # its grey, and that of its edges


def join_sides(left: np.ndarray, right: np.ndarray, divider: float) -> np.ndarray:
    """The left of one picture, the right of another, and a line between them.

    left, right: straight RGBA (rows, W, 4) of the same size. divider: in [0, 1] of the width.
    """
    width = left.shape[1]
    middle, line = round(divider * width), max(round(width * LINE), 1)
    joined = left.copy()
    joined[:, middle:] = right[:, middle:]
    start = middle - line // 2
    for grey, first, last in (
        (SHADOW, start - line, start + 2 * line),
        (LIGHT, start, start + line),
    ):
        joined[:, max(first, 0) : max(last, 0)] = (grey, grey, grey, 1.0)
    return joined


def join_pictures(pictures: list[np.ndarray], divider: float) -> np.ndarray:
    """One picture of one or of both sides, of which the smaller one is enlarged."""
    if len(pictures) == 1:
        return pictures[0]
    side = max(len(picture) for picture in pictures)
    left, right = (_enlarge(picture, side) for picture in pictures)
    return join_sides(left, right, divider)


def _enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    """A square picture of straight RGBA at another size; transparent parts have no colour."""
    if len(picture) == side:
        return picture
    alpha = picture[..., 3:]
    premultiplied = np.concatenate([picture[..., :3] * alpha, alpha], axis=2)
    image = resize(torch.from_numpy(premultiplied).permute(2, 0, 1)[None].float(), side)[0]
    straight = torch.where(image[3:] > 0, image[:3] / image[3:].clamp_min(1e-6), 0.0)
    return torch.cat([straight, image[3:]]).permute(1, 2, 0).clamp(0, 1).numpy()


def join_bands(
    left: Iterator[np.ndarray], right: Iterator[np.ndarray], divider: float, rows: list[slice]
) -> Iterator[np.ndarray]:
    """The same for pictures that come in bands of any heights; the result has these `rows`."""
    sides = _recut(left, rows), _recut(right, rows)
    for pair in zip(*sides, strict=True):
        yield join_sides(*pair, divider)


def _recut(bands: Iterator[np.ndarray], rows: list[slice]) -> Iterator[np.ndarray]:
    """Bands of other heights."""
    kept = next(bands)
    for part in rows:
        wanted = part.stop - part.start
        while len(kept) < wanted:
            kept = np.concatenate([kept, next(bands)])
        yield kept[:wanted]
        kept = kept[wanted:]
