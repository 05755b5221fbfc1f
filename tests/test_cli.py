"""The `ballgan` command, called in this process, and once as a program."""

import argparse
import copy
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

import ballgan
from ballgan.__main__ import build_parser, main
from ballgan.cli.interrupts import keep_interrupts
from ballgan.cli.latents import format_rows, parse_mix, parse_moves
from ballgan.cli.progress import ProgressBar
from ballgan.cli.render import prepare_render
from ballgan.cli.values import (
    format_signed,
    join_negative_values,
    number,
    parse_angles,
    parse_color,
    parse_depth_range,
    parse_level,
    parse_seeds,
    whole_number,
)
from ballgan.depth import shade_depth
from ballgan.mesh import MESH_SUFFIXES, RESOLUTION_RANGE

QUICK = ("--samples", "8", "--neural-resolution", "8")


@pytest.fixture(scope="module")
def model(tiny_model) -> ballgan.Generator:
    """The tiny model with a foreground that is opaque in some places and absent in others."""
    model = copy.deepcopy(tiny_model)
    scene = ballgan.Scene(model)
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    density = model.density(scene.planes(), points)
    head = model.field.density_head
    scale = 40 / density.std()
    head.weight *= scale
    head.bias += 10 - scale * (density.quantile(0.85) - head.bias) - head.bias
    return model


@pytest.fixture(scope="module")
def model_path(model, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.pkl"
    ballgan.save(model, path)
    return str(path)


@pytest.fixture(scope="module")
def plain_model_path(tiny_model_without_background, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "plain.pkl"
    ballgan.save(tiny_model_without_background, path)
    return str(path)


def assert_error(capsys, status: int, arguments: list, expected_status: int, text: str) -> None:
    """One line on stderr that holds the text, nothing on stdout."""
    captured = capsys.readouterr()
    assert status == expected_status, (arguments, captured.err)
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and captured.err.endswith("\n")
    assert captured.err.startswith("ballgan")
    assert text in captured.err


def load_png(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


# Values


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (3,)), ("0-3,7", (0, 1, 2, 3, 7)), ("7, 1 - 2", (7, 1, 2)), ("1,0-2,1", (1, 0, 2))],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_seeds, "3-1", "runs backwards"),
        (parse_seeds, "", "should be seeds such as 3 or 0-3,7"),
        (parse_seeds, "-3", "should be seeds"),
        (parse_seeds, "1.5", "should be seeds"),
        (parse_seeds, "0-4000000000", "more than 10000 seeds"),
        (parse_depth_range, "2.5", "should be two distances such as 2.25,3.3"),
        (parse_depth_range, "3,2", "should have the nearer distance first"),
        (parse_depth_range, "-1,2", '"-1" should be a number from 0'),
        (parse_angles, "0.4,", '"" should be a number'),
        (parse_angles, "left", '"left" should be a number'),
        (parse_angles, "nan", "a number from -100 to 100 radians"),
        (parse_angles, "0,1e300", '"1e300" should be a number from -100 to 100'),
        (number(0.5, 1), "0.4", "a number from 0.5 to 1$"),
        (parse_level, "automatic", "should be a number"),
        (parse_level, "1e300", "a number from"),
        (whole_number(16, 64), "8", "a whole number from 16 to 64"),
        (whole_number(16, 64), "16.0", "a whole number"),
    ],
)
def test_bad_values_are_explained(parse, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse(text)


def test_numbers_levels_and_colours():
    assert parse_angles("-0.4,0,-0.0,.4,1e-1") == (-0.4, 0, 0.4, 0.1)
    assert str(parse_angles("-0.0")[0]) == "0.0"
    assert parse_level("auto") == "auto" and parse_level("-3") == -3
    assert parse_color("#ff8000") == (1, 128 / 255, 0)
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        parse_color("#fff")


def test_negative_values_are_joined_to_their_option():
    given = ["render", "m.pkl", "--yaw", "-0.4,0", "--pitch", "-.2", "--seeds", "1", "--half", "-h"]
    expected = ["render", "m.pkl", "--yaw=-0.4,0", "--pitch=-.2", "--seeds", "1", "--half", "-h"]
    assert join_negative_values(given) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "+0.00"), (-0.4, "-0.40"), (1 / 8, "+0.125"), (0.401, "+0.401"), (10, "+10.00")],
)
def test_angles_in_names_have_the_digits_they_need(value, text):
    assert format_signed(value) == text


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_shows_after_a_second_and_wipes_itself_away(monkeypatch):
    clock = iter([0.0, 0.5, 1.5, 1.55, 3.0])
    monkeypatch.setattr("ballgan.cli.progress.time.monotonic", lambda: next(clock))
    stream = Terminal()
    with ProgressBar("work", stream) as bar:
        bar(0.1)
        assert stream.getvalue() == ""
        bar(0.25)
        assert "work [########......................]  25% 0:04 left" in stream.getvalue()
        length = len(stream.getvalue())
        bar(0.3)  # too soon after the last one
        assert len(stream.getvalue()) == length
        bar(0.5)
        assert "50% 0:03 left" in stream.getvalue()
    assert stream.getvalue().endswith(" \r")


