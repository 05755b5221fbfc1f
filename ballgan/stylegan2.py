"""StyleGAN2 building blocks in plain PyTorch: mapping, modulated convolution, synthesis.

Formulas: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (StyleGAN2),
sec. 2 and appendix B. Activations are leaky ReLU (slope 0.2) with gain sqrt(2); the order is
always bias, activation, gain, clamp. Feature maps are kept channels-last, which convolutions on
CPUs and GPUs like best.
"""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import BackboneConfig, MappingConfig

Step = Callable[[], None]  # called between layers; it may raise to stop the work

SQRT2 = math.sqrt(2)
MAPPING_LEARNING_RATE_MULTIPLIER = 0.01


def activate(x: Tensor, gain: float = SQRT2, clamp: float | None = None) -> Tensor:
    """Leaky ReLU (slope 0.2) times `gain`, then clamped to +-`clamp`."""
    x = F.leaky_relu(x, 0.2) * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def normalize_second_moment(x: Tensor) -> Tensor:
    """x / sqrt(mean(x^2) + 1e-8) over the last axis."""
    return x * (x.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt()


def upsample(x: Tensor) -> Tensor:
    """Doubles the resolution of (B, C, H, W) with the FIR filter [1, 3, 3, 1] (zeros outside).

    With these taps the filter is bilinear interpolation, except at the border.
    """
    padded = F.pad(x, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2, mode="bilinear")[:, :, 2:-2, 2:-2]


def smooth_upsampled(x: Tensor) -> Tensor:
    """FIR filter after a stride-2 transposed convolution: (B, C, 2H+1, 2W+1) -> (B, C, 2H, 2W)."""
    return low_pass(x, padding=1) * 4


def low_pass(x: Tensor, padding: int) -> Tensor:
    """The FIR filter [1, 3, 3, 1] / 8 along both axes of (B, C, H, W), zeros outside."""
    return F.conv2d(x, low_pass_kernel(x.shape[1], x), padding=padding, groups=x.shape[1])


def low_pass_kernel(channels: int, like: Tensor) -> Tensor:
    """The FIR filter as weight (channels, 1, 4, 4) of a convolution of each channel alone."""
    place = torch.arange(4, device=like.device, dtype=like.dtype)
    taps = (1 + place * (3 - place)) / 8  # made on the device: copying numbers there waits for it
    return torch.outer(taps, taps).expand(channels, 1, 4, 4).contiguous()


def modulated_conv2d(
    x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool = True, up: bool = False
) -> Tensor:
    """Convolution whose weight is scaled by a style per sample and input channel.

    Args:
        x: (B, I, H, W).
        weight: (O, I, k, k).
        styles: (B, I).
        demodulate: normalise the scaled weight per output channel (StyleGAN2 eq. 3).
        up: double the resolution (transposed convolution, then a FIR filter).

    Returns (B, O, H, W), or (B, O, 2H, 2W) with `up`.
    """
    scale_out = None
    if x.shape[0] == 1:
        # One sample: scale the weight, which is smaller than the feature maps.
        weight = weight * styles[:, :, None, None]
        if demodulate:
            weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
    else:
        # A batch: scale the input and the output instead, which gives the same result.
        x = x * styles[:, :, None, None]
        if demodulate:
            energy = weight.square().sum((2, 3))  # (O, I)
            scale_out = (styles.square() @ energy.T + 1e-8).rsqrt()  # (B, O)
    if up:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        x = smooth_upsampled(x)
    else:
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
    return x if scale_out is None else x * scale_out[:, :, None, None]


class FullyConnected(nn.Module):
    """y = x (W m / sqrt(in))^T + b m: equalised learning rate with multiplier m."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        learning_rate_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(out_features, in_features) / learning_rate_multiplier
        )
        self.bias = nn.Parameter(torch.full((out_features,), bias_init / learning_rate_multiplier))
        self.weight_gain = learning_rate_multiplier / math.sqrt(in_features)
        self.bias_gain = learning_rate_multiplier

    @property
    def matrix(self) -> Tensor:
        """What the layer multiplies with (out_features, in_features): the weight with its gain."""
        return self.weight * self.weight_gain

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        bias = self.bias if self.bias_gain == 1 else self.bias * self.bias_gain
        return F.linear(x, self.matrix, bias)


class Mapping(nn.Module):
    """Mapping network: (normalised z, normalised embedded label) -> w."""

    def __init__(self, config: MappingConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = FullyConnected(config.label_dim, config.w_dim) if config.label_dim else None
        widths = [config.z_dim + (config.w_dim if config.label_dim else 0)]
        widths += [config.w_dim] * config.num_layers
        self.layers = nn.ModuleList(
            FullyConnected(a, b, learning_rate_multiplier=MAPPING_LEARNING_RATE_MULTIPLIER)
            for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.w_avg: Tensor
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor | None, label: Tensor | None = None) -> Tensor:
        """z (B, z_dim), camera label (B, 25) -> w (B, w_dim), before truncation.

        z is None where the config's z_dim is 0.
        """
        inputs = [] if z is None else [normalize_second_moment(z)]
        if self.embed is not None:
            if label is None:
                raise ValueError(
                    "This mapping network is conditioned on a camera: pass label (B, 25)."
                )
            embedded = self.embed(label * self.config.label_scale)
            inputs.append(normalize_second_moment(embedded))
        x = torch.cat(inputs, dim=-1)
        for layer in self.layers:
            x = activate(layer(x))
        return x


def truncate(w: Tensor, w_avg: Tensor, psi: float, cutoff: int | None, num_ws: int) -> Tensor:
    """Repeat w (B, w_dim) to (B, num_ws, w_dim) and pull rows towards the average.

    row <- w_avg + psi (row - w_avg) for the first `cutoff` rows, or for all (StyleGAN sec. 3.2).
    """
    return truncate_rows(w[:, None].repeat(1, num_ws, 1), w_avg, psi, cutoff)


def truncate_rows(ws: Tensor, w_avg: Tensor, psi: float, cutoff: int | None) -> Tensor:
    """The same for rows ws (B, num_ws, w_dim), which are changed in place."""
    if psi != 1:
        ws[:, :cutoff] = w_avg.lerp(ws[:, :cutoff], psi)
    return ws


class SynthesisLayer(nn.Module):
    """Style, demodulated 3x3 convolution, noise, bias, activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        w_dim: int,
        resolution: int,
        up: bool = False,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.noise_const: Tensor
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    @property
    def style_weight(self) -> Tensor:
        """What turns w into styles (I, w_dim)."""
        return self.affine.matrix

    def forward(
        self, x: Tensor, w: Tensor, noise: str, generator: torch.Generator | None = None
    ) -> Tensor:
        """x (B, I, H, W), w (B, w_dim); noise "none", "const" or "random" -> (B, O, H', W')."""
        x = modulated_conv2d(x, self.weight, self.affine(w), up=self.up)
        if noise == "const":
            x = x + self.noise_const * self.noise_strength
        elif noise == "random":
            shape = (x.shape[0], 1, x.shape[2], x.shape[3])
            fresh = torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)
            x = x + fresh * self.noise_strength
        return activate(x + self.bias[:, None, None], clamp=self.clamp)


