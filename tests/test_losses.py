import math

import pytest
import torch
from ballgan_train.losses import (
    binarization_loss,
    density_variation_loss,
    distortion_loss,
    gradient_penalty,
    logistic_discriminator_loss,
    logistic_generator_loss,
    published_density_loss,
    relativistic_loss,
    sparsity_loss,
)


def random_ray(rays: int = 4, samples: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    distances = 2 + torch.rand(rays, samples, generator=generator, dtype=torch.float64).cumsum(1)
    weights = torch.rand(rays, samples - 1, generator=generator, dtype=torch.float64) / samples
    return distances, weights


def test_adversarial_losses_by_hand() -> None:
    real, fake = torch.tensor([1.0]), torch.tensor([-2.0])
    assert logistic_generator_loss(fake).item() == pytest.approx(math.log1p(math.exp(2)))
    both = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))
    assert logistic_discriminator_loss(real, fake).item() == pytest.approx(both)
    assert relativistic_loss(real, fake).item() == pytest.approx(math.log1p(math.exp(-3)))
    assert relativistic_loss(fake, real).item() == pytest.approx(math.log1p(math.exp(3)))


def test_gradient_penalty_of_a_linear_critic() -> None:
    """D(x, y) = <a, x> + <b, y> has the squared gradient |a|^2 + |b|^2 everywhere."""
    x, y = torch.randn(3, 1, 2, 2).requires_grad_(), torch.randn(3, 1, 1, 1).requires_grad_()
    a, b = torch.randn(1, 2, 2), torch.randn(1, 1, 1)
    logits = (a * x).flatten(1).sum(1) + (b * y).flatten(1).sum(1)
    expected = 0.7 / 2 * (a.square().sum() + b.square().sum())
    assert gradient_penalty(logits, [x, y], 0.7).item() == pytest.approx(expected.item(), rel=1e-5)


def test_binarization_by_hand() -> None:
    assert binarization_loss(torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0])).item() == pytest.approx(0.16)


def test_distortion_equals_its_quadratic_form() -> None:
    distances, weights = random_ray()
    span = distances[:, -1:] - distances[:, :1]
    edges = (distances - distances[:, :1]) / span
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    pairs = weights[:, :, None] * weights[:, None] * (middles[:, :, None] - middles[:, None]).abs()
    within = (weights**2 * (edges[:, 1:] - edges[:, :-1])).sum(1) / 3
    expected = (pairs.sum((1, 2)) + within).mean()
    assert distortion_loss(distances, weights).item() == pytest.approx(expected.item())


def test_published_density_loss_equals_its_double_sum() -> None:
    distances, _ = random_ray()
    density = torch.randn(distances.shape, generator=torch.Generator().manual_seed(1)).double()
    s, inverse = density.sigmoid(), 1 / distances
    low, high = inverse.amin(1, keepdim=True), inverse.amax(1, keepdim=True)
    e = (inverse - low) / (high - low)
    total = torch.zeros(len(s), dtype=torch.float64)
    for i in range(s.shape[1]):
        for j in range(i + 1, s.shape[1]):
            total += s[:, i] * s[:, j] * (e[:, i] - e[:, j]).abs()
    steps = distances.diff(dim=1)
    steps = torch.cat([steps, steps[:, -1:]], 1)
    expected = (total + (s * steps).sum(1) / 3).mean()
    assert published_density_loss(distances, density).item() == pytest.approx(expected.item())


def test_regularisers_have_the_right_gradients() -> None:
    distances, weights = random_ray(2, 5)
    density = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    weights.requires_grad_()
    assert torch.autograd.gradcheck(lambda w: distortion_loss(distances, w), (weights,))
    assert torch.autograd.gradcheck(lambda d: published_density_loss(distances, d), (density,))
    t = torch.tensor([0.1, 0.3, 0.8], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(binarization_loss, (t,))


def test_density_variation() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])
    assert density_variation_loss(a, b).item() == pytest.approx(2.5)


def test_variation_of_opacity_is_the_surfaces_area() -> None:
    # Cauchy-Crofton: E|s(p) - s(p + e)| = area / volume E|e . n|, E|e . n| = d sqrt(2 / pi).
    radius, side, distance = 0.3, 0.9, 0.01
    random = torch.Generator().manual_seed(0)
    points = (torch.rand(400_000, 3, generator=random) - 0.5) * side
    beside = points + distance * torch.randn(points.shape, generator=random)
    inside, moved = (torch.where(p.norm(dim=1) < radius, 1e4, -1e4) for p in (points, beside))
    expected = 4 * math.pi * radius**2 / side**3 * distance * math.sqrt(2 / math.pi)
    area = density_variation_loss(inside, moved, "opacity").item()
    assert area == pytest.approx(expected, rel=0.05)


def test_sparsity_counts_matter_where_it_is_asked_for() -> None:
    # softplus(raw - 1) is 0 for -inf and log 2 for 1.
    density = torch.tensor([[1.0, -torch.inf, 50.0, 1.0]])
    counted = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    expected = (1 - 2**-0.05 + 0) / 2
    assert sparsity_loss(density, counted).item() == pytest.approx(expected, rel=1e-5)
    assert sparsity_loss(density, torch.zeros(1, 4)).item() == 0
