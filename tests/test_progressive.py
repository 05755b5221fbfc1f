import dataclasses
import math

import numpy as np
import pytest
import torch
from conftest import TINY, make_model
from PIL import Image
from test_viewer_preview import offset_px

from ballgan import Camera, Frame, Generator, RenderSettings, Scene, SolidColor
from ballgan.progressive import REFINEMENTS, Pace, change, passes_between
from ballgan.stopwatch import Stopwatch

FRONT = Camera.orbit(0.2, 0.1)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A model whose rays are the picture, against white."""
    scene = Scene(make_model(dataclasses.replace(TINY, super_resolution=None)))
    scene.background = SolidColor()
    return scene


@pytest.fixture(scope="module")
def ladder(scene: Scene) -> list[Frame]:
    return list(scene.render_progressively(FRONT, RenderSettings(size=96)))


def centre_of(frame: Frame) -> np.ndarray:
    """Mean position of the foreground, in pixels."""
    weights = frame.alpha / frame.alpha.sum()
    return np.array([(weights * grid).sum() for grid in np.indices(weights.shape)])


def test_rungs_do_not_jump_in_position_or_colour(ladder: list[Frame]) -> None:
    raw_pixel = 96 / ladder[0].neural_resolution
    for before, after in zip(ladder[:-1], ladder[1:], strict=True):
        assert np.abs(centre_of(after) - centre_of(before)).max() < raw_pixel / 2
        assert np.abs(after.rgb.mean((0, 1)) - before.rgb.mean((0, 1))).max() < 2 / 255
        raw_pixel = 96 / after.neural_resolution


def test_details_are_where_they_were(ladder: list[Frame]) -> None:
    """A frame agrees better with the next one in place than moved by half a raw pixel."""
    coarse, fine = ladder[0].rgb, ladder[-1].rgb
    half = 96 // ladder[0].neural_resolution // 2 + 1
    inner = slice(8, -8)
    here = np.square(coarse - fine)[inner, inner].mean()
    for axis in (0, 1):
        for step in (-half, half):
            moved = np.roll(fine, step, axis)
            assert here < np.square(coarse - moved)[inner, inner].mean()


def test_the_last_frame_says_that_it_has_converged(ladder: list[Frame], scene: Scene) -> None:
    figures = [frame.convergence for frame in ladder]
    assert figures == sorted(figures)
    assert figures[-1] == 1.0 and figures[0] == 0.0
    assert [f.stage for f in ladder[:2]] == ["preview", "full"]
    exact = scene.render(FRONT, RenderSettings(size=288, samples=96))
    smaller = exact.rgb.reshape(96, 3, 96, 3, 3).mean((1, 3))  # three by three rays a pixel
    errors = [np.square(f.rgb - smaller).mean() for f in ladder]
    assert errors[-1] < errors[1]
    assert -10 * math.log10(errors[-1]) > 38


def test_published_sampler_and_backgrounds_are_not_refined(scene: Scene) -> None:
    for settings in (RenderSettings(size=16, sampler="plain"), RenderSettings(layer="background")):
        frames = list(scene.render_progressively(FRONT, settings))
        assert [f.stage for f in frames] == ["full"]
        assert frames[-1].convergence == 1.0


def test_a_new_background_keeps_what_rays_have_gathered(scene: Scene) -> None:
    settings = RenderSettings(size=16)
    list(scene.render_progressively(FRONT, settings))
    rays = scene.pace.rays_per_s
    scene.background = SolidColor((0.0, 0.0, 1.0))
    blue = scene.render(FRONT, settings)
    assert scene.pace.rays_per_s == rays  # nothing was measured, as nothing was marched
    clear = blue.alpha < 1e-4
    assert clear.any() and np.allclose(blue.rgb[clear], [0, 0, 1], atol=1e-3)


def test_super_resolution_sees_rays_through_pixel_centres(tiny_model: Generator) -> None:
    frames = list(Scene(tiny_model).render_progressively(FRONT))
    assert [f.stage for f in frames[:3]] == ["raw", "full", "refined"]  # 16 rays need no preview
    assert change(frames[1], frames[-1]) < 3 / 255


def test_super_resolution_moves_nothing() -> None:
    """Where its layers add no detail, what is left is the raw picture, enlarged."""
    model = make_model(TINY)
    for block in model.super_resolution.blocks:
        torch.nn.init.zeros_(block.to_rgb.weight)
        torch.nn.init.zeros_(block.to_rgb.bias)
    raw, full, *_, refined = Scene(model).render_progressively(FRONT)
    assert (raw.stage, full.stage, refined.stage) == ("raw", "full", "refined")
    raw_pixel = len(full.rgb) / raw.neural_resolution
    assert raw_pixel == 4
    enlarged = np.asarray(
        [
            Image.fromarray(raw.rgb[..., k]).resize(full.rgb.shape[:2], Image.Resampling.BICUBIC)
            for k in range(3)
        ]
    ).transpose(1, 2, 0)
    for frame in full, refined:
        assert offset_px(enlarged, frame.rgb) < 0.1 * raw_pixel
        assert np.abs(enlarged.mean((0, 1)) - frame.rgb.mean((0, 1))).max() < 2 / 255


def test_samples_of_all_passes_lie_evenly() -> None:
    assert passes_between(1) == [(0.5, 0.5, 0.5)]
    steps = [0.5]
    for passes in REFINEMENTS:
        fresh = passes_between(passes)
        assert np.allclose(np.mean(fresh, axis=0), 0.5)
        assert all(len({sample[axis] for sample in fresh}) == len(fresh) for axis in range(3))
        steps += [sample[0] for sample in fresh]
        assert np.allclose(sorted(steps), np.arange(1, passes + 1) / (passes + 1))


def test_previews_follow_the_measured_speed() -> None:
    pace = Pace()
    assert pace.preview_resolution == 32
    for _ in range(10):
        pace.note(100_000, 1.0)
    assert pace.preview_resolution == 48 or pace.preview_resolution == 32
    slow = pace.preview_resolution
    for _ in range(10):
        pace.note(3_000_000, 1.0)
    fast = pace.preview_resolution
    assert fast**2 * 30 < 3_000_000 < 30 * 400**2 and fast > slow
    for _ in range(10):
        pace.note(1000, 1.0)
    assert pace.preview_resolution == 16


def test_the_speed_of_small_changes_is_ignored() -> None:
    pace, seen = Pace(), set()
    for i in range(20):
        pace.note(100_000 + 10_000 * (i % 2), 1.0)
        seen.add(pace.preview_resolution)
    assert len(seen) == 1


def test_passes_average_what_rays_gather(scene: Scene) -> None:
    with torch.inference_mode():
        once = scene.render_stage(FRONT, RenderSettings(size=24), "full")
        many = scene.render_stage(FRONT, RenderSettings(size=24), "refined", passes=7)
    assert 0 < change(once, many) < 0.05


def test_refined_layers_do_not_share_what_differs(tiny_model: Generator) -> None:
    """Raw pictures are refined in their pixels too, those that are enlarged are not."""
    scene, alone = Scene(tiny_model), Scene(tiny_model)
    raw = RenderSettings(layer="raw")
    scene.render_stage(FRONT, RenderSettings(), "refined", passes=3)
    shared = scene.render_stage(FRONT, raw, "refined", passes=3)
    assert np.array_equal(shared.alpha, alone.render_stage(FRONT, raw, "refined", passes=3).alpha)
    assert not np.array_equal(shared.alpha, scene.render_stage(FRONT, raw, "full").alpha)


def test_a_gpu_is_measured_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[bool] = []
    monkeypatch.setattr(Stopwatch, "stopped", lambda watch: bool(done))
    monkeypatch.setattr(Stopwatch, "seconds", lambda watch: 0.5)
    pace = Pace()
    with pace.measure(1000, torch.device("cpu")):
        pass
    assert pace.preview_resolution == 32 and pace.rays_per_s is None
    done.append(True)
    assert pace.preview_resolution == 16 and pace.rays_per_s == pytest.approx(2000)


@pytest.mark.parametrize("layer", ["full", "normals"])
def test_the_progress_of_each_picture_goes_up(tiny_model: Generator, layer: str) -> None:
    told: list[float] = []
    scene = Scene(tiny_model)
    settings = RenderSettings(size=64, neural_resolution=64, layer=layer)
    stages = []
    for frame in scene.render_progressively(FRONT, settings, progress=told.append):
        stages.append(frame.stage)
        assert told and told == sorted(told) and told[-1] <= 1
        told.clear()
    assert stages[-1] == "refined"
