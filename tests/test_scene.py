import dataclasses
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, make_model
from PIL import Image

import ballgan
from ballgan import (
    Cancelled,
    Generator,
    Latent,
    LearntBackground,
    Panorama,
    RenderSettings,
    Scene,
    SolidColor,
)
from ballgan.camera import Camera

FRONT = Camera.orbit(0.2, 0.1)
PLAIN = RenderSettings(sampler="plain")


@pytest.fixture
def scene(tiny_model: Generator) -> Scene:
    return Scene(tiny_model)


@pytest.fixture
def calls(tiny_model: Generator):
    """How often each network of the model ran."""
    counter: Counter[str] = Counter()
    networks = {
        "mapping": tiny_model.mapping,
        "backbone": tiny_model.backbone,
        "background mapping": tiny_model.background.mapping,
        "background": tiny_model.background.network,
        "field": tiny_model.field.hidden,
        "super-resolution": tiny_model.super_resolution,
    }

    def count(name: str):
        return lambda *_: counter.update([name])

    hooks = [m.register_forward_hook(count(name)) for name, m in networks.items()]
    yield counter
    for hook in hooks:
        hook.remove()


def test_frame_is_float_arrays_in_range(scene: Scene) -> None:
    frame = scene.render(FRONT, RenderSettings(size=48))
    assert frame.rgb.shape == (48, 48, 3) and frame.rgb.dtype == np.float32
    assert frame.alpha.shape == frame.depth.shape == (48, 48)
    assert 0 <= frame.rgb.min() and frame.rgb.max() <= 1
    assert 0 <= frame.alpha.min() and frame.alpha.max() <= 1
    assert frame.alpha.max() > 0.5 > frame.alpha.min()
    assert frame.opaque and frame.stage == "full" and frame.neural_resolution == 16
    assert np.isfinite(frame.depth).all()
    assert (frame.rgba()[..., 3] == 1).all()


def test_a_moved_camera_runs_no_network_above_the_rays(scene: Scene, calls: Counter[str]) -> None:
    scene.render(FRONT)
    before = Counter(calls)
    scene.render(Camera.orbit(-0.3, 0.0))
    after = calls - before
    # The background's network runs only for what it has not shown of its sphere.
    assert set(after) <= {"background", "super-resolution"}
    before = Counter(calls)
    scene.render(Camera.orbit(-0.3, 0.001))
    assert set(calls - before) == {"super-resolution"}


def test_a_new_background_code_touches_no_foreground_stage(
    scene: Scene, calls: Counter[str]
) -> None:
    first = scene.render(FRONT)
    before = Counter(calls)
    scene.background = LearntBackground(seed=9)
    second = scene.render(FRONT)
    after = calls - before
    assert set(after) == {"background mapping", "background", "super-resolution"}
    assert not np.allclose(first.rgb, second.rgb, atol=1e-2)
    assert np.array_equal(first.alpha, second.alpha)


def test_nothing_changed_costs_no_foreground(scene: Scene, calls: Counter[str]) -> None:
    first = scene.render(FRONT)
    before = Counter(calls)
    again = scene.render(FRONT)
    assert set(calls - before) == {"super-resolution"}
    assert np.array_equal(first.rgb, again.rgb)


def test_results_are_kept_by_value_not_by_flag(scene: Scene, calls: Counter[str]) -> None:
    scene.latent = Latent(1)
    first = scene.render(FRONT)
    scene.latent = Latent(2)
    other = scene.render(FRONT)
    before = Counter(calls)
    scene.latent = Latent(1)
    assert np.array_equal(scene.render(FRONT).rgb, first.rgb)
    assert "backbone" not in calls - before
    assert not np.allclose(first.rgb, other.rgb, atol=1e-2)


def test_fast_and_plain_agree(scene: Scene) -> None:
    fast = scene.render(FRONT)
    plain = scene.render(FRONT, dataclasses.replace(PLAIN, samples=192))
    error = np.square(fast.rgb - plain.rgb).mean()
    assert 10 * math.log10(1 / error) > 40
    assert np.abs(fast.alpha - plain.alpha).mean() < 1 / 255


