"""Trains and measures many variants of a run, so that they can be compared in one table.

A study is a folder. Each variant has its own folder in it: the run of `ballgan-train`, and the
`metrics.json` of `ballgan-train evaluate`. What is there is not done again, and a run that was
stopped goes on where it was; so the same command resumes a study.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ballgan.files import atomic_write
from ballgan.images import load_image, write_png

DIVERGED = "diverged.txt"  # the last words of a run that failed
STRIP_CELLS = 6  # pictures of each layer in a variant's strip
LAYERS = ("full", "foreground", "background", "depth")
COLUMNS = {  # key of metrics.json: heading
    "mask_iou": "mask IoU",
    "depth_error": "depth error",
    "pose_deg": "pose error, degrees",
    "judge_kid": "KID",
    "min_t": "min(T, 1-T)",
    "coverage": "alpha",
    "view_error": "views, 1/255",
    "diversity": "diversity",
}


@dataclass(frozen=True)
class Variant:
    """One row: how it is called in the table, and its options of `ballgan-train`."""

    name: str
    options: tuple[str, ...] = ()
    seed: int = 0

    @property
    def folder(self) -> str:
        """Name of its folder."""
        words = "".join(c if c.isalnum() else "-" for c in self.name.lower())
        return "-".join(part for part in f"{words}-{self.seed}".split("-") if part)


@dataclass(frozen=True)
class Study:
    """What all variants share."""

    folder: Path
    data: str  # of the training
    domain: str  # "heads" or "cars": what the judge knows
    preset: str
    kimg: float
    options: tuple[str, ...] = ()
    count: int = 300  # pictures that are judged
    judge: Path | None = None  # None: the one that evaluate keeps


def carry_out(study: Study, variants: Sequence[Variant]) -> Iterable[tuple[Variant, dict]]:
    """Train and measure each variant in turn: the variant and what is known of it."""
    for variant in variants:
        yield variant, complete(study, variant)


def complete(study: Study, variant: Variant) -> dict[str, Any]:
    """Train and measure one variant, or only what is missing.

    Returns `values` and `s_per_kimg`, or `diverged`: the last line of the run that failed.
    Raises SystemExit if measuring fails, or if a run stops before its end (Ctrl-C).
    """
    folder = study.folder / variant.folder
    if (folder / DIVERGED).is_file():
        return {"diverged": (folder / DIVERGED).read_text("utf-8")}
    if not (folder / "evaluation" / "metrics.json").is_file():
        if not _train(study, variant, folder):
            return {"diverged": (folder / DIVERGED).read_text("utf-8")}
        _evaluate(study, folder)
    metrics = json.loads((folder / "evaluation" / "metrics.json").read_text("utf-8"))
    return {"values": metrics["values"], "s_per_kimg": _seconds_per_kimg(_run_of(folder))}


def _train(study: Study, variant: Variant, folder: Path) -> bool:
    """Begin the run or go on with it; False if it failed for good."""
    folder.mkdir(parents=True, exist_ok=True)
    run = _run_of(folder)
    if run is not None and (run / "training-state.pt").is_file():
        arguments = ["--resume", str(run)]
    else:
        arguments = ["--preset", study.preset, "--data", study.data, "--output", str(folder)]
        arguments += ["--mirror"] if not study.data.startswith("toyworld:") else []
        arguments += [f"--schedule.total-kimg={study.kimg:g}", f"--run.seed={variant.seed}"]
        arguments += [*study.options, *variant.options]
    result = _call([sys.executable, "-m", "ballgan_train", *arguments], folder / "log.txt")
    if result == 0 and _kimg_of(_run_of(folder)) >= study.kimg:
        return True
    if result in (0, 130, -2):
        raise SystemExit(f"stopped; the same command goes on with {folder}")
    with atomic_write(folder / DIVERGED) as file:
        file.write(_last_line(folder / "log.txt").encode())
    return False


def _evaluate(study: Study, folder: Path) -> None:
    run = _run_of(folder)
    assert run is not None
    model = max(run.glob("model-*.pkl"))
    arguments = [str(model), "--data", f"toyworld:{study.domain}", "--count", str(study.count)]
    arguments += ["--pairs", str(min(study.count, 60)), "--output", str(folder / "evaluation")]
    arguments += ["--judge", str(study.judge)] if study.judge else []
    command = [sys.executable, "-m", "ballgan_train", "evaluate", *arguments]
    if _call(command, folder / "log.txt") != 0:
        raise SystemExit(f"measuring failed, see {folder / 'log.txt'}")


def _call(command: list[str], log: Path) -> int:
    with log.open("ab") as file:
        return subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env=os.environ, check=False
        ).returncode


def _run_of(folder: Path) -> Path | None:
    return max(folder.glob("[0-9]*-*/"), default=None)


def _kimg_of(run: Path | None) -> float:
    return _log(run)[-1]["kimg"] if _log(run) else 0.0


def _seconds_per_kimg(run: Path | None) -> float:
    return float(np.median([line["s_per_kimg"] for line in _log(run) if "s_per_kimg" in line]))


def _log(run: Path | None) -> list[dict[str, float]]:
    if run is None or not (run / "log.jsonl").is_file():
        return []
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def table(rows: Sequence[tuple[Variant, dict]]) -> str:
    """The comparison as Markdown; +- is the standard error over the pictures of one run."""
    heads = ["", "seed", *COLUMNS.values(), "s/kimg"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for variant, known in rows:
        if "diverged" in known:
            cells = [f"diverged: {known['diverged']}", *[""] * len(COLUMNS)]
        else:
            cells = [_cell(known["values"].get(key)) for key in COLUMNS]
            cells.append(f"{known['s_per_kimg']:.0f}")
        lines.append("| " + " | ".join([variant.name, str(variant.seed), *cells]) + " |")
    return "\n".join(lines) + "\n"


def _cell(estimate: dict[str, float] | None) -> str:
    if estimate is None:
        return ""
    value, error = estimate["value"], estimate["error"]
    return f"{value:.3g}" + (f" +- {error:.1g}" if error else "")


def strips(study: Study, variants: Sequence[Variant]) -> np.ndarray | None:
    """A row of pictures a variant (H, W, 3): samples, foregrounds, backgrounds and depths."""
    rows = [row for variant in variants if (row := _strip(study, variant)) is not None]
    if not rows:
        return None
    width = min(row.shape[1] for row in rows)
    return np.concatenate([row[:, :width] for row in rows])


def _strip(study: Study, variant: Variant) -> np.ndarray | None:
    run = _run_of(study.folder / variant.folder)
    newest = max(run.glob("samples/*-full.png"), default=None) if run else None
    if newest is None:
        return None
    cells = []
    for layer in LAYERS:
        grid = load_image(newest.with_name(newest.name.replace("full", layer)))
        side = grid.shape[1] // STRIP_CELLS
        cells.append(grid[:side, : side * STRIP_CELLS])
    return np.concatenate(cells, axis=1)


def write_report(path: Path, text: str, pictures: np.ndarray | None) -> None:
    """Write the page, and the pictures beside it under the same name in lower case."""
    if pictures is not None:
        image = path.with_name(path.stem.lower().replace("_", "-") + ".png")
        write_png(image, pictures)
        text += f"\n![Samples, foregrounds, backgrounds and depths]({image.name})\n"
    with atomic_write(path) as file:
        file.write(text.encode())
