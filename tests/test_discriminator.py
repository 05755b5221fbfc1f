import pytest
import torch
import torch.nn.functional as F
from ballgan_train.config import DiscriminatorConfig
from ballgan_train.discriminator import Conv2d, Discriminator, minibatch_deviation


def make(dual: bool = False, conditional: bool = True) -> Discriminator:
    torch.manual_seed(0)
    config = DiscriminatorConfig(
        16, dual, conditional, channel_base=128, channel_max=16, mapping_layers=2, group_size=2
    )
    return Discriminator(config)


@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("conditional", [False, True])
def test_every_input_counts(dual: bool, conditional: bool) -> None:
    model = make(dual, conditional)
    image = torch.randn(4, 3, 16, 16, requires_grad=True)
    raw = torch.randn(4, 3, 8, 8, requires_grad=True)
    label = torch.randn(4, 25, requires_grad=True)
    logits = model(image, raw, label)
    assert logits.shape == (4, 1)
    gradients = torch.autograd.grad(logits.sum(), [image, raw, label], allow_unused=True)
    assert gradients[0].abs().sum() > 0
    assert (gradients[1] is not None) == dual
    assert (gradients[2] is not None) == conditional


def test_penalties_can_be_differentiated() -> None:
    model = make()
    image = torch.randn(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(
        model(image, None, torch.randn(2, 25)).sum(), image, create_graph=True
    )
    gradient.square().sum().backward()
    assert model.from_rgb.weight.grad.abs().sum() > 0


def test_deviation_by_hand() -> None:
    """Samples 0 and 2 form a group, 1 and 3 the other."""
    x = torch.tensor([0.0, 1.0, 4.0, 1.0]).view(4, 1, 1, 1).expand(4, 2, 3, 3)
    appended = minibatch_deviation(x, 2)
    assert appended.shape == (4, 3, 3, 3)
    assert appended[:, 2, 0, 0].tolist() == pytest.approx([2.0, 1e-4, 2.0, 1e-4])


def test_downsampling_filters_then_strides() -> None:
    layer = Conv2d(2, 3, 3, down=True, activation=False)
    x = torch.randn(1, 2, 8, 8)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = torch.outer(taps, taps).expand(2, 1, 4, 4)
    smooth = F.conv2d(F.pad(x, (2, 2, 2, 2)), kernel, groups=2)
    expected = F.conv2d(smooth, layer.weight * layer.weight_gain, stride=2)
    assert layer(x).shape == (1, 3, 4, 4)
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_missing_inputs_are_named() -> None:
    with pytest.raises(ValueError, match="raw picture"):
        make(dual=True)(torch.randn(1, 3, 16, 16), None, torch.zeros(1, 25))
    with pytest.raises(ValueError, match="camera label"):
        make()(torch.randn(1, 3, 16, 16))
    with pytest.raises(ValueError, match=r"\(B, 3, 16, 16\)"):
        make()(torch.randn(1, 3, 8, 8))