def test_foreground_layer_is_straight_colour_with_alpha(scene: Scene) -> None:
    full = scene.render(FRONT)
    foreground = scene.render(FRONT, RenderSettings(layer="foreground"))
    assert not foreground.opaque
    solid = foreground.alpha > 0.999
    assert solid.any()
    # Deep inside the outline it is the full picture.
    assert np.abs(foreground.rgb - full.rgb)[erode(solid, 6)].max(initial=0) < 0.02
    assert np.array_equal(foreground.rgba()[..., 3], foreground.alpha)


def erode(mask: np.ndarray, steps: int) -> np.ndarray:
    """Pixels whose whole neighbourhood is in the mask."""
    image = torch.from_numpy(mask).float()[None, None]
    size = 2 * steps + 1
    return (-torch.nn.functional.max_pool2d(-image, size, 1, steps))[0, 0].numpy() > 0.5


def test_background_layer_has_no_holes(scene: Scene) -> None:
    """It does not depend on the foreground at all."""
    first = scene.render(FRONT, RenderSettings(layer="background"))
    scene.latent = Latent(5)
    second = scene.render(FRONT, RenderSettings(layer="background", neural_resolution=16))
    assert first.opaque and first.alpha.max() == 0
    # The super-resolution's style comes from the foreground code; the raw sphere does not change.
    assert np.allclose(first.depth, second.depth)
    assert np.allclose(first.rgb.mean(), second.rgb.mean(), atol=0.3)


def test_transparent_background(scene: Scene) -> None:
    scene.background = None
    full = scene.render(FRONT)
    assert not full.opaque
    nothing = full.alpha < 1e-3
    assert nothing.any() and np.isinf(full.depth[nothing]).any()
    empty = scene.render(FRONT, RenderSettings(layer="background"))
    assert not empty.opaque and empty.rgb.max() == 0


def test_solid_colour_is_seen_where_nothing_is(scene: Scene) -> None:
    scene.background = SolidColor((0.25, 0.5, 0.75))
    frame = scene.render(FRONT)
    clear = frame.alpha < 1e-4
    assert clear.any()
    assert np.allclose(frame.rgb[clear], [0.25, 0.5, 0.75], atol=1e-3)


def test_panorama_is_on_the_sphere(scene: Scene, tmp_path: Path) -> None:
    pixels = np.zeros((64, 128, 3), dtype=np.uint8)
    pixels[:, :64] = (255, 0, 0)  # the left half, as seen from inside
    pixels[:, 64:] = (0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "room.png")
    scene.background = Panorama(str(tmp_path / "room.png"))
    behind = scene.render(Camera.orbit(), RenderSettings(layer="background", size=32))
    assert behind.rgb[:, :12, 0].min() > 0.9 and behind.rgb[:, 20:, 2].min() > 0.9
    full = scene.render(Camera.orbit(), RenderSettings(size=32))
    clear = full.alpha < 1e-3
    assert np.allclose(full.rgb[clear], behind.rgb[clear], atol=0.02)
    assert full.opaque


def test_a_camera_outside_the_sphere_is_refused(scene: Scene) -> None:
    far = Camera.orbit(radius=3.5)
    with pytest.raises(ValueError, match=r"inside the background sphere of radius 3"):
        scene.render(far)
    scene.background = None
    assert scene.render(far).alpha.max() <= 1  # nothing to be outside of


def test_model_without_background(tiny_model_without_background: Generator) -> None:
    scene = Scene(tiny_model_without_background)
    frame = scene.render(FRONT)
    assert frame.opaque
    scene.background = SolidColor((1.0, 0.0, 0.0))
    assert not np.allclose(scene.render(FRONT).rgb, frame.rgb, atol=0.05)
    plain = scene.render(FRONT, RenderSettings(layer="background"))
    assert np.allclose(plain.rgb, [1, 0, 0])
    scene.background = LearntBackground()
    assert scene.render(FRONT, RenderSettings(layer="background")).rgb.max() == 0


def test_normals_face_the_camera(scene: Scene) -> None:
    frame = scene.render(FRONT, RenderSettings(layer="normals"))
    solid = frame.alpha > 0.99
    towards = frame.rgb[solid][:, 2] * 2 - 1
    assert (towards > 0).mean() > 0.8


def test_stages_come_coarse_first(scene: Scene) -> None:
    settings = RenderSettings(neural_resolution=40)
    frames = list(scene.render_progressively(FRONT, settings))
    assert [f.stage for f in frames[:4]] == ["preview", "raw", "full", "refined"]
    assert [f.neural_resolution for f in frames[:3]] == [32, 40, 40]
    assert {f.rgb.shape for f in frames} == {(64, 64, 3)}
    assert np.array_equal(frames[2].rgb, scene.render(FRONT, settings).rgb)


