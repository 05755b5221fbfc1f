"""StyleNeRF's image head: modulated blocks that double the resolution (StyleNeRF sec. 3.2).

Convolutions of 1x1 look at no neighbour; how a block upsamples is chosen so that pictures of a
moving camera stay consistent.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graphs import replay
from .quick_synthesis import half_precision
from .shortage import try_with_less
from .stylegan2 import (
    FullyConnected,
    Step,
    ToRGB,
    activate,
    low_pass,
    modulated_conv2d,
    upsample,
)
from .stylenerf_config import StyleUpsamplingConfig

MAGNITUDE_DECAY = 0.999


class StyleUpsampling(nn.Module):
    """From the volume-rendered features and their colour to the picture."""

    def __init__(self, config: StyleUpsamplingConfig, *, feature_channels: int, w_dim: int) -> None:
        super().__init__()
        self.config = config
        widths = (feature_channels - 3, *config.channels)
        self.blocks = nn.ModuleList(
            UpsamplingBlock(
                config, widths[i], widths[i + 1], config.input_resolution << (i + 1), w_dim
            )
            for i in range(len(config.channels))
        )

    @property
    def num_ws(self) -> int:
        """Rows of ws that are used: the last so many."""
        return self.config.num_ws

    def style_weights(self) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, its row of ws from the end, and what turns w into styles (I, w_dim)."""
        for i, block in enumerate(self.blocks):
            assert isinstance(block, UpsamplingBlock)
            first = 2 * i - self.num_ws
            last = -1 if self.config.shared_rgb_style else first + 2
            yield first, block.conv0.affine.matrix
            yield first + 1, block.conv1.affine.matrix
            yield last, block.to_rgb.style_weight

    def forward(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
        *,
        quick: bool = False,
    ) -> Tensor:
        """features (B, 3 + F, H, W), colour first, and ws (B, num_ws or more, w_dim).

        Returns the picture (B, 3, H', W') at the present growth, nominally in [-1, 1]. Features of
        another size are resized to the one they have in training. `step` is called between layers.
        quick: one picture, not differentiable, less precise where that is faster.
        """
        if quick and features.device.type != "cpu":
            return try_with_less(
                lambda: replay(self, _run_in_half_precision, features, ws, step=step),
                lambda: _run_in_half_precision(self, features, ws, step),
                self,
            )
        return self._run(features, ws, generator, step)

    def _run(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> Tensor:
        *lower, picture = self.pictures(features, ws, generator, step)
        if self.config.fade == 1 or not lower:
            return picture
        below = F.interpolate(lower[-1].to(picture.dtype), scale_factor=2, mode="bilinear")
        return below.lerp(picture, self.config.fade)

    def pictures(
        self,
        features: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> Iterator[Tensor]:
        """The volume-rendered colour, then the picture of each active block."""
        features = self.resize(features)
        image, x = features[:, :3], features[:, 3:]
        yield image
        for i, block in enumerate(self.active_blocks):
            x, image = block(x, image, self.rows(ws, i), generator, step)
            yield image

    def colors(self, features: Tensor, ws: Tensor) -> Tensor:
        """Colours (B, N, 3) of single points: features (B, N, 3 + F) through all 1x1 layers.

        Nothing is upsampled, so no neighbour matters (StyleNeRF sec. 3.3, the NeRF path).
        """
        features = features.transpose(1, 2)[..., None]  # (B, 3 + F, N, 1)
        image, x = features[:, :3], features[:, 3:]
        for i, block in enumerate(self.active_blocks):
            x, image = block.transform(x, image, self.rows(ws, i))
        return image[..., 0].transpose(1, 2)

    @property
    def active_blocks(self) -> list["UpsamplingBlock"]:
        """The blocks that are there at the present growth."""
        doublings = self.config.output_resolution.bit_length() - (
            self.config.input_resolution.bit_length()
        )
        return [b for b in self.blocks[: max(doublings, 0)] if isinstance(b, UpsamplingBlock)]

    def rows(self, ws: Tensor, block: int) -> Tensor:
        """The three rows of ws (B, 3, w_dim) of a block; neighbours share one.

        Published checkpoints need this.
        """
        ws = ws[:, -self.num_ws :]
        rows = ws[:, 2 * block : 2 * block + 3]
        if not self.config.shared_rgb_style:
            return rows
        return torch.cat([rows[:, :2], ws[:, -1:]], dim=1)

    def resize(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) at the size that the blocks were trained on."""
        shorter, wanted = min(features.shape[2:]), self.config.rendered_resolution
        if shorter == wanted:
            return features
        size = [round(side * wanted / shorter) for side in features.shape[2:]]
        return F.interpolate(features, size=size, mode="bilinear", antialias=True)


class UpsamplingBlock(nn.Module):
    """Two layers, of which the first doubles the resolution, and one that adds to the picture."""

    def __init__(
        self,
        config: StyleUpsamplingConfig,
        in_channels: int,
        out_channels: int,
        resolution: int,
        w_dim: int,
    ) -> None:
        super().__init__()
        self.conv0 = UpsamplingLayer(config, in_channels, out_channels, resolution, w_dim, up=True)
        self.conv1 = UpsamplingLayer(config, out_channels, out_channels, resolution, w_dim)
        self.to_rgb = ToRGB(out_channels, 3, w_dim=w_dim, clamp=config.clamp)

    def forward(
        self,
        x: Tensor,
        image: Tensor,
        ws: Tensor,
        generator: torch.Generator | None = None,
        step: Step | None = None,
    ) -> tuple[Tensor, Tensor]:
        """x (B, I, H, W), image (B, 3, H, W), ws (B, 3, w_dim) -> both twice as large."""
        for i, layer in enumerate((self.conv0, self.conv1)):
            if step is not None:
                step()
            x = layer(x, ws[:, i], generator)
        return x, upsample(image) + self.to_rgb(x, ws[:, 2])

    def transform(self, x: Tensor, image: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
        """The same without upsampling and noise: what the block does to each pixel alone."""
        for i, layer in enumerate((self.conv0, self.conv1)):
            x = layer.transform(x, ws[:, i])
        return x, image + self.to_rgb(x, ws[:, 2])


class UpsamplingLayer(nn.Module):
    """Modulated convolution of features of unit magnitude, upsampling, noise, activation."""

    def __init__(
        self,
        config: StyleUpsamplingConfig,
        in_channels: int,
        out_channels: int,
        resolution: int,
        w_dim: int,
        *,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.config, self.up = config, up
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        size = config.kernel_size
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, size, size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.magnitude: Tensor
        self.register_buffer("magnitude", torch.ones(()))  # mean square of the input, averaged
        self.adapter: Adapter | None = None
        if up and config.upsample != "plain":
            self.adapter = Adapter(out_channels, config.upsample)
        if config.noise:
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.noise_const: Tensor
            self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """x (B, I, H, W), w (B, w_dim) -> (B, O, H', W')."""
        x = self._normalize(x)
        plain = self.up and self.adapter is None
        if plain and self.config.kernel_size == 1:
            x, plain = upsample(x), False
        x = modulated_conv2d(x, self.weight, self.affine(w), up=plain)
        if self.adapter is not None:
            x = self.adapter(x)
            # The filter is not centred: features move by half a pixel a block. Published
            # checkpoints need this.
            x = low_pass(F.pad(x, (2, 1, 2, 1)), padding=0) if self.config.blur else x
        return self._activate(self._add_noise(x, generator))

    def transform(self, x: Tensor, w: Tensor) -> Tensor:
        """The same without upsampling and noise."""
        x = modulated_conv2d(self._normalize(x, learn=False), self.weight, self.affine(w))
        return self._activate(x)

    def _normalize(self, x: Tensor, learn: bool = True) -> Tensor:
        if self.training and learn:
            with torch.no_grad():
                square = x.float().square().mean()
                self.magnitude.lerp_(square, 1 - MAGNITUDE_DECAY)
        return x * self.magnitude.rsqrt()

    def _add_noise(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.config.noise:
            return x
        noise = self.noise_const
        if self.training:
            shape = (x.shape[0], 1, *x.shape[2:])
            noise = torch.randn(shape, generator=generator, device=x.device, dtype=x.dtype)
        elif noise.shape != x.shape[2:]:
            noise = F.interpolate(noise[None, None], x.shape[2:])[0, 0]
        return x + noise * self.noise_strength

    def _activate(self, x: Tensor) -> Tensor:
        return activate(x + self.bias[:, None, None], clamp=self.config.clamp)


class Adapter(nn.Module):
    """Doubles the resolution: nearest pixels, and what two learnt 1x1 layers add to them."""

    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        inputs, outputs = (2, 1) if kind == "nn_cat" else (1, 4)
        self.inner = FullyConnected(inputs * channels, channels // 4)
        self.outer = FullyConnected(channels // 4, outputs * channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        near = F.interpolate(x, scale_factor=2, mode="nearest")
        if self.kind == "nn_cat":
            return near + self._learnt(torch.cat([near, sum_neighbours(x)], dim=1))
        return near + F.pixel_shuffle(self._learnt(x), 2)

    def _learnt(self, x: Tensor) -> Tensor:
        return _pointwise(self.outer, activate(_pointwise(self.inner, x)))


def sum_neighbours(x: Tensor) -> Tensor:
    """Half the sum of each sub-pixel's two nearest other pixels: (B, C, H, W) -> (B, C, 2H, 2W).

    Zeros outside.
    """
    padded = F.pad(x, (1, 1, 1, 1))
    left, right = padded[:, :, 1:-1, :-2], padded[:, :, 1:-1, 2:]
    top, bottom = padded[:, :, :-2, 1:-1], padded[:, :, 2:, 1:-1]
    parts = [left + top, top + right, left + bottom, right + bottom]
    return F.pixel_shuffle(torch.stack(parts, dim=2).flatten(1, 2) / 2, 2)


def _pointwise(layer: FullyConnected, x: Tensor) -> Tensor:
    """A fully connected layer on the channels of each pixel."""
    weight = (layer.weight * layer.weight_gain)[:, :, None, None]
    return F.conv2d(x, weight, layer.bias * layer.bias_gain)


def _run_in_half_precision(
    network: StyleUpsampling, features: Tensor, ws: Tensor, step: Step | None
) -> Tensor:
    with half_precision(features.device):
        return network._run(features, ws, step=step).float()
