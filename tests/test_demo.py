"""The bundled model: trained, small, and with its foreground apart from its background."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import ballgan
from ballgan.config import ModelConfig

ASSETS = Path(str(resources.files("ballgan.assets")))
PICTURE = ballgan.RenderSettings(size=64)
FOREGROUND = ballgan.RenderSettings(size=64, layer="foreground")


@pytest.fixture(scope="module")
def demo() -> ballgan.Generator:
    return ballgan.load(ASSETS / "heads.pkl", device="cpu")


@pytest.fixture
def scene(demo: ballgan.Generator) -> ballgan.Scene:
    return ballgan.Scene(demo)


def test_is_small_and_says_where_it_is_from(demo: ballgan.Generator) -> None:
    assert (ASSETS / "heads.pkl").stat().st_size <= 4e6
    assert demo.meta["source"] == "ballgan-train"
    assert demo.meta["kimg"] > 10
    configs = json.loads((ASSETS / "heads-config.json").read_text())
    trained = ModelConfig.from_dict(configs[-1]["config"]["model"])
    assert replace(trained, neural_resolution=256) == demo.config


@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
def test_every_ray_meets_the_head_or_the_sphere(scene: ballgan.Scene, yaw: float) -> None:
    for seed in range(4):
        scene.latent = ballgan.Latent(seed, truncation_psi=0.7)
        alpha = scene.render(ballgan.Camera.orbit(yaw=yaw), FOREGROUND).alpha
        assert 0.15 < alpha.mean() < 0.85
        assert np.minimum(alpha, 1 - alpha).mean() < 0.1
        assert alpha[24:40, 24:40].mean() > 0.9  # the face


def test_codes_change_what_they_should(scene: ballgan.Scene) -> None:
    camera = ballgan.Camera.orbit()
    first = scene.render(camera, PICTURE)
    scene.background = ballgan.LearntBackground(1)
    other_sphere = scene.render(camera, PICTURE)
    scene.latent = ballgan.Latent(1)
    other_head = scene.render(camera, PICTURE)
    difference = np.abs(other_sphere.rgb - first.rgb).mean(-1)
    assert difference[first.alpha < 0.02].mean() > 0.03
    assert difference[first.alpha > 0.98].mean() < 2 / 255
    assert np.abs(other_head.rgb - other_sphere.rgb)[first.alpha > 0.9].mean() > 0.03


def test_background_has_no_seam(demo: ballgan.Generator) -> None:
    ws = demo.map_background(demo.z_background(0))
    assert demo.background is not None
    sphere = demo.background.equirectangular(ws, 64)
    across_the_seam = (sphere[:, :, 0] - sphere[:, :, -1]).abs().max()
    assert across_the_seam < 1.5 * (sphere[:, :, 1:] - sphere[:, :, :-1]).abs().max()


def test_meshes_are_closed_and_as_large_as_a_head(scene: ballgan.Scene) -> None:
    for seed in range(3):
        scene.latent = ballgan.Latent(seed, truncation_psi=0.7)
        mesh = scene.mesh(64)
        assert mesh.is_watertight
        assert 0.2 < mesh.extents.min() and mesh.extents.max() < 0.95
