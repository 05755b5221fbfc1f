"""Triangles to pixels, on the processor: what is seen where, without a graphics card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST = 1e-3  # distance from the camera's plane from which on triangles are drawn
CANDIDATES = 2**20  # pixels in boxes of triangles that are looked at together
_NOTHING = 2**62


@dataclass(frozen=True)
class Hits:
    """What is seen by some pixels (P,) of a picture; pixels that see nothing are not among them.

    pixels: their indices, row by row. faces: the triangles. weights: (P, 3) of the corners, where
    the ray meets the triangle in space. edges_px: distance to the triangle's nearest edge in the
    picture, pixels.
    """

    pixels: Tensor
    faces: Tensor
    weights: Tensor
    edges_px: Tensor


def rasterize(
    corners: Tensor,
    faces: Tensor,
    width: int,
    rows: slice,
    *,
    step: Callable[[], None] | None = None,
) -> Hits:
    """The nearest triangle at each pixel's centre, seen from both sides.

    corners: (V, 3) float64: place in the picture in pixels (right, down), and distance from the
    camera's plane. faces: (F, 3). width: pixels in a row; rows: those that are drawn. Triangles
    that come closer than NEAREST are left out. `step` is called now and then; it may raise.
    """
    inside = (corners[:, 2] >= NEAREST)[faces].all(1)
    boxes = _Boxes.of(corners, faces, inside, width, rows)
    lines = rows.stop - rows.start
    nearest = torch.full((lines * width,), _NOTHING, dtype=torch.int64)
    for some in boxes.split():
        if step is not None:
            step()
        pixels, triangles = boxes.pixels(some, width, rows.start)
        screen = _find_weights(corners, faces[triangles], pixels, width, rows.start)
        depth = (screen / corners[:, 2][faces[triangles]]).sum(1)  # 1 / distance, even in pixels
        hit = (screen >= 0).all(1)
        # The bits of a positive float are ordered as it is: the nearest is the least.
        distance = (1 / depth[hit]).float().contiguous().view(torch.int32).long()
        packed = (distance << 31) | triangles[hit]
        nearest.scatter_reduce_(0, pixels[hit], packed, "amin")
    seen = (nearest < _NOTHING).nonzero()[:, 0]
    triangles = nearest[seen] & (2**31 - 1)
    screen = _find_weights(corners, faces[triangles], seen, width, rows.start)
    edges = _find_edges(corners, faces[triangles], screen)
    inverse = screen / corners[:, 2][faces[triangles]]
    return Hits(seen, triangles, inverse / inverse.sum(1, keepdim=True), edges)


@dataclass(frozen=True)
class _Boxes:
    """The pixels round triangles: their first column and row, their width and their count."""

    left: Tensor
    top: Tensor
    width: Tensor
    count: Tensor
    triangles: Tensor

    @staticmethod
    def of(corners: Tensor, faces: Tensor, inside: Tensor, width: int, rows: slice) -> _Boxes:
        places = corners[:, :2][faces]  # (F, 3, 2)
        low, high = places.amin(1) - 0.5, places.amax(1) - 0.5  # centres are at n + 0.5
        left, right = low[:, 0].ceil().clamp(min=0), high[:, 0].floor().clamp(max=width - 1)
        top = low[:, 1].ceil().clamp(min=rows.start)
        bottom = high[:, 1].floor().clamp(max=rows.stop - 1)
        across, down = (right - left + 1).clamp(min=0), (bottom - top + 1).clamp(min=0)
        count = torch.where(inside, across * down, 0).long()
        kept = count.nonzero()[:, 0]
        return _Boxes(left[kept].long(), top[kept].long(), across[kept].long(), count[kept], kept)

    def split(self) -> list[slice]:
        """Groups of boxes with about CANDIDATES pixels each."""
        ends = self.count.cumsum(0)
        if not len(ends):
            return []
        groups = (ends - self.count) // CANDIDATES
        edges = (groups.diff() > 0).nonzero()[:, 0].add(1).tolist()
        starts = [0, *edges, len(ends)]
        return [slice(a, b) for a, b in zip(starts, starts[1:], strict=False)]

    def pixels(self, some: slice, width: int, first_row: int) -> tuple[Tensor, Tensor]:
        """Indices of the pixels in some boxes, and the triangle of each."""
        count = self.count[some]
        box = torch.arange(len(count)).repeat_interleave(count)
        place = torch.arange(int(count.sum())) - (count.cumsum(0) - count)[box]
        across = self.width[some][box]
        column, row = self.left[some][box] + place % across, self.top[some][box] + place // across
        return (row - first_row) * width + column, self.triangles[some][box]


def _find_weights(
    corners: Tensor, faces: Tensor, pixels: Tensor, width: int, first_row: int
) -> Tensor:
    """Barycentric coordinates (P, 3) of pixels in the picture, each in a triangle of `faces`
    (P, 3); negative ones are outside."""
    a, b, c = corners[:, :2][faces].unbind(1)
    p = torch.stack([(pixels % width) + 0.5, (pixels // width) + (first_row + 0.5)], dim=1)
    to_b, to_c, to_p = b - a, c - a, p.to(a.dtype) - a
    area = _cross(to_b, to_c)
    safe = torch.where(area == 0, torch.full_like(area, torch.inf), area)
    third, second = _cross(to_b, to_p) / safe, _cross(to_p, to_c) / safe
    first = torch.where(area == 0, -1.0, 1 - second - third)
    return torch.stack([first, second, third], dim=1)


def _find_edges(corners: Tensor, faces: Tensor, weights: Tensor) -> Tensor:
    """Distance in pixels (P,) to the nearest edge, of places in triangles with these weights."""
    a, b, c = corners[:, :2][faces].unbind(1)
    heights = _cross(b - a, c - a).abs()[:, None] / torch.stack(
        [(c - b).norm(dim=1), (a - c).norm(dim=1), (b - a).norm(dim=1)], dim=1
    ).clamp(min=1e-12)
    return (weights * heights).amin(1)


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
