"""The `ballgan` command, called in this process, and once as a program: usage and failures."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from cli_runs import QUICK, assert_error

import ballgan
from ballgan.cli.interrupts import end_as_by_interrupt, keep_interrupts
from ballgan.cli.main import build_parser, main
from ballgan.cli.progress import ProgressBar
from ballgan.mesh import MESH_SUFFIXES, RESOLUTION_RANGE

# Usage


def test_help_of_the_program_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "ballgan", "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert result.stderr == ""
    for command in ("info", "render", "export", "convert"):
        assert f"\n    {command} " in result.stdout


def test_help_needs_neither_torch_nor_numpy():
    """So that it is quick; the package's own __init__ is left out of the question."""
    folder = str(Path(ballgan.__file__).parent)
    program = f"""
import sys, types
package = types.ModuleType("ballgan")
package.__path__ = [{folder!r}]
sys.modules["ballgan"] = package
from ballgan.cli.main import main
assert main(["render", "--help"]) == 0
assert not {{"torch", "numpy"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def iterate_options():
    (subparsers,) = build_parser()._subparsers._group_actions  # type: ignore[union-attr]
    commands: dict[str, argparse.ArgumentParser] = subparsers.choices  # type: ignore[assignment]
    for name, command in commands.items():
        for action in command._actions:
            yield pytest.param(
                action, id=f"{name} {'/'.join(action.option_strings) or action.dest}"
            )


@pytest.mark.parametrize("action", list(iterate_options()))
def test_every_option_is_documented_with_its_default(action):
    assert action.help
    takes_value = action.option_strings and action.nargs != 0
    assert not takes_value or action.required or "(default: " in action.help


def test_help_tells_the_limits_that_hold(capsys):
    assert main(["export", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for suffix in MESH_SUFFIXES:
        assert suffix in text
    assert "{} to {}".format(*RESOLUTION_RANGE) in text


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ballgan ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["render", "m.pkl", "--seds", "3"], "arguments: --seds 3; perhaps --seeds (see ballgan r"),
        (["render"], "name a model file, or what to render with --session FILE"),
        (["render", "m.pkl", "--seeds", "3-1"], '--seeds: the range "3-1" runs backwards'),
        (["render", "m.pkl", "--yaw", "x"], '--yaw: "x" should be a number'),
        (["render", "m.pkl", "--size", "0"], "whole number from 16 to 8192"),
        (["render", "m.pkl", "--layer", "mask"], "invalid choice: 'mask'"),
        (["render", "m.pkl", "--fov", "200"], '"200" should be a number from 0.1 to 179 degrees'),
        (["render", "m.pkl", "--radius", "-1"], "a number from 0.001 to 1000 world units"),
        (["render", "m.pkl", "--radius", "1e300"], "a number from 0.001 to 1000 world units"),
        (["render", "m.pkl", "--truncation", "1e300"], "a number from -5 to 5"),
        (["export", "m.pkl", "--output", "x.obj", "--truncation", "inf"], "a number from -5 to 5"),
        (["render", "m.pkl", "--device", "foo"], "device should be"),
        (["export", "m.pkl", "--output", "x.obj", "--device", "foo"], "device should be"),
        (["render", "m.pkl", "--pitch", "3"], "pitch should be within"),
        (["render", "m.pkl", "--seeds", "5000000000"], "A seed is a whole number in 0 ..."),
        (["render", "m.pkl", "--background", "#12"], "six hexadecimal digits"),
        (["render", "m.pkl", "--background", "learned"], 'there is no file "learned"'),
        (
            ["render", "m.pkl", "--background", "none", "--background-seeds", "1"],
            "--background-seeds needs --background learnt",
        ),
        (
            ["render", "m.pkl", "--background", "none", "--layer", "background"],
            "--layer background needs a --background other than none",
        ),
        (["export", "m.pkl"], "required: --output"),
        (["export", "m.pkl", "--output", "x.fbx"], ".obj, .ply, .glb, .stl"),
        (["export", "m.pkl", "--output", "x.obj", "--resolution", "2"], "from 16 to 1024"),
        (["export", "m.pkl", "--output", "x.obj", "--level", "high"], "should be a number"),
        (["export", "m.pkl", "--output", "x.obj", "--simplify", "3"], "from 4 to"),
        (["convert", "m.pkl"], "required: OUT"),
        (["convert", "m.pkl", "x.obj"], 'one of .pkl, .pt, .pth, .safetensors; got "x.obj"'),
        (["convert", "m.pkl", "copy"], "should end in one of .pkl, .pt, .pth, .safetensors; got"),
    ],
)
def test_wrong_usage_is_status_2_before_the_model_is_read(arguments, text, capsys, monkeypatch):
    monkeypatch.setattr(ballgan, "load", lambda *args, **options: pytest.fail("model was read"))
    assert_error(capsys, main(arguments), arguments, 2, text)


def test_paths_of_the_wrong_kind_are_status_2(model_path, tmp_path, capsys):
    (tmp_path / "x.obj").mkdir()
    for arguments in (
        ["render", model_path, "--output", model_path],
        ["export", model_path, "--output", str(tmp_path / "x.obj")],
        ["convert", model_path, str(tmp_path)],
    ):
        assert_error(capsys, main(arguments), arguments, 2, "is needed")


def test_broken_background_file_is_refused_before_the_model_is_read(tmp_path, capsys):
    path = tmp_path / "room.jpg"
    path.write_bytes(b"<html>")
    arguments = ["render", "m.pkl", "--background", str(path)]
    assert_error(capsys, main(arguments), arguments, 2, "room.jpg is not an image")


# Failures


@pytest.mark.parametrize("command", ["info", "render", "export", "convert"])
def test_missing_model_is_status_1(command, tmp_path, capsys):
    arguments = [command, str(tmp_path / "none.pkl")]
    if command == "convert":
        arguments.append(str(tmp_path / "out.pkl"))
    elif command != "info":
        arguments += ["--output", str(tmp_path / "out" / "x.obj")]
    assert_error(capsys, main(arguments), arguments, 1, "none.pkl")
    assert not list(tmp_path.iterdir())


def test_errors_have_a_traceback_only_with_debug(tmp_path, capsys):
    assert main(["info", str(tmp_path)]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main(["info", str(tmp_path), "--debug"]) == 1
    text = capsys.readouterr().err
    assert "Traceback" in text and text.splitlines()[-1].startswith("ballgan info: error: ")


def test_unexpected_errors_are_one_line_with_their_type(model_path, capsys, monkeypatch):
    def fail(*args, **options):
        raise KeyError("planes")

    monkeypatch.setattr(ballgan, "load", fail)
    assert_error(capsys, main(["info", model_path]), [], 1, "KeyError: 'planes'")


@pytest.mark.parametrize("command", ["render", "export", "convert"])
def test_places_that_cannot_be_written_are_refused_before_the_model_is_read(
    command, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(ballgan, "load", lambda *args, **options: pytest.fail("model was read"))
    (tmp_path / "file").write_bytes(b"")
    suffix = {"render": "", "export": "x.obj", "convert": "x.pkl"}[command]
    output = str(tmp_path / "file" / "new" / suffix)
    arguments = [command, "m.pkl", *(["--output"] if command != "convert" else []), output]
    status = main(arguments)
    error = capsys.readouterr().err
    assert status == 1 and output in error and "cannot write: Not a directory" in error
    assert ".tmp" not in error.replace(str(tmp_path), "")


def send_interrupt_into_a_deaf_import(number: int = signal.SIGINT) -> None:
    """Ctrl-C where every exception of an optional import is caught, as trimesh does."""
    with suppress(BaseException):
        signal.raise_signal(number)


def test_interrupts_during_imports_are_not_lost():
    for wrong in (None, ImportError):
        with pytest.raises(KeyboardInterrupt), keep_interrupts():
            send_interrupt_into_a_deaf_import()
            if wrong is not None:
                raise wrong
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with keep_interrupts():
        pass


def test_a_terminated_command_ends_where_ctrl_c_is_ignored():
    """As in a script's background."""
    before = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        end_as_by_interrupt()
        with pytest.raises(KeyboardInterrupt), keep_interrupts():
            send_interrupt_into_a_deaf_import(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)


