"""Who draws the picture, in the real program: GL preview, network, or nobody new."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.actions import output as out
from ballgan_viewer.panels.status import describe_picture
from ballgan_viewer.requests import Rendered
from test_viewer_preview import offset_px
from viewer_driver import CENTRE, notices, open_app, play, settle, stage_pixels

import ballgan
from ballgan.view import Comparison


@pytest.fixture
def app(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    with open_app(model_file, remember=True) as opened:
        settle(opened)
        yield opened


@pytest.fixture
def held(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program with a renderer that does not answer any more."""
    monkeypatch.setattr(app.lanes["render"], "submit", lambda request: None)
    return app


def turn(app: Any, yaw: float) -> None:
    """Move the camera as an event does, and draw one frame."""
    app.dispatch(act.MoveCamera(replace(app.state.view.camera, yaw=yaw)))
    app.frame()


def status(app: Any) -> str:
    return describe_picture(app.state, app._info(app._arrange()))


def test_at_rest_the_network_has_drawn_the_picture(app: Any) -> None:
    assert app.easel.engine(app.state) == "neural"
    assert "neural final, 64 px" in status(app)


def test_the_frame_of_the_event_shows_the_new_camera(held: Any) -> None:
    before = stage_pixels(held)
    turn(held, 0.4)
    assert held.easel.engine(held.state) == "preview"
    shown = stage_pixels(held).astype(float)
    assert np.abs(shown - before).mean() > 2
    turn(held, 0.0)  # the network's picture of this camera is still there, and true
    assert held.easel.engine(held.state) == "neural"
    assert np.array_equal(stage_pixels(held), before)


def test_the_status_bar_says_who_draws(held: Any) -> None:
    turn(held, 0.4)
    assert "OpenGL preview" in status(held)
    assert "volume" in status(held)
    held.dispatch(lat.StepSeed("foreground", 1))
    held.frame()
    assert "OpenGL preview, changing" in status(held)


