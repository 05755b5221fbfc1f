"""Trains and measures many variants of a model, so that they can be compared in one table.

A study is a folder. Every run of a row has its own folder in it: the run of `ballgan-train`, and
what `ballgan-train evaluate` says of it. What is there is not done again, and a run that was
stopped goes on where it was; so the same command resumes a study. The report is written anew after
every run, but for what a person has written into it. Beside it lies a record of all results, which
outlives the folder: what it holds of the same study is not done again either, but for measuring a
finished run that is still there, if a column has come since. Other sizes, budgets or data are
another study: the record keeps both, and a folder holds one of them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ballgan_train.samples import LAYERS
from harness import machine

from ballgan.files import atomic_write
from ballgan.images import contact_sheet, load_image, write_png

DOMAINS = ("heads", "cars", "rooms")
COLUMNS = {  # key of metrics.json: heading
    "mask_iou": "mask IoU",
    "depth_error": "depth error",
    "background_depth_error": "background depth error",
    "pose_deg": "pose error, degrees",
    "judge_kid": "KID",
    "view_error": "view error, 1/255",
    "min_t": "min(T, 1-T)",
    "coverage": "alpha",
    "diversity": "diversity",
}
ONLY = {"background_depth_error": ("rooms",)}  # domains that alone have a column
LOST = (0.02, 0.98)  # a mean opacity beyond these: all is background, or all is foreground
NOT_FINITE = "gradients that are not finite"  # in the message of a training that diverged
STRIP_CELLS = 6  # samples of each layer in the picture of a row ...
CELL = 48  # ... and their least size, pixels
NOTES = "## What it shows"  # begins what is written by hand into a report, and kept
RESULT = "result.json"  # in the folder of a run that is finished
STOPPED = (130, -2)  # exit statuses after Ctrl-C


@dataclass(frozen=True)
class Row:
    """A line of the table: what it is called, and its options of `ballgan-train`."""

    names: tuple[str, ...]
    options: tuple[str, ...] = ()
    domain: str = "heads"  # what the judge knows
    impossible: str | None = None  # why there can be no such model

    @property
    def name(self) -> str:
        """Name of its folders and its picture."""
        words = "".join(c if c.isalnum() else " " for c in " ".join(self.names).lower())
        return "-".join(words.split())


@dataclass(frozen=True)
class Page:
    """What a report says round its table."""

    path: Path  # of the Markdown file; its picture lies beside it, in lower case
    title: str
    text: str  # what is compared
    headings: tuple[str, ...]  # of the names of rows

    @property
    def record(self) -> Path:
        """The results behind the table."""
        return self.path.with_suffix(".json")


@dataclass(frozen=True)
class Study:
    """What all runs share."""

    folder: Path
    preset: str
    kimg: float
    seeds: int
    data: dict[str, str]  # by domain
    judges: dict[str, str]  # files by domain; what is missing is trained
    count: int  # pictures that are judged
    device: str
    options: tuple[str, ...]  # of `ballgan-train`, before those of a row

    @property
    def settings(self) -> dict[str, Any]:
        """What makes results comparable."""
        options = list(self.options)
        return {"preset": self.preset, "kimg": self.kimg, "count": self.count, "options": options}

    def source(self, domain: str) -> dict[str, str]:
        """What tells the data of a domain from others."""
        return {"domain": domain, "data": Path(self.data[domain]).name}

    def holds(self, settings: dict[str, Any], values: dict[str, Any]) -> bool:
        """Whether the result of a run with these settings is one of this study's."""
        return settings == self.settings and self.source(values["domain"]).items() <= values.items()


