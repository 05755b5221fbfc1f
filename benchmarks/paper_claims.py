"""BallGAN's claims on data with ground truth: backgrounds, foregrounds and regularisers compared.

    python benchmarks/paper_claims.py OUTPUT [--kimg 300] [--size 64] [--seeds 3] [--device cuda]

Toyworld's heads and all-round cars; each model is trained by `ballgan-train` with the same data,
budget and sizes, and measured by `ballgan-train evaluate` with one judge a domain. Every run has a
folder in OUTPUT: what is finished there is not done again, what was interrupted goes on. Runs are
ordered so that the sphere against no background, and against the inverted sphere, are complete
first. After every run the table in OUTPUT/PAPER_CLAIMS.md and the pictures in OUTPUT/pictures are
written anew, one line and one picture for each row; --report only does that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ballgan_train.samples import LAYERS

from ballgan.files import atomic_write
from ballgan.images import contact_sheet, load_image, resize_image, write_png

DOMAINS = ("heads", "cars")
FOREGROUNDS = ("triplane", "stylenerf")
DENSITY, TRANSMITTANCE = 0.01, 0.1  # weights of BallGAN's two regularisers (BallGAN sec. 3.3)
WITHOUT = ("--loss.foreground-density", "0", "--loss.binarization", "0", "--loss.sparsity", "0")
VARIANTS: dict[str, tuple[str, ...]] = {
    "": (),
    "+ density": ("--loss.foreground-density", str(DENSITY)),
    "+ transmittance": ("--loss.binarization", str(TRANSMITTANCE)),
    "+ both": (
        *("--loss.foreground-density", str(DENSITY)),
        *("--loss.binarization", str(TRANSMITTANCE)),
    ),
}
COLUMNS = {
    "mask_iou": "mask IoU",
    "depth_error": "depth error",
    "pose_deg": "pose error, deg",
    "judge_kid": "KID",
    "view_error": "view error, 1/255",
}
LOST = (0.02, 0.98)  # a mean opacity beyond these: all is background, or all is foreground
NOT_FINITE = "gradients that are not finite"  # in the message of a training that diverged
CELL = 384  # pixels of a picture in a grid


@dataclass(frozen=True)
class Row:
    """A line of the table: one model on one kind of data."""

    domain: str
    foreground: str
    background: str
    variant: str = ""

    @property
    def name(self) -> str:
        """Name of its folders and its picture."""
        parts = (self.domain, self.foreground, self.background, self.variant)
        return "-".join("".join(c for c in part if c.isalnum()) for part in parts if part)

    @property
    def impossible(self) -> str | None:
        """Why there can be no such model."""
        if self.background == "plane" and self.domain == "cars":
            return "a plane cannot be behind an object that is seen from all around"
        return None


def ordered_rows() -> Iterator[tuple[Row, ...]]:
    """Groups of rows whose comparison belongs together, those that matter most first."""
    for foreground in FOREGROUNDS:
        for domain in DOMAINS:
            behind = ("sphere", "none", "inverted-sphere")
            yield tuple(Row(domain, foreground, name) for name in behind)
    for domain in DOMAINS:
        variants = [name for name in VARIANTS if name]
        yield tuple(Row(domain, "triplane", "sphere", name) for name in variants)
    for foreground in FOREGROUNDS:
        for domain in DOMAINS:
            yield tuple(Row(domain, foreground, name) for name in ("cube", "plane"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing; 0 if all there can be is finished."""
    args = parse(arguments)
    output = Path(args.output)
    output.mkdir(parents=True, exist_ok=True)
    groups = [tuple(row for row in group if chosen(row, args)) for group in ordered_rows()]
    rows = [row for group in groups for row in group]
    if not args.report:
        for group in groups:
            # A seed of all rows before the next seed: an early end leaves fair comparisons.
            for seed in range(args.seeds):
                for row in group:
                    if row.impossible is None and not finish(row, seed, output, args):
                        return 130
                    write_report(rows, output, args)
    write_report(rows, output, args)
    sys.stdout.write(f"{output / 'PAPER_CLAIMS.md'}\n")
    return 0


