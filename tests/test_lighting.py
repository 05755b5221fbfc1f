"""Irradiance against hand-computed numbers, and the foreground shaded by it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ballgan import (
    Camera,
    Generator,
    Gradient,
    LearntBackground,
    MatchLight,
    RenderSettings,
    Scene,
    SolidColor,
)
from ballgan.geometry import equirectangular_directions
from ballgan.lighting import BRIGHTNESS, DARKEST, RATIO_RANGE, Light, Shading, relight

FRONT = Camera.orbit(yaw=0.2, pitch=0.1)


def random_normals(count: int = 500) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)


def lamp(direction: Tensor, height: int = 128) -> Tensor:
    """An environment of one small lamp: irradiance / pi of 1 on a surface that faces it."""
    directions = equirectangular_directions(height, 2 * height, torch.device("cpu"))
    near = (directions @ direction > math.cos(0.1)).float()
    solid_angle = (near * (1 - directions[..., 1] ** 2).sqrt()).sum() * (math.pi / height) ** 2
    return (near * math.pi / solid_angle).expand(3, -1, -1)


def test_constant_light_is_the_same_on_all_surfaces() -> None:
    image = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 32, 64)
    values = Light.from_panorama(image).irradiance(random_normals())
    assert torch.allclose(values, torch.tensor([0.2, 0.5, 0.9]).expand_as(values), rtol=2e-3)


@pytest.mark.parametrize("toward", [(0.0, 1.0, 0.0), (0.6, 0.0, -0.8), (-0.48, -0.6, 0.64)])
def test_a_lamp_lights_by_the_clamped_cosine(toward: tuple[float, float, float]) -> None:
    direction = torch.tensor(toward)
    normals = random_normals()
    cosine = normals @ direction
    values = Light.from_panorama(lamp(direction)).irradiance(normals)[:, 0]
    # The second-order fit of max(cos, 0): 1/4 + cos/2 + 5/32 (3 cos^2 - 1) (Ramamoorthi, fig. 3).
    fit = 0.25 + 0.5 * cosine + 5 / 32 * (3 * cosine.square() - 1)
    darkest = DARKEST * 0.25
    assert torch.allclose(values, fit.clamp_min(darkest), atol=0.01)
    assert (values - cosine.clamp_min(0)).abs().max() < 0.11


def test_equal_lights_have_a_ratio_of_exactly_one() -> None:
    light = Light.from_panorama(torch.rand(3, 16, 32))
    assert (Shading(light, light).ratio(random_normals()) == 1).all()
    assert Shading(light, light).changes_nothing
    assert not Shading(light, light, turn=((0, 0, 1), (0, 1, 0), (-1, 0, 0))).changes_nothing


def test_ratio_is_bounded_and_follows_the_strength() -> None:
    dark, bright = (Light.from_panorama(torch.full((3, 8, 16), v)) for v in (0.1, 0.2))
    normals = random_normals(3)
    assert torch.allclose(Shading(bright, dark).ratio(normals), torch.tensor(2.0), rtol=1e-5)
    half = Shading(bright, dark, 0.5).ratio(normals)
    assert torch.allclose(half, torch.tensor(math.sqrt(2)), rtol=1e-5)
    black = Light.from_panorama(torch.zeros(3, 8, 16))
    assert (Shading(bright, black).ratio(normals) == RATIO_RANGE[1]).all()
    assert (Shading(black, bright).ratio(normals) == RATIO_RANGE[0]).all()


def test_turned_light_comes_from_the_other_side() -> None:
    new, old = (Light.from_panorama(lamp(torch.tensor(d))) for d in ((1.0, 0, 0), (0, 0, -1.0)))
    quarter = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))  # brings -z to x
    assert torch.allclose(
        Shading(new, old, turn=quarter).ratio(random_normals()), torch.tensor(1.0), atol=0.05
    )


def test_relight_multiplies_linear_light() -> None:
    # sRGB 0.5 is linear 0.2140; doubled 0.4281 is sRGB 0.6858
    colors = torch.full((1, 3, 1, 1), 0.5)
    assert relight(colors, torch.tensor(2.0)).flatten().tolist() == pytest.approx(
        [0.6858] * 3, abs=1e-3
    )
    assert torch.allclose(relight(colors, torch.tensor(2.0), 0.0), colors, atol=1e-6)


def test_strength_is_checked() -> None:
    with pytest.raises(ValueError, match=r"strength should be in \[0, 2\]"):
        MatchLight(strength=3)


# In a scene


def cutout(scene: Scene) -> np.ndarray:
    return scene.render(FRONT, RenderSettings(layer="foreground")).rgba()


def test_matching_the_same_background_changes_nothing(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    scene.background = LearntBackground(seed=4)
    plain = scene.render(FRONT).rgb
    scene.match_light = MatchLight(LearntBackground(seed=4))
    assert np.array_equal(scene.render(FRONT).rgb, plain)
    # The same background stands still and the object turns: now its light does change.
    scene.backdrop_camera = replace(FRONT, yaw=1.5)
    still = scene.render(FRONT).rgb
    scene.match_light = None
    assert not np.allclose(scene.render(FRONT).rgb, still, atol=1e-3)


def test_of_a_change_of_the_mean_brightness_a_part_counts(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    scene.background = SolidColor((0.6858, 0.6858, 0.6858))  # linear 0.428
    plain = cutout(scene)
    scene.match_light = MatchLight(SolidColor((0.5, 0.5, 0.5)))  # linear 0.214
    lit = cutout(scene)
    expected = relight(torch.from_numpy(plain[..., :3]), torch.tensor(2.0**BRIGHTNESS)).numpy()
    assert np.abs(lit[..., :3] - expected)[plain[..., 3] > 0.5].max() < 0.01
    assert np.array_equal(lit[..., 3], plain[..., 3])


def test_light_from_above_brightens_what_looks_up(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    scene.background = Gradient((1, 1, 1), (0, 0, 0), span=math.pi)
    plain = cutout(scene)
    normals = scene.render(FRONT, RenderSettings(layer="normals")).rgb * 2 - 1
    scene.match_light = MatchLight(SolidColor((0.5, 0.5, 0.5)))
    lit = cutout(scene)
    solid = plain[..., 3] > 0.9
    gain = (lit[..., :3].mean(-1) - plain[..., :3].mean(-1))[solid]
    up = normals[..., 1][solid]
    assert gain[up > 0.3].mean() > gain[up < -0.3].mean() + 0.05


def test_the_background_itself_is_not_shaded(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    scene.background = SolidColor((0.9, 0.3, 0.3))
    scene.match_light = MatchLight(SolidColor((0.1, 0.1, 0.1)))
    frame = scene.render(FRONT)
    empty = frame.alpha < 1e-4
    assert empty.any()
    assert frame.rgb[empty] == pytest.approx(np.tile([0.9, 0.3, 0.3], (empty.sum(), 1)), abs=2e-3)


def test_a_model_without_background_network_is_compared_with_even_light(
    tiny_model_without_background: Generator,
) -> None:
    scene = Scene(tiny_model_without_background)
    scene.match_light = MatchLight()
    assert scene.shading(FRONT) is None
    scene.background = SolidColor((0.5, 0.5, 0.5))
    shading = scene.shading(FRONT)
    assert shading is None or torch.allclose(
        shading.ratio(random_normals()), torch.tensor(1.0), atol=0.02
    )
    scene.background = SolidColor((0.9, 0.5, 0.5))
    shading = scene.shading(FRONT)
    assert shading is not None
    red, green, _ = shading.ratio(random_normals()).mean(0)
    assert red > 1.2 > 0.8 > green