def main(page: Page, groups: Sequence[Sequence[Row]], description: str, **defaults: Any) -> int:
    """Carry out what is missing; rows of a group are compared before the next group begins.

    Returns 0 if all there can be is finished, 130 if a person stopped it.
    """
    args = _parser(description, **defaults).parse_args()
    study = Study(
        Path(args.folder),
        args.preset,
        args.kimg,
        args.seeds,
        {name: f"toyworld:{name}" for name in DOMAINS} | dict(args.data),
        dict(args.judge),
        args.count,
        args.device,
        tuple(args.options.split()),
    )
    chosen = [[row for row in group if _is_chosen(row, args)] for group in groups]
    rows = [row for group in chosen for row in group]
    if not args.report:
        for run in _order(chosen, study.seeds):
            print(*run[0].names, f"seed {run[1]}", sep=", ", flush=True)
            if not finish(study, page, *run):
                print("Stopped; the same command goes on.", flush=True)
                return 130
            write_report(study, page, rows)
    write_report(study, page, rows)
    print(page.path)
    return 0


def _parser(description: str, **defaults: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", help="where the runs are kept")
    parser.add_argument("--kimg", type=float, help="of each run (%(default)s)")
    parser.add_argument("--preset", help="of sizes and optimisation (%(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each row (%(default)s)")
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=list(DOMAINS))
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="only these, by their folders")
    pairs = {"nargs": "+", "type": _pair, "default": []}
    parser.add_argument(
        "--data", metavar="DOMAIN=DATA", help="instead of the stream toyworld:DOMAIN", **pairs
    )
    parser.add_argument(
        "--judge", metavar="DOMAIN=FILE", help="instead of the judge that is kept", **pairs
    )
    parser.add_argument("--count", type=int, help="pictures measured (%(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (%(default)s)")
    parser.add_argument("--report", action="store_true", help="write the report, run nothing")
    parser.add_argument("--options", default="", help="more options of ballgan-train, in one text")
    parser.set_defaults(**defaults)
    return parser


def _pair(text: str) -> tuple[str, str]:
    domain, equals, value = text.partition("=")
    if domain not in DOMAINS or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not DOMAIN=..., with one of {DOMAINS}")
    return domain, value


def _is_chosen(row: Row, args: argparse.Namespace) -> bool:
    return row.domain in args.domains and (args.rows is None or row.name in args.rows)


def _order(groups: Sequence[Sequence[Row]], seeds: int) -> list[tuple[Row, int]]:
    """A seed of all rows of a group before the next seed: an early end leaves fair comparisons."""
    return [
        (row, seed)
        for group in groups
        for seed in range(seeds)
        for row in group
        if row.impossible is None
    ]


# Runs


def finish(study: Study, page: Page, row: Row, seed: int) -> bool:
    """Train and measure one model as far as that is missing; False if a person stopped it.

    A finished run whose result lacks a column that has come since is measured again.

    Raises SystemExit if a program fails for another reason than that the training diverged.
    """
    folder = study.folder / f"{row.name}-seed{seed}"
    known = read_results(study, page).get(folder.name)
    if known is not None and (_has_all(known) or not _is_complete(study, folder)):
        return True
    folder.mkdir(parents=True, exist_ok=True)
    status = _train(study, row, seed, folder)
    diverged = status != 0 and NOT_FINITE in _last_line(folder)
    if status in STOPPED or (status == 0 and not _is_complete(study, folder)):
        return False
    if status != 0 and not diverged:
        raise SystemExit(f"The training failed; mend it and begin again: {folder / 'log.txt'}")
    values: dict[str, Any] = study.source(row.domain) | {"study": study.settings}
    values |= {"diverged": diverged, "s_per_kimg": _seconds_per_kimg(folder)}
    if not diverged:
        status = _evaluate(study, row, folder)
        if status in STOPPED:
            return False
        if status != 0:
            raise SystemExit(f"Measuring failed; mend it and begin again: {folder / 'log.txt'}")
        metrics = json.loads((folder / "evaluation" / "metrics.json").read_text("utf-8"))
        found = {name: entry["value"] for name, entry in metrics["values"].items()}
        values |= dict.fromkeys(COLUMNS) | found  # of some columns a model has no value
        values["diverged"] = not LOST[0] < found.get("coverage", 0.5) < LOST[1]
    with atomic_write(folder / RESULT) as file:
        file.write(json.dumps(values, indent=2).encode())
    return True


def _has_all(values: dict[str, Any]) -> bool:
    """Whether all columns that its domain has were there when a run was measured."""
    columns = {name for name in COLUMNS if values["domain"] in ONLY.get(name, DOMAINS)}
    return columns <= values.keys()


