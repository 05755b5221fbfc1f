"""What a split screen compares at first, and layers that tell nothing: the real app, offscreen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ballgan_viewer.document import to_session
from conftest import TINY, make_model
from viewer_driver import open_app, play

import ballgan
from ballgan.session import write_session
from ballgan.view import Comparison


def test_raw_is_nothing_of_its_own_without_super_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    ballgan.save(make_model(replace(TINY, super_resolution=None)), tmp_path / "small.pkl")
    with open_app(tmp_path / "small.pkl") as app:
        play(app, {"wait": "loaded"}, {"key": "4"}, {"key": "C"})
        assert app.state.view.layer == "full"
        assert app.state.view.comparison.layer == "normals"
        assert {"layer.raw", "compare.layer.raw"} <= app.gui.ui.disabled
        play(app, {"key": "C"}, {"key": "5"}, {"click": "compare"})
        assert app.state.view.comparison.layer == "full"
        kept = replace(app.state.view, layer="raw", comparison=Comparison(on=True))
        session = replace(to_session(app.state), view=kept)
        write_session(tmp_path / "old.json", session)
        play(app, {"drop": str(tmp_path / "old.json")}, {"wait": "idle"})
        assert app.state.view.layer == app.state.view.comparison.layer == "raw"
        assert app.state.notices == ()


def test_a_comparison_that_begins_shows_two_layers(app: Any) -> None:
    play(app, {"key": "C"})
    assert app.state.view.comparison.layer == "raw"
    play(app, {"key": "C"}, {"key": "4"}, {"key": "C"})
    assert app.state.view.comparison.layer == "normals"
