"""Files of pictures, films and meshes that the real app writes, offscreen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from ballgan_viewer import actions as act
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.script import ScriptError
from ballgan_viewer.state import CaptureOptions, values
from test_video import decode, psnr
from viewer_driver import play, settle

import ballgan
from ballgan import filming, frame, video
from ballgan.view import Code

RENDER = ({"click": "film.render"}, {"wait": "captured", "timeout": 60})


@pytest.fixture
def app(app: Any) -> Any:
    settle(app)
    return app


def film_of(app: Any) -> Path:
    """Render the film; where it is."""
    play(app, *RENDER)
    return Path(app.state.filmed)


def test_a_webm_of_a_foreground_keeps_its_alpha(app: Any) -> None:
    play(app, {"key": "B"})
    shown = settle(app)
    app.dispatch(act.MakeTurntable(0.2), act.PlayFilm(False))
    play(app, {"click": "film.format.webm"}, {"click": "film.rate.12"})
    pictures = decode(film_of(app), alpha=True)
    assert len(pictures) == 2 and pictures[0][..., 3].min() < 0.1
    assert psnr(pictures[0][..., 3], shown[..., 3]) > 28


def test_a_film_of_one_key_stands_still(app: Any) -> None:
    play(app, {"key": "K"}, {"set": ["film.length", 0.25]}, {"click": "film.rate.12"})
    assert app.state.animation.loop
    play(app, {"click": "film.loop"})
    assert not app.state.animation.loop
    pictures = decode(film_of(app))
    assert len(pictures) == 4  # the last moment too, which a loop leaves to its first picture
    assert all(np.abs(picture - pictures[0]).max() < 0.05 for picture in pictures)


@pytest.mark.parametrize("kind", ["webm", "gif"])
def test_films_have_odd_sides(app: Any, kind: str) -> None:
    app.dispatch(act.MakeTurntable(0.1), act.PlayFilm(False))
    app.dispatch(act.SetCapture(CaptureOptions(film=kind, film_size=33, passes=1)))
    pictures = decode(film_of(app))
    assert {picture.shape[:2] for picture in pictures} == {(33, 33)}


def test_a_film_is_cancelled_in_the_list_of_jobs(app: Any, tmp_path: Path) -> None:
    app.dispatch(act.MakeTurntable(60.0), act.PlayFilm(False))
    play(app, {"click": "film.render"}, {"click": "jobs.film.cancel"})
    play(app, {"wait": "idle", "timeout": 60})
    assert not list(tmp_path.iterdir()) and app.state.filmed is None
    assert "cancelled" in app.state.notices[-1].text


def test_an_stl_is_written(app: Any, tmp_path: Path) -> None:
    play(app, {"click": "export.format.stl"}, {"click": "export.resolution.128"})
    play(app, {"click": "export"}, {"wait": "exported"})
    mesh = trimesh.load_mesh(tmp_path / "tiny-seed0.stl")
    assert len(mesh.faces) > 1000 and np.abs(mesh.vertices).max() < 0.51
    assert f"{len(mesh.faces):,} triangles" in app.state.notices[-1].text


def test_a_script_stops_where_its_picture_failed_whatever_was_written_before(
    app: Any, tmp_path: Path
) -> None:
    app.dispatch(act.MakeTurntable(0.1), act.PlayFilm(False))
    play(app, {"click": "film.rate.12"}, *RENDER)
    (tmp_path / "file").touch()
    app.dispatch(act.SetCapture(CaptureOptions(size=128, passes=1)))
    app.dispatch(act.SetOutputFolder(str(tmp_path / "file" / "folder")))
    with pytest.raises(ScriptError, match="file"):
        play(app, {"command": "capture.render"}, {"wait": "captured", "timeout": 60})


def test_sides_of_a_split_are_saved_one_after_the_other(app: Any) -> None:
    app.dispatch(act.SetCapture(CaptureOptions(size=4096, passes=15)))
    play(app, {"key": "C"}, {"command": "capture.render"})
    assert app.state.job("capture") is not None
    with pytest.raises(ScriptError, match="cannot be used now"):
        play(app, {"command": "capture.both"})
    play(app, {"command": "jobs.cancel"}, {"wait": "idle", "timeout": 60})


def test_folders_of_pictures_may_have_dots_in_their_names(app: Any, tmp_path: Path) -> None:
    model = app.easel.model.generator
    ballgan.save(model, tmp_path / "cats.v2.pkl")
    play(app, {"drop": str(tmp_path / "cats.v2.pkl")}, {"wait": "loaded"})
    app.dispatch(lat.SetCode("foreground", Code(3.5)))
    app.dispatch(act.MakeTurntable(0.1), act.PlayFilm(False))
    app.dispatch(act.SetCapture(CaptureOptions(film="png", passes=1)))
    for name in "cats.v2-seed3.50x0.00-film", "cats.v2-seed3.50x0.00-film-2":
        play(app, {"click": "film.render"}, {"wait": "captured", "timeout": 60})
        assert app.state.filmed == str(tmp_path / name)
        assert len(list((tmp_path / name).iterdir())) == 3


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_what_is_saved_while_a_film_is_rendered_stays(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    theirs = tmp_path / ("tiny-seed0-film" if kind == "png" else "tiny-seed0-film.gif")
    render = ballgan.Scene.render_stage

    def meanwhile(self: Any, *arguments: Any, **options: Any) -> Any:
        if not theirs.exists():
            theirs.mkdir()
            (theirs / "00001.png").write_text("theirs")
        return render(self, *arguments, **options)

    app.dispatch(act.MakeTurntable(0.1), act.PlayFilm(False))
    app.dispatch(act.SetCapture(CaptureOptions(film=kind, passes=1)))
    settle(app)
    monkeypatch.setattr(ballgan.Scene, "render_stage", meanwhile)
    play(app, {"click": "film.render"}, {"wait": "captured", "timeout": 60})
    ours = theirs.with_name(theirs.name.replace("film", "film-2"))
    assert app.state.filmed == str(ours) and ours.exists()
    assert [path.read_text() for path in theirs.iterdir()] == ["theirs"]
    assert sorted(tmp_path.iterdir()) == sorted([ours, theirs])
    assert str(ours) in app.state.notices[-1].text


def test_the_window_offers_what_the_library_renders() -> None:
    """The state names it itself: it is to be known without torch and numpy."""
    assert values.CAPTURE_PASSES == filming.PASSES
    assert values.FILM_FORMATS == tuple(video.FORMATS)
    assert (values.LARGEST_SIDE, values.LARGEST_FILM) == (frame.MAX_SIZE, video.MAX_SIDE)


def test_the_last_picture_film_and_mesh_are_shown_in_their_folders(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(app.lanes["reveal"], "submit", lambda action: shown.append(action.path))
    assert not {"capture.reveal", "film.reveal", "export.reveal"} & app.gui.ui.rects.keys()
    app.dispatch(act.MakeTurntable(0.1), act.PlayFilm(False))
    film = film_of(app)
    play(app, {"click": "export.resolution.128"}, {"click": "export"}, {"wait": "exported"})
    settle(app)
    play(app, {"key": "S"}, {"wait": "captured"})
    paths = [app.state.captured, str(film), app.state.exported]
    assert len(set(paths)) == 3 and all(Path(path).exists() for path in paths)
    for name in "capture.reveal", "film.reveal", "export.reveal":
        play(app, {"click": name})
    for name in "capture.reveal", "film.reveal", "mesh.reveal":
        play(app, {"command": name})
    assert shown == paths * 2
