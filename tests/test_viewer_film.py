"""The timeline and captures: the reducers, and the real app, offscreen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands, document
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.panels.film import describe
from ballgan_viewer.state import CaptureOptions, ExportOptions, ViewerState
from PIL import Image
from test_video import decode, psnr
from viewer_driver import notices, play, settle
from viewer_states import do, with_model

from ballgan.session import read_session
from ballgan.view import Backdrop, Code

# The reducers


def look(state: ViewerState, yaw: float) -> act.Action:
    return act.MoveCamera(replace(state.view.camera, yaw=yaw))


@pytest.fixture
def filmed() -> ViewerState:
    """Two keys: yaw 0 at 0 s, yaw 0.8 with another code at 2 s, of 4."""
    state = do(with_model(), act.AddKey(), act.Seek(2.0))
    return do(state, look(state, 0.8), lat.SetCode("foreground", Code(3.0)), act.AddKey())


def test_keys_hold_what_is_shown_at_the_playhead(filmed: ViewerState) -> None:
    first, second = filmed.animation.keys
    assert (first.time, first.camera.yaw, first.foreground) == (0.0, 0.0, Code())
    assert (second.time, second.camera.yaw, second.foreground) == (2.0, 0.8, Code(3.0))
    assert filmed.playhead.key == 1 and filmed.playhead.shown


def test_seeking_shows_the_film(filmed: ViewerState) -> None:
    middle = do(filmed, act.Seek(1.0))
    assert 0.2 < middle.view.camera.yaw < 0.6
    assert {code.x for code, _ in middle.view.foreground.blend} >= {0.0, 3.0}
    assert middle.view.foreground.truncation_psi == Code().truncation_psi
    start = do(middle, act.Seek(-5.0))
    assert start.view.camera == filmed.animation.keys[0].camera and start.playhead.key == 0


def test_locked_codes_stay_while_the_film_is_scrubbed(filmed: ViewerState) -> None:
    controls = filmed.view.latents
    locked = replace(controls, foreground=replace(controls.foreground, locked=True))
    state = replace(filmed, view=replace(filmed.view, latents=locked))
    assert do(state, act.Seek(1.0)).view.foreground == Code(3.0)


def test_a_key_at_the_same_time_is_replaced_and_keeps_its_ease(filmed: ViewerState) -> None:
    film = filmed.animation.with_ease(1, "hold")
    state = do(filmed, act.SetAnimation(film), look(filmed, -0.3), act.AddKey())
    assert [key.camera.yaw for key in state.animation.keys] == [0.0, -0.3]
    assert state.animation.keys[1].ease == "hold"


def test_playing_goes_on_and_round(filmed: ViewerState) -> None:
    state = do(filmed, act.Seek(0.0), act.PlayFilm(True), act.AdvanceFilm(3.5))
    assert state.playhead.time == 3.5 and state.playhead.playing
    assert do(state, act.AdvanceFilm(1.0)).playhead.time == pytest.approx(0.5)


def test_a_film_without_loop_ends_and_begins_again(filmed: ViewerState) -> None:
    state = do(filmed, act.SetAnimation(filmed.animation.looping(False)), act.PlayFilm(True))
    state = do(state, act.AdvanceFilm(9.0))
    assert (state.playhead.time, state.playhead.playing) == (4.0, False)
    assert do(state, act.PlayFilm(True)).playhead.time == 0.0


def test_a_turntable_plays_at_once() -> None:
    state = do(with_model(), act.MakeTurntable(4.0))
    assert state.playhead.playing and len(state.animation.keys) == 3
    state = do(state, act.AdvanceFilm(1.0))
    assert state.view.camera.yaw == pytest.approx(np.pi / 2)


def test_a_film_says_that_its_keys_still_have_a_background() -> None:
    state = do(with_model(), act.MakeTurntable(4.0), act.PlayFilm(False), act.ToggleBackground())
    assert "Keys still have the background" in describe(state)
    assert "Keys still have" not in describe(do(state, act.SetLayer("foreground")))
    assert "Keys still have" not in describe(do(state, act.MakeTurntable(4.0)))
    assert "Keys still have" not in describe(do(state, act.ToggleBackground()))


def test_a_film_says_how_many_pictures_its_format_has() -> None:
    state = do(with_model(), act.MakeTurntable(4.0))
    state = do(state, act.SetAnimation(replace(state.animation, fps=60.0)))
    assert "3 keys, 240 pictures" in describe(state)
    assert "200 pictures" in describe(do(state, act.SetCapture(CaptureOptions(film="gif"))))


def test_removing_keys(filmed: ViewerState) -> None:
    state = do(filmed, act.PlayFilm(True), act.RemoveKey(1), act.RemoveKey(7))
    assert len(state.animation.keys) == 1 and state.playhead.key == -1
    state = do(state, act.RemoveKey(0))
    assert not state.animation.keys and not state.playhead.playing
    assert do(state, act.AdvanceFilm(1.0), act.Seek(1.0)).view == state.view


def test_keys_are_undone_but_the_playhead_is_not(filmed: ViewerState) -> None:
    state = do(filmed, act.EndStroke(), act.Seek(0.5), act.Undo())
    assert len(state.animation.keys) == 1
    assert state.playhead.time == 0.5


@pytest.mark.parametrize(
    "leave",
    [
        (act.Seek(0.5), act.Seek(1.5)),
        (act.SelectKey(0),),
        (act.Seek(0.0), act.PlayFilm(True), act.AdvanceFilm(0.3), act.AdvanceFilm(0.4)),
        (act.PlayFilm(True), act.AdvanceFilm(0.3), act.AdvanceFilm(0.4)),
    ],
)
def test_a_view_that_no_key_has_is_brought_back(
    filmed: ViewerState, leave: tuple[act.Action, ...]
) -> None:
    before = do(filmed, look(filmed, -0.7), lat.SetCode("foreground", Code(9.0)), act.EndStroke())
    after = do(before, *leave)
    assert after.view != before.view
    undone = do(after, act.Undo())
    assert undone.view == before.view and not undone.playhead.playing
    assert do(undone, act.Redo()).view == after.view
    assert do(undone, act.Undo()).view.foreground == Code(3.0)


def test_what_the_film_shows_is_no_step(filmed: ViewerState) -> None:
    seeking = (act.Seek(0.5), act.PlayFilm(True), act.AdvanceFilm(1.0), act.SelectKey(0))
    assert do(filmed, *seeking).history == filmed.history


def test_dragging_a_key_is_one_step(filmed: ViewerState) -> None:
    state, before = do(filmed, act.EndStroke()), filmed.animation
    for time in 2.1, 2.4, 2.9:
        moved = state.animation.with_time(1, time)
        state = do(state, act.SetAnimation(moved), act.SelectKey(1))
    assert (state.animation.keys[1].time, state.playhead.time) == (2.9, 2.9)
    assert do(state, act.Undo()).animation == before


def test_a_turntable_is_undone_with_the_way_it_has_gone() -> None:
    start = do(with_model(), look(with_model(), 0.3), act.EndStroke())
    played = do(start, act.MakeTurntable(4.0), act.AdvanceFilm(1.0))
    undone = do(played, act.Undo())
    assert (undone.view, undone.animation) == (start.view, start.animation)
    assert not undone.playhead.playing
    assert do(undone, act.Undo()).view.camera.yaw == 0.0


def test_sessions_keep_the_film_and_pictures_leave_it_alone(filmed: ViewerState) -> None:
    session = document.to_session(filmed)
    assert session.animation == filmed.animation
    restored = do(with_model(), act.RestoreDocument(document.read(session, [])))
    assert restored.animation == filmed.animation and restored.capture == filmed.capture
    picture = replace(session, window={}, animation=ViewerState().animation)
    assert do(filmed, act.RestoreDocument(document.read(picture, []))).animation == filmed.animation


def test_options_that_do_not_exist_are_refused() -> None:
    for wrong in (
        {"film": "avi"},
        {"passes": 2},
        {"sides": ""},
        {"size": 9000},
        {"film_size": 4098},
    ):
        with pytest.raises(ValueError, match=f"capture.{next(iter(wrong))} (is|should be) "):
            CaptureOptions(**wrong)
    for wrong in ({"format": "avi"}, {"resolution": -1}, {"faces": -1}):
        with pytest.raises(ValueError, match=f"export.{next(iter(wrong))} (is|should be) "):
            ExportOptions(**wrong)


def test_commands_follow_the_state(filmed: ViewerState) -> None:
    assert commands.press("Space", frozenset(), ViewerState()) == []
    assert commands.press("Space", frozenset(), filmed) == [act.PlayFilm(True)]
    state = do(filmed, *commands.run("film.previous", filmed))
    assert state.playhead.time == 0.0
    state = do(state, *commands.run("film.previous", state))
    assert state.playhead.time == 2.0  # round the loop


# The app


@pytest.fixture
def app(app: Any) -> Any:
    settle(app)
    return app


def test_a_film_is_made_scrubbed_played_and_rendered(app: Any, tmp_path: Path) -> None:
    play(app, {"key": "T", "mods": ["control"]}, {"click": "timeline.add"})
    play(app, {"drag": {"widget": "timeline.track", "by": [60, 0]}})
    first = app.state.view.camera
    assert app.state.playhead.time > 2.0 and app.state.playhead.key == -1
    play(app, {"drag": {"from": [200, 150], "to": [260, 140]}}, {"key": "K"})
    keys = app.state.animation.keys
    assert len(keys) == 2 and keys[0].camera == first != keys[1].camera
    play(app, {"click": "timeline.ease.stop"}, {"set": ["film.length", 3]})
    assert app.state.animation.keys[1].ease == "stop" and app.state.animation.duration == 3
    play(app, {"drag": {"widget": "timeline.key.1", "by": [-60, 0]}})
    assert app.state.animation.keys[1].time < keys[1].time - 0.2
    play(app, {"key": "Space"})
    before = app.state.playhead.time
    for _ in range(5):
        app.frame()
    assert app.state.playhead.time != before and app.patience() == 0.0
    play(app, {"key": "Space"}, {"click": "film.rate.12"}, {"click": "film.render"})
    play(app, {"wait": "captured", "timeout": 60})
    film = Path(app.state.filmed or "")
    assert film.parent == tmp_path and film.suffix == ".mp4"
    pictures = decode(film)
    assert len(pictures) == 36 and pictures[0].shape == (64, 64, 4)
    play(app, {"click": "timeline.key.0"})
    assert app.state.playhead.time == 0.0
    assert psnr(settle(app)[..., :3], pictures[0][..., :3]) > 28


def test_scrubbing_is_undone(app: Any) -> None:
    play(app, {"key": "K"}, {"drag": {"from": [200, 150], "to": [260, 140]}})
    view = app.state.view
    play(app, {"drag": {"widget": "timeline.track", "by": [60, 0]}})
    play(app, {"click": "timeline.next"}, {"key": "Space"})
    assert app.state.view.camera != view.camera and app.state.playhead.playing
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view == view and not app.state.playhead.playing
    assert len(app.state.animation.keys) == 1


def test_a_cancelled_film_leaves_nothing_and_does_not_stop_the_window(
    app: Any, tmp_path: Path
) -> None:
    play(app, {"click": "film.turntable"}, {"key": "Space"}, {"click": "film.size.2048"})
    play(app, {"click": "film.format.webm"}, {"click": "film.render"})
    assert app.capturing and app.state.job("film").title == "Film as WebM"
    for _ in range(20):  # the window goes on, and waits for no frame of the film
        app.frame()
    assert app.capturing
    play(app, {"click": "film.cancel"}, {"wait": "idle", "timeout": 60})
    assert not list(tmp_path.iterdir()) and app.state.filmed is None
    assert "cancelled" in app.state.notices[-1].text


def test_large_pictures_are_rendered_beside_and_bring_back_what_they_show(
    app: Any, tmp_path: Path
) -> None:
    app.dispatch(act.SetBackdrop(Backdrop(visible=False)))
    app.dispatch(look(app.state, 0.4), act.SetCapture(CaptureOptions(size=1024, passes=1)))
    play(app, {"key": "S", "mods": ["shift"]}, {"wait": "captured", "timeout": 60})
    path = Path(app.state.captured or "")
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("RGBA", (1024, 1024))
        small = np.asarray(image.resize((64, 64), Image.Resampling.BOX)) / 255
    shown = settle(app)
    assert psnr(small[..., 3], shown[..., 3]) > 25
    session = read_session(path)
    assert session.view.camera.yaw == 0.4 and not session.animation.keys
    app.dispatch(look(app.state, -0.2), act.AddKey())
    play(app, {"drop": str(path)}, {"wait": "idle"})
    assert app.state.view.camera.yaw == 0.4 and len(app.state.animation.keys) == 1


def test_a_full_disk_is_told_and_leaves_nothing(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device", "film.mp4")

    monkeypatch.setattr("ballgan.filming.render_film", fail)
    app.dispatch(act.MakeTurntable(1.0), act.PlayFilm(False), act.StartFilm())
    play(app, {"wait": "idle", "timeout": 60})
    assert "No space left" in app.state.notices[-1].text
    assert app.state.job("film") is None and not list(tmp_path.iterdir())


def test_a_film_without_keys_is_refused(app: Any) -> None:
    app.dispatch(act.StartFilm())
    assert app.state.job("film") is None
    assert "no keys" in app.state.notices[-1].text
    with pytest.raises(ValueError, match=r"'film\.render' cannot be used now"):
        play(app, {"click": "film.render"})


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (({"click": "capture.save"}, {"wait": "captured"}), "tiny-seed0.png"),
        (({"click": "session.save"}, {"wait": "saved"}), "tiny-seed0.ballgan.json"),
        (
            ({"click": "export.resolution.128"}, {"click": "export"}, {"wait": "exported"}),
            "tiny-seed0.glb",
        ),
    ],
)
def test_the_folder_is_typed_and_made(
    app: Any, tmp_path: Path, steps: tuple[dict[str, Any], ...], name: str
) -> None:
    folder = tmp_path / "new" / "files"
    play(app, {"set": ["capture.folder", str(folder)]}, *steps)
    assert [path.name for path in folder.iterdir()] == [name]


def test_what_is_typed_replaces_what_was_there(app: Any, tmp_path: Path) -> None:
    for folder in "/one/folder", "/another":
        play(app, {"set": ["capture.folder", folder]})
        assert app.state.preferences.output_folder == folder


def test_stopping_all_that_moves_stops_the_film(filmed: ViewerState) -> None:
    turning = replace(filmed, navigation=replace(filmed.navigation, turntable=True))
    state = do(turning, act.PlayFilm(True), lat.StopAnimations())
    assert not state.playhead.playing
    assert not state.navigation.moves


def test_the_window_saves_what_it_shows_whatever_size_captures_have(app: Any) -> None:
    app.dispatch(act.SetCapture(CaptureOptions(size=333, passes=1)))
    settle(app)
    for finished in True, False:
        play(app, {"drag": {"from": [270, 280], "to": [300, 280]}})
        if finished:
            settle(app)
        app.dispatch(act.SavePicture())
        assert (app.state.job("capture") is None) == finished
        play(app, {"wait": "captured", "timeout": 60})
        with Image.open(app.state.captured) as image:
            assert image.size == (64, 64)
        assert read_session(app.state.captured).picture.size is None
    play(app, {"click": "capture.save"}, {"wait": "captured", "timeout": 60})
    with Image.open(app.state.captured) as image:
        assert image.size == (333, 333)


def test_one_large_picture_at_a_time(app: Any, tmp_path: Path) -> None:
    app.dispatch(act.SetCapture(CaptureOptions(size=4096, passes=15)))
    app.dispatch(act.StartCapture(), look(app.state, 0.4), act.SavePicture())
    assert app.state.job("capture") is not None
    assert "still being rendered" in app.state.notices[-1].text
    app.dispatch(act.CancelJob("capture"))
    play(app, {"wait": "idle", "timeout": 60})
    assert not list(tmp_path.iterdir())


def test_pictures_have_any_side(app: Any) -> None:
    play(app, {"click": "capture.size.1024"}, {"set": ["capture.side", 333]})
    assert app.state.capture.size == 333
    play(app, {"click": "capture.passes.1"}, {"click": "capture.save"})
    play(app, {"wait": "captured", "timeout": 60})
    with Image.open(app.state.captured) as image:
        assert image.size == (333, 333)


def test_a_film_says_where_its_last_key_ends_it(app: Any) -> None:
    play(app, {"click": "film.turntable"}, {"key": "Space"})
    assert "film.extend" not in app.gui.ui.rects
    play(app, {"set": ["film.length", 1.5]})
    film = app.state.animation
    assert film.duration == pytest.approx(film.shortest) and film.duration > 2.6
    play(app, {"click": "film.extend"})
    assert app.state.animation == film.extended(1.0)
    assert "film.extend" not in app.gui.ui.rects
    play(app, {"set": ["film.length", 1.5]}, {"click": "film.squeeze"})
    assert app.state.animation.duration == pytest.approx(1.5)
    assert [key.time for key in app.state.animation.keys] == pytest.approx([0.0, 0.5, 1.0])
    play(app, {"click": "timeline.extend"}, {"command": "film.extend"})
    assert app.state.animation.duration == pytest.approx(3.5)


def test_a_length_is_kept_only_for_the_film_it_was_asked_for(app: Any) -> None:
    play(app, {"click": "film.turntable"}, {"key": "Space"}, {"set": ["film.length", 2.0]})
    assert "film.squeeze" in app.gui.ui.rects
    play(
        app,
        {"command": "film.clear"},
        {"key": "K"},
        {"drag": {"from": [270, 280], "to": [300, 280]}},
    )
    app.dispatch(act.Seek(app.state.animation.duration))
    play(app, {"key": "K"})
    assert "film.extend" in app.gui.ui.rects and "film.squeeze" not in app.gui.ui.rects


def test_a_key_that_replaces_another_says_so(app: Any) -> None:
    play(app, {"wait": "loaded"}, {"key": "K"}, {"key": "K"})
    assert notices(app) == []
    for _ in range(2):
        play(app, {"drag": {"from": [270, 280], "to": [300, 280]}}, {"key": "K"})
        ((level, text),) = notices(app)
        assert level == "info" and text.startswith("Replaced the key at 0.00 s: move the playhead")
    app.dispatch(act.Seek(1.0))
    play(app, {"key": "K"})
    assert len(app.state.animation.keys) == 2 and notices(app) == []


def test_films_have_any_side_but_mp4_an_even_one(app: Any) -> None:
    play(app, {"click": "film.size.256"}, {"set": ["film.side", 333]})
    assert app.state.capture.film_size == 334
    play(app, {"click": "film.format.webm"}, {"set": ["film.side", 333]})
    assert app.state.capture.film_size == 333
    play(app, {"set": ["film.side", 9999]})
    assert app.state.capture.film_size == 4096


def test_a_film_of_the_mesh(app: Any) -> None:
    app.dispatch(act.MakeTurntable(0.2), act.PlayFilm(False), act.SetLayer("surface"))
    app.dispatch(act.SetCapture(CaptureOptions(film="png", film_size=64, passes=1)))
    app.dispatch(act.SetAnimation(replace(app.state.animation, fps=10.0)))
    play(app, {"click": "film.render"}, {"wait": "captured", "timeout": 120})
    pictures = sorted(Path(app.state.filmed or "").iterdir())
    assert len(pictures) == 2
    with Image.open(pictures[0]) as image:
        assert (image.mode, image.size) == ("RGBA", (64, 64))
    assert read_session(pictures[0]).animation.keys == ()
