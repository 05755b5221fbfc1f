"""The foreground field: three feature planes and a small decoder (EG3D sec. 4.1, 4.2)."""

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import FieldConfig
from .stylegan2 import SQRT2, FullyConnected

EMPTY = -1e3  # raw density of nothing


def feature_from_logit(x: Tensor) -> Tensor:
    """sigmoid(x) 1.002 - 0.001: a sigmoid that reaches 0 and 1 (mip-NeRF appendix)."""
    return torch.sigmoid(x) * 1.002 - 0.001


class TriplaneField(nn.Module):
    """Density and colour features at points, from planes (B, 3, C, H, W)."""

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.config = config
        multiplier = config.learning_rate_multiplier
        self.hidden = FullyConnected(
            config.plane_channels, config.hidden_size, learning_rate_multiplier=multiplier
        )
        self.density_head = FullyConnected(
            config.hidden_size, 1, learning_rate_multiplier=multiplier
        )
        self.feature_head = FullyConnected(
            config.hidden_size, config.feature_channels, learning_rate_multiplier=multiplier
        )
        self.axes = [["xyz".index(a) for a in pair] for pair in config.plane_axes]

    def forward(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """points (B, N, 3) world units -> raw density (B, N), features (B, N, F) in [0, 1]."""
        hidden = self.decode(planes, points)
        return self._density_of(hidden, points), self._features_of(hidden)

    def density(self, planes: Tensor, points: Tensor) -> Tensor:
        """Raw density (B, N), any sign; `volume.density_to_extinction` makes it physical.

        Features outside the cube are zero. If the field is not bounded, the density there is that
        of a zero feature, a constant that need not be small: published checkpoints need this.
        """
        return self._density_of(self.decode(planes, points), points)

    def features(self, planes: Tensor, points: Tensor) -> Tensor:
        """Colour features (B, N, F) in [0, 1]; the first three are the raw colour."""
        return self._features_of(self.decode(planes, points))

    def decode(self, planes: Tensor, points: Tensor) -> Tensor:
        """The decoder's hidden layer at points (B, N, 3): (B, N, hidden_size)."""
        return F.softplus(self.hidden(self.sample_planes(planes, points)))

    def raw_of_extinction(self, extinction: float) -> float:
        """What the density head gives where the extinction is this: inverse of softplus(. - 1)."""
        raw = math.log(math.expm1(extinction)) + 1
        return raw if self.config.density_activation == "linear" else raw / SQRT2

    def plane_logits(self, planes: Tensor, axis: Tensor) -> Tensor:
        """The decoder's first layer on each plane, at all pairs of coordinates of `axis` (N,).

        planes: (1, 3, C, H, W). Returns (3, N, N, hidden_size), rows by the plane's second axis,
        columns by its first (see `axes`). The layer is linear and takes the mean of the planes,
        so at the grid point (x, y, z) it is the sum of the three planes' values: a grid of N^3
        points costs 3 N^2 samples. Inside a bounded field's cube only. Not differentiable.
        """
        positions = axis * (2 / self.config.box_warp)
        if self.config.bounded:
            outermost = 1 - 1 / planes.shape[-1]
            positions = positions.clamp(-outermost, outermost)
        vertical, horizontal = torch.meshgrid(positions, positions, indexing="ij")
        grid = torch.stack([horizontal, vertical], dim=-1).expand(3, -1, -1, -1)
        samples = F.grid_sample(planes[0], grid.to(planes.dtype), align_corners=False)
        means = samples.permute(0, 2, 3, 1) / 3  # (3, N, N, C)
        layer = self.hidden
        bias = layer.bias * (layer.bias_gain / 3)
        return F.linear(means, layer.weight * layer.weight_gain, bias)

    def raw_from_logits(self, logits: Tensor) -> Tensor:
        """Raw colour in [0, 1] and raw density (..., 4) of what the first layer gives (..., M)."""
        hidden = F.softplus(logits)
        head = self.feature_head
        color = F.linear(hidden, head.weight[:3] * head.weight_gain, head.bias[:3] * head.bias_gain)
        density = self._activate_density(self.density_head(hidden))
        return torch.cat([feature_from_logit(color), density], dim=-1)

    def _activate_density(self, raw: Tensor) -> Tensor:
        if self.config.density_activation == "relu":
            return F.relu(raw) * SQRT2
        if self.config.density_activation == "lrelu":
            return F.leaky_relu(raw, 0.2) * SQRT2
        return raw

    def _density_of(self, hidden: Tensor, points: Tensor) -> Tensor:
        raw = self._activate_density(self.density_head(hidden))[..., 0]
        if self.config.bounded:
            outside = (points.abs() > self.config.box_warp / 2).any(dim=-1)
            raw = raw.masked_fill(outside, EMPTY)
        return raw

    def _features_of(self, hidden: Tensor) -> Tensor:
        return feature_from_logit(self.feature_head(hidden))

    def sample_planes(self, planes: Tensor, points: Tensor) -> Tensor:
        """Mean of the bilinear samples of the three planes at (B, N, 3) -> (B, N, C).

        Pixel centres are at (2 i + 1) / size - 1. Beyond the outermost ones the features of a
        bounded field stay as they are; otherwise neighbours outside a plane count as zero.
        """
        if planes.ndim != 5 or planes.shape[1] != 3:
            raise ValueError(f"planes should be (B, 3, C, H, W); got {tuple(planes.shape)}.")
        positions = points * (2 / self.config.box_warp)
        if self.config.bounded:
            outermost = 1 - 1 / planes.shape[-1]
            positions = positions.clamp(-outermost, outermost)
        # Gathering rows is 3-6 times faster on CPUs than grid_sample, but not differentiated twice
        # and missing on some devices.
        differentiable = torch.is_grad_enabled() and (planes.requires_grad or points.requires_grad)
        if differentiable or planes.device.type not in ("cpu", "cuda"):
            return sample_planes_by_grid(planes, positions, self.axes)
        return sample_planes_by_rows(planes, positions, self.axes)


def sample_planes_by_grid(planes: Tensor, positions: Tensor, axes: list[list[int]]) -> Tensor:
    """Plane samples by `grid_sample`: positions (B, N, 3) in [-1, 1] -> (B, N, C)."""
    batch, count, _ = positions.shape
    grid = torch.stack([positions[..., pair] for pair in axes], dim=1)  # (B, 3, N, 2)
    samples = F.grid_sample(
        planes.flatten(0, 1), grid.reshape(batch * 3, count, 1, 2), align_corners=False
    )  # (B * 3, C, N, 1)
    return samples.view(batch, 3, -1, count).mean(dim=1).transpose(1, 2)


def sample_planes_by_rows(planes: Tensor, positions: Tensor, axes: list[list[int]]) -> Tensor:
    """The same as `sample_planes_by_grid`, as a weighted sum of twelve rows of a table."""
    batch, _, channels, height, width = planes.shape
    table = planes.permute(0, 1, 3, 4, 2).reshape(-1, channels)  # a view if channels are last
    low_x, weights_x = _neighbours(positions, width)
    low_y, weights_y = (low_x, weights_x) if height == width else _neighbours(positions, height)
    first_plane = 3 * torch.arange(batch, device=planes.device)[:, None]
    rows, weights = [], []
    for k, (horizontal, vertical) in enumerate(axes):
        base = (first_plane + k) * height
        for y, weight_y in zip(low_y, weights_y, strict=True):
            line = (base + y[..., vertical]) * width
            for x, weight_x in zip(low_x, weights_x, strict=True):
                rows.append(line + x[..., horizontal])
                weights.append(weight_y[..., vertical] * weight_x[..., horizontal])
    samples = F.embedding_bag(
        torch.stack(rows, dim=-1).flatten(0, 1),
        table,
        per_sample_weights=torch.stack(weights, dim=-1).flatten(0, 1).to(table.dtype) / 3,
        mode="sum",
    )
    return samples.view(batch, -1, channels)


def _neighbours(positions: Tensor, size: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Indices of the lower and upper pixel along each axis, and their weights (zero outside)."""
    pixel = ((positions + 1) * size - 1) / 2
    low = pixel.floor()
    fraction = pixel - low
    # Far outside, float indices may overflow integers: clamp to one pixel beyond the border.
    low = low.clamp(-2, size).long()
    high = low + 1
    inside_low = (low >= 0) & (low < size)
    inside_high = (high >= 0) & (high < size)
    indices = (low.clamp(0, size - 1), high.clamp(0, size - 1))
    return indices, ((1 - fraction) * inside_low, fraction * inside_high)


class DensityField(Protocol):
    """Anything with a raw density."""

    def density(self, planes: Tensor, points: Tensor, /) -> Tensor:
        """Raw density (B, N) at points (B, N, 3)."""
        ...


def density_gradient(field: DensityField, planes: Tensor, points: Tensor, step: float) -> Tensor:
    """Central differences of the raw density at points (B, N, 3): (B, N, 3), per world unit."""
    offsets = step * torch.eye(3, device=points.device, dtype=points.dtype)
    both = torch.stack([points[..., None, :] + offsets, points[..., None, :] - offsets])
    density = field.density(planes, both.permute(1, 0, 2, 3, 4).flatten(1, 3))
    plus, minus = density.view(points.shape[0], 2, -1, 3).unbind(1)
    return (plus - minus) / (2 * step)


def uniform_extinction(alpha: float, path_length: float) -> float:
    """Extinction at which a ray of `path_length` through a uniform field has opacity `alpha`."""
    return -math.log1p(-alpha) / path_length
