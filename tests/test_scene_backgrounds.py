"""Scenes before other backgrounds: unrolled, edited, still, and as gradients."""

import math
import os
from dataclasses import replace
from pathlib import Path
from weakref import ReferenceType, ref

import numpy as np
import pytest
import torch
from PIL import Image

from ballgan import (
    Camera,
    Generator,
    Gradient,
    LearntBackground,
    MatchLight,
    Panorama,
    RenderSettings,
    Scene,
    SolidColor,
)
from ballgan.backgrounds import expose
from ballgan.composition import Composition
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


# Turned and exposed


def test_a_turned_sphere_is_what_a_camera_that_went_round_sees(scene: Scene) -> None:
    camera = Camera.orbit(0.3, 0.2, pivot=(0.0, 0.1, 0.0))
    scene.background = LearntBackground(seed=5)
    went_round = scene.render(Camera.orbit(0.9, 0.2, pivot=(0.0, 0.1, 0.0)), BEHIND).rgb
    scene.background = LearntBackground(seed=5, yaw=0.6)
    for sampler in "fast", "plain":
        turned = scene.render(camera, replace(BEHIND, sampler=sampler)).rgb
        assert np.abs(turned - went_round).max() < 0.03
    cutout = replace(RAW, layer="foreground")
    turned = scene.render(camera, cutout).rgb
    scene.background = LearntBackground(seed=5)
    assert np.array_equal(scene.render(camera, cutout).rgb, turned)


@pytest.mark.parametrize("layer", ["raw", "full"])
def test_an_exposed_sphere_has_as_much_more_light_and_leaves_the_foreground(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    """Raw colours are exact; after super-resolution it is as a given background."""
    if layer == "raw":
        monkeypatch.setattr(Composition, "picture", lambda self, features: features[:, :3])
    settings = RenderSettings(layer=layer, size=64, neural_resolution=64)
    scene.background = LearntBackground(seed=5)
    behind = scene.render(FRONT, replace(settings, layer="background")).rgb
    foreground = scene.render(FRONT, replace(settings, layer="foreground"))
    scene.background = LearntBackground(seed=5, exposure=1.0)
    bright = scene.render(FRONT, settings)
    alpha = foreground.alpha[..., None]
    exposed = expose(torch.from_numpy(behind), 1.0).numpy()
    assert alpha.max() > 0.5
    assert np.abs(exposed - behind).mean() > 0.05
    assert bright.opaque
    assert bright.alpha == pytest.approx(foreground.alpha, abs=1e-5)
    expected = foreground.rgb * alpha + exposed * (1 - alpha)
    assert np.abs(bright.rgb - expected).max() < 5e-3


def test_a_rolled_gradient_has_its_upper_colour_at_the_right(scene: Scene) -> None:
    scene.background = Gradient((1, 0, 0), (0, 0, 1), roll=math.pi / 2)
    rgb = scene.render(Camera.orbit(), BEHIND).rgb
    assert rgb[24, -1] == pytest.approx([1, 0, 0], abs=0.02)
    assert rgb[24, 0] == pytest.approx([0, 0, 1], abs=0.02)
    assert rgb[0, 23:25].mean(0) == pytest.approx([0.5, 0, 0.5], abs=0.02)


@pytest.mark.parametrize(
    "background",
    [LearntBackground(seed=5, yaw=0.8, exposure=0.5), Gradient((1, 0, 0), (0, 0, 1), roll=0.7)],
)
def test_what_is_unrolled_is_turned_and_exposed_too(
    scene: Scene, tmp_path: Path, background
) -> None:
    scene.background = background
    write_png(tmp_path / "sphere.png", scene.unroll(256))
    camera = Camera.orbit(0.4, -0.2, fov=0.8)
    raw = scene.render(camera, RAW)
    scene.background = Panorama(str(tmp_path / "sphere.png"))
    assert np.abs(scene.render(camera, RAW).rgb - raw.rgb).mean() < 0.005


def test_a_turned_sphere_sheds_its_light_from_elsewhere(scene: Scene) -> None:
    scene.match_light = MatchLight(LearntBackground(seed=5))
    scene.background = LearntBackground(seed=5)
    assert scene.shading(FRONT) is None
    scene.background = LearntBackground(seed=5, yaw=2.0)
    assert scene.shading(FRONT) is not None


@pytest.mark.parametrize("name", ["yaw", "exposure"])
def test_impossible_turns_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="yaw and exposure should be finite"):
        LearntBackground(**{name: math.nan})
    with pytest.raises(ValueError, match="roll should be finite"):
        Gradient(roll=math.inf)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[ReferenceType[torch.Tensor]]:
    """The photos that were read from files."""
    images: list[ReferenceType[torch.Tensor]] = []
    load = Panorama.load

    def note(panorama: Panorama) -> torch.Tensor:
        image = load(panorama)
        images.append(ref(image))
        return image

    monkeypatch.setattr(Panorama, "load", note)
    return images


def show_photos(scene: Scene, folder: Path, *names: str, yaw: float = 0.0) -> None:
    """One after the other; they are written the first time."""
    for name in names:
        path = folder / f"{name}.png"
        if not path.exists():
            write_png(path, np.random.default_rng(2).random((32, 64, 3)))
        scene.background = Panorama(path, yaw=yaw)
        scene.render(FRONT)


def test_scenes_share_the_photos_they_have(
    scene: Scene, tmp_path: Path, read: list[ReferenceType[torch.Tensor]]
) -> None:
    scenes = scene, Scene(scene.model)
    for other in scenes:
        for yaw in 0.0, 1.0:
            show_photos(other, tmp_path, "room", yaw=yaw)
    assert len(read) == 1
    for other in scenes:
        assert read[0]() is not None  # some scene still has it
        show_photos(other, tmp_path, "roof", "hall")
    assert len(read) == 3
    assert read[0]() is None


def test_the_photos_of_both_sides_of_a_comparison_are_read_once(
    scene: Scene, tmp_path: Path, read: list[ReferenceType[torch.Tensor]]
) -> None:
    for yaw in 0.0, 1.0, 2.0:
        show_photos(scene, tmp_path, "room", "roof", yaw=yaw)
    assert len(read) == 2
