import pytest
import torch

from ballgan import Camera, Generator, RenderSettings, Scene
from ballgan.separation import measure_separation


def test_by_hand() -> None:
    found = measure_separation(torch.tensor([[0.0, 1.0], [0.3, 0.9]]), bins=10)
    assert found.mean_min_t == pytest.approx((0 + 0 + 0.3 + 0.1) / 4)
    assert found.coverage == pytest.approx(0.5)
    expected = [0.25, 0, 0, 0.25, 0, 0, 0, 0, 0, 0.5]  # 0.9 and 1 are both in the last one
    assert found.histogram == pytest.approx(expected)
    with pytest.raises(ValueError, match="at least one ray"):
        measure_separation(torch.empty(0))


def test_of_a_scene_is_that_of_its_rays(tiny_model: Generator) -> None:
    scene = Scene(tiny_model)
    camera, settings = Camera.orbit(yaw=0.1), RenderSettings(layer="raw", size=16)
    found = scene.separation(camera, settings)
    t = torch.from_numpy(1 - scene.render(camera, settings).alpha)
    expected = measure_separation(t)
    assert found.mean_min_t == pytest.approx(expected.mean_min_t, abs=1e-3)
    assert found.coverage == pytest.approx(expected.coverage, abs=0.01)
    assert sum(found.histogram) == pytest.approx(1)
    assert 0 < found.coverage < 1
