"""The mesh panel: options, the size to expect, and showing what was written."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trimesh
from ballgan_viewer import actions as act
from ballgan_viewer import reveal
from ballgan_viewer.info import SurfaceInfo
from ballgan_viewer.panels.mesh import (
    TEXTURED_FACES,
    TEXTURED_FORMATS,
    UNKNOWN_SIZE,
    describe_bytes,
    describe_size,
    round_number,
    why_no_dome,
)
from ballgan_viewer.state import ExportOptions
from conftest import TINY, make_model
from panel_screen import Screen
from viewer_driver import notices, open_app, play
from viewer_states import with_model

import ballgan
from ballgan import mesh_files, texture
from ballgan.config import PlaneConfig
from ballgan.view import Backdrop

STATE = with_model()


def surface(triangles: int = 10_000, *, current: bool = True) -> SurfaceInfo:
    return SurfaceInfo(triangles, 10.0, (-5.0, 30.0), current, 96)


def size(triangles: int = 10_000, **options: Any) -> str:
    return describe_size(ExportOptions(**options), surface(triangles))


def test_the_panel_offers_the_textures_that_the_library_makes() -> None:
    """The panel names them itself: it is to be known without torch and trimesh."""
    assert {f".{kind}" for kind in TEXTURED_FORMATS} == set(mesh_files.TEXTURE_SUFFIXES)
    assert TEXTURED_FACES == texture.TEXTURED_FACES


def test_size_grows_with_the_grid_and_shrinks_with_simplification() -> None:
    assert size(resolution=192, format="stl") == "About 40,000 triangles, 2 MB"
    assert size(resolution=384, format="stl") == "About 160,000 triangles, 8 MB"
    assert size(resolution=384, format="stl", faces=10_000) == "About 10,000 triangles, 0.5 MB"
    assert size(resolution=192, texture=True).startswith("About 30,000 triangles")
    assert size(format="obj", texture=True) == "About 30,000 triangles, 3.8 MB"
    assert size(triangles=0) == describe_size(ExportOptions(), None) == UNKNOWN_SIZE


def test_the_level_is_not_made_up(screen: Screen) -> None:
    """Before the surface was looked at nobody knows it, nor the size."""
    by_hand = act.SetExport(replace(STATE.export, automatic_level=False, level=10.0))
    for unknown in ({}, {"surface": surface(current=False)}):
        assert screen.click(STATE, "export.automatic", **unknown) == []
    assert screen.click(STATE, "export.automatic", surface=surface()) == [by_hand]
    assert screen.click(STATE, "export.automatic", surface_failed=True) == [by_hand]
    off = replace(STATE, export=by_hand.options)
    assert screen.click(off, "export.automatic") == [act.SetExport(STATE.export)]


def test_another_code_has_another_size(app: Any) -> None:
    play(app, {"wait": "loaded"}, {"click": "layer.surface"}, {"wait": "converged"})
    found = app._info(app._arrange()).surface
    assert found.current and found.triangles > 0
    play(app, {"click": "layer.full"}, {"key": "Right"}, {"wait": "converged"})
    assert not app._info(app._arrange()).surface.current
    play(app, {"key": "Left"})
    assert app._info(app._arrange()).surface == found


def test_numbers_are_rounded_to_two_digits() -> None:
    assert [round_number(n) for n in (7, 87, 1234, 987_654)] == ["7", "87", "1,200", "990,000"]
    assert [describe_bytes(b) for b in (2.3e5, 9.4e6, 4.24e7)] == ["0.23 MB", "9.4 MB", "42 MB"]


def test_options_are_set_in_the_panel(screen: Screen) -> None:
    changed = replace(STATE.export, faces=30000)
    assert screen.click(STATE, "export.faces.30000") == [act.SetExport(changed)]
    changed = replace(STATE.export, dome=True)
    assert screen.click(STATE, "export.dome") == [act.SetExport(changed)]
    written = replace(STATE, exported="/meshes/a.glb")
    assert screen.click(written, "export.reveal") == [act.RevealFile("/meshes/a.glb")]
    obj = replace(STATE, export=replace(STATE.export, format="obj"))
    screen.show(obj)
    assert "export.dome" not in screen.ui.rects


def test_a_dome_and_few_triangles_are_exported(app: Any, tmp_path: Path) -> None:
    path = tmp_path / "head.glb"
    play(app, {"wait": "loaded"}, {"click": "export.resolution.128"}, {"click": "export.dome"})
    play(app, {"click": "export.faces.10000"}, {"set": ["export.path", str(path)]})
    play(app, {"click": "export"}, {"wait": "exported"})
    meshes = list(trimesh.load_scene(path).geometry.values())
    assert len(meshes) == 2
    assert min(len(mesh.faces) for mesh in meshes) <= 10_000


@pytest.mark.parametrize(
    ("model", "backdrop", "possible"),
    [
        ({}, Backdrop(), True),
        ({}, Backdrop(visible=False), False),
        ({"has_background": False}, Backdrop(), False),
        ({"has_background": False}, Backdrop("colour"), True),
        ({"unrolls": False}, Backdrop(), False),
        ({"unrolls": False}, Backdrop("gradient"), True),
    ],
)
def test_a_dome_can_be_had_where_a_background_goes_round(
    screen: Screen, model: dict[str, Any], backdrop: Backdrop, possible: bool
) -> None:
    state = with_model(**model)
    state = replace(state, view=replace(state.view, backdrop=backdrop))
    assert bool(screen.click(state, "export.dome")) == possible
    assert ("export.dome" in screen.ui.disabled) != possible
    assert bool(why_no_dome(state)) != possible


def test_a_background_that_cannot_go_round_does_not_cost_the_mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    plane = PlaneConfig(1.0, 4.0, z_dim=8, w_dim=8, mapping_layers=2, hidden_size=8)
    ballgan.save(make_model(replace(TINY, background=plane)), tmp_path / "plane.pkl")
    with open_app(tmp_path / "plane.pkl") as app:
        play(app, {"wait": "loaded"})
        options = ExportOptions(resolution=128, dome=True, path=str(tmp_path / "head.glb"))
        app.dispatch(act.SetExport(options), act.StartExport("mesh"))
        play(app, {"wait": "exported"})
        assert len(trimesh.load_scene(tmp_path / "head.glb").geometry) == 1


def test_a_background_that_fails_is_told_before_the_mesh_is_made(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise ValueError("room.jpg cannot be read")

    made = []
    play(app, {"wait": "loaded"}, {"click": "export.dome"})
    monkeypatch.setattr(ballgan.Scene, "dome", fail)
    monkeypatch.setattr(ballgan.Scene, "mesh", lambda *_, **options: made.append(options))
    play(app, {"click": "export"}, {"wait": "idle"})
    assert notices(app)[-1] == ("error", "Exporting 256³ mesh failed: room.jpg cannot be read")
    assert not made


def test_a_file_that_vanished_is_not_shown(app: Any, tmp_path: Path) -> None:
    app.dispatch(act.RevealFile(str(tmp_path / "gone.glb")))
    while not notices(app):
        play(app, {"wait": "idle"})
    assert "no longer there" in notices(app)[-1][1]


def test_a_file_manager_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = tmp_path / "late"
    code = f"import time; time.sleep(0.5); open({str(late)!r}, 'w').close()"
    monkeypatch.setattr(reveal, "reveal_command", lambda path: [sys.executable, "-c", code])
    assert reveal.reveal(str(tmp_path)) is None
    assert not late.exists()  # nobody waits for it
    end = time.monotonic() + 20
    while not late.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_file_manager_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reveal, "reveal_command", lambda path: [str(tmp_path / "missing")])
    assert "could not be shown" in (reveal.reveal(str(tmp_path)) or "")


def test_each_system_has_its_way_to_show_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reveal.reveal_command("/m/a.glb", "darwin") == ["open", "-R", "/m/a.glb"]
    assert reveal.reveal_command("/m/a.glb", "win32") == ["explorer", "/select,/m/a.glb"]
    monkeypatch.setattr(reveal.shutil, "which", lambda name: "/bin/xdg-open")
    assert reveal.reveal_command("/m/a.glb", "linux") == ["/bin/xdg-open", "/m"]
    monkeypatch.setattr(reveal.shutil, "which", lambda name: None)
    assert reveal.reveal_command("/m/a.glb", "linux") == []


def test_a_typed_suffix_is_the_format(app: Any, tmp_path: Path) -> None:
    play(app, {"wait": "loaded"}, {"click": "export.resolution.128"})
    play(app, {"set": ["export.path", "head.ply"]})
    assert (app.state.export.format, app.state.export.path) == ("ply", "head.ply")
    play(app, {"click": "export"}, {"wait": "exported"})
    assert app.state.exported == str(tmp_path / "head.ply")
    play(app, {"click": "export.format.obj"})
    assert (app.state.export.format, app.state.export.path) == ("obj", "head.obj")
    play(app, {"set": ["export.path", "head.v2"]}, {"click": "export.format.glb"})
    assert app.state.export.path == "head.v2"
    play(app, {"set": ["export.path", "obj"]}, {"click": "export.format.stl"})
    assert app.state.export.path == "obj"
