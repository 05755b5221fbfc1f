import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballgan.images import write_png
from ballgan.model_files import ModelFile, bundled_model, describe_file, find_model
from ballgan.panoramas import bundled_panoramas
from ballgan.session import (
    METADATA_KEY,
    Session,
    SessionError,
    decode_session,
    describe_picture,
    encode_session,
    holds_session,
    read_session,
    write_session,
)
from ballgan.view import Backdrop, Code, Orbit, View

VIEW = View(
    foreground=Code(3.25, -1.5, 0.6),
    backdrop=Backdrop("photo", code=Code(7.0), photo="/pictures/[ room ]\n.jpg", exposure=-1.5),
    camera=Orbit(yaw=0.1 + 0.2, pitch=-0.3, pivot=(0.1, 1 / 3, 0.0)),
    layer="normals",
    neural_resolution=48,
)


def vary(value: Any) -> Any:
    """Another value of the same type."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: vary(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(vary, value))
    if isinstance(value, bool):
        return not value
    return value + 0.125 if isinstance(value, float) else value


def tamper(**changes: Any) -> str:
    """A session's text with other values at dotted places."""
    data = json.loads(encode_session(Session(view=VIEW)))
    for place, value in changes.items():
        *parents, key = place.split("__")
        target = data
        for parent in parents:
            target = target[parent]
        target[key] = value
    return json.dumps(data)


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "picture.png"
    models = (ModelFile("secret.pkl", 7, "cd"), ModelFile("/home/me/heads.pkl", 5, "ab"))
    session = Session(models, 1, VIEW, {"private": "/home/me"})
    write_png(path, np.zeros((4, 4, 3)), {"Software": "test"} | describe_picture(session))
    yield path


def test_every_value_of_a_view_is_kept_exactly() -> None:
    for view in (View(), VIEW, vary(View()), vary(VIEW)):
        session = Session((ModelFile("a.pkl", 3, "00"),), 0, view, {"export": {"format": "obj"}})
        assert decode_session(encode_session(session)) == session


def test_the_text_is_for_people() -> None:
    text = encode_session(Session(view=VIEW))
    assert text.startswith('{\n  "format": "ballgan session",\n  "version": 1,\n')
    assert '    "pivot": [0.1, 0.3333333333333333, 0.0],\n' in text.replace("      ", "    ")


