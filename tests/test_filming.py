"""Films of scenes: what is written is what was rendered; and the command that makes them."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_video import decode, on_white, psnr

import ballgan
from ballgan.animation import Animation, Key, turntable
from ballgan.capture import capture_picture
from ballgan.cli.main import main
from ballgan.depth import shade_depth
from ballgan.filming import FilmSettings, list_views, render_film, render_frame
from ballgan.session import Session, read_session, write_session
from ballgan.staging import find_home
from ballgan.view import Backdrop, Code, CodeControl, DepthStyle, View

SETTINGS = FilmSettings(size=32, passes=1)


def render_frames(scene: ballgan.Scene, view: View, animation: Animation) -> list[np.ndarray]:
    views = list_views(scene.model.config, view, animation)
    return [render_frame(scene, shown, SETTINGS) for shown in views]


@pytest.fixture(scope="module")
def model_path(tiny_model, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    ballgan.save(tiny_model, path)
    return str(path)


@pytest.fixture
def view(tiny_model) -> View:
    return View(camera=find_home(tiny_model.config))


def test_a_film_shows_what_was_rendered(tiny_model, view: View, tmp_path: Path) -> None:
    second = replace(view, foreground=Code(3.0), camera=replace(view.camera, yaw=0.4))
    animation = Animation((Key.of(view, 0.0), Key.of(second, 0.4)), 0.5, fps=10, loop=False)
    scene = ballgan.Scene(tiny_model)
    assert render_film(scene, view, animation, tmp_path / "a.mp4", SETTINGS) == 6
    pictures = render_frames(scene, view, animation)
    films = decode(tmp_path / "a.mp4")
    assert len(films) == len(pictures) == 6
    assert (pictures[4] == pictures[5]).all()  # after the last key
    assert not np.allclose(pictures[0], pictures[4], atol=0.02)
    for film, picture in zip(films, pictures, strict=True):
        assert psnr(film[..., :3], picture[..., :3]) > 30


def test_transparent_films_keep_alpha_where_the_format_can(
    tiny_model, view: View, tmp_path: Path
) -> None:
    view = replace(view, backdrop=Backdrop(visible=False))
    animation = turntable(view, duration=0.3, fps=10)
    scene = ballgan.Scene(tiny_model)
    for name in ("a.webm", "a.mp4"):
        render_film(scene, view, animation, tmp_path / name, SETTINGS)
    pictures = render_frames(scene, view, animation)
    assert pictures[0][..., 3].min() < 0.5 < pictures[0][..., 3].max()
    webm = decode(tmp_path / "a.webm", alpha=True)
    assert psnr(webm[1][..., 3], pictures[1][..., 3]) > 30
    assert psnr(decode(tmp_path / "a.mp4")[1][..., :3], on_white(pictures[1])) > 28


def test_overshooting_cameras_stay_where_the_model_can_render(tiny_model, view: View) -> None:
    far = replace(view, camera=replace(view.camera, radius=900.0))
    animation = Animation((Key.of(view, 0.0), Key.of(far, 0.2)), 0.2, fps=10, loop=False)
    assert len(render_frames(ballgan.Scene(tiny_model), view, animation)) == 3


def test_still_backgrounds_stay_where_the_model_can_render(tiny_model, view: View) -> None:
    photo = Backdrop("gradient", camera=view.camera)
    far = replace(photo, camera=replace(view.camera, radius=900.0))
    keys = (Key.of(replace(view, backdrop=each), time) for each, time in ((photo, 0), (far, 0.2)))
    animation = Animation(tuple(keys), 0.2, fps=10, loop=False)
    assert len(render_frames(ballgan.Scene(tiny_model), view, animation)) == 3


def test_locked_codes_stay_in_a_film(tiny_model, view: View) -> None:
    other = replace(view, foreground=Code(3.0), backdrop=Backdrop(code=Code(5.0)))
    animation = Animation((Key.of(view, 0.0), Key.of(other, 0.1)), 0.1, fps=10, loop=False)
    locked = replace(view.latents, foreground=CodeControl(locked=True))
    views = list_views(tiny_model.config, replace(view, latents=locked), animation)
    assert [shown.foreground for shown in views] == 2 * [view.foreground]
    assert [shown.backdrop.code for shown in views] == [view.backdrop.code, Code(5.0)]


def test_cancelling_leaves_nothing(tiny_model, view: View, tmp_path: Path) -> None:
    seen = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.5:
            raise ballgan.Cancelled

    scene, film = ballgan.Scene(tiny_model), turntable(view, duration=1, fps=10)
    for name in ("a.webm", "folder"):
        with pytest.raises(ballgan.Cancelled):
            render_film(scene, view, film, tmp_path / name, SETTINGS, progress=stop)
        assert list(tmp_path.iterdir()) == []
        assert seen == sorted(seen)
        seen.clear()


def test_passes_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="passes should be one of 1, 3, 7, 15; got 2"):
        FilmSettings(passes=2)


# The command

QUICK = ["--size", "32", "--passes", "1", "--fps", "5", "--device", "cpu"]


def test_render_writes_a_turntable(model_path: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "films" / "a.mp4"
    status = main(["render", model_path, "--video", str(path), "--duration", "1", *QUICK])
    assert (status, capsys.readouterr().out) == (0, f"{path}: 5 pictures, 1 s\n")
    assert len(decode(path)) == 5


def test_render_goes_between_keys_of_a_file(model_path: str, tmp_path: Path, capsys) -> None:
    keys = tmp_path / "keys.json"
    places = [{"time": 0}, {"time": 1, "camera": {"yaw": 0.5}, "ease": "hold"}]
    keys.write_text(json.dumps({"duration": 1, "loop": False, "keys": places}))
    path = tmp_path / "pictures"
    arguments = ["--video", str(path), "--keyframes", str(keys), "--background", "none", *QUICK]
    assert main(["render", model_path, *arguments]) == 0
    files = sorted(path.iterdir())
    assert len(files) == 6
    session = read_session(files[5])  # a picture brings its view and its film along
    assert session.view.camera.yaw == 0.5
    assert [key.time for key in session.animation.keys] == [0.0, 1.0]
    assert session.animation.keys[1].camera.yaw == 0.5
    assert session.animation.keys[0].camera.radius == 2.5  # the model's


def test_render_plays_the_animation_of_a_session(
    model_path: str, view: View, tmp_path: Path, capsys
) -> None:
    session = tmp_path / "a.json"
    write_session(session, Session(view=view, animation=turntable(view, duration=2, turns=2)))
    path = tmp_path / "a.gif"
    given = ["render", model_path, "--session", str(session), "--video", str(path)]
    assert main([*given, "--size", "32", "--passes", "1", "--fps", "3"]) == 0
    assert "6 pictures, 2 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fps", "3"], "--fps needs --video FILE"),
        (["--video", "a.avi"], ".mp4, .webm or .gif"),
        (["--video", "a.mp4", "--size", "33"], "even sides"),
        (["--video", "a.gif", "--fps", "60"], "1 ... 50"),
        (["--video", "a.mp4", "--turntable", "--keyframes", "k.json"], "exclude each other"),
        (["--video", "a.mp4", "--turntable", "0"], "at least one turn"),
        (["--video", "a.mp4", "--keyframes", "none.json"], "none.json cannot be read"),
        (["--video", "a.mp4", "--seeds", "0-3"], "one seed"),
        (["--video", "a.mp4", "--yaw", "0,1"], "one yaw"),
    ],
)
def test_impossible_films_are_usage_errors(
    model_path: str, tmp_path: Path, capsys, monkeypatch, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", model_path, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_pictures_but_no_film(
    model_path: str, tmp_path: Path, number: signal.Signals
) -> None:
    film = tmp_path / "a.mp4"
    program = subprocess.Popen(
        [sys.executable, "-m", "ballgan", "render", model_path, "--video", str(film)]
        + ["--duration", "60", "--size", "32"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not any(tmp_path.glob("*/*.png")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert any(tmp_path.glob("*/*.png"))
        program.send_signal(number)
        _, errors = program.communicate(timeout=120)
    finally:
        program.kill()
        program.communicate()
    told = "ballgan render: interrupted; the same command goes on with what is finished\n"
    assert (program.returncode, errors) == (130, told)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.mp4.parts"]
    assert not list(tmp_path.glob("*/.*"))  # no half picture either


# Pictures


@pytest.mark.parametrize("visible", [True, False])
def test_captures_are_the_pictures_of_films(
    tiny_model, view: View, tmp_path: Path, monkeypatch, visible: bool
) -> None:
    monkeypatch.setattr("ballgan.bands.PIXELS", 1)  # the least: bands of 64 rows
    view = replace(view, backdrop=Backdrop(visible=visible))
    settings, scene = FilmSettings(size=150, passes=3), ballgan.Scene(tiny_model)
    path, seen = tmp_path / "a.png", []
    capture_picture(scene, view, path, settings, metadata={"a": "b"}, progress=seen.append)
    expected = render_frame(ballgan.Scene(tiny_model), view, settings)
    with Image.open(path) as image:
        assert image.mode == ("RGB" if visible else "RGBA") and image.info["a"] == "b"
        pixels = np.asarray(image) / 255
    assert np.abs(pixels - expected[..., : pixels.shape[2]]).max() < 2 / 255
    assert seen


@pytest.mark.parametrize("colormap", ["grey", "viridis"])
def test_depth_is_opaque_everywhere_unless_there_is_no_background(
    model_path: str, tiny_model, tmp_path: Path, colormap: str
) -> None:
    """In the window's pictures, the command's and films."""
    shown = {}
    for background, mode in ("learnt", "RGB"), ("none", "RGBA"):
        view = View(
            camera=find_home(tiny_model.config),
            layer="depth",
            depth=DepthStyle(2.4, 3.2, colormap),
            backdrop=Backdrop(visible=background != "none"),
        )
        folder = tmp_path / background
        folder.mkdir()
        capture_picture(ballgan.Scene(tiny_model), view, folder / "window.png", SETTINGS)
        given = ["render", model_path, "--layer", "depth", "--depth-range", "2.4,3.2"]
        given += ["--colormap", colormap, "--background", background, "--size", "32"]
        assert main([*given, "--device", "cpu", "--output", str(folder)]) == 0
        film = ["--video", str(folder / "film"), "--duration", "0.1", "--fps", "10"]
        assert main([*given, "--device", "cpu", *film, "--passes", "1"]) == 0
        paths = [folder / "window.png", *folder.glob("seed*"), *(folder / "film").iterdir()]
        pictures = [Image.open(path) for path in paths]
        assert [picture.mode for picture in pictures] == [mode] * 3
        shown[mode] = [np.asarray(picture) / 255 for picture in pictures]
    assert np.ptp(shown["RGBA"][0][..., 3]) > 0.5
    far = shade_depth(np.array(np.inf), 2.4, 3.2, colormap)
    for opaque, cut_out in zip(shown["RGB"], shown["RGBA"], strict=True):
        alpha = cut_out[..., 3:]
        expected = alpha * cut_out[..., :3] + (1 - alpha) * far
        assert np.abs(opaque - expected).max() < 1.5 / 255
        assert np.abs(opaque - shown["RGB"][0]).max() < 8 / 255  # of different samples


def test_a_cancelled_capture_leaves_nothing(tiny_model, view: View, tmp_path: Path) -> None:
    def stop(fraction: float) -> None:
        raise ballgan.Cancelled

    with pytest.raises(ballgan.Cancelled):
        capture_picture(ballgan.Scene(tiny_model), view, tmp_path / "a.png", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_render_writes_large_pictures_in_bands(
    model_path: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("ballgan.bands.PIXELS", 1)
    given = ["render", model_path, "--size", "300", "--background", "none", "--device", "cpu"]
    assert main([*given, "--output", str(tmp_path / "a")]) == 0
    monkeypatch.undo()
    assert main([*given, "--output", str(tmp_path / "b")]) == 0
    pictures = {}
    for folder in "ab":
        for path in (tmp_path / folder).iterdir():
            with Image.open(path) as image:
                pictures[folder, path.name == "contact_sheet.png"] = np.asarray(image)
    assert np.abs(pictures["a", False].astype(int) - pictures["b", False]).max() <= 2
    assert np.ptp(pictures["a", True]) > 100
