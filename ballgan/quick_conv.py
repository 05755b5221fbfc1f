"""3x3 convolutions of one picture, faster than a library does them on processors.

Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, sec. 4.3) with the points 0, 1, -1,
1/2, -1/2 and infinity, whose rounding errors are small: sixteen outputs take 36 multiplications
instead of 144, as 36 products of matrices. The transforms are products of matrices, too. Pictures
(H, W, C) come and go as strips: some of their lines at a time, from top to bottom, which stay in
the processor's cache. Nothing here is differentiable.
"""

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from .stylegan2 import low_pass_kernel

FLOATS_PER_STRIP = 2**20  # of a strip that a layer gives
TILE = 4  # outputs along a side
Strips = Iterable[Tensor]

INPUT_TRANSFORM = (  # B^T; its numbers and their products are exact in bfloat16
    (1, 0, -5, 0, 4, 0),
    (0, -1, -1, 4, 4, 0),
    (0, 1, -1, -4, 4, 0),
    (0, -0.5, -1, 0.5, 1, 0),
    (0, 0.5, -1, -0.5, 1, 0),
    (0, 1, 0, -5, 0, 4),
)
WEIGHT_TRANSFORM = (  # G
    (1, 0, 0),
    (1 / 6, 1 / 6, 1 / 6),
    (1 / 6, -1 / 6, 1 / 6),
    (-8 / 3, -4 / 3, -2 / 3),
    (-8 / 3, 4 / 3, -2 / 3),
    (0, 0, 1 / 4),
)
OUTPUT_TRANSFORM = (  # A^T, exact as well
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 0.5, -0.5, 0),
    (0, 1, 1, 0.25, 0.25, 0),
    (0, 1, -1, 0.125, -0.125, 1),
)
IN_ALL_OUTPUTS = 7  # the product, of the point 1 along both axes, that counts once in each output


def cut_into_strips(x: Tensor, floats_per_line: int) -> tuple[Tensor, ...]:
    """A picture (H, W, C) as strips; of a line of it, a layer makes so many numbers."""
    return x.split(max(TILE, FLOATS_PER_STRIP // floats_per_line // TILE * TILE))


def transform_weight(weight: Tensor) -> Tensor:
    """G g G^T: weight (O, I, 3, 3) -> (36, I, O), for `convolve`."""
    g = weight.new_tensor(WEIGHT_TRANSFORM)
    return torch.einsum("ai,oxij,bj->abxo", g, weight, g).flatten(0, 1).contiguous()


def transpose_weight(weight: Tensor) -> Tensor:
    """Weight (O, I, 3, 3) -> (I, O, 3, 3), for `convolve_doubled`."""
    return weight.transpose(0, 1).contiguous(memory_format=torch.channels_last)


def convolve(strips: Strips, transformed: Tensor, bias: Tensor) -> Iterator[Tensor]:
    """3x3 convolution with zeros outside: strips of (H, W, I) -> strips of (H, W, O).

    transformed: (36, I, O) and bias: (O,), of the type in which to multiply, which is also that of
    the result. H and W are multiples of 4.
    """
    dtype = transformed.dtype
    before, after = (
        torch.kron(matrix, matrix)
        for matrix in map(transformed.new_tensor, (INPUT_TRANSFORM, OUTPUT_TRANSFORM))
    )
    for lines in _overlap(strips, TILE, 2):
        padded = F.pad(lines.to(dtype), (0, 0, 1, 1))
        tiles = padded.unfold(0, TILE + 2, TILE).unfold(1, TILE + 2, TILE)  # (T, U, I, 6, 6)
        down, across, channels = tiles.shape[:3]
        tiles = before @ tiles.permute(3, 4, 0, 1, 2).reshape(36, -1)  # (36, T U I)
        products = torch.bmm(tiles.view(36, -1, channels), transformed)
        products[IN_ALL_OUTPUTS] += bias
        pixels = (after @ products.view(36, -1)).view(TILE, TILE, down, across, -1)
        yield pixels.permute(2, 0, 3, 1, 4).reshape(TILE * down, TILE * across, -1)


def convolve_doubled(strips: Strips, transposed: Tensor, bias: Tensor) -> Iterator[Tensor]:
    """As `stylegan2.modulated_conv2d` with `up`: strips of (H, W, I) -> strips of (2 H, 2 W, O).

    transposed: (I, O, 3, 3). bias: (O,), of the same type.
    """
    kernel = 4 * low_pass_kernel(len(bias), bias)
    for lines in _overlap(_spread(strips, transposed), 1, 3):
        smooth = F.conv2d(_as_batch(lines), kernel, bias, padding=(0, 1), groups=len(bias))
        yield _as_picture(smooth)


def convolve_directly(strips: Strips, weight: Tensor, bias: Tensor) -> Iterator[Tensor]:
    """As `convolve`, in one piece: for small pictures, few channels, odd sizes.

    weight: (O, I, 3, 3). bias: (O,), of the same type.
    """
    x = torch.cat(list(strips)).to(weight.dtype)
    yield _as_picture(F.conv2d(_as_batch(x), weight, bias, padding=1))


def _spread(strips: Strips, transposed: Tensor) -> Iterator[Tensor]:
    """Transposed convolution with stride 2: strips of (H, W, I) -> strips of (2 H + 1, 2 W + 1, O).

    What two strips give to the line between them is added up.
    """
    last: Tensor | None = None
    for strip in strips:
        x = _as_batch(strip.to(transposed.dtype))
        lines = _as_picture(F.conv_transpose2d(x, transposed, stride=2))
        if last is not None:
            lines[0] += last
        yield lines[:-1]
        last = lines[-1]
    if last is not None:
        yield last[None]


def _overlap(strips: Strips, step: int, overlap: int) -> Iterator[Tensor]:
    """Regroup the lines of a picture, with a line of zeros above and below it.

    Yields a multiple of `step` lines and `overlap` more, with which the next strip begins.
    """
    waiting: Tensor | None = None
    for strip in _surround(strips):
        waiting = strip if waiting is None else torch.cat([waiting, strip])
        count = (len(waiting) - overlap) // step * step
        if count > 0:
            yield waiting[: count + overlap]
            waiting = waiting[count:]


def _surround(strips: Strips) -> Iterator[Tensor]:
    """A line of zeros, the strips, a line of zeros."""
    zeros: Tensor | None = None
    for strip in strips:
        if zeros is None:
            zeros = torch.zeros_like(strip[:1])
            yield zeros
        yield strip
    if zeros is not None:
        yield zeros


def _as_batch(picture: Tensor) -> Tensor:
    """(H, W, C) -> (1, C, H, W), with channels last in memory."""
    return picture[None].permute(0, 3, 1, 2)  # in this order: else libraries miss the layout


def _as_picture(x: Tensor) -> Tensor:
    """(1, C, H, W), with channels last in memory, -> (H, W, C)."""
    return x.permute(0, 2, 3, 1)[0]
