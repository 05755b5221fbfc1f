"""How clearly a foreground is apart from its background."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 20


@dataclass(frozen=True)
class Separation:
    """Statistics of the transmittance T of one picture's rays.

    histogram: shares of the rays by T, in equal bins from 0 (foreground) to 1 (background).
    mean_min_t: mean of min(T, 1 - T) (BallGAN eq. 8), in [0, 0.5]; 0: every ray is either blocked
        or free, 0.5: everything is fog.
    coverage: share of the rays that the foreground stops by half or more.
    """

    histogram: tuple[float, ...]
    mean_min_t: float
    coverage: float


def measure_separation(transmittance: Tensor, bins: int = BINS) -> Separation:
    """Statistics of T in [0, 1], of any shape. Raises ValueError if it is empty."""
    t = transmittance.detach().float().flatten().clamp(0, 1)
    if not len(t):
        raise ValueError("transmittance should hold at least one ray; it is empty.")
    places = (t * bins).long().clamp_max(bins - 1)
    counts = torch.bincount(places, minlength=bins).double()
    return Separation(
        histogram=tuple((counts / len(t)).tolist()),
        mean_min_t=torch.minimum(t, 1 - t).mean().item(),
        coverage=(t <= 0.5).double().mean().item(),
    )
