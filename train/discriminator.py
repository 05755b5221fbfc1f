"""StyleGAN2-style discriminators, conditioned on the camera (EG3D sec. 4.3, StyleGAN2 sec. 4).

One class serves both kinds: with 3 input channels it judges a picture alone (generators without
super-resolution), with 6 the picture together with the raw picture enlarged to its size (EG3D's
dual discrimination). The latter has the weights of the published discriminator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ballgan.config import MappingConfig
from ballgan.stylegan2 import SQRT2, FullyConnected, Mapping, activate, low_pass

from .config import DiscriminatorConfig

SKIP_GAIN = math.sqrt(0.5)


class Conv2d(nn.Module):
    """Convolution with equalised learning rate, optional 2x downsampling and activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        down: bool = False,
        activation: bool = True,
        bias: bool = True,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.down, self.activation, self.clamp = down, activation, clamp
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W), or half the resolution; `gain` scales the output."""
        weight = self.weight * self.weight_gain
        padding = self.weight.shape[-1] // 2
        if self.down and padding == 0:
            x = F.conv2d(low_pass(x, padding=1)[:, :, ::2, ::2], weight)
        elif self.down:
            x = F.conv2d(low_pass(x, padding=padding + 1), weight, stride=2)
        else:
            x = F.conv2d(x, weight, padding=padding)
        if self.bias is not None:
            x = x + self.bias[:, None, None]
        if not self.activation:
            return x * gain
        clamp = None if self.clamp is None else self.clamp * gain
        return activate(x, SQRT2 * gain, clamp)


class Block(nn.Module):
    """Two convolutions and a skip connection, to half the resolution."""

    def __init__(self, in_channels: int, out_channels: int, clamp: float | None) -> None:
        super().__init__()
        self.skip = Conv2d(in_channels, out_channels, 1, down=True, activation=False, bias=False)
        self.conv0 = Conv2d(in_channels, in_channels, 3, clamp=clamp)
        self.conv1 = Conv2d(in_channels, out_channels, 3, down=True, clamp=clamp)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H / 2, W / 2)."""
        return self.conv1(self.conv0(x), SKIP_GAIN) + self.skip(x, SKIP_GAIN)


def minibatch_deviation(x: Tensor, group_size: int) -> Tensor:
    """Appends one channel: the deviation inside a group of samples (ProGAN sec. 3).

    Sample n belongs to group n mod (B / G). (B, C, H, W) -> (B, C + 1, H, W).
    """
    batch, _, height, width = x.shape
    group = math.gcd(group_size, batch)
    deviation = x.view(group, -1, *x.shape[1:]).var(0, correction=0).add(1e-8).sqrt()
    deviation = deviation.mean((1, 2, 3)).repeat(group)  # (B,)
    return torch.cat([x, deviation.view(-1, 1, 1, 1).expand(-1, 1, height, width)], dim=1)


class Discriminator(nn.Module):
    """Pictures and camera labels to logits."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        sizes = [2**k for k in range(config.resolution.bit_length() - 1, 1, -1)]
        widths = [min(config.channel_base // size, config.channel_max) for size in sizes]
        self.from_rgb = Conv2d(config.image_channels, widths[0], 1, clamp=config.clamp)
        self.blocks = nn.ModuleList(
            Block(a, b, config.clamp) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        last = widths[-1]
        self.mapping: Mapping | None = None
        if config.conditional:
            self.mapping = Mapping(
                MappingConfig(z_dim=0, w_dim=last, num_layers=config.mapping_layers, label_dim=25)
            )
        self.conv = Conv2d(last + 1, last, 3, clamp=config.clamp)
        self.fc = FullyConnected(last * 16, last)
        self.output = FullyConnected(last, last if config.conditional else 1)

    @property
    def picture_layers(self) -> tuple[nn.Module, ...]:
        """What works on large pictures."""
        return (self.from_rgb, *self.blocks)

    def forward(
        self, image: Tensor, raw: Tensor | None = None, label: Tensor | None = None
    ) -> Tensor:
        """Logits (B, 1).

        Args:
            image: (B, 3, resolution, resolution).
            raw: (B, 3, n, n), the volume-rendered picture, for a dual discriminator.
            label: (B, 25), for a conditional one.
        """
        size = self.config.resolution
        if image.shape[-2:] != (size, size):
            raise ValueError(f"image should be (B, 3, {size}, {size}); got {tuple(image.shape)}.")
        if self.config.dual:
            if raw is None:
                raise ValueError("A dual discriminator also needs the raw picture (B, 3, n, n).")
            enlarged = F.interpolate(raw, size=(size, size), mode="bilinear", antialias=True)
            image = torch.cat([image, enlarged], dim=1)
        x = self.from_rgb(image.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        x = self.conv(minibatch_deviation(x, self.config.group_size))
        x = self.output(activate(self.fc(x.flatten(1))))
        if self.mapping is None:
            return x
        if label is None:
            raise ValueError("A conditional discriminator also needs the camera label (B, 25).")
        code = self.mapping(None, label)
        return (x * code).sum(1, keepdim=True) / math.sqrt(code.shape[1])
