import math

import pytest
import torch

from ballgan.config import FieldConfig
from ballgan.fields import (
    EMPTY,
    TriplaneField,
    density_gradient,
    feature_from_logit,
    sample_planes_by_grid,
    sample_planes_by_rows,
)
from ballgan.volume import density_to_extinction

AXES = [[0, 1], [0, 2], [2, 0]]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_gathered_rows_agree_with_grid_sample() -> None:
    planes = random(2, 3, 5, 8, 8)
    positions = 1.3 * random(2, 500, 3, seed=1)  # many outside
    by_grid = sample_planes_by_grid(planes, positions, AXES)
    by_rows = sample_planes_by_rows(planes, positions, AXES)
    assert by_grid.shape == (2, 500, 5)
    assert torch.allclose(by_grid, by_rows, atol=1e-5)


def test_channels_last_planes_are_gathered_alike() -> None:
    planes = random(1, 3, 5, 8, 8)
    last = planes.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    positions = random(1, 50, 3, seed=1)
    expected = sample_planes_by_rows(planes, positions, AXES)
    assert torch.equal(sample_planes_by_rows(last, positions, AXES), expected)


def test_planes_are_read_at_pixel_centres_and_averaged() -> None:
    planes = torch.zeros(1, 3, 1, 4, 4)
    planes[0, 0, 0, 1, 2] = 3.0  # plane xy: x = 2.5 pixels, y = 1.5 pixels
    planes[0, 1, 0, 3, 2] = 6.0  # plane xz: z = 3.5 pixels
    field = TriplaneField(
        FieldConfig(box_warp=2.0, plane_axes=("xy", "xz", "zx"), plane_channels=1)
    )
    pixel = torch.tensor([2.0, 1.0, 3.0])
    point = (2 * pixel + 1) / 4 - 1
    assert field.sample_planes(planes, point.view(1, 1, 3)).item() == pytest.approx(3.0)


def test_far_outside_is_a_zero_feature() -> None:
    field = TriplaneField(FieldConfig(plane_channels=4, bounded=False))
    points = torch.tensor([[[1e9, 0.0, -1e9], [5.0, 5.0, 5.0]]])
    assert field.sample_planes(random(1, 3, 4, 8, 8), points).abs().max().item() == 0


def test_features_of_bounded_fields_reach_the_faces() -> None:
    field = TriplaneField(FieldConfig(plane_channels=4))
    planes = random(1, 3, 4, 8, 8)
    face, beyond, centre = torch.tensor([[[0.5, 0, 0], [0.7, 0, 0], [0.4375, 0, 0]]]).unbind(1)
    at_face = field.sample_planes(planes, face[:, None])
    assert torch.equal(at_face, field.sample_planes(planes, beyond[:, None]))
    assert torch.equal(at_face, field.sample_planes(planes, centre[:, None]))  # outermost centre


def test_gradients_flow_to_planes_and_points() -> None:
    field = TriplaneField(FieldConfig(plane_channels=4, hidden_size=8, feature_channels=3))
    planes = random(1, 3, 4, 8, 8).requires_grad_()
    points = (0.2 * random(1, 6, 3)).requires_grad_()
    density, features = field(planes, points)
    (density.sum() + features.sum()).backward()
    assert planes.grad.abs().sum() > 0 and points.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("linear", -2.0), ("relu", 0.0), ("lrelu", -0.4 * math.sqrt(2))],
)
def test_density_activations(activation: str, expected: float) -> None:
    field = TriplaneField(FieldConfig(hidden_size=1, density_activation=activation))
    field.density_head.weight.data.fill_(-2.0)
    # A zero feature gives softplus(bias) in the hidden layer: 1 for this bias.
    field.hidden.bias.data.fill_(math.log(math.e - 1))
    density = field.density(torch.zeros(1, 3, 32, 4, 4), torch.zeros(1, 1, 3))
    assert density.item() == pytest.approx(expected)


def test_bounded_fields_are_empty_outside_the_cube() -> None:
    points = torch.tensor([[[0.49, 0.0, 0.0], [0.51, 0.0, 0.0]]])
    for bounded in (True, False):
        field = TriplaneField(FieldConfig(bounded=bounded))
        inside, outside = field.density(torch.zeros(1, 3, 32, 4, 4), points)[0].tolist()
        assert outside == pytest.approx(EMPTY if bounded else inside)


def test_features_reach_zero_and_one() -> None:
    values = feature_from_logit(torch.tensor([-50.0, 0.0, 50.0]))
    assert values.tolist() == pytest.approx([-0.001, 0.5, 1.001])


def test_gradient_of_a_linear_density() -> None:
    """Planes that hold x, y and z make the density a linear function of position."""
    config = FieldConfig(plane_axes=("xy", "yz", "zx"), plane_channels=3, hidden_size=4)
    field = TriplaneField(config)
    centres = (torch.arange(16) + 0.5) / 16 * 2 - 1
    planes = torch.zeros(1, 3, 3, 16, 16)
    for k in range(3):
        planes[0, k, k] = centres[None, :]  # plane k varies along its horizontal axis
    points = 0.2 * random(1, 20, 3)
    numeric = density_gradient(field, planes, points, 1e-2)
    inside = points.clone().requires_grad_()
    field.density(planes, inside).sum().backward()
    assert torch.allclose(numeric, inside.grad, atol=1e-2 * inside.grad.abs().max().item())
    assert density_to_extinction(torch.zeros(1)).item() == pytest.approx(math.log1p(math.exp(-1)))


def test_malformed_planes_are_named() -> None:
    field = TriplaneField(FieldConfig(plane_channels=4))
    with pytest.raises(
        ValueError, match=r"planes should be \(B, 3, C, H, W\); got \(1, 12, 8, 8\)"
    ):
        field.sample_planes(random(1, 12, 8, 8), random(1, 4, 3))
