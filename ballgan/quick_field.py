"""A tri-plane field prepared for many look-ups: same values as `TriplaneField`, to rounding.

Planes over the same two axes are added up beforehand, the gains of the layers are folded into
their weights, and borders are part of the table, so that a look-up is one weighted sum of rows.
"""

import math
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from .fields import EMPTY, TriplaneField
from .quick_style_field import QuickStyleField
from .style_field import StyleField
from .stylegan2 import SQRT2

FAR = 1e3  # sides of the box, to what is certainly outside
THICK = 64  # planes of a grid at a time, but on a CPU, where one stays in the cache
LARGEST_EXPONENT = 80.0  # exp of more is infinite in single precision
LOG2_E = math.log2(math.e)

AnyQuickField: TypeAlias = "QuickField | QuickStyleField"


def prepare_field(field: TriplaneField | StyleField, field_code: Tensor) -> AnyQuickField:
    """A field of one scene, prepared for many look-ups; see `Generator.field_code`."""
    if isinstance(field, TriplaneField):
        return QuickField(field, field_code)
    return QuickStyleField(field, field_code)


def look_up_density(field: AnyQuickField, points: Tensor) -> Tensor:
    """Raw density (N,) at points (N, 3)."""
    across = points.T.contiguous()
    return field.density_of(field.hidden(across), across)


class QuickField:
    """Density and features of one set of planes (1, 3, C, H, W). Not differentiable."""

    def __init__(self, field: TriplaneField, planes: Tensor) -> None:
        config = field.config
        self.box, self.bounded = config.box_warp, config.bounded
        # Whether there may be something outside of the box; None: `density_grid` tells where.
        self.outside = False if config.bounded else None
        self.feature_channels = config.feature_channels
        self._activation = config.density_activation
        self._height, self._width = planes.shape[-2:]
        table, self._axes = merge_planes(planes[0], field.axes, replicate=self.bounded)
        self._rows = table.flatten(0, 2)  # (K (H + 2) (W + 2), C)
        size, width = table[0, ..., 0].numel(), self._width + 2
        self._corners = torch.tensor([0, 1, width, width + 1], device=planes.device).int()
        self._first_rows = size * torch.arange(len(table), device=planes.device).int()
        hidden, density, features = field.hidden, field.density_head, field.feature_head
        self._density = density.weight[0] * density.weight_gain, density.bias * density.bias_gain
        self._features = features.weight * features.weight_gain, features.bias * features.bias_gain
        weight, bias = hidden.weight * hidden.weight_gain, hidden.bias * hidden.bias_gain
        # exp2 costs a third of exp on CPUs: where it cannot overflow, the weights take log2(e).
        self._by_powers = is_bounded(table, weight, bias, LARGEST_EXPONENT)
        scale = LOG2_E if self._by_powers else 1.0
        self._hidden = weight * scale, bias * scale

    def hidden(self, points: Tensor) -> Tensor:
        """The decoder's hidden layer at points (3, N), one axis after the other: (N, H)."""
        features = sum_rows(self._rows, *self._neighbours(points, slice(None)))
        return self._softplus(F.linear(features, *self._hidden))

    def density_of(self, hidden: Tensor, points: Tensor) -> Tensor:
        """Raw density (N,) of a hidden layer (N, H) at points (3, N)."""
        weight, bias = self._density
        raw = torch.addmv(bias, hidden, weight)
        if self._activation == "relu":
            raw = F.relu(raw) * SQRT2
        elif self._activation == "lrelu":
            raw = F.leaky_relu(raw, 0.2) * SQRT2
        if self.bounded:
            raw = raw.masked_fill((points.abs() > self.box / 2).any(0), EMPTY)
        return raw

    def features_of(self, hidden: Tensor) -> Tensor:
        """Features (N, F) in [0, 1] of a hidden layer (N, H)."""
        logits = F.linear(hidden, *self._features)
        return logits.sigmoid_().mul_(1.002).sub_(0.001)  # as `feature_from_logit`

    def density_grid(self, resolution: int) -> Tensor:
        """Raw density at the centres of the box's cells, and beyond: (R + 2,) * 3, axes x, y, z.

        The first and the last of an axis are far outside. There the planes of that axis are zero,
        but not the others: the published axes leave columns along y.

        The hidden layer is linear in the planes, so each plane is looked up only once per pair of
        its own coordinates, and the images are added by broadcasting.
        """
        axis = torch.arange(resolution, device=self._rows.device, dtype=self._rows.dtype)
        centres = ((axis + 0.5) / resolution - 0.5) * self.box
        far = centres.new_full((1,), FAR * self.box)
        resolution, centres = resolution + 2, torch.cat([-far, centres, far])
        images = [self._plane_image(plane, centres) for plane in range(len(self._axes))]
        slabs, thickness = [], 1 if axis.device.type == "cpu" else THICK
        for first in range(0, resolution, thickness):
            some = slice(first, first + thickness)
            parts = (image[some] if len(image) > 1 else image for image in images)
            hidden = self._softplus(sum(parts, start=self._hidden[1]).flatten(0, 2))  # (S R^2, H)
            places = torch.meshgrid(centres[some], centres, centres, indexing="ij")
            slabs.append(self.density_of(hidden, torch.stack(places).flatten(1)))
        return torch.cat(slabs).view(resolution, resolution, resolution)

    def _plane_image(self, plane: int, centres: Tensor) -> Tensor:
        """What one plane gives to the hidden layer: (R or 1, R or 1, R or 1, H)."""
        used = sorted(set(self._axes[plane]))
        points = centres.new_zeros(3, len(centres) ** len(used))
        grids = torch.meshgrid(*[centres] * len(used), indexing="ij")
        for axis, grid in zip(used, grids, strict=True):
            points[axis] = grid.flatten()
        features = sum_rows(self._rows, *self._neighbours(points, slice(plane, plane + 1)))
        shape = [len(centres) if axis in used else 1 for axis in range(3)]
        return F.linear(features, self._hidden[0]).view(*shape, -1)

    def _neighbours(self, points: Tensor, planes: slice) -> tuple[Tensor, Tensor]:
        """Rows (N, 4 K) of the table around points (3, N) in K planes, and bilinear weights."""
        low, high = _split(points, self.box, self._width, self.bounded)  # high: weights, (3, N)
        axes = self._axes[planes]
        columns, x = (torch.stack([t[h] for h, _ in axes]) for t in (low, high))  # (K, N)
        if self._height != self._width:
            low, high = _split(points, self.box, self._height, self.bounded)
        lines, y = (torch.stack([t[v] for _, v in axes]) for t in (low, high))
        first = columns.add_(lines, alpha=self._width + 2).add_(self._first_rows[planes, None])
        rows = first + self._corners[:, None, None]  # (4, K, N)
        weights = torch.stack([1 - x, x]) * torch.stack([1 - y, y])[:, None]  # (2, 2, K, N)
        return _transpose(rows.flatten(0, 1)), _transpose(weights.flatten(0, 2))

    def _softplus(self, x: Tensor) -> Tensor:
        """log(1 + exp(x)), in place; x holds multiples of ln 2 where `_by_powers`."""
        return x.exp2_().log1p_() if self._by_powers else F.softplus(x)


