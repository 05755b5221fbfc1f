"""The settings file."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ballgan_viewer import preferences
from ballgan_viewer.preferences import Preferences, remember
from ballgan_viewer.presets import Preset
from ballgan_viewer.shared_files import LOCK_NAME, lock, merge_entries


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def test_there_is_no_file_at_first(folder: Path) -> None:
    assert preferences.load() == (Preferences(), None)


def test_what_is_saved_comes_back(folder: Path) -> None:
    mine = Preferences((900, 700), ("/a.pkl",), ("/b.jpg",), "/pictures", preview=False)
    preferences.save(Preferences(), mine)
    assert preferences.load() == (mine, None)
    assert {path.name for path in folder.iterdir()} == {preferences.FILE_NAME, LOCK_NAME}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        '{"window_size": "big"}',
        '{"window_size": [0, 5]}',
        '{"window_size": [1e400, 5]}',
        '{"recent_models": [3]}',
        '{"output_folder": null}',
        '{"preview": 1}',
        '{"maximised": "yes"}',
        '{"theme": "blue"}',
        '{"zoom": 9}',
        '{"zoom": true}',
        '{"folded": [1]}',
        "[" * 100_000,
        '"\ud800"',
    ],
)
def test_a_broken_file_is_ignored_with_a_notice(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / preferences.FILE_NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    loaded, complaint = preferences.load()
    assert loaded == Preferences()
    assert complaint is not None
    assert preferences.FILE_NAME in complaint


def test_unknown_keys_are_passed_over_and_kept(folder: Path) -> None:
    folder.mkdir()
    path = folder / preferences.FILE_NAME
    path.write_text(json.dumps({"window_size": [640, 480], "from_the_future": True}))
    known = Preferences(window_size=(640, 480))
    assert preferences.load() == (known, None)
    preferences.save(known, replace(known, zoom=2.0))
    assert json.loads(path.read_text())["from_the_future"] is True
    assert preferences.load() == (replace(known, zoom=2.0), None)
    assert {entry.name for entry in folder.iterdir()} == {preferences.FILE_NAME, LOCK_NAME}


def test_only_what_is_bad_is_ignored_and_the_file_is_kept(folder: Path) -> None:
    folder.mkdir()
    path = folder / preferences.FILE_NAME
    mine = Preset("mine", {"layer": "depth"})
    newer = {"name": "newer", "settings": {"layer": ["from_the_future"]}}
    data = {"theme": "blue", "output_folder": "/o", "presets": [newer, asdict(mine)]}
    path.write_text(json.dumps(data))
    loaded, complaint = preferences.load()
    assert loaded == Preferences(output_folder="/o", presets=(mine,))
    assert complaint is not None and "theme" in complaint and "from_the_future" in complaint
    assert "viewer.json.bad" in complaint
    preferences.save(loaded, replace(loaded, zoom=2.0))
    assert json.loads((folder / "viewer.json.bad").read_text()) == data
    assert preferences.load() == (replace(loaded, zoom=2.0), None)  # told once


def test_a_file_that_cannot_be_read_is_kept(folder: Path) -> None:
    folder.mkdir()
    (folder / preferences.FILE_NAME).write_text("{ broken")
    preferences.save(Preferences(zoom=2.0), Preferences(zoom=2.0, theme="light"))
    assert (folder / "viewer.json.bad").read_text() == "{ broken"
    assert preferences.load() == (Preferences(zoom=2.0, theme="light"), None)


@pytest.mark.parametrize("links", [True, False])
def test_a_full_disk_leaves_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    folder.mkdir()
    path = folder / preferences.FILE_NAME
    path.write_text('{"theme": "blue", "zoom": 2.0}')
    with monkeypatch.context() as patch:
        patch.setattr("ballgan.files.os.fsync", fail)
        if not links:
            patch.setattr("ballgan_viewer.shared_files.os.link", fail)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                preferences.save(Preferences(), Preferences(preview=False))
    assert preferences.load()[0] == Preferences(zoom=2.0)
    preferences.save(Preferences(), Preferences(preview=False))
    assert preferences.load() == (Preferences(zoom=2.0, preview=False), None)
    assert "blue" in path.with_name("viewer.json.bad").read_text()


def test_windows_write_one_after_the_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences.save(Preferences(), Preferences(zoom=2.0))
    thread = Thread(target=preferences.save, args=(Preferences(), Preferences(preview=False)))
    with open(folder / LOCK_NAME, "ab") as other:
        lock(other)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive() and preferences.load()[0].preview
    thread.join(5)
    assert not preferences.load()[0].preview
    monkeypatch.setattr("ballgan_viewer.shared_files.PATIENCE", 0.1)
    with open(folder / LOCK_NAME, "ab") as other:
        lock(other)  # for too long
        preferences.save(Preferences(), Preferences(theme="light"))
    assert preferences.load()[0] == Preferences(zoom=2.0, preview=False, theme="light")


def test_a_preset_of_a_newer_viewer_is_kept_without_what_is_unknown(folder: Path) -> None:
    folder.mkdir()
    newer = {"name": "a", "settings": {"layer": "depth"}, "sparkle": 1}
    (folder / preferences.FILE_NAME).write_text(json.dumps({"presets": [newer]}))
    loaded, complaint = preferences.load()
    assert loaded.presets == (Preset("a", {"layer": "depth"}),)
    assert complaint is not None and "presets[0].sparkle is unknown" in complaint
    preferences.save(loaded, replace(loaded, zoom=2.0))
    assert "sparkle" in (folder / "viewer.json.bad").read_text()


def test_two_windows_keep_each_others_settings(folder: Path) -> None:
    start = Preferences(recent_models=("/a", "/b"), presets=(Preset("p", {}), Preset("q", {})))
    preferences.save(Preferences(), start)
    first = replace(start, recent_models=("/c", "/a", "/b"), theme="light")
    changed = (Preset("p", {"layer": "depth"}), Preset("r", {}))
    second = replace(start, recent_models=("/b", "/a"), presets=changed, zoom=2.0)
    preferences.save(start, first)
    preferences.save(start, second)
    both, complaint = preferences.load()
    assert complaint is None
    assert (both.theme, both.zoom) == ("light", 2.0)
    assert both.recent_models == ("/b", "/c", "/a")
    assert both.presets == changed
    preferences.save(first, replace(first, presets=(Preset("q", {}), Preset("s", {}))))
    assert {p.name for p in preferences.load()[0].presets} == {"r", "s"}  # q and p are forgotten


@pytest.mark.parametrize(
    ("before", "after", "present", "merged"),
    [
        ("abc", "dabc", "abc", "dabc"),
        ("abc", "abcd", "abc", "abcd"),
        ("abc", "cab", "abc", "cab"),
        ("abc", "dabc", "eabc", "deabc"),
        ("abc", "cab", "eabc", "ceab"),
        ("abc", "ac", "eabc", "eac"),
        ("abc", "abc", "eab", "eab"),
        ("abc", "", "eabc", "e"),
        ("abc", "dab", "ebc", "deb"),  # a is forgotten by the other one, c by this one
        ("", "a", "bc", "abc"),
    ],
)
def test_lists_are_merged(before: str, after: str, present: str, merged: str) -> None:
    assert "".join(merge_entries(tuple(before), tuple(after), tuple(present), str)) == merged


def test_a_folder_that_cannot_be_made_gives_a_message(folder: Path) -> None:
    folder.write_text("a file is in the way")
    with pytest.raises(OSError, match="config"):
        preferences.save(Preferences(), Preferences(zoom=2.0))


def test_recent_files_are_few_and_each_once() -> None:
    recent: tuple[str, ...] = ()
    for name in "abcabcdefghijk":
        recent = remember(recent, name)
    assert recent == tuple("kjihgfed")
