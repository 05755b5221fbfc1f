"""Baking the foreground into grids: hand-computed fields, and the field itself."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, make_model
from stylenerf_writer import stylenerf_file

import ballgan
from ballgan import bake
from ballgan.bake import Baking, Extent
from ballgan.config import FieldConfig, SamplingConfig

SLOPE = 100.0  # of the analytic planes


def analytic_model() -> tuple[ballgan.Generator, torch.Tensor]:
    """A field whose raw density at (x, y, z) is 100 + 100 (x + 2 y + 3 z) / 3, in a cube of side 2.

    One channel, one hidden unit whose activation is the identity where it is large; the colour is
    0.5 everywhere. Ramps are exact between the outermost pixel centres.
    """
    field = FieldConfig(
        box_warp=2.0,
        plane_axes=("xy", "xz", "yz"),
        plane_channels=1,
        hidden_size=1,
        feature_channels=3,
        bounded=True,
    )
    model = make_model(dataclasses.replace(TINY, field=field, super_resolution=None))
    with torch.no_grad():
        model.field.hidden.weight.fill_(1.0)
        model.field.hidden.bias.fill_(300.0)
        model.field.density_head.weight.fill_(1.0)
        model.field.density_head.bias.fill_(-200.0)
        model.field.feature_head.weight.zero_()
        model.field.feature_head.bias.zero_()
    ramp = SLOPE * ((2 * torch.arange(64) + 1) / 64 - 1)
    planes = torch.zeros(1, 3, 1, 64, 64)
    planes[0, 0, 0] = ramp[None, :] + 2 * ramp[:, None]  # "xy": columns are x, rows are y
    planes[0, 1, 0] = 3 * ramp[:, None]  # "xz"
    return model, planes


def test_coarse_samples_of_a_ramp_are_what_the_formula_says() -> None:
    model, planes = analytic_model()
    coarse = Baking(model, planes).coarse()
    assert coarse.density.shape == (49, 49, 49)
    assert coarse.density.dtype == np.float16
    # Sample i is at -1 + i / 24: indices 24, 36, 12 are 0, 0.5, -0.5; the order is (z, y, x).
    for (x, y, z), (i, j, k) in {
        (0.0, 0.0, 0.0): (24, 24, 24),
        (0.5, 0.0, 0.0): (36, 24, 24),
        (0.0, 0.5, 0.0): (24, 36, 24),
        (-0.5, 0.5, -0.5): (12, 36, 12),
    }.items():
        expected = 100 + SLOPE * (x + 2 * y + 3 * z) / 3
        assert coarse.density[k, j, i] == pytest.approx(expected, rel=2e-3, abs=0.1)
    assert (coarse.color[..., :3] == 128).all()
    assert (coarse.color[..., 3] == 255).all()


def test_only_bricks_that_may_show_are_occupied() -> None:
    density = torch.full((49, 49, 49), -30.0)
    extent = Extent(half_side=0.5, cells=192)  # bricks of two coarse cells
    threshold = 1 + math.log(math.expm1(-math.log(255 / 256)))  # of a ray one unit long
    density[20, 24, 11] = threshold + 0.01
    density[4, 4, 4] = threshold - 0.01
    occupied = bake.find_occupied(density, extent).numpy()
    # Samples 20 and 24 are on a face of two bricks, and within a cell of no third one; 11 is in the
    # middle of a brick, and a cell away from neither neighbour's inside, but from their faces.
    places = np.argwhere(occupied)
    assert places.min(axis=0).tolist() == [9, 11, 4]
    assert places.max(axis=0).tolist() == [10, 12, 6]
    assert len(places) == 2 * 2 * 3
    distance = bake.measure_distance(occupied)
    assert (distance == 0).sum() == len(places)
    assert distance[8, 10, 3] == 1
    assert distance[0, 0, 0] == 11
    assert distance[23, 12, 5] == 13


def test_an_empty_grid_has_no_bricks() -> None:
    model, planes = analytic_model()
    with torch.no_grad():
        model.field.density_head.bias.fill_(-2000.0)
    baking = Baking(model, planes)
    coarse = baking.coarse()
    assert coarse.density.min() == -bake.DENSITY_LIMIT
    assert (coarse.distance == coarse.extent.bricks).all()
    assert list(baking.refine(coarse)) == []


@pytest.mark.parametrize("axes", [("xy", "xz", "yz"), ("xy", "xz", "zx")])
@pytest.mark.parametrize("bounded", [True, False])
def test_grids_agree_with_the_field(axes: tuple[str, str, str], bounded: bool) -> None:
    field = dataclasses.replace(TINY.field, plane_axes=axes, bounded=bounded)
    sampling = SamplingConfig() if bounded else SamplingConfig(near=2.25, far=3.3)
    model = make_model(dataclasses.replace(TINY, field=field, sampling=sampling))
    planes = model.planes(model.map(model.z(3), torch.zeros(1, 25)))
    baking = Baking(model, planes)
    coarse = baking.coarse()
    half, cells = coarse.extent.half_side, coarse.extent.cells
    assert_agrees(model, planes, coarse.density, coarse.color, [np.arange(49)] * 3, half, 48)
    parts = list(baking.refine(coarse))
    assert parts[-1].fraction == 1
    places = np.concatenate([part.places for part in parts])
    assert sorted(map(tuple, places)) == sorted(map(tuple, np.argwhere(coarse.distance == 0)))
    last = parts[-1]
    indices = [8 * place + np.arange(9) for place in last.places[-1]]
    assert_agrees(model, planes, last.density[-1], last.color[-1], indices, half, cells)


def test_colours_of_an_mlp_keep_what_is_beyond_pictures(tmp_path: Path) -> None:
    path = tmp_path / "cars.pkl"
    path.write_bytes(stylenerf_file())
    model = ballgan.load(str(path), device="cpu")
    rows = model.field_code(model.map(model.z(3)))
    baking = Baking(model, rows)
    coarse = baking.coarse()
    half = coarse.extent.half_side
    z, y, x = np.meshgrid(*[np.linspace(-half, half, 49)] * 3, indexing="ij")
    points = torch.from_numpy(np.stack([x, y, z], axis=-1)).float()
    with torch.inference_mode():
        features = model.field.features(rows, points.view(1, -1, 3))
    expected = features[0, :, :3].view(49, 49, 49, 3).numpy()
    assert expected.min() < -0.2 and expected.max() > 1.2
    for color in coarse.color, next(baking.refine(coarse)).color:
        assert color.dtype == np.float16 and (color[..., 3] == 1).all()
    np.testing.assert_allclose(coarse.color[..., :3], expected, rtol=2e-3, atol=2e-3)


def assert_agrees(
    model: ballgan.Generator,
    planes: torch.Tensor,
    density: np.ndarray,
    color: np.ndarray,
    indices: list[np.ndarray],
    half: float,
    cells: int,
) -> None:
    axes = [torch.from_numpy(2 * half * i / cells - half).float() for i in indices]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    # The outermost samples of a bounded field lie on its faces, up to rounding.
    points = points.clamp(-half * (1 - 1e-6), half * (1 - 1e-6))
    with torch.inference_mode():
        expected = model.density(planes, points.view(-1, 3)).view(x.shape).numpy()
        shown = model.color(planes, points.view(-1, 3)).view(*x.shape, 3).numpy()
    np.testing.assert_allclose(density, expected, rtol=2e-3, atol=2e-2)
    np.testing.assert_allclose(color[..., :3] / 255, shown, atol=0.5 / 255 + 1e-4)


def test_the_cube_grows_to_what_published_cameras_see() -> None:
    sampling = SamplingConfig(near=2.25, far=3.3, coarse_samples=48, fine_samples=48)
    field = dataclasses.replace(TINY.field, bounded=False, box_warp=1.0)
    model = make_model(dataclasses.replace(TINY, field=field, sampling=sampling))
    planes = torch.zeros(1, 3, field.plane_channels, 256, 256)
    extent = bake.find_extent(model, planes)
    stratum = 1.05 / 47
    assert extent.interval == pytest.approx((2.25 + stratum / 2, 3.3 + stratum / 2))
    assert extent.half_side == pytest.approx(3.3 + stratum / 2 - 2.7)  # the camera is at z = 2.7
    assert extent.cells == 192
    assert extent.outside is not None
    far = torch.full((1, 3), 5.0)
    with torch.inference_mode():
        assert extent.outside[3] == pytest.approx(model.density(planes, far).item(), abs=1e-4)
        assert extent.outside[:3] == pytest.approx(model.color(planes, far)[0].tolist(), abs=2e-3)


def test_baking_can_be_stopped_between_steps() -> None:
    model, planes = analytic_model()
    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ballgan.Cancelled

    baking = Baking(model, planes)
    with pytest.raises(ballgan.Cancelled):
        baking.coarse(stop)
    assert len(calls) == 3
    refining = baking.refine(baking.coarse())
    first = next(refining)
    assert not torch.is_inference_mode_enabled()
    assert 0 < first.fraction < 1
    refining.close()


@pytest.mark.parametrize("share", [0.0, 0.002, 0.3])
def test_distances_are_those_of_the_nearest_brick(share: float) -> None:
    occupied = np.random.default_rng(1).random((12, 12, 12)) < share
    places = np.argwhere(occupied)
    expected = np.full(occupied.shape, 12)
    for place in np.ndindex(occupied.shape):
        if len(places):
            expected[place] = np.abs(places - place).max(axis=1).min()
    assert (bake.measure_distance(occupied) == expected).all()
