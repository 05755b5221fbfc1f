"""W of a model's foreground or background: from latents to ws, and the directions in it."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from .directions import (
    SAMPLES,
    SAMPLES_SEED,
    factorize,
    find_components,
    scale_to_deviation,
)
from .generator import Generator
from .latents import Direction, Latent, z_from_seed
from .memo import Memo
from .stylegan2 import truncate_rows

BATCH = 1024  # codes that are mapped at once


class LatentSpace:
    """One mapping network and the layers that read what it gives.

    Make one with `of_foreground` or `of_background`. What is found is kept as long as the space,
    whose network should not be trained meanwhile. Not differentiable.
    """

    def __init__(
        self,
        map_z: Callable[[Tensor], Tensor],
        *,
        z_dim: int,
        num_ws: int,
        w_avg: Tensor | None,
        style_weights: Iterable[tuple[int, Tensor]],
        device: torch.device,
    ) -> None:
        """map_z: z (B, z_dim) -> w (B, w_dim). w_avg: None for a code that cannot be truncated.

        style_weights: (row of ws, weight (C, w_dim)) of each layer.
        """
        self.z_dim, self.num_ws, self.device = z_dim, num_ws, device
        self._map_z, self._w_avg = map_z, w_avg
        self._style_weights = tuple(style_weights)
        self._found = Memo(32)

    @classmethod
    def of_foreground(cls, model: Generator, label: Tensor | None = None) -> "LatentSpace":
        """The foreground's; label (1, 25): the camera that conditions the mapping."""

        def map_z(z: Tensor) -> Tensor:
            return model.mapping(z, None if label is None else label.expand(len(z), -1))

        return cls(
            map_z,
            z_dim=model.config.mapping.z_dim,
            num_ws=model.config.num_ws,
            w_avg=model.mapping.w_avg,
            style_weights=model.style_weights(),
            device=model.device,
        )

    @classmethod
    def of_background(cls, model: Generator) -> "LatentSpace":
        """The background's. Raises ValueError if the model has no background network."""
        if model.background is None:
            raise ValueError("This model has no background network, so it has no background codes.")
        shared = model.config.shares_mapping
        mapping = model.mapping if shared else model.background.mapping
        return cls(
            mapping or (lambda z: z),
            z_dim=model.background.config.z_dim,
            num_ws=model.background.num_ws,
            w_avg=None if mapping is None else mapping.w_avg,
            style_weights=model.background.style_weights(),
            device=model.device,
        )

    @torch.inference_mode()
    def ws(self, latent: Latent) -> Tensor:
        """Rows (1, num_ws, w_dim) of a latent: blended, mixed, truncated, moved.

        Raises ValueError for a direction that there is not.
        """
        ws = torch.stack([weight * self._part(part) for part, weight in latent.parts]).sum(0)
        if latent.mix is not None:
            rows = [row for row in latent.mix.rows if row < self.num_ws]
            ws[:, rows] = self._map_seed(latent.mix.seed)[:, None]
        if self._w_avg is not None:
            truncate_rows(ws, self._w_avg, latent.truncation_psi, latent.truncation_cutoff)
        for direction, amount in latent.moves:
            ws[:, self._rows(direction)] += amount * self.direction(direction)
        return ws

    def _part(self, part: int | Latent) -> Tensor:
        if isinstance(part, Latent):
            return self.ws(part)
        return self._map_seed(part)[:, None].repeat(1, self.num_ws, 1)

    def _map_seed(self, seed: int) -> Tensor:
        return self._map_z(z_from_seed(seed, self.z_dim).to(self.device))

    # Directions

    def direction(self, direction: Direction) -> Tensor:
        """The vector (w_dim,) of a direction: one standard deviation of W long."""
        rows = None if direction.method == "pca" else tuple(self._rows(direction))
        vectors = self._found.get(
            (direction.method, rows), lambda: self._find(direction.method, rows)
        )
        if direction.index >= len(vectors):
            raise ValueError(
                f"index {direction.index} of a direction is too high: W has {len(vectors)} "
                "dimensions, so the last index is one less."
            )
        return vectors[direction.index]

    def _rows(self, direction: Direction) -> list[int]:
        """Rows that the model has of those a direction moves."""
        rows = range(self.num_ws) if direction.rows is None else direction.rows
        return [row for row in rows if row < self.num_ws]

    def _find(self, method: str, rows: tuple[int, ...] | None) -> Tensor:
        """All directions (w_dim, w_dim), in rows."""
        w = self._found.get("w", self.sample)
        if method == "pca":
            return scale_to_deviation(find_components(w), w)
        weights = [weight for row, weight in self._style_weights if rows is None or row in rows]
        if not weights:
            weights = [w.new_zeros(1, w.shape[1])]
        return scale_to_deviation(factorize(torch.cat(weights)), w)

    @torch.inference_mode()
    def sample(self, count: int = SAMPLES, seed: int = SAMPLES_SEED) -> Tensor:
        """Codes w (count, w_dim), always the same for a seed."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.z_dim, generator=generator).to(self.device)
        return torch.cat([self._map_z(part) for part in z.split(BATCH)])
