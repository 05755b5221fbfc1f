"""StyleGAN2 layers for one picture, without gradients: less precise where that is faster.

The same layers as in stylegan2.py. On processors that multiply bfloat16 in hardware, activations
and modulated weights are bfloat16 and images float32; on other processors all is float32; on GPUs
autocast chooses. Gains and biases are folded into the weights and 3x3 convolutions use Winograd's
filtering where it pays.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .quick_conv import convolve, transform_weight
from .stylegan2 import (
    SQRT2,
    Backbone,
    Step,
    SynthesisBlock,
    SynthesisLayer,
    ToRGB,
    smooth_upsampled,
    upsample,
)

WINOGRAD_CHANNELS, WINOGRAD_PIXELS = 128, 64**2  # from which its transforms pay
WIDE = 256  # channels of a backbone that gains by bfloat16 what it loses in precision


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # of PyTorch 2.6 and later
    if device.type == "cpu" and supported is not None and supported():
        return torch.bfloat16
    return torch.float32


def half_precision(device: torch.device) -> torch.autocast:
    """A context in which a GPU multiplies bfloat16; nothing changes on other devices."""
    return torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")


def gains_by_speed(backbone: Backbone | None, device: torch.device) -> bool:
    """Whether `synthesize_planes` is worth its loss of precision."""
    if backbone is None:
        return False
    supported = device.type == "cuda" or fast_dtype(device) == torch.bfloat16
    return supported and backbone.config.channel_max >= WIDE


def synthesize_planes(backbone: Backbone, ws: Tensor, step: Step | None = None) -> Tensor:
    """As `Backbone.forward` with constant noise, for ws (1, num_ws, w_dim); float32."""
    if ws.device.type != "cpu":
        with half_precision(ws.device):
            return backbone(ws, step=step).float()
    dtype = fast_dtype(ws.device)
    x = backbone.const[None].to(dtype, memory_format=torch.channels_last)
    x = run_layer(backbone.conv, x, ws[:, 0], "const")
    image = run_to_rgb(backbone.to_rgb, x, ws[:, 1])
    for i, block in enumerate(backbone.blocks):
        assert isinstance(block, SynthesisBlock)
        x, image = run_block(block, x, image, ws[:, 2 * i + 1 : 2 * i + 4], "const", step)
    return image


def run_block(
    block: SynthesisBlock, x: Tensor, image: Tensor, ws: Tensor, noise: str, step: Step | None
) -> tuple[Tensor, Tensor]:
    """As `SynthesisBlock.forward`."""
    for i, layer in enumerate((block.conv0, block.conv1)):
        if step is not None:
            step()
        x = run_layer(layer, x, ws[:, i], noise)
    image = upsample(image) if block.up else image
    return x, image + run_to_rgb(block.to_rgb, x, ws[:, 2])


def run_layer(layer: SynthesisLayer, x: Tensor, w: Tensor, noise: str) -> Tensor:
    """As `SynthesisLayer.forward`, for x (1, I, H, W) with channels last."""
    styles = layer.affine(w)[0]
    energy = layer.weight.square().sum((2, 3))  # (O, I)
    # Leaky ReLU commutes with positive gains: this one goes into the weights.
    scale = SQRT2 * torch.mv(energy, styles.square()).add(1e-8).rsqrt()
    weight = layer.weight * (scale[:, None] * styles)[:, :, None, None]
    bias = (SQRT2 * layer.bias).to(x.dtype)
    if layer.up:
        x = F.conv_transpose2d(x, _cast(weight, x).transpose(0, 1), stride=2)
        x = smooth_upsampled(x).add_(bias[:, None, None])
    elif _suits_winograd(layer.weight, x):
        pixels = x[0].permute(1, 2, 0).contiguous()
        pixels = convolve(pixels, transform_weight(weight).to(x.dtype)).add_(bias)
        x = pixels[None].permute(0, 3, 1, 2)
    else:
        x = F.conv2d(x, _cast(weight, x), bias, padding=1)
    if noise == "const":
        x.add_((layer.noise_const * (SQRT2 * layer.noise_strength)).to(x.dtype))
    elif noise == "random":
        fresh = torch.randn(x.shape[2:], device=x.device, dtype=x.dtype)
        x.add_(fresh * (SQRT2 * layer.noise_strength).to(x.dtype))
    x = F.leaky_relu_(x, 0.2)
    return x if layer.clamp is None else x.clamp_(-layer.clamp, layer.clamp)


def run_to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    """As `ToRGB.forward`; float32."""
    styles = layer.affine(w)[0] * layer.style_gain
    weight = _cast(layer.weight * styles[:, None, None], x)
    image = F.conv2d(x, weight).float() + layer.bias[:, None, None]
    return image if layer.clamp is None else image.clamp_(-layer.clamp, layer.clamp)


def _suits_winograd(weight: Tensor, x: Tensor) -> bool:
    height, width = x.shape[2:]
    return (
        min(weight.shape[:2]) >= WINOGRAD_CHANNELS
        and height * width >= WINOGRAD_PIXELS
        and height % 2 == width % 2 == 0
    )


def _cast(weight: Tensor, x: Tensor) -> Tensor:
    return weight.to(x.dtype, memory_format=torch.channels_last)