def read_results(study: Study, page: Page) -> dict[str, dict[str, Any]]:
    """What was measured, by the names of the runs' folders: values by key.

    Raises SystemExit if the folder has results of another study.
    """
    results: dict[str, dict[str, Any]] = {}
    for entry in _read_record(page):
        for name, values in entry["results"].items():
            if study.holds(entry["study"], values):
                results[name] = values
    for file in sorted(study.folder.glob(f"*-seed*/{RESULT}")):
        values = json.loads(file.read_text("utf-8"))
        if not study.holds(values["study"], values):
            raise SystemExit(f"{file} is of other settings or data; take a new folder.")
        results[file.parent.name] = values
    return results


def _read_record(page: Page) -> list[dict[str, Any]]:
    return json.loads(page.record.read_text("utf-8")) if page.record.is_file() else []


def _write_record(study: Study, page: Page, results: dict[str, dict[str, Any]]) -> None:
    keys = ("domain", "data", "diverged", "s_per_kimg", *COLUMNS)
    kept = {
        name: {key: result[key] for key in keys if key in result}
        for name, result in sorted(results.items())
    }
    record = [{"study": study.settings, "results": kept}]
    for entry in reversed(_read_record(page)):
        others = {n: v for n, v in entry["results"].items() if not study.holds(entry["study"], v)}
        if others:
            record.insert(0, entry | {"results": others})
    with atomic_write(page.record) as file:
        file.write((json.dumps(record, indent=1) + "\n").encode())


def _train(study: Study, row: Row, seed: int, folder: Path) -> int:
    if _is_complete(study, folder):
        return 0
    run = _run_of(folder)
    if run is not None and (run / "training-state.pt").is_file():
        return _call(folder, "--resume", str(run), "--device", study.device)
    return _call(
        folder,
        *("--preset", study.preset, "--data", study.data[row.domain], "--output", str(folder)),
        *(() if study.data[row.domain].startswith("toyworld:") else ("--mirror",)),
        *("--schedule.total-kimg", f"{study.kimg:g}", "--run.seed", str(seed), "--run.keep", "1"),
        *("--run.grid", str(STRIP_CELLS), "--device", study.device),
        *study.options,
        *row.options,
    )


def _evaluate(study: Study, row: Row, folder: Path) -> int:
    run = _run_of(folder)
    assert run is not None
    judge = study.judges.get(row.domain)
    return _call(
        folder,
        *("evaluate", str(max(run.glob("model-*.pkl"))), "--data", f"toyworld:{row.domain}"),
        *("--output", str(folder / "evaluation"), "--device", study.device),
        *("--count", str(study.count), "--pairs", str(min(study.count, 60))),
        *(("--judge", judge) if judge else ()),
    )


def _call(folder: Path, *arguments: str) -> int:
    """Run `ballgan-train`, with what it says in the folder's log; its exit status."""
    command = [sys.executable, "-m", "ballgan_train", *arguments]
    with (folder / "log.txt").open("ab") as log:
        try:
            done = subprocess.run(command, stdout=log, stderr=log, env=os.environ, check=False)
        except KeyboardInterrupt:
            return STOPPED[0]
    return done.returncode


def _run_of(folder: Path) -> Path | None:
    return max(folder.glob("[0-9]*-*/"), default=None)


def _is_complete(study: Study, folder: Path) -> bool:
    lines = _log_lines(folder)
    return bool(lines) and lines[-1]["kimg"] >= study.kimg


def _seconds_per_kimg(folder: Path) -> float | None:
    seconds = [line["s_per_kimg"] for line in _log_lines(folder) if "s_per_kimg" in line]
    return statistics.median(seconds) if seconds else None


