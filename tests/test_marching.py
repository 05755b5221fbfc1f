import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import ballgan
from ballgan import marching
from ballgan.foreground import Foreground
from ballgan.generator import Generator
from ballgan.marching import RayBundle, choose_steps, march_in_tiles, march_quickly
from ballgan.occupancy import OccupancyGrid
from ballgan.volume import Composite

DEMO = Path(ballgan.__file__).parents[1] / "assets" / "heads.pkl"


class Fog:
    """A field of one density and colour inside a slab of space, |z| < 1."""

    feature_channels = 3

    def __init__(self, density: float) -> None:
        self.density, self.looked_up = density, 0

    def hidden(self, points: Tensor) -> Tensor:
        self.looked_up += points.shape[1]
        return points.T.contiguous()

    def density_of(self, hidden: Tensor, points: Tensor) -> Tensor:
        return torch.where(points[2].abs() < 1, self.density, -1e3)

    def features_of(self, hidden: Tensor) -> Tensor:
        return torch.full_like(hidden, 0.5)


EVERYWHERE = OccupancyGrid(torch.ones(3, 3, 3, dtype=torch.bool), 2.0)


def rays(count: int = 5) -> RayBundle:
    """Along -z, from z = 3, sampled up to z = -3."""
    origins = torch.zeros(count, 3)
    origins[:, 2] = 3
    directions = torch.tensor([[0.0, 0.0, -1.0]]).expand(count, 3)
    return RayBundle(origins, directions, torch.zeros(count, 1), torch.full((count, 1), 6.0))


def test_fog_follows_the_law_of_beer_and_lambert() -> None:
    gathered = march_quickly(Fog(1.0), EVERYWHERE, rays(), 24)  # type: ignore[arg-type]
    extinction = math.log(2)  # softplus(1 - 1)
    assert gathered.transmittance[0].item() == pytest.approx(math.exp(-2 * extinction), rel=1e-5)
    assert torch.allclose(gathered.opacity + gathered.transmittance, torch.ones(5))
    assert torch.allclose(gathered.features, 0.5 * gathered.opacity[:, None].expand(5, 3))
    # Mean distance of an exponential distribution cut off at 2, from z = 1.
    mean = 2 + 1 / extinction - 2 / math.expm1(2 * extinction)
    assert gathered.mean_distance()[0].item() == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize("features", [3, 32])
def test_sharp_colours_are_those_of_samples(features: int) -> None:
    class Sharp(Fog):
        feature_channels = features

        def features_of(self, hidden: Tensor) -> Tensor:  # black or white by steps of z
            return (torch.sin(40 * hidden[:, 2:]) > 0).float().expand(-1, features)

    gathered = march_quickly(Sharp(1.0), EVERYWHERE, rays(), 24)  # type: ignore[arg-type]
    depth = math.log(2) * 6 / 24
    z = 3 - (torch.arange(24) + 0.5) * 6 / 24
    inside = z.abs() < 1
    weights = torch.exp(-depth * torch.arange(inside.sum())) * -math.expm1(-depth)
    expected = (weights * (torch.sin(40 * z[inside]) > 0)).sum()
    assert torch.allclose(gathered.features, expected.expand(5, features), atol=1e-5)


def test_nothing_is_looked_up_behind_dark_matter_or_in_empty_space() -> None:
    opaque = Fog(1000.0)
    gathered = march_quickly(opaque, EVERYWHERE, rays(1), 24)  # type: ignore[arg-type]
    assert gathered.transmittance.item() < 1e-3
    assert opaque.looked_up == 12  # the slabs of 4 up to the one that is dark, not all 24
    fog = Fog(1.0)
    nothing = OccupancyGrid(torch.zeros(3, 3, 3, dtype=torch.bool), 2.0)
    gathered = march_quickly(fog, nothing, rays(), 24)  # type: ignore[arg-type]
    assert fog.looked_up == 0
    assert (gathered.transmittance == 1).all()
    assert gathered.mean_distance().isinf().all()


