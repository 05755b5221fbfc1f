"""Large pictures in bands are the pictures that are rendered whole; and sharp mattes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, make_model

import ballgan
from ballgan import Camera, LearntBackground, RenderSettings, Scene, SolidColor, bands
from ballgan.frame import enlarge_rows, resize
from ballgan.images import write_png

FRONT = Camera.orbit(0.3, 0.1)


@pytest.fixture(scope="module")
def plain_model() -> ballgan.Generator:
    """A model without super-resolution: a ray for each pixel."""
    return make_model(replace(TINY, super_resolution=None))


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "PIXELS", 1)  # the least: bands of ALIGNMENT rows


def in_bands(scene: Scene, settings: RenderSettings, passes: int = 1) -> ballgan.Frame:
    frames = list(scene.render_bands(FRONT, settings, passes=passes))
    assert len(frames) > 1
    return bands.join_bands(iter(frames), settings.size or 0)


def assert_same(one: ballgan.Frame, other: ballgan.Frame) -> None:
    """The same but for rounding, and for what colour invisible pixels have."""
    assert one.opaque == other.opaque
    np.testing.assert_allclose(one.alpha, other.alpha, atol=2e-4)
    visible = 1 if one.opaque else one.alpha[..., None]
    np.testing.assert_allclose(one.rgb * visible, other.rgb * visible, atol=1e-3)
    hit = np.isfinite(one.depth)
    assert (hit == np.isfinite(other.depth)).mean() > 0.9999
    both = hit & np.isfinite(other.depth)
    np.testing.assert_allclose(one.depth[both], other.depth[both], atol=2e-3)


@pytest.mark.parametrize("layer", ["full", "foreground", "background", "normals", "raw"])
@pytest.mark.parametrize("background", ["learnt", "colour", "none"])
def test_bands_of_rays_are_the_whole_picture(
    plain_model, small_bands, layer: str, background: str
) -> None:
    scene = Scene(plain_model)
    scene.background = {"learnt": LearntBackground(1), "colour": SolidColor((0.2, 0.9, 0.4))}.get(
        background
    )
    settings = RenderSettings(size=150, layer=layer)
    assert_same(in_bands(scene, settings), scene.render(FRONT, settings))


@pytest.mark.parametrize("layer", ["full", "foreground", "normals"])
@pytest.mark.parametrize("background", ["learnt", "photo"])
def test_bands_of_enlarged_pictures_are_the_whole_picture(
    tiny_model, small_bands, tmp_path: Path, layer: str, background: str
) -> None:
    scene = Scene(tiny_model)
    if background == "photo":
        path = tmp_path / "room.png"
        write_png(path, np.random.default_rng(0).random((32, 64, 3)))
        scene.background = ballgan.Panorama(str(path))
    settings = RenderSettings(size=150, layer=layer)
    assert_same(in_bands(scene, settings), scene.render(FRONT, settings))


def test_bands_of_several_passes_are_the_whole_picture(plain_model, small_bands) -> None:
    scene = Scene(plain_model)
    scene.background = None
    settings = RenderSettings(size=130)
    whole = scene.render_stage(FRONT, settings, "refined", None, 3)
    assert_same(in_bands(scene, settings, 3), whole)


def test_bands_see_still_backgrounds(plain_model, small_bands) -> None:
    scene = Scene(plain_model)
    scene.backdrop_camera = Camera.orbit(-0.5, 0.0)
    settings = RenderSettings(size=130)
    assert_same(in_bands(scene, settings), scene.render(FRONT, settings))


@pytest.mark.parametrize("background", [LearntBackground(3), SolidColor((0.9, 0.2, 0.1))])
def test_bands_have_matched_light(plain_model, small_bands, background) -> None:
    scene = Scene(plain_model)
    scene.background = background
    settings = RenderSettings(size=130)
    plain = scene.render(FRONT, settings)
    scene.match_light = ballgan.MatchLight(LearntBackground(1))
    whole = scene.render(FRONT, settings)
    assert np.abs(whole.rgb - plain.rgb).mean() > 0.01
    assert_same(in_bands(scene, settings), whole)


def test_render_joins_the_bands_of_large_pictures(tiny_model, monkeypatch, small_bands) -> None:
    scene, settings = Scene(tiny_model), RenderSettings(size=200)
    whole = scene.render(FRONT, settings)
    monkeypatch.setattr("ballgan.scene.WHOLE_SIZE", 100)
    assert_same(scene.render(FRONT, settings), whole)


def test_progress_of_bands_ascends_and_can_stop(plain_model, small_bands) -> None:
    scene, seen = Scene(plain_model), []
    list(scene.render_bands(FRONT, RenderSettings(size=200), progress=seen.append))
    assert seen == sorted(seen) and seen[-1] > 0.7 and max(seen) <= 1

    def stop(fraction: float) -> None:
        raise ballgan.Cancelled

    with pytest.raises(ballgan.Cancelled):
        list(Scene(plain_model).render_bands(FRONT, RenderSettings(size=200), progress=stop))


@pytest.mark.parametrize("size", [64, 100, 131])
def test_enlarged_rows_are_those_of_resize(size: int) -> None:
    image = torch.rand(1, 3, 37, 37, generator=torch.Generator().manual_seed(0))
    for rows in (slice(0, size), slice(0, 20), slice(20, 64), slice(size - 9, size)):
        expected = resize(image, size)[:, :, rows]
        assert torch.allclose(enlarge_rows(image, size, rows), expected, atol=1e-6)


def test_cropped_cameras_see_the_rows() -> None:
    camera = Camera.orbit(0.4, -0.2).resolve(TINY.camera)
    whole = camera.rays(9, 9).directions.view(9, 9, 3)
    part = camera.crop(9, slice(3, 7)).rays(9, 4).directions.view(4, 9, 3)
    assert torch.allclose(part, whole[3:7], atol=1e-6)


# Mattes


def test_solved_mattes_fit_what_super_resolution_shows(tiny_model) -> None:
    """Before another background, the matte's composite is nearer to the network's own picture."""
    scene, errors = Scene(tiny_model), {}
    whole, behind = (
        scene.render(FRONT, RenderSettings(layer=layer)).rgb for layer in ("full", "background")
    )
    scene.background = None
    for matte in ("quick", "solved"):
        frame = scene.render(FRONT, RenderSettings(matte=matte))
        assert not frame.opaque and 0 <= frame.alpha.min() < 0.1 and frame.alpha.max() > 0.9
        alpha = frame.alpha[..., None]
        composed = frame.rgb * alpha + (1 - alpha) * behind
        errors[matte] = np.sqrt(np.square(composed - whole).mean())
    assert errors["solved"] < 0.7 * errors["quick"]


def test_solved_mattes_are_for_super_resolution_only(plain_model) -> None:
    scene = Scene(plain_model)
    scene.background = None
    quick, solved = (
        scene.render(FRONT, RenderSettings(size=32, matte=matte)) for matte in ("quick", "solved")
    )
    assert (quick.rgba() == solved.rgba()).all()
    with pytest.raises(ValueError, match="matte is one of quick, solved; got 'sharp'"):
        RenderSettings(matte="sharp")
