import dataclasses
import math

import torch
from conftest import TINY, make_model

from ballgan.config import PLANE_AXES_PUBLISHED, FieldConfig
from ballgan.fields import TriplaneField
from ballgan.generator import Generator
from ballgan.occupancy import (
    LARGEST_LOSS,
    OccupancyGrid,
    find_occupancy,
    refine_occupancy,
)
from ballgan.quick_field import QuickField
from ballgan.volume import density_to_extinction


def tiny_field(model: Generator) -> QuickField:
    with torch.inference_mode():
        return QuickField(
            model.field, model.planes(model.map(torch.ones(1, 16), torch.ones(1, 25)))
        )


def test_cells_are_looked_up_by_position() -> None:
    cells = torch.zeros(4, 4, 4, dtype=torch.bool)  # two cells along a side, and the outside
    cells[1, 2, 1] = True  # x < 0, y > 0, z < 0
    grid = OccupancyGrid(cells, box=2.0)
    points = torch.tensor([[-0.5, 0.5, -0.5], [0.5, 0.5, -0.5], [-1.5, 0.5, -0.5]]).T
    assert grid.at(points).tolist() == [True, False, False]
    assert grid.occupied() == 1 / 8
    assert grid.at(torch.full((3, 1), 1e20)).tolist() == [False]


def test_empty_space_costs_hardly_any_light(tiny_model: Generator) -> None:
    field = tiny_field(tiny_model)
    grid = find_occupancy(field, resolution=32)
    assert 0 < grid.occupied() < 0.9
    points = (torch.rand(3, 200_000, generator=torch.Generator().manual_seed(0)) - 0.5) * field.box
    empty = points[:, ~grid.at(points)]
    extinction = density_to_extinction(field.density_of(field.hidden(empty), empty))
    longest = math.sqrt(3) * field.box
    assert 1 - math.exp(-extinction.max().item() * longest) < 2 * LARGEST_LOSS


def test_matter_outside_the_box_is_noticed() -> None:
    config = FieldConfig(plane_channels=2, hidden_size=4, feature_channels=3, bounded=False)
    field = TriplaneField(config).requires_grad_(False)
    field.density_head.weight.zero_()
    far = torch.full((3, 1), 5.0)
    for density, seen in ((-20.0, False), (3.0, True)):
        field.density_head.bias.fill_(density)
        grid = find_occupancy(QuickField(field, torch.zeros(1, 3, 2, 4, 4)), resolution=4)
        assert grid.at(far).item() is seen
        assert grid.occupied() == float(seen)


def test_columns_beyond_the_box_are_noticed() -> None:
    """Two of the published planes know nothing of y: what they hold goes on above and below."""
    config = FieldConfig(
        plane_axes=PLANE_AXES_PUBLISHED, plane_channels=4, hidden_size=8, bounded=False
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        field = TriplaneField(config).requires_grad_(False)
        planes = 3 * torch.randn(1, 3, 4, 8, 8)
    field.density_head.weight.mul_(30)
    far = torch.full((1, 1, 3), 50.0)
    field.density_head.bias -= field.density(planes, far).item() + 20  # nothing in all directions
    quick = QuickField(field, planes)
    coarse = find_occupancy(quick, 16)
    points = 2 * (torch.rand(3, 50_000, generator=torch.Generator().manual_seed(1)) - 0.5)
    beyond = points[:, points.abs().amax(0) > 0.5]
    dense = density_to_extinction(quick.density_of(quick.hidden(beyond), beyond)) > 0.1
    assert 0.01 < dense.float().mean() < 0.5
    for grid in coarse, refine_occupancy(quick, coarse, 32):
        assert not grid.cells.all()
        assert (grid.at(beyond) | ~dense).float().mean() > 0.999


def test_a_bounded_field_is_empty_outside() -> None:
    model = make_model(dataclasses.replace(TINY, super_resolution=None))
    assert not find_occupancy(tiny_field(model), resolution=8).cells[0].any()


def test_the_fine_grid_is_as_if_found_at_once(tiny_model: Generator) -> None:
    field = tiny_field(tiny_model)
    coarse = find_occupancy(field, 16)
    fine, direct = refine_occupancy(field, coarse, 32), find_occupancy(field, 32)
    assert not (fine.cells & ~direct.cells).any()
    assert (direct.cells & ~fine.cells).float().mean() < 1e-3
    assert fine.occupied() < coarse.occupied()
