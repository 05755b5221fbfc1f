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
TILES_AT_ONCE = 128  # by a thread: fewer make slower products, more do not fit into its cache
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


def cut_into_strips(strips: Strips, numbers_per_pixel: int) -> Iterator[Tensor]:
    """Cut strips (H, W, C), of each pixel of which a layer makes so many numbers, if too large."""
    for strip in strips:
        lines = FLOATS_PER_STRIP // (strip.shape[1] * numbers_per_pixel)
        yield from strip.split(max(TILE, lines // TILE * TILE))


def cut_out(strips: Strips, top: int, lines: range) -> Iterator[Tensor]:
    """Only some lines of strips of which the first begins with line `top`."""
    for strip in strips:
        part = strip[max(0, lines.start - top) : lines.stop - top]
        top += len(strip)
        if len(part):
            yield part
        if top >= lines.stop:
            return


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
    the result. H and W are multiples of 4, W at least 12.
    """
    _, inputs, outputs = transformed.shape
    before, after = (
        torch.kron(matrix, matrix)
        for matrix in map(transformed.new_tensor, (INPUT_TRANSFORM, OUTPUT_TRANSFORM))
    )
    tiles = inside = products = pixels = transformed.new_empty(0)
    for lines in _cut_into_rows_of_tiles(_overlap(strips, TILE, 2)):
        down, across = len(lines) // TILE, lines.shape[1] // TILE
        if tiles.shape[2:4] != (down, across):
            tiles = transformed.new_zeros(6, 6, down, across, inputs)
            inside = transformed.new_empty(36, down * across * inputs)
            products = transformed.new_empty(36, down * across, outputs)
            pixels = transformed.new_empty(TILE**2, down * across * outputs)
        _gather_tiles(lines, tiles)
        torch.mm(before, tiles.view(36, -1), out=inside)
        torch.bmm(inside.view(36, -1, inputs), transformed, out=products)
        products[IN_ALL_OUTPUTS] += bias
        torch.mm(after, products.view(36, -1), out=pixels)
        picture = pixels.view(TILE, TILE, down, across, outputs).permute(2, 0, 3, 1, 4)
        yield picture.reshape(TILE * down, TILE * across, outputs)


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


def _cut_into_rows_of_tiles(strips: Strips) -> Iterator[Tensor]:
    """Pieces of strips of 4 T + 2 lines that have the tiles for a product, with 2 lines shared.

    Few, so that what is made of them stays in the cache; these buffers are used again and again.
    """
    pixels = TILES_AT_ONCE * TILE**2 * torch.get_num_threads()
    for lines in strips:
        height = max(1, pixels // lines.shape[1] // TILE) * TILE
        for top in range(0, len(lines) - 2, height):
            yield lines[top : top + height + 2]


def _gather_tiles(lines: Tensor, tiles: Tensor) -> None:
    """Copy the windows that overlap by 2 from lines (4 T + 2, 4 U, I) to tiles (6, 6, T, U, I).

    The windows at the sides hang over by a pixel: what is there in `tiles` stays, zeros.
    """
    windows = lines.unfold(0, TILE + 2, TILE)  # (T, 4 U, I, 6)
    middle = windows[:, TILE - 1 : 1 - TILE].unfold(1, TILE + 2, TILE)  # (T, U - 2, I, 6, 6)
    tiles[:, :, :, 1:-1] = middle.permute(3, 4, 0, 1, 2)
    tiles[:, 1:, :, 0] = windows[:, : TILE + 1].permute(3, 1, 0, 2)
    tiles[:, :-1, :, -1] = windows[:, -TILE - 1 :].permute(3, 1, 0, 2)


def _overlap(strips: Strips, step: int, overlap: int) -> Iterator[Tensor]:
    """Regroup the lines of a picture, with a line of zeros above and below it.

    Yields a multiple of `step` lines and `overlap` more, with which the next strip begins. They
    are overwritten when that is asked for: a buffer that stays in the cache takes them all.
    """
    buffer, count = torch.empty(0), 0  # of which so many lines wait
    for strip in _surround(strips):
        if count + len(strip) > len(buffer):
            larger = strip.new_empty(count + len(strip), *strip.shape[1:])
            larger[:count] = buffer[:count] if count else 0
            buffer = larger
        buffer[count : count + len(strip)] = strip
        count += len(strip)
        used = max(0, (count - overlap) // step * step)
        if used:
            yield buffer[: used + overlap]
            buffer[: count - used] = buffer[used:count].clone()
            count -= used


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
