from collections import Counter

import pytest
import torch
from conftest import TINY

from ballgan.generator import Generator
from ballgan.sphere_cache import TILE, SphereCache


def make_cache(model: Generator, height: int = 256) -> tuple[SphereCache, torch.Tensor]:
    ws = model.map_background(torch.ones(1, 16))
    assert model.background is not None
    return SphereCache(model.background, ws, height, TINY.field.feature_channels), ws


def directions(count: int = 4000) -> torch.Tensor:
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(3))
    poles_and_seam = [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [-1e-4, 0.3, 1.0], [1e-4, 0.3, 1.0]]
    return torch.cat([points, torch.tensor(poles_and_seam)])


def test_values_are_those_of_the_network(tiny_model: Generator) -> None:
    cache, ws = make_cache(tiny_model)
    points = directions()
    with torch.inference_mode():
        difference = cache.features(points) - tiny_model.background(points[None], ws)[0]
    assert difference.abs().max() < 0.05
    assert difference.square().mean().sqrt() < 2e-3


def test_only_what_is_seen_for_the_first_time_is_evaluated(tiny_model: Generator) -> None:
    cache, _ = make_cache(tiny_model)
    counter: Counter[str] = Counter()
    pixels: list[int] = []

    def count(module: object, inputs: tuple, output: object) -> None:
        pixels.append(inputs[0].shape[1])

    hook = tiny_model.background.network.register_forward_hook(count)
    with torch.inference_mode():
        narrow = torch.tensor([[0.0, 0.1, -1.0], [0.01, 0.1, -1.0]])
        first = cache.features(narrow, lambda: counter.update(["step"]))
        assert sum(pixels) <= 4 * TILE**2 and counter["step"] == 1
        seen = len(pixels)
        assert torch.equal(cache.features(narrow), first)
        assert len(pixels) == seen
    hook.remove()


def test_what_is_kept_is_limited(tiny_model: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballgan.sphere_cache.MAX_TILES", 40)
    cache, ws = make_cache(tiny_model)
    with torch.inference_mode():
        for start in (0.0, 1.5, 3.0, 4.5):
            angle = start + torch.linspace(0, 0.8, 300)
            points = torch.stack([angle.sin(), 0.4 * (7 * angle).sin(), angle.cos()], dim=-1)
            exact = tiny_model.background(points[None], ws)[0]
            assert (cache.features(points) - exact).abs().max() < 0.05
        assert cache._count <= 40 and len(cache._rows) <= 80
