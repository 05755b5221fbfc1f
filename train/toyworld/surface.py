"""What a surface looks like at a point, and painting it in layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Surface:
    """Material at points; painted in place, layer over layer."""

    albedo: Tensor  # (B, 3, R) linear RGB in [0, 1]
    mirror: Tensor  # (B, R) reflectance seen straight on, in [0, 1]
    roughness: Tensor  # (B, R) in [0, 1]: 0 is a mirror
    glow: Tensor  # (B, R) light sent out, times albedo

    @staticmethod
    def plain(color: Tensor, like: Tensor, mirror: float, roughness: float) -> Surface:
        """One material everywhere: color (B, 3, 1) at the points of `like` (B, R)."""
        return Surface(
            color.expand(-1, -1, like.shape[-1]).clone(),
            torch.full_like(like, mirror),
            torch.full_like(like, roughness),
            torch.zeros_like(like),
        )

    def paint(
        self,
        mask: Tensor,
        color: Tensor | float,
        mirror: float | None = None,
        roughness: float | None = None,
        *,
        glow: float = 0.0,
    ) -> None:
        """Cover the points where `mask` (B, R), bool, holds; None keeps what is there.

        `color`: (B, 3, 1 or R) linear RGB, or one grey level.
        """
        if isinstance(color, Tensor):
            self.albedo = torch.where(mask[:, None], color, self.albedo)
        else:
            self.albedo.masked_fill_(mask[:, None], color)
        if mirror is not None:
            self.mirror.masked_fill_(mask, mirror)
        if roughness is not None:
            self.roughness.masked_fill_(mask, roughness)
        self.glow.masked_fill_(mask, glow)