def test_a_swallowed_interrupt_is_raised_by_the_next_progress():
    steps = []
    with pytest.raises(KeyboardInterrupt), ProgressBar("work") as progress:
        for step in range(5):
            progress(step / 5)
            steps.append(step)
            if step == 1:
                send_interrupt_into_a_deaf_import()
    assert steps == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupts_elsewhere_are_left_alone():
    caught, errors = [], []

    def work() -> None:
        try:
            with keep_interrupts():
                caught.append(signal.getsignal(signal.SIGINT))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert caught == [signal.default_int_handler] and not errors
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with keep_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            send_interrupt_into_a_deaf_import()
    finally:
        signal.signal(signal.SIGINT, previous)


def test_interrupt_while_the_command_is_imported_is_status_130(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "ballgan.cli.main.importlib.import_module",
        lambda *args: send_interrupt_into_a_deaf_import(),
    )
    arguments = ["export", "m.pkl", "--output", str(tmp_path / "x.obj")]
    assert_error(capsys, main(arguments), arguments, 130, "interrupted")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [["info", "MODEL"], ["info", "MODEL", "--json"], ["--help"]])
def test_reader_that_leaves_is_no_error(arguments, model_path):
    reader, writer = os.pipe()
    os.close(reader)
    given = [model_path if argument == "MODEL" else argument for argument in arguments]
    with os.fdopen(writer, "wb") as stdout:
        result = subprocess.run(
            [sys.executable, "-m", "ballgan", *given],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_behind_stdout_is_one_line(model_path):
    with open("/dev/full", "wb") as stdout:
        result = subprocess.run(
            [sys.executable, "-m", "ballgan", "info", model_path],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "No space left" in result.stderr


def test_interrupt_is_status_130_and_leaves_finished_files_only(
    model_path, tmp_path, capsys, monkeypatch
):
    render, calls = ballgan.Scene.render_bands, []

    def interrupt(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return render(*args, **options)

    monkeypatch.setattr(ballgan.Scene, "render_bands", interrupt)
    arguments = ["render", model_path, "--yaw", "0,1", *QUICK, "--output", str(tmp_path)]
    assert_error(capsys, main(arguments), arguments, 130, "interrupted")
    assert [path.name for path in tmp_path.iterdir()] == [
        "seed0000_bg0000_yaw+0.00_pitch+0.00_neural8_samples8_full.png"
    ]


# Info


def test_info_describes_the_model(model_path, plain_model_path, capsys):
    assert main(["info", model_path]) == 0
    text = capsys.readouterr().out
    for part in ("native", "BallGAN", "64 x 64", "sphere of radius 3", "16 -> 64", "13.38 degrees"):
        assert part in text
    assert re.search(r"rows of ws +6, background 3\n", text)
    assert main(["info", plain_model_path]) == 0
    assert "EG3D (tri-plane foreground, no background network)" in capsys.readouterr().out


def test_info_json_holds_the_config_and_all_parameters(model_path, model, capsys):
    assert main(["info", model_path, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert ballgan.ModelConfig.from_dict(facts["config"]) == model.config
    count = sum(parameter.numel() for parameter in model.parameters())
    assert facts["parameters"]["total"] == count
    assert facts["image_resolution"] == 64 and facts["file_format"] == "native"
