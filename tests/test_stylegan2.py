import math

import pytest
import torch
import torch.nn.functional as F

from ballgan.config import BackboneConfig, MappingConfig
from ballgan.stylegan2 import (
    Backbone,
    FullyConnected,
    Mapping,
    SynthesisLayer,
    activate,
    modulated_conv2d,
    smooth_upsampled,
    truncate,
    upsample,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fir(image: torch.Tensor, pad: tuple[int, int], gain: float) -> torch.Tensor:
    """Correlation with the [1, 3, 3, 1] filter, written out."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (gain * torch.outer(taps, taps)).expand(image.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(image, (*pad, *pad)), kernel, groups=image.shape[1])


def test_upsampling_is_zero_insertion_and_filtering() -> None:
    image = random(2, 3, 5, 7)
    spread = torch.zeros(2, 3, 10, 14)
    spread[:, :, ::2, ::2] = image
    assert torch.allclose(upsample(image), fir(spread, (2, 1), 4.0), atol=1e-6)


def test_smoothing_after_a_transposed_convolution() -> None:
    image = random(1, 3, 9, 9)
    assert torch.allclose(smooth_upsampled(image), fir(image, (1, 1), 4.0), atol=1e-6)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_one_sample_and_a_batch_agree(up: bool, demodulate: bool) -> None:
    x, weight, styles = random(3, 4, 6, 6), random(5, 4, 3, 3, seed=1), random(3, 4, seed=2)
    together = modulated_conv2d(x, weight, styles, demodulate=demodulate, up=up)
    alone = [
        modulated_conv2d(x[i : i + 1], weight, styles[i : i + 1], demodulate=demodulate, up=up)
        for i in range(3)
    ]
    assert together.shape == (3, 5, 12, 12) if up else (3, 5, 6, 6)
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_demodulated_output_of_white_noise_has_unit_variance() -> None:
    x = random(1, 64, 64, 64)
    y = modulated_conv2d(x, 7 * random(8, 64, 3, 3, seed=1), 3 * random(1, 64, seed=2))
    assert y[..., 1:-1, 1:-1].std().item() == pytest.approx(1, abs=0.05)


def test_upsampling_convolution_by_hand() -> None:
    """An impulse spreads the unflipped kernel, then the filter smooths it."""
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1, 2] = 1
    weight = random(1, 1, 3, 3)
    expected = torch.zeros(1, 1, 9, 9)
    expected[0, 0, 2:5, 4:7] = weight[0, 0]
    y = modulated_conv2d(x, weight, torch.ones(1, 1), demodulate=False, up=True)
    assert torch.allclose(y, fir(expected, (1, 1), 4.0), atol=1e-6)


def test_activation_order_gain_then_clamp() -> None:
    assert activate(torch.tensor([1.0, -1.0, 300.0]), clamp=256).tolist() == pytest.approx(
        [math.sqrt(2), -0.2 * math.sqrt(2), 256]
    )


def test_equalised_learning_rate() -> None:
    layer = FullyConnected(4, 2, learning_rate_multiplier=0.01, bias_init=1.0)
    x = random(3, 4)
    expected = x @ (layer.weight * 0.01 / 2).T + 1.0
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_mapping_normalises_and_zero_label_still_counts() -> None:
    mapping = Mapping(MappingConfig(z_dim=8, w_dim=8, num_layers=1, label_scale=0.0))
    torch.nn.init.normal_(mapping.embed.bias)
    z, label = random(2, 8), random(2, 25, seed=1)
    assert torch.allclose(mapping(z, label), mapping(3 * z, 5 * label), atol=1e-5)
    with pytest.raises(ValueError, match="label"):
        mapping(z)


def test_truncation_by_hand() -> None:
    w, average = torch.tensor([[2.0, 4.0]]), torch.tensor([0.0, 2.0])
    ws = truncate(w, average, 0.5, 1, 3)
    assert ws[0].tolist() == [[1.0, 3.0], [2.0, 4.0], [2.0, 4.0]]
    assert truncate(w, average, 0.0, None, 2)[0].tolist() == [[0.0, 2.0]] * 2
    assert torch.equal(truncate(w, average, 1.0, None, 2), w[:, None].repeat(1, 2, 1))


def test_noise_modes() -> None:
    layer = SynthesisLayer(3, 4, w_dim=5, resolution=6)
    layer.noise_strength.data.fill_(0.5)
    x, w = random(2, 3, 6, 6), random(2, 5)
    assert not torch.allclose(layer(x, w, "none"), layer(x, w, "const"))
    first = layer(x, w, "random", torch.Generator().manual_seed(1))
    again = layer(x, w, "random", torch.Generator().manual_seed(1))
    assert torch.equal(first, again)


def test_backbone_uses_every_row_of_ws() -> None:
    config = BackboneConfig(resolution=16, channel_base=64, channel_max=8)
    backbone = Backbone(config, w_dim=6, image_channels=9)
    ws = random(1, config.num_ws, 6)
    image = backbone(ws)
    assert image.shape == (1, 9, 16, 16)
    for row in range(config.num_ws):
        changed = ws.clone()
        changed[:, row] += 1
        assert not torch.allclose(backbone(changed), image), f"row {row} has no effect"
    with pytest.raises(ValueError, match=r"ws should be \(B, 6, w_dim\)"):
        backbone(ws[:, :-1])