def test_progress_is_silent_when_stderr_is_no_terminal(monkeypatch):
    monkeypatch.setattr("ballgan.cli.progress._DELAY", -1.0)
    stream = io.StringIO()
    with ProgressBar("work", stream) as bar:
        bar(0.5)
    assert stream.getvalue() == ""


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
from ballgan.__main__ import main
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


def send_interrupt_into_a_deaf_import() -> None:
    """Ctrl-C where every exception of an optional import is caught, as trimesh does."""
    with suppress(BaseException):
        signal.raise_signal(signal.SIGINT)


def test_interrupts_during_imports_are_not_lost():
    for wrong in (None, ImportError):
        with pytest.raises(KeyboardInterrupt), keep_interrupts():
            send_interrupt_into_a_deaf_import()
            if wrong is not None:
                raise wrong
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with keep_interrupts():
        pass


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
        "ballgan.__main__.importlib.import_module",
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


# Render


def test_render_writes_every_combination_and_a_sheet(model_path, tmp_path, capsys):
    output = tmp_path / "new" / "folder"
    arguments = ["render", model_path, "--seeds", "0-1", "--background-seeds", "1,4"]
    arguments += ["--yaw", "-0.4,0.25", "--pitch", "-0.1", "--output", str(output), *QUICK]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{output}: 8 pictures and contact_sheet.png\n"
    names = {
        f"seed000{seed}_bg000{background}_yaw{yaw}_pitch-0.10_neural8_samples8_full.png"
        for seed in (0, 1)
        for background in (1, 4)
        for yaw in ("-0.40", "+0.25")
    }
    assert {path.name for path in output.iterdir()} == names | {"contact_sheet.png"}
    pictures = [load_png(output / name) for name in sorted(names)]
    assert all(picture.shape == (64, 64, 3) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 8
    sheet = load_png(output / "contact_sheet.png")
    assert sheet.shape[0] > 4 * 64 and sheet.shape[1] > 2 * 64


def test_render_equals_the_scene(model_path, model, tmp_path):
    arguments = ["render", model_path, "--seeds", "3", "--background-seeds", "7", "--yaw", "0.3"]
    arguments += ["--size", "32", "--truncation", "0.5", "--truncation-cutoff", "2", "--fov", "20"]
    arguments += ["--radius", "2.6", "--sampler", "plain", "--output", str(tmp_path), *QUICK]
    assert main(arguments) == 0
    scene = ballgan.Scene(model)
    scene.latent = ballgan.Latent(3, 0.5, 2)
    scene.background = ballgan.LearntBackground(7, 0.5, 2)
    settings = ballgan.RenderSettings(32, 8, "plain", samples=8)
    camera = ballgan.Camera.orbit(0.3, radius=2.6, fov=np.radians(20))
    expected = np.rint(scene.render(camera, settings).rgb * 255)
    choices = "psi0.5_cut2_fov20_radius2.6_size32_neural8_samples8_plain"
    path = tmp_path / f"seed0003_bg0007_yaw+0.30_pitch+0.00_{choices}_full.png"
    np.testing.assert_allclose(load_png(path), expected, atol=1)
    with Image.open(path) as picture:
        facts = json.loads(picture.info["ballgan"])
    assert facts["model"] == "tiny.pkl" and facts["seed"] == 3 and facts["truncation"] == 0.5


def render_layer(model_path, folder, layer: str, *more: str) -> np.ndarray:
    arguments = ["render", model_path, "--layer", layer, "--output", str(folder), *QUICK, *more]
    assert main(arguments) == 0
    (path,) = folder.glob(f"*_{layer}.png")
    return load_png(path)


def test_layers_have_their_channels(model_path, tmp_path):
    scene = ballgan.Scene(ballgan.load(model_path, device="cpu"))
    settings = ballgan.RenderSettings(
        neural_resolution=8, samples=8, layer="foreground", matte="solved"
    )
    frame = scene.render(ballgan.Camera.orbit(), settings)
    alpha = np.rint(frame.alpha * 255)
    assert alpha.max() > 200 and alpha.min() < 50  # or the tests below would show nothing
    foreground = render_layer(model_path, tmp_path, "foreground")
    np.testing.assert_allclose(foreground, np.rint(frame.rgba() * 255), atol=1)
    matte = render_layer(model_path, tmp_path, "alpha")
    assert (matte[:, :, :3] == 255).all()
    np.testing.assert_allclose(matte[:, :, 3], alpha, atol=1)
    depth = render_layer(model_path, tmp_path, "depth")
    assert depth.shape == (64, 64, 3)
    assert (depth[alpha == 0] == 0).all()
    full = np.isfinite(frame.depth) & (frame.alpha > 0.999)
    expected = 255 * (3.3 - frame.depth[full]) / (3.3 - 2.25)
    np.testing.assert_allclose(depth[full][:, 0], expected.clip(0, 255), atol=2)
    folder = tmp_path / "viridis"
    more = ("--colormap", "viridis", "--depth-range", "2.5,2.75")
    colored = render_layer(model_path, folder, "depth", *more)
    assert (
        folder / "seed0000_bg0000_yaw+0.00_pitch+0.00_neural8_samples8_range2.5-2.75_viridis"
        "_depth.png"
    ).exists()
    np.testing.assert_allclose(colored[:, :, 3], alpha, atol=1)
    expected = 255 * shade_depth(frame.depth[full], 2.5, 2.75, "viridis")
    np.testing.assert_allclose(colored[full][:, :3], expected, atol=4)
    assert render_layer(model_path, tmp_path, "normals").shape == (64, 64, 4)
    assert render_layer(model_path, tmp_path, "raw").shape == (64, 64, 3)
    assert render_layer(model_path, tmp_path, "background").shape == (64, 64, 3)


def test_given_backgrounds_fill_what_is_transparent(model_path, tmp_path):
    transparent = render_layer(model_path, tmp_path / "none", "full", "--background", "none")
    assert transparent.shape == (64, 64, 4)
    alpha = transparent[:, :, 3:] / 255
    assert alpha.min() < 0.2 and alpha.max() > 0.8
    solid = render_layer(model_path, tmp_path / "solid", "full", "--background", "#ff8000")
    expected = alpha * transparent[:, :, :3] + (1 - alpha) * (255, 128, 0)
    np.testing.assert_allclose(solid, expected, atol=1.5)
    Image.new("RGB", (64, 32), (0, 0, 255)).save(tmp_path / "my room.png")
    photo = ("--background", str(tmp_path / "my room.png"))
    panorama = render_layer(model_path, tmp_path / "photo", "full", *photo)
    expected = alpha * transparent[:, :, :3] + (1 - alpha) * (0, 0, 255)
    np.testing.assert_allclose(panorama, expected, atol=1.5)
    (path,) = (tmp_path / "photo").glob("seed*")
    assert path.name.startswith("seed0000_bg-my-room_")


@pytest.mark.parametrize(
    ("stem", "token"),
    [
        ("写真", "bg-写真"),
        ("ma\u0308rz 1", "bg-m\u00e4rz-1"),
        ("a" * 230, f"bg-{'a' * 55}-{zlib.crc32(b'a' * 230):08x}"),
        ("漢" * 80, f"bg-{'漢' * 18}-{zlib.crc32(('漢' * 80).encode()):08x}"),
    ],
)
def test_photos_give_their_names_to_pictures(stem, token, model_path, tmp_path):
    photo = tmp_path / f"{stem}.webp"
    Image.new("RGB", (8, 4)).save(photo)
    arguments = ["render", model_path, "--background", str(photo), "--size", "16", *QUICK]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out").glob("seed*")
    assert path.name.startswith(f"seed0000_{token}_yaw")


def test_mixes_and_moves_are_read_and_named() -> None:
    assert parse_mix("9:0-2,7") == (9, (0, 1, 2, 7))
    moves = parse_moves("pca:2:4-5=-1,0,1.5")
    assert (moves.method, moves.index, moves.rows) == ("pca", 2, (4, 5))
    assert moves.amounts == (-1.0, 0.0, 1.5)
    assert parse_moves("sefa:0=3").rows is None
    assert format_rows((0, 1, 2, 5, 7, 8)) == "0-2.5.7-8"


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_mix, "9", "such as 9:0-5"),
        (parse_mix, "9:64", "from 0 to 63"),
        (parse_moves, "ica:0=1", "such as sefa:0"),
        (parse_moves, "sefa:0=x", "should be a number"),
    ],
)
def test_bad_mixes_and_moves_are_explained(parse, text, message) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse(text)


