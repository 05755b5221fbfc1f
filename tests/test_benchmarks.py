"""benchmarks/harness.py: what a quick run of the benchmarks lets pass."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import ballgan
from ballgan.generator import Generator

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import harness

    return harness


@pytest.fixture
def publish(
    harness: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Publishes what is measured first, second, ...; returns how often it was measured."""
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)

    def run(*measured: list[dict], quick: bool = True) -> int:
        rows: Iterator[list[dict]] = iter(measured)
        options = argparse.Namespace(json=True, quick=quick)
        harness.publish(lambda: next(rows), options)
        json.loads(capsys.readouterr().out)
        return len(measured) - len(list(rows))

    return run


def row(ratio: float, **more: Any) -> dict:
    return {"stage": "rays", "ratio": ratio, "target": 8.0, **more}


def test_half_of_the_target_passes(publish: Any) -> None:
    assert publish([row(4.0)], []) == 1
    assert publish([row(0.1, target=None)], []) == 1


def test_less_is_measured_again_and_refused(publish: Any) -> None:
    assert publish([row(3.9)], [row(5.0)], []) == 2
    with pytest.raises(SystemExit, match="rays: 3.8 times as fast.* wanted 8"):
        publish([row(3.9)], [row(3.8)])


def test_time_of_the_processor_counts(publish: Any) -> None:
    publish([row(2.0, **{"cpu ratio": 6.0})])
    with pytest.raises(SystemExit):
        publish(*[[row(6.0, **{"cpu ratio": 2.0})]] * 2)


def test_not_a_number_is_refused(publish: Any) -> None:
    with pytest.raises(SystemExit, match="nan"):
        publish(*[[row(float("nan"))]] * 2)


def test_wrong_results_are_refused(publish: Any, harness: Any) -> None:
    limits = {"PSNR dB": (40.0, float("inf"))}
    assert harness.find_wrong({"PSNR dB": 41.0}, limits) == ""
    wrong = harness.find_wrong({"PSNR dB": 39.0}, limits)
    with pytest.raises(SystemExit, match="rays: PSNR dB is 39, not within 40"):
        publish(*[[row(9.0, wrong=wrong)]] * 2)


def test_full_runs_only_report(publish: Any) -> None:
    assert publish([row(1.0, wrong="all")], [], quick=False) == 1


def test_both_ways_are_timed_in_turns(harness: Any) -> None:
    calls: list[str] = []

    def plain() -> None:
        calls.append("plain")
        time.sleep(0.004)

    columns = harness.compare(lambda: calls.append("fast"), plain, 3)
    assert calls == ["fast", "plain"] * 4
    assert columns["plain min ms"] >= 4 > columns["fast min ms"]
    assert columns["ratio"] > 1


def test_a_remark_stands_below_the_table(harness: Any, capsys: pytest.CaptureFixture[str]) -> None:
    harness.report([row(4.0)], json_output=False, remark="CUDA: not measured.")
    assert capsys.readouterr().out.endswith("|\n\nCUDA: not measured.\n")
    harness.report([row(4.0)], json_output=True, remark="CUDA: not measured.")
    assert json.loads(capsys.readouterr().out)["remark"] == "CUDA: not measured."


def test_frames_a_second_are_of_new_cameras_and_of_new_codes(
    harness: Any, tiny_model: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    import render

    seen: list[tuple[Any, Any, int]] = []
    drawn = ballgan.Scene.render

    def watch(scene: Any, camera: Any, settings: Any) -> Any:
        seen.append((scene.latent, camera, settings.neural_resolution))
        return drawn(scene, camera, replace(settings, neural_resolution=8, size=16))

    monkeypatch.setattr(ballgan.Scene, "render", watch)
    rows = render.count_frames(tiny_model, 3)
    assert len(seen) == len(set(seen)) == 3 * (render.WARM_UPS + 3)
    moving, _, renewed = seen[:8], seen[8:16], seen[16:]
    assert len({latent for latent, *_ in moving}) == 1 and {n for *_, n in moving} == {64}
    assert len({latent for latent, *_ in renewed}) == len(renewed)
    assert [row["wanted frames/s"] for row in rows] == [200, 120, 60]
    assert all(row["frames/s"] == pytest.approx(1e3 / row["fast ms"]) for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_not_measured(harness: Any) -> None:
    import render

    assert render.describe_cuda(torch.device("cpu")).startswith("CUDA: not measured.")
    recorded = (FOLDER / "RESULTS.md").read_text()
    assert "gpu none" not in recorded or "CUDA: not measured." in recorded


def test_a_slow_program_fails() -> None:
    """What CI runs, with a fast way that is the plain one."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import startup; "
        "startup.QUICK = ('slow',); startup.PROGRAMS['slow'] = ('', 'pass', 20.0); "
        "startup.EVERYTHING = ''; sys.argv = ['startup.py', '--quick']; startup.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(FOLDER)], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "slow:" in result.stderr and "wanted 20" in result.stderr
