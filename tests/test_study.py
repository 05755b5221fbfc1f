"""benchmarks/study.py: what is done is not done again, and what failed is said."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ballgan.images import write_png

PATH = Path(__file__).parents[1] / "benchmarks" / "study.py"


@pytest.fixture
def study(monkeypatch):
    spec = importlib.util.spec_from_file_location("study", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "study", module)
    spec.loader.exec_module(module)
    return module


class Commands:
    """Stands for the processes: a run that ends at `kimg`, and its evaluation."""

    def __init__(self, study, monkeypatch, *, kimg=1.0, fails=False):
        self.calls, self.kimg, self.fails = [], kimg, fails
        monkeypatch.setattr(study, "_call", self)

    def __call__(self, command, log):
        self.calls.append(command)
        log.parent.mkdir(parents=True, exist_ok=True)
        if "evaluate" in command:
            folder = Path(command[command.index("--output") + 1])
            folder.mkdir()
            values = {"mask_iou": {"value": 0.75, "error": 0.01}, "min_t": {"value": 0.1}}
            values["min_t"]["error"] = None
            (folder / "metrics.json").write_text(json.dumps({"values": values}))
            return 0
        log.write_text("first line\nValueError: the loss is not a number\n")
        if self.fails:
            return 1
        resumed = "--resume" in command
        key = "--resume" if resumed else "--output"
        run = Path(command[command.index(key) + 1]) / ("" if resumed else "00000-smoke-data")
        (run / "samples").mkdir(parents=True, exist_ok=True)
        (run / "model-000001.pkl").touch()
        (run / "training-state.pt").touch()
        (run / "log.jsonl").write_text(json.dumps({"kimg": self.kimg, "s_per_kimg": 40.0}))
        for layer in ("full", "foreground", "background", "depth"):
            write_png(run / "samples" / f"000001-{layer}.png", np.full((48, 48, 3), 0.5))
        return 0


def make(study, folder):
    return study.Study(folder, "toyworld:heads", "heads", "smoke", 1.0)


def test_a_variant_is_trained_and_measured_once(study, monkeypatch, tmp_path):
    commands = Commands(study, monkeypatch)
    variant = study.Variant("logistic, R1", ("--loss.gamma=2",), seed=3)
    known = study.complete(make(study, tmp_path), variant)
    assert known["values"]["mask_iou"]["value"] == 0.75
    assert known["s_per_kimg"] == 40.0
    assert "--loss.gamma=2" in commands.calls[0]
    assert "--run.seed=3" in commands.calls[0]
    assert len(commands.calls) == 2
    assert study.complete(make(study, tmp_path), variant) == known
    assert len(commands.calls) == 2


def test_a_stopped_run_goes_on(study, monkeypatch, tmp_path):
    variant = study.Variant("a")
    Commands(study, monkeypatch, kimg=0.5)
    with pytest.raises(SystemExit, match="same command goes on"):
        study.complete(make(study, tmp_path), variant)
    commands = Commands(study, monkeypatch)
    study.complete(make(study, tmp_path), variant)
    assert "--resume" in commands.calls[0]


def test_a_run_that_fails_is_a_row(study, monkeypatch, tmp_path):
    Commands(study, monkeypatch, fails=True)
    variant = study.Variant("a")
    known = study.complete(make(study, tmp_path), variant)
    assert known == {"diverged": "ValueError: the loss is not a number"}
    assert "diverged: ValueError" in study.table([(variant, known)])
    assert study.complete(make(study, tmp_path), variant) == known


def test_the_report(study, monkeypatch, tmp_path):
    Commands(study, monkeypatch)
    shared = make(study, tmp_path / "runs")
    variants = [study.Variant("a"), study.Variant("b")]
    rows = list(study.carry_out(shared, variants))
    text = study.table(rows)
    assert text.splitlines()[2].startswith("| a | 0 | 0.75 +- 0.01 |")
    pictures = study.strips(shared, variants)
    assert pictures.shape == (2 * 8, 4 * 6 * 8, 3)
    study.write_report(tmp_path / "PAPER_CLAIMS.md", text, pictures)
    assert "(paper-claims.png)" in (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert (tmp_path / "paper-claims.png").is_file()
