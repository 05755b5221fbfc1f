"""Quantities that change while training goes on, as functions of the images seen so far."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import LossConfig, ScheduleConfig


def progress(images: int, start_kimg: float, length_kimg: float) -> float:
    """0 until `start_kimg`, then linearly to 1 within `length_kimg` (at once if that is 0)."""
    passed = images / 1000 - start_kimg
    if passed < 0:
        return 0.0
    return 1.0 if length_kimg <= 0 else min(passed / length_kimg, 1.0)


def fading(images: int, start: float, length_kimg: float) -> float:
    """`start`, falling linearly to 0 within `length_kimg`; 0 from the beginning if that is 0."""
    return start * (1 - progress(images, 0.0, length_kimg))


def regularizer_strength(config: LossConfig, images: int) -> float:
    """Factor in [0, 1] of BallGAN's two regularisers."""
    start, ramp = config.regularizer_start_kimg, config.regularizer_ramp_kimg
    return progress(images, start, ramp)


def swap_probability(config: ScheduleConfig, images: int) -> float:
    """Probability that the mapping sees another sample's camera (EG3D sec. 4.4)."""
    faded = progress(images, 0.0, config.conditioning_swap_kimg)
    return 1 + faded * (config.conditioning_swap - 1)


def neural_resolution(config: ScheduleConfig, final: int, images: int) -> int:
    """Side of the volume-rendered image (EG3D supplement, two-stage training)."""
    start = config.neural_resolution_start
    if start is None:
        return final
    faded = progress(images, config.neural_resolution_start_kimg, config.neural_resolution_kimg)
    return round(start + faded * (final - start))


def growth(config: ScheduleConfig, images: int) -> float:
    """Share of the image head's levels that are there (StyleNeRF sec. 3.4)."""
    return progress(images, config.growth_start_kimg, config.growth_kimg)


def ema_decay(config: ScheduleConfig, images: int) -> float:
    """Weight of the old average in one step's update: 0.5 ^ (batch / half-life)."""
    half_life = config.ema_half_life_kimg * 1000
    if config.ema_rampup > 0:
        half_life = min(half_life, config.ema_rampup * images)
    return 0.5 ** (config.batch_size / max(half_life, 1e-8))


def blur(images: Tensor, deviation_px: float) -> Tensor:
    """Separable blur of (B, C, H, W) with taps 2^(-(x / deviation)^2), zeros outside (EG3D)."""
    half_width = math.floor(3 * deviation_px)
    if half_width == 0:
        return images
    x = torch.arange(-half_width, half_width + 1, device=images.device, dtype=images.dtype)
    taps = torch.exp2(-((x / deviation_px) ** 2))
    channels = images.shape[1]
    kernel = (taps / taps.sum()).expand(channels, 1, -1)
    images = F.conv2d(images, kernel[:, :, None], padding=(0, half_width), groups=channels)
    return F.conv2d(images, kernel[..., None], padding=(half_width, 0), groups=channels)
