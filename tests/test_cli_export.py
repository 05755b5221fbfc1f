"""`ballgan export` and `ballgan convert`, called in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from cli_runs import QUICK, assert_error, load_png

import ballgan
from ballgan.cli.main import main


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
        (("--cameras", "bad.json"), "bad.json: this is no camera that we know"),
        (("--cameras", "bad.json", "--yaw", "1"), "it does not go with --yaw"),
    ],
)
def test_wrong_files_of_cameras_are_usage_errors(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{}")
    assert main(["render", "model.pkl", *options]) == 2
    assert message in capsys.readouterr().err
