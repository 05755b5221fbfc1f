"""Straight colour for partly transparent pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor

SOLID = 1e-3  # opacity from which a pixel's own colour can be told


def extend_colors(premultiplied: Tensor, opacity: Tensor) -> Tensor:
    """An opaque feature image that continues the foreground beyond its outline.

    premultiplied: (B, F, H, W), features times opacity. opacity: (B, 1, H, W) in [0, 1].
    Returns (B, F, H, W): where the foreground is opaque its own features, elsewhere those of the
    nearest foreground (push-pull over a pyramid; Gortler et al. 1996). Super-resolution of it has
    neither black nor the background's colour in the foreground's edge.
    """
    straight = unpremultiply(premultiplied, opacity)
    if min(premultiplied.shape[2:]) == 1:
        return straight
    coarse = extend_colors(_halve(premultiplied), _halve(opacity))
    filled = F.interpolate(coarse, size=premultiplied.shape[2:], mode="bilinear")
    # A pixel's own colour counts as soon as it can be told; a thin one is mixed with the coarse.
    confidence = (opacity / 0.5).clamp(0, 1)
    return torch.lerp(filled, straight, confidence)


def unpremultiply(premultiplied: Tensor, opacity: Tensor) -> Tensor:
    """features / opacity, and 0 where there is nothing: the same shape."""
    return torch.where(opacity > SOLID, premultiplied / opacity.clamp_min(SOLID), 0.0)


def _halve(image: Tensor) -> Tensor:
    """Mean of 2x2 pixels; odd sides keep their last row and column."""
    return F.avg_pool2d(image, 2, ceil_mode=True, count_include_pad=False)
