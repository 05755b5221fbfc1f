"""sRGB-encoded colours and linear light (IEC 61966-2-1)."""

import torch
from torch import Tensor


def decode_srgb(encoded: Tensor) -> Tensor:
    """Linear light of sRGB-encoded values in [0, 1], any shape."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: Tensor) -> Tensor:
    """sRGB-encoded values of linear light, which is clipped to [0, 1]; inverse of `decode_srgb`."""
    linear = linear.clamp(0, 1)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055
    )
