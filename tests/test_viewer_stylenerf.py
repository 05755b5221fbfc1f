"""The window with StyleNeRF models, and with a plane, which cannot be seen from everywhere."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, make_model
from stylenerf_writer import stylenerf_file
from viewer_driver import CENTRE, notices, open_app, play, settle

import ballgan
from ballgan.config import PlaneConfig


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def test_a_published_stylenerf_is_seen_turned_and_freed_of_its_background(tmp_path: Path) -> None:
    path = tmp_path / "cars.pkl"
    path.write_bytes(stylenerf_file())
    with open_app(path) as app:
        first = settle(app)
        assert first.shape == (32, 32, 4) and (first[..., 3] == 1).all()
        play(app, {"drag": {"from": CENTRE, "to": [350, 300]}})
        assert np.abs(settle(app) - first).max() > 0.01
        play(app, {"key": "B"})
        assert (settle(app)[..., 3] < 1).any()
        play(app, {"key": "B"}, {"set": ["background.seed", 7]})
        assert (settle(app)[..., 3] == 1).all()
        assert notices(app) == []


def test_a_plane_says_what_it_cannot_cover_and_the_window_goes_on(tmp_path: Path) -> None:
    plane = PlaneConfig(
        z_dim=16, w_dim=16, mapping_layers=2, hidden_size=16, num_layers=2, num_frequencies=4
    )
    ballgan.save(make_model(dataclasses.replace(TINY, background=plane)), tmp_path / "plane.pkl")
    with open_app(tmp_path / "plane.pkl") as app:
        settle(app)
        play(app, {"drag": {"from": CENTRE, "to": [520, 280]}}, {"wait": "idle", "timeout": 30})
        assert "covers views from the front only" in "".join(text for _, text in notices(app))
        play(app, {"key": "B"})
        assert np.isfinite(settle(app)).all()  # without it the camera may be anywhere
