"""A frame of a camera that moves never waits for a GPU but where it must."""

import dataclasses
import time
import warnings
from collections.abc import Iterator

import pytest
import torch
from conftest import TINY, make_model
from pretend_gpu import GPU, PretendGpu

import ballgan
from ballgan.background_config import CubeConfig
from ballgan.config import ModelConfig
from ballgan.occupancy import OccupancyGrid
from ballgan.shot import aim
from ballgan.stopwatch import Stopwatch

FRONT = ballgan.Camera.orbit(0.3, 0.1)
CUBE = CubeConfig(z_dim=16, w_dim=16, mapping_layers=2, hidden_size=16, num_layers=2)
BACKGROUNDS = {
    "learnt": ballgan.LearntBackground(3),
    "turned": ballgan.LearntBackground(3, yaw=0.4),
    "colour": ballgan.SolidColor((0.2, 0.3, 0.4)),
    "none": None,
}


@pytest.fixture
def no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new code is waited for, once."""
    everywhere = OccupancyGrid(torch.ones(66, 66, 66, dtype=torch.bool, device=GPU), 1.0)
    monkeypatch.setattr("ballgan.quick_field.is_bounded", lambda *_: True)
    monkeypatch.setattr("ballgan.foreground.Foreground.steps", 20)
    monkeypatch.setattr("ballgan.foreground.Foreground.coarse_grid", everywhere)
    monkeypatch.setattr("ballgan.foreground.Foreground.grid", everywhere)


def open_scene(config: ModelConfig = TINY) -> ballgan.Scene:
    """A scene whose code is prepared."""
    scene = ballgan.Scene(make_model(config).to(GPU))
    with torch.inference_mode():
        assert scene._stages.foreground(scene.subject, "fast").field.box == config.field.box_warp
    return scene


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("layer", ["full", "raw", "foreground", "normals"])
def test_a_frame_waits_for_the_list_of_its_samples_only(
    no_numbers: None, background: str, layer: str
) -> None:
    scene = open_scene()
    scene.background = BACKGROUNDS[background]
    scene.ws_background(ballgan.LearntBackground(3))
    settings = ballgan.RenderSettings(neural_resolution=64, layer=layer)
    with PretendGpu() as gpu, torch.inference_mode():
        layers = scene.layers(aim(scene, FRONT, settings))
    assert layers.rgb.device == GPU
    assert gpu.lists == 1


def test_a_cube_waits_no_more_than_a_sphere(no_numbers: None) -> None:
    scene = open_scene(dataclasses.replace(TINY, background=CUBE))
    scene.ws_background(ballgan.LearntBackground())
    with PretendGpu() as gpu, torch.inference_mode():
        scene.layers(aim(scene, FRONT, ballgan.RenderSettings()))
    assert gpu.lists == 1


def test_a_camera_outside_is_refused_on_the_cpu(no_numbers: None) -> None:
    scene = open_scene()
    far = ballgan.Camera.orbit(radius=3.5)
    with PretendGpu(), torch.inference_mode():
        with pytest.raises(ValueError, match=r"inside the background sphere of radius 3"):
            scene.layers(aim(scene, far, ballgan.RenderSettings()))
        scene.background = ballgan.Gradient((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
        with pytest.raises(ValueError, match=r"inside the background sphere of radius 3"):
            scene.backdrop.render(scene.background, far.resolve(TINY.camera), 16)


def test_what_waits_is_found_out() -> None:
    """The pretence is strict."""
    with PretendGpu() as gpu:
        x = torch.zeros(3, device=GPU)
        for wait in (x.sum().item, x.tolist, x.cpu, lambda: torch.tensor([1.0], device=GPU)):
            with pytest.raises((AssertionError, RuntimeError, NotImplementedError)):
                wait()
        with pytest.raises(RuntimeError):
            x + torch.zeros(3)
        x.nonzero()
    assert gpu.lists == 1


def test_a_stopwatch_measures_what_is_done_in_it() -> None:
    with Stopwatch(torch.device("cpu")) as watch:
        time.sleep(0.01)
    assert watch.stopped() and watch.seconds() >= 0.01


@pytest.fixture
def waits() -> Iterator[list[warnings.WarningMessage]]:
    """What torch reports of waiting for the GPU."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield caught
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_torch_counts_one_wait_of_a_frame_on_a_gpu(
    waits: list[warnings.WarningMessage],
) -> None:
    scene = ballgan.Scene(make_model(TINY).to("cuda"))
    settings = ballgan.RenderSettings(neural_resolution=64)
    for i in range(6):  # what comes again is recorded meanwhile
        scene.render(ballgan.Camera.orbit(0.1 * i, 0.1), settings)
    waits.clear()
    with torch.inference_mode():
        layers = scene.layers(aim(scene, FRONT, settings))
    found = [str(wait.message) for wait in waits if "synchronizing" in str(wait.message)]
    assert len(found) == 1, found
    torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(layers.rgb).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same_frame() -> None:
    model = make_model(TINY)
    expected = ballgan.Scene(model).render(FRONT)
    frame = ballgan.Scene(make_model(TINY).to("cuda")).render(FRONT)
    assert abs(frame.rgb - expected.rgb).mean() < 0.01
    assert abs(frame.alpha - expected.alpha).mean() < 1 / 255
