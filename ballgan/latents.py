"""Latent codes: seeds, truncation, and blends of seeds."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MAX_SEED = 2**32 - 1
LATTICE_STRIDE = 100


@dataclass(frozen=True)
class Latent:
    """A latent code by value: a seed, or a weighted blend of seeds in W.

    seed: 0 ... 2^32 - 1; the same seeds as the published samplers (NumPy's RandomState).
    truncation_psi: 1 is the code itself, 0 the average, in between a safer picture.
    truncation_cutoff: truncate only the first rows of ws; None: all rows.
    blend: pairs (seed, weight); when not empty it replaces `seed`.
    """

    seed: int = 0
    truncation_psi: float = 0.7
    truncation_cutoff: int | None = None
    blend: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "blend", tuple((seed, weight) for seed, weight in self.blend))
        for seed, weight in ((self.seed, 1.0), *self.blend):
            if not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
                raise ValueError(f"A seed is a whole number in 0 ... {MAX_SEED}; got {seed!r}.")
            if not math.isfinite(weight):
                raise ValueError(f"Blend weights should be finite; got {weight!r}.")
        if not math.isfinite(self.truncation_psi):
            raise ValueError(f"truncation_psi should be finite; got {self.truncation_psi!r}.")
        if self.truncation_cutoff is not None and self.truncation_cutoff < 0:
            raise ValueError(
                f"truncation_cutoff should be 0 or more; got {self.truncation_cutoff!r}."
            )

    @classmethod
    def at(
        cls,
        x: float,
        y: float,
        truncation_psi: float = 0.7,
        truncation_cutoff: int | None = None,
    ) -> "Latent":
        """The code at a point of an endless 2-D lattice of seeds, bilinear in W between them.

        Lattice point (i, j) has seed (i + 100 j) mod 2^32.
        """
        i, j = math.floor(x), math.floor(y)
        u, v = x - i, y - j
        corners = [
            (lattice_seed(i, j), (1 - u) * (1 - v)),
            (lattice_seed(i + 1, j), u * (1 - v)),
            (lattice_seed(i, j + 1), (1 - u) * v),
            (lattice_seed(i + 1, j + 1), u * v),
        ]
        blend = tuple((seed, weight) for seed, weight in corners if weight > 0)
        if len(blend) == 1:
            return cls(blend[0][0], truncation_psi, truncation_cutoff)
        nearest = max(blend, key=lambda pair: pair[1])[0]
        return cls(nearest, truncation_psi, truncation_cutoff, blend)

    @property
    def seeds_and_weights(self) -> tuple[tuple[int, float], ...]:
        """The blend, or the one seed with weight 1."""
        return self.blend or ((self.seed, 1.0),)


def lattice_seed(i: int, j: int) -> int:
    """Seed of the lattice point (i, j)."""
    return (i + LATTICE_STRIDE * j) % (MAX_SEED + 1)


def z_from_seed(seed: int, z_dim: int) -> Tensor:
    """z (1, z_dim) float32: normal numbers of NumPy's RandomState, as the published samplers."""
    values = np.random.RandomState(seed).randn(1, z_dim)
    return torch.from_numpy(values).float()
