"""StyleNeRF's network of points: encoded positions to density, colour and features.

StyleNeRF sec. 3.1. The foreground gives it points of space; the inverted sphere, four numbers
(NeRF++ sec. 4). Hidden layers are modulated by rows of ws, or have a raw code appended to their
input.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .mlp import ModulatedLinear, encode_positions
from .stylegan2 import FullyConnected, activate
from .stylenerf_config import PointNetworkConfig

LEAST_EXTINCTION = 1e-7  # of a point, per world unit: empty, with a finite logarithm
GAUSSIAN_DEVIATION = 2.0


class PointNetwork(nn.Module):
    """Positions (B, N, D) and ws to a hidden layer, and from that to density and features.

    conditioning: ws (B, num_ws, width) modulates the layers; or, "concatenated", is the raw code
    (B, 1, width). Features are colour (3), which is linear in the others, then feature_channels -
    3 more, nominally in [-1, 1]; of a network with 3 channels only the colour is given.
    """

    def __init__(
        self,
        config: PointNetworkConfig,
        *,
        dimensions: int,
        feature_channels: int,
        width: int,
        modulated: bool = True,
    ) -> None:
        super().__init__()
        self.config, self.modulated, self.width = config, modulated, width
        self.order = ["xyz".index(axis) for axis in config.axes] + list(range(3, dimensions))
        self.projection: Tensor | None
        self.register_buffer("projection", None)
        if config.encoding == "gaussian":
            projection = GAUSSIAN_DEVIATION * torch.randn(dimensions, config.gaussian_features)
            self.register_buffer("projection", projection)
        inputs = config.encoding_channels(dimensions) + (0 if modulated else width)
        widths = [inputs] + [config.hidden_size] * (config.num_layers - 1)
        self.skip_before = config.num_layers // 2 if config.skip else -1  # this layer
        if config.skip:
            widths[self.skip_before] += inputs
        self.layers = nn.ModuleList(self._linear(a, config.hidden_size, width) for a in widths)
        self.density_head = self._linear(config.hidden_size, 1, width, output=True)
        features = feature_channels - 3 or config.hidden_size
        self.feature_head = self._linear(config.hidden_size, features, width, output=True)
        self.color_head = FullyConnected(features, 3)
        self.feature_channels = feature_channels

    def _linear(self, inputs: int, outputs: int, width: int, output: bool = False) -> nn.Module:
        if self.modulated:
            return ModulatedLinear(inputs, outputs, w_dim=width, demodulate=not output)
        return nn.Linear(inputs, outputs)

    @property
    def num_ws(self) -> int:
        """Rows of ws: one a hidden layer, then those of density and features; or the one code."""
        return self.config.num_ws if self.modulated else 1

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws, and what turns w into styles (C, width).

        Of a raw code, the part of the layers' weights that reads it.
        """
        if self.modulated:
            for row, layer in enumerate((*self.layers, self.density_head, self.feature_head)):
                assert isinstance(layer, ModulatedLinear)
                yield row, layer.style_weight
        elif self.width:
            for row in {0, max(self.skip_before, 0)}:
                layer = self.layers[row]
                assert isinstance(layer, nn.Linear)
                yield 0, layer.weight[:, -self.width :]

    def hidden(self, positions: Tensor, ws: Tensor) -> Tensor:
        """The last hidden layer (B, N, H) at positions (B, N, D)."""
        encoded = self.encode(positions)
        if not self.modulated:
            code = ws.expand(-1, encoded.shape[1], -1)
            encoded = torch.cat([encoded, code], dim=-1)
        x = encoded
        for i, layer in enumerate(self.layers):
            if i == self.skip_before:
                x = torch.cat([x, encoded], dim=-1)
            # Published backgrounds, which have a raw code, take ReLU without a gain.
            x = activate(layer(x, ws[:, i])) if self.modulated else F.relu(layer(x))
        return x

    def density_of(self, hidden: Tensor, ws: Tensor) -> Tensor:
        """Raw density (B, N) of a hidden layer, as the head gives it."""
        head = self.density_head
        raw = head(hidden, ws[:, -2]) if self.modulated else head(hidden)
        return raw[..., 0]

    def features_of(self, hidden: Tensor, ws: Tensor) -> Tensor:
        """Colour and features (B, N, F) of a hidden layer, which they are linear in."""
        head = self.feature_head
        features = head(hidden, ws[:, -1]) if self.modulated else head(hidden)
        color = self.color_head(features)
        if self.feature_channels == 3:
            return color
        return torch.cat([color, features], dim=-1)

    def encode(self, positions: Tensor) -> Tensor:
        """Positions (..., D) to what the first layer takes."""
        config = self.config
        scaled = positions[..., self.order] / config.position_divisor
        if config.encoding == "frequencies":
            encoded = encode_positions(scaled, config.num_frequencies)
        elif self.projection is not None:
            angles = (math.pi * scaled) @ self.projection
            encoded = torch.cat([angles.sin(), angles.cos()], dim=-1)
        else:
            encoded = scaled
        return torch.cat([encoded, scaled], dim=-1) if config.append_position else encoded


def density_from_raw(raw: Tensor, activation: str) -> Tensor:
    """The raw density whose softplus(. - 1) is the extinction that `activation` gives for `raw`.

    All fields speak of density in this way (see `volume.density_to_extinction`), whatever they
    were trained with.
    """
    if activation == "softplus":
        return raw
    extinction = F.relu(raw) if activation == "relu" else torch.exp(raw.clamp_max(6.0) - 1)
    extinction = extinction.clamp_min(LEAST_EXTINCTION)
    return extinction + torch.log(-torch.expm1(-extinction)) + 1