class ToRGB(nn.Module):
    """Style, 1x1 convolution without demodulation, bias: feature maps to an image."""

    def __init__(
        self, in_channels: int, out_channels: int, *, w_dim: int, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.style_gain = 1 / math.sqrt(in_channels)

    @property
    def style_weight(self) -> Tensor:
        """What turns w into styles (I, w_dim)."""
        return self.affine.matrix * self.style_gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (B, I, H, W), w (B, w_dim) -> (B, O, H, W)."""
        styles = self.affine(w) * self.style_gain
        x = modulated_conv2d(x, self.weight, styles, demodulate=False) + self.bias[:, None, None]
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """Two synthesis layers and a to-RGB layer that adds to a running image (skip architecture)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        image_channels: int,
        *,
        w_dim: int,
        resolution: int,
        up: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.up = up
        self.conv0 = SynthesisLayer(
            in_channels, out_channels, w_dim=w_dim, resolution=resolution, up=up, clamp=clamp
        )
        self.conv1 = SynthesisLayer(
            out_channels, out_channels, w_dim=w_dim, resolution=resolution, clamp=clamp
        )
        self.to_rgb = ToRGB(out_channels, image_channels, w_dim=w_dim, clamp=clamp)

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of the block's three rows of ws, and what turns w into styles."""
        yield 0, self.conv0.style_weight
        yield 1, self.conv1.style_weight
        yield 2, self.to_rgb.style_weight

    def forward(
        self,
        x: Tensor,
        image: Tensor,
        ws: Tensor,
        noise: str,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> tuple[Tensor, Tensor]:
        """x (B, I, H, W), image (B, C, H, W), ws (B, 3, w_dim) -> both at the new resolution."""
        for i, layer in enumerate((self.conv0, self.conv1)):
            if step is not None:
                step()
            x = layer(x, ws[:, i], noise, generator)
        image = (upsample(image) if self.up else image) + self.to_rgb(x, ws[:, 2])
        return x, image


class Backbone(nn.Module):
    """Synthesis network from ws to an image of `image_channels` (the stacked feature planes)."""

    def __init__(self, config: BackboneConfig, *, w_dim: int, image_channels: int) -> None:
        super().__init__()
        self.config = config
        clamp = config.clamp
        first, *others = config.resolutions
        channels = config.channels(first)
        self.const = nn.Parameter(torch.randn(channels, first, first))
        self.conv = SynthesisLayer(channels, channels, w_dim=w_dim, resolution=first, clamp=clamp)
        self.to_rgb = ToRGB(channels, image_channels, w_dim=w_dim, clamp=clamp)
        self.blocks = nn.ModuleList(
            SynthesisBlock(
                config.channels(r // 2),
                config.channels(r),
                image_channels,
                w_dim=w_dim,
                resolution=r,
                clamp=clamp,
            )
            for r in others
        )

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws, and what turns w into styles (I, w_dim)."""
        yield 0, self.conv.style_weight
        yield 1, self.to_rgb.style_weight
        for i, block in enumerate(self.blocks):
            assert isinstance(block, SynthesisBlock)
            for row, weight in block.style_weights():
                yield 2 * i + 1 + row, weight

    def forward(
        self,
        ws: Tensor,
        noise: str = "const",
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> Tensor:
        """ws (B, num_ws, w_dim) -> (B, image_channels, resolution, resolution).

        Rows of ws: 0 and 1 for the first resolution; each block takes three, and the row of its
        to-RGB layer is also the first row of the next block. Published checkpoints need this.
        """
        if ws.ndim != 3 or ws.shape[1] != self.config.num_ws:
            raise ValueError(
                f"ws should be (B, {self.config.num_ws}, w_dim); got {tuple(ws.shape)}."
            )
        x = self.const.expand(ws.shape[0], -1, -1, -1)
        x = self.conv(x.contiguous(memory_format=torch.channels_last), ws[:, 0], noise, generator)
        image = self.to_rgb(x, ws[:, 1])
        for i, block in enumerate(self.blocks):
            x, image = block(x, image, ws[:, 2 * i + 1 : 2 * i + 4], noise, generator, step)
        return image
