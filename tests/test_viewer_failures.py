"""What can fail while the program works: memory, disks, files. A message, and it goes on."""

import gc
import shutil
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ballgan_viewer import actions as act
from ballgan_viewer import tasks
from ballgan_viewer.actions import camera as cam
from ballgan_viewer.baker import Baker
from ballgan_viewer.notes import ModelNotes
from ballgan_viewer.requests import NotesRequest
from ballgan_viewer.thumbnail_maker import ThumbnailMaker
from ballgan_viewer.typefaces import FontRequest
from ballgan_viewer.worker import NO_MEMORY, Lane
from PIL import Image
from viewer_driver import notices, open_app, play

import ballgan
from ballgan import capture

CUDA_TEXT = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 4 GiB."
LIMIT = 300  # bytes that a file may have on the full disk
WRITERS: dict[str, tuple[dict[str, Any], ...]] = {  # steps that write a file of each kind
    "glb": ({"click": "export.format.glb"}, {"click": "export"}),
    "obj": ({"click": "export.format.obj"}, {"click": "export"}),
    "ply": ({"click": "export.format.ply"}, {"click": "export"}),
    "picture": ({"command": "file.save_picture"},),
    "capture": ({"click": "capture.size.1024"}, {"command": "capture.render"}),
    "mp4": ({"click": "film.format.mp4"}, {"command": "film.render"}),
    "gif": ({"click": "film.format.gif"}, {"command": "film.render"}),
    "png": ({"click": "film.format.png"}, {"command": "film.render"}),
    "session": ({"command": "session.save"},),
    "sphere": ({"command": "background.save"},),
}
FULL = {"command": "layer.full"}
NEXT, SURFACE = {"command": "foreground.next"}, {"command": "layer.surface"}
JOBS: dict[str, tuple[Any, str, tuple[dict[str, Any], ...]]] = {  # what computes, and for what
    "mesh": (ballgan.Scene, "mesh", WRITERS["ply"]),
    "picture": (ballgan.Scene, "render_progressively", (NEXT,)),
    "capture": (capture, "capture_picture", WRITERS["capture"]),
    "film": (ballgan.Scene, "render_stage", WRITERS["png"]),
    "sphere": (ballgan.Scene, "unroll", WRITERS["sphere"]),
    "model": (ballgan, "load", ({"command": "model.bundled"}, {"wait": "loaded"})),
    "photo": (ballgan.Panorama, "load", ({"drop": "photo.png"}, {"wait": "loaded"})),
    "surface": (tasks.SurfaceFinder, "_find", (NEXT, SURFACE)),
    "thumbnails": (ThumbnailMaker, "_render", ({"click": "gallery.current"}, NEXT)),
}
LANES: dict[str, tuple[Any, ...]] = {  # what gives each lane some work
    "picture": (act.OpenPhoto("photo.png"),),
    "render": (NEXT,),
    "surface": (NEXT, SURFACE),
    "reveal": (act.RevealFile("photo.png"),),
    "recognise": ({"drop": "photo.png"},),
    "export": WRITERS["ply"],
    "capture": WRITERS["capture"],
    "film": WRITERS["png"],
    "save": WRITERS["picture"],
    "sphere": WRITERS["sphere"],
    "unroll": (
        {"click": "background.learnt"},
        {"click": "background.unrolled"},
        {"command": "background.next"},
    ),
    "panoramas": ({"drop": "other.png"},),
    "thumbnails": ({"click": "gallery.current"}, NEXT),
    "model": (act.OpenModel("other.pkl"),),
    "follow": (act.FollowRun("."),),
    "session": WRITERS["session"],
    "settings": (NotesRequest("0" * 64, "tiny", ModelNotes(), ModelNotes()),),
    "camera": (cam.SaveCamera("opencv"),),
    "fonts": (FontRequest("thai"),),
}


@pytest.fixture(scope="module")
def opened(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The program in a folder of its own, with a film of a few small pictures."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALLGAN_CONFIG_DIR", str(folder / "config"))
        patch.chdir(folder)
        shutil.copy(model_file, "other.pkl")
        for name in "photo.png", "other.png":
            Image.new("RGB", (32, 16), (0, 128, 255)).save(name)
        with open_app(model_file) as app:
            play(app, {"wait": "idle"}, {"command": "film.turntable"}, {"click": "film.size.256"})
            film = app.state.animation
            film = film.stretched(0.2 / film.duration)
            app.dispatch(act.PlayFilm(False), act.SetAnimation(film))
            play(app, {"click": "export.resolution.128"}, {"wait": "idle"})
            yield app


