import math

import pytest
import torch

from ballgan.volume import (
    Composite,
    RaySamples,
    composite,
    density_to_extinction,
    interval_weights,
    sample_importance,
    sample_stratified,
)


def raw_density(extinction: float) -> float:
    """Inverse of `density_to_extinction`."""
    return math.log(math.expm1(extinction)) + 1


def test_strata_by_hand() -> None:
    near, far = torch.tensor([[2.0]]), torch.tensor([[3.0]])
    # Step 0.5: centres at 2.25, 2.75, and 3.25 beyond the far end.
    assert sample_stratified(near, far, 3)[0].tolist() == pytest.approx([2.25, 2.75, 3.25])
    jitter = torch.tensor([[0.0, 0.0, 0.0]])
    assert sample_stratified(near, far, 3, jitter=jitter)[0].tolist() == pytest.approx([2, 2.5, 3])


def test_strata_in_disparity_by_hand() -> None:
    near, far = torch.tensor([[1.0]]), torch.tensor([[4.0]])
    distances = sample_stratified(near, far, 4, jitter=torch.zeros(1, 4), disparity=True)
    assert (1 / distances)[0].tolist() == pytest.approx([1, 0.75, 0.5, 0.25])


def test_uniform_density_gives_the_law_of_beer_and_lambert() -> None:
    distances = torch.linspace(1, 2, 65)[None]
    density = torch.full((1, 65), raw_density(1.7))
    weights, transmittance = interval_weights(distances, density)
    assert transmittance.item() == pytest.approx(math.exp(-1.7), rel=1e-5)
    assert (weights.sum() + transmittance).item() == pytest.approx(1, abs=1e-6)


def test_weights_and_transmittance_sum_to_one() -> None:
    generator = torch.Generator().manual_seed(0)
    distances = torch.rand(50, 24, generator=generator).cumsum(1)
    density = 8 * torch.randn(50, 24, generator=generator)
    weights, transmittance = interval_weights(distances, density)
    assert (weights >= 0).all()
    assert torch.allclose(weights.sum(1) + transmittance, torch.ones(50), atol=1e-5)


def test_composite_by_hand() -> None:
    """Two intervals of length 1 with extinctions 1 and 2, colours 1 and 3 at their middles."""
    distances = torch.tensor([[0.0, 1.0, 2.0]])
    a, b = 1 - math.exp(-1.0), 1 - math.exp(-2.0)
    # Densities whose pairwise means are the wanted ones; features likewise: 0, 2, 4.
    first, second = raw_density(1.0), raw_density(2.0)
    density = torch.tensor([[first, first, 2 * second - first]])
    features = torch.tensor([[[0.0], [2.0], [4.0]]])
    result = composite(RaySamples(distances, density, features))
    w1, w2 = a, (1 - a) * b
    assert result.features.item() == pytest.approx(w1 * 1 + w2 * 3, rel=1e-5)
    assert result.opacity.item() == pytest.approx(w1 + w2, rel=1e-5)
    assert result.transmittance.item() == pytest.approx((1 - a) * (1 - b), rel=1e-5)
    assert result.distance.item() == pytest.approx(w1 * 0.5 + w2 * 1.5, rel=1e-5)
    over = result.over(torch.tensor([[10.0]]))
    assert over.item() == pytest.approx(w1 + 3 * w2 + 10 * (1 - a) * (1 - b), rel=1e-5)
    mean = result.mean_distance(torch.tensor([5.0]))
    expected = w1 * 0.5 + w2 * 1.5 + 5 * (1 - a) * (1 - b)
    assert mean.item() == pytest.approx(expected, rel=1e-5)


def test_unsorted_features_are_found_by_their_order() -> None:
    generator = torch.Generator().manual_seed(1)
    distances = torch.rand(7, 12, generator=generator)
    density = 5 * torch.randn(7, 12, generator=generator)
    features = torch.rand(7, 12, 3, generator=generator)
    ascending, order = distances.sort(dim=1)
    in_order = density.gather(1, order)
    by_index = composite(RaySamples(ascending, in_order, features, order))
    resorted = features.gather(1, order[..., None].expand_as(features))
    by_sorting = composite(RaySamples(ascending, in_order, resorted))
    assert torch.allclose(by_index.features, by_sorting.features, atol=1e-6)


def test_empty_rays_are_transparent_and_infinitely_far() -> None:
    distances = torch.linspace(1, 2, 16)[None]
    result = composite(RaySamples(distances, torch.full((1, 16), -100.0), torch.ones(1, 16, 3)))
    assert result.opacity.item() == pytest.approx(0, abs=1e-6)
    assert result.mean_distance().item() == math.inf
    assert result.mean_distance(torch.tensor([4.0])).item() == pytest.approx(4)


def test_importance_samples_gather_where_the_weight_is() -> None:
    distances = torch.linspace(0, 1, 49)[None]
    weights = torch.zeros(1, 48)
    weights[0, 24] = 1.0  # between 0.5 and 0.52
    fine = sample_importance(distances, weights, 100)
    assert (fine[:, 1:] >= fine[:, :-1]).all()
    inside = ((fine > 0.47) & (fine < 0.56)).float().mean().item()
    assert inside > 0.75


def test_importance_of_uniform_weights_is_uniform() -> None:
    distances = torch.linspace(0, 1, 33)[None]
    fine = sample_importance(distances, torch.ones(1, 32), 8)[0]
    # Bins reach from the first to the last but one midpoint: the last bin is never used.
    low, high = 0.5 / 32, 30.5 / 32
    expected = [low + (i + 0.5) / 8 * (high - low) for i in range(8)]
    assert fine.tolist() == pytest.approx(expected, abs=2e-3)


def test_compositing_is_differentiable() -> None:
    generator = torch.Generator().manual_seed(0)
    distances = torch.rand(2, 5, generator=generator, dtype=torch.float64).cumsum(1)
    density = torch.randn(2, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    features = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)

    def render(density: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = composite(RaySamples(distances, density, features))
        return result.features, result.transmittance, result.distance

    assert torch.autograd.gradcheck(render, (density, features))


def test_tiles_are_joined() -> None:
    distances = torch.linspace(1, 2, 8).expand(6, 8)
    density = torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
    features = torch.rand(6, 8, 3, generator=torch.Generator().manual_seed(3))
    whole = composite(RaySamples(distances, density, features))
    parts = [
        composite(RaySamples(distances[i : i + 2], density[i : i + 2], features[i : i + 2]))
        for i in (0, 2, 4)
    ]
    joined = Composite.concatenate(parts)
    assert torch.allclose(joined.features, whole.features, atol=1e-7)
    assert torch.allclose(joined.transmittance, whole.transmittance, atol=1e-7)


def test_extinction_is_a_shifted_softplus() -> None:
    raw = torch.tensor([1.0, 50.0, -50.0])
    assert density_to_extinction(raw).tolist() == pytest.approx([math.log(2), 49.0, 0.0], abs=1e-6)