def test_moves_and_mixes_make_the_pictures_of_their_latents(model_path, model, tmp_path) -> None:
    edits = ["--mix", "9:0-1", "--move", "sefa:0=-2,2", "--background-move", "pca:1:0=-1"]
    command = ["render", model_path, *QUICK, *edits, "--layer", "raw", "--output", str(tmp_path)]
    assert main(command) == 0
    names = sorted(path.name for path in tmp_path.glob("seed*.png"))
    behind = "bg0000_bg-pca1r0-1.00_yaw+0.00_pitch+0.00"
    assert names == [
        f"seed0000_mix9r0-1_sefa0{amount}_{behind}_neural8_samples8_raw.png"
        for amount in ("+2.00", "-2.00")
    ]
    scene = ballgan.Scene(model)
    mix, moves = ballgan.StyleMix(9, (0, 1)), ((ballgan.Direction("sefa", 0), 2.0),)
    scene.latent = ballgan.Latent(mix=mix, moves=moves)
    move = (ballgan.Direction("pca", 1, (0,)), -1.0)
    scene.background = ballgan.LearntBackground(moves=(move,))
    settings = ballgan.RenderSettings(neural_resolution=8, samples=8, layer="raw")
    expected = scene.render(ballgan.Camera.orbit(), settings).rgb
    written = np.asarray(Image.open(tmp_path / names[0])) / 255
    assert np.abs(written - expected).max() < 1 / 255


