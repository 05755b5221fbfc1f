"""The settings file."""

import json
from pathlib import Path

import pytest
from ballgan_viewer import preferences
from ballgan_viewer.preferences import Preferences, remember


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def test_there_is_no_file_at_first(folder: Path) -> None:
    assert preferences.load() == (Preferences(), None)


def test_what_is_saved_comes_back(folder: Path) -> None:
    mine = Preferences((900, 700), ("/a.pkl",), ("/b.jpg",), "/pictures", preview=False)
    assert preferences.save(mine) is None
    assert preferences.load() == (mine, None)
    assert [path.name for path in folder.iterdir()] == [preferences.FILE_NAME]


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


def test_unknown_keys_are_dropped(folder: Path) -> None:
    folder.mkdir()
    data = {"window_size": [640, 480], "from_the_future": True}
    (folder / preferences.FILE_NAME).write_text(json.dumps(data))
    assert preferences.load() == (Preferences(window_size=(640, 480)), None)


def test_a_folder_that_cannot_be_made_gives_a_message(folder: Path) -> None:
    folder.write_text("a file is in the way")
    message = preferences.save(Preferences())
    assert message is not None
    assert "could not be saved" in message


def test_recent_files_are_few_and_each_once() -> None:
    recent: tuple[str, ...] = ()
    for name in "abcabcdefghijk":
        recent = remember(recent, name)
    assert recent == tuple("kjihgfed")
