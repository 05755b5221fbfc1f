"""The GL preview before other backgrounds and in other light, against the library's picture."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import theme
from conftest import TINY, make_model
from test_viewer_preview import (
    SIDE,
    agreement_models,
    bake,
    draw,
    neural,
    preview,
    psnr,
    window,
    wrap,
)

import ballgan
from ballgan.background_config import (
    BackgroundConfig,
    CubeConfig,
    InvertedSphereConfig,
    PlaneConfig,
)
from ballgan.composition import Composition
from ballgan.inverted_sphere import InvertedSphereBackground
from ballgan.stylenerf_config import PointNetworkConfig
from ballgan.view import Backdrop, Code, Orbit, View

__all__ = ["preview", "window"]  # fixtures


def shown_and_expected(
    preview: Any, model: Any, view: View, layer: str = "raw"
) -> list[np.ndarray]:
    """The preview of a view, and the library's picture."""
    scene = bake(preview, model, view)
    return [draw(preview, view), neural(scene, view, layer)]


@pytest.fixture(scope="module")
def heads(tiny_model: ballgan.Generator) -> Any:
    return wrap(agreement_models(tiny_model)["bundled"])


def test_gradients_are_where_the_library_has_them(
    preview: Any, tiny_model: ballgan.Generator
) -> None:
    model = wrap(tiny_model)
    backdrop = Backdrop("gradient", top=(1.0, 0.2, 0.0), bottom=(0.0, 0.3, 0.9))
    camera = replace(model.info.home, yaw=0.5, pitch=0.05, pivot=(0.2, -0.1, 0.1), fov=0.7)
    view = View(backdrop=backdrop, camera=camera, layer="background")
    shown, expected = shown_and_expected(preview, model, view, "background")
    assert expected[0, 0, 0] > 0.95 and expected[-1, 0, 2] > 0.85
    assert np.abs(shown - expected).max() < 0.01


@pytest.mark.parametrize("stops", [0.0, 0.8, -1.5])
def test_a_turned_and_exposed_sphere_agrees(preview: Any, heads: Any, stops: float) -> None:
    """Before a foreground, and without one; the bundled model has no super-resolution."""
    backdrop = Backdrop(sphere_yaw=0.7, sphere_exposure=stops)
    view = View(Code(3.0), backdrop, replace(heads.info.home, yaw=0.3, pitch=0.1))
    shown, expected = shown_and_expected(preview, heads, view, "full")
    assert psnr(shown, expected) >= 28
    assert np.abs((shown - expected).mean(axis=(0, 1))).max() < 0.01
    plain = replace(view, backdrop=Backdrop())
    assert preview.is_current(heads, plain)  # the shader turns and exposes what was baked
    assert psnr(draw(preview, plain), expected) < psnr(shown, expected) - 3
    alone = replace(view, layer="background")
    shown, expected = shown_and_expected(preview, heads, alone, "background")
    assert np.abs(shown - expected).max() < 0.05


def test_the_first_window_is_baked_where_a_turned_sphere_is_seen(
    preview: Any, tiny_model: ballgan.Generator
) -> None:
    """Before the whole sphere is there: sharp where the camera looks."""
    model = wrap(tiny_model)
    camera = replace(model.info.home, yaw=0.5, pivot=(0.3, 0.1, -0.2))
    view = View(backdrop=Backdrop(sphere_yaw=1.1), camera=camera, layer="background")
    scene = bake(preview, model, view, refined=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Composition, "picture", lambda self, features: features[:, :3])
        expected = neural(scene, view, "background")
    assert np.abs(draw(preview, view) - expected).mean() < 0.006


def test_a_rolled_gradient_agrees(preview: Any, tiny_model: ballgan.Generator) -> None:
    model = wrap(tiny_model)
    backdrop = Backdrop("gradient", top=(1.0, 0.2, 0.0), bottom=(0.0, 0.3, 0.9), roll=0.8)
    camera = replace(model.info.home, yaw=0.5, pitch=0.05, pivot=(0.2, -0.1, 0.1), fov=0.7)
    view = View(backdrop=backdrop, camera=camera, layer="background")
    shown, expected = shown_and_expected(preview, model, view, "background")
    assert np.abs(shown - expected).max() < 0.01


@pytest.mark.parametrize("kind", ["learnt", "gradient"])
def test_a_still_background_is_seen_by_its_own_camera(
    preview: Any, tiny_model: ballgan.Generator, kind: str
) -> None:
    model = wrap(tiny_model)
    still = replace(model.info.home, yaw=-0.7, pitch=0.2, fov=0.6)
    backdrop = Backdrop(kind, camera=still)
    view = View(backdrop=backdrop, camera=replace(model.info.home, yaw=0.9), layer="raw")
    shown, expected = shown_and_expected(preview, model, view)
    assert psnr(shown, expected) >= 28
    locked = View(backdrop=replace(backdrop, camera=None), camera=view.camera, layer="raw")
    assert psnr(draw(preview, locked), expected) < psnr(shown, expected) - 3


@pytest.mark.parametrize("still", [False, True])
def test_matched_light_agrees(preview: Any, heads: Any, still: bool) -> None:
    neon = ballgan.bundled_panoramas()["neon"]
    camera = replace(heads.info.home, yaw=0.4, pitch=0.1)
    behind = replace(heads.info.home, yaw=-0.8) if still else None
    backdrop = Backdrop("photo", photo=neon, match_light=True, light_strength=0.8, camera=behind)
    view = View(Code(3.0, 0.0), backdrop, camera, layer="raw")
    shown, expected = shown_and_expected(preview, heads, view)
    plain = replace(view, backdrop=replace(backdrop, match_light=False))
    unlit = draw(preview, plain)
    assert psnr(unlit, expected) < 25  # or the test would show nothing
    assert psnr(shown, expected) >= 28
    assert np.abs((shown - expected).mean(axis=(0, 1))).max() < 0.01


