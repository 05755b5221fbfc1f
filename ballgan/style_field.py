"""StyleNeRF's foreground field: an MLP of the position, styled by ws (StyleNeRF sec. 3.1)."""

import math
from collections.abc import Iterator

from torch import Tensor, nn

from .mlp import ModulatedLinear
from .point_network import PointNetwork, density_from_raw
from .stylenerf_config import StyleFieldConfig


class StyleField(nn.Module):
    """Density and features at points, from rows of ws (B, num_ws, w_dim).

    It speaks as `TriplaneField` does; those rows are its field code, as planes are of the other.
    Nothing bounds it: the cube of the config is where the object is looked for.
    """

    def __init__(self, config: StyleFieldConfig, w_dim: int) -> None:
        super().__init__()
        self.config = config
        self.network = PointNetwork(
            config.network, dimensions=3, feature_channels=config.feature_channels, width=w_dim
        )

    def forward(self, rows: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """points (B, N, 3) world units -> raw density (B, N), features (B, N, F).

        Features are nominally in [0, 1], without a bound.
        """
        hidden = self.network.hidden(points, rows)
        return self._density_of(hidden, rows), self._features_of(hidden, rows)

    def density(self, rows: Tensor, points: Tensor) -> Tensor:
        """Raw density (B, N), any sign; `volume.density_to_extinction` makes it physical."""
        return self._density_of(self.network.hidden(points, rows), rows)

    def features(self, rows: Tensor, points: Tensor) -> Tensor:
        """Features (B, N, F); the first three are the raw colour, nominally in [0, 1]."""
        return self._features_of(self.network.hidden(points, rows), rows)

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws, and what turns w into styles (C, w_dim)."""
        return self.network.style_weights()

    @property
    def density_head(self) -> ModulatedLinear:
        """The layer that makes the raw density."""
        head = self.network.density_head
        assert isinstance(head, ModulatedLinear)
        return head

    def raw_of_extinction(self, extinction: float) -> float:
        """What the density head gives where the extinction is this."""
        if self.config.density_activation == "relu":
            return extinction
        if self.config.density_activation == "exp":
            return math.log(extinction) + 1
        return math.log(math.expm1(extinction)) + 1

    def _density_of(self, hidden: Tensor, rows: Tensor) -> Tensor:
        raw = self.network.density_of(hidden, rows)
        return density_from_raw(raw, self.config.density_activation)

    def _features_of(self, hidden: Tensor, rows: Tensor) -> Tensor:
        return (self.network.features_of(hidden, rows) + 1) / 2
