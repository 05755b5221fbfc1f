"""StyleGAN2 layers with one style, for one picture that goes through them in strips of lines.

The same layers as in stylegan2.py. Gains are folded into the weights, 3x3 convolutions use
Winograd's filtering where it pays, and a strip goes through all layers before the next one: what a
layer makes is used while it is in the cache, and no picture but the image is ever whole.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from .quick_conv import (
    TILE,
    Strips,
    convolve,
    convolve_directly,
    convolve_doubled,
    cut_into_strips,
    cut_out,
    transform_weight,
    transpose_weight,
)
from .stylegan2 import SQRT2, Step, SynthesisBlock, SynthesisLayer, ToRGB, upsample

# From which the transforms of tiles pay: channels, and pixels for each of them.
TILED_CHANNELS, TILED_PIXELS = 128, 8

Colors = list[Tensor]  # what a to-RGB layer makes of strips from top to bottom, float32
PREPARATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "direct": lambda weight: weight.contiguous(memory_format=torch.channels_last),
    "tiled": transform_weight,
    "up": transpose_weight,
}
CONVOLUTIONS = {"direct": convolve_directly, "tiled": convolve, "up": convolve_doubled}
# By layer: what the weight was prepared from and for, the weight, and its energy.
_prepared: WeakKeyDictionary[SynthesisLayer, tuple[tuple, Tensor, Tensor]] = WeakKeyDictionary()


class StyledLayer:
    """A `SynthesisLayer` with the style of one w (1, w_dim)."""

    def __init__(
        self, layer: SynthesisLayer, size: Sequence[int], w: Tensor, dtype: torch.dtype
    ) -> None:
        """size: (H, W) of the picture that comes in. dtype: of the products."""
        self._layer, self._lines, self._scale = layer, size[0], 2 if layer.up else 1
        self.size = [self._scale * side for side in size]
        tiled = _suits_tiles(layer.weight, self.size)
        kind = "up" if layer.up else "tiled" if tiled else "direct"
        self._convolve = CONVOLUTIONS[kind]
        weight, energy = _prepare(layer, kind, dtype)
        styles = layer.affine(w)[0]
        # Leaky ReLU commutes with positive gains: this one goes into the weights.
        demodulation = SQRT2 * torch.mv(energy, styles.square()).add(1e-8).rsqrt()
        both = (demodulation, styles) if kind == "direct" else (styles, demodulation)
        gains = torch.outer(*both).to(dtype)
        self._weight = weight * (gains if kind == "tiled" else gains[:, :, None, None])
        self._bias = (SQRT2 * layer.bias).to(dtype)

    def sees(self, lines: range) -> range:
        """Lines of the picture that comes in on which lines of its own depend, in whole tiles."""
        first, last = lines.start // self._scale - 1, -(-lines.stop // self._scale) + 1
        return range(max(0, first // TILE * TILE), min(self._lines, -(-last // TILE) * TILE))

    def run(self, strips: Strips, lines: range, noise: str) -> Iterator[Tensor]:
        """Strips of (H, W, I), of the lines that `lines` depend on -> strips of (H', W', O)."""
        layer, top = self._layer, lines.start
        strips = cut_into_strips(strips, layer.weight.shape[0] * self._scale**2)
        strips = self._convolve(strips, self._weight, self._bias)
        for x in cut_out(strips, self._scale * self.sees(lines).start, lines):
            self._add_noise(x, top, noise)
            top += len(x)
            x = F.leaky_relu_(x, 0.2)
            yield x if layer.clamp is None else x.clamp_(-layer.clamp, layer.clamp)

    def _add_noise(self, x: Tensor, top: int, noise: str) -> None:
        strength = SQRT2 * self._layer.noise_strength
        if noise == "const":
            lines = self._layer.noise_const[top : top + len(x)]
            x.add_((lines * strength)[..., None].to(x.dtype))
        elif noise == "random":
            x.add_(torch.randn(*x.shape[:2], 1, device=x.device).mul_(strength).to(x.dtype))


class StyledToRGB:
    """A `ToRGB` with the style of one w (1, w_dim)."""

    def __init__(self, layer: ToRGB, w: Tensor, dtype: torch.dtype) -> None:
        """dtype: of the products."""
        styles = layer.affine(w)[0] * layer.style_gain
        self._layer, self._weight = layer, (layer.weight[:, :, 0, 0] * styles).to(dtype)

    def run(self, strips: Strips, colors: Colors, step: Step | None) -> Iterator[Tensor]:
        """Passes on strips of (H, W, I), and appends its own (H, W, O) to `colors`.

        `step` is called before each strip.
        """
        clamp = self._layer.clamp
        for x in strips:
            if step is not None:
                step()
            seen = F.linear(x, self._weight).float().add_(self._layer.bias)
            colors.append(seen if clamp is None else seen.clamp_(-clamp, clamp))
            yield x


class StyledBlock:
    """A `SynthesisBlock` with the styles of three rows of ws (1, 3, w_dim)."""

    def __init__(
        self, block: SynthesisBlock, size: Sequence[int], rows: Tensor, dtype: torch.dtype
    ) -> None:
        """size: (H, W) of the picture that comes in. dtype: of the products."""
        self.scale = 2 if block.up else 1
        self.lines = size[0]  # of the picture that comes in
        self._conv0 = StyledLayer(block.conv0, size, rows[:, 0], dtype)
        self._conv1 = StyledLayer(block.conv1, self._conv0.size, rows[:, 1], dtype)
        self._to_rgb = StyledToRGB(block.to_rgb, rows[:, 2], dtype)
        self.size = self._conv1.size

    def sees(self, lines: range) -> range:
        """As `StyledLayer.sees`."""
        return self._conv0.sees(self._conv1.sees(lines))

    def run(
        self, strips: Strips, lines: range, noise: str, colors: Colors, step: Step | None
    ) -> Iterator[Tensor]:
        """As `StyledLayer.run` and `StyledToRGB.run`."""
        strips = self._conv0.run(strips, self._conv1.sees(lines), noise)
        return self._to_rgb.run(self._conv1.run(strips, lines, noise), colors, step)


def run_styled(
    blocks: Sequence[StyledBlock],
    x: Tensor,
    image: Tensor,
    lines: range,
    noise: str,
    step: Step | None,
    *,
    keep: bool = False,
) -> tuple[Tensor, Tensor]:
    """Some lines of the last picture, (H', W', O), and of the last image, (1, 3, H', W').

    x (H, W, I) and image (1, 3, H, W): what comes in. keep: the last picture is needed; else what
    is returned is only its last strip.
    """
    wanted = [lines]
    for block in reversed(blocks):
        wanted.insert(0, block.sees(wanted[0]))
    seen = slice(wanted[0].start, wanted[0].stop)
    strips: Strips = [x[seen]]
    image = image[:, :, seen]
    painted: list[Colors] = []
    for block, part in zip(blocks, wanted[1:], strict=True):
        painted.append([])
        strips = block.run(strips, part, noise, painted[-1], step)
    for strip in [torch.cat(list(strips))] if keep else strips:
        x = strip
    for block, (before, part), colors in zip(blocks, pairwise(wanted), painted, strict=True):
        if block.scale > 1:
            image = upsample(image)
        top = part.start - block.scale * before.start
        image = image[:, :, top : top + len(part)] + join_colors(colors)
    return x, image


def join_colors(colors: Colors) -> Tensor:
    """Strips (H, W, O) -> (1, O, H', W)."""
    return torch.cat(colors).permute(2, 0, 1)[None]


def _prepare(layer: SynthesisLayer, kind: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A layer's weight for its kind of convolution, and its energy (O, I); kept till it changes."""
    weight = layer.weight
    version = 0 if weight.is_inference() else weight._version
    key = (kind, dtype, weight.data_ptr(), version)
    kept = _prepared.get(layer)
    if kept is None or kept[0] != key:
        prepared = PREPARATIONS[kind](weight).to(dtype)
        kept = (key, prepared, weight.square().sum((2, 3)))
        if weight.device.type == "cpu":  # a GPU in need of strips has no memory to spare
            _prepared[layer] = kept
    return kept[1:]


def _suits_tiles(weight: Tensor, size: Sequence[int]) -> bool:
    height, width = size
    return (
        min(weight.shape[:2]) >= TILED_CHANNELS
        and height * width >= TILED_PIXELS * max(weight.shape[:2])
        and height % TILE == width % TILE == 0
        and width >= 3 * TILE
    )
