"""Where files go, and what dropped files are."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import paths
from ballgan_viewer.sniff import is_picture
from ballgan_viewer.state import ExportOptions, ViewerState, apply
from ballgan_viewer.words import printable
from PIL import Image
from viewer_states import with_model

import ballgan
from ballgan.latents import Direction, StyleMix
from ballgan.mesh_files import texture_paths
from ballgan.view import Code, interpolate


def find(typed: str, folder: Path, kind: str = "glb") -> Path:
    options = ExportOptions(format=kind, path=typed)
    return paths.unused(paths.find_mesh_path(options, f"tiny.{kind}", folder))


def test_typed_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "out").mkdir()
    assert find("", tmp_path) == tmp_path / "tiny.glb"
    assert find("head", tmp_path) == tmp_path / "head.glb"
    assert find("head.GLB", tmp_path) == tmp_path / "head.GLB"
    assert find("head.v2", tmp_path, "ply") == tmp_path / "head.v2.ply"
    assert find("~/head.glb", Path("/elsewhere")) == tmp_path / "head.glb"
    for folder in "out", "out/", "./out/.":
        assert find(folder, tmp_path) == tmp_path / "out" / "tiny.glb"
    assert find("~", Path("/elsewhere")) == tmp_path / "tiny.glb"
    assert find(".", tmp_path) == tmp_path / "tiny.glb"
    assert find("/", tmp_path) == Path("/tiny.glb")


def test_files_that_exist_are_never_the_path(tmp_path: Path) -> None:
    for name in "head.glb", "head-2.glb":
        (tmp_path / name).touch()
    (tmp_path / "head-3.glb").symlink_to("nowhere")
    assert find("head.glb", tmp_path).name == "head-4.glb"
    assert find(str(tmp_path / "head"), tmp_path).name == "head-4.glb"


def test_what_is_written_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def write(path: Path) -> str:
        (tmp_path / "a.png").write_text("theirs")
        path.write_text("ours")
        return "done"

    assert paths.write_unused(tmp_path / "a.png", write) == (tmp_path / "a-2.png", "done")
    assert (tmp_path / "a.png").read_text() == "theirs"
    assert (tmp_path / "a-2.png").read_text() == "ours"
    assert len(list(tmp_path.iterdir())) == 2


def test_files_that_go_together_have_one_number(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        for each in (path, *texture_paths(path)):
            each.write_text(path.stem)

    for name in "head.mtl", "head-2_texture.png":
        (tmp_path / name).write_text("theirs")
    path, _ = paths.write_unused(tmp_path / "head.obj", write, beside=texture_paths)
    assert path.name == "head-3.obj"
    assert all(each.read_text() == "head-3" for each in (path, *texture_paths(path)))
    assert len(list(tmp_path.iterdir())) == 5


def test_files_that_go_together_are_written_again_where_one_is_taken(tmp_path: Path) -> None:
    written: list[str] = []

    def write(path: Path) -> None:
        for each in (path, *texture_paths(path)):
            each.write_text(path.stem)
        if not written:
            (tmp_path / "head_texture.png").write_text("theirs")
        written.append(path.stem)

    path, _ = paths.write_unused(tmp_path / "head.obj", write, beside=texture_paths)
    assert written == ["head", "head-2"] and path.name == "head-2.obj"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        *("head-2.mtl", "head-2.obj", "head-2_texture.png", "head_texture.png")
    ]


@pytest.mark.parametrize("typed", ["/", ".", "..", "~", "~x", "~nosuchuser/x", "a" * 5000, "%s"])
def test_half_typed_text_is_left_as_it_is(typed: str) -> None:
    state = apply(with_model(), act.SetExportPath(typed))
    assert state.export.path == typed
    assert paths.describe_mesh_path(state) == typed
    find(typed, Path("/nowhere"))


@pytest.mark.parametrize("name", ["a" * 248, "\u00fc" * 130, "bad\udcff" * 60])
def test_names_fit_into_a_file_system(name: str, tmp_path: Path) -> None:
    state = with_model(name=name)
    for made in paths.mesh_name(state), f"{paths.picture_stem(state)}.png":
        assert "-seed0." in made
        assert len(os.fsencode(made)) < 230
        path = paths.unused(tmp_path / made)
        path.touch()
        assert paths.unused(path) != path


def test_the_folder_when_the_current_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Path:
        raise FileNotFoundError("deleted")

    assert paths.find_folder("/chosen") == Path("/chosen")
    monkeypatch.chdir(tmp_path)
    assert paths.find_folder("") == tmp_path
    monkeypatch.setattr(Path, "cwd", gone)
    assert paths.find_folder("") == Path.home()


def test_names_need_no_model() -> None:
    assert paths.mesh_name(ViewerState()) == "mesh-seed0.glb"
    state = with_model()
    assert paths.picture_stem(replace(state, view=replace(state.view, layer="raw"))).endswith("raw")


def test_content_decides_what_a_file_is(tiny_model: ballgan.Generator, tmp_path: Path) -> None:
    for name in "bare", "wrong.gif", "model.pkl":
        Image.new("RGB", (4, 4)).save(tmp_path / name, format="PNG")
    for kind in "JPEG", "WEBP", "GIF", "BMP", "TIFF":
        Image.new("RGB", (4, 4)).save(tmp_path / kind, format=kind)
    assert all(is_picture(str(path)) for path in tmp_path.iterdir())
    for name in "native.png", "tensors.safetensors":
        ballgan.save(tiny_model, tmp_path / name)
        assert not is_picture(str(tmp_path / name))
    os.rename(tmp_path / "tensors.safetensors", tmp_path / "tensors.png")
    assert not is_picture(str(tmp_path / "tensors.png"))


def test_the_suffix_decides_where_the_content_does_not(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.pkl").write_text("no model")
    os.mkfifo(tmp_path / "pipe")  # must not be waited for
    names = ("text.png", "text.pkl", "missing.JPG", "missing.pkl", "pipe", ".", "nul\0l")
    expected = [True, False, True, False, False, False, False]
    assert [is_picture(f"{tmp_path}/{name}") for name in names] == expected


def test_text_that_cannot_be_shown_is_marked() -> None:
    assert printable("bad\udcff.pkl") == "bad\ufffd.pkl"
    assert printable("gr\u00fc\u00df\U0001f600\n") == "gr\u00fc\u00df\U0001f600\n"


def test_codes_in_names_tell_blends_and_edits() -> None:
    assert paths.describe_code(Code().at_seed(203)) == "203"
    assert paths.describe_code(Code(0.25, 3.0)) == "0.25x3.00"
    blend = interpolate(Code(3.0), Code(8.0), 0.5)
    assert paths.describe_code(blend) == "3to8"
    assert paths.describe_code(blend.moved(Direction("pca"), 1.0)) == "3to8-edited"
    assert paths.describe_code(Code(mix=StyleMix(1, ()))) == "0"
    assert paths.describe_code(Code(mix=StyleMix(1, (2,)))) == "0-edited"
