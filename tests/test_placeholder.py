"""The bundled model: small, honest about what it is, and worth looking at."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from ballgan.assets.make_placeholder import CONFIG, make_placeholder

import ballgan

PATH = Path(str(resources.files("ballgan.assets") / "placeholder.pkl"))
PICTURE = ballgan.RenderSettings(size=48)
FOREGROUND = ballgan.RenderSettings(size=48, layer="foreground")
BACKGROUND = ballgan.RenderSettings(size=48, layer="background")


@pytest.fixture(scope="module")
def placeholder() -> ballgan.Generator:
    return ballgan.load(PATH, device="cpu")


@pytest.fixture
def scene(placeholder: ballgan.Generator) -> ballgan.Scene:
    return ballgan.Scene(placeholder)


def test_is_small_and_says_what_it_is(placeholder: ballgan.Generator) -> None:
    assert PATH.stat().st_size <= 4e6
    assert placeholder.meta["placeholder"] is True
    assert "untrained" in placeholder.meta["description"]


def test_is_what_the_script_makes(placeholder: ballgan.Generator) -> None:
    assert placeholder.config == CONFIG


@pytest.mark.parametrize("yaw", [0.0, 1.5, 3.1])
def test_foreground_has_a_clear_outline(scene: ballgan.Scene, yaw: float) -> None:
    alpha = scene.render(ballgan.Camera.orbit(yaw=yaw, pitch=0.2), FOREGROUND).alpha
    assert 0.08 < (alpha > 0.98).mean() < 0.7
    assert (alpha < 0.02).mean() > 0.2
    assert ((alpha > 0.1) & (alpha < 0.9)).mean() < 0.15
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert border.max() < 0.02


def test_codes_change_what_they_should(scene: ballgan.Scene) -> None:
    camera = ballgan.Camera.orbit()
    first = scene.render(camera, PICTURE)
    scene.background = ballgan.LearntBackground(1)
    other_sky = scene.render(camera, PICTURE)
    scene.latent = ballgan.Latent(1)
    other_ring = scene.render(camera, PICTURE)
    difference = np.abs(other_sky.rgb - first.rgb).mean(-1)
    assert difference[first.alpha < 0.01].mean() > 0.03
    assert difference[first.alpha > 0.999].max() < 0.01
    assert np.abs(other_ring.rgb - other_sky.rgb)[first.alpha > 0.9].mean() > 0.03


def test_object_stands_out_from_the_background(scene: ballgan.Scene) -> None:
    for seed in range(4):
        scene.latent, scene.background = ballgan.Latent(seed), ballgan.LearntBackground(seed)
        frame = scene.render(ballgan.Camera.orbit(), PICTURE)
        behind = scene.render(ballgan.Camera.orbit(), BACKGROUND)
        inside = frame.alpha > 0.98
        assert np.abs(frame.rgb - behind.rgb)[inside].mean() > 0.1


def test_background_has_no_seam(placeholder: ballgan.Generator) -> None:
    ws = placeholder.map_background(placeholder.z_background(0))
    assert placeholder.background is not None
    sphere = placeholder.background.equirectangular(ws, 64)
    across_the_seam = (sphere[:, :, 0] - sphere[:, :, -1]).abs().max()
    assert across_the_seam < 1.5 * (sphere[:, :, 1:] - sphere[:, :, :-1]).abs().max()


def test_mesh_is_one_closed_ring(scene: ballgan.Scene) -> None:
    mesh = scene.mesh(64, largest_component=False)
    assert mesh.is_watertight
    assert mesh.body_count == 1
    assert mesh.euler_number == 0
    assert mesh.volume > 0.01


def test_script_is_deterministic() -> None:
    first, second = (make_placeholder(seed=3, steps=2) for _ in range(2))
    third = make_placeholder(seed=4, steps=2)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name
    assert not torch.equal(first.field.hidden.weight, third.field.hidden.weight)
