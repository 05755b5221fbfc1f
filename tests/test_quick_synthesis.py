import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from conftest import TINY, make_model

from ballgan import quick_synthesis
from ballgan.config import BackboneConfig, SuperResolutionConfig
from ballgan.generator import Generator
from ballgan.quick_conv import convolve, transform_weight
from ballgan.quick_synthesis import fast_dtype, gains_by_speed, synthesize_planes
from ballgan.stylegan2 import Backbone

DTYPES = (torch.float32, torch.bfloat16)


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual.float() - expected).square().mean() / expected.square().mean()).sqrt().item()


@pytest.fixture(params=DTYPES, ids=str)
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.dtype:
    """Both kinds of processors, and Winograd's filtering for layers of all sizes."""
    monkeypatch.setattr(quick_synthesis, "fast_dtype", lambda device: request.param)
    monkeypatch.setattr("ballgan.superres.fast_dtype", lambda device: request.param)
    monkeypatch.setattr(quick_synthesis, "WINOGRAD_CHANNELS", 1)
    monkeypatch.setattr(quick_synthesis, "WINOGRAD_PIXELS", 16**2)
    return request.param


@pytest.mark.parametrize("strip", [1, 2**20])
def test_winograd_is_a_convolution(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballgan.quick_conv.FLOATS_PER_STRIP", strip)
    x, weight = torch.randn(1, 3, 10, 12), torch.randn(5, 3, 3, 3)
    expected = F.conv2d(x, weight, padding=1)[0].permute(1, 2, 0)
    result = convolve(x[0].permute(1, 2, 0), transform_weight(weight))
    assert torch.allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("upsample", [(True, True), (False, True)])
@pytest.mark.parametrize("noise", ["none", "const"])
def test_super_resolution(precision: torch.dtype, upsample: tuple, noise: str) -> None:
    sr = SuperResolutionConfig(16, (16, 8), upsample, noise=noise, clamp=1.5)
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    for block in model.super_resolution.blocks:
        block.conv1.noise_strength.fill_(0.2)
        block.conv1.bias.normal_(generator=torch.Generator().manual_seed(0))
    ws, features = torch.randn(1, 6, 16), torch.rand(1, 8, 16, 16)
    with torch.inference_mode():
        plain = model.picture(features, ws)
        quick = model.picture(features, ws, quick=True)
    assert quick.dtype == torch.float32 and quick.shape == plain.shape
    error = (quick - plain).square().mean().item() / 4
    assert -10 * math.log10(error + 1e-20) > (45 if precision == torch.bfloat16 else 100)


def test_backbone(precision: torch.dtype, tiny_model: Generator) -> None:
    backbone = tiny_model.backbone
    ws = torch.randn(1, backbone.config.num_ws, 16, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        plain, quick = backbone(ws), synthesize_planes(backbone, ws)
    assert quick.shape == plain.shape and quick.dtype == torch.float32
    assert relative_error(quick, plain) < (0.02 if precision == torch.bfloat16 else 1e-5)


def test_only_wide_backbones_lose_precision(tiny_model: Generator) -> None:
    cpu = torch.device("cpu")
    assert not gains_by_speed(tiny_model.backbone, cpu)
    wide = Backbone(BackboneConfig(8, 4096, 256), w_dim=8, image_channels=3)
    assert gains_by_speed(wide, cpu) == (fast_dtype(cpu) == torch.bfloat16)


def test_work_is_stopped_between_layers(tiny_model: Generator) -> None:
    calls: list[int] = []
    ws = torch.randn(1, tiny_model.backbone.config.num_ws, 16)
    with torch.inference_mode():
        synthesize_planes(tiny_model.backbone, ws, lambda: calls.append(1))
        assert len(calls) == 2 * len(tiny_model.backbone.blocks)
        tiny_model.picture(torch.rand(1, 8, 16, 16), ws, step=lambda: calls.append(1), quick=True)
    assert len(calls) == 2 * len(tiny_model.backbone.blocks) + 4
