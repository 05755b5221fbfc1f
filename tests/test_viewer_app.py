"""The real program offscreen, driven by the input that a person gives."""

import gc
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import trimesh
from ballgan_viewer import actions as act
from ballgan_viewer.panels.pad import SPACING
from ballgan_viewer.script import WAITS
from ballgan_viewer.tempo import SETTLING_FRAMES, SETTLING_PAUSE, Tempo
from PIL import Image
from viewer_driver import CENTRE, SIZE, notices, open_app, play, settle, stage_pixels

import ballgan


def test_the_window_shows_the_finished_picture(app: Any) -> None:
    rgba = settle(app)
    assert rgba.shape == (64, 64, 4)
    assert (rgba[..., 3] == 1).all()
    app.frame()
    shown = stage_pixels(app).astype(float) / 255
    side = shown.shape[0]
    centres = ((np.arange(64) + 0.5) * side / 64).astype(int)
    difference = np.abs(shown[centres][:, centres] - rgba[..., :3])
    assert difference.mean() < 0.01
    assert notices(app) == []


def test_orbiting_changes_the_picture_and_reset_brings_it_back(app: Any) -> None:
    before = settle(app)
    camera = app.state.view.camera
    play(app, {"drag": {"from": CENTRE, "to": [350, 300]}})
    assert app.state.view.camera.yaw < -0.3
    assert app.state.view.camera.pitch > 0.05
    assert np.abs(settle(app) - before).mean() > 0.01
    play(app, {"key": "R"})
    assert app.state.view.camera == camera
    assert np.abs(settle(app) - before).max() < 1e-5


def test_pan_and_zoom_stay_inside_the_sphere(app: Any) -> None:
    settle(app)
    home = app.state.view.camera
    play(app, {"drag": {"from": CENTRE, "to": [330, 280], "button": "right"}})
    panned = app.state.view.camera
    assert panned.pivot[0] < home.pivot[0]
    play(app, {"drag": {"from": CENTRE, "to": [210, 280], "mods": ["shift"]}})
    assert app.state.view.camera.pivot == pytest.approx(home.pivot, abs=1e-6)
    play(app, {"wheel": -100, "at": CENTRE}, {"key": "B"}, {"key": "B"})
    camera = app.state.view.camera
    assert home.radius < camera.radius <= app.state.model.camera_limit
    settle(app)
    assert notices(app) == []


def test_b_removes_the_background_and_keeps_the_foreground(app: Any) -> None:
    before = settle(app)
    play(app, {"key": "B"})
    after = settle(app)
    alpha = after[..., 3]
    assert alpha.min() < 0.05
    assert alpha.max() > 0.95
    solid = alpha > 0.999
    assert solid.sum() > 50
    assert np.abs(after - before)[solid].mean() < 0.02
    play(app, {"key": "B"})
    assert np.abs(settle(app) - before).max() < 1e-5


def test_another_background_seed_leaves_the_foreground(app: Any) -> None:
    before = settle(app)
    play(app, {"click": "background.next"}, {"key": "Right", "mods": ["shift"]})
    assert app.state.view.backdrop.code.seed == 2
    assert app.state.view.foreground.seed == 0
    after = settle(app)
    alpha = app.easel.picture.rgba[..., 3]
    assert (alpha == 1).all()
    play(app, {"click": "layer.alpha"})
    alpha = settle(app)[..., 0]
    difference = np.abs(after - before).max(axis=2)
    assert difference[alpha > 0.999].max() < 0.02
    assert difference[alpha < 0.1].mean() > 0.02


def test_foreground_seed_by_typing_dragging_and_keys(app: Any) -> None:
    before = settle(app)
    play(app, {"set": ["foreground.seed", 41]}, {"key": "Right"})
    assert app.state.view.foreground.seed == 42
    assert np.abs(settle(app) - before).mean() > 0.005
    play(app, {"drag": {"widget": "foreground.pad", "by": [-SPACING / 2, 0]}})
    assert app.state.view.foreground.x == pytest.approx(42.5, abs=0.03)  # whole pixels
    settle(app)
    play(app, {"drag": {"widget": "foreground.truncation", "by": [-300, 0], "steps": 3}})
    assert app.state.view.foreground.truncation_psi == 0
    settle(app)
    assert notices(app) == []


def test_a_dropped_image_is_put_behind(app: Any, tmp_path: Path) -> None:
    before = settle(app)
    Image.new("RGB", (64, 32), (255, 0, 255)).save(tmp_path / "pink.png")
    play(app, {"drop": str(tmp_path / "pink.png")}, {"wait": "loaded"})
    after = settle(app)
    assert app.state.view.backdrop.kind == "photo"
    pink = np.abs(after[..., :3] - (1, 0, 1)).max(axis=2) < 0.02
    assert pink.sum() > 200
    assert np.abs(after - before)[~pink].mean() < 0.5
    play(app, {"set": ["background.exposure", -2]})
    darker = settle(app)
    assert darker[..., 0][pink].mean() == pytest.approx(0.54, abs=0.03)


