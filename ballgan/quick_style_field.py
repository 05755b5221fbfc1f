"""StyleNeRF's field prepared for many look-ups: same values as `StyleField`, to rounding.

The styles are multiplied into the weights once, with the gain of the activation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .mlp import ModulatedLinear
from .point_network import density_from_raw
from .style_field import StyleField
from .stylegan2 import SQRT2

POINTS_AT_ONCE = 2**14
SOMEWHAT_DENSE = 1e3  # raw density that stands for "there may be something"


class QuickStyleField:
    """Density and features of one code, rows (1, num_ws, w_dim). Not differentiable."""

    outside = True  # as of QuickField: nobody knows

    def __init__(self, field: StyleField, rows: Tensor) -> None:
        network = field.network
        self.box = field.config.box_warp
        self.feature_channels = field.config.feature_channels
        self._activation = field.config.density_activation
        self._encode, self._skip_before = network.encode, network.skip_before
        self._layers = [
            (SQRT2 * weight, SQRT2 * bias)
            for weight, bias in (
                _styled(layer, rows[0, i]) for i, layer in enumerate(network.layers)
            )
        ]
        self._density = _styled(network.density_head, rows[0, -2])
        weight, bias = _styled(network.feature_head, rows[0, -1])
        head = network.color_head
        color, color_bias = head.weight * head.weight_gain, head.bias * head.bias_gain
        # The colour is linear in the features, so one layer gives both, as (x + 1) / 2.
        weight = torch.cat([color @ weight, weight])[: self.feature_channels]
        bias = torch.cat([color @ bias + color_bias, bias])[: self.feature_channels]
        self._features = weight / 2, (bias + 1) / 2

    def hidden(self, points: Tensor) -> Tensor:
        """The last hidden layer at points (3, N), one axis after the other: (N, H)."""
        encoded = self._encode(points.T)
        x = encoded
        for i, (weight, bias) in enumerate(self._layers):
            if i == self._skip_before:
                x = torch.cat([x, encoded], dim=-1)
            x = F.leaky_relu_(F.linear(x, weight, bias), 0.2)
        return x

    def density_of(self, hidden: Tensor, points: Tensor) -> Tensor:
        """Raw density (N,) of a hidden layer (N, H)."""
        weight, bias = self._density
        return density_from_raw(torch.addmv(bias, hidden, weight[0]), self._activation)

    def features_of(self, hidden: Tensor) -> Tensor:
        """Features (N, F), nominally in [0, 1], of a hidden layer (N, H)."""
        return F.linear(hidden, *self._features)

    def density_grid(self, resolution: int) -> Tensor:
        """Raw density at the centres of the box's cells, and beyond: (R + 2,) * 3, axes x, y, z.

        The first and the last of an axis are outside, where nobody knows.
        """
        axis = torch.arange(resolution, device=self._density[0].device)
        centres = ((axis + 0.5) / resolution - 0.5) * self.box
        points = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij")).flatten(1)
        parts = points.split(POINTS_AT_ONCE, dim=1)
        densities = [self.density_of(self.hidden(part), part) for part in parts]
        inside = torch.cat(densities).view(resolution, resolution, resolution)
        return F.pad(inside, (1, 1, 1, 1, 1, 1), value=SOMEWHAT_DENSE)


def _styled(layer: torch.nn.Module, w: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (O, I) and bias (O,) of a modulated layer with the style of w (w_dim,)."""
    assert isinstance(layer, ModulatedLinear)
    return layer.styled_weight(w[None])[0], layer.bias
