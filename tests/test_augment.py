import torch
from ballgan_train.augment import augment


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_changes_with_probability_zero() -> None:
    image = torch.rand(3, 3, 16, 16, generator=random()) * 2 - 1
    (changed,) = augment([image], torch.tensor(0.0), random())
    assert torch.allclose(changed, image, atol=1e-5)


def test_samples_change_differently_and_both_pictures_alike() -> None:
    small = torch.zeros(4, 3, 8, 8)
    small[:, :, 2:6, 2:6] = 0.5
    large = torch.nn.functional.interpolate(small, scale_factor=4)
    raw, full = augment([small, large], torch.tensor(1.0), random(1))
    assert not torch.allclose(raw[0], raw[1], atol=1e-2)
    again = torch.nn.functional.interpolate(full, size=8, mode="bilinear", antialias=True)
    assert (again - raw).abs().mean() < 0.06


def test_augmentation_is_differentiable_and_repeatable() -> None:
    image = torch.rand(2, 3, 8, 8, generator=random(), requires_grad=True)
    (first,) = augment([image], torch.tensor(0.8), random(3))
    (second,) = augment([image], torch.tensor(0.8), random(3))
    assert torch.equal(first, second)
    first.sum().backward()
    assert image.grad.abs().sum() > 0
