"""StyleGAN2 networks for one picture, without gradients: less precise where that is faster.

On processors that multiply bfloat16 in hardware, products are of bfloat16 and sums float32; on
other processors all is float32; on GPUs autocast chooses. On processors, pictures go through all
layers in strips (see styled_layers.py), and large ones in bands, one for each core.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from .chunks import Progress
from .cores import run_on_cores
from .graphs import replay
from .quick_conv import TILE
from .shortage import try_with_less
from .styled_layers import (
    Colors,
    StyledBlock,
    StyledLayer,
    StyledToRGB,
    join_colors,
    run_styled,
)
from .stylegan2 import Backbone, Step, SynthesisBlock

BFLOAT16_SINCE = (8, 0)  # compute capability of GPUs that multiply it in hardware
WIDE = 256  # channels of a backbone that gains by bfloat16 what it loses in precision
LEAST_LINES = 16  # of a band: those beside it that it needs to know are computed once more


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
    layer = StyledLayer(backbone.conv, x.shape[:2], ws[:, 0], x.dtype)
    to_rgb = StyledToRGB(backbone.to_rgb, ws[:, 1], x.dtype)
    colors: Colors = []
    x = torch.cat(list(to_rgb.run(layer.run([x], range(len(x)), "const"), colors, None)))
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

    ws: rows (1, 3, w_dim) of each block. `step` is called now and then; it may raise to stop.
    """
    styled: list[StyledBlock] = []
    size: Sequence[int] = x.shape[:2]
    for block, rows in zip(blocks, ws, strict=True):
        assert isinstance(block, SynthesisBlock)
        styled.append(StyledBlock(block, size, rows, x.dtype))
        size = styled[-1].size
    if not styled:
        return image
    # Random noise is drawn from top to bottom.
    threads = torch.get_num_threads() if x.device.type == "cpu" and noise != "random" else 1
    small = sum(block.lines < LEAST_LINES * threads for block in styled[:-1]) if threads > 1 else 0
    for first in styled[:small]:
        whole = range(first.size[0])
        x, image = run_styled([first], x, image, whole, noise, step, keep=True)
    rest = styled[small:]

    def run(lines: range, report: Progress) -> Tensor:
        return run_styled(rest, x, image, lines, noise, partial(report, 0.0))[1]

    def report(_: float) -> None:
        if step is not None:
            step()

    bands = _cut_into_bands(rest, threads)
    return torch.cat(run_on_cores(run, bands, report), dim=2)


def _cut_into_bands(blocks: Sequence[StyledBlock], threads: int) -> list[range]:
    """Lines of the picture that blocks give, in whole tiles of the one that they begin with."""
    before, after = blocks[0].lines, blocks[-1].size[0]
    count = max(1, min(threads, before // LEAST_LINES))
    edges = [before * k // count // TILE * TILE * after // before for k in range(count)]
    return [range(a, b) for a, b in pairwise([*edges, after])]
