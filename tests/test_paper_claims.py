"""benchmarks/paper_claims.py: its order, what it does again, and a real run of smallest size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballgan.images import write_png

FOLDER = Path(__file__).parents[1] / "benchmarks"
ROWS = ["heads-triplane-sphere", "heads-triplane-none", "heads-triplane-invertedsphere"]


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import paper_claims

    return paper_claims


class Programs:
    """Stands for ballgan-train: writes what it would, and notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.kimg = 1.0

    def __call__(self, module: str, *arguments: str) -> tuple[int, str]:
        self.calls.append(arguments)
        option = dict(zip(arguments, arguments[1:], strict=False))
        output = Path(option.get("--resume") or option["--output"])
        if arguments[0] == "evaluate":
            output.mkdir()
            names = {"mask_iou": 0.5, "judge_kid": 0.01, "coverage": 0.3}
            values = {name: {"value": value, "error": None} for name, value in names.items()}
            (output / "metrics.json").write_text(json.dumps({"values": values}))
            return 0, ""
        run = output if "--resume" in option else output / "00000-run"
        (run / "samples").mkdir(parents=True, exist_ok=True)
        (run / "training-state.pt").touch()
        (run / "model-000001.pkl").touch()
        line = {"kimg": self.kimg, "s_per_kimg": 9.0}
        (run / "log.jsonl").write_text(json.dumps(line) + "\n")
        for layer in ("full", "foreground", "background", "depth"):
            write_png(run / "samples" / f"000001-{layer}.png", np.full((8, 8, 3), 0.5))
        return self.answers.pop(option.get("--background", ""), (0, ""))


@pytest.fixture
def programs(claims: Any, monkeypatch: pytest.MonkeyPatch) -> Programs:
    stand_in = Programs()
    monkeypatch.setattr(claims, "call", stand_in)
    return stand_in


def run(claims: Any, output: Path, *options: str) -> int:
    return claims.main([str(output), "--kimg", "1", "--seeds", "2", "--rows", *ROWS, *options])


def test_the_comparisons_that_matter_most_come_first(claims: Any) -> None:
    groups = list(claims.ordered_rows())
    names = [row.name for group in groups for row in group]
    assert names[:3] == ROWS
    assert len(names) == len(set(names)) == 26
    main = [row.background for group in groups[:4] for row in group]
    assert set(main) == {"sphere", "none", "inverted-sphere"} and len(main) == 12
    assert [row.name for group in groups for row in group if row.impossible] == [
        "cars-triplane-plane",
        "cars-stylenerf-plane",
    ]
    assert {"heads-triplane-sphere-density", "cars-triplane-sphere-both"} <= set(names)


def test_finished_work_is_not_done_again(claims: Any, programs: Programs, tmp_path: Path) -> None:
    assert run(claims, tmp_path) == 0
    assert len(programs.calls) == 12  # three rows, two seeds, trained and measured
    trained = [c for c in programs.calls if c[0] != "evaluate"]
    seeds = [c[c.index("--run.seed") + 1] for c in trained]
    assert seeds == ["0", "0", "0", "1", "1", "1"]
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert "| heads | triplane | sphere | 0.5 ± 0 | - | - | 0.01 ± 0 | - | 0 of 2 | 9 ± 0 |" in page
    assert (tmp_path / "pictures" / "heads-triplane-none.png").exists()
    assert run(claims, tmp_path) == 0 and len(programs.calls) == 12


def test_an_interrupted_run_goes_on(claims: Any, programs: Programs, tmp_path: Path) -> None:
    programs.kimg = 0.5  # stopped half way
    assert run(claims, tmp_path) == 130
    assert len(programs.calls) == 1
    programs.kimg = 1.0
    assert run(claims, tmp_path) == 0
    assert programs.calls[1][0] == "--resume" and "00000-run" in programs.calls[1][1]


def test_diverged_runs_are_counted_and_others_stop_it(
    claims: Any, programs: Programs, tmp_path: Path
) -> None:
    programs.answers["none"] = (2, "20 steps in a row gave gradients that are not finite. Lower ..")
    assert run(claims, tmp_path) == 0
    page = (tmp_path / "PAPER_CLAIMS.md").read_text()
    assert "| heads | triplane | none | 0.5 | - | - | 0.01 | - | 1 of 2 |" in page
    programs.answers["none"] = (2, "the disk is full")
    with pytest.raises(SystemExit, match="heads-triplane-none, seed 0: the training failed"):
        run(claims, tmp_path / "other")


@pytest.mark.slow
def test_a_real_run_of_the_smallest_size(claims: Any, tmp_path: Path) -> None:
    options = ["--kimg", "0.016", "--preset", "smoke", "--count", "8", "--judge-kimg", "0.06"]
    rows = ["--seeds", "1", "--rows", "heads-stylenerf-sphere", "--device", "cpu"]
    assert claims.main([str(tmp_path), *options, *rows]) == 0
    (result,) = tmp_path.glob("runs/*/result.json")
    values = json.loads(result.read_text())
    assert {"mask_iou", "judge_kid", "coverage", "s_per_kimg"} <= values.keys()
    assert "heads-stylenerf-sphere.png" in (tmp_path / "PAPER_CLAIMS.md").read_text()
