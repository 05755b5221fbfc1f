"""Codes in the real window: mixing, directions, locks, animations, the gallery."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.gallery import Gallery
from ballgan_viewer.notes import MAX_FAVOURITES, Favourite, load_notes, notes_file
from ballgan_viewer.requests import Model
from ballgan_viewer.state import apply
from ballgan_viewer.thumbnail_maker import (
    SIDE,
    Portrait,
    PortraitsRequest,
    ThumbnailMade,
    ThumbnailMaker,
)
from ballgan_viewer.thumbnails import halve
from ballgan_viewer.worker import Lane
from viewer_driver import open_app, play, settle, wait_until
from viewer_states import model_info, with_model

import ballgan
from ballgan.latents import Direction
from ballgan.staging import to_camera
from ballgan.view import Code, CodePair

PIXELS = np.zeros((SIDE, SIDE, 4), np.uint8)
TALL = (900, 1500)  # of the window, so that the panel needs no scrolling


def test_a_favourite_that_makes_room_is_told_of() -> None:
    state = with_model(sha256="a")
    for seed in range(MAX_FAVOURITES):
        state = apply(state, lat.AddFavourite(CodePair(Code(float(seed)), Code())))
    again = apply(state, lat.AddFavourite(CodePair(Code(0.0), Code())))
    assert again.notices == () and len(again.notes.favourites) == MAX_FAVOURITES
    state = apply(apply(state, act.EndStroke()), lat.AddFavourite(CodePair(Code(999.0), Code())))
    (notice,) = state.notices
    assert notice.text == "Only 200 favourites are kept: the oldest is gone. Undo brings it back."
    back = apply(state, act.Undo())
    assert back.notes.favourites[-1].codes == CodePair(Code(0.0), Code())


@pytest.fixture
def app(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    with open_app(model_file, size=TALL, remember=True) as opened:
        yield opened


def test_mixing_and_directions_change_the_picture_and_go_back(app: Any) -> None:
    before = settle(app)
    play(
        app,
        {"click": "foreground.mix.fold"},
        {"click": "foreground.mix.rows.fine"},
        {"set": ["foreground.mix.seed", 9]},
    )
    mix = app.state.view.foreground.mix
    assert (mix.seed, mix.rows) == (9, (4, 5))
    mixed = settle(app)
    assert np.abs(mixed - before).mean() > 0.001
    play(app, {"click": "foreground.mix.rows.none"}, {"click": "foreground.mix.rows.0"})
    assert app.state.view.foreground.mix.rows == (0,)
    play(
        app,
        {"click": "foreground.mix.rows.none"},
        {"click": "foreground.directions.fold"},
        {"drag": {"widget": "foreground.direction.1", "by": [40, 0]}},
    )
    (direction, amount) = app.state.view.foreground.moves[0]
    assert direction == Direction("sefa", 1)
    assert amount > 0.5
    assert np.abs(settle(app) - before).mean() > 0.001
    play(app, {"click": "foreground.direction.1", "button": "right"})
    assert app.state.view.foreground.moves == ()
    assert np.abs(settle(app) - before).max() < 1e-5


def test_names_of_directions_are_kept_for_the_model(app: Any) -> None:
    settle(app)
    play(
        app,
        {"click": "background.directions.fold"},
        {"click": "background.method.pca"},
        {"click": "background.directions.rows.coarse"},
        {"click": "background.direction.2.rename"},
        {"set": ["background.direction.2.name", "weather"]},
        {"click": "background.method.named"},
        {"drag": {"widget": "background.direction.0", "by": [-40, 0]}},
    )
    direction = Direction("pca", 2, (0,))
    assert app.state.notes.name_of("background", direction) == "weather"
    assert app.state.view.backdrop.code.amount(direction) < -0.5
    checksum = app.state.model.sha256
    end = time.monotonic() + 5
    while load_notes(checksum)[0] != app.state.notes and time.monotonic() < end:
        time.sleep(0.02)
    data = json.loads(notes_file(checksum).read_text())
    assert data["notes"]["directions"][0]["name"] == "weather"


def test_notes_are_there_when_the_model_is_opened_again(app: Any, model_file: Path) -> None:
    settle(app)
    play(app, {"click": "gallery.keep"}, {"set": ["gallery.name", "the first face"]})
    app.close = lambda: None  # the fixture's second one
    type(app).close(app)
    with open_app(model_file, size=TALL, remember=True) as again:
        settle(again)
        (kept,) = again.state.notes.favourites
        assert kept == Favourite(name="the first face")
        play(again, {"click": "gallery.favourite.0"})
        assert again.state.view.codes == CodePair()


class FakeThumbnails(dict[Any, Any]):
    """The texture without GL."""

    def put(self, key: Any, pixels: np.ndarray) -> None:
        self[key] = pixels


def test_a_locked_code_cannot_be_changed_from_the_panel_or_by_keys(app: Any) -> None:
    settle(app)
    play(app, {"click": "foreground.mix.fold"}, {"click": "foreground.lock"})
    app.frame()
    locked = {"foreground.pad", "foreground.seed", "foreground.random", "foreground.truncation"}
    locked |= {"foreground.mix.rows.none", "foreground.mix.rows.0"}
    assert locked <= app.gui.ui.disabled
    assert "foreground.lock" not in app.gui.ui.disabled
    play(app, {"key": "Right"}, {"key": "Right", "mods": ["shift"]})
    assert app.state.view.foreground == Code()
    assert app.state.view.backdrop.code == Code(1.0)
    play(app, {"click": "foreground.lock"}, {"key": "Right"})
    assert app.state.view.foreground == Code(1.0)


def test_an_animation_glides_and_shows(app: Any) -> None:
    settle(app)
    play(app, {"click": "foreground.animate"})
    shown: list[float] = []  # places whose volumes the preview has drawn
    end = time.monotonic() + 20
    while len(shown) < 3 and time.monotonic() < end:
        app.frame()
        assert app.patience() == 0.0
        place = app.preview.identity.code.x
        shown += [place] if place not in shown else []
    assert len(shown) == 3
    assert shown == sorted(shown)
    assert app.state.view.foreground.x >= shown[-1]
    play(app, {"click": "foreground.animate"})
    still = app.state.view.foreground
    settle(app)
    assert app.state.view.foreground == still


def test_sides_a_and_b_can_be_compared(app: Any) -> None:
    on_a = settle(app)
    play(app, {"click": "gallery.side.B"}, {"click": "background.next"})
    on_b = settle(app)
    assert np.abs(on_b - on_a).mean() > 0.001
    play(app, {"key": "X"})
    assert np.abs(settle(app) - on_a).max() < 1e-5
    play(app, {"key": "X"})
    assert np.abs(settle(app) - on_b).max() < 1e-5


def test_a_contact_sheet_fills_and_its_pictures_lead_to_their_codes(app: Any) -> None:
    settle(app)
    play(
        app,
        {"set": ["gallery.sheet.first", 5]},
        {"click": "gallery.sheet.count.12"},
        {"click": "gallery.sheet"},
        {"wait": "pictured", "timeout": 60},
    )
    assert app.gallery.progress is None
    assert len(app.state.sheet.codes) == 12
    codes = [CodePair(code, Code()) for code in app.state.sheet.codes]
    assert all(app.gallery.find("foreground", pair) for pair in codes)
    play(app, {"click": "gallery.sheet.3"})
    assert app.state.view.foreground.seed == 8
    play(app, {"click": "gallery.sheet.5", "button": "right"})  # kept; it leads nowhere
    assert app.state.notes.favourites == (Favourite(Code(10.0), app.state.view.backdrop.code),)
    assert app.state.view.foreground.seed == 8
    play(app, {"drag": {"widget": "gallery.sheet.3", "onto": "gallery.sheet.6"}})
    blend = app.state.view.foreground.blend
    assert [(part.seed, weight) for part, weight in blend] == [(8, 0.5), (11, 0.5)]
    play(app, {"drag": {"widget": "gallery.blend", "by": [-60, 0]}})
    assert 0.1 < app.state.view.foreground.blend[1][1] < 0.4
    play(app, {"drag": {"widget": "foreground.blend", "by": [200, 0]}})
    assert app.state.view.foreground.blend[1][1] > 0.8
    play(app, {"click": "foreground.blend.end"})
    assert app.state.view.foreground == Code(11.0)


def test_a_blend_of_both_codes_is_slid_as_one(app: Any) -> None:
    settle(app)
    play(app, {"click": "gallery.keep"}, {"set": ["foreground.seed", 3]})
    play(app, {"set": ["background.seed", 5]}, {"click": "gallery.keep"})
    assert "gallery.blend" not in app.gui.ui.rects
    play(app, {"drag": {"widget": "gallery.favourite.1", "onto": "gallery.favourite.0"}})
    dropped = app.state.view
    assert [(p.seed, w) for p, w in dropped.foreground.blend] == [(0, 0.5), (3, 0.5)]
    play(app, {"drag": {"widget": "gallery.blend", "by": [50, 0], "steps": 6}})
    front, back = (app.state.view.code(which).blend for which in ("foreground", "background"))
    assert front[1][1] == back[1][1] > 0.6
    play(app, {"key": "Z", "mods": ["control"]})  # one step, of both
    assert app.state.view == dropped
    play(app, {"click": "background.lock"}, {"drag": {"widget": "gallery.blend", "by": [50, 0]}})
    assert app.state.view.foreground.blend[1][1] > 0.6
    assert app.state.view.backdrop.code == dropped.backdrop.code


def test_directions_can_be_seen_as_pictures(app: Any) -> None:
    settle(app)
    play(
        app,
        {"click": "background.directions.fold"},
        {"click": "background.directions.show"},
        {"wait": "pictured", "timeout": 60},
        {"click": "gallery.sheet.7"},
    )
    assert app.state.view.backdrop.code.moves == ((Direction("sefa", 1), 3.0),)
    assert app.state.job("thumbnails") is None


def test_a_sheet_of_the_background_can_be_cancelled(app: Any) -> None:
    settle(app)
    play(
        app,
        {"click": "gallery.sheet.which.background"},
        {"click": "gallery.sheet.count.96"},
        {"click": "gallery.sheet"},
    )
    if app.gallery.progress is not None:  # a quick machine may be done already
        play(app, {"click": "gallery.sheet.cancel"}, {"wait": "pictured", "timeout": 20})
        assert app.state.sheet.stopped
    assert app.gallery.progress is None
    play(app, {"click": "gallery.sheet.1"})
    assert app.state.view.backdrop.code.seed == 1


def test_favourites_are_removed_by_their_cross(app: Any) -> None:
    settle(app)
    play(app, {"click": "gallery.keep"}, {"key": "Right"}, {"click": "gallery.keep"})
    assert len(app.state.notes.favourites) == 2
    play(app, {"click": "gallery.favourite.1.remove"})
    assert [kept.codes for kept in app.state.notes.favourites] == [CodePair(Code(1.0), Code())]
    assert app.state.view.foreground == Code(1.0)


def test_favourites_are_named_by_key_and_pencil_and_all_of_it_is_undone(app: Any) -> None:
    settle(app)
    undo = {"key": "Z", "mods": ["control"]}
    play(app, {"key": "D", "mods": ["control"]}, {"key": "Right"}, {"key": "F2"})
    assert len(app.state.notes.favourites) == 2
    app.frame()
    app.frame()
    assert app.gui.wants_keys  # the line has the focus: what is typed goes there
    play(app, {"set": ["gallery.name", "second"]})
    play(app, {"click": "gallery.favourite.1.rename"}, {"set": ["gallery.name", "first"]})
    assert [kept.name for kept in app.state.notes.favourites] == ["second", "first"]
    assert app.state.view.foreground == Code(1.0)  # a pencil leads nowhere
    play(app, {"click": "gallery.favourite.1.remove"})
    play(app, undo, undo)
    assert [kept.name for kept in app.state.notes.favourites] == ["second", ""]
    play(app, undo, undo)
    assert len(app.state.notes.favourites) == 1
    redo = {"key": "Z", "mods": ["control", "shift"]}
    play(app, redo, redo)
    assert [kept.name for kept in app.state.notes.favourites] == ["second", ""]
    checksum = app.state.model.sha256
    end = time.monotonic() + 5
    while load_notes(checksum)[0] != app.state.notes and time.monotonic() < end:
        time.sleep(0.02)
    assert load_notes(checksum)[0] == app.state.notes  # undone on the disk, too


def test_notes_that_cannot_be_written_are_a_message(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(app)
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "file" / "x"))
    (tmp_path / "file").write_text("no folder")
    app.dispatch(lat.AddFavourite())
    end = time.monotonic() + 5
    while not app.state.notices and time.monotonic() < end:
        app.frame()
    assert app.state.notices[0].text.startswith("Names and favourites could not be saved")


def test_thumbnails_give_way_to_the_picture(
    tiny_model: ballgan.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballgan_viewer.worker.LONGEST_WAIT", 2.0)
    busy = threading.Event()
    busy.set()
    made: list[Any] = []
    lane = Lane("thumbnails", ThumbnailMaker(), made.append, urgent=busy.is_set)
    portraits = tuple(Portrait.of("both", CodePair(Code(float(i)))) for i in range(2))
    model = Model(model_info(), tiny_model)
    lane.submit(PortraitsRequest(model, portraits, frozenset(portraits)))
    time.sleep(0.2)
    assert made == []
    end = time.monotonic() + 20
    while lane.busy and time.monotonic() < end:  # but not for ever
        time.sleep(0.01)
    lane.close()
    assert [(result.portrait, result.rough) for result in made] == [
        (portrait, rough) for rough in (True, False) for portrait in portraits
    ]
    assert {result.pixels.shape for result in made} == {(SIDE, SIDE, 4)}
    assert (made[0].pixels != made[1].pixels).any()
    scene = ballgan.Scene(tiny_model)  # the model's own picture, with its super-resolution
    own = scene.render(to_camera(model.info.home), ballgan.RenderSettings(size=SIDE)).rgba()
    rough, fine = (np.abs(made[i].pixels / 255 - own).mean() for i in (0, 2))
    assert fine < 0.01 < rough


def test_what_was_wanted_last_is_made_first(tiny_model: ballgan.Generator) -> None:
    asked: list[PortraitsRequest] = []
    gallery = Gallery(FakeThumbnails(), SimpleNamespace(submit=asked.append))  # type: ignore
    model = Model(model_info(), tiny_model)
    gallery.use_model(model)
    state = apply(with_model(), lat.SetSheet("foreground", 5, 3))
    state = apply(state, lat.MakeSheet())
    for _ in range(2):
        gallery.submit(state, ("gallery.current",))
    assert [p.codes.foreground.seed for p in asked[-1].portraits] == [0, 5, 6, 7]
    assert asked[-1].rough == set(asked[-1].portraits)
    gallery.receive(ThumbnailMade(model, asked[-1].portraits[0], PIXELS, rough=True))
    assert gallery.pending and gallery.progress == 0.0
    asks = len(asked)
    for seed in 8.0, 8.5, 9.0:
        state = apply(state, lat.SetCode("foreground", Code(seed)))
        gallery.submit(state, ("gallery.current",))
        assert gallery.pending and len(asked) == asks  # a moving code interrupts nothing
    gallery.submit(state, ("gallery.current",))
    assert [p.codes.foreground.seed for p in asked[-1].portraits] == [9, 5, 6, 7]
    for portrait in asked[-1].portraits:
        gallery.receive(ThumbnailMade(model, portrait, PIXELS))
    gallery.submit(state, ("gallery.current",))
    assert not gallery.pending and gallery.progress is None


def test_a_sheet_fills_while_a_code_moves(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    render = ThumbnailMaker._render

    def take_some_frames(maker: Any, portrait: Portrait, ticket: Any, **options: Any) -> Any:
        for _ in range(20):
            time.sleep(0.01)
            ticket.check()
        return render(maker, portrait, ticket, **options)

    settle(app)
    monkeypatch.setattr(ThumbnailMaker, "_render", take_some_frames)
    app.dispatch(lat.ToggleAnimation("foreground"))
    app.dispatch(lat.SetSheet("foreground", 5, 3), lat.MakeSheet())
    pairs = [CodePair(code, Code()) for code in app.state.sheet.codes]
    wait_until(app, lambda: all(app.gallery.find("foreground", pair) for pair in pairs))
    assert app.state.view.latents.of("foreground").moves


def test_thumbnails_are_halved_by_means() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    assert halve(pixels)[0, 0].tolist() == pixels[:2, :2].mean((0, 1)).tolist()
