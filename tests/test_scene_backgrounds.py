"""Scenes before other backgrounds: unrolled, edited, still, and as gradients."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ballgan import (
    Camera,
    Generator,
    Gradient,
    LearntBackground,
    Panorama,
    RenderSettings,
    Scene,
    SolidColor,
)
from ballgan.images import write_png

FRONT = Camera.orbit(0.2, 0.1)
BEHIND = RenderSettings(layer="background", size=48)
RAW = RenderSettings(layer="raw", size=48, neural_resolution=48)


@pytest.fixture
def scene(tiny_model: Generator) -> Scene:
    return Scene(tiny_model)


def test_the_unrolled_sphere_comes_back_as_a_panorama(scene: Scene, tmp_path: Path) -> None:
    scene.background = LearntBackground(seed=5)
    write_png(tmp_path / "sphere.png", scene.unroll(512))
    camera = Camera.orbit(0.9, -0.4, pivot=(0.3, 0.1, -0.2), fov=0.8)
    raw = scene.render(camera, RAW)
    scene.background = Panorama(str(tmp_path / "sphere.png"))
    back = scene.render(camera, RAW)
    assert raw.rgb.std() > 0.05
    assert np.abs(back.rgb - raw.rgb).mean() < 0.004
    assert np.abs(back.rgb - raw.rgb).max() < 0.03


@pytest.mark.parametrize(
    "background", [SolidColor((0.2, 0.4, 0.6)), Gradient((1, 0, 0), (0, 0, 1))]
)
def test_given_backgrounds_are_unrolled_as_they_are_seen(scene: Scene, background) -> None:
    scene.background = background
    unrolled = scene.unroll(64)
    assert unrolled.shape == (64, 128, 3) and unrolled.dtype == np.float32
    seen = scene.render(Camera.orbit(), BEHIND).rgb
    assert unrolled[31:33, 64].mean(0) == pytest.approx(seen[23:25, 24].mean(0), abs=0.02)
    assert unrolled[0, 0] == pytest.approx(
        background.color if isinstance(background, SolidColor) else background.top
    )


def test_nothing_cannot_be_unrolled(scene: Scene) -> None:
    scene.background = None
    with pytest.raises(ValueError, match="no background to unroll"):
        scene.unroll()


def test_the_front_camera_sees_the_whole_gradient(scene: Scene) -> None:
    scene.background = Gradient((1, 0, 0), (0, 0, 1))
    rgb = scene.render(Camera.orbit(), BEHIND).rgb
    assert rgb[0, 24] == pytest.approx([1, 0, 0], abs=0.02)
    assert rgb[-1, 24] == pytest.approx([0, 0, 1], abs=0.02)
    assert rgb[23:25, 24].mean(0) == pytest.approx([0.5, 0, 0.5], abs=0.02)
    from_above = scene.render(Camera.orbit(pitch=0.5), BEHIND).rgb
    assert from_above[24, 24] == pytest.approx([0, 0, 1], abs=0.02)


@pytest.mark.parametrize("kind", ["learnt", "gradient", "panorama"])
def test_a_still_background_stays_while_the_object_turns(
    scene: Scene, tmp_path: Path, kind: str
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)).save(
        tmp_path / "noise.png"
    )
    scene.background = {
        "learnt": LearntBackground(seed=2),
        "gradient": Gradient((1, 0, 0), (0, 0, 1)),
        "panorama": Panorama(str(tmp_path / "noise.png")),
    }[kind]
    raw = RenderSettings(layer="raw", size=32, neural_resolution=32)
    other = Camera.orbit(-0.9, 0.4)
    locked = scene.render(FRONT, raw)
    scene.backdrop_camera = FRONT
    assert np.array_equal(scene.render(FRONT, raw).rgb, locked.rgb)
    turned = scene.render(other, raw)
    empty = (turned.alpha < 1e-4) & (locked.alpha < 1e-4)
    assert empty.any()
    assert np.abs(turned.rgb - locked.rgb)[empty].max() < 2e-3
    cutout = RenderSettings(layer="foreground", size=32, neural_resolution=32)
    foreground = scene.render(other, cutout).rgb
    scene.backdrop_camera = None
    assert np.array_equal(scene.render(other, cutout).rgb, foreground)


def test_a_still_camera_outside_the_sphere_is_refused(scene: Scene) -> None:
    scene.backdrop_camera = Camera.orbit(radius=7)
    with pytest.raises(ValueError, match="inside the background sphere"):
        scene.render(FRONT, RAW)


def test_a_broken_file_leaves_its_last_picture(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "room.png"
    scene.background = Panorama(str(path))
    Image.new("RGB", (64, 32), (255, 0, 0)).save(path)
    first = scene.render(FRONT, BEHIND).rgb
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(scene.render(FRONT, BEHIND).rgb, first)
    os.remove(path)
    assert np.array_equal(scene.render(FRONT, BEHIND).rgb, first)
    Image.new("RGB", (66, 33), (0, 0, 255)).save(path)
    assert scene.render(FRONT, BEHIND).rgb[0, 0] == pytest.approx([0, 0, 1], abs=0.01)
    scene.background = Panorama(str(tmp_path / "never.png"))
    with pytest.raises(ValueError, match="never.png"):
        scene.render(FRONT, BEHIND)
