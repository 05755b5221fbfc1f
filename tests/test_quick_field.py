import dataclasses

import pytest
import torch

from ballgan.config import PLANE_AXES, PLANE_AXES_PUBLISHED, FieldConfig
from ballgan.fields import TriplaneField
from ballgan.quick_field import QuickField, merge_planes, sum_rows

CONFIG = FieldConfig(box_warp=0.8, plane_channels=8, hidden_size=16, feature_channels=4)


def make_field(**options: object) -> tuple[TriplaneField, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    field = TriplaneField(dataclasses.replace(CONFIG, **options)).requires_grad_(False)
    return field, 2 * torch.randn(1, 3, 8, 16, 16, generator=generator)


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("axes", [PLANE_AXES, PLANE_AXES_PUBLISHED, ("xx", "yz", "yz")])
@pytest.mark.parametrize("activation", ["linear", "relu", "lrelu"])
def test_values_are_those_of_the_field(bounded: bool, axes: tuple, activation: str) -> None:
    field, planes = make_field(bounded=bounded, plane_axes=axes, density_activation=activation)
    quick = QuickField(field, planes)
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(2)) * 1.4 - 0.7
    points[:3] = torch.tensor([[0.4, -0.4, 0.0], [1e6, -1e6, 0.0], [0.0, 0.0, 0.0]])
    density, features = field(planes, points[None])
    hidden = quick.hidden(points.T)
    assert torch.allclose(quick.density_of(hidden, points.T), density[0], atol=1e-4)
    assert torch.allclose(quick.features_of(hidden), features[0], atol=1e-5)


def test_large_values_do_not_overflow() -> None:
    field, planes = make_field()
    points = torch.rand(3, 500, generator=torch.Generator().manual_seed(3)) - 0.5
    quick = QuickField(field, planes * 1000)
    expected = field.density(planes * 1000, points.T[None])[0]
    found = quick.density_of(quick.hidden(points), points)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("axes", [PLANE_AXES, PLANE_AXES_PUBLISHED, ("zz", "xy", "yx")])
def test_the_grid_has_the_densities_at_the_cells_centres(axes: tuple) -> None:
    field, planes = make_field(plane_axes=axes)
    quick = QuickField(field, planes)
    axis = (torch.arange(10) + 0.5) / 10 * 0.8 - 0.4
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).view(-1, 3)
    expected = field.density(planes, points[None])[0].view(10, 10, 10)
    grid = quick.density_grid(10)
    assert torch.allclose(grid[1:-1, 1:-1, 1:-1], expected, atol=1e-4)
    beyond = torch.tensor([[axis[2], 40.0, axis[7]], [-40.0, axis[1], axis[9]], [40.0, 40.0, 40.0]])
    expected = field.density(planes, beyond[None])[0]
    found = torch.stack([grid[3, -1, 8], grid[0, 2, -2], grid[-1, -1, -1]])
    assert torch.allclose(found, expected, atol=1e-4)


def test_transposed_planes_are_merged() -> None:
    planes = torch.randn(3, 2, 4, 4)
    table, axes = merge_planes(planes, [[0, 1], [0, 2], [2, 0]], replicate=False)
    assert axes == [(0, 1), (0, 2)]
    both = (planes[1] + planes[2].transpose(1, 2)) / 3
    assert torch.allclose(table[1, 1:-1, 1:-1], both.permute(1, 2, 0))
    assert table[:, 0].abs().max() == table[:, :, -1].abs().max() == 0


def test_sum_of_rows() -> None:
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    rows, weights = torch.tensor([[0, 2]]), torch.tensor([[0.5, 2.0]])
    assert sum_rows(table, rows, weights).tolist() == [[10.5, 13.0]]
