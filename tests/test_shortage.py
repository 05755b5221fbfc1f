"""A GPU whose memory does not suffice, pretended on the CPU by torch's own error."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TINY
from pretend_gpu import GPU

import ballgan
from ballgan import backdrop, quick_synthesis
from ballgan.errors import OutOfMemory
from ballgan.generator import Generator
from ballgan.images import write_png
from ballgan.marching import work_in_tiles
from ballgan.shortage import empty_cache, explain_shortage, try_with_less
from ballgan.superres import SuperResolution

TEXT = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 4.00 GiB."
PLAIN = ballgan.RenderSettings(sampler="plain", neural_resolution=8)
FRONT = ballgan.Camera.orbit(0.3, 0.1)


def fail(*_: Any, **__: Any) -> Any:
    raise torch.cuda.OutOfMemoryError(TEXT)


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given back, in turn."""
    done: list[str] = []
    monkeypatch.setattr("ballgan.shortage.drop_graphs", lambda: done.append("graphs"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("cache"))
    return done


def failing(original: Callable[..., Any], times: int) -> tuple[Callable[..., Any], list[int]]:
    """A function that lacks memory when it is first called."""
    calls: list[int] = []

    def call(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return fail() if len(calls) <= times else original(*arguments, **options)

    return call, calls


def test_less_is_tried_after_memory_was_freed(
    freed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert try_with_less(lambda: 1, fail) == 1
        assert freed == [] and caplog.records == []
        assert try_with_less(fail, lambda: freed.append("less") or 2) == 2
    assert freed == ["graphs", "cache", "less"]
    assert [record.getMessage() for record in caplog.records] == [
        "Going on with less of the GPU's memory: CUDA out of memory"
    ]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        try_with_less(fail, fail)
    with pytest.raises(ZeroDivisionError):
        try_with_less(lambda: 1 // 0, lambda: 1)


def test_a_network_that_was_too_large_is_not_tried_again(freed: list[str]) -> None:
    network, other = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    call, calls = failing(lambda: "all", times=1)
    for _ in range(3):
        assert try_with_less(call, lambda: "less", network) == "less"
        assert try_with_less(lambda: "all", fail, other) == "all"
    assert len(calls) == 1 and freed == ["graphs", "cache"]
    empty_cache()
    assert try_with_less(call, fail, network) == "all"


def test_with_more_memory_it_is_tried_again(
    freed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may have given it back, or graphs may have held it."""
    network, free = torch.nn.Linear(1, 1), [0]
    monkeypatch.setattr("ballgan.shortage.find_available", lambda _: free[0])
    call, calls = failing(lambda: "all", times=2)
    for free[0], expected, tries in (
        (1000, "less", 1),
        (1050, "less", 1),
        (2000, "less", 2),
        (2100, "less", 2),
        (1000, "less", 2),
        (3000, "all", 3),
        (500, "all", 4),
    ):
        assert try_with_less(call, lambda: "less", network) == expected
        assert len(calls) == tries


def test_graphs_are_given_up_before_tiles_are_halved(freed: list[str]) -> None:
    call, _ = failing(lambda part: part.stop - part.start, times=1)
    assert work_in_tiles(call, 512, 256) == [128] * 4
    assert freed == ["graphs", "cache"]


def test_what_failed_is_forgotten_before_memory_is_freed(freed: list[str]) -> None:
    """Else the error would hold the tensors that have to go."""
    held: list[torch.Tensor] = []

    class Large:
        def __del__(self) -> None:
            freed.append("tensors")

    def work() -> None:
        large = Large()
        fail(large)

    try_with_less(work, lambda: held)
    assert freed == ["tensors", "graphs", "cache"]


def test_the_message_says_what_to_do(freed: list[str]) -> None:
    with pytest.raises(OutOfMemory, match="smaller size or fewer rays") as caught:
        explain_shortage(lambda: try_with_less(fail, fail))
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None  # nor does the message hold them
    assert explain_shortage(lambda: 3) == 3


def test_layers_in_strips_give_the_same_picture(tiny_model: Generator) -> None:
    """What a GPU falls back to is made of the operations of torch alone, and of any device's."""
    assert tiny_model.super_resolution is not None and tiny_model.backbone is not None
    ws = torch.randn(1, TINY.num_field_ws, 16)
    features = torch.rand(1, 8, 16, 16)
    with torch.inference_mode():
        at_once = quick_synthesis._synthesize_at_once(tiny_model.backbone, ws, None)
        strips = quick_synthesis._synthesize_in_strips(tiny_model.backbone, ws, None)
        assert (at_once - strips).std() < 0.02 * at_once.std()
        rows = ws[:, -1:].expand(-1, 3, -1)
        at_once = tiny_model.super_resolution._run(features, rows)
        strips = tiny_model.super_resolution._run_in_strips(features, rows, None)
        assert (at_once - strips).std() < 0.03 * at_once.std()


def test_networks_on_a_gpu_go_on_in_strips(
    freed: list[str], monkeypatch: pytest.MonkeyPatch, tiny_model: Generator
) -> None:
    used: list[str] = []

    def strips(name: str, shape: tuple[int, ...]) -> Callable[..., torch.Tensor]:
        def run(*_: Any) -> torch.Tensor:
            used.append(name)
            return torch.zeros(shape, device=GPU)

        return run

    monkeypatch.setattr(quick_synthesis, "replay", fail)
    monkeypatch.setattr("ballgan.superres.replay", fail)
    monkeypatch.setattr(quick_synthesis, "_synthesize_in_strips", strips("planes", (1, 24, 16, 16)))
    monkeypatch.setattr(SuperResolution, "_run_in_strips", strips("picture", (1, 3, 64, 64)))
    backbone, enlarging = tiny_model.backbone, tiny_model.super_resolution
    assert backbone is not None and enlarging is not None
    ws = torch.zeros(1, TINY.num_field_ws, 16, device=GPU)
    quick_synthesis.synthesize_planes(backbone, ws)
    enlarging(torch.zeros(1, 8, 16, 16, device=GPU), ws, quick=True)
    assert used == ["planes", "picture"]
    assert freed == ["graphs", "cache"] * 2


@pytest.mark.parametrize("method", ["picture", "field_code"])
def test_a_scene_lets_go_of_what_it_keeps_and_tries_again(
    freed: list[str], monkeypatch: pytest.MonkeyPatch, tiny_model: Generator, method: str
) -> None:
    settings = ballgan.RenderSettings(sampler="plain", neural_resolution=8)
    expected = ballgan.Scene(tiny_model).render(FRONT, settings)
    scene = ballgan.Scene(tiny_model)
    scene.latent = ballgan.Latent(4)
    scene.render(FRONT, settings)
    scene.latent = ballgan.Latent()
    call, calls = failing(getattr(Generator, method), times=1)
    monkeypatch.setattr(Generator, method, call)
    assert np.array_equal(scene.render(FRONT, settings).rgb, expected.rgb)
    assert len(calls) >= 2 and freed == ["graphs", "cache"]
    kept = scene._stages._foregrounds._entries
    assert all(subject.latent == ballgan.Latent() for subject, _ in kept)
    monkeypatch.setattr(Generator, method, fail)
    scene.latent = ballgan.Latent(9)
    with pytest.raises(OutOfMemory, match="The GPU's memory does not suffice"):
        scene.render(FRONT, settings)
    monkeypatch.undo()
    assert scene.render(FRONT, settings).stage == "full"


@pytest.mark.parametrize(
    ("method", "work"),
    [
        ("density", lambda scene: scene.shown_surface(None, painted=False).points),
        ("color", lambda scene: scene.shown_surface(None, painted=True).colors),
        ("color", lambda scene: scene.mesh(16).vertices),
        ("look_behind", lambda scene: scene.render(FRONT, PLAIN).rgb),
    ],
)
def test_other_work_too_lets_go_of_what_is_kept(
    freed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Generator,
    method: str,
    work: Callable[[ballgan.Scene], np.ndarray],
) -> None:
    expected = work(ballgan.Scene(tiny_model))
    monkeypatch.setattr("ballgan.marching.SMALLEST_TILE", 2**30)  # no smaller tiles
    call, calls = failing(getattr(Generator, method), times=1)
    monkeypatch.setattr(Generator, method, call)
    assert np.array_equal(work(ballgan.Scene(tiny_model)), expected)
    assert len(calls) >= 2 and freed == ["graphs", "cache"]
    monkeypatch.setattr(Generator, method, fail)
    with pytest.raises(OutOfMemory, match="The GPU's memory does not suffice"):
        work(ballgan.Scene(tiny_model))


@pytest.mark.parametrize(
    "work", [lambda scene: scene.render(FRONT, PLAIN).rgb, lambda scene: scene.unroll(32)]
)
def test_photos_let_go_of_what_is_kept(
    freed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Generator,
    tmp_path: Path,
    work: Callable[[ballgan.Scene], np.ndarray],
) -> None:
    write_png(tmp_path / "room.png", np.random.default_rng(0).random((64, 128, 3)))

    def scene() -> ballgan.Scene:
        made = ballgan.Scene(tiny_model)
        made.background = ballgan.Panorama(str(tmp_path / "room.png"))
        return made

    expected = work(scene())
    call, calls = failing(backdrop.sample_panorama, times=1)
    monkeypatch.setattr(backdrop, "sample_panorama", call)
    assert np.array_equal(work(scene()), expected)
    assert len(calls) == 2 and freed == ["graphs", "cache"]
    monkeypatch.setattr(backdrop, "sample_panorama", fail)
    with pytest.raises(OutOfMemory, match="The GPU's memory does not suffice"):
        work(scene())


def test_rays_that_are_too_many_even_in_small_tiles_are_explained(
    freed: list[str], monkeypatch: pytest.MonkeyPatch, tiny_model: Generator
) -> None:
    monkeypatch.setattr(Generator, "march", fail)
    with pytest.raises(OutOfMemory, match="fewer rays"):
        ballgan.Scene(tiny_model).render(FRONT, ballgan.RenderSettings(sampler="plain"))
