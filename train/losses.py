"""Losses as small pure functions, each with its formula and source.

Logits are (B, 1) or (B,); a loss is a scalar, the mean over the batch.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ballgan.volume import density_to_extinction

SOLID_LENGTH = 0.05  # world units through which matter should be seen to count

# Adversarial


def logistic_generator_loss(fake: Tensor) -> Tensor:
    """softplus(-D(fake)): non-saturating logistic loss (Goodfellow et al. 2014)."""
    return F.softplus(-fake).mean()


def logistic_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(D(fake)) + softplus(-D(real)) (Goodfellow et al. 2014)."""
    return F.softplus(fake).mean() + F.softplus(-real).mean()


def relativistic_loss(winner: Tensor, loser: Tensor) -> Tensor:
    """softplus(-(winner - loser)): paired relativistic loss (R3GAN eq. 2).

    The generator's loss has the fakes as winner, the discriminator's the reals.
    """
    return F.softplus(-(winner - loser)).mean()


def gradient_penalty(logits: Tensor, images: Sequence[Tensor], gamma: float) -> Tensor:
    """gamma / 2 E |dD/dimage|^2, the squares summed over all images (Mescheder et al. 2018).

    R1 at real images, R2 at generated ones. `images`: tensors of the graph of `logits` that
    require gradients; the discriminator's full and raw pictures count as independent.
    """
    gradients = torch.autograd.grad(logits.sum(), list(images), create_graph=True)
    squared = sum(g.square().flatten(1).sum(1) for g in gradients)
    assert isinstance(squared, Tensor)
    return gamma / 2 * squared.mean()


# BallGAN's regularisers


def binarization_loss(transmittance: Tensor) -> Tensor:
    """Mean of min(T, 1 - T) over rays (BallGAN eq. 8): light passes or does not.

    `transmittance`: (...) in [0, 1], the light that reaches the background.
    """
    return torch.minimum(transmittance, 1 - transmittance).mean()


def distortion_loss(distances: Tensor, weights: Tensor) -> Tensor:
    """Weights of a ray should be few and close together (mip-NeRF 360 eq. 15).

    sum_ij w_i w_j |m_i - m_j| + 1/3 sum_i w_i^2 delta_i, with interval middles m and widths
    delta, in linear time by prefix sums (Sun et al. 2022, DVGOv2 appendix). Distances are
    normalised to [0, 1] along each ray.

    Args:
        distances: (N, K), ascending.
        weights: (N, K - 1), of the intervals between them.
    """
    near, far = distances[:, :1], distances[:, -1:]
    normalized = (distances - near) / (far - near).clamp_min(1e-6)
    middles = (normalized[:, 1:] + normalized[:, :-1]) / 2
    widths = normalized[:, 1:] - normalized[:, :-1]
    weighted = weights * middles
    mass_before = weights.cumsum(1) - weights
    moment_before = weighted.cumsum(1) - weighted
    between = 2 * (weighted * mass_before - weights * moment_before).sum(1)
    within = (weights.square() * widths).sum(1) / 3
    return (between + within).mean()


def published_density_loss(distances: Tensor, density: Tensor) -> Tensor:
    """The foreground density regulariser as BallGAN's released program computes it.

    s = sigmoid(raw density); e = inverse distance, normalised per ray. sum_{i<j} s_i s_j
    |e_i - e_j| + 1/3 sum_i s_i Delta_i, the last Delta repeated; mean over rays. With sorted
    distances, in the inputs' precision.

    Args:
        distances: (N, K), ascending.
        density: (N, K), raw.
    """
    solid = density.sigmoid()
    inverse = 1 / distances
    low, high = inverse[:, -1:], inverse[:, :1]
    position = (inverse - low) / (high - low).clamp_min(1e-9)  # descending from 1 to 0
    weighted = solid * position
    mass_after = solid.sum(1, keepdim=True) - solid.cumsum(1)
    moment_after = weighted.sum(1, keepdim=True) - weighted.cumsum(1)
    between = (weighted * mass_after - solid * moment_after).sum(1)
    widths = distances[:, 1:] - distances[:, :-1]
    widths = torch.cat([widths, widths[:, -1:]], dim=1)
    return (between + (solid * widths).sum(1) / 3).mean()


def sparsity_loss(density: Tensor, counted: Tensor) -> Tensor:
    """Mean of 1 - exp(-extinction length): matter that nothing asks for goes (PlenOctrees eq. 8).

    density: (...), raw. counted: (...), 1 for the points that the mean is over, else 0.
    """
    return (opacity(density) * counted).sum() / counted.sum().clamp_min(1)


def density_variation_loss(density: Tensor, displaced: Tensor, kind: str = "raw") -> Tensor:
    """Mean |s(p) - s(p + e)| of a field s at points and points beside them, both (...).

    kind "raw": s is the raw density (EG3D supplement, density TV). "opacity": s is `opacity`, in
    [0, 1]; the mean is then the area of the surface times a constant (Cauchy-Crofton), so spikes,
    crumbs and shells cost and neither sharp edges nor clear space do.
    """
    if kind == "opacity":
        density, displaced = opacity(density), opacity(displaced)
    return (density - displaced).abs().mean()


def opacity(density: Tensor) -> Tensor:
    """1 - exp(-extinction SOLID_LENGTH) in [0, 1]: how solid raw densities (...) look."""
    return 1 - torch.exp(-SOLID_LENGTH * density_to_extinction(density))
