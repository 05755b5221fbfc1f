"""StyleNeRF's discriminator, which grows with the pictures (StyleNeRF sec. 3.4, ProGAN sec. 2).

The colours enter at every resolution (StyleGAN2's input skips), so that smaller pictures simply
begin further down. It has the weights of the published one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ballgan.stylegan2 import FullyConnected, activate, low_pass

from .config import DiscriminatorConfig
from .discriminator import Conv2d, minibatch_deviation


class SkipBlock(nn.Module):
    """Features with the picture's colours added, through two convolutions, to half the size."""

    def __init__(self, in_channels: int, out_channels: int, clamp: float | None) -> None:
        super().__init__()
        self.from_rgb = Conv2d(3, in_channels, 1, clamp=clamp)
        self.conv0 = Conv2d(in_channels, in_channels, 3, clamp=clamp)
        self.conv1 = Conv2d(in_channels, out_channels, 3, down=True, clamp=clamp)

    def forward(self, x: Tensor | None, image: Tensor) -> Tensor:
        """(B, I, H, W), or None for nothing, and (B, 3, H, W) -> (B, O, H / 2, W / 2)."""
        colors = self.from_rgb(image)
        return self.conv1(self.conv0(colors if x is None else x + colors))


class ProgressiveDiscriminator(nn.Module):
    """Pictures of the configured resolution, or of a smaller power of two, to logits."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        sizes = [2**k for k in range(config.resolution.bit_length() - 1, 1, -1)]
        widths = [min(config.channel_base // size, config.channel_max) for size in sizes]
        self.blocks = nn.ModuleList(
            SkipBlock(a, b, config.clamp) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        last = widths[-1]
        self.from_rgb = Conv2d(3, last, 1, clamp=config.clamp)
        self.conv = Conv2d(last + 1, last, 3, clamp=config.clamp)
        self.fc = FullyConnected(last * 16, last)
        self.output = FullyConnected(last, 1)

    @property
    def picture_layers(self) -> tuple[nn.Module, ...]:
        """What works on large pictures."""
        return tuple(self.blocks)

    def forward(self, image: Tensor, fade: float = 1.0) -> Tensor:
        """Logits (B, 1).

        Args:
            image: (B, 3, S, S); S is the resolution, or a smaller power of two from 8 on.
            fade: weight in [0, 1] of the block of S against a picture of half the size.
        """
        size, largest = image.shape[-1], self.config.resolution
        if image.shape[-2] != size or not 8 <= size <= largest or size & (size - 1):
            raise ValueError(
                f"image should be (B, 3, S, S), with S a power of two from 8 to {largest}; "
                f"got {tuple(image.shape)}."
            )
        first = largest.bit_length() - size.bit_length()
        half = F.interpolate(image, scale_factor=0.5, mode="bilinear") if fade < 1 else None
        image = image.contiguous(memory_format=torch.channels_last)
        x: Tensor | None = None
        if first:  # smaller pictures count twice there: published weights are used to it
            x = self._enter(first, image)
        for number in range(first, len(self.blocks)):
            x = self.blocks[number](x, image)
            image = low_pass(image, padding=1)[:, :, ::2, ::2]
            if half is not None and number == first:
                image = half.lerp(image, fade)
                x = self._enter(number + 1, half).lerp(x, fade)
        assert x is not None
        x = self.conv(minibatch_deviation(x + self.from_rgb(image), self.config.group_size))
        logits: Tensor = self.output(activate(self.fc(x.flatten(1))))
        return logits

    def _enter(self, depth: int, image: Tensor) -> Tensor:
        """Features of a picture (B, 3, H, W) for the block at a depth, or for what is behind."""
        block = self.blocks[depth] if depth < len(self.blocks) else self
        assert isinstance(block.from_rgb, Conv2d)
        features: Tensor = block.from_rgb(image)
        return features
