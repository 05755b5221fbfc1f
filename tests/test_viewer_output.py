"""Layers, comparison and inspector through the real window."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.actions import output as out
from ballgan_viewer.info import Probe
from ballgan_viewer.panels.notices import MARGIN
from ballgan_viewer.panels.output import NOTHING_TO_COMPARE
from ballgan_viewer.panels.stage import LEGEND, describe_probe
from ballgan_viewer.script import ScriptError
from ballgan_viewer.state import ViewerState, apply
from PIL import Image
from viewer_driver import open_app, play, settle, stage_pixels

import ballgan
from ballgan.camera_text import to_camera
from ballgan.cli.main import main
from ballgan.colormaps import apply_colormap
from ballgan.plain import from_plain, to_plain
from ballgan.session import read_session
from ballgan.split import join_sides
from ballgan.view import Code, CodePair, Comparison, LatentControls, MeshStyle, View


@pytest.fixture(scope="module")
def opened(
    tiny_model: ballgan.Generator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("models")
    ballgan.save(tiny_model, folder / "tiny.pkl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALLGAN_CONFIG_DIR", str(folder / "config"))
        with open_app(folder / "tiny.pkl") as app:
            settle(app)
            yield app


@pytest.fixture
def app(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The window as it was when it opened."""
    monkeypatch.chdir(tmp_path)
    state = opened.state
    yield opened
    opened.state = state


def alone(app: Any, layer: str) -> np.ndarray:
    """What the stage shows of a layer that fills it, away from what lies over it."""
    play(app, {"click": f"layer.{layer}"})
    settle(app)
    app.frame()
    return stage_pixels(app).astype(int)


