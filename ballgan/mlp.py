"""Positional encoding and the fully connected layers of the learnt backgrounds."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .stylegan2 import FullyConnected, activate


def encode_positions(x: Tensor, num_frequencies: int) -> Tensor:
    """sin(2^i pi x), cos(2^i pi x) for i = 0 ... num_frequencies - 1 (NeRF eq. 4).

    (..., D) -> (..., 2 D num_frequencies); for each i all sines, then all cosines. Published
    checkpoints need this order.
    """
    scales = math.pi * 2.0 ** torch.arange(num_frequencies, device=x.device, dtype=x.dtype)
    scaled = x[..., None, :] * scales[:, None]  # (..., F, D)
    return torch.cat([scaled.sin(), scaled.cos()], dim=-1).flatten(-2)


class ModulatedLinear(nn.Module):
    """A StyleGAN2 modulated 1x1 convolution on points instead of pixels."""

    bias_gain = 1.0

    def __init__(
        self, in_features: int, out_features: int, *, w_dim: int, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.demodulate = demodulate
        self.affine = FullyConnected(w_dim, in_features, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.style_gain = 1.0 if demodulate else 1 / math.sqrt(in_features)

    @property
    def style_weight(self) -> Tensor:
        """What turns w into styles (in_features, w_dim)."""
        return self.affine.matrix * self.style_gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (B, N, in_features), w (B, w_dim) -> (B, N, out_features), linear."""
        return torch.baddbmm(self.bias, x, self.styled_weight(w).transpose(1, 2))

    def styled_weight(self, w: Tensor) -> Tensor:
        """The weight (B, out_features, in_features) for w (B, w_dim).

        Demodulated layers normalise the styled weight; the others divide the style by sqrt(in).
        """
        styles = self.affine(w) * self.style_gain
        weight = self.weight * styles[:, None]  # (B, O, I)
        if self.demodulate:
            weight = weight * (weight.square().sum(-1, keepdim=True) + 1e-8).rsqrt()
        return weight


class ModulatedMLP(nn.Module):
    """Modulated hidden layers with leaky ReLU and a modulated linear output."""

    def __init__(
        self, in_features: int, hidden_size: int, out_features: int, *, num_layers: int, w_dim: int
    ) -> None:
        super().__init__()
        widths = [in_features] + [hidden_size] * num_layers
        self.layers = nn.ModuleList(
            ModulatedLinear(a, b, w_dim=w_dim) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.output = ModulatedLinear(hidden_size, out_features, w_dim=w_dim, demodulate=False)

    @property
    def num_ws(self) -> int:
        """Rows of ws: one a layer, the output included."""
        return len(self.layers) + 1

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws, and what turns w into styles (in, w_dim)."""
        for row, layer in enumerate((*self.layers, self.output)):
            assert isinstance(layer, ModulatedLinear)
            yield row, layer.style_weight

    def forward(self, x: Tensor, ws: Tensor) -> Tensor:
        """x (B, N, in), ws (B, num_ws, w_dim) -> (B, N, out)."""
        for i, layer in enumerate(self.layers):
            x = activate(layer(x, ws[:, i]))
        return self.output(x, ws[:, -1])


class PlainMLP(nn.Module):
    """ReLU layers without equalised learning rate; a raw code is concatenated to the input."""

    num_ws = 1

    def __init__(
        self,
        in_features: int,
        hidden_size: int,
        out_features: int,
        *,
        num_layers: int,
        code_dim: int,
    ) -> None:
        super().__init__()
        widths = [in_features + code_dim] + [hidden_size] * num_layers
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.output = nn.Linear(hidden_size, out_features)
        self.code_dim = code_dim

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """The part of the first layer that reads the code (hidden_size, code_dim), for row 0."""
        if self.code_dim:
            first = self.layers[0]
            assert isinstance(first, nn.Linear)
            yield 0, first.weight[:, -self.code_dim :]

    def forward(self, x: Tensor, ws: Tensor) -> Tensor:
        """x (B, N, in), code ws (B, 1, code_dim) -> (B, N, out)."""
        x = torch.cat([x, ws.expand(-1, x.shape[1], -1)], dim=-1)
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.output(x)
