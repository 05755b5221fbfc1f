"""Backgrounds of `ballgan render` and `ballgan export`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ballgan
from ballgan.cli.main import main

QUICK = ("--samples", "8", "--neural-resolution", "8")


@pytest.fixture(scope="module")
def model_path(tiny_model: ballgan.Generator, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    ballgan.save(tiny_model, path)
    return str(path)


def render(model_path: str, folder: Path, *options: str) -> tuple[np.ndarray, str]:
    """The only picture of a command, and its name."""
    assert main(["render", model_path, "--output", str(folder), *QUICK, *options]) == 0
    (path,) = folder.glob("seed*.png")
    with Image.open(path) as picture:
        return np.asarray(picture).astype(float) / 255, path.name


def test_a_gradient_goes_from_the_upper_to_the_lower_colour(
    model_path: str, tmp_path: Path
) -> None:
    options = ("--background", "#FF0000-#0000ff", "--layer", "background")
    pixels, name = render(model_path, tmp_path, *options)
    assert pixels[0, 0] == pytest.approx([1, 0, 0], abs=0.05)
    assert pixels[-1, 0] == pytest.approx([0, 0, 1], abs=0.05)
    assert name.startswith("seed0000_bg-ff0000-0000ff_")


def test_a_bundled_panorama_is_known_by_its_name(model_path: str, tmp_path: Path) -> None:
    options = ("--background", "sunset", "--layer", "background")
    plain, _ = render(model_path, tmp_path / "plain", *options)
    shown, name = render(
        model_path, tmp_path / "changed", *options, "--exposure", "1", "--turn", "-0.5"
    )
    assert "_bg-sunset_turn-0.50_exposure+1.00_" in name
    scene = ballgan.Scene(ballgan.load(model_path, device="cpu"))
    path = ballgan.bundled_panoramas()["sunset"]
    scene.background = ballgan.Panorama(path, yaw=-0.5, exposure=1.0)
    expected = scene.render(ballgan.Camera.orbit(), ballgan.RenderSettings(layer="background"))
    assert np.abs(shown - expected.rgb).max() < 0.003
    assert np.abs(shown - plain).mean() > 0.05


def test_a_still_background_and_matched_light(model_path: str, tmp_path: Path) -> None:
    options = ("--background", "neon", "--still-background", "--match-light", "0.5", "--yaw", "0.6")
    shown, name = render(model_path, tmp_path, *options)
    assert "_light0.5_still_" in name
    scene = ballgan.Scene(ballgan.load(model_path, device="cpu"))
    scene.background = ballgan.Panorama(ballgan.bundled_panoramas()["neon"])
    scene.backdrop_camera = ballgan.Camera.orbit()
    scene.match_light = ballgan.MatchLight(ballgan.LearntBackground(0, 0.7), 0.5)
    scene.latent = ballgan.Latent(0, 0.7)
    settings = ballgan.RenderSettings(neural_resolution=8, samples=8, matte="solved")
    expected = scene.render(ballgan.Camera.orbit(0.6), settings).rgb
    assert np.abs(shown - expected).max() < 0.003
    with Image.open(tmp_path / name) as picture:
        facts = json.loads(picture.info["ballgan"])
    assert facts["match_light"] == 0.5 and facts["still_background"] is True


def test_the_sphere_is_exported_and_comes_back(
    model_path: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "new" / "sphere.png"
    arguments = ["export", model_path, "--background-seed", "3", "--height", "256"]
    assert main([*arguments, "--output", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 512 x 256 pixels, equirectangular\n"
    options = ("--layer", "raw", "--neural-resolution", "32")
    learnt, _ = render(model_path, tmp_path / "a", *options, "--background-seeds", "3")
    again, _ = render(model_path, tmp_path / "b", *options, "--background", str(path))
    assert np.abs(learnt - again).mean() < 0.006


def test_a_film_has_the_background_of_its_options() -> None:
    from ballgan.cli.film import _complete, _describe_view
    from ballgan.cli.main import build_parser
    from ballgan.view import Backdrop, Code

    options = ["--background", "sunset", "--exposure", "-1", "--match-light", "--still-background"]
    args = build_parser().parse_args(["render", "m.pkl", *options, "--yaw", "0.3"])
    view = _complete(args, _describe_view(args), ballgan.ModelConfig())
    still, camera = view.backdrop.camera, view.camera
    assert still is not None and (still.yaw, camera.yaw) == (0.0, 0.3)
    assert view.backdrop == Backdrop(
        "photo",
        code=Code(),
        photo=ballgan.bundled_panoramas()["sunset"],
        exposure=-1.0,
        match_light=True,
        camera=still,
    )
    args = build_parser().parse_args(["render", "m.pkl", "--background", "#ffffff-#000000"])
    assert _describe_view(args).backdrop == Backdrop("gradient", top=(1, 1, 1), bottom=(0, 0, 0))
    options = ["--background", "#ffffff-#000000", "--turn", "0.5"]
    args = build_parser().parse_args(["render", "m.pkl", *options])
    assert _describe_view(args).backdrop.roll == 0.5
    args = build_parser().parse_args(["render", "m.pkl", "--turn", "0.5", "--exposure", "-1"])
    backdrop = _describe_view(args).backdrop
    assert (backdrop.sphere_yaw, backdrop.sphere_exposure) == (0.5, -1.0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["render", "m.pkl", "--background", "#12-#345678"], "six hexadecimal digits"),
        (["render", "m.pkl", "--background", "moon"], "studio, sunset; there is no file"),
        (["render", "m.pkl", "--background", "#123456", "--exposure", "1"], "--exposure needs a"),
        (["render", "m.pkl", "--background", "#123456", "--turn", "1"], "--turn needs a"),
        (["render", "m.pkl", "--background", "none", "--match-light"], "--match-light needs a"),
        (["render", "m.pkl", "--match-light", "3"], "should be a number from 0 to 2"),
        (["export", "m.pkl", "--height", "64", "--output", "x.glb"], "--height needs an --output"),
        (["export", "m.pkl", "--background", "none", "--output", "x.png"], "leaves nothing"),
        (["export", "m.pkl", "--exposure", "1", "--output", "x.glb"], "--exposure needs"),
    ],
)
def test_options_that_cannot_work_are_refused(
    arguments: list[str],
    text: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ballgan, "load", lambda *args, **options: pytest.fail("model was read"))
    assert main(arguments) == 2
    assert text in capsys.readouterr().err
