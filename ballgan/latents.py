"""Latent codes by value: seeds, blends, truncation, style mixing, and steps along directions.

Nothing here knows a model; `latent_space.LatentSpace` turns these values into rows of ws. Light:
torch and numpy are imported when they are first needed.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

MAX_SEED = 2**32 - 1
MAX_ROWS = 64  # of ws that any model may have
LATTICE_STRIDE = 100
METHODS = ("sefa", "pca")  # that find directions; see directions.py

AnyLatent = TypeVar("AnyLatent", bound="Latent")


@dataclass(frozen=True)
class StyleMix:
    """A second seed for some rows of ws: style mixing (StyleGAN sec. 3.1).

    Early rows shape the coarse form, late ones colours and fine detail; the last one also styles
    super-resolution. Rows that a model lacks have no effect.
    """

    seed: int
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        require_seed(self.seed)
        object.__setattr__(self, "rows", check_rows(self.rows))


@dataclass(frozen=True)
class Direction:
    """A semantic direction in W that is found without labels (see directions.py).

    method: "sefa", closed-form factorisation of the modulation weights, or "pca" of W.
    index: its place, the most important one first.
    rows: of ws that it is found in ("sefa") and moves; None: all.
    """

    method: str = "sefa"
    index: int = 0
    rows: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method should be one of {', '.join(METHODS)}; got {self.method!r}.")
        if not isinstance(self.index, int) or self.index < 0:
            raise ValueError(f"index should be a whole number, 0 or more; got {self.index!r}.")
        if self.rows is not None:
            object.__setattr__(self, "rows", check_rows(self.rows))


@dataclass(frozen=True)
class Latent:
    """A latent code by value: a seed, or a weighted blend, and what is done to it.

    What it means, in this order: the mean of `blend` (or the seed); `mix` replaces some rows;
    truncation pulls rows towards the average; `moves` step along directions.

    seed: 0 ... 2^32 - 1; the same seeds as the published samplers (NumPy's RandomState).
    truncation_psi: 1 is the code itself, 0 the average, in between a safer picture.
    truncation_cutoff: truncate only the first rows of ws; None: all rows.
    blend: pairs (seed or latent, weight); when not empty it replaces `seed`. Seeds are blended in
        W, before truncation; a latent brings its rows of ws as they are, truncated and moved.
    mix: a second seed for some rows.
    moves: pairs (direction, amount); an amount of 1 is one standard deviation of W.
    """

    seed: int = 0
    truncation_psi: float = 0.7
    truncation_cutoff: int | None = None
    blend: "tuple[tuple[int | Latent, float], ...]" = ()
    mix: StyleMix | None = None
    moves: tuple[tuple[Direction, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "blend", tuple((part, weight) for part, weight in self.blend))
        object.__setattr__(self, "moves", tuple((step, amount) for step, amount in self.moves))
        for part, weight in ((self.seed, 1.0), *self.blend):
            if not isinstance(part, Latent):
                require_seed(part)
            if not math.isfinite(weight):
                raise ValueError(f"Blend weights should be finite; got {weight!r}.")
        if not math.isfinite(self.truncation_psi):
            raise ValueError(f"truncation_psi should be finite; got {self.truncation_psi!r}.")
        if self.truncation_cutoff is not None and self.truncation_cutoff < 0:
            raise ValueError(
                f"truncation_cutoff should be 0 or more; got {self.truncation_cutoff!r}."
            )
        for direction, amount in self.moves:
            if not isinstance(direction, Direction) or not math.isfinite(amount):
                raise ValueError(
                    "moves should be pairs of a Direction and a finite amount; "
                    f"got {(direction, amount)!r}."
                )

    @classmethod
    def at(
        cls: type[AnyLatent],
        x: float,
        y: float,
        truncation_psi: float = 0.7,
        truncation_cutoff: int | None = None,
    ) -> AnyLatent:
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

    @classmethod
    def mean(cls: type[AnyLatent], *parts: "tuple[Latent, float]") -> AnyLatent:
        """The weighted mean of whole codes, row by row of their ws: for interpolations.

        Weights are as given, usually with sum 1; parts of weight 0 are left out.
        """
        kept = tuple((part, weight) for part, weight in parts if weight != 0)
        if not kept:
            raise ValueError("A mean needs a part whose weight is not 0.")
        nearest = max(kept, key=lambda pair: pair[1])[0]
        return cls(nearest.seed, truncation_psi=1.0, blend=kept)

    @property
    def parts(self) -> "tuple[tuple[int | Latent, float], ...]":
        """The blend, or the one seed with weight 1."""
        return self.blend or ((self.seed, 1.0),)


def lattice_seed(i: int, j: int) -> int:
    """Seed of the lattice point (i, j)."""
    return (i + LATTICE_STRIDE * j) % (MAX_SEED + 1)


def z_from_seed(seed: int, z_dim: int) -> "Tensor":
    """z (1, z_dim) float32: normal numbers of NumPy's RandomState, as the published samplers."""
    import numpy as np
    import torch

    values = np.random.RandomState(seed).randn(1, z_dim)
    return torch.from_numpy(values).float()


def require_seed(seed: object) -> None:
    """Raise ValueError unless `seed` is one."""
    if not isinstance(seed, Integral) or not 0 <= int(seed) <= MAX_SEED:
        raise ValueError(f"A seed is a whole number in 0 ... {MAX_SEED}; got {seed!r}.")


def check_rows(rows: tuple[int, ...]) -> tuple[int, ...]:
    """Rows of ws in order, each once. Raises ValueError for what cannot be one."""
    rows = tuple(sorted(set(rows)))
    if not all(isinstance(row, int) and 0 <= row < MAX_ROWS for row in rows):
        raise ValueError(f"Rows of ws are whole numbers in 0 ... {MAX_ROWS - 1}; got {rows!r}.")
    return rows
