"""Differentiable augmentation of what the discriminator sees (StyleGAN2-ADA sec. 3).

Poses must stay true, so there are no flips and no rotations: only small shifts, scalings and
changes of colour. The raw picture gets the same changes as the full one.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = 1 / math.sqrt(3)


def augment(
    pictures: Sequence[Tensor], probability: Tensor, random: torch.Generator
) -> list[Tensor]:
    """Change each sample of every picture (B, 3, H_i, W_i) in [-1, 1] alike.

    `probability`: scalar tensor in [0, 1] of each kind of change. Returns the changed pictures.
    """
    batch, device = len(pictures[0]), pictures[0].device
    where = _placement(batch, probability, random, device)
    colors = _color_matrix(batch, probability, random, device)
    changed = []
    for picture in pictures:
        grid = F.affine_grid(where, list(picture.shape), align_corners=False)
        moved = F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
        mixed = torch.einsum("bij,bjhw->bihw", colors[:, :, :3], moved)
        changed.append(mixed + colors[:, :, 3, None, None])
    return changed


def _placement(
    batch: int, probability: Tensor, random: torch.Generator, device: torch.device
) -> Tensor:
    """Affine maps (B, 2, 3): isotropic scale (log2 sd 0.2) and shift (sd 0.125 of the width)."""
    scale = torch.exp2(0.2 * _chosen_normal((batch,), probability, random, device))
    shift = 0.25 * _chosen_normal((batch, 2), probability, random, device)
    where = torch.zeros(batch, 2, 3, device=device)
    where[:, 0, 0] = where[:, 1, 1] = scale
    where[:, :, 2] = shift
    return where


def _color_matrix(
    batch: int, probability: Tensor, random: torch.Generator, device: torch.device
) -> Tensor:
    """Affine maps of RGB (B, 3, 4): saturation, contrast (log2 sd 1, 0.5), brightness (sd 0.2)."""
    grey = torch.full((3, 3), LUMA**2, device=device)
    eye = torch.eye(3, device=device)
    saturation = torch.exp2(_chosen_normal((batch, 1, 1), probability, random, device))
    contrast = torch.exp2(0.5 * _chosen_normal((batch, 1, 1), probability, random, device))
    brightness = 0.2 * _chosen_normal((batch, 1, 1), probability, random, device)
    matrix = contrast * (grey + saturation * (eye - grey))
    return torch.cat([matrix, brightness.expand(-1, 3, 1)], dim=2)


def _chosen_normal(
    shape: tuple[int, ...], probability: Tensor, random: torch.Generator, device: torch.device
) -> Tensor:
    """Normal numbers, zero for the samples that are not chosen."""
    chosen = torch.rand(shape[0], generator=random, device=device) < probability
    numbers = torch.randn(shape, generator=random, device=device)
    return numbers * chosen.view(-1, *[1] * (len(shape) - 1))