def test_a_comparison_shows_each_layer_on_its_side(app: Any) -> None:
    normals, full = alone(app, "normals"), alone(app, "full")
    play(app, {"key": "C"}, {"click": "compare.layer.normals"})
    play(app, {"drag": {"widget": "compare.divider", "by": [-100, 0]}}, {"wait": "converged"})
    app.frame()
    shown = stage_pixels(app).astype(int)
    divider = app.state.view.comparison.divider
    side = shown.shape[0]
    assert divider == pytest.approx(0.5 - 100 / side, abs=0.01)
    column = round(divider * side)
    rows = np.s_[side // 3 : side // 2 - 20]  # below the names, above the knob
    left, right = np.s_[rows, 5 : column - 12], np.s_[rows, column + 12 : side - 5]
    assert np.abs(shown - full)[left].max() <= 2
    assert np.abs(shown - normals)[right].max() <= 2
    assert np.abs(full - normals)[right].mean() > 10
    play(app, {"key": "C"})
    assert not app.state.view.comparison.on


def test_a_pinned_view_keeps_its_code_and_takes_the_camera(app: Any) -> None:
    play(app, {"click": "compare.pin"}, {"key": "Right"}, {"set": ["camera.yaw", 20]})
    settle(app)
    view = app.state.view
    other = view.compared()
    assert (other.foreground.seed, view.foreground.seed) == (0, 1)
    assert other.camera == view.camera
    pictures = [pane.picture.rgba for pane in app.easel._panes]
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.005
    scene = ballgan.Scene(app.easel.model.generator)
    expected = scene.render(to_camera(view.camera)).rgb
    pinned = pictures[1][..., :3]
    assert np.abs(pinned - expected).mean() < np.abs(pictures[0][..., :3] - expected).mean() / 2


def look_at(app: Any, place: tuple[float, float]) -> Probe | None:
    """What the inspector tells of a place of the picture with the pointer there."""
    area = app._arrange().picture
    at = [area.x + place[0] * area.width, area.y + place[1] * area.height]
    play(app, {"wheel": 0, "at": at})
    found: Probe | None = app._inspect(app._arrange())
    return found


def middle_of(pixel: tuple[int, int], picture: np.ndarray) -> tuple[float, float]:
    return (pixel[1] + 0.5) / picture.shape[1], (pixel[0] + 0.5) / picture.shape[0]


def find_pixel(mask: np.ndarray) -> tuple[int, int]:
    """A pixel of a mask below what lies over the picture, and left of the middle."""
    half = mask.shape[0] // 2
    rows, columns = np.nonzero(mask[half:, : half - 4])
    return int(rows[0]) + half, int(columns[0])


@pytest.mark.parametrize("preview", [True, False])
def test_the_inspector_reads_the_picture_that_shows(app: Any, preview: bool) -> None:
    """At a soft pixel, too, where the background is no part of the foreground's depth."""
    play(app, {"key": "I"})
    if app.state.preview != preview:
        play(app, {"key": "P"})
    rgba = settle(app)
    view = app.state.view
    frame = app.easel.model.scene.render(to_camera(view.camera), ballgan.RenderSettings())
    scene = ballgan.Scene(app.easel.model.generator)
    alone = scene.render(to_camera(view.camera), ballgan.RenderSettings(layer="foreground"))
    picture = app.easel.picture
    for low, high in ((0.2, 0.6), (0.9, 1.0)):
        pixel = find_pixel((picture.alpha > low) & (picture.alpha <= high))
        probe = look_at(app, middle_of(pixel, rgba))
        assert probe is not None and probe.point is not None
        assert probe.colour == pytest.approx(rgba[pixel].tolist())
        assert probe.opacity == pytest.approx(picture.alpha[pixel])
        assert probe.depth == pytest.approx(alone.depth[pixel], abs=0.02)
        x, y, z = (to_camera(view.camera).world2cam() @ [*probe.point, 1])[:3]
        assert (x**2 + y**2 + z**2) ** 0.5 == pytest.approx(probe.depth)
    soft = find_pixel((picture.alpha > 0.2) & (picture.alpha < 0.6))
    assert frame.depth[soft] > alone.depth[soft] + 0.1
    play(app, {"key": "I"})
    assert app._inspect(app._arrange()) is None


def test_the_inspector_tells_of_the_background_in_its_layer(app: Any) -> None:
    play(app, {"key": "I"}, {"click": "layer.background"})
    rgba = settle(app)
    pixel = (40, 25)
    probe = look_at(app, middle_of(pixel, rgba))
    assert probe is not None and probe.opacity is None
    assert probe.colour == pytest.approx(rgba[pixel].tolist())
    scene = ballgan.Scene(app.easel.model.generator)
    settings = ballgan.RenderSettings(layer="background")
    frame = scene.render(to_camera(app.state.view.camera), settings)
    assert probe.depth == pytest.approx(frame.depth[pixel], abs=1e-3)
    assert [name for name, _ in describe_probe(probe)] == ["colour", "depth", "point"]
    play(app, {"key": "I"})


@pytest.mark.parametrize("preview", [True, False])
def test_the_inspector_meets_the_mesh(app: Any, preview: bool) -> None:
    play(app, {"key": "I"}, {"click": "layer.surface"})
    if app.state.preview != preview:
        play(app, {"key": "P"})
    play(app, {"wait": "converged", "timeout": 60})
    mesh, camera = app.easel.surface.mesh, app.state.view.camera
    probes = [look_at(app, place) for place in ((0.3, 0.5), (0.45, 0.6), (0.4, 0.8))]
    met = [probe for probe in probes if probe is not None and probe.point is not None]
    assert met and all(probe.opacity == 1 for probe in met)
    cell = app.state.model.box / app.easel.surface.resolution
    for probe in met:
        away = np.linalg.norm(mesh.points - np.array(probe.point), axis=1)
        assert away.min() < cell
        eye = np.array(to_camera(camera).position)
        before = np.linalg.norm(mesh.points - eye, axis=1)[away < 2 * cell]
        assert before.min() - 1e-3 <= probe.depth <= before.max() + 1e-3
    play(app, {"key": "I"})


def test_a_double_click_on_the_right_takes_what_shows_there(app: Any) -> None:
    play(app, {"click": "compare.pin"}, {"key": "Right"})
    settle(app)
    camera = app.state.view.camera
    left, right = (pane.picture for pane in app.easel._panes)
    apart = np.abs(np.nan_to_num(left.depth, posinf=0) - right.depth)
    solid = (right.alpha > 0.9) & (apart > 0.05)
    solid[:, :36] = solid[:20] = False
    pixel = tuple(int(i) for i in np.argwhere(solid)[0])
    area, place = app._arrange().picture, middle_of(pixel, right.alpha)
    at = [area.x + place[0] * area.width, area.y + place[1] * area.height]
    play(app, {"double_click": at}, {"wait": "converged"})
    eye = np.array(to_camera(camera).position)
    pivot = np.array(app.state.view.camera.pivot)
    assert np.linalg.norm(pivot - eye) == pytest.approx(right.depth[pixel], abs=1e-4)


def test_a_double_click_beside_the_foreground_says_so(app: Any) -> None:
    play(app, {"click": "layer.background"})
    settle(app)
    before, area = app.state.view.camera, app._arrange().picture
    play(app, {"double_click": list(area.centre)})
    assert app.state.view.camera == before
    assert app.state.notices[-1].level == "info"
    assert "no surface" in app.state.notices[-1].text


def test_depth_has_a_range_of_its_own_and_a_colormap(app: Any) -> None:
    play(app, {"click": "layer.depth"})
    first = settle(app)
    play(app, {"set": ["depth.near", 2.5]}, {"click": "depth.colormap.cividis"})
    second = settle(app)
    picture = app.easel.picture
    solid = picture.alpha > 0.9
    shares, alpha = (3.3 - picture.depth[solid]) / (3.3 - 2.5), picture.alpha[solid][:, None]
    near, far = apply_colormap(shares, "cividis"), apply_colormap(np.array(0.0), "cividis")
    expected = alpha * near + (1 - alpha) * far  # what is behind is far
    assert second[..., :3][solid] == pytest.approx(expected, abs=1e-3)
    assert (second[..., 3] == 1).all()
    assert np.abs(first - second)[solid].mean() > 0.01
    play(app, {"click": "depth.model"})
    assert app.state.view.depth.resolve(app.state.model.depth_range) == (2.25, 3.3)


def legend_of(app: Any, *, on_right: bool = False) -> np.ndarray:
    """Colours of the legend's bar from top to bottom, (steps, 3) in [0, 1]."""
    area, (width, height) = app._arrange().picture, LEGEND
    x = area.x + area.width - MARGIN - 52 if on_right else area.x + MARGIN + 10 + width
    bottom = area.y + area.height - MARGIN - 12
    pixels = app.grab()[round(bottom - height) : round(bottom), round(x - width / 2)]
    return np.asarray(pixels, float) / 255


def test_each_side_has_the_legend_of_its_depth(app: Any) -> None:
    """Near is above, and what was pinned keeps the colours that it was pinned with."""
    play(app, {"click": "layer.depth"}, {"wait": "converged"})
    app.frame()
    shares = np.linspace(1, 0, round(LEGEND[1]))
    assert legend_of(app) == pytest.approx(apply_colormap(shares, "viridis"), abs=0.03)
    play(app, {"command": "compare.pin"}, {"click": "depth.colormap.grey"}, {"wait": "converged"})
    app.frame()
    assert legend_of(app) == pytest.approx(apply_colormap(shares, "grey"), abs=0.03)
    right = legend_of(app, on_right=True)
    assert right == pytest.approx(apply_colormap(shares, "viridis"), abs=0.03)


def test_styles_are_offered_where_they_act(app: Any) -> None:
    """Those of what was pinned are its own; another layer has those of the view."""
    play(app, {"click": "layer.depth"}, {"command": "compare.pin"}, {"click": "layer.full"})
    app.frame()
    assert app.state.view.compared().layer == "depth"
    assert "depth.near" not in app.gui.ui.rects
    play(app, {"click": "compare.kind.layer"}, {"click": "compare.layer.depth"})
    play(app, {"set": ["depth.near", 2.5]})
    assert app.state.view.compared().depth.near == 2.5
    play(app, {"click": "compare.layer.surface"}, {"click": "mesh.paint.colour"})
    assert app.state.view.compared().mesh.paint == "colour"


def test_a_range_has_limits_however_short_it_is(app: Any) -> None:
    play(app, {"click": "layer.depth"}, {"set": ["depth.near", 0]}, {"set": ["depth.far", 0.01]})
    play(app, {"set": ["depth.near", -5]})
    play(app, {"set": ["depth.near", 7]})
    style = app.state.view.depth
    assert 0 <= style.near < style.far == pytest.approx(0.01)


def test_a_comparison_of_nothing_says_what_to_do(app: Any) -> None:
    play(app, {"key": "C"}, {"click": "compare.kind.codes"})
    app.frame()
    assert app.state.view.compared() is None and "compare.nothing" in app.gui.ui.rects
    assert "press X" in NOTHING_TO_COMPARE["codes"]
    play(app, {"key": "X"}, {"key": "Right"})
    app.frame()
    assert app.state.view.compared() and "compare.nothing" not in app.gui.ui.rects
    play(app, {"click": "compare.kind.pinned"})
    app.frame()
    assert "compare.nothing" in app.gui.ui.rects
    assert "press Shift+C" in NOTHING_TO_COMPARE["pinned"]
    play(app, {"click": "compare.pin"})
    app.frame()
    assert app.state.view.compared() and "compare.nothing" not in app.gui.ui.rects


def test_the_mesh_is_painted_and_has_edges(app: Any) -> None:
    play(app, {"click": "layer.surface"}, {"wait": "converged", "timeout": 60})
    app.frame()
    clay = stage_pixels(app).astype(int)
    play(app, {"click": "mesh.paint.colour"}, {"wait": "converged", "timeout": 60})
    app.frame()
    painted = stage_pixels(app).astype(int)
    colors = app.easel.surface.mesh.colors
    assert colors.shape == app.easel.surface.mesh.points.shape
    assert 0 <= colors.min() and colors.max() <= 1 and colors.std() > 0.01
    assert np.abs(painted - clay).mean() > 2
    play(app, {"key": "W"})
    app.frame()
    assert np.abs(stage_pixels(app).astype(int) - painted).mean() > 1


def test_two_meshes_show_beside_each_other(app: Any) -> None:
    play(app, {"click": "layer.surface"}, {"command": "compare.pin"}, {"key": "Right"})
    play(app, {"wait": "converged", "timeout": 60})
    app.frame()
    left, right = (pane.surface for pane in app.easel._panes)
    assert left.final and right.final
    assert (left.request.identity.code.seed, right.request.identity.code.seed) == (1, 0)
    both = stage_pixels(app)
    play(app, {"key": "C"}, {"wait": "converged", "timeout": 60})
    app.frame()
    mine = stage_pixels(app)
    play(app, {"key": "Left"}, {"wait": "converged", "timeout": 60})
    app.frame()
    pinned = stage_pixels(app)
    both, mine, pinned = (shown[60:-60].astype(int) for shown in (both, mine, pinned))  # no labels
    edge = both.shape[1] // 2
    before, after = np.s_[:, : edge - 24], np.s_[:, edge + 24 :]  # the divider with its handle
    assert np.array_equal(both[before], mine[before])
    assert np.array_equal(both[after], pinned[after])
    assert not np.array_equal(mine[after], pinned[after])


def test_what_is_compared() -> None:
    view = View(comparison=Comparison(on=True, kind="layer", layer="depth"))
    assert replace(view, layer="depth", comparison=Comparison()) == view.compared()
    assert View().compared() is None
    codes = replace(view, comparison=Comparison(on=True, kind="codes"))
    assert codes.compared() is None
    other = CodePair(Code(5.0), Code(6.0))
    codes = replace(codes, latents=LatentControls(other=other))
    compared = codes.compared()
    assert compared is not None and compared.codes == other
    state = apply(ViewerState(view=view), out.PinView())
    again = from_plain(View, to_plain(state.view), "view")
    assert again == state.view and again.compared() is not None


def test_unknown_pixels_are_not_made_up() -> None:
    assert describe_probe(Probe((0.5, 0.5))) == []
    lines = dict(describe_probe(Probe((0.5, 0.5), (1.0, 0.5, 0.0, 1.0), 0.01)))
    assert lines["colour"].startswith("#ff8000")
    assert lines["depth"] == "none" and "point" not in lines


def saved(app: Any) -> np.ndarray:
    path = Path(app.state.captured or "")
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA")) / 255


def test_saving_a_split_screen_saves_both_sides_or_one(app: Any) -> None:
    play(app, {"key": "C"}, {"click": "compare.layer.normals"}, {"wait": "converged"})
    left, right = (pane.picture.rgba for pane in app.easel._panes)
    for sides, expected in (
        ("both", join_sides(left, right, 0.5)),
        ("left", left),
        ("right", right),
    ):
        play(app, {"click": f"capture.sides.{sides}"}, {"click": "capture.save"})
        play(app, {"wait": "captured", "timeout": 60})
        solid = expected[..., 3] > 0.5
        assert np.abs(saved(app) - expected)[solid].max() < 1 / 255
    session = read_session(app.state.captured)
    assert session.picture.sides == "right" and session.view.comparison.on
    play(app, {"command": "capture.both"}, {"wait": "captured", "timeout": 60})
    assert app.state.capture.sides == "both"
    arguments = [str(app.state.model.path), "--session", app.state.captured, "--output", "again"]
    assert main(["render", *arguments]) == 0
    (again,) = Path("again").iterdir()
    assert np.array_equal(np.asarray(Image.open(again)), np.asarray(Image.open(app.state.captured)))
    play(app, {"key": "C"})
    with pytest.raises(ScriptError, match="cannot be used now"):
        play(app, {"command": "capture.left"})


def test_the_saved_mesh_is_the_one_on_the_stage_and_the_commands(app: Any) -> None:
    """OpenGL's and the processor's pictures agree, but for the steps of outlines."""
    play(app, {"click": "layer.surface"}, {"key": "W"}, {"wait": "converged", "timeout": 60})
    play(app, {"click": "export.automatic"})
    level = app.state.export.level + 1.5
    play(app, {"set": ["export.level", round(level, 1)]}, {"wait": "converged", "timeout": 60})
    app.frame()
    shown = stage_pixels(app).astype(float) / 255
    side = shown.shape[0]
    app.dispatch(act.SetCapture(replace(app.state.capture, size=side, passes=1)))
    play(app, {"click": "capture.save"}, {"wait": "captured", "timeout": 300})
    made = saved(app)
    assert made.shape[0] == side
    solid = made[..., 3] == 1
    solid &= np.roll(solid, 2, 0) & np.roll(solid, -2, 0) & np.roll(solid, 2, 1)
    plain = solid & (np.arange(side)[:, None] > side // 4)  # below what lies over the picture
    assert plain.mean() > 0.05
    difference = np.abs(made[..., :3] - shown)[plain]
    assert difference.mean() < 0.02 and np.quantile(difference, 0.98) < 0.15
    session = read_session(app.state.captured)
    assert session.view.mesh == MeshStyle("clay", True, app.state.export.level)
    again = [str(app.state.model.path), "--session", app.state.captured, "--output", "again"]
    assert main(["render", *again]) == 0
    (path,) = Path("again").iterdir()
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(app.state.captured)))
    play(app, {"click": "export.automatic"}, {"drop": app.state.captured}, {"wait": "idle"})
    assert app.state.export.level == session.view.mesh.level
    assert not app.state.export.automatic_level