def test_exports_take_one_amount(model_path, tmp_path, capsys) -> None:
    output = str(tmp_path / "a.ply")
    assert main(["export", model_path, "--move", "sefa:0=1,2", "--output", output]) == 2
    assert "one amount" in capsys.readouterr().err


def test_default_pictures_have_short_names_and_other_options_other_ones(model_path):
    def names(*options: str) -> list[str]:
        args = build_parser().parse_args(["render", model_path, *options])
        job = prepare_render(args).__self__  # type: ignore[attr-defined]
        return [job._name_file(shot) for shot in job.shots]

    assert names("--truncation", "0.7") == ["seed0000_bg0000_yaw+0.00_pitch+0.00_full.png"]
    options = ["--truncation=-.5", "--truncation-cutoff=0", "--fov=12.5", "--radius=2.7"]
    options += ["--size=64", "--neural-resolution=64", "--samples=64", "--sampler=plain"]
    seen = {names(option)[0] for option in options}
    assert len(seen) == len(options) and names()[0] not in seen
    longest = names(*options, "--yaw=-99.12345678", "--layer=foreground")[0]
    assert len(longest) + 3 + 64 <= 255


def test_model_without_background_renders_but_has_no_background_seeds(
    plain_model_path, tmp_path, capsys
):
    assert render_layer(plain_model_path, tmp_path, "full").shape == (64, 64, 3)
    capsys.readouterr()
    arguments = ["render", plain_model_path, "--background-seeds", "1"]
    assert_error(capsys, main(arguments), arguments, 1, "has no background network")


def test_camera_outside_the_sphere_is_status_1(model_path, tmp_path, capsys):
    arguments = ["render", model_path, "--radius", "9", "--output", str(tmp_path / "out"), *QUICK]
    assert_error(capsys, main(arguments), arguments, 1, "radius")


# Export and convert


