import numpy as np
import torch

from ballgan.directions import factorize, find_components, scale_to_deviation


def test_factorised_directions_are_the_right_singular_vectors() -> None:
    weights = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))
    found = factorize(weights).numpy()
    expected = np.linalg.svd(weights.double().numpy())[2]
    signs = np.sign((found * expected).sum(axis=1, keepdims=True))
    assert np.allclose(found, signs * expected, atol=1e-5)


def test_no_other_direction_changes_styles_more_than_the_first() -> None:
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn(30, 5, generator=generator)
    others = torch.nn.functional.normalize(torch.randn(500, 5, generator=generator), dim=1)
    first = factorize(weights)[0]
    assert (weights @ first).norm() > (weights @ others.T).norm(dim=0).max()


def test_signs_do_not_depend_on_chance() -> None:
    weights = torch.randn(30, 5, generator=torch.Generator().manual_seed(3))
    found = factorize(weights)
    assert torch.allclose(factorize(-weights.flip(0)), found, atol=1e-6)
    assert (found.gather(1, found.abs().argmax(1, keepdim=True)) > 0).all()


def test_components_of_a_stretched_cloud_are_its_axes() -> None:
    cloud = torch.randn(4000, 3, generator=torch.Generator().manual_seed(4))
    w = cloud * torch.tensor([1.0, 5.0, 0.2]) + 7
    found = find_components(w)
    assert torch.allclose(found, torch.eye(3)[[1, 0, 2]], atol=0.05)
    lengths = scale_to_deviation(found, w).norm(dim=1)
    assert torch.allclose(lengths, torch.tensor([5.0, 1.0, 0.2]), rtol=0.05)