def is_bounded(table: Tensor, weight: Tensor, bias: Tensor, limit: float) -> bool:
    """Whether a layer of sums of a row of each plane of (K, H, W, C) stays below a limit.

    Bilinear look-ups are no larger than what they lie between. First by a coarse bound.
    """
    if (table.abs().amax((1, 2)).sum(0) @ weight.abs().T + bias.abs()).amax() < limit:
        return True
    return bool((F.linear(table, weight).amax((1, 2)).sum(0) + bias).amax() < limit)


def merge_planes(
    planes: Tensor, axes: list[list[int]], *, replicate: bool
) -> tuple[Tensor, list[tuple[int, int]]]:
    """A third of each plane (3, C, H, W), with a border of one pixel: (K, H + 2, W + 2, C).

    Planes over the same axes are added up; published models have one twice, once transposed.
    Returns also the (horizontal, vertical) axes of the K planes. The border is zero, or the
    outermost pixels again.
    """
    square = planes.shape[-1] == planes.shape[-2]
    merged: dict[tuple[int, int], Tensor] = {}
    for plane, (horizontal, vertical) in zip(planes.permute(0, 2, 3, 1), axes, strict=True):
        if square and (vertical, horizontal) in merged:
            plane, horizontal, vertical = plane.transpose(0, 1), vertical, horizontal
        before = merged.get((horizontal, vertical))
        merged[horizontal, vertical] = plane if before is None else before + plane
    count, (height, width, channels) = len(merged), planes.permute(0, 2, 3, 1).shape[1:]
    table = planes.new_zeros(count, height + 2, width + 2, channels)
    for padded, plane in zip(table, merged.values(), strict=True):
        torch.div(plane, 3, out=padded[1:-1, 1:-1])
    if replicate:
        table[:, 0], table[:, -1] = table[:, 1], table[:, -2]
        table[:, :, 0], table[:, :, -1] = table[:, :, 1], table[:, :, -2]
    return table, list(merged)


def _transpose(x: Tensor) -> Tensor:
    """(K, N) -> (N, K), for a small K: faster than a copy of the transposed view."""
    return torch.stack(x.unbind(), dim=1)


def sum_rows(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of rows of a table (R, C): indices and weights (N, K) -> (N, C)."""
    if table.device.type in ("cpu", "cuda"):
        return F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")
    return torch.einsum("nk,nkc->nc", weights, table[rows.long()])


def _split(points: Tensor, box: float, size: int, bounded: bool) -> tuple[Tensor, Tensor]:
    """Lower pixel (int32) in a plane padded by one pixel, and the distance from it in pixels."""
    pixel = points * (size / box) + (size + 1) / 2
    pixel = pixel.clamp_(1, size) if bounded else pixel.clamp_(0, size + 1)
    low = pixel.int().clamp_(max=size)
    return low, pixel.sub_(low)