def test_light_that_changes_nothing_is_drawn_as_it_is(preview: Any, heads: Any) -> None:
    view = View(backdrop=Backdrop(match_light=True), camera=heads.info.home, layer="raw")
    bake(preview, heads, view)
    lit = draw(preview, view)
    plain = draw(preview, replace(view, backdrop=Backdrop()))
    assert np.abs(lit - plain).max() <= 1.5 / 255
    assert preview.is_current(heads, view)
    other = replace(view, backdrop=Backdrop("colour", match_light=True, colour=(1.0, 0.0, 0.0)))
    assert not preview.is_current(heads, other)


def test_cameras_have_the_axes_of_the_library() -> None:
    from ballgan_viewer.preview import axes

    orbit = Orbit(yaw=0.7, pitch=-0.4)
    pose = np.array(ballgan.Camera.orbit(0.7, -0.4).cam2world)[:3, :3]
    assert axes(orbit) == pytest.approx((pose * (1, -1, -1)).T, abs=1e-6)
    assert SIDE == 128


PAINTED = {"z_dim": 16, "w_dim": 16, "mapping_layers": 2, "hidden_size": 16, "num_layers": 2}
POINTS = PointNetworkConfig(hidden_size=16, num_layers=2, num_frequencies=3)
OTHERS: dict[str, BackgroundConfig] = {
    "cube": CubeConfig(side=6.0, num_frequencies=4, **PAINTED),
    "plane": PlaneConfig(distance=1.0, extent=4.0, num_frequencies=4, **PAINTED),
    "shells": InvertedSphereConfig(start=0.3, z_dim=16, w_dim=16, mapping_layers=2, network=POINTS),
}
ASIDE = {"yaw": 0.3, "pitch": -0.15, "pivot": (0.4, 0.25, 0.1), "fov": 0.5}


@pytest.fixture(scope="module")
def other_models() -> dict[str, Any]:
    """Models without super-resolution: what they show is what is baked."""
    plain = replace(TINY, super_resolution=None, field=replace(TINY.field, feature_channels=3))
    models = {n: make_model(replace(plain, background=config)) for n, config in OTHERS.items()}
    behind = models["shells"].background
    assert isinstance(behind, InvertedSphereBackground)
    behind.network.density_head.weight.mul_(60)  # near shells are opaque in places
    return {name: wrap(model) for name, model in models.items()}


@pytest.mark.parametrize("layer", ["full", "background"])
@pytest.mark.parametrize("name", list(OTHERS))
def test_other_backgrounds_have_their_geometry(
    preview: Any, other_models: dict[str, Any], name: str, layer: str
) -> None:
    model = other_models[name]
    turned = 0.0 if name == "plane" else 0.6  # which would turn it out of sight
    backdrop = Backdrop(code=Code(2.0, 0.0), sphere_yaw=turned)
    view = View(backdrop=backdrop, camera=replace(model.info.home, **ASIDE), layer=layer)
    shown, expected = shown_and_expected(preview, model, view, layer)
    assert expected.std() > 0.03
    assert psnr(shown, expected) >= (38 if layer == "background" else 28)


@pytest.mark.parametrize("name", list(OTHERS))
def test_a_camera_beside_the_middle_needs_that_geometry(
    preview: Any, other_models: dict[str, Any], name: str
) -> None:
    """The agreement is none that any sphere would have."""
    model = other_models[name]
    camera = replace(model.info.home, **ASIDE)
    view = View(backdrop=Backdrop(code=Code(2.0, 0.0)), camera=camera, layer="background")
    _, expected = shown_and_expected(preview, model, view, "background")
    preview._backcloth = replace(
        preview._backcloth, sizes=tuple(1.3 * size for size in preview._backcloth.sizes)
    )
    assert psnr(draw(preview, view), expected) < 34


def test_the_first_bake_shows_what_the_camera_sees(
    preview: Any, other_models: dict[str, Any]
) -> None:
    from ballgan_viewer.baker import Baker
    from ballgan_viewer.requests import RenderRequest
    from test_viewer_preview import neural as render
    from test_viewer_tasks import Desk

    from ballgan import staging

    for model in other_models.values():
        view = View(camera=replace(model.info.home, **ASIDE), layer="background")
        scene, desk = ballgan.Scene(model.generator), Desk()
        staging.set_scene(scene, view)
        Baker(scene, model).prepare(RenderRequest(model, view, preview=True), desk)  # type: ignore
        for result in desk.posted:
            preview.receive(result)
        assert psnr(draw(preview, view), render(scene, view, "background")) >= 28


def test_beside_the_plane_there_is_nothing(preview: Any, other_models: dict[str, Any]) -> None:
    model = other_models["plane"]
    ahead = View(camera=model.info.home, layer="background")
    bake(preview, model, ahead)
    whole = draw(preview, ahead)
    beside = draw(preview, replace(ahead, camera=replace(model.info.home, yaw=2.5)))
    assert whole.std() > 0.03
    assert beside.max() < 0.25  # the dark checkerboard
    theme.choose("light")
    try:
        beside = draw(preview, replace(ahead, camera=replace(model.info.home, yaw=2.5)))
    finally:
        theme.choose("dark")
    assert beside.min() > 0.75
