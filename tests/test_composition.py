"""ballgan.composition: depth and normals at outlines, and where rays are not pixels."""

from dataclasses import replace

import numpy as np
import pytest

import ballgan
from ballgan import Camera, RenderSettings, Scene
from ballgan.frame import VISIBLE

FRONT = Camera.orbit(0.3, 0.1)


@pytest.fixture(scope="module")
def scene(model: ballgan.Generator) -> Scene:
    return Scene(model)


@pytest.mark.parametrize("size", [40, 64, 12])
def test_normals_have_length_one_up_to_the_edge(scene: Scene, size: int) -> None:
    frame = scene.render(FRONT, RenderSettings(size=size, layer="normals"))
    edge = (frame.alpha > 0.01) & (frame.alpha < 0.9)
    assert edge.any()
    assert np.linalg.norm(2 * frame.rgb - 1, axis=-1)[edge] == pytest.approx(1, abs=1e-4)


def test_enlarged_depth_has_no_blocks(scene: Scene) -> None:
    settings = RenderSettings(size=64, neural_resolution=16, layer="foreground")
    depth = scene.render(FRONT, settings).depth
    hit = np.isfinite(depth[:, 1:]) & np.isfinite(depth[:, :-1])
    same = depth[:, 1:] == depth[:, :-1]
    assert same[hit].mean() < 0.05  # of blocks: three quarters
    coarse = scene.render(FRONT, replace(settings, size=16)).depth
    low, high = coarse[np.isfinite(coarse)].min(), coarse[np.isfinite(coarse)].max()
    inside = depth[np.isfinite(depth)]
    assert low - 1e-5 <= inside.min() and inside.max() <= high + 1e-5


@pytest.mark.parametrize("matte", ["quick", "solved"])
def test_there_is_depth_wherever_there_is_foreground(scene: Scene, matte: str) -> None:
    frame = scene.render(FRONT, RenderSettings(layer="foreground", matte=matte))
    assert np.array_equal(np.isfinite(frame.depth), frame.alpha > VISIBLE)
    assert np.isfinite(frame.depth).any() and np.isinf(frame.depth).any()


@pytest.mark.parametrize("rays", [16, 64])
def test_no_depth_is_at_the_lens_where_super_resolution_draws_another_outline(
    scene: Scene, rays: int
) -> None:
    settings = RenderSettings(64, neural_resolution=rays, layer="foreground", matte="solved")
    depth = scene.render(FRONT, settings).depth
    hit = scene.render(FRONT, replace(settings, matte="quick")).depth
    low, high = hit[np.isfinite(hit)].min(), hit[np.isfinite(hit)].max()
    assert np.isfinite(depth).any()
    assert (depth >= 0.99 * low).all() and depth[np.isfinite(depth)].max() <= 1.01 * high


@pytest.mark.parametrize("layer", ["full", "raw"])
def test_the_foreground_has_a_depth_of_its_own(scene: Scene, layer: str) -> None:
    settings = RenderSettings(layer=layer, keep_pixels=True)
    frame = scene.render(FRONT, settings)
    alone = scene.render(FRONT, replace(settings, layer="foreground"))
    behind = scene.render(FRONT, replace(settings, layer="background"))
    assert frame.foreground_depth is not None
    assert np.array_equal(frame.foreground_depth, alone.depth)
    assert np.isfinite(frame.depth).all()
    hit = np.isfinite(alone.depth)
    mixed = frame.alpha * np.where(hit, alone.depth, 0) + (1 - frame.alpha) * behind.depth
    assert frame.depth[hit] == pytest.approx(mixed[hit], abs=1e-4)
    soft = (frame.alpha > 0.2) & (frame.alpha < 0.8)
    assert (frame.depth - frame.foreground_depth)[soft].min() > 0.1
    assert np.isinf(behind.foreground_depth).all()  # type: ignore[arg-type]
    assert scene.render(FRONT, replace(settings, keep_pixels=False)).foreground_depth is None
