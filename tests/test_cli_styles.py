"""`ballgan render --layer`: the mesh, and how layers are shown in pictures and films."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ballgan
from ballgan.camera_text import to_camera
from ballgan.cli.main import build_parser, main
from ballgan.session import read_session
from ballgan.staging import draw_mesh
from ballgan.view import DepthStyle, MeshStyle

QUICK = ("--samples", "8", "--neural-resolution", "8")


@pytest.fixture(scope="module")
def model_path(tiny_model: ballgan.Generator, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    ballgan.save(tiny_model, path)
    return str(path)


def render(model_path: str, folder: Path, *options: str) -> Path:
    """The only picture of a command."""
    assert main(["render", model_path, "--output", str(folder), *options]) == 0
    (path,) = folder.glob("seed*.png")
    return path


def test_the_surface_is_the_mesh_that_the_window_draws(
    tiny_model: ballgan.Generator, model_path: str, tmp_path: Path
) -> None:
    look = ("--seeds", "3", "--yaw", "0.4", "--roll", "0.3", "--size", "96")
    style = ("--layer", "surface", "--paint", "colour", "--wireframe")
    path = render(model_path, tmp_path, *look, *style)
    assert path.name.endswith("_roll0.3_size96_colour_wireframe_surface.png")
    scene = ballgan.Scene(tiny_model)
    scene.latent = ballgan.Latent(3)
    shown = MeshStyle("colour", wireframe=True)
    camera = ballgan.Camera.orbit(0.4, roll=0.3)
    expected = np.concatenate(list(draw_mesh(scene, camera, shown, 96, progress=None)))
    with Image.open(path) as picture:
        assert picture.mode == "RGBA"
        pixels = np.asarray(picture)
    assert 0.05 < (pixels[..., 3] == 255).mean() < 0.95
    assert np.array_equal(pixels, np.rint(expected * 255).astype(np.uint8))
    view = read_session(path).view
    assert (view.layer, view.mesh, view.camera.roll) == ("surface", shown, 0.3)


def test_a_mesh_without_a_size_is_sharp(model_path: str, tmp_path: Path) -> None:
    path = render(model_path, tmp_path, "--layer", "surface", "--write-cameras", "opencv")
    with Image.open(path) as picture:
        assert picture.size == (1024, 1024)
    assert json.loads((tmp_path / "cameras.json").read_text())["width"] == 1024


def test_cameras_of_a_file_see_the_mesh_exactly(
    tiny_model: ballgan.Generator, model_path: str, tmp_path: Path
) -> None:
    """Also those that no orbit has: here with a centre beside the middle."""
    home = ballgan.Camera.orbit().resolve(tiny_model.config.camera)
    (fx, skew, _), (zero, fy, cy), last = home.intrinsics
    beside = ballgan.Camera(home.cam2world, ((fx, skew, 0.8), (zero, fy, cy), last))
    label = [*np.ravel(beside.cam2world), *np.ravel(beside.intrinsics)]
    (tmp_path / "label.json").write_text(json.dumps([float(value) for value in label]))
    options = ("--layer", "surface", "--size", "64")
    shown = render(model_path, tmp_path / "a", *options, "--cameras", str(tmp_path / "label.json"))
    with Image.open(shown) as picture:
        alpha = np.asarray(picture)[..., 3]
    with Image.open(render(model_path, tmp_path / "b", *options)) as picture:
        centred = np.asarray(picture)[..., 3]
    right = round(0.3 * 64)
    assert np.abs(alpha[:, right:].astype(int) - centred[:, :-right]).mean() < 12
    assert np.abs(alpha.astype(int) - centred).mean() > 24


def test_a_film_has_the_style_and_the_roll_of_its_options() -> None:
    from ballgan.cli.film import _complete, _describe_view

    depth = ("--layer", "depth", "--colormap", "cividis", "--depth-range", "2,3", "--roll", "0.2")
    args = build_parser().parse_args(["render", "m.pkl", *depth, "--still-background"])
    view = _complete(args, _describe_view(args), ballgan.ModelConfig())
    assert view.depth == DepthStyle(2.0, 3.0, "cividis")
    assert view.camera.roll == 0.2
    assert (
        to_camera(view.camera).cam2world
        == ballgan.Camera.orbit(roll=0.2).resolve(ballgan.ModelConfig().camera).cam2world
    )
    assert view.backdrop.camera is not None and view.backdrop.camera.roll == 0.0
    mesh = ("--layer", "surface", "--level", "4.5", "--wireframe")
    args = build_parser().parse_args(["render", "m.pkl", *mesh])
    assert _describe_view(args).mesh == MeshStyle("clay", wireframe=True, level=4.5)


def test_a_film_of_the_mesh_turns(model_path: str, tmp_path: Path) -> None:
    film = ("--video", str(tmp_path / "turn"), "--size", "48", "--duration", "0.5", "--fps", "4")
    assert main(["render", model_path, "--layer", "surface", "--passes", "1", *film]) == 0
    pictures = []
    for path in sorted((tmp_path / "turn").iterdir()):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGBA")).astype(int))
    assert len(pictures) == 2
    assert 0.05 < (pictures[0][..., 3] > 127).mean() < 0.95
    assert np.abs(pictures[0] - pictures[1]).mean() > 5


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (("--paint", "colour"), 2, "--paint needs --layer surface"),
        (("--layer", "depth", "--level", "3"), 2, "--level needs --layer surface"),
        (("--layer", "surface", "--level", "1e8"), 1, "there is no surface at level 1e+08"),
    ],
)
def test_styles_that_cannot_be_shown_are_refused(
    model_path: str,
    tmp_path: Path,
    options: tuple[str, ...],
    status: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["render", model_path, "--output", str(tmp_path), *QUICK, *options]) == status
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))
