"""The GL preview before other backgrounds and in other light, against the library's picture."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
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