def test_older_files_take_the_defaults_of_newer_fields() -> None:
    text = '{"format": "ballgan session", "version": 1, "view": {"camera": {"yaw": 1}}}'
    assert decode_session(text) == Session(view=View(camera=Orbit(yaw=1.0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json is damaged or no session: it is not JSON"),
        (encode_session(Session())[:-9], "damaged or no session"),
        ("[" * 100_000, "damaged or no session"),
        ("[1]", 'no session: its "format" should be "ballgan session"'),
        ('{"format": "other"}', "no session"),
        (tamper(version=2), r"written by a newer program \(session version 2; .* up to 1\)\. Upd"),
        (tamper(version=0), "version should be a whole number from 1; got 0"),
        (tamper(version=None), "version should be a whole number"),
        (tamper(view__camera__pich=1), r"unknown keys: session\.view\.camera\.pich \(pitch\?\)"),
        (tamper(view__camera__yaw="left"), r"session\.view\.camera\.yaw should be of type float"),
        (tamper(view__camera__yaw=float("nan")), r"camera\.yaw should be a finite number"),
        (tamper(view__camera__radius=-1.0), "radius above 0"),
        (tamper(view__foreground__x=1e300), "x and y of a code should be within"),
        (tamper(view__layer="sound"), r"session\.view\.layer should be one of full, .*'sound'"),
        (
            tamper(view__comparison__pinned={"layer": "x"}),
            r"comparison\.pinned\.layer should be one",
        ),
        (tamper(picture__sides="x"), r"session\.picture\.sides should be one of both"),
        (tamper(view__backdrop__kind="door"), r"session\.view\.backdrop\.kind should be one of"),
        (tamper(view__backdrop__light_strength=9.0), "light_strength should be in 0 ... 2"),
        (tamper(shown=3), "session.shown should be one of 0 models; got 3"),
        (tamper(models=[{"path": 3}]), r"session\.models\[0\]\.path should be of type str"),
    ],
)
def test_what_cannot_be_used_is_explained(text: str, message: str) -> None:
    with pytest.raises(SessionError, match=message):
        decode_session(text, "x.json")


def test_what_a_newer_program_wrote_opens_as_far_as_it_is_known() -> None:
    unknown: list[str] = []
    text = tamper(view__camera__shutter=1, glow={"on": True})
    assert decode_session(text, "x.json", unknown).view == VIEW
    assert unknown == ["session.glow", "session.view.camera.shutter"]
    with pytest.raises(SessionError, match=r"session\.glow, .*: update this program"):
        decode_session(text, "x.json")


def test_a_session_moves_with_the_files_in_its_folder(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "pictures").mkdir(parents=True)
    for name in "model.pkl", "pictures/room.jpg":
        (before / name).write_bytes(b"x")
    view = View(backdrop=Backdrop("photo", photo=str(before / "pictures" / "room.jpg")))
    session = Session((ModelFile(str(before / "model.pkl")),), 0, view)
    write_session(before / "a.ballgan.json", session)
    assert '"pictures/room.jpg"' in (before / "a.ballgan.json").read_text()
    before.rename(after)
    found = read_session(after / "a.ballgan.json")
    assert found.view.backdrop.photo == str(after / "pictures" / "room.jpg")
    assert found.model == ModelFile(str(after / "model.pkl"))


def test_files_that_are_gone_are_found_beside_the_session(tmp_path: Path) -> None:
    (tmp_path / "room.jpg").write_bytes(b"x")
    view = View(backdrop=Backdrop("photo", photo="/nowhere/room.jpg"))
    (tmp_path / "s.json").write_text(encode_session(Session((ModelFile("/no/m.pkl"),), 0, view)))
    found = read_session(tmp_path / "s.json")
    assert found.view.backdrop.photo == str(tmp_path / "room.jpg")
    assert found.model == ModelFile("/no/m.pkl")


def test_bundled_panoramas_are_found_in_any_installation(tmp_path: Path) -> None:
    name, path = next(iter(bundled_panoramas().items()))
    write_png(
        tmp_path / "made.png",
        np.zeros((4, 4, 3)),
        describe_picture(Session(view=View(backdrop=Backdrop("photo", photo=path)))),
    )
    assert read_session(tmp_path / "made.png").view.backdrop.photo == path
    for photo, found in (
        (f"/elsewhere/panoramas/{name}.jpg", path),
        (f"/elsewhere/mine/{name}.jpg", f"/elsewhere/mine/{name}.jpg"),  # only the same name
    ):
        view = View(backdrop=Backdrop("photo", photo=photo))
        (tmp_path / "s.json").write_text(encode_session(Session(view=view)))
        assert read_session(tmp_path / "s.json").view.backdrop.photo == found


def test_pictures_carry_a_session_without_folders(picture: Path) -> None:
    assert b"/home/me" not in picture.read_bytes()
    assert holds_session(picture)
    session = read_session(picture)
    assert replace(session.view, backdrop=VIEW.backdrop) == VIEW
    assert session.model == ModelFile(str(picture.parent / "heads.pkl"), 5, "ab")
    assert len(session.models) == 1  # the others are nobody's business
    assert session.window == {}


def test_pictures_without_a_session_and_damaged_ones_are_explained(picture: Path) -> None:
    data = picture.read_bytes()
    picture.write_bytes(data[:40])
    assert not holds_session(picture)
    with pytest.raises(SessionError, match=r"picture\.png (is damaged|holds no session)"):
        read_session(picture)
    write_png(picture, np.zeros((4, 4, 3)))
    assert not holds_session(picture)
    with pytest.raises(SessionError, match="only pictures saved by the window"):
        read_session(picture)
    write_png(picture, np.zeros((4, 4, 3)), {METADATA_KEY: "{"})
    with pytest.raises(SessionError, match="damaged or no session"):
        read_session(picture)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80\x02}q\x00."])
def test_other_files_are_no_sessions(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(SessionError, match="is no session: it is not text"):
        read_session(tmp_path / "x")
    with pytest.raises(SessionError, match="cannot be read: No such file"):
        read_session(tmp_path / "y")
    with pytest.raises(SessionError, match="cannot be read: Is a directory"):
        read_session(tmp_path)


def test_models_are_found_by_their_content(tmp_path: Path) -> None:
    ours, other, moved = (tmp_path / name for name in ("a.pkl", "b.pkl", "moved.pkl"))
    ours.write_bytes(b"abc")
    other.write_bytes(b"xyz")
    wanted = describe_file(ours)
    assert wanted.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert find_model(wanted) == ours
    ours.rename(moved)
    assert find_model(wanted, [other, tmp_path, "/nowhere", moved]) == moved
    ours.write_bytes(b"abd")  # another model has taken the name
    assert find_model(wanted, [other]) is None
    assert find_model(ModelFile(str(ours))) == ours  # no checksum to go by


def test_the_bundled_model_is_found_wherever_it_was(tmp_path: Path) -> None:
    bundled = bundled_model()
    assert bundled is not None
    wanted = replace(describe_file(bundled), path="/elsewhere/heads.pkl")
    assert find_model(wanted) == bundled
