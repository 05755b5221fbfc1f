"""Baking the learnt background for the preview."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from conftest import TINY, make_model

import ballgan
from ballgan.background_config import InvertedSphereConfig
from ballgan.bake_background import (
    AROUND_HEIGHT,
    Chart,
    bake_whole,
    bake_window,
    find_window,
    make_chart,
    to_bytes,
)
from ballgan.stylenerf_config import PointNetworkConfig

CODE = ballgan.LearntBackground(seed=2)


def chart_of(model: ballgan.Generator) -> Chart:
    assert model.background is not None
    return make_chart(model.background, ballgan.Scene(model).ws_background(CODE))


def test_the_window_holds_what_the_camera_sees(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(radius=2.0, pivot=(0.0, 0.0, 0.0), fov=0.2)
    rows, columns, height = find_window(
        chart_of(tiny_model), camera.resolve(tiny_model.config.camera)
    )
    assert height == 512
    # Law of sines: a ray at 0.1 from the axis, 2 from the centre, meets the sphere of radius 3 at
    # 0.1 + asin(2 / 3 sin 0.1) from -z.
    half = 0.1 + math.asin(2 / 3 * math.sin(0.1))
    reach = 1.4 * half / math.pi * 512  # with 0.2 of the whole on each side
    assert rows[0] == pytest.approx(256 - reach, abs=6)
    assert rows[1] == pytest.approx(256 + reach, abs=6)
    assert columns.min() == pytest.approx(512 - reach, abs=6)
    assert columns.max() == pytest.approx(512 + reach, abs=6)


def test_the_window_wraps_round_behind(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(yaw=math.pi).resolve(tiny_model.config.camera)
    _, columns, height = find_window(chart_of(tiny_model), camera)
    assert {0, 2 * height - 1} <= set(columns.tolist())
    assert len(set(columns.tolist())) == len(columns)


def test_a_wide_view_gets_a_smaller_picture(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(fov=1.3).resolve(tiny_model.config.camera)
    rows, columns, height = find_window(chart_of(tiny_model), camera)
    assert height < 512
    assert (rows[1] - rows[0]) * len(columns) <= 16_000


def test_inside_the_window_it_is_the_sphere_itself(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(yaw=0.4, pitch=0.2).resolve(tiny_model.config.camera)
    chart = chart_of(tiny_model)
    assert (chart.kind, chart.sizes) == ("panorama", (3.0,))
    picture = bake_window(chart, camera)
    rows, columns, height = find_window(chart, camera)
    assert picture.shape == (height, 2 * height, 4)
    sphere = ballgan.Scene(tiny_model).sphere(CODE, height)
    whole = to_bytes(sphere[:3].permute(1, 2, 0)).astype(int)
    window = np.s_[rows[0] : rows[1]], columns.numpy()
    assert np.abs(picture[window[0]][:, window[1]] - whole[window[0]][:, window[1]]).max() <= 1
    # Elsewhere it is the same sphere, blurred.
    coarse = picture.astype(float) - whole
    assert np.abs(coarse).mean() < 40
    assert AROUND_HEIGHT < height
    steps: list[None] = []
    sharp = bake_whole(chart, lambda: steps.append(None))
    assert len(steps) > 10 and np.abs(sharp.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(("samples", "shells"), [(4, 4), (8, 8), (20, 8)])
def test_shells_add_up_to_what_the_volume_shows(samples: int, shells: int) -> None:
    network = PointNetworkConfig(hidden_size=16, num_layers=2, num_frequencies=3)
    behind = InvertedSphereConfig(
        start=0.4, samples=samples, z_dim=16, w_dim=16, mapping_layers=2, network=network
    )
    model = make_model(dataclasses.replace(TINY, background=behind))
    chart = chart_of(model)
    assert chart.layers == len(chart.sizes) == shells and chart.kind == "shells"
    assert chart.sizes[0] == pytest.approx(1 / 0.4, rel=0.1)
    assert list(chart.sizes[:-1]) == sorted(chart.sizes[:-1])
    assert (chart.sizes[-1] == 0) == (samples == shells)
    places = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    gathered, transmittance = torch.zeros(50, 3), torch.ones(50, 1)
    for layer in chart.colors(places):
        gathered += transmittance * layer[:, 3:] * layer[:, :3]
        transmittance = transmittance * (1 - layer[:, 3:])
    from ballgan.geometry import equirectangular_to_directions

    directions = equirectangular_to_directions(places)[None]
    ws = ballgan.Scene(model).ws_background(CODE)
    assert model.background is not None
    expected, _ = model.background.look(ws, torch.zeros_like(directions), directions)
    assert transmittance.abs().max() < 1e-6
    assert torch.allclose(gathered, expected[0, :, :3], atol=1e-5)
