"""Pictures of the background's panel: thumbnails and the unrolled map, and the watch over files."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.backdrop_tasks import PanelPicture
from ballgan_viewer.surroundings import FAILED, UNROLLED, UNROLLING, list_panoramas
from ballgan_viewer.watcher import Watcher
from test_viewer_backgrounds import paint
from viewer_driver import notices, play, settle, wait_for, wait_until

import ballgan
from ballgan.panoramas import bundled_panoramas


def have_thumbnails(app: Any) -> bool:
    return all(app.surroundings.picture(path) for path in list_panoramas(app.state))


def test_a_picture_that_is_opened_meanwhile_costs_no_thumbnail(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, may_load = ballgan.Panorama.load, threading.Event()

    def wait_and_load(panorama: ballgan.Panorama) -> Any:
        may_load.wait(10)
        return load(panorama)

    play(app, {"wait": "shown"})
    monkeypatch.setattr(ballgan.Panorama, "load", wait_and_load)
    play(app, {"click": "background.photo"})
    wait_until(app, lambda: app.surroundings.pending)
    paint(tmp_path / "late.png", (0, 255, 255))
    app.dispatch(act.PhotoOpened(str(tmp_path / "late.png")))
    for _ in range(3):
        app.frame()
    may_load.set()
    wait_until(app, lambda: have_thumbnails(app))
    assert notices(app) == []


def test_a_thumbnail_that_failed_is_told_of_and_made_later(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, room = ballgan.Panorama.load, bundled_panoramas()["room"]

    def fail_for_room(panorama: ballgan.Panorama) -> Any:
        if str(panorama.path) == room:
            raise MemoryError
        return load(panorama)

    play(app, {"wait": "shown"})
    monkeypatch.setattr(ballgan.Panorama, "load", fail_for_room)
    play(app, {"click": "background.photo"}, {"wait": "pictured"})
    missing = [path for path in list_panoramas(app.state) if not app.surroundings.picture(path)]
    assert missing == [room]
    assert [text.split(":")[0] for _, text in notices(app)] == [
        f"There is no thumbnail of {Path(room).name}"
    ]
    monkeypatch.undo()
    play(app, {"click": "background.learnt"}, {"click": "background.photo"})
    wait_until(app, lambda: have_thumbnails(app))


def test_a_map_that_failed_says_so_and_is_tried_again(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    play(app, {"wait": "converged"})
    monkeypatch.setattr(ballgan.Scene, "unroll", fail)
    play(app, {"click": "background.sphere.fold"}, {"wait": "pictured"})
    assert app.surroundings.remark == FAILED
    assert "could not be unrolled" in notices(app)[0][1]
    monkeypatch.undo()
    app.frame()
    assert app.surroundings.remark == FAILED  # not in every frame
    play(app, {"click": "background.sphere.fold"}, {"click": "background.sphere.fold"})
    wait_until(app, lambda: app.surroundings.picture(UNROLLED) is not None)
    assert app.surroundings.remark == ""


def map_pixels(app: Any) -> np.ndarray:
    pixels, place = app.grab(), app.gui.ui.rects["background.unrolled"]
    top, left = round(place.y), round(place.x)
    return pixels[top : top + round(place.height), left : left + round(place.width)].astype(int)


def test_the_former_map_is_dim_until_the_next_one_is_there(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(app, {"wait": "converged"}, {"click": "background.sphere.fold"}, {"wait": "pictured"})
    assert app.surroundings.remark == ""
    app.frame()
    clear = map_pixels(app)
    unroll, may_unroll = ballgan.Scene.unroll, threading.Event()

    def wait_and_unroll(scene: ballgan.Scene, *args: Any, **options: Any) -> np.ndarray:
        may_unroll.wait(10)
        return unroll(scene, *args, **options)

    monkeypatch.setattr(ballgan.Scene, "unroll", wait_and_unroll)
    play(app, {"set": ["background.exposure", 0.1]})
    assert app.surroundings.remark == UNROLLING
    assert map_pixels(app).std() < 0.7 * clear.std()
    may_unroll.set()
    wait_until(app, lambda: app.surroundings.remark == "")
    app.frame()
    assert map_pixels(app).std() > 0.9 * clear.std()


def test_a_file_that_changed_while_the_background_was_off_is_read_again(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "room.png"
    paint(path, (255, 0, 255))
    play(app, {"wait": "shown"}, {"drop": str(path)}, {"wait": "loaded"}, {"key": "3"})
    play(app, {"click": "background.sphere.fold"}, {"wait": "idle"})
    made: list[Any] = []
    receive = app.surroundings.receive

    def note(picture: PanelPicture) -> None:
        made.append(picture.key)
        receive(picture)

    monkeypatch.setattr(app.surroundings, "receive", note)
    play(app, {"key": "B"})
    settle(app)
    paint(path, (0, 255, 0))
    play(app, {"key": "B"})
    wait_until(app, lambda: app.state.revision == 1)
    assert settle(app)[..., :3].mean((0, 1)) == pytest.approx([0, 1, 0], abs=0.01)
    wait_until(app, lambda: str(path) in made and app.surroundings.remark == "")
    assert len(made) == 2  # its thumbnail and its map
    assert notices(app) == []


def test_the_watcher_looks_at_once_and_remembers_what_it_told(tmp_path: Path) -> None:
    posted: list[Any] = []
    watcher = Watcher(posted.append, period=0.3)
    path, other = tmp_path / "room.png", tmp_path / "other.png"
    for each in (path, other):
        paint(each, (1, 2, 3))
    watcher.watch(str(path))
    wait_for(lambda: str(path) in watcher._told)
    path.write_bytes(b"changed before the second look")
    wait_for(lambda: len(posted) == 1)
    assert isinstance(posted[0], act.PhotoBroken)
    watcher.watch(str(other))
    wait_for(lambda: str(other) in watcher._told)
    paint(path, (1, 1, 1))
    watcher.watch(None)
    time.sleep(0.1)
    other.write_bytes(b"changed while nobody looks")
    watcher.watch(str(path))
    wait_for(lambda: len(posted) == 2)
    watcher.watch(str(other))
    wait_for(lambda: len(posted) == 3)
    assert posted[1] == act.PhotoChanged(str(path))
    assert isinstance(posted[2], act.PhotoBroken) and "other.png" in posted[2].message
    watcher.stop()
    watcher.join(5.0)


def test_the_watcher_goes_on_after_any_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, posted = tmp_path / "room.png", list[Any]()
    paint(path, (1, 2, 3))
    watcher = Watcher(posted.append, period=0.02)

    def fail(panorama: ballgan.Panorama) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    with monkeypatch.context() as patch:
        patch.setattr(ballgan.Panorama, "load", fail)
        watcher.watch(str(path))
        wait_for(lambda: str(path) in watcher._told)
        paint(path, (4, 5, 6))
        wait_for(lambda: len(posted) == 1)
    assert isinstance(posted[0], act.PhotoBroken) and "memory" in posted[0].message
    paint(path, (7, 8, 9))
    wait_for(lambda: len(posted) == 2)
    assert posted[1] == act.PhotoChanged(str(path))
    watcher.stop()
    watcher.join(5.0)
