"""`ballgan render --session`: the same pixels as the library's ladder, and clear refusals."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ballgan
from ballgan import staging
from ballgan.capture import capture_picture
from ballgan.cli.main import main
from ballgan.filming import FilmSettings
from ballgan.model_files import describe_file
from ballgan.session import PictureSettings, Session, read_session, write_session
from ballgan.view import Backdrop, Code, Orbit, View

VIEW = View(
    foreground=Code(3.25, 1.0, 0.9),
    backdrop=Backdrop(code=Code(2.0)),
    camera=Orbit(yaw=0.4, pitch=0.1, radius=2.5, pivot=(0.0, 0.0, 0.2)),
    neural_resolution=8,
)


@pytest.fixture
def session_file(model_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "look.ballgan.json"
    write_session(path, Session((describe_file(model_file),), 0, VIEW))
    return path


def render(*arguments: str | Path) -> int:
    return main(["render", *map(str, arguments)])


@pytest.mark.parametrize("layer", ["full", "foreground", "depth", "alpha", "normals"])
def test_the_picture_is_the_end_of_the_ladder(
    tiny_model: ballgan.Generator, session_file: Path, tmp_path: Path, layer: str
) -> None:
    view = replace(VIEW, layer=layer)
    write_session(session_file, replace(read_session(session_file), view=view))
    assert render("--session", session_file, "--output", tmp_path) == 0
    scene = ballgan.Scene(tiny_model)
    staging.set_scene(scene, view)
    ladder = scene.render_progressively(staging.to_camera(view.camera), staging.to_settings(view))
    expected = staging.to_rgba(view, list(ladder)[-1], tiny_model.config)
    with Image.open(tmp_path / "look.png") as picture:
        assert picture.mode == ("RGB" if (expected[..., 3] == 1).all() else "RGBA")
        pixels = np.asarray(picture.convert("RGBA"))
    assert np.array_equal(pixels, np.clip(expected * 255 + 0.5, 0, 255).astype(np.uint8))


def test_a_picture_reproduces_itself(
    session_file: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--session", session_file, "--output", tmp_path / "a") == 0
    picture = tmp_path / "a" / "look.png"
    assert read_session(picture).view == VIEW
    assert render("--session", picture, "--output", tmp_path / "b") == 2  # it knows no folders
    assert "name the one to use" in capsys.readouterr().err
    assert render(model_file, "--session", picture, "--output", tmp_path / "b") == 0
    assert picture.read_bytes() == (tmp_path / "b" / "look.png").read_bytes()
    (tmp_path / "a" / "tiny.pkl").write_bytes(model_file.read_bytes())  # beside the picture
    assert render("--session", picture, "--output", tmp_path / "c") == 0


def test_a_session_with_a_size_is_captured_as_the_window_does(
    tiny_model: ballgan.Generator, session_file: Path, tmp_path: Path
) -> None:
    sized = replace(read_session(session_file), picture=PictureSettings(96, 1))
    write_session(session_file, sized)
    assert render("--session", session_file, "--output", tmp_path) == 0
    settings = FilmSettings(size=96, passes=1)
    capture_picture(ballgan.Scene(tiny_model), VIEW, tmp_path / "expected.png", settings)
    with (
        Image.open(tmp_path / "look.png") as made,
        Image.open(tmp_path / "expected.png") as expected,
    ):
        assert made.size == (96, 96)
        assert np.array_equal(np.asarray(made), np.asarray(expected))
    assert render("--session", session_file, "--size", 32, "--output", tmp_path) == 0
    with Image.open(tmp_path / "look.png") as picture:
        assert picture.size == (32, 32)
    assert read_session(tmp_path / "look.png").picture == PictureSettings(32, 1)


@pytest.mark.parametrize("picture", [PictureSettings(9000), PictureSettings(64, 2)])
def test_impossible_sizes_are_refused_before_the_model_is_read(
    session_file: Path, picture: PictureSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    write_session(session_file, replace(read_session(session_file), picture=picture))
    assert render("--session", session_file) == 2
    assert "should be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a model file, or what to render with --session FILE"),
        (("--session", "{}", "--seeds", "3", "--yaw", "1"), "does not go with --seeds, --yaw"),
        (("--session", "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (("--session", "{}x"), "is damaged or no session"),
    ],
)
def test_refusals_in_one_line(
    session_file: Path,
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(f"{session_file}x").write_text("{")
    assert render(*(text.format(session_file) for text in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_newer_session_is_rendered_with_a_warning(
    session_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--session", session_file, "--output", tmp_path / "a") == 0
    assert "warning" not in capsys.readouterr().err
    data = json.loads(session_file.read_text())
    data["view"]["sparkle"] = 3
    session_file.write_text(json.dumps(data))
    assert render("--session", session_file, "--output", tmp_path / "b") == 0
    warning = "warning: The session has unknown keys: session.view.sparkle."
    assert warning in capsys.readouterr().err
    same = [(tmp_path / name / "look.png").read_bytes() for name in "ab"]
    assert same[0] == same[1]


def test_a_model_that_changed_is_not_used_silently(
    session_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = read_session(session_file)
    copy = tmp_path / "copy.pkl"
    copy.write_bytes(b"something else")
    assert session.model is not None
    write_session(session_file, replace(session, models=(replace(session.model, path=str(copy)),)))
    assert render("--session", session_file, "--output", tmp_path) == 2
    assert "copy.pkl has changed since: name the one to use" in capsys.readouterr().err


def test_pictures_of_the_options_are_sessions_too(
    tiny_model: ballgan.Generator, model_file: Path, tmp_path: Path
) -> None:
    options = ("--seeds", 7, "--yaw", 0.3, "--truncation", 0.5, "--background", "#ff8000")
    more = ("--neural-resolution", 8, "--layer", "foreground", "--fov", 20, "--output", tmp_path)
    assert render(model_file, *options, *more) == 0
    (path,) = tmp_path.glob("seed*.png")
    session = read_session(path)
    assert session.model is not None and session.model.sha256 == describe_file(model_file).sha256
    view = session.view
    assert (view.foreground.seed, view.foreground.truncation_psi) == (7, 0.5)
    assert (view.backdrop.kind, view.backdrop.colour) == ("colour", (1.0, 128 / 255, 0.0))
    assert (view.layer, view.neural_resolution) == ("foreground", 8)
    home = tiny_model.config.camera
    assert view.camera == Orbit(0.3, 0.0, home.radius, home.pivot, np.radians(20))
