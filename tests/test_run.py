"""Runs in processes of their own: exact resumption, interruption, and what they leave behind."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ballgan_train.config import PRESETS, TrainConfig
from ballgan_train.run import claim_folder, describe, next_folder, read_state, warnings_for
from ballgan_train.toyworld import ToyWorld
from PIL import Image

import ballgan

SIZE = 16
OPTIONS = ["--preset", "smoke", "--run.snapshot-kimg", "0.016", "--run.grid", "1"]


GROWING = [  # StyleNeRF from 8 to 32 pixels, small; its discriminator grows with the pictures
    *("--preset", "compcars256-stylenerf", "--run.precision", "float32", "--run.grid", "1"),
    *("--model.mapping.z-dim", "16", "--model.mapping.w-dim", "16"),
    *("--model.mapping.num-layers", "2", "--model.field.network.hidden-size", "16"),
    *("--model.field.network.num-layers", "2", "--model.field.feature-channels", "11"),
    *("--model.sampling.coarse-samples", "6", "--model.sampling.fine-samples", "0"),
    *("--model.neural-resolution", "8", "--model.super-resolution.input-resolution", "8"),
    *("--model.super-resolution.start-resolution", "8"),
    *("--model.super-resolution.channels", "16", "8", "--discriminator.resolution", "32"),
    *("--discriminator.channel-base", "256", "--discriminator.channel-max", "16"),
    *("--discriminator.group-size", "2", "--schedule.batch-size", "4"),
    *("--schedule.growth-start-kimg", "0.004", "--schedule.growth-kimg", "0.012"),
    *("--schedule.total-kimg", "0.02"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 small heads."""
    return write_heads(tmp_path_factory.mktemp("heads"), SIZE)


def write_heads(folder: Path, size: int) -> Path:
    toys = ToyWorld("heads", size, seed=0).render(range(24))
    entries = []
    for i, (image, label) in enumerate(zip(toys.image, toys.label, strict=True)):
        pixels = ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{i:04d}.png")
        entries.append([f"{i:04d}.png", label.tolist()])
    (folder / "dataset.json").write_text(json.dumps({"labels": entries}))
    return folder


