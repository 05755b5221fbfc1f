"""The command `ballgan-viewer` as a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ballgan_viewer.main import parse
from ballgan_viewer.script import STEPS, WAITS
from PIL import Image
from viewer_driver import require_gl

import ballgan


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["BALLGAN_CONFIG_DIR"] = str(folder / "config")
    return subprocess.run(
        [sys.executable, "-m", "ballgan_viewer", *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_without_a_display_it_says_what_to_do(tmp_path: Path) -> None:
    result = run(folder=tmp_path)
    assert result.returncode == 1
    assert "--offscreen" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_script_and_screenshot(tiny_model: ballgan.Generator, tmp_path: Path) -> None:
    require_gl()
    ballgan.save(tiny_model, tmp_path / "m.pkl")
    script = [{"wait": "converged"}, {"wait": 0.1}, {"key": "B"}, {"screenshot": "one.png"}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    options = ["--offscreen", "--size", "600x400", "--scale", "1.5"]
    result = run(
        "m.pkl", *options, "--script", "script.json", "--screenshot", "two.png", folder=tmp_path
    )
    assert (result.returncode, result.stderr) == (0, "")
    for name in "one.png", "two.png":
        with Image.open(tmp_path / name) as image:
            assert image.size == (900, 600)
    assert not (tmp_path / "config").exists()


def test_errors_are_one_line_and_status_one(tmp_path: Path) -> None:
    require_gl()
    (tmp_path / "bad.pkl").write_text("no model")
    result = run("bad.pkl", "--offscreen", "--screenshot", "x.png", folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("ballgan-viewer: ")
    assert "bad.pkl" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "x.png").exists()
    (tmp_path / "s.json").write_text('[{"clack": 1}]')
    result = run("bad.pkl", "--offscreen", "--script", "s.json", folder=tmp_path)
    assert result.returncode == 1
    assert "step 1 should have one of the keys drag, wheel" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--offscreen"],
        ["--size", "big"],
        ["--size", "0x10", "--offscreen", "--screenshot", "x"],
        ["--scale", "9"],
        ["--size", "99999x99999"],
        ["--size", "5000x100", "--scale", "2"],
    ],
)
def test_wrong_options_are_status_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("ballgan-viewer: error: ")
    assert len(complaint.strip().splitlines()) == 1


def test_a_window_that_is_too_large_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--size", "99999x99999"])
    assert "at most 8192 physical pixels a side; got 99999x99999" in capsys.readouterr().err
    assert parse(["--size", "4096x2160", "--scale", "2"]).size == (4096, 2160)


def test_an_error_in_a_frame_ends_a_script_with_status_one(tmp_path: Path) -> None:
    require_gl()
    (tmp_path / "s.json").write_text('[{"wait": "loaded"}]')
    code = (
        "import sys\n"
        "from ballgan_viewer import main, panels\n"
        "def broken(*_): raise RuntimeError('no\\ncamera')\n"
        "panels.DRAW = dict.fromkeys(panels.DRAW, broken)\n"
        "sys.exit(main.main(['--offscreen', '--script', 's.json']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (1, "ballgan-viewer: no camera\n")


def test_the_main_thread_needs_no_torch_to_show_the_window(tmp_path: Path) -> None:
    require_gl()
    code = (
        "import sys, ballgan_viewer.app, ballgan_viewer.script, ballgan_viewer.window\n"
        "print([m for m in ('torch', 'ballgan.scene') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_nothing_heavy_is_imported_before_the_window_is_shown(tmp_path: Path) -> None:
    require_gl()
    code = (
        "import sys\n"
        "from ballgan_viewer import main, window\n"
        "def loaded(*_):\n"
        "    return [m for m in ('torch', 'numpy', 'OpenGL', 'ballgan_viewer.app')"
        " if m in sys.modules]\n"
        "main.run = loaded\n"
        "print(main.view(main.parse(['--offscreen', '--screenshot', 'a.png'])))\n"
    )
    environment = {**os.environ, "BALLGAN_CONFIG_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "[]"


def test_the_help_names_all_steps_and_waits(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    assert all(f'"{name}"' in text for name in (*STEPS, *WAITS))