def _log_lines(folder: Path) -> list[dict[str, Any]]:
    run = _run_of(folder)
    if run is None or not (run / "log.jsonl").is_file():
        return []
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def _last_line(folder: Path) -> str:
    lines = (folder / "log.txt").read_text("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else "no message"


# The report


def write_report(study: Study, page: Page, rows: Sequence[Row]) -> None:
    """Write the page with the table of all rows, and the picture of those that have one."""
    known = machine()
    results = read_results(study, page)
    _write_record(study, page, results)
    parts = [
        f"# {page.title}",
        page.text,
        f"Written by `benchmarks/{Path(sys.argv[0]).name}`: {study.kimg:g} thousand pictures a run "
        f"of preset `{study.preset}`{_list_options(study)}, {study.count} pictures measured with "
        "the judge network. "
        "Where a row has several seeds, mean ± standard deviation over those that did not diverge; "
        "differences of a few hundredths between single short runs mean little.",
        "Machine: " + ", ".join(f"{key} {known[key]}" for key in ("processor", "gpu", "torch")),
        table(page, rows, results),
    ]
    parts += _show_pictures(study, page, rows)
    parts.append(_read_notes(page.path))
    with atomic_write(page.path) as file:
        file.write(("\n\n".join(part.strip() for part in parts if part) + "\n").encode())


def _read_notes(path: Path) -> str:
    """What a person has written under the report's table, from the heading NOTES on."""
    text = path.read_text("utf-8") if path.is_file() else ""
    return text[text.index(NOTES) :] if NOTES in text else ""


def _list_options(study: Study) -> str:
    return f" with `{' '.join(study.options)}`" if study.options else ""


def table(page: Page, rows: Sequence[Row], results: dict[str, dict[str, Any]]) -> str:
    """The comparison as Markdown; `results` as read_results gives them."""
    head = [*page.headings, *COLUMNS.values(), "diverged", "s/kimg"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cells(row, results)) + " |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row, results: dict[str, dict[str, Any]]) -> list[str]:
    if row.impossible is not None:
        return [*row.names, row.impossible, *[""] * (len(COLUMNS) + 1)]
    runs = [r for name, r in results.items() if name.rpartition("-seed")[0] == row.name]
    sound = [result for result in runs if not result["diverged"]]
    cells = [_format([r[n] for r in sound if r.get(n) is not None]) for n in COLUMNS]
    diverged = f"{len(runs) - len(sound)} of {len(runs)}" if runs else "not run"
    speeds = [r["s_per_kimg"] for r in runs if r["s_per_kimg"] is not None]
    return [*row.names, *cells, diverged, _format(speeds)]


def _format(values: Sequence[float]) -> str:
    """Mean and standard deviation; a dash for nothing."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.3g}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2g}"


def _show_pictures(study: Study, page: Page, rows: Sequence[Row]) -> list[str]:
    """Keep a picture of each row that has run; the Markdown that shows all that are kept."""
    folder = page.path.parent / page.path.stem.lower().replace("_", "-")
    lines = []
    for row in rows:
        path = folder / f"{row.name}.png"
        picture = _draw_samples(study, row)
        if picture is not None:
            folder.mkdir(exist_ok=True)
            write_png(path, picture)
        if path.is_file():
            lines.append(f"| {', '.join(row.names)} | ![samples]({folder.name}/{path.name}) |")
    head = [f"| the first {STRIP_CELLS} samples | {', '.join(LAYERS)} |", "| --- | --- |"]
    return ["\n".join(head + lines)] if lines else []


def _draw_samples(study: Study, row: Row) -> np.ndarray | None:
    """Samples of the row's first seed that has run, layer by layer: (H, W, 3), or None."""
    runs = list(filter(None, map(_run_of, sorted(study.folder.glob(f"{row.name}-seed*")))))
    newest = [max(found) for run in runs if (found := list(run.glob("samples/*-full.png")))]
    if not newest:
        return None
    base = str(newest[0]).removesuffix("full.png")
    return contact_sheet([[_strip(load_image(f"{base}{layer}.png")) for layer in LAYERS]])


def _strip(grid: np.ndarray) -> np.ndarray:
    """The first line of a grid of square pictures, with small ones enlarged."""
    side = grid.shape[1] // STRIP_CELLS
    strip = grid[:side, : side * STRIP_CELLS]
    return strip.repeat(max(1, CELL // side), 0).repeat(max(1, CELL // side), 1)
