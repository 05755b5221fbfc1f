import dataclasses

import pytest
import torch
from conftest import TINY, make_model

from ballgan.camera import Camera, rays_from_labels
from ballgan.config import SamplingConfig, SuperResolutionConfig
from ballgan.generator import Generator


def labels(*yaws: float) -> torch.Tensor:
    return torch.cat([Camera.orbit(yaw).resolve(TINY.camera).label() for yaw in yaws])


def test_forward_gives_pictures_of_the_configured_size(tiny_model: Generator) -> None:
    z, z_bg = torch.randn(2, 16), torch.randn(2, 16)
    result = tiny_model(z, labels(0.0, 0.3), z_bg)
    assert result.image.shape == (2, 3, 64, 64)
    assert result.raw.shape == (2, 3, 16, 16)
    assert result.opacity.shape == result.distance.shape == (2, 1, 16, 16)


def test_samples_of_a_batch_do_not_mix(tiny_model: Generator) -> None:
    z, z_bg = torch.randn(2, 16), torch.randn(2, 16)
    together = tiny_model(z, labels(0.0, 0.3), z_bg)
    alone = tiny_model(z[1:], labels(0.3), z_bg[1:])
    assert torch.allclose(together.image[1], alone.image[0], atol=1e-3)


def test_every_weight_gets_a_gradient() -> None:
    model = make_model(TINY).requires_grad_(True)
    result = model(torch.randn(2, 16), labels(0.0, 0.3), torch.randn(2, 16))
    (result.image.square().mean() + result.distance.mean()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None]
    # Noise strengths of super-resolution layers are unused with noise "none".
    assert all("super_resolution" in n and n.endswith("noise_strength") for n in without)


def test_jitter_is_drawn_from_the_given_generator(tiny_model: Generator) -> None:
    def render(seed: int | None) -> torch.Tensor:
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        z = torch.zeros(1, 16) + 1
        return tiny_model(z, labels(0.0), z, generator=generator).raw

    assert torch.equal(render(1), render(1))
    assert not torch.equal(render(1), render(2))
    assert torch.equal(render(None), render(None))


def test_coarse_samples_without_gradient_give_the_same_picture() -> None:
    model = make_model(TINY).requires_grad_(True)
    ws, ws_bg = model.map(torch.ones(1, 16), labels(0.0)), model.map_background(torch.ones(1, 16))
    slopes = []
    for coarse_gradient in (True, False):
        model.zero_grad()
        result = model.synthesize(ws, ws_bg, labels(0.0), coarse_gradient=coarse_gradient)
        result.raw.square().mean().backward(retain_graph=True)
        slopes.append((result.raw.detach(), model.field.density_head.weight.grad.norm()))
    assert torch.allclose(slopes[0][0], slopes[1][0], atol=1e-4)
    assert 0 < slopes[1][1] != slopes[0][1]


def test_rays_in_any_shape_and_number(tiny_model: Generator) -> None:
    planes = tiny_model.planes(tiny_model.map(torch.randn(1, 16), labels(0.0)))
    camera = Camera.orbit().resolve(TINY.camera)
    rays = camera.rays(12, 7)
    whole = tiny_model.march(planes, rays.origins[None], rays.directions[None])
    assert whole.opacity.shape == (84,)
    one = tiny_model.march(planes, rays.origins[None, 30:31], rays.directions[None, 30:31])
    assert torch.allclose(one.features[0], whole.features[30], atol=1e-5)


def test_rays_confined_to_the_box() -> None:
    """With open bounds the samples lie between the ray's entry into and exit from the box."""
    config = dataclasses.replace(TINY, sampling=SamplingConfig(None, None, 8, 8))
    model = make_model(config)
    origins, directions = rays_from_labels(labels(0.0), 4)
    near, far = model.ray_interval(origins, directions)
    centre = 5
    assert near[centre].item() == pytest.approx(2.2, abs=0.02)
    assert far[centre].item() == pytest.approx(3.2, abs=0.02)
    away = model.ray_interval(origins, -directions)
    assert torch.isfinite(torch.cat(away)).all()


@pytest.mark.parametrize(
    ("channels", "upsample", "inputs", "output"),
    [
        ((16, 8), (False, True), 16, 32),
        ((16, 8), (True, True), 16, 64),
        ((8, 8), (False, True), 8, 32),
        ((8, 8), (False, True), 24, 48),
    ],
)
def test_super_resolution_kinds(channels, upsample, inputs: int, output: int) -> None:
    """Inputs below the input resolution are enlarged; larger ones only shrunk if "always"."""
    sr = SuperResolutionConfig(16, channels, upsample, resize="enlarge")
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    ws = model.map(torch.randn(1, 16), labels(0.0))
    picture = model.picture(torch.rand(1, 8, inputs, inputs), ws)
    assert picture.shape == (1, 3, output, output)
    changed = ws.clone()
    changed[:, :-1] += 1
    assert torch.equal(
        model.picture(torch.full((1, 8, 8, 8), 0.5), ws),
        model.picture(torch.full((1, 8, 8, 8), 0.5), changed),
    )


def test_raw_picture_is_not_altered_by_super_resolution(tiny_model: Generator) -> None:
    """The published program changes it in place where the first block does not upsample."""
    sr = SuperResolutionConfig(16, (8, 8), (False, True))
    model = make_model(dataclasses.replace(TINY, super_resolution=sr))
    features = torch.rand(1, 8, 16, 16)
    before = features.clone()
    model.picture(features, model.map(torch.randn(1, 16), labels(0.0)))
    assert torch.equal(features, before)


def test_missing_parts_are_named(
    tiny_model: Generator, tiny_model_without_background: Generator
) -> None:
    with pytest.raises(ValueError, match="pass z_bg"):
        tiny_model(torch.randn(1, 16), labels(0.0))
    with pytest.raises(ValueError, match="no background network"):
        tiny_model_without_background.z_background(0)


def test_white_background_is_added_where_nothing_is() -> None:
    config = dataclasses.replace(
        TINY, background=None, super_resolution=None, white_background=True
    )
    white, black = (
        make_model(config),
        make_model(dataclasses.replace(config, white_background=False)),
    )
    z = torch.randn(1, 16)
    bright, dark = white(z, labels(0.0)), black(z, labels(0.0))
    difference = (bright.raw - dark.raw) / 2
    assert torch.allclose(difference, (1 - dark.opacity).expand_as(difference), atol=1e-5)
