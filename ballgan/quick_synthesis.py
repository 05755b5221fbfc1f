"""StyleGAN2 layers for one picture, without gradients: less precise where that is faster.

The same layers as in stylegan2.py. On processors that multiply bfloat16 in hardware, products are
of bfloat16 and sums float32; on other processors all is float32; on GPUs autocast chooses. Gains
are folded into the weights, 3x3 convolutions use Winograd's filtering where it pays, and pictures
(H, W, C) go through all layers in strips of lines that fit into the cache.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graphs import replay
from .quick_conv import (
    TILE,
    Strips,
    convolve,
    convolve_directly,
    convolve_doubled,
    cut_into_strips,
    transform_weight,
    transpose_weight,
)
from .shortage import try_with_less
from .stylegan2 import SQRT2, Backbone, Step, SynthesisBlock, SynthesisLayer, ToRGB, upsample

# From which the transforms of tiles pay: channels, and pixels for each of them.
TILED_CHANNELS, TILED_PIXELS = 128, 8
BFLOAT16_SINCE = (8, 0)  # compute capability of GPUs that multiply it in hardware
WIDE = 256  # channels of a backbone that gains by bfloat16 what it loses in precision

Colors = list[Tensor]  # what a to-RGB layer makes of strips from top to bottom, float32
PREPARATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "direct": lambda weight: weight.contiguous(memory_format=torch.channels_last),
    "tiled": transform_weight,
    "up": transpose_weight,
}
# By layer: what the weight was prepared from and for, the weight, and its energy.
_prepared: WeakKeyDictionary[SynthesisLayer, tuple[tuple, Tensor, Tensor]] = WeakKeyDictionary()


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # of PyTorch 2.6 and later
    if device.type == "cpu" and supported is not None and supported():
        return torch.bfloat16
    return torch.float32


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context in which a GPU that can do so multiplies bfloat16; else nothing changes."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < BFLOAT16_SINCE:
        return nullcontext()
    # Without its cache, which threads share: a CUDA graph must not use what another one made.
    return torch.autocast("cuda", torch.bfloat16, cache_enabled=False)


def gains_by_speed(backbone: Backbone | None, device: torch.device) -> bool:
    """Whether `synthesize_planes` is worth its loss of precision; narrow ones lose none on GPUs."""
    if backbone is None:
        return False
    wide = backbone.config.channel_max >= WIDE
    return device.type == "cuda" or (wide and fast_dtype(device) == torch.bfloat16)


def synthesize_planes(backbone: Backbone, ws: Tensor, step: Step | None = None) -> Tensor:
    """As `Backbone.forward` with constant noise, for ws (1, num_ws, w_dim); float32."""
    if ws.device.type == "cpu":
        return _synthesize_in_strips(backbone, ws, step)
    return try_with_less(
        lambda: replay(backbone, _synthesize_at_once, ws, step=step),
        lambda: _synthesize_in_strips(backbone, ws, step),
        backbone,
    )


def _synthesize_at_once(backbone: Backbone, ws: Tensor, step: Step | None) -> Tensor:
    """For a GPU."""
    wide = backbone.config.channel_max >= WIDE
    with half_precision(ws.device) if wide else nullcontext():
        return backbone(ws, step=step).float()


@torch.no_grad()
def _synthesize_in_strips(backbone: Backbone, ws: Tensor, step: Step | None) -> Tensor:
    """For a CPU, and for a GPU that is short of memory."""
    x = backbone.const.to(fast_dtype(ws.device)).permute(1, 2, 0)
    colors: Colors = []
    layer = run_layer(backbone.conv, [x], x.shape[:2], ws[:, 0], "const", x.dtype)
    x = torch.cat(list(run_to_rgb(backbone.to_rgb, layer, ws[:, 1], colors, None)))
    rows = [ws[:, 2 * i + 1 : 2 * i + 4] for i in range(len(backbone.blocks))]
    return run_blocks(backbone.blocks, x, join_colors(colors), rows, "const", step)


@torch.no_grad()
def run_blocks(
    blocks: Iterable[nn.Module],
    x: Tensor,
    image: Tensor,
    ws: Iterable[Tensor],
    noise: str,
    step: Step | None = None,
) -> Tensor:
    """As `SynthesisBlock.forward` of blocks in turn, for x (H, W, I); returns the last image.

    ws: rows (1, 3, w_dim) of each block. A strip goes through all blocks before the next one: what
    a layer makes is used while it is in the cache, and no picture but the image is ever whole.
    `step` is called in each block before each strip.
    """
    size: Sequence[int] = x.shape[:2]
    strips: Strips = [x]
    painted: list[tuple[bool, Colors]] = []
    for block, rows in zip(blocks, ws, strict=True):
        assert isinstance(block, SynthesisBlock)
        for i, layer in enumerate((block.conv0, block.conv1)):
            size = [2 * side if layer.up else side for side in size]
            strips = run_layer(layer, strips, size, rows[:, i], noise, x.dtype)
        painted.append((block.up, []))
        strips = run_to_rgb(block.to_rgb, strips, rows[:, 2], painted[-1][1], step)
    for _ in strips:
        pass
    for up, colors in painted:
        image = (upsample(image) if up else image) + join_colors(colors)
    return image


def run_layer(
    layer: SynthesisLayer,
    strips: Strips,
    size: Sequence[int],
    w: Tensor,
    noise: str,
    dtype: torch.dtype,
) -> Iterator[Tensor]:
    """As `SynthesisLayer.forward`: strips of (H', W', I) -> strips of (H, W, O), `size` (H, W)."""
    kind = "up" if layer.up else "tiled" if _suits_tiles(layer.weight, size) else "direct"
    weight, energy = _prepare(layer, kind, dtype)
    strips = cut_into_strips(strips, layer.weight.shape[0] * (4 if layer.up else 1))
    styles = layer.affine(w)[0]
    # Leaky ReLU commutes with positive gains: this one goes into the weights.
    demodulation = SQRT2 * torch.mv(energy, styles.square()).add(1e-8).rsqrt()
    bias = (SQRT2 * layer.bias).to(dtype)
    if kind == "direct":
        weight = weight * torch.outer(demodulation, styles).to(dtype)[:, :, None, None]
        strips = convolve_directly(strips, weight.to(dtype), bias)
    elif kind == "up":
        weight = weight * torch.outer(styles, demodulation).to(dtype)[:, :, None, None]
        strips = convolve_doubled(strips, weight.to(dtype), bias)
    else:
        weight = weight * torch.outer(styles, demodulation).to(dtype)
        strips = convolve(strips, weight.to(dtype), bias)
    top, strength = 0, SQRT2 * layer.noise_strength
    for strip in strips:
        lines = slice(top, top + len(strip))
        if noise == "const":
            strip.add_((layer.noise_const[lines] * strength)[..., None].to(dtype))
        elif noise == "random":
            strip.add_(torch.randn(*strip.shape[:2], 1, device=w.device).mul_(strength).to(dtype))
        x = F.leaky_relu_(strip, 0.2)
        yield x if layer.clamp is None else x.clamp_(-layer.clamp, layer.clamp)
        top = lines.stop


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


def run_to_rgb(
    layer: ToRGB, strips: Strips, w: Tensor, colors: Colors, step: Step | None
) -> Iterator[Tensor]:
    """Passes on strips of (H, W, I), and appends what `ToRGB.forward` makes of each to `colors`."""
    styles = layer.affine(w)[0] * layer.style_gain
    weight = layer.weight[:, :, 0, 0] * styles
    for strip in strips:
        if step is not None:
            step()
        seen = F.linear(strip, weight.to(strip.dtype)).float().add_(layer.bias)
        colors.append(seen if layer.clamp is None else seen.clamp_(-layer.clamp, layer.clamp))
        yield strip


def join_colors(colors: Colors) -> Tensor:
    """Strips (H, W, O) -> (1, O, H', W)."""
    return torch.cat(colors).permute(2, 0, 1)[None]


def _suits_tiles(weight: Tensor, size: Sequence[int]) -> bool:
    height, width = size
    return (
        min(weight.shape[:2]) >= TILED_CHANNELS
        and height * width >= TILED_PIXELS * max(weight.shape[:2])
        and height % TILE == width % TILE == 0
        and width >= 3 * TILE
    )