def test_an_earlier_picture_beside_a_moving_one_is_told(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(app, {"key": "X"}, {"set": ["foreground.seed", 9]}, {"key": "X"})
    app.dispatch(out.SetComparison(Comparison(on=True, kind="codes")))
    settle(app)
    assert not app._info(app._arrange()).lags
    with monkeypatch.context() as patch:
        patch.setattr(app.lanes["render"], "submit", lambda request: None)
        turn(app, 0.4)
        assert app.easel.engine(app.state) == "preview"  # which has the left side's volume only
        assert app._info(app._arrange()).lags
        turn(app, 0.0)
        assert not app._info(app._arrange()).lags


def test_the_key_and_the_switch_turn_it_off_for_good(held: Any) -> None:
    play(held, {"key": "P"})
    assert not held.state.preview
    turn(held, 0.4)
    assert held.easel.engine(held.state) == "neural"
    assert "previous picture" in status(held)
    play(held, {"click": "preview"})
    assert held.state.preview
    assert "OpenGL preview" in status(held)
    play(held, {"click": "preview"})
    assert not held.state.preferences.preview
    held.settings.save(held.state, early=True)
    held.settings.lane.close()
    assert '"preview": false' in (Path.cwd() / "config" / "viewer.json").read_text()


def test_without_it_the_network_draws_a_coarse_picture_first(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballgan.progressive.Pace.preview_resolution", 8)  # of the tiny model's 16
    play(app, {"key": "P"})
    seen: list[str] = []
    receive = app.easel.receive

    def record(result: Any) -> None:
        if isinstance(result, Rendered):
            seen.append(result.stage)
        receive(result)

    app.easel.receive = record
    turn(app, 0.3)
    settle(app)
    assert seen[:3] == ["preview", "raw", "full"]
    assert set(seen[3:]) == {"refined"}
    play(app, {"key": "P"})
    seen.clear()
    turn(app, 0.5)
    settle(app)
    assert seen[:2] == ["raw", "full"]
    assert set(seen[2:]) == {"refined"}


def test_a_slow_picture_tells_how_far_it_is(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballgan_viewer.worker.SILENCE", 0.0)
    settle(app)
    told: list[str] = []
    dispatch = app.easel.receive

    def receive(result: Any) -> None:
        dispatch(result)
        told.append(status(app))

    monkeypatch.setattr(app.easel, "receive", receive)
    turn(app, 0.2)
    settle(app)
    assert any("next picture" in text for text in told)
    assert "next picture" not in status(app)


def test_a_start_without_it(model_file: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from ballgan_viewer.main import main

    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    started: list[Any] = []
    from ballgan_viewer import app as program

    class Recorded(program.App):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            started.append(self)

    monkeypatch.setattr(program, "App", Recorded)
    picture = str(tmp_path / "window.png")
    command = [str(model_file), "--offscreen", "--size", "500x400", "--screenshot", picture]
    assert main([*command, "--no-preview"]) == 0
    assert not started[0].state.preview
    assert started[0].state.preferences.preview
    assert not started[0].preview.cells


def test_no_jump_between_preview_and_network(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    play(app, {"key": "4"})  # raw: what the preview shows of a model with super-resolution
    play(app, {"click": "rays.64"})
    settle(app)
    with monkeypatch.context() as patch:
        patch.setattr(app.lanes["render"], "submit", lambda request: None)
        play(app, {"drag": {"from": CENTRE, "to": [340, 300]}})
        assert app.easel.engine(app.state) == "preview"
        preview = stage_pixels(app).astype(float) / 255
    play(app, {"drag": {"from": [340, 300], "to": [340, 290]}})
    play(app, {"drag": {"from": [340, 290], "to": [340, 300]}})
    settle(app)
    app.frame()
    assert app.easel.engine(app.state) == "neural"
    network = stage_pixels(app).astype(float) / 255
    raw_px = preview.shape[0] / 64
    assert offset_px(preview, network) < 0.5 * raw_px
    assert np.abs((preview - network).mean(axis=(0, 1))).max() < 0.02
    assert np.abs(preview - network).mean() < 0.03


def test_a_new_code_reaches_the_preview(app: Any) -> None:
    play(app, {"key": "Right"}, {"wait": "converged"})
    assert app.preview.identity == app.state.view.identity
    volume = app.preview.identity
    play(app, {"key": "Right", "mods": ["shift"]}, {"wait": "converged"})
    while app.preview.pending:
        app.frame()
    assert app.preview.is_current(app.easel.model, app.state.view)
    assert app.preview.identity == volume
    assert notices(app) == []


def test_the_surface_is_there_before_its_mesh(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.lanes["surface"], "submit", lambda request: None)
    play(app, {"key": "8"})
    assert app.easel.engine(app.state) == "preview"
    assert "Surface" in status(app)
    assert "OpenGL preview" in status(app)
    clay = stage_pixels(app)
    assert len(np.unique(clay.reshape(-1, 3), axis=0)) > 50


def test_every_layer_can_be_previewed(held: Any) -> None:
    for number, layer in enumerate(("full", "foreground", "background", "raw"), start=1):
        play(held, {"key": str(number)})
        turn(held, 0.1 * number)
        assert held.easel.engine(held.state) == "preview", layer
        assert stage_pixels(held).std() > 1
    assert notices(held) == []


def test_another_model_shows_nothing_of_the_last_one(app: Any, tmp_path: Path) -> None:
    ballgan.save(app.easel.model.generator, tmp_path / "again.pkl")
    play(app, {"drop": str(tmp_path / "again.pkl")}, {"wait": "loaded"})
    assert app.state.model.name == "again"
    assert app.easel.engine(app.state) in ("neural", "preview")
    settle(app)
    while app.preview.pending:
        app.frame()
    assert app.preview.is_current(app.easel.model, app.state.view)
