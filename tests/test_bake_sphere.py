"""Baking the learnt sphere for the preview."""

import math

import numpy as np
import pytest
import torch

import ballgan
from ballgan.bake_sphere import AROUND_HEIGHT, bake_window, find_window, to_bytes


def test_the_window_holds_what_the_camera_sees(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(radius=2.0, pivot=(0.0, 0.0, 0.0), fov=0.2)
    rows, columns, height = find_window(camera.resolve(tiny_model.config.camera), 3.0)
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
    _, columns, height = find_window(camera, 3.0)
    assert {0, 2 * height - 1} <= set(columns.tolist())
    assert len(set(columns.tolist())) == len(columns)


def test_a_wide_view_gets_a_smaller_picture(tiny_model: ballgan.Generator) -> None:
    camera = ballgan.Camera.orbit(fov=1.3).resolve(tiny_model.config.camera)
    rows, columns, height = find_window(camera, 3.0)
    assert height < 512
    assert (rows[1] - rows[0]) * len(columns) <= 16_000


def test_inside_the_window_it_is_the_sphere_itself(tiny_model: ballgan.Generator) -> None:
    scene = ballgan.Scene(tiny_model)
    code = ballgan.LearntBackground(seed=2)
    camera = ballgan.Camera.orbit(yaw=0.4, pitch=0.2).resolve(tiny_model.config.camera)
    assert tiny_model.background is not None
    picture = bake_window(tiny_model.background, scene.ws_background(code), camera)
    rows, columns, height = find_window(camera, tiny_model.background.config.radius)
    assert picture.shape == (height, 2 * height, 4)
    with torch.inference_mode():
        whole = to_bytes(scene.sphere(code, height)[:3].permute(1, 2, 0)).astype(int)
    window = np.s_[rows[0] : rows[1]], columns.numpy()
    assert np.abs(picture[window[0]][:, window[1]] - whole[window[0]][:, window[1]]).max() <= 1
    # Elsewhere it is the same sphere, blurred.
    coarse = picture.astype(float) - whole
    assert np.abs(coarse).mean() < 40
    assert AROUND_HEIGHT < height