def test_dropped_garbage_gives_errors_and_keeps_the_scene(app: Any, tmp_path: Path) -> None:
    before, view = settle(app), app.state.view
    for name, content in {"bad.png": b"not a picture", "bad.pkl": b"<html>not a model"}.items():
        (tmp_path / name).write_bytes(content)
        play(app, {"drop": str(tmp_path / name)}, {"wait": "loaded"})
    play(app, {"drop": str(tmp_path / "missing.pkl")}, {"wait": "loaded"})
    assert [level for level, _ in notices(app)] == ["error", "error"]
    assert "bad.png" in notices(app)[0][1]
    assert "missing.pkl" in notices(app)[1][1]
    assert app.state.view == view
    assert np.array_equal(settle(app), before)
    play(app, {"drag": {"from": CENTRE, "to": [300, 280]}})
    assert np.abs(settle(app) - before).mean() > 0.001
    number = app.state.notices[0].number
    play(app, {"click": f"dismiss.{number}"})
    assert len(notices(app)) == 1


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_export_writes_a_mesh_that_reads_again(app: Any, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"head.{suffix}"
    play(
        app,
        {"wait": "loaded"},
        {"click": f"export.format.{suffix}"},
        {"click": "export.resolution.128"},
        {"set": ["export.path", str(path)]},
        {"click": "export"},
        {"wait": "exported", "timeout": 60},
    )
    mesh = trimesh.load(path, force="mesh")
    assert len(mesh.faces) > 1000
    assert np.abs(mesh.bounds).max() <= 0.51
    assert "Wrote" in notices(app)[-1][1]


def test_export_writes_a_texture(app: Any, tmp_path: Path) -> None:
    path = tmp_path / "head.obj"
    play(
        app,
        {"wait": "loaded"},
        {"click": "export.format.obj"},
        {"click": "export.texture"},
        {"click": "export.resolution.128"},
        {"set": ["export.path", str(path)]},
        {"click": "export"},
        {"wait": "exported", "timeout": 120},
    )
    names = {"head.obj", "head.mtl", "head_texture.png"}
    assert {entry.name for entry in tmp_path.iterdir() if entry.name.startswith("head")} == names
    assert trimesh.load(path, force="mesh").visual.kind == "texture"


def test_an_export_that_fails_or_is_cancelled_leaves_no_file(app: Any, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "head.glb"
    play(app, {"wait": "loaded"}, {"click": "export.resolution.128"})
    play(app, {"set": ["export.path", str(path)]}, {"click": "export"}, {"wait": "idle"})
    assert notices(app)[-1][0] == "error"
    assert f"there is no folder {path.parent}" in notices(app)[-1][1]
    path = tmp_path / "head.glb"
    play(app, {"click": "export.resolution.512"}, {"set": ["export.path", str(path)]})
    play(app, {"click": "export"})
    with pytest.raises(ValueError, match=r"'export\.format\.ply' cannot be used now"):
        play(app, {"click": "export.format.ply"})
    play(app, {"click": "export.cancel"}, {"wait": "idle"})
    assert notices(app)[-1] == ("info", "Exporting 512\u00b3 mesh: cancelled.")
    assert not path.exists()
    assert settle(app) is not None


def test_surface_layer_and_its_level(app: Any) -> None:
    settle(app)
    play(app, {"click": "layer.surface"}, {"wait": "converged"})
    assert app.easel.surface.final
    automatic = app.easel.surface.mesh
    app.frame()
    clay = stage_pixels(app)
    assert len(np.unique(clay.reshape(-1, 3), axis=0)) > 50
    play(app, {"click": "export.automatic"})
    low, high = automatic.density_range
    level = automatic.level + 0.3 * (high - automatic.level)
    play(app, {"set": ["export.level", f"{level:.2f}"]}, {"wait": "converged"})
    assert app.easel.surface.mesh.level == pytest.approx(level, abs=0.01)
    inner = trimesh.Trimesh(app.easel.surface.mesh.points, app.easel.surface.mesh.faces)
    outer = trimesh.Trimesh(automatic.points, automatic.faces)
    assert 0 < inner.volume < outer.volume
    play(app, {"drag": {"from": CENTRE, "to": [340, 280]}})
    assert not np.array_equal(stage_pixels(app), clay)


@pytest.mark.parametrize("layer", ["foreground", "background", "raw", "normals", "depth", "alpha"])
def test_layers(app: Any, layer: str) -> None:
    full = settle(app)
    play(app, {"click": f"layer.{layer}"})
    rgba = settle(app)
    assert rgba.shape == (64, 64, 4)
    assert np.isfinite(rgba).all()
    assert np.abs(rgba - full).mean() > 1e-3
    opaque = layer in ("background", "raw", "depth", "alpha")
    assert ((rgba[..., 3] == 1).all()) == opaque
    assert notices(app) == []


def test_picture_with_alpha_is_saved(app: Any, tmp_path: Path) -> None:
    play(app, {"wait": "loaded"}, {"key": "B"}, {"wait": "converged"}, {"key": "S"})
    play(app, {"wait": "saved"})
    (path,) = tmp_path.glob("tiny-seed0*.png")
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        assert image.size == (64, 64)
        assert image.info["Background"] == "transparent"
        pixels = np.asarray(image, float) / 255
    assert np.abs(pixels - settle(app)).max() < 0.01
    assert notices(app) == [("info", f"Saved {path}")]


def test_a_picture_that_is_not_finished_is_saved_as_it_was_at_the_click(
    app: Any, tmp_path: Path
) -> None:
    play(app, {"wait": "loaded"}, {"key": "B"}, {"wait": "converged"})
    finished = settle(app)
    play(app, {"drag": {"from": [300, 300], "to": [330, 310]}}, {"key": "]"})
    expected_camera = app.state.view.camera
    assert expected_camera.roll
    play(app, {"key": "S"}, {"drag": {"from": [300, 300], "to": [280, 300]}})
    play(app, {"wait": "saved"})
    (path,) = tmp_path.glob("tiny-seed0*.png")
    with Image.open(path) as image:
        assert f"yaw {expected_camera.yaw:.4f}" in image.info["Camera"]
        assert f"roll {expected_camera.roll:.4f}" in image.info["Camera"]
        pixels = np.asarray(image, float) / 255
    play(app, {"key": "Z", "mods": ["control"]})
    assert app.state.view.camera == expected_camera
    assert np.abs(pixels - settle(app)).max() < 0.01
    assert np.abs(pixels - finished).mean() > 1e-3


def test_resizing_keeps_the_picture_square(app: Any, tmp_path: Path) -> None:
    settle(app)
    for size in [700, 900], [1, 1], [40, 30], [1000, 420]:
        play(app, {"size": size}, {"screenshot": str(tmp_path / "window.png")})
        with Image.open(tmp_path / "window.png") as image:
            assert list(image.size) == size
    shown = stage_pixels(app)
    assert shown.shape[0] == shown.shape[1] == 390
    assert notices(app) == []


def test_another_model_replaces_the_first(app: Any, other_file: Path) -> None:
    before = settle(app)
    play(app, {"set": ["foreground.seed", 5]}, {"drop": str(other_file)}, {"wait": "idle"})
    assert app.state.model.name == "other"
    assert not app.state.model.has_background
    assert app.state.view.foreground.seed == 5
    assert np.abs(settle(app) - before).mean() > 0.001
    assert notices(app) == []


def test_scale_of_the_screen(model_file: Path) -> None:
    with open_app(model_file, size=(640, 400), scale=2.0) as app:
        settle(app)
        assert app.window.framebuffer_size == (1280, 800)
        assert app.grab().shape == (800, 1280, 3)
        play(app, {"drag": {"from": [100, 100], "to": [120, 100]}})
        assert app.state.view.camera.yaw != 0
        play(app, {"size": [800, 500]})  # larger than it began
        pixels = app.grab()
        assert pixels.shape == (1000, 1600, 3)
        assert pixels[-1, -1].max() > 0 and pixels[0, -1].max() > 0


def test_recent_files_and_window_size_are_remembered(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path))
    with open_app(model_file, remember=True) as app:
        play(app, {"wait": "loaded"}, {"size": [720, 480]})
    saved = json.loads((tmp_path / "viewer.json").read_text())
    assert saved["recent_models"] == [str(model_file)]
    assert saved["window_size"] == [720, 480]
    (tmp_path / "viewer.json").write_text("{ broken")
    with open_app(model_file) as app:
        play(app, {"wait": "loaded"})
        assert [level for level, _ in notices(app)] == ["error"]
        assert "viewer.json" in notices(app)[0][1]


def test_nothing_runs_at_rest(app: Any) -> None:
    settle(app)
    end = time.monotonic() + 10
    while (patience := app.patience()) is not None and time.monotonic() < end:
        app.window.wait(patience)
        app.frame()
    assert app.patience() is None
    assert app.tempo.frames_per_second == 0


def test_the_interface_settles_without_haste(app: Any) -> None:
    settle(app)
    play(app, {"key": "G"})
    assert app.tempo.until_settled == SETTLING_PAUSE
    assert 0 < app.patience() <= SETTLING_PAUSE


def test_a_few_frames_after_a_change_the_interface_has_settled() -> None:
    tempo = Tempo()
    for _ in range(2):
        for _ in range(SETTLING_FRAMES):
            assert tempo.until_settled == SETTLING_PAUSE
            with tempo.frame():
                pass
        assert tempo.until_settled is None
        tempo.expect_more()


def test_work_in_the_background_gives_way_to_the_stage(app: Any) -> None:
    settle(app)
    lanes = [app.lanes[name] for name in ("export", "capture", "film", "sphere", "unroll")]
    for owing in "render", "surface":
        assert not any(lane.gives_way for lane in lanes)
        app.lanes[owing].owes = True
        assert all(lane.gives_way for lane in lanes)
        app.lanes[owing].owes = False


def test_the_loop_ends_when_the_window_is_closed(app: Any) -> None:
    settle(app)
    play(app, {"key": "Q", "mods": ["control"]})
    app.run()
    assert app.window.should_close()


def test_a_render_error_shows_and_the_next_request_works(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(app)
    with monkeypatch.context() as patch:
        patch.setattr(ballgan.Scene, "render_progressively", _broken)
        play(app, {"key": "Right"}, {"wait": "converged"})
    ((level, text),) = notices(app)
    assert level == "error" and "Internal error (RuntimeError): the GPU is on fire." in text
    play(app, {"key": "Right"})
    settle(app)
    assert app.state.view.foreground.seed == 2


def _broken(*arguments: object, **options: object) -> Iterator[Any]:
    raise RuntimeError("the GPU is on fire")
    yield


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"click": "nothing"}, r"step 1 .*no widget is called 'nothing'; there are .*background"),
        ({"key": "Hyper"}, "no key is called 'Hyper'"),
        ({"wait": "spring"}, "wait for one of converged"),
        ({"drag": {"from": [0, 0], "to": [1, 1], "button": "fourth"}}, "a button is one of"),
        ({"wait": "exported"}, "nothing was exported"),
    ],
)
def test_script_errors_say_what_is_wrong(app: Any, step: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        play(app, step)


def test_what_is_no_number_is_not_taken(app: Any) -> None:
    play(app, {"wait": "loaded"}, {"set": ["camera.pitch", "nan"]})
    assert app.state.view.camera == app.state.model.home


def test_a_script_finds_widgets_in_folded_sections(app: Any) -> None:
    play(app, {"wait": "loaded"})
    folded = app.state.preferences.folded
    assert {"section.mesh", "section.camera"} <= set(folded)
    play(app, {"click": "export.faces.10000"})
    assert app.state.export.faces == 10_000
    assert set(folded) - set(app.state.preferences.folded) >= {"section.mesh"}
    assert not any(app.gui.ui.folds.values())
    play(app, {"click": "foreground.mix.rows.fine"})
    assert app.state.view.foreground.mix is not None
    assert [name for name, is_open in app.gui.ui.folds.items() if is_open] == ["foreground.mix"]
    before, folds = app.state.preferences.folded, dict(app.gui.ui.folds)
    with pytest.raises(ValueError, match="no widget is called"):
        play(app, {"click": "nothing"})
    assert app.state.preferences.folded == before
    assert [fold for fold in folds if app.gui.ui.folds[fold] != folds[fold]] == []


def test_idle_waits_for_the_small_pictures(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    play(app, {"wait": "loaded"}, {"click": "gallery.keep"}, {"wait": "idle"})
    play(app, {"key": "Right"}, {"wait": "idle"})
    assert app.gallery.find("both", app.state.view.codes) is not None
    assert WAITS["idle"](app) and WAITS["pictured"](app)
    for owner in app.gallery, app.surroundings:
        with monkeypatch.context() as patch:
            patch.setattr(type(owner), "pending", True)
            assert not WAITS["idle"](app) and not WAITS["pictured"](app)


def test_waiting_has_an_end(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="not converged after 0 s"):
        play(app, {"wait": "converged", "timeout": 0})


def test_window_sizes_are_those_asked_for(app: Any) -> None:
    assert app.window.logical_size == SIZE


@pytest.mark.parametrize("layer", ["full", "surface"])
@pytest.mark.parametrize("learnt", [True, False])
def test_nothing_holds_a_closed_model(
    app: Any, model_file: Path, other_file: Path, layer: str, learnt: bool
) -> None:
    settle(app)
    generator = ref(app.easel.model.generator)
    app.dispatch(act.SetLayer(layer))  # not every layer has a picture that replaces the first one's
    if not learnt:  # nor every background another panorama
        play(app, {"click": "background.colour"})
    play(app, {"wait": "idle"}, {"drop": str(other_file)}, {"wait": "idle"})
    app.dispatch(act.CloseModel(str(model_file)))
    play(app, {"wait": "idle"})
    gc.collect()
    assert generator() is None
