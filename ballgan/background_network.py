"""The protocol of learnt backgrounds: rays and a code in, features and depth out."""

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .background_config import BackgroundConfig
from .geometry import equirectangular_directions, turn
from .mlp import ModulatedMLP, PlainMLP
from .point_network import PointNetwork
from .stylegan2 import Mapping, Step

RAYS_AT_ONCE = 2**14


class BackgroundNetwork(nn.Module):
    """What is behind the volume: opaque, wherever a ray goes.

    mapping: of its own codes; None where the raw code, or the foreground's mapping, is used.
    """

    config: BackgroundConfig
    mapping: Mapping | None
    network: ModulatedMLP | PlainMLP | PointNetwork  # that reads the code
    surrounds: bool = True  # the scene, so that it may be looked at in all directions

    @property
    def num_ws(self) -> int:
        """Rows of ws; 1 where the raw code is concatenated."""
        return self.network.num_ws

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer that reads the code: its row of ws, and its weight (C, w_dim)."""
        return self.network.style_weights()

    @abstractmethod
    def look(
        self,
        ws: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What rays see, and how far away: features (B, N, F) and distances (B, N).

        Args:
            ws: (B, num_ws, w_dim), or the raw code (B, 1, z_dim).
            origins, directions: (B, N, 3), directions of unit length; see `check_rays`.
            density_noise, generator: as for `Generator.sample_rays`; surfaces have neither.
        """

    @abstractmethod
    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError if a ray (..., 3) comes from where it cannot be looked from."""

    def equirectangular(
        self,
        ws: Tensor,
        height: int,
        step: Step | None = None,
        *,
        channels: int | None = None,
        yaw: float = 0.0,
    ) -> Tensor:
        """All that is seen from the origin, for one code: (F, height, 2 height).

        channels: how many of the features are wanted; None: all. yaw: radians by which it is turned
        to the right. `step` is called now and then; it may raise to stop.
        """
        directions = equirectangular_directions(height, 2 * height, ws.device).flatten(0, 1)
        directions = turn(directions, yaw)
        parts = []
        for part in directions.split(RAYS_AT_ONCE):
            if step is not None:
                step()
            features, _ = self.look(ws, torch.zeros_like(part)[None], part[None])
            parts.append(features[0, :, :channels])
        return torch.cat(parts).t().reshape(-1, height, 2 * height)