@pytest.mark.parametrize("features", [3, 32, 128])
def test_a_field_is_asked_in_parts(features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Striped(Fog):
        feature_channels = features

        def hidden(self, points: Tensor) -> Tensor:
            asked.append(points.shape[1])
            return super().hidden(points)

        def features_of(self, hidden: Tensor) -> Tensor:
            return hidden[:, 2:].expand(-1, features)

    def march() -> Composite:
        return march_quickly(Striped(0.5), EVERYWHERE, rays(), 24)  # type: ignore[arg-type]

    whole, sizes = march(), list(asked)
    asked.clear()
    monkeypatch.setitem(marching.POINTS_AT_ONCE, "cpu", 7)
    parts = march()
    assert max(sizes) > 7 == max(asked) and sum(asked) == sum(sizes)
    for name in Composite.__dataclass_fields__:
        assert torch.allclose(getattr(parts, name), getattr(whole, name), atol=1e-6)


def test_steps_follow_the_detail_of_the_field() -> None:
    start = torch.rand(64, 1, generator=torch.Generator().manual_seed(0))  # no two rays alike
    several = replace(rays(64), near=start, far=start + 6)
    smooth = choose_steps(Fog(-6.0), EVERYWHERE, several)  # type: ignore[arg-type]

    class Grain(Fog):
        def density_of(self, hidden: Tensor, points: Tensor) -> Tensor:
            return torch.where((points[2] * 40).sin() > 0.9, 5.0, -20.0)

    assert smooth == 16
    assert choose_steps(Grain(0.0), EVERYWHERE, several) > 48  # type: ignore[arg-type]


def test_tiles_are_halved_when_memory_is_short() -> None:
    sizes: list[int] = []

    def march(part: slice) -> Composite:
        values = torch.arange(1000.0)[part]
        sizes.append(len(values))
        if len(values) > 150:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return Composite(values[:, None], values, values, values)

    gathered = march_in_tiles(march, 1000, 512)
    assert torch.equal(gathered.opacity, torch.arange(1000.0))
    assert sizes[:3] == [512, 256, 128]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        march_in_tiles(lambda part: march(slice(0, 1000)), 1000, 512)


@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_an_object_looks_as_with_many_plain_samples(yaw: float) -> None:
    """The bundled model: about as near to the limit as the published way with its samples."""
    model: Generator = ballgan.load(DEMO, device="cpu")
    scene = ballgan.Scene(model)
    camera = ballgan.Camera.orbit(yaw, 0.2).resolve(model.config.camera)
    with torch.inference_mode():
        foreground = Foreground(model, scene.planes())
        bundle = foreground.bundle(camera.rays(24, 24))
        fast = foreground.march_quickly(bundle, None, lambda _: None)
        plain = foreground.march_plainly(bundle, None, lambda _: None)
        converged = foreground.march_plainly(bundle, 192, lambda _: None)
    error, plain_error = (
        (way.features - converged.features).square().mean().item() for way in (fast, plain)
    )
    assert error < 3 * plain_error
    assert -10 * math.log10(error) > 40
    assert (fast.opacity - converged.opacity).abs().mean() < 1 / 255
    assert (fast.distance - converged.distance).abs().mean() < 0.01


def test_published_size_looks_as_with_many_plain_samples(references: Path) -> None:
    model = ballgan.load(references / "ballgan-tiny.pkl", device="cpu")
    scene = ballgan.Scene(model)
    scene.latent = ballgan.Latent(1, 0.7)
    camera = ballgan.Camera.orbit(0.3, 0.1).resolve(model.config.camera)
    with torch.inference_mode():
        foreground = Foreground(model, scene.planes())
        bundle = foreground.bundle(camera.rays(24, 24))
        fast = foreground.march_quickly(bundle, None, lambda _: None)
        converged = foreground.march_plainly(bundle, 192, lambda _: None)
    error = (fast.features - converged.features).square().mean().item()
    assert -10 * math.log10(error) > 40
    assert (fast.opacity - converged.opacity).abs().mean() < 1 / 255
