"""What the worker's threads do, without threads; and the values they make."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from ballgan_viewer import actions as act
from ballgan_viewer import describe, tasks
from ballgan_viewer.requests import (
    Forget,
    Model,
    Rendered,
    RenderRequest,
    Settled,
    Surface,
    SurfaceRequest,
    rank,
)

import ballgan
from ballgan import progressive, staging
from ballgan.view import Backdrop, Code, Identity, Orbit, View


class Desk:
    """Takes a ticket's place: keeps what is posted, and can call the work off."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.protected = False
        self.calls_left = 10**9

    def post(self, result: Any) -> None:
        self.posted.append(result)

    def check(self) -> None:
        self.calls_left -= 1
        if self.calls_left < 0 and not self.protected:
            raise ballgan.Cancelled

    def step(self) -> None:
        self.check()

    def progress(self, fraction: float) -> None:
        self.check()

    break_silence = progress

    @property
    def stages(self) -> list[str]:
        return [r.stage if isinstance(r, Rendered) else type(r).__name__ for r in self.posted]


@pytest.fixture
def model(tiny_model: ballgan.Generator) -> Model:
    return Model(describe.describe_model(tiny_model, "/models/tiny.pkl"), tiny_model)


@pytest.fixture
def view(model: Model) -> View:
    return View(camera=model.info.home, neural_resolution=40)


@pytest.fixture(autouse=True)
def steady_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews have 32 x 32 rays, however fast this machine is."""
    monkeypatch.setattr(progressive.Pace, "note", lambda *_: None)


def climb(renderer: tasks.Renderer, request: RenderRequest, calls: int = 10**9) -> Desk:
    desk = Desk()
    desk.calls_left = calls
    try:
        renderer(request, desk)  # type: ignore[arg-type]
    except ballgan.Cancelled:
        desk.posted.append(None)
    return desk


def test_the_ladder_is_climbed_as_far_as_asked_and_then_further(model: Model, view: View) -> None:
    renderer = tasks.Renderer()
    request = RenderRequest(model, view)
    assert climb(renderer, replace(request, limit="preview")).stages == ["preview"]
    assert climb(renderer, replace(request, limit="raw")).stages == ["raw"]
    assert climb(renderer, replace(request, limit="raw")).stages == []
    last = climb(renderer, request)
    assert last.stages[:2] == ["full", "refined"] and last.stages[-1] == "Settled"
    assert [p.convergence for p in last.posted[:-1]] == sorted(
        p.convergence for p in last.posted[:-1]
    )
    assert last.posted[-2].convergence == 1.0


def test_another_view_starts_at_the_bottom(model: Model, view: View) -> None:
    renderer = tasks.Renderer()
    climb(renderer, RenderRequest(model, view, "preview"))
    other = RenderRequest(model, replace(view, foreground=Code(3.0)))
    stages = climb(renderer, other).stages
    assert stages[:4] == ["preview", "raw", "full", "refined"] and stages[-1] == "Settled"


def test_the_first_picture_is_finished_even_if_called_off(model: Model, view: View) -> None:
    renderer = tasks.Renderer()
    assert climb(renderer, RenderRequest(model, view), calls=0).stages == ["preview", "NoneType"]
    again = climb(renderer, RenderRequest(model, view))
    assert again.stages[:4] == ["preview", "raw", "full", "refined"]


def test_a_background_that_fails_does_not_show_the_old_view(model: Model, view: View) -> None:
    renderer = tasks.Renderer()
    climb(renderer, RenderRequest(model, view, "preview"))
    bad = RenderRequest(model, replace(view, backdrop=Backdrop("photo", photo="/nowhere.png")))
    for _ in range(2):
        with pytest.raises(ValueError, match="nowhere.png"):
            renderer(bad, Desk())  # type: ignore[arg-type]


def test_requests_that_are_covered(model: Model, view: View) -> None:
    full = RenderRequest(model, view)
    assert full.covers(replace(full, limit="preview"))
    assert not replace(full, limit="raw").covers(full)
    assert not full.covers(replace(full, view=replace(view, layer="raw")))
    assert [rank(stage) for stage in ("preview", "raw", "full")] == [0, 1, 2]


def test_surfaces_come_coarse_first_and_keep_their_densities(model: Model) -> None:
    finder, desk = tasks.SurfaceFinder(), Desk()
    finder(SurfaceRequest(model, Identity(), None), desk)  # type: ignore[arg-type]
    coarse, fine = desk.posted
    assert isinstance(coarse, Surface)
    assert not coarse.final
    assert fine.final
    assert len(fine.mesh.faces) > len(coarse.mesh.faces) > 0
    assert trimesh.Trimesh(fine.mesh.points, fine.mesh.faces).is_watertight
    again = Desk()
    again.calls_left = 1  # none is left for sampling
    level = fine.mesh.level + 1
    finder(SurfaceRequest(model, Identity(), level), again)  # type: ignore[arg-type]
    assert [surface.mesh.level for surface in again.posted] == [level]
    finder(Forget(), again)  # type: ignore[arg-type]
    assert finder._scene is None


def test_describe_model(tiny_model: ballgan.Generator, model: Model) -> None:
    info = model.info
    assert (info.name, info.image_resolution, info.neural_resolution) == ("tiny", 64, 16)
    assert info.has_background
    assert info.has_super_resolution
    assert info.home == Orbit(radius=2.5, pivot=(0.0, 0.0, 0.2), fov=info.home.fov)
    assert info.camera_limit == pytest.approx(0.98 * 3.0)


def test_the_librarys_values() -> None:
    assert staging.to_latent(Code(7.0, 1.0, 0.5)) == ballgan.Latent(107, 0.5)
    learnt = staging.to_background(Backdrop(code=Code(2.0)))
    assert isinstance(learnt, ballgan.LearntBackground)
    assert learnt.seed == 2
    red = (1.0, 0.0, 0.0)
    assert staging.to_background(Backdrop("colour", colour=red)) == ballgan.SolidColor(red)
    photo = staging.to_background(Backdrop("photo", photo="/a.png", yaw=0.5, exposure=1.0))
    assert photo == ballgan.Panorama("/a.png", yaw=0.5, exposure=1.0)
    assert staging.to_background(Backdrop(visible=False)) is None


def test_pixels_are_premultiplied_and_rounded() -> None:
    rgba = np.array([[[1.0, 0.5, 0.0, 0.5], [1.0, 1.0, 1.0, 0.0]]], np.float32)
    assert describe.premultiply(rgba).tolist() == [[[128, 64, 0, 128], [0, 0, 0, 0]]]


def test_opening_files(tiny_model: ballgan.Generator, tmp_path: Path) -> None:
    ballgan.save(tiny_model, tmp_path / "head.pkl")
    desk = Desk()
    path = str(tmp_path / "head.pkl")
    tasks.open_model(act.OpenModel(path), desk)  # type: ignore[arg-type]
    (opened,) = desk.posted
    assert opened.model.name == "head"
    assert opened.handle.info == opened.model
    with pytest.raises(ballgan.CheckpointError, match="nothing.pkl"):
        tasks.open_model(act.OpenModel(str(tmp_path / "nothing.pkl")), desk)  # type: ignore[arg-type]


def test_settled_says_for_which_request(model: Model, view: View) -> None:
    request = RenderRequest(model, view)
    settled = climb(tasks.Renderer(), request).posted[-1]
    assert isinstance(settled, Settled) and settled.request == request
    assert 0 < settled.separation.coverage < 1
    empty = RenderRequest(model, replace(view, layer="background"))
    assert climb(tasks.Renderer(), empty).posted[-1] == Settled(empty, None)
