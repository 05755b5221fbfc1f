"""Both sides of a comparison, and the mesh, in pictures and films without a window."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import ballgan
from ballgan.animation import turntable
from ballgan.capture import capture_picture, render_shown
from ballgan.cli.main import main
from ballgan.filming import FilmSettings, is_transparent_view, render_film, render_frame
from ballgan.mesh_picture import ShownSurface, draw_surface, find_normals
from ballgan.model_files import describe_file
from ballgan.session import (
    PictureSettings,
    Session,
    SessionError,
    decode_session,
    encode_session,
    write_session,
)
from ballgan.split import join_bands, join_pictures, join_sides
from ballgan.view import Code, Comparison, MeshStyle, Orbit, View

VIEW = View(
    foreground=Code(3.0),
    camera=Orbit(yaw=0.4, pitch=0.1, radius=2.5, pivot=(0.0, 0.0, 0.2)),
    comparison=Comparison(on=True, divider=0.4, kind="layer", layer="normals"),
)


def grey(value: float, side: int = 100, alpha: float = 1.0) -> np.ndarray:
    return np.full((side, side, 4), (value, value, value, alpha), np.float32)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA")) / 255


def test_each_side_is_on_its_side_of_a_line() -> None:
    joined = join_sides(grey(0.2), grey(0.6), 0.3)
    assert (joined[:, :29, 0] == np.float32(0.2)).all()
    assert (joined[:, 32:, 0] == np.float32(0.6)).all()
    assert joined[0, 29:32, 0] == pytest.approx([0.12, 0.93, 0.12])
    for divider in 0.0, 1.0:
        assert join_sides(grey(0.2), grey(0.6), divider).shape == (100, 100, 4)


def test_the_smaller_side_is_enlarged_without_dark_edges() -> None:
    cut = grey(0.5, 8)
    cut[:, 4:] = 0
    joined = join_pictures([cut, grey(1.0, 32)], 0.9)
    assert joined.shape == (32, 32, 4)
    seen = joined[:, :24][joined[:, :24, 3] > 0.01]
    assert seen[:, :3] == pytest.approx(0.5, abs=1e-3)


def test_bands_of_any_heights_are_joined() -> None:
    left, right = np.random.default_rng(0).random((2, 50, 20, 4)).astype(np.float32)
    whole = join_sides(left, right, 0.5)
    rows = [slice(0, 20), slice(20, 40), slice(40, 50)]
    bands = list(join_bands(iter([left]), iter([right[:7], right[7:45], right[45:]]), 0.5, rows))
    assert [len(band) for band in bands] == [20, 20, 10]
    assert np.array_equal(np.concatenate(bands), whole)


@pytest.mark.parametrize("sides", ["both", "left", "right"])
def test_captures_and_films_show_the_sides_that_are_asked_for(
    tiny_model: ballgan.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: str
) -> None:
    monkeypatch.setattr("ballgan.bands.PIXELS", 1)  # the least: bands of 64 rows
    scene = ballgan.Scene(tiny_model)
    settings = FilmSettings(size=150, passes=1, sides=sides)
    capture_picture(scene, VIEW, tmp_path / "a.png", settings)
    made = read(tmp_path / "a.png")
    left, right = (
        render_frame(scene, view, FilmSettings(size=150, passes=1)) for view in VIEW.sides()
    )
    expected = {"both": join_sides(left, right, 0.4), "left": left, "right": right}[sides]
    solid = (made[..., 3] > 0.99) & (expected[..., 3] > 0.99)
    assert solid.any()
    assert np.abs(made - expected)[solid].max() < 2 / 255
    frame = render_frame(scene, VIEW, settings)
    assert np.abs(frame - expected)[solid].max() < 2 / 255
    assert is_transparent_view(VIEW, sides) == (sides != "left")  # normals are cut out


def test_the_shown_picture_is_both_sides_at_the_end_of_their_ladders(
    tiny_model: ballgan.Generator,
) -> None:
    scene = ballgan.Scene(tiny_model)
    left, right = (render_shown(scene, view) for view in VIEW.sides())
    assert np.array_equal(render_shown(scene, VIEW), join_sides(left, right, 0.4))
    assert np.array_equal(render_shown(scene, VIEW, "right"), right)


# The mesh


def sphere(radius: float = 0.3, colored: bool = False) -> ShownSurface:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    points, faces = np.asarray(ball.vertices, np.float32), np.asarray(ball.faces)
    colors = np.tile(np.array([0.9, 0.1, 0.2], np.float32), (len(points), 1)) if colored else None
    return ShownSurface(points, find_normals(points, faces), colors, faces, 0.0, (0.0, 1.0))


CAMERA = ballgan.Camera.orbit(0.5, 0.2, radius=2.0, pivot=(0, 0, 0), fov=0.5)


def draw(surface: ShownSurface, style: MeshStyle, size: int = 96, samples: int = 4) -> np.ndarray:
    config = ballgan.config.CameraConfig(radius=2.0, pivot=(0.0, 0.0, 0.0))
    bands = draw_surface(surface, CAMERA.resolve(config), style, size, samples=samples)
    return np.concatenate(list(bands))


def test_normals_of_a_sphere_point_outwards() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    normals = find_normals(np.asarray(ball.vertices), np.asarray(ball.faces))
    assert np.abs(normals - ball.vertices).max() < 0.02


def test_a_ball_is_as_large_as_it_looks_and_has_smooth_edges() -> None:
    picture = draw(sphere(), MeshStyle("colour"))
    # A ball of radius r at distance d covers tan(asin(r / d)) / tan(fov / 2) of half the side.
    share = np.pi / 4 * (np.tan(np.arcsin(0.3 / 2)) / np.tan(0.25)) ** 2
    assert picture[..., 3].mean() == pytest.approx(share, rel=0.01)
    assert 0 < ((picture[..., 3] > 0.2) & (picture[..., 3] < 0.8)).mean() < 0.05
    edge = (picture[..., 3] > 0.2) & (picture[..., 3] < 0.8)
    assert picture[edge][:, :3] == pytest.approx(1.0)  # white vertices, and no black in the edge
    red = draw(sphere(colored=True), MeshStyle("colour"))
    assert red[48, 48] == pytest.approx([0.9, 0.1, 0.2, 1.0], abs=1e-5)


def test_clay_is_lit_beside_the_camera_and_edges_are_darker() -> None:
    clay = draw(sphere(), MeshStyle(), 384)
    assert clay[160, 168, 0] > clay[240, 248, 0] + 0.1  # the key light is above, at the left
    wired = draw(sphere(), MeshStyle(wireframe=True), 384)
    assert np.array_equal(wired[..., 3], clay[..., 3])
    darker = (clay - wired)[..., :3].mean(2)[clay[..., 3] > 0.99]
    assert darker.min() > -1e-6 and darker.max() > 0.2 and (darker < 0.01).mean() > 0.1


def test_bands_of_a_mesh_are_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw(sphere(), MeshStyle(wireframe=True), 150, 1)
    monkeypatch.setattr("ballgan.bands.PIXELS", 1)
    assert np.abs(draw(sphere(), MeshStyle(wireframe=True), 150, 1) - whole).max() < 1e-6


def test_the_mesh_is_rendered_and_filmed_by_the_command(
    model_file: Path, tiny_model: ballgan.Generator, tmp_path: Path
) -> None:
    view = replace(VIEW, layer="surface", comparison=Comparison(), mesh=MeshStyle("colour", True))
    film = turntable(view, duration=0.2, fps=10)
    path = tmp_path / "mesh.ballgan.json"
    model = (describe_file(model_file),)
    write_session(path, Session(model, 0, view, animation=film, picture=PictureSettings(96, 1)))
    assert main(["render", "--session", str(path), "--output", str(tmp_path)]) == 0
    made = read(tmp_path / "mesh.png")
    scene = ballgan.Scene(tiny_model)
    expected = render_frame(scene, view, FilmSettings(96, 1))
    assert made.shape == (96, 96, 4) and 0.05 < made[..., 3].mean() < 0.95
    assert np.abs(made - expected).max() < 1 / 255
    video = str(tmp_path / "turn")
    assert main(["render", "--session", str(path), "--video", video, "--size", "64"]) == 0
    assert len(list(Path(video).iterdir())) == 2


def test_a_mesh_without_a_size_is_large_and_films_of_it_too(
    tiny_model: ballgan.Generator, tmp_path: Path
) -> None:
    view = replace(VIEW, layer="surface", comparison=Comparison())
    assert FilmSettings().complete(tiny_model.config, view).size == 1024
    assert FilmSettings().complete(tiny_model.config, VIEW).size is None
    compared = replace(view, layer="full", comparison=replace(VIEW.comparison, layer="surface"))
    settings = FilmSettings(sides="left")
    assert settings.complete(tiny_model.config, compared).size is None
    assert FilmSettings().complete(tiny_model.config, compared).size == 1024


def test_a_level_without_a_surface_is_told(tiny_model: ballgan.Generator, tmp_path: Path) -> None:
    view = replace(VIEW, layer="surface", comparison=Comparison(), mesh=MeshStyle(level=1e6))
    film = turntable(view, duration=0.2, fps=10)
    with pytest.raises(ValueError, match="level"):
        render_film(ballgan.Scene(tiny_model), view, film, tmp_path / "a.gif", FilmSettings(64, 1))
    assert not list(tmp_path.iterdir())


def test_sessions_know_the_sides_and_refuse_others() -> None:
    session = Session(view=VIEW, picture=PictureSettings(None, 3, "right"))
    assert decode_session(encode_session(session)) == session
    with pytest.raises(SessionError, match="sides should be one of both, left, right"):
        decode_session(encode_session(replace(session, picture=PictureSettings(None, 3, "top"))))
