"""Straight colour for partly transparent pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor

SOLID = 1e-3  # opacity from which a pixel's own colour can be told
PRIOR = 1e-3  # weight of the expected opacity, as a squared distance of colours


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


def solve_matte(
    pictures: tuple[Tensor, Tensor], backgrounds: tuple[Tensor, Tensor], expected: Tensor
) -> tuple[Tensor, Tensor]:
    """Opacity and straight colour of what is seen in two pictures before two backgrounds.

    A pixel shows C_i = alpha F + (1 - alpha) B_i. Two backgrounds give alpha, as least squares over
    the channels, and then F (Smith and Blinn 1996, "Blue screen matting", theorem 4).

    pictures, backgrounds: (1, 3, H, W) each. expected: (1, 1, H, W), the opacity where the
    backgrounds hardly differ; it counts PRIOR against the square of their distance elsewhere.
    Returns alpha (1, 1, H, W) in [0, 1] and the colour (1, 3, H, W), continued to where alpha is 0.
    """
    (c0, c1), (b0, b1) = pictures, backgrounds
    apart = b1 - b0
    through = ((c1 - c0) * apart).sum(1, keepdim=True) + PRIOR * (1 - expected)
    alpha = 1 - through / (apart.square().sum(1, keepdim=True) + PRIOR)
    alpha = alpha.clamp(0, 1)
    premultiplied = ((c0 - (1 - alpha) * b0) + (c1 - (1 - alpha) * b1)) / 2
    return alpha, extend_colors(premultiplied.clamp_min(0).minimum(alpha), alpha)
