"""3x3 convolutions of one picture, faster than a library does them on processors.

Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray 2016, sec. 4.1): four outputs take 16
multiplications instead of 36, as 16 products of matrices. Pictures are (H, W, C) here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

FLOATS_PER_STRIP = 2**20  # of transformed values, so that a strip of lines stays in the cache


def transform_weight(weight: Tensor) -> Tensor:
    """G g G^T: weight (O, I, 3, 3) -> (16, I, O), as `convolve` takes it."""
    g = weight.new_tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    transformed = torch.einsum("ai,oxij,bj->abxo", g, weight, g)
    return transformed.flatten(0, 1).contiguous()


def convolve(x: Tensor, transformed: Tensor) -> Tensor:
    """3x3 convolution with zeros outside: x (H, W, I), weight (16, I, O) -> (H, W, O).

    H and W are even. Not differentiable.
    """
    height, width, inputs = x.shape
    outputs = transformed.shape[2]
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    result = x.new_empty(height, width, outputs)
    lines = max(2, 2 * (FLOATS_PER_STRIP // (4 * width * max(inputs, outputs))))
    for top in range(0, height, lines):
        strip = padded[top : min(top + lines, height) + 2]
        products = torch.bmm(_transform_strip(strip), transformed)
        _untransform(products, result[top : top + lines])
    return result


def _transform_strip(x: Tensor) -> Tensor:
    """B^T d B for tiles of 4x4 with stride 2: (2 T + 2, 2 U + 2, C) -> (16, T U, C)."""
    tiles_down, tiles_across = x.shape[0] // 2 - 1, x.shape[1] // 2 - 1
    result = x.new_empty(4, 4, tiles_down, tiles_across, x.shape[2])
    even, odd = x[0::2], x[1::2]
    lines = (even[:-1] - even[1:], odd[:-1] + even[1:], even[1:] - odd[:-1], odd[:-1] - odd[1:])
    for i, line in enumerate(lines):
        even, odd = line[:, 0::2], line[:, 1::2]
        torch.sub(even[:, :-1], even[:, 1:], out=result[i, 0])
        torch.add(odd[:, :-1], even[:, 1:], out=result[i, 1])
        torch.sub(even[:, 1:], odd[:, :-1], out=result[i, 2])
        torch.sub(odd[:, :-1], odd[:, 1:], out=result[i, 3])
    return result.view(16, tiles_down * tiles_across, -1)


def _untransform(products: Tensor, result: Tensor) -> None:
    """A^T m A of tiles (16, T U, O), written to `result` (2 T, 2 U, O)."""
    height, width, outputs = result.shape
    m = products.view(4, 4, height // 2, width // 2, outputs)
    for i, line in enumerate((m[0] + m[1] + m[2], m[1] - m[2] - m[3])):
        torch.add(line[0] + line[1], line[2], out=result[i::2, 0::2])
        torch.sub(line[1] - line[2], line[3], out=result[i::2, 1::2])
