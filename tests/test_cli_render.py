"""`ballgan render`, called in this process."""

import argparse
import json
import zlib

import numpy as np
import pytest
from cli_runs import QUICK, assert_error, load_png
from PIL import Image

import ballgan
from ballgan.cli.latents import format_rows, parse_mix, parse_moves
from ballgan.cli.main import build_parser, main
from ballgan.cli.render import prepare_render
from ballgan.depth import shade_depth


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
    np.testing.assert_allclose(matte, np.repeat(alpha[..., None], 3, axis=2), atol=1)
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
    expected = 255 * shade_depth(frame.depth[full], 2.5, 2.75, "viridis")
    np.testing.assert_allclose(colored[full], expected, atol=4)
    far = 255 * shade_depth(np.array(np.inf), 2.5, 2.75, "viridis")
    np.testing.assert_allclose(colored[alpha == 0] - far, 0, atol=1)
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