def start(*arguments: object, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    command = [*before, sys.executable, "-m", "ballgan_train", *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(*arguments: object) -> str:
    process = start(*arguments)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return out


def weights(folder: Path) -> list[torch.Tensor]:
    trainer = read_state(folder)["trainer"]
    assert trainer["images"] == 80
    return [t for part in ("generator", "average", "judge") for t in trainer[part].values()]


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    output = tmp_path_factory.mktemp("runs")
    run(*OPTIONS, "--data", data, "--output", output)
    return next(output.iterdir())


def test_a_run_leaves_models_grids_logs_and_its_configuration(finished: Path) -> None:
    model = ballgan.load(finished / "model-000000.pkl")
    assert model.meta["kimg"] == 0.08
    assert ballgan.Scene(model).render(ballgan.Camera.orbit()).rgb.shape == (SIZE, SIZE, 3)
    layers = {p.name for p in (finished / "samples").iterdir()}
    assert layers == {f"000000-{x}.png" for x in ("full", "foreground", "background", "depth")}
    lines = [json.loads(x) for x in (finished / "log.jsonl").read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.016, 0.032, 0.048, 0.064, 0.08]
    assert {"loss/g", "loss/d", "images_per_s", "memory_mb", "eta_s"} <= lines[-1].keys()
    settings = json.loads((finished / "config.json").read_text())
    assert TrainConfig.from_dict(settings["config"]).schedule == PRESETS["smoke"].schedule
    assert list(finished.glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_killed_runs_resume_bit_for_bit(data: Path, finished: Path, tmp_path: Path) -> None:
    """Killed with -9 at random moments, also while saving, and resumed until it is done."""
    moments = random.Random(0)
    process = start(*OPTIONS, "--data", data, "--output", tmp_path)
    folder = tmp_path / finished.name
    kills = 0
    while True:
        deadline = time.monotonic() + 150
        while process.poll() is None and not (folder / "training-state.pt").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if kills < 3:
            time.sleep(moments.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, err = process.communicate(timeout=150)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        process = start("--resume", folder)
    assert kills == 3
    for mine, theirs in zip(weights(folder), weights(finished), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.slow
def test_ctrl_c_saves_and_exits_cleanly(data: Path, finished: Path, tmp_path: Path) -> None:
    process = start(*OPTIONS, "--data", data, "--output", tmp_path)
    assert process.stdout is not None
    process.stdout.readline()  # it says what it is going to do, then trains
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    folder = tmp_path / finished.name
    assert f"--resume {folder}" in out
    run("--resume", folder)
    for mine, theirs in zip(weights(folder), weights(finished), strict=True):
        assert torch.equal(mine, theirs)


def start_together(output: Path, data: Path, *options: str) -> subprocess.Popen[str]:
    """A run of two gloo processes on this machine."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "-m", "ballgan_train", "--device", "cpu", *options]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    return subprocess.Popen(
        [sys.executable, *command, "--data", str(data), "--output", str(output)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err[-3000:]
    return out


def assert_two_processes_are_one(
    output: Path, data: Path, *options: str, tolerance: float = 2e-3
) -> dict[str, Any]:
    """Train alone with two parts a batch, and with a part in each of two processes."""
    alone = ("--schedule.accumulation", "2", "--device", "cpu")
    run(*options, *alone, "--data", data, "--output", output / "one")
    finish(start_together(output / "two", data, *options, "--schedule.accumulation", "1"))
    first, second = (
        read_state(next((output / name).iterdir()))["trainer"] for name in ("one", "two")
    )
    assert first["images"] == second["images"]
    for part in ("generator", "judge"):
        for name, one in first[part].items():
            two = second[part][name]
            scale = one.abs().max().clamp_min(1.0)
            assert torch.allclose(one, two, atol=tolerance * scale.item(), rtol=0), f"{part} {name}"
    return second


@pytest.mark.slow
def test_two_processes_are_one(data: Path, tmp_path: Path) -> None:
    options = ["--preset", "smoke", "--schedule.total-kimg", "0.032", "--run.grid", "1"]
    assert assert_two_processes_are_one(tmp_path, data, *options)["images"] == 32


@pytest.mark.slow
def test_two_processes_grow_as_one(tmp_path: Path) -> None:
    """Through every level: of both networks, parts have no gradients before theirs is there.

    Only magnitudes of features are averaged by each process alone, so that less is the same.
    """
    (tmp_path / "heads").mkdir()
    data = write_heads(tmp_path / "heads", 32)
    trained = assert_two_processes_are_one(tmp_path, data, *GROWING, tolerance=5e-3)
    assert trained["images"] == 20  # pictures of 8, 8, 16, 32 and 32 pixels


def children(pid: int) -> list[int]:
    """Processes that `pid` has started, in order."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in /proc (Linux)")
def test_a_worker_that_dies_is_started_again(data: Path, tmp_path: Path) -> None:
    options = [*OPTIONS, "--schedule.accumulation", "1", "--schedule.total-kimg", "0.16"]
    process = start_together(tmp_path, data, *options)
    while not list(tmp_path.glob("*/training-state.pt")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    out = finish(process)
    (folder,) = tmp_path.iterdir()  # no second folder was begun
    assert "from 0 to 0.16 kimg" in out
    assert re.search(r"from 0\.\d+ to 0\.16 kimg", out)
    assert read_state(folder)["trainer"]["images"] == 160


def test_a_full_disk_keeps_the_last_state(data: Path, tmp_path: Path) -> None:
    run(*OPTIONS, "--data", data, "--output", tmp_path, "--schedule.total-kimg", "0.016")
    (folder,) = tmp_path.iterdir()
    # Room for a model (1.3 MB), but not for a state (8 MB).
    limited = ["sh", "-c", 'ulimit -f 6000; exec "$@"', "sh"]
    process = start("--resume", folder, "--schedule.total-kimg", "0.08", before=limited)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "cannot write" in line and "training-state.pt" in line and "--resume" in line
    assert read_state(folder)["trainer"]["images"] == 16
    assert not list(folder.glob(".*"))


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    for arguments, message in (
        (["--preset", "smoke"], "--data is needed"),
        (["--preset", "smoke", "--data", tmp_path / "none.zip"], "none.zip"),
        (["--resume", tmp_path], "no training-state.pt"),
    ):
        process = start(*arguments)
        _, err = process.communicate(timeout=100)
        assert process.returncode == 1
        assert message in err and err.count("\n") == 1


def test_damaged_states_are_named(tmp_path: Path) -> None:
    (tmp_path / "training-state.pt").write_bytes(b"PK\3\4 not really")
    with pytest.raises(ValueError, match="damaged"):
        read_state(tmp_path)


def test_run_folders_are_numbered(tmp_path: Path) -> None:
    assert next_folder(tmp_path, "toy").name == "00000-toy"
    (tmp_path / "00007-toy").mkdir()
    assert next_folder(tmp_path, "cars").name == "00008-cars"


def test_runs_that_begin_together_get_folders_of_their_own(tmp_path: Path) -> None:
    wanted = next_folder(tmp_path / "runs", "toy64-heads")
    claimed = [claim_folder(wanted).name for _ in range(3)]
    assert claimed == ["00000-toy64-heads", "00001-toy64-heads", "00002-toy64-heads"]


def test_trouble_is_explained() -> None:
    fine = {"d/sign_real": 0.5, "d/sign_fake": -0.4, "alpha/mean": 0.5}
    assert not list(warnings_for(fine))
    assert "gamma" in next(warnings_for({**fine, "d/sign_real": 1.0, "d/sign_fake": -1.0}))
    assert "vanished" in next(warnings_for({**fine, "alpha/mean": 0.0}))
    assert "everything" in next(warnings_for({**fine, "alpha/mean": 1.0}))


def test_progress_line() -> None:
    line = {"kimg": 12.5, "images_per_s": 40.0, "s_per_kimg": 25.0, "memory_mb": 500.0}
    line |= {"eta_s": 3700.0, "loss/g": 0.7, "loss/d": 1.3, "alpha/mean": 0.5, "alpha/min_t": 0.1}
    assert "12.50 kimg" in describe(line) and "1:02 h left" in describe(line)