def test_export_writes_a_mesh_that_reads_back(model_path, tmp_path, capsys):
    path = tmp_path / "new" / "mesh.ply"
    arguments = ["export", model_path, "--resolution", "24", "--output", str(path)]
    assert main(arguments) == 0
    mesh = trimesh.load_mesh(path)
    assert mesh.is_watertight and mesh.volume > 0
    assert mesh.visual is not None and mesh.visual.kind == "vertex"
    expected = f"{path}: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces, level 10\n"
    assert capsys.readouterr().out == expected
    assert main([*arguments, "--simplify", "100"]) == 0
    assert len(trimesh.load_mesh(path).faces) <= 100
    assert main([*arguments, "--all-components"]) == 0
    assert len(trimesh.load_mesh(path).faces) >= len(mesh.faces)


def test_export_writes_a_texture_and_a_background(model_path, tmp_path, capsys):
    arguments = ["export", model_path, "--resolution", "24", "--simplify", "300"]
    glb = [*arguments, "--texture", "64", "--background", "learnt", "--background-seed", "2"]
    assert main([*glb, "--output", str(tmp_path / "both.glb")]) == 0
    scene = trimesh.load(tmp_path / "both.glb")
    assert isinstance(scene, trimesh.Scene)
    assert set(scene.geometry) == {"foreground", "background"}
    assert scene.geometry["foreground"].visual.material.baseColorTexture.size == (64, 64)
    assert main([*arguments, "--texture", "64", "--output", str(tmp_path / "a.obj")]) == 0
    names = {"both.glb", "a.obj", "a.mtl", "a_texture.png"}
    assert {entry.name for entry in tmp_path.iterdir()} == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--texture", "--output", "x.ply"], "a mesh with a texture should go to a .obj or .glb"),
        (["--background", "learnt", "--output", "x.obj"], "background should go to a .glb file"),
        (["--background-seed", "1", "--output", "x.glb"], "needs --background learnt"),
        (["--background", "nowhere.jpg", "--output", "x.glb"], 'no file "nowhere.jpg"'),
        (["--texture", "10", "--output", "x.glb"], "64 to 8192"),
    ],
)
def test_export_options_that_cannot_work_are_refused(options, message, capsys):
    arguments = ["export", "model.pkl", *options]
    assert_error(capsys, main(arguments), arguments, 2, message)


def test_export_without_a_surface_writes_nothing(model_path, tmp_path, capsys):
    arguments = ["export", model_path, "--resolution", "16", "--level", "1e6"]
    arguments += ["--output", str(tmp_path / "x.glb")]
    assert_error(capsys, main(arguments), arguments, 1, "no surface at level 1e+06")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["copy.pkl", "copy.PTH", "copy.safetensors"])
@pytest.mark.parametrize("half", [False, True])
def test_convert_keeps_the_model(name, half, model_path, model, tmp_path, capsys):
    path = tmp_path / "new" / name
    assert main(["convert", model_path, str(path), *(["--half"] if half else [])]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: ")
    copy = ballgan.load(path, device="cpu")
    assert copy.config == model.config
    state = model.state_dict()
    for key, tensor in copy.state_dict().items():
        tolerance = {"rtol": 1e-3, "atol": 1e-6} if half else {"rtol": 0, "atol": 0}
        torch.testing.assert_close(tensor, state[key], **tolerance)


def test_cameras_of_pictures_are_written_and_looked_through_again(model_path, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    command = ["render", model_path, "--yaw", "-0.3,0.3", "--pitch", "0.1", *QUICK]
    assert main([*command, "--write-cameras", "opengl", "--output", str(first)]) == 0
    content = json.loads((first / "transforms.json").read_text())
    names = [frame["file_path"] for frame in content["frames"]]
    assert all((first / name).exists() for name in names) and len(names) == 2
    assert content["w"] == 64
    cameras = ["--cameras", str(first / "transforms.json"), "--write-cameras", "opencv"]
    assert main(["render", model_path, *cameras, *QUICK, "--output", str(second)]) == 0
    for index, name in enumerate(names):
        (path,) = second.glob(f"*_cam{index:04d}_*.png")
        np.testing.assert_allclose(
            load_png(path).astype(int), load_png(first / name).astype(int), atol=1
        )
    assert len(json.loads((second / "cameras.json").read_text())["cameras"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cameras", "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (("--cameras", "bad.json"), "bad.json is no camera that we know"),
        (("--cameras", "bad.json", "--yaw", "1"), "it does not go with --yaw"),
    ],
)
def test_wrong_files_of_cameras_are_usage_errors(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{}")
    assert main(["render", "model.pkl", *options]) == 2
    assert message in capsys.readouterr().err
