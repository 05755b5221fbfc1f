"""What is kept of windows that are closed or crash, through the real program offscreen."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.autosave import KEPT, Autosave
from ballgan_viewer.chores import housekeep
from ballgan_viewer.script import ScriptError
from test_viewer_sessions import CHANGES
from viewer_driver import SIZE, errors, open_app, play, require_gl, wait_until

from ballgan.model_files import describe_file
from ballgan.session import Session, read_session, write_session
from ballgan.view import Code


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def autosave(app: Any) -> None:
    """Wait until nothing is left to be autosaved."""
    while app.keeper.until_due(app.state) is not None or app.keeper.busy:
        app.frame()


def kept_in(folder: Path) -> dict[str, int]:
    """How many sessions of which kind there are in the settings folder."""
    return Counter(path.name.split("-")[0] for path in folder.glob("*.ballgan.json"))


def test_the_autosave_ends_with_the_window(model_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"})
        assert kept_in(config) == {}
        play(app, *CHANGES, {"wait": "converged"}, {"wait": "saved"})
        autosave(app)
        (path,) = config.glob("autosave-*.json")
        assert read_session(path).view.foreground.y == app.state.view.foreground.y
    assert kept_in(config) == {"last": 1}
    assert list(config.glob("autosave-*.lock")) == []


def test_what_was_not_saved_is_left_for_the_next_window(model_file: Path, tmp_path: Path) -> None:
    restore = {"command": "session.restore"}
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"})
        with pytest.raises(ScriptError, match="session.restore"):
            play(app, restore)
        play(app, {"set": ["foreground.seed", 12]})
    for _ in range(2):  # a window in which nothing was changed leaves what is there
        with open_app(model_file, remember=True) as app:
            play(app, {"wait": "loaded"})
            assert app.state.notices == ()
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"}, restore, {"wait": "loaded"})
        assert app.state.view.foreground == Code(12.0)
        assert app.state.session is None
        play(app, {"key": "S", "mods": ["control"]}, {"wait": "saved"})
        app.frame()
    assert kept_in(tmp_path / "config") == {"last": 1}  # a file of the person's has the rest
    with open_app(app.state.session, remember=True) as app:
        play(app, {"wait": "loaded"}, {"key": "Right"})
    assert kept_in(tmp_path / "config") == {"last": 2}


def test_what_was_saved_is_not_left(model_file: Path, tmp_path: Path) -> None:
    relative = os.path.relpath(model_file, tmp_path / "work")
    with open_app(relative, remember=True) as app:
        play(app, {"wait": "loaded"}, {"drop": str(model_file)}, {"wait": "loaded"})
        assert [model.path for model in app.state.models] == [str(model_file)]
        play(app, {"set": ["foreground.seed", 12]})
        app.dispatch(act.SaveSession())
        assert app.state.session is None  # the window is closed before there is an answer
    assert kept_in(tmp_path / "config") == {}


def crash(model: Path) -> None:
    """A window in a process of its own that is killed."""
    require_gl()
    code = (
        "import os\n"
        "from viewer_driver import open_app, play\n"
        "from test_viewer_autosave import CHANGES, autosave\n"
        f"with open_app({str(model)!r}, remember=True) as app:\n"
        "    play(app, {'wait': 'loaded'}, *CHANGES, {'wait': 'converged'}, {'wait': 'saved'})\n"
        "    autosave(app)\n"
        "    os._exit(9)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, timeout=60, check=False
    )
    assert done.returncode == 9


def test_what_was_shown_is_shown_again_after_a_crash(model_file: Path, tmp_path: Path) -> None:
    crash(model_file)
    from ballgan_viewer.app import App, AppOptions
    from ballgan_viewer.window import Window, WindowOptions

    window = Window(WindowOptions(size=SIZE, offscreen=True))
    app = App(window, AppOptions())
    play(app, {"wait": "idle"})
    assert app.state.model.path == str(model_file)
    assert app.state.view.foreground.is_blend
    assert app.state.export.format == "obj"
    assert "ended unexpectedly" in app.state.notices[0].text
    assert app.state.session is None  # the next session does not go into the settings folder
    assert errors(app) == []
    app.close()
    window.close()
    assert kept_in(tmp_path / "config") == {"recovered": 1, "last": 1}


def test_what_crashed_windows_showed_can_be_opened(model_file: Path, tmp_path: Path) -> None:
    crash(model_file)
    (left,) = (tmp_path / "config").glob("autosave-*.json")
    shutil.copy(left, left.with_name("autosave-other.ballgan.json"))  # of a second window
    shutil.copy(left, left.with_name("last-20260101-000000.ballgan.json"))  # closed afterwards
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"})
        (notice,) = app.state.notices
        assert notice.level == "advice" and "Restore the last session" in notice.text
        app.expiry.clear()
        housekeep(app)
        assert app.expiry == {}  # it stays
        first, second = app.state.preferences.recent_sessions
        assert first != second and read_session(first) == read_session(second)
        assert app.state.last_session == first
        play(app, {"command": "session.restore"}, {"wait": "loaded"})
        assert app.state.view.foreground.is_blend
    assert kept_in(tmp_path / "config") == {"recovered": 2, "last": 2}


def test_the_window_closes_while_a_session_looks_for_its_model(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_slowly(path: Path, progress: Callable[[float], None] = lambda _: None) -> str:
        for _ in range(2000):
            time.sleep(0.01)
            progress(0.5)
        return ""

    path = tmp_path / "look.ballgan.json"
    write_session(path, Session((describe_file(model_file),)))
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"}, {"key": "Right"})
        monkeypatch.setattr("ballgan.model_files.hash_file", hash_slowly)
        app.dispatch(act.OpenSession(str(path)))
        time.sleep(0.1)
        start = time.monotonic()
    assert time.monotonic() - start < 4 and kept_in(tmp_path / "config") == {"last": 1}


def test_a_failing_autosave_is_told_once(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_is_full = True
    tries: list[str] = []

    def write(path: str, session: Session) -> None:
        tries.append(path)
        if disk_is_full:
            raise OSError(28, "No space left on device", path)

    monkeypatch.setattr("ballgan_viewer.session_tasks.write_session", write)
    monkeypatch.setattr("ballgan_viewer.keeper.INTERVAL", 0.1)
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"})
        told = []
        for full in (True, True, False, True, True):
            disk_is_full = full
            tries.clear()
            play(app, {"key": "Right"})
            if full:
                wait_until(app, lambda: len(tries) >= 2)  # again without a change
                wait_until(app, lambda: not app.keeper.busy)
            else:
                autosave(app)
            app.frame()
            told.append(len(errors(app)))
            app.dispatch(*(act.Dismiss(notice.number) for notice in app.state.notices))
        assert told == [1, 0, 0, 1, 0]


def test_an_autosave_stays_if_nothing_else_can_be_written(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, session: Session) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("ballgan_viewer.keeper.write_session", write)
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"}, {"key": "Right"})
        autosave(app)
    assert kept_in(tmp_path / "config") == {"autosave": 1}


def test_a_folder_without_autosave_is_told(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file is in the way")
    with open_app(model_file, remember=True) as app:
        assert any(text.startswith("There is no autosave: ") for text in errors(app))


def test_windows_leave_the_autosaves_of_others_alone(tmp_path: Path) -> None:
    ours, other = Autosave(tmp_path), Autosave(tmp_path)
    ours.path.write_text("{}")
    assert other.recover() == []
    ours.close(keep=True)
    (recovered,) = other.recover()
    assert recovered.read_text() == "{}" and other.find_last() == recovered
    assert other.recover() == []
    other.close()
    assert [path for path in tmp_path.iterdir() if path.is_file()] == [recovered]


def test_windows_that_start_together_share_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        path = tmp_path / f"autosave-{number}.ballgan.json"
        path.write_text("{}")
        os.utime(path, (1e9, 1e9 + number))
    ours, other, replace_file = Autosave(tmp_path), Autosave(tmp_path), os.replace
    found: list[Path] = []

    def be_slow(source: Path, target: Path) -> None:
        if source.name == "autosave-1.ballgan.json" and not found:
            found.append(source)  # before the other window does so, too
            found[:] = other.recover()
        replace_file(source, target)

    monkeypatch.setattr("ballgan_viewer.autosave.os.replace", be_slow)
    mine = ours.recover()
    assert (len(mine), len(found)) == (1, 2)
    assert {*mine, *found} == set(tmp_path.glob("recovered-*"))
    ours.close()
    other.close()


def test_a_window_that_is_closed_is_not_recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = Autosave(tmp_path), Autosave(tmp_path)
    ours.path.write_text("{}")
    lock = ours._lock
    assert lock is not None

    class Lock:
        def close(self) -> None:
            lock.close()
            assert other.recover() == []  # a window that starts just now

    monkeypatch.setattr(ours, "_lock", Lock())
    ours.close()
    other.close()
    assert list(tmp_path.glob("*.*")) == []


def test_a_few_of_the_sessions_that_windows_left_are_kept(tmp_path: Path) -> None:
    ours = Autosave(tmp_path)
    for number in range(KEPT + 2):
        path = tmp_path / f"autosave-{number}.ballgan.json"
        path.write_text(str(number))
        os.utime(path, (1e9, 1e9 + number // 2))
    (tmp_path / "mine.ballgan.json").write_text("mine")
    for _ in range(KEPT + 2):
        ours.name_last().write_text("last")
    recovered = ours.recover()
    assert len(set(recovered)) == KEPT + 2  # none took the place of another
    assert recovered[0].read_text() in ("8", "9")
    assert kept_in(tmp_path) == {"recovered": KEPT, "last": KEPT, "mine.ballgan.json": 1}
    ours.close()