def chosen(row: Row, args: argparse.Namespace) -> bool:
    """Whether a row was asked for."""
    return row.domain in args.domains and (args.rows is None or row.name in args.rows)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", metavar="OUTPUT", help="folder of all runs and of the report")
    parser.add_argument("--kimg", type=float, default=300.0, help="of each run (%(default)s)")
    parser.add_argument("--size", type=int, default=64, help="pixels: 32, 64, 128 (%(default)s)")
    parser.add_argument("--preset", help="of sizes and optimisation (default: toySIZE)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (%(default)s)")
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=list(DOMAINS))
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="only these, by their names")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (%(default)s)")
    parser.add_argument("--judge-kimg", type=float, default=48.0, help="(%(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="pictures measured (%(default)s)")
    parser.add_argument("--report", action="store_true", help="write the report, run nothing")
    parser.add_argument(
        "--train-options", default="", help="further options of ballgan-train, in one text"
    )
    args = parser.parse_args(arguments)
    args.preset = args.preset or f"toy{args.size}"
    return args


# Runs


def finish(row: Row, seed: int, output: Path, args: argparse.Namespace) -> bool:
    """Train and measure one model as far as that is missing; False if a person stopped it."""
    folder = output / "runs" / f"{row.name}-seed{seed}"
    result = folder / "result.json"
    if result.exists():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    say(f"{row.name}, seed {seed}")
    status, message = train(row, seed, folder, args)
    diverged = NOT_FINITE in message
    if status in (0, 130) and is_unfinished(folder, args):
        return False  # next time it goes on from there
    if status != 0 and not diverged:
        raise SystemExit(f"{row.name}, seed {seed}: the training failed; mend it and begin again")
    values: dict[str, Any] = {"diverged": diverged, "s_per_kimg": speed(folder)}
    if not diverged:
        values |= evaluate(row, folder, output, args)
        values["diverged"] = not LOST[0] < values.get("coverage", 0.5) < LOST[1]
    with atomic_write(result) as file:
        file.write(json.dumps(values, indent=2).encode())
    return True


def train(row: Row, seed: int, folder: Path, args: argparse.Namespace) -> tuple[int, str]:
    """Exit status and errors of the training, new or going on."""
    begun = sorted(folder.glob("*/training-state.pt"))
    device = ("--device", args.device)
    if begun:
        return call("ballgan_train", "--resume", str(begun[-1].parent), *device)
    return call(
        "ballgan_train",
        *("--preset", args.preset, "--foreground", row.foreground),
        *("--background", row.background, "--data", f"toyworld:{row.domain}"),
        *("--output", str(folder), "--run.seed", str(seed)),
        *("--schedule.total-kimg", str(args.kimg), "--run.keep", "1"),
        *(*WITHOUT, *VARIANTS[row.variant], *device, *args.train_options.split()),
    )


def is_unfinished(folder: Path, args: argparse.Namespace) -> bool:
    """Whether the training ended before its time."""
    lines = log_lines(folder)
    return not lines or lines[-1]["kimg"] < args.kimg


def evaluate(row: Row, folder: Path, output: Path, args: argparse.Namespace) -> dict[str, float]:
    """What the judge says of the newest model."""
    models = sorted(folder.glob("*/model-*.pkl"))
    measured = folder / "evaluation"
    status, _ = call(
        "ballgan_train",
        *("evaluate", str(models[-1]), "--data", f"toyworld:{row.domain}"),
        *("--output", str(measured), "--count", str(args.count)),
        *("--pairs", str(min(args.count, 200)), "--device", args.device),
        *("--judge", str(output / f"judge-{row.domain}.pt")),
        *("--judge-kimg", str(args.judge_kimg)),
    )
    if status != 0:
        raise SystemExit(f"the evaluation of {models[-1]} failed; mend it and begin again")
    report = json.loads((measured / "metrics.json").read_text())
    return {name: entry["value"] for name, entry in report["values"].items()}


def call(module: str, *arguments: str) -> tuple[int, str]:
    """Run a program of ours; its exit status, 130 if a person stopped it, and its errors."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    except KeyboardInterrupt:
        return 130, ""
    sys.stderr.write(done.stderr)
    return done.returncode, done.stderr


def log_lines(folder: Path) -> list[dict[str, Any]]:
    """What the training logged."""
    logs = sorted(folder.glob("*/log.jsonl"))
    return [json.loads(line) for line in logs[-1].read_text().splitlines()] if logs else []


def speed(folder: Path) -> float | None:
    """Median seconds per thousand pictures; None if nothing was logged."""
    seconds = [line["s_per_kimg"] for line in log_lines(folder) if "s_per_kimg" in line]
    return statistics.median(seconds) if seconds else None


def say(text: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# The report


def results_of(row: Row, output: Path) -> list[dict[str, Any]]:
    """Results of the finished runs of a row, by seed."""
    files = sorted((output / "runs").glob(f"{row.name}-seed*/result.json"))
    return [json.loads(file.read_text()) for file in files]


def write_report(rows: Sequence[Row], output: Path, args: argparse.Namespace) -> None:
    """The table of all rows, and a picture of each row that has one."""
    head = ["data", "foreground", "background", *COLUMNS.values(), "diverged", "s/kimg"]
    lines = [
        "# BallGAN's claims, measured",
        "",
        "Written by `benchmarks/paper_claims.py`, which says how. Mean and standard deviation over "
        f"seeds, of the runs that did not diverge; {args.kimg:g} kimg a run of `{args.preset}`, "
        f"{args.count} pictures measured. Regularisers are off where none is named.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
    ]
    for row in rows:
        results = results_of(row, output)
        lines.append("| " + " | ".join(format_row(row, results)) + " |")
        draw_row(row, output)
    finished = [row for row in rows if results_of(row, output)]
    if finished:
        lines += ["", "Left to right: " + ", ".join(LAYERS) + "; one seed below the other.", ""]
        lines += [f"{row.name}: ![{row.name}](pictures/{row.name}.png)" for row in finished]
    with atomic_write(output / "PAPER_CLAIMS.md") as file:
        file.write(("\n".join(lines) + "\n").encode())


def format_row(row: Row, results: Sequence[dict[str, Any]]) -> list[str]:
    """The cells of a line."""
    names = [row.domain, row.foreground, f"{row.background} {row.variant}".strip()]
    if row.impossible is not None:
        return [*names, row.impossible, *[""] * (len(COLUMNS) + 1)]
    sound = [result for result in results if not result["diverged"]]
    cells = [format_values([r[name] for r in sound if name in r]) for name in COLUMNS]
    diverged = f"{len(results) - len(sound)} of {len(results)}" if results else "not run"
    speeds = [r["s_per_kimg"] for r in results if r["s_per_kimg"] is not None]
    return [*names, *cells, diverged, format_values(speeds)]


def format_values(values: Sequence[float]) -> str:
    """Mean and standard deviation; a dash for nothing."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.4g}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2g}"


def draw_row(row: Row, output: Path) -> None:
    """The last sample grids of every seed of a row."""
    cells, labels = [], []
    for folder in sorted((output / "runs").glob(f"{row.name}-seed*")):
        newest = sorted(folder.glob("*/samples/*-full.png"))
        if newest:
            base = str(newest[-1]).removesuffix("full.png")
            pictures = [load_image(f"{base}{layer}.png") for layer in LAYERS]
            cells.append([resize_image(picture, CELL) for picture in pictures])
            labels.append(folder.name.rpartition("-")[2])
    if cells:
        (output / "pictures").mkdir(exist_ok=True)
        sheet: np.ndarray = contact_sheet(cells, labels, LAYERS)
        write_png(output / "pictures" / f"{row.name}.png", sheet)


if __name__ == "__main__":
    sys.exit(main())
