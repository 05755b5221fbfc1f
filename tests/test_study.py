"""benchmarks/study.py and what is built on it: what is done is not done again; a real small run."""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_train.judge import Judge, JudgeInfo, save_judge

from ballgan.images import load_image, write_png

FOLDER = Path(__file__).parents[1] / "benchmarks"
FIRST = ["heads-triplane-sphere-none", "heads-triplane-none-none"]
FIRST += ["heads-triplane-inverted-sphere-none"]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("study")


@pytest.fixture
def claims(study: Any) -> Any:
    return importlib.import_module("paper_claims")


class Programs:
    """Stands for ballgan-train: writes what it would, and notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.answers: dict[str, tuple[int, str]] = {}  # by background: status and last words
        self.kimg = 1.0
        self.coverage = 0.3
        self.more: dict[str, float] = {}  # values measured

    def __call__(self, folder: Path, *arguments: str) -> int:
        self.calls.append(arguments)
        option = dict(zip(arguments, arguments[1:], strict=False))
        output = Path(option.get("--resume") or option["--output"])
        if arguments[0] == "evaluate":
            output.mkdir(exist_ok=True)
            names = {"mask_iou": 0.5, "judge_kid": 0.01, "coverage": self.coverage}
            names |= self.more
            values = {name: {"value": value, "error": None} for name, value in names.items()}
            (output / "metrics.json").write_text(json.dumps({"values": values}))
            return 0
        run = output if "--resume" in option else output / "00000-run"
        (run / "samples").mkdir(parents=True, exist_ok=True)
        (run / "training-state.pt").touch()
        (run / "model-000001.pkl").touch()
        line = {"kimg": self.kimg, "s_per_kimg": 9.0}
        (run / "log.jsonl").write_text(json.dumps(line) + "\n")
        for layer in ("full", "foreground", "background", "depth"):
            write_png(run / "samples" / f"000001-{layer}.png", np.full((48, 48, 3), 0.5))
        status, words = self.answers.pop(option.get("--background", ""), (0, ""))
        (folder / "log.txt").write_text(f"first line\n{words}\n")
        return status


@pytest.fixture
def programs(study: Any, monkeypatch: pytest.MonkeyPatch) -> Programs:
    stand_in = Programs()
    monkeypatch.setattr(study, "_call", stand_in)
    return stand_in


@pytest.fixture
def run(study: Any, claims: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def _run(*options: str, seeds: int = 2) -> int:
        arguments = [str(tmp_path / "runs"), "--kimg", "1", "--seeds", str(seeds), *options]
        rows = [] if "--rows" in options else ["--rows", *FIRST]
        monkeypatch.setattr("sys.argv", ["paper_claims.py", *arguments, *rows])
        page = study.Page(tmp_path / "PAPER_CLAIMS.md", "Claims", "Text.", claims.PAGE.headings)
        return study.main(page, list(claims.groups()), "", preset="smoke", kimg=300.0, count=8)

    return _run


def test_the_comparisons_that_matter_most_come_first(claims: Any) -> None:
    groups = list(claims.groups())
    names = [row.name for group in groups for row in group]
    assert names[:3] == FIRST
    assert len(names) == len(set(names)) == 36
    main = [row.names[2] for group in groups[:6] for row in group]
    assert set(main) == {"sphere", "none", "inverted-sphere"} and len(main) == 18
    impossible = [row.name for group in groups for row in group if row.impossible]
    all_round = [name for foreground in claims.FOREGROUNDS for name in ("cars", "rooms")]
    assert len(impossible) == len(all_round) == 4
    assert all("-plane-" in name and not name.startswith("heads") for name in impossible)
    assert {"heads-triplane-sphere-density", "cars-triplane-sphere-both"} <= set(names)


def test_the_ablations_are_all_pairs(study: Any) -> None:
    rows = importlib.import_module("ablations").ROWS
    assert len({row.name for row in rows}) == len({row.options for row in rows}) == 9


def test_finished_work_is_not_done_again(run: Any, programs: Programs, tmp_path: Path) -> None:
    assert run() == 0
    assert len(programs.calls) == 12  # three rows, two seeds, trained and measured
    trained = [c for c in programs.calls if c[0] != "evaluate"]
    seeds = [c[c.index("--run.seed") + 1] for c in trained]
    assert seeds == ["0", "0", "0", "1", "1", "1"]
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert "| heads | triplane | sphere | none | 0.5 ± 0 | - | - | - | 0.01 ± 0 |" in page
    assert "| 0 of 2 | 9 ± 0 |" in page and f"(paper-claims/{FIRST[2]}.png)" in page
    assert load_image(tmp_path / f"paper-claims/{FIRST[2]}.png").shape[0] >= 48
    (tmp_path / "PAPER_CLAIMS.md").write_text(f"{page}\n## What it shows\n\nMuch.\n")
    assert run() == 0 and len(programs.calls) == 12
    again = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert again.endswith("## What it shows\n\nMuch.\n") and again.startswith(page)
    assert run("--report") == 0 and len(programs.calls) == 12


def test_the_record_outlives_the_folder(run: Any, programs: Programs, tmp_path: Path) -> None:
    assert run() == 0
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    with pytest.raises(SystemExit, match="other settings or data; take a new folder"):
        run("--data", "heads=more.zip")
    shutil.rmtree(tmp_path / "runs")
    assert run() == 0 and len(programs.calls) == 12
    assert (tmp_path / "PAPER_CLAIMS.md").read_text() == page
    assert run("--options=--run.keep=2") == 0  # another study
    assert len(programs.calls) == 24
    shutil.rmtree(tmp_path / "runs")
    assert run() == 0 and len(programs.calls) == 24  # the record has kept both
    assert run("--data", "heads=more.zip") == 0 and len(programs.calls) == 36
    shutil.rmtree(tmp_path / "runs")
    assert run() == 0 and run("--data", "heads=more.zip") == 0
    assert len(programs.calls) == 36  # and that of other data


def test_finished_runs_are_measured_again_for_a_new_column(
    run: Any, study: Any, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [FIRST[0], "rooms-triplane-sphere-none"]
    columns = {k: v for k, v in study.COLUMNS.items() if k != "background_depth_error"}
    with monkeypatch.context() as earlier:
        earlier.setattr(study, "COLUMNS", columns)
        assert run("--rows", *rows, seeds=1) == 0 and len(programs.calls) == 4
    page = tmp_path / "PAPER_CLAIMS.md"
    (tmp_path / f"runs/{rows[1]}-seed0/result.json").unlink()  # the record has it
    assert run("--report", "--rows", *rows) == 0 and len(programs.calls) == 4
    assert "| rooms | triplane | sphere | none | 0.5 | - | - | - | 0.01 |" in page.read_text()
    programs.more["background_depth_error"] = 1.5
    assert run("--rows", *rows, seeds=1) == 0
    assert [call[0] for call in programs.calls[4:]] == ["evaluate"]  # and nothing trained
    assert "toyworld:rooms" in programs.calls[4]
    assert "| rooms | triplane | sphere | none | 0.5 | - | 1.5 | - | 0.01 |" in page.read_text()
    shutil.rmtree(tmp_path / "runs")
    assert run("--rows", *rows, seeds=1) == 0 and len(programs.calls) == 5
    assert "| 1.5 |" in page.read_text()


def test_results_of_runs_that_are_gone_stay_without_a_new_column(
    run: Any, study: Any, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {k: v for k, v in study.COLUMNS.items() if k != "background_depth_error"}
    with monkeypatch.context() as earlier:
        earlier.setattr(study, "COLUMNS", columns)
        assert run("--rows", "rooms-triplane-none-none", seeds=1) == 0
    shutil.rmtree(tmp_path / "runs")
    assert run("--rows", "rooms-triplane-none-none", seeds=1) == 0 and len(programs.calls) == 2
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert "| rooms | triplane | none | none | 0.5 | - | - | - | 0.01 |" in page


def test_a_column_without_a_value_is_not_measured_for_ever(run: Any, programs: Programs) -> None:
    for _ in range(2):
        assert run("--rows", "rooms-triplane-none-none", seeds=1) == 0
        assert len(programs.calls) == 2


def test_an_interrupted_run_goes_on(run: Any, programs: Programs) -> None:
    programs.kimg = 0.5  # stopped half way
    assert run() == 130
    assert len(programs.calls) == 1
    programs.kimg = 1.0
    assert run() == 0
    assert programs.calls[1][0] == "--resume" and "00000-run" in programs.calls[1][1]


def test_diverged_runs_are_counted_and_others_stop_it(
    run: Any, programs: Programs, tmp_path: Path
) -> None:
    programs.answers["none"] = (2, "20 steps in a row gave gradients that are not finite. Lower ..")
    assert run() == 0
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert "| heads | triplane | none | none | 0.5 | - | - | - | 0.01 |" in page
    assert "| 1 of 2 |" in page
    programs.answers["cube"] = (2, "the disk is full")
    with pytest.raises(SystemExit, match=r"training failed; .*log\.txt"):
        run("--rows", "heads-triplane-cube-none")


def test_a_lost_foreground_is_divergence(run: Any, programs: Programs, tmp_path: Path) -> None:
    programs.coverage = 0.01
    assert run("--rows", FIRST[0], seeds=1) == 0
    assert "| 1 of 1 |" in (tmp_path / "PAPER_CLAIMS.md").read_text()


def test_own_data_and_judges(run: Any, programs: Programs, capsys: Any) -> None:
    assert run("--data", "heads=heads.zip", "--judge", "heads=judge.pt", seeds=1) == 0
    trained, measured = programs.calls[:2]
    assert trained[trained.index("--data") + 1] == "heads.zip" and "--mirror" in trained
    assert measured[measured.index("--judge") + 1] == "judge.pt"
    with pytest.raises(SystemExit):
        run("--data", "dogs=dogs.zip")
    assert "'dogs=dogs.zip' is not DOMAIN=" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_run_of_the_smallest_size(run: Any, tmp_path: Path) -> None:
    untrained = Judge(JudgeInfo("heads", 16)).eval().requires_grad_(False)  # any opinion will do
    save_judge(untrained, tmp_path / "judge.pt")
    options = ["--kimg", "0.016", "--judge", f"heads={tmp_path / 'judge.pt'}", "--device", "cpu"]
    assert run("--rows", "heads-stylenerf-sphere-none", *options, seeds=1) == 0
    (result,) = tmp_path.glob("runs/*/result.json")
    values = json.loads(result.read_text())
    assert {"mask_iou", "judge_kid", "coverage", "s_per_kimg"} <= values.keys()
    assert (tmp_path / "paper-claims" / "heads-stylenerf-sphere-none.png").is_file()