@pytest.fixture
def app(opened: Any) -> Any:
    """The same program, without what it said before."""
    dismiss(opened)
    opened.dispatch(act.SetOutputFolder(""))
    play(opened, {"wait": "idle"})
    return opened


def dismiss(app: Any) -> None:
    app.dispatch(*(act.Dismiss(notice.number) for notice in app.state.notices))


def work_off(app: Any, steps: tuple[dict[str, Any], ...]) -> None:
    """Do the steps, and wait until nothing runs."""
    play(app, *steps, {"wait": "saved"})
    while app.state.jobs:
        app.frame()
    play(app, {"wait": "idle"})


def written() -> list[str]:
    """All files in the current folder, hidden ones too, but for the settings."""
    files = (path for path in Path().rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.parts[0] != "config")


def told(app: Any) -> str:
    """The one message, which is an error that a person can understand."""
    ((level, text),) = notices(app)
    assert level == "error" and "Internal error" not in text, text
    return text


@contextmanager
def full_disk() -> Iterator[None]:
    """Refuse every byte of a file beyond LIMIT, as the system does, whoever writes."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits files")
def test_a_textured_mesh_is_all_or_nothing(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballgan_viewer.tasks.TEXTURE_SIZE", 64)
    options = replace(app.state.export, format="obj", texture=True, faces=10_000)
    material = tmp_path / "head.mtl"
    material.write_text("theirs")
    export = (act.SetExport(replace(options, path=str(tmp_path / "head"))), act.StartExport("mesh"))
    with full_disk():
        app.dispatch(*export)
        work_off(app, ())
    assert "File too large" in told(app)
    assert list(tmp_path.iterdir()) == [material] and material.read_text() == "theirs"
    dismiss(app)
    app.dispatch(*export)
    work_off(app, ())
    names = ["head-2.mtl", "head-2.obj", "head-2_texture.png", "head.mtl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert material.read_text() == "theirs"
    app.dispatch(act.SetExport(replace(options, format="glb", texture=False)))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits files")
@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_is_told_and_nothing_half_is_left(app: Any, what: str) -> None:
    before = written()
    with full_disk():
        work_off(app, WRITERS[what])
    told(app)
    assert written() == before
    dismiss(app)
    work_off(app, WRITERS[what])
    assert len(written()) > len(before), notices(app)
    assert [level for level, _ in notices(app)] == ["info"]


@pytest.mark.parametrize(
    "what", sorted(WRITERS.keys() - {"session"})
)  # that goes where it was saved
def test_a_folder_that_takes_no_files_is_told(app: Any, what: str, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    app.dispatch(act.SetOutputFolder(str(blocked)))
    work_off(app, WRITERS[what])
    assert str(blocked) in told(app)
    assert blocked.read_bytes() == b""


@pytest.mark.parametrize("what", ["mp4", "png"])
def test_a_folder_that_vanishes_meanwhile_is_told(app: Any, what: str, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    app.dispatch(act.SetOutputFolder(str(folder)))
    with pytest.MonkeyPatch.context() as patch:
        render = ballgan.Scene.render_stage

        def lose(self: Any, *arguments: Any, **options: Any) -> Any:
            shutil.rmtree(folder, ignore_errors=True)
            return render(self, *arguments, **options)

        patch.setattr(ballgan.Scene, "render_stage", lose)
        work_off(app, WRITERS[what])
    told(app)
    assert not folder.exists() or not list(folder.iterdir())


CUDA_ERROR = torch.cuda.OutOfMemoryError(CUDA_TEXT)
CPU_ERROR = RuntimeError("err == 0. DefaultCPUAllocator: can't allocate memory: you tried to ...")


@pytest.mark.parametrize(
    ("what", "error"),
    [*((what, CUDA_ERROR) for what in JOBS), ("mesh", MemoryError()), ("photo", CPU_ERROR)],
)
def test_short_memory_is_told_with_what_helps(app: Any, what: str, error: Exception) -> None:
    def fail(*_: Any, **options: Any) -> Any:
        raise error

    before, (owner, name, steps) = written(), JOBS[what]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, fail)
        work_off(app, steps)
    assert NO_MEMORY in told(app)
    assert written() == before
    dismiss(app)
    work_off(app, (FULL, *steps, FULL))
    assert app.converged and all(level == "info" for level, _ in notices(app))


def open_lanes() -> dict[str, Lane]:
    """All lanes of the program, whoever owns them."""
    lanes = [thing for thing in gc.get_objects() if type(thing) is Lane]
    return {lane.name: lane for lane in lanes if not lane.closed}


@pytest.mark.parametrize("lane", LANES)
def test_a_mistake_of_any_worker_is_told_and_nothing_waits_for_it(app: Any, lane: str) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a mistake")

    lanes, end = open_lanes(), time.monotonic() + 20
    assert lanes.keys() == LANES.keys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes[lane], "_work", fail)
        for step in LANES[lane]:
            if isinstance(step, act.Action):
                app.dispatch(step)
            elif isinstance(step, dict):
                play(app, step)
            else:
                lanes[lane].submit(step)
        while not notices(app) and time.monotonic() < end:
            app.frame()
        play(app, {"wait": "idle", "timeout": 20})
    texts = [text for level, text in notices(app) if level == "error"]
    assert texts and all("Internal error (RuntimeError): a mistake" in text for text in texts)
    assert not (app.state.jobs or app.state.following or app.state.recognising)
    dismiss(app)
    play(app, FULL, NEXT, {"wait": "idle"})
    assert app.converged and notices(app) == []


def test_a_picture_that_is_too_large_is_told(app: Any, tmp_path: Path) -> None:
    """Also before it is known what it is: Pillow refuses to look into it."""
    path = tmp_path / "huge.png"
    Image.new("RGB", (16, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20000, 20000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    play(app, {"drop": str(path)}, {"wait": "idle", "timeout": 20})
    assert "huge.png" in told(app)


def test_a_mistake_of_a_worker_is_told_and_the_next_picture_comes(app: Any) -> None:
    def fail(*_: Any, **options: Any) -> Any:
        raise KeyError("a mistake")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ballgan.Scene, "render_progressively", fail)
        play(app, {"command": "foreground.next"}, {"wait": "idle"})
    ((level, text),) = notices(app)
    assert level == "error" and text.startswith("Internal error (KeyError): 'a mistake'. ")
    dismiss(app)
    play(app, {"command": "foreground.next"}, {"wait": "idle"})
    assert app.converged and notices(app) == []


def test_without_the_quick_preview_the_picture_comes_all_the_same(app: Any) -> None:
    tries = []

    def fail(*request: Any) -> Any:
        tries.append(request)
        raise CPU_ERROR

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Baker, "_prepare_volume", fail)
        play(app, NEXT, {"wait": "idle"})
    assert NO_MEMORY in told(app) and len(tries) == 1
    assert app.converged and app.easel.engine(app.state) == "neural"
    assert app.easel.picture.request.view == app.state.view.relevant()
    dismiss(app)
    play(app, NEXT, {"wait": "idle"})
    assert app.preview.is_current(app.easel.model, app.state.view) and notices(app) == []


@pytest.mark.parametrize("comparing", [False, True])
def test_a_picture_that_failed_is_not_saved_as_the_one_before(app: Any, comparing: bool) -> None:
    def fail(*_: Any, **options: Any) -> Any:
        raise ValueError("no picture today")

    if comparing:
        play(app, {"command": "compare.toggle"}, {"wait": "idle"})
    before = written()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ballgan.Scene, "render_progressively", fail)
        play(app, {"command": "foreground.next"}, {"wait": "idle"})
        dismiss(app)
        work_off(app, WRITERS["picture"])
    assert "no picture today" in told(app)
    assert written() == before
    dismiss(app)
    play(app, {"command": "foreground.next"}, {"wait": "idle"})
    work_off(app, WRITERS["picture"])
    assert len(written()) == len(before) + 1
    if comparing:
        play(app, {"command": "compare.toggle"}, {"wait": "idle"})


def test_a_photo_that_is_lost_is_told(app: Any, tmp_path: Path) -> None:
    photo = tmp_path / "room.png"
    Image.new("RGB", (16, 8), (255, 0, 0)).save(photo)
    play(app, {"drop": str(photo)}, {"wait": "idle"})
    photo.unlink()
    play(app, {"command": "foreground.next"}, {"wait": "idle"})
    work_off(app, WRITERS["capture"])
    assert any(level == "error" and "room.png" in text for level, text in notices(app))
    dismiss(app)
    play(app, {"click": "background.learnt"}, {"wait": "idle"})
    # Whoever looks after the file may have told of it only now.
    assert app.converged and all("room.png" in text for _, text in notices(app))