def test_rendering_is_cancelled_between_tiles(scene: Scene) -> None:
    seen: list[float] = []

    def stop_early(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        scene.render(FRONT, RenderSettings(neural_resolution=64), progress=stop_early)
    assert seen[-1] == max(seen) < 1.0 and min(seen) == 0.0
    assert scene.render(FRONT).stage == "full"  # the scene is still usable


def test_networks_are_cancelled_between_layers(scene: Scene, calls: Counter[str]) -> None:
    def stop(_: float) -> None:
        raise Cancelled

    scene.latent = Latent(77)
    with pytest.raises(Cancelled):
        scene.render(FRONT, progress=stop)
    assert calls["backbone"] == 0  # hooks run after a module has finished

    def stop_at_super_resolution(fraction: float) -> None:
        if fraction == 1.0:
            raise Cancelled

    with pytest.raises(Cancelled):
        scene.render(FRONT, progress=stop_at_super_resolution)
    assert calls["backbone"] == 1 and calls["super-resolution"] == 0


def test_blended_codes_lie_between(scene: Scene) -> None:
    scene.latent = Latent(1)
    first = scene.ws()
    scene.latent = Latent(2)
    second = scene.ws()
    scene.latent = Latent(blend=((1, 0.25), (2, 0.75)))
    assert torch.allclose(scene.ws(), 0.25 * first + 0.75 * second, atol=1e-5)


def test_conditioning_changes_the_identity_and_the_camera_does_not(scene: Scene) -> None:
    front = scene.ws()
    scene.conditioning = Camera.orbit(0.5)
    assert not torch.allclose(scene.ws(), front)


def test_model_without_super_resolution_renders_at_any_size() -> None:
    model = make_model(dataclasses.replace(TINY, super_resolution=None))
    frame = Scene(model).render(FRONT, RenderSettings(size=50))
    assert frame.rgb.shape == (50, 50, 3) and frame.neural_resolution == 50
    frames = Scene(model).render_progressively(FRONT, RenderSettings(size=50))
    assert [f.stage for f in frames][:3] == ["preview", "full", "refined"]
    frames = Scene(model).render_progressively(FRONT, preview=False)
    assert next(f.stage for f in frames) == "full"


def test_mesh_of_the_scene(scene: Scene) -> None:
    mesh = scene.mesh(32, level=1.0)
    assert mesh.is_watertight and mesh.volume > 0
    assert np.abs(mesh.vertices).max() <= 0.5 + 1 / 31


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": "foregrond"}, "layer is one of full, foreground"),
        ({"sampler": "quick"}, "sampler is one of"),
        ({"size": 0}, "size should be a whole number"),
        ({"neural_resolution": 100_000}, "neural_resolution"),
        ({"samples": 2}, "samples"),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ballgan.RenderSettings(**settings)


def test_a_changed_panorama_is_read_again(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "room.png"
    scene.background = Panorama(str(path))
    settings = RenderSettings(layer="background", size=16)
    for color in ((255, 0, 0), (0, 0, 255)):
        Image.new("RGB", (64, 32 + color[2] // 16), color).save(path)
        rgb = scene.render(FRONT, settings).rgb
        assert np.allclose(rgb, np.array(color) / 255, atol=0.01)


def test_every_size_has_its_stages() -> None:
    model = make_model(dataclasses.replace(TINY, super_resolution=None))
    for size in (1, 3, 33):
        frames = list(Scene(model).render_progressively(FRONT, RenderSettings(size=size)))
        assert frames[-1].rgb.shape == (size, size, 3)
    assert Scene(model).neural_resolution(RenderSettings(size=8192)) == 8192


def test_values_of_another_kind_are_named(scene: Scene) -> None:
    for wrong in ("white", (1, 1, 1), Latent(3)):
        scene.background = wrong
        with pytest.raises(ValueError, match=r"scene\.background should be"):
            scene.render(FRONT)
    scene.background = None
    scene.latent = 3
    with pytest.raises(ValueError, match=r"scene\.latent should be a Latent"):
        scene.render(FRONT)
    with pytest.raises(AttributeError):
        scene.model = scene.model
