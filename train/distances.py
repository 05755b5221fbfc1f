"""Distances between sets of pictures: Frechet, kernel, sliced Wasserstein, and diversity.

Features are (N, F) tensors, one row a picture. Nothing here is meant to be differentiated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_PATCH = 7  # pixels a side of a descriptor (ProGAN appendix)
_PROJECTIONS = 512
_COARSEST = 16  # pixels a side of the pyramid's last level
_MAX_DESCRIPTORS = 2**16


@dataclass(frozen=True)
class Estimate:
    """A measured value with its standard error."""

    value: float
    error: float


def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (F,) and unbiased covariance (F, F) of features (N, F), float64 on the CPU."""
    if len(features) < 2:
        raise ValueError(f"at least 2 pictures are needed; got {len(features)}")
    features = features.double().cpu()
    return features.mean(0), torch.cov(features.t())


def frechet_distance(
    mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor
) -> float:
    """|m_a - m_b|^2 + tr(A + B - 2 (A B)^(1/2)) of two Gaussians (FID: Heusel et al. 2017).

    The trace of (A B)^(1/2) is that of (A^(1/2) B A^(1/2))^(1/2), which is symmetric: no complex
    numbers, and singular covariances (fewer pictures than features) do no harm.
    """
    a, b = covariance_a.double(), covariance_b.double()
    root = _symmetric_root(a)
    inner = root @ b @ root
    cross = torch.linalg.eigvalsh((inner + inner.t()) / 2).clamp_min(0).sqrt().sum()
    offset = (mean_a.double() - mean_b.double()).square().sum()
    return float(offset + a.trace() + b.trace() - 2 * cross)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.t()


def kernel_distance(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> Estimate:
    """Squared maximum mean discrepancy with kernel (x.y / F + 1)^3 (KID: Binkowski et al. 2018).

    The mean over random subsets of the unbiased estimate, and the standard error that the spread
    over subsets suggests for all pictures (delete-d jackknife; too large rather than too small
    for equal distributions). Subsets have at most half of the pictures.
    """
    count = min(len(real), len(fake))
    if count < 4:
        raise ValueError(f"at least 4 pictures of each kind are needed; got {count}")
    size = min(subset_size, count // 2)
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        chosen = [
            features[torch.randperm(len(features), generator=generator)[:size].to(features.device)]
            for features in (real, fake)
        ]
        values.append(unbiased_discrepancy(chosen[0].double(), chosen[1].double()))
    estimates = torch.stack(values)
    spread = estimates.std().item() if subsets > 1 else math.nan
    return Estimate(estimates.mean().item(), spread * math.sqrt(size / (count - size)))


def unbiased_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased MMD^2 of x (N, F) and y (M, F) with the cubic kernel; a scalar, may be negative."""
    n, m = len(x), len(y)
    within_x, within_y, across = cubic_kernel(x, x), cubic_kernel(y, y), cubic_kernel(x, y)
    return (
        (within_x.sum() - within_x.trace()) / (n * (n - 1))
        + (within_y.sum() - within_y.trace()) / (m * (m - 1))
        - 2 * across.mean()
    )


def cubic_kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x.y / F + 1)^3 for rows x (N, F), y (M, F): (N, M)."""
    return (x @ y.t() / x.shape[1] + 1) ** 3


def diversity(real: Tensor, fake: Tensor) -> float:
    """Mean distance between two fakes' features relative to that between two real pictures'.

    1: as varied as the real ones; 0: all the same picture (mode collapse).
    """
    return mean_pairwise_distance(fake) / max(mean_pairwise_distance(real), 1e-12)


def mean_pairwise_distance(features: Tensor) -> float:
    """Mean Euclidean distance between different rows of features (N, F), N > 1."""
    return float(torch.pdist(features.float().cpu()).double().mean())


def sliced_wasserstein(real: Tensor, fake: Tensor, *, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distance of 7x7 patches at each level of a Laplacian pyramid (ProGAN).

    Pictures (N, 3, S, S) in [0, 1] or uint8, the same number of each kind is used; S is a power
    of two, 16 or more. Returns level's side in pixels -> distance times 1000. It does not reach 0
    for equal distributions; compare it with that of two sets of real pictures.
    """
    count = min(len(real), len(fake))
    patches = max(1, min(128, _MAX_DESCRIPTORS // count))
    generator = torch.Generator().manual_seed(seed)
    pyramids = [laplacian_pyramid(_as_floats(pictures[:count])) for pictures in (real, fake)]
    distances = {}
    for levels in zip(*pyramids, strict=True):
        sides = [_normalize_channels(_patches(level, patches, generator)) for level in levels]
        directions = torch.randn(sides[0].shape[1], _PROJECTIONS, generator=generator)
        directions = F.normalize(directions, dim=0)
        first, second = ((side @ directions).sort(dim=0).values for side in sides)
        distances[levels[0].shape[-1]] = 1000 * (first - second).abs().mean().item()
    return distances


def laplacian_pyramid(pictures: Tensor) -> list[Tensor]:
    """Levels of pictures (N, C, S, S), finest first; the last, of side 16, is the low-pass."""
    levels = []
    while pictures.shape[-1] > _COARSEST:
        smaller = _smooth(pictures)[:, :, ::2, ::2]
        spread = pictures.new_zeros(pictures.shape)
        spread[:, :, ::2, ::2] = 4 * smaller
        levels.append(pictures - _smooth(spread))
        pictures = smaller
    return [*levels, pictures]


def _smooth(pictures: Tensor) -> Tensor:
    """Binomial filter 1 4 6 4 1 in both directions, mirrored at the borders."""
    taps = pictures.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    channels = pictures.shape[1]
    kernel = torch.outer(taps, taps).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def _patches(pictures: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Random patches of pictures (N, C, S, S): (N * count, C, 49)."""
    batch, channels, side, _ = pictures.shape
    corners = torch.randint(side - _PATCH + 1, (2, batch, count, 1, 1), generator=generator)
    steps = torch.arange(_PATCH)
    y, x = corners[0] + steps[:, None], corners[1] + steps
    places = (y * side + x).flatten(1)  # (N, count * 49)
    taken = pictures.flatten(2).gather(2, places[:, None].expand(-1, channels, -1))
    return taken.unflatten(2, (count, -1)).transpose(1, 2).flatten(0, 1)


def _normalize_channels(patches: Tensor) -> Tensor:
    """Descriptors (N, C * 49) of patches (N, C, 49), each channel with mean 0 and deviation 1."""
    centered = patches - patches.mean((0, 2), keepdim=True)
    scale = centered.square().mean((0, 2), keepdim=True).sqrt().clamp_min(1e-8)
    return (centered / scale).flatten(1)


def _as_floats(pictures: Tensor) -> Tensor:
    pictures = pictures.cpu()
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()
