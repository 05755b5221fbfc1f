import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from conftest import TINY, make_model

from ballgan import quick_synthesis, styled_layers
from ballgan.config import BackboneConfig, SuperResolutionConfig
from ballgan.generator import Generator
from ballgan.quick_conv import convolve, convolve_doubled, transform_weight, transpose_weight
from ballgan.quick_synthesis import fast_dtype, gains_by_speed, synthesize_planes
from ballgan.styled_layers import run_styled
from ballgan.stylegan2 import Backbone, modulated_conv2d

DTYPES = (torch.float32, torch.bfloat16)


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual.float() - expected).square().mean() / expected.square().mean()).sqrt().item()


@pytest.fixture(params=DTYPES, ids=str)
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.dtype:
    """Both kinds of processors, and tiles in layers of all sizes."""
    monkeypatch.setattr(quick_synthesis, "fast_dtype", lambda device: request.param)
    monkeypatch.setattr("ballgan.superres.fast_dtype", lambda device: request.param)
    monkeypatch.setattr(styled_layers, "TILED_CHANNELS", 1)
    monkeypatch.setattr(styled_layers, "TILED_PIXELS", 1)
    return request.param


@pytest.fixture(params=[1, 3], ids="{} threads".format)
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A picture as a whole, and in bands."""
    monkeypatch.setattr(quick_synthesis, "LEAST_LINES", 4)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("heights", [[12], [4, 8], [1, 2, 9], [1] * 12])
def test_tiles_are_a_convolution(heights: list[int]) -> None:
    x, weight, bias = torch.randn(12, 16, 3), torch.randn(5, 3, 3, 3), torch.randn(5)
    expected = F.conv2d(x.permute(2, 0, 1)[None], weight, bias, padding=1)[0].permute(1, 2, 0)
    result = torch.cat(list(convolve(x.split(heights), transform_weight(weight), bias)))
    assert torch.allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("heights", [[7], [3, 4], [1] * 7])
def test_doubling_in_strips(heights: list[int]) -> None:
    x, weight, bias = torch.randn(7, 6, 3), torch.randn(5, 3, 3, 3), torch.randn(5)
    batch = x.permute(2, 0, 1)[None]
    expected = modulated_conv2d(batch, weight, torch.ones(1, 3), demodulate=False, up=True)
    result = torch.cat(list(convolve_doubled(x.split(heights), transpose_weight(weight), bias)))
    assert torch.allclose(result, expected[0].permute(1, 2, 0) + bias, atol=1e-4)


def test_changed_weights_are_prepared_again() -> None:
    sr = SuperResolutionConfig(16, (16, 8), (True, True), noise="none")
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    ws, features = torch.randn(1, 6, 16), torch.rand(1, 8, 16, 16)
    with torch.no_grad():
        before = model.picture(features, ws, quick=True)
        model.super_resolution.blocks[1].conv0.weight.add_(1.0)
        assert not torch.allclose(model.picture(features, ws, quick=True), before, atol=0.01)


@pytest.mark.parametrize("upsample", [(True, True), (False, True)])
@pytest.mark.parametrize("noise", ["none", "const"])
@pytest.mark.usefixtures("threads")
def test_super_resolution(precision: torch.dtype, upsample: tuple, noise: str) -> None:
    sr = SuperResolutionConfig(16, (16, 8), upsample, noise=noise, clamp=1.5)
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    for block in model.super_resolution.blocks:
        block.conv1.noise_strength.fill_(0.2)
        block.conv1.bias.normal_(generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(5)
    ws = torch.randn(1, 6, 16, generator=generator)
    features = torch.rand(1, 8, 16, 16, generator=generator)
    with torch.inference_mode():
        plain = model.picture(features, ws)
        quick = model.picture(features, ws, quick=True)
    assert quick.dtype == torch.float32 and quick.shape == plain.shape
    # White noise is the worst case of tiles, whose products are of differences of neighbours.
    assert relative_error(quick, plain) < (0.03 if precision == torch.bfloat16 else 1e-5)


@pytest.mark.usefixtures("threads")
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


def test_work_can_be_stopped(tiny_model: Generator) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    ws, features = torch.randn(1, tiny_model.backbone.config.num_ws, 16), torch.rand(1, 8, 16, 16)
    with torch.inference_mode():
        with pytest.raises(KeyboardInterrupt):
            synthesize_planes(tiny_model.backbone, ws, stop)
        with pytest.raises(KeyboardInterrupt):
            tiny_model.picture(features, ws, step=stop, quick=True)


def test_each_core_has_a_band(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """And computes no more lines than it needs."""
    ran: list[tuple[range, int]] = []

    def note(blocks: list, x: torch.Tensor, image: torch.Tensor, lines: range, *rest: Any) -> Any:
        seen = blocks[0].sees(blocks[1].sees(lines))
        ran.append((lines, len(seen)))
        return run_styled(blocks, x, image, lines, *rest)

    monkeypatch.setattr(quick_synthesis, "run_styled", note)
    sr = SuperResolutionConfig(64, (16, 8), (True, True), noise="none")
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    with torch.inference_mode():
        model.picture(torch.rand(1, 8, 64, 64), torch.randn(1, 6, 16), quick=True)
    ran.sort(key=lambda entry: entry[0].start)
    if threads == 1:
        assert ran == [(range(256), 64)]
    else:
        assert ran == [(range(80), 28), (range(80, 160), 36), (range(160, 256), 32)]
