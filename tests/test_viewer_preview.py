"""The GL preview: pixels against hand-computed numbers and against the neural picture."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY, make_model
from PIL import Image
from viewer_driver import require_gl

import ballgan
from ballgan.bake import Bricks, Coarse, Extent, measure_distance
from ballgan.composition import Composition

SIDE = 128


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    require_gl()
    from ballgan_viewer.window import Window, WindowOptions

    opened = Window(WindowOptions(size=(SIDE, SIDE), scale=1.0, offscreen=True))
    yield opened
    opened.close()


@pytest.fixture
def preview(window: Any) -> Iterator[Any]:
    from ballgan_viewer.preview import Preview

    made = Preview()
    yield made
    made.close()


def wrap(generator: ballgan.Generator, **changes: Any) -> Any:
    from ballgan_viewer import describe
    from ballgan_viewer.requests import Model

    info = describe.describe_model(generator, "/models/tiny.pkl")
    return Model(replace(info, **changes), generator)


def draw(preview: Any, view: Any) -> np.ndarray:
    """The view as (SIDE, SIDE, 3) floats, after all uploads."""
    from ballgan_viewer.gl import clear, read_framebuffer
    from ballgan_viewer.layout import Rect

    while preview.upload():
        pass
    clear(SIDE, SIDE, (0.0, 0.0, 0.0))
    preview.draw(view, Rect(0, 0, SIDE, SIDE), (SIDE, SIDE), 1.0)
    return read_framebuffer(SIDE, SIDE).astype(float) / 255


def fog(raw: float, extent: Extent) -> Coarse:
    """The same density and colour (1, 0.5, 0) everywhere in the cube."""
    bricks = extent.bricks
    return Coarse(
        extent,
        np.full((49, 49, 49), raw, np.float16),
        np.tile(np.array([255, 128, 0, 255], np.uint8), (49, 49, 49, 1)),
        measure_distance(np.ones((bricks, bricks, bricks), bool)),
    )


@pytest.fixture
def fog_view(tiny_model: ballgan.Generator) -> tuple[Any, Any]:
    """A model of known size, and a camera 2.5 before the middle of its cube on black."""
    from ballgan.view import Backdrop, Orbit, View

    model = wrap(tiny_model, box=1.0)
    black = Backdrop("colour", colour=(0.0, 0.0, 0.0))
    return model, View(backdrop=black, camera=Orbit(radius=2.5, fov=0.2))


def test_fog_in_a_cube_is_as_opaque_as_the_formula_says(
    preview: Any, fog_view: tuple[Any, Any]
) -> None:
    from ballgan_viewer.requests import Volume

    model, view = fog_view
    preview.receive(Volume(model, view.identity, fog(1.5, Extent(0.5, 96))))
    extinction = math.log(1 + math.exp(0.5))
    opacity = 1 - math.exp(-extinction * 1.0)  # the ray in the middle crosses one unit
    middle = np.s_[SIDE // 2, SIDE // 2]
    assert draw(preview, view)[middle] == pytest.approx(
        (opacity, opacity * 128 / 255, 0), abs=0.015
    )
    alpha = draw(preview, replace(view, layer="alpha"))
    assert alpha[middle] == pytest.approx((opacity,) * 3, abs=0.015)
    wide = replace(view, camera=replace(view.camera, fov=0.6), layer="alpha")
    assert draw(preview, wide)[2, 2] == pytest.approx((0, 0, 0))  # beside the cube


def test_colours_beyond_what_pictures_show_are_added_up_first(
    preview: Any, fog_view: tuple[Any, Any]
) -> None:
    from ballgan_viewer.requests import Volume, VolumeDetail

    model, view = fog_view
    thin = fog(-1.0, Extent(0.5, 96))
    color = np.tile(np.array([3, 0.5, -2, 1], np.float16), (49, 49, 49, 1))
    opacity = 1 - math.exp(-math.log(1 + math.exp(-2)))
    middle = np.s_[SIDE // 2, SIDE // 2]
    places = np.argwhere(np.ones((12, 12, 12)))
    for _ in range(2):  # each time in textures of another kind
        for own, expected in (
            (color, (3 * opacity, 0.5 * opacity, 0)),
            (thin.color, (opacity, opacity * 128 / 255, 0)),
        ):
            preview.receive(Volume(model, view.identity, replace(thin, color=own)))
            assert draw(preview, view)[middle] == pytest.approx(expected, abs=0.015)
            density = np.full((len(places), 9, 9, 9), -1.0, np.float16)
            bricks = Bricks(places, density, np.stack([own[:9, :9, :9]] * len(places)), 1.0)
            preview.receive(VolumeDetail(model, view.identity, bricks))
            assert draw(preview, view)[middle] == pytest.approx(expected, abs=0.015)
            assert preview.refined


def test_depth_is_the_expected_distance(preview: Any, fog_view: tuple[Any, Any]) -> None:
    from ballgan_viewer.requests import Volume

    from ballgan.colormaps import apply_colormap
    from ballgan.view import COLORMAPS, DepthStyle

    model, view = fog_view
    preview.receive(Volume(model, view.identity, fog(1001.0, Extent(0.5, 96))))
    # Opaque at once at distance 2, a quarter of the way between the ends of the range.
    for colormap in COLORMAPS:
        depth = DepthStyle(1.5, 3.5, colormap)
        expected = apply_colormap(np.array(0.75), colormap)
        shown = draw(preview, replace(view, layer="depth", depth=depth))
        assert shown[SIDE // 2, SIDE // 2] == pytest.approx(expected, abs=0.02)


def test_density_beyond_the_cube_counts_between_near_and_far(
    preview: Any, fog_view: tuple[Any, Any]
) -> None:
    from ballgan_viewer.requests import Volume

    model, view = fog_view
    outside = (0.0, 0.0, 1.0, 1.5)
    extent = Extent(0.25, 96, interval=(2.0, 3.5), outside=outside)
    preview.receive(Volume(model, view.identity, fog(-50.0, extent)))
    extinction = math.log(1 + math.exp(0.5))
    # The ray is outside from 2 to 2.25 and from 2.75 to 3.5, in empty space between.
    opacity = 1 - math.exp(-extinction * 1.0)
    assert draw(preview, view)[SIDE // 2, SIDE // 2] == pytest.approx((0, 0, opacity), abs=0.015)
    wide = replace(view, camera=replace(view.camera, fov=0.6))
    opacity = 1 - math.exp(-extinction * 1.5)
    assert draw(preview, wide)[2, 2] == pytest.approx((0, 0, opacity), abs=0.015)


def test_fine_bricks_show_when_all_are_there(preview: Any, fog_view: tuple[Any, Any]) -> None:
    from ballgan_viewer.requests import Volume, VolumeDetail

    model, view = fog_view
    preview.receive(Volume(model, view.identity, fog(1001.0, Extent(0.5, 96))))
    coarse = draw(preview, view)
    places = np.argwhere(np.ones((12, 12, 12)))
    density = np.full((len(places), 9, 9, 9), 1000.0, np.float16)
    color = np.full((len(places), 9, 9, 9, 4), 255, np.uint8)
    half = len(places) // 2
    for part, fraction in (np.s_[:half], 0.5), (np.s_[half:], 1.0):
        bricks = Bricks(places[part], density[part], color[part], fraction)
        assert np.array_equal(draw(preview, view), coarse)
        preview.receive(VolumeDetail(model, view.identity, bricks))
    assert draw(preview, view)[SIDE // 2, SIDE // 2] == pytest.approx((1, 1, 1), abs=0.01)
    assert preview.refined
    assert preview.cells == 96


def test_uploads_come_in_slices(preview: Any, fog_view: tuple[Any, Any]) -> None:
    from ballgan_viewer.preview import SLICE
    from ballgan_viewer.requests import Backcloth

    model, view = fog_view
    pixels = np.zeros((2048, 4096, 4), np.uint8)
    preview.receive(Backcloth(model, view.backdrop, "panorama", pixels))
    turns = 1
    while preview.upload():
        turns += 1
    assert turns >= pixels.nbytes // SLICE


def bake(preview: Any, model: Any, view: Any, *, refined: bool = True) -> ballgan.Scene:
    """Have the baker make everything for the view; the scene that it was made from."""
    from ballgan_viewer.baker import Baker
    from ballgan_viewer.requests import RenderRequest
    from test_viewer_tasks import Desk

    from ballgan import staging

    scene = ballgan.Scene(model.generator)
    staging.set_scene(scene, view)
    desk: Any = Desk()
    baker = Baker(scene, model)
    baker.prepare(RenderRequest(model, view, preview=True), desk)
    if refined:
        baker.refine(desk)
    for result in desk.posted:
        preview.receive(result)
    return scene


def neural(scene: ballgan.Scene, view: Any, layer: str = "raw") -> np.ndarray:
    from ballgan import staging

    settings = ballgan.RenderSettings(size=SIDE, neural_resolution=SIDE, layer=layer)
    frame = scene.render(staging.to_camera(view.camera), settings)
    return frame.rgb.astype(float)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(np.square(a - b).mean() + 1e-12)


def offset_px(a: np.ndarray, b: np.ndarray) -> float:
    """How far `b` is moved against `a`: the least squares shift of small displacements."""
    grey_a, grey_b = a.mean(axis=2), b.mean(axis=2)
    dy, dx = np.gradient(0.5 * (grey_a + grey_b))
    gradient = np.stack([dx.ravel(), dy.ravel()], axis=1)
    shift, *_ = np.linalg.lstsq(gradient, (grey_a - grey_b).ravel(), rcond=None)
    return float(np.hypot(*shift))


def test_a_shift_is_measured() -> None:
    x = np.linspace(0, 6, SIDE)
    picture = np.repeat((np.sin(x)[:, None] + np.cos(2 * x))[..., None], 3, axis=2)
    moved = np.repeat((np.sin(x)[:, None] + np.cos(2 * (x + 3 * x[1])))[..., None], 3, axis=2)
    assert offset_px(picture, moved) == pytest.approx(3, abs=0.1)


def agreement_models(tiny_model: ballgan.Generator) -> dict[str, ballgan.Generator]:
    from ballgan_viewer.tasks import find_bundled_model

    sampling = replace(TINY.sampling, ray_shift=0.04)  # five pixels; half a ray of StyleNeRF's
    return {
        "tiny": tiny_model,
        "shifted": make_model(replace(TINY, sampling=sampling)),
        "bundled": ballgan.load(str(find_bundled_model()), device="cpu"),
    }


@pytest.mark.parametrize("name", ["tiny", "shifted", "bundled"])
@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (0.6, -0.3)])
def test_the_preview_agrees_with_the_neural_raw_picture(
    preview: Any, tiny_model: ballgan.Generator, name: str, yaw: float, pitch: float
) -> None:
    from ballgan.view import Code, View

    model = wrap(agreement_models(tiny_model)[name])
    view = View(foreground=Code(3, 0), camera=replace(model.info.home, yaw=yaw, pitch=pitch))
    scene = bake(preview, model, view)
    shown, expected = draw(preview, view), neural(scene, view)
    assert preview.refined
    assert expected.std() > 0.05
    assert psnr(shown, expected) >= 28
    raw_px = SIDE / model.info.neural_resolution
    assert offset_px(shown, expected) < 0.5 * min(raw_px, 1.0)
    assert np.abs((shown - expected).mean(axis=(0, 1))).max() < 0.01


def test_the_reference_checkpoint_agrees(preview: Any, references: Path) -> None:
    from ballgan.view import View

    model = wrap(ballgan.load(str(references / "ballgan-tiny.pkl"), device="cpu"))
    view = View(camera=replace(model.info.home, yaw=0.3, pitch=0.1))
    scene = bake(preview, model, view)
    shown, expected = draw(preview, view), neural(scene, view)
    assert psnr(shown, expected) >= 28
    assert offset_px(shown, expected) < 0.5
    assert np.abs((shown - expected).mean(axis=(0, 1))).max() < 0.01


@pytest.mark.parametrize("size", [(200, 100), (90, 120)])
def test_photos_hang_where_the_library_hangs_them(
    preview: Any, tiny_model: ballgan.Generator, tmp_path: Path, size: tuple[int, int]
) -> None:
    from ballgan.view import Backdrop, View

    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    picture = np.stack([across, down, 0.5 + 0.4 * np.sin(9 * across)], axis=2)
    path = tmp_path / "photo.png"
    Image.fromarray((255 * picture).astype(np.uint8)).save(path)
    model = wrap(tiny_model)
    backdrop = Backdrop("photo", photo=str(path), yaw=0.7, exposure=0.6)
    camera = replace(model.info.home, yaw=0.5, pitch=0.3, pivot=(0.4, -0.3, 0.1), fov=0.7)
    view = View(backdrop=backdrop, camera=camera, layer="background")
    scene = bake(preview, model, view)
    shown, expected = draw(preview, view), neural(scene, view, "background")
    assert np.abs(shown - expected).max() < 0.03
    assert np.abs(shown - expected).mean() < 0.003


def test_the_learnt_sphere_is_seen_from_off_its_centre(
    preview: Any, tiny_model: ballgan.Generator
) -> None:
    from ballgan.view import View

    model = wrap(tiny_model)
    camera = replace(model.info.home, yaw=0.9, pitch=-0.4, pivot=(0.5, 0.2, -0.3), fov=0.9)
    view = View(camera=camera, layer="background")
    scene = bake(preview, model, view)
    shown = draw(preview, view)
    settings = ballgan.RenderSettings(
        size=SIDE, neural_resolution=SIDE, layer="background", sampler="plain"
    )
    from ballgan import staging

    with pytest.MonkeyPatch.context() as patch:  # the raw colours: no super-resolution
        patch.setattr(Composition, "picture", lambda self, features: features[:, :3])
        expected = scene.render(staging.to_camera(camera), settings).rgb
    assert psnr(shown, expected) > 35


@pytest.mark.parametrize("layer", ["normals", "depth", "alpha", "foreground", "surface"])
def test_layers_agree_or_show_something(
    preview: Any, tiny_model: ballgan.Generator, layer: str
) -> None:
    from ballgan_viewer import theme

    from ballgan import staging
    from ballgan.view import Code, View

    generator = agreement_models(tiny_model)["bundled"]
    model = wrap(generator)
    view = View(foreground=Code(3, 0), camera=replace(model.info.home, yaw=0.4), layer=layer)
    scene = bake(preview, model, replace(view, layer="foreground"))
    shown = draw(preview, view)
    if layer == "surface":  # clay: the object is light, its surround the ground of meshes
        assert shown[SIDE // 4 : -SIDE // 4].max() > 0.7
        assert np.ptp(shown[:4, :4], axis=(0, 1)).max() == 0
        assert shown[0, 0] == pytest.approx(theme.rgb(theme.GROUND), abs=0.003)
        return
    settings = replace(staging.to_settings(view), size=SIDE, neural_resolution=SIDE)
    frame = scene.render(staging.to_camera(view.camera), settings)
    rgba = staging.to_rgba(view, frame, model.generator.config)
    solid = rgba[..., 3] > 0.99 if layer != "alpha" else np.ones((SIDE, SIDE), bool)
    difference = np.abs(shown - rgba[..., :3])[solid]
    assert solid.mean() > 0.1
    assert difference.mean() < 0.035
