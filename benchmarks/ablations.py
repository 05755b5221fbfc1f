"""What matters in training a demo model: short runs on toyworld, one table.

    python benchmarks/ablations.py --folder FOLDER --data heads64.zip --kimg 8

{logistic + lazy R1, relativistic + lazy R1 and R2} x {with, without BallGAN's two regularisers} x
two sizes of the field's box, all from the preset toy32 and the same seed. FOLDER keeps the runs;
the same command goes on where it was stopped. The report is written after every run.
"""

import argparse
from itertools import product
from pathlib import Path

import study
from harness import machine

OBJECTIVES = {  # each with the penalties that are known to work for it at 32 pixels
    "logistic, R1": ("--loss.objective=logistic", "--loss.gamma=1", "--loss.penalty-interval=8"),
    "relativistic, R1 + R2": (
        "--loss.objective=relativistic",
        "--loss.gamma=2",
        "--loss.penalty-interval=4",
    ),
}
REGULARISERS = {
    "both regularisers": (
        "--loss.binarization=0.1",
        "--loss.foreground-density=0.02",
        "--loss.regularizer-start-kimg=3",
        "--loss.regularizer-ramp-kimg=3",
    ),
    "no regulariser": ("--loss.binarization=0", "--loss.foreground-density=0"),
}
BOXES = {f"box {side}": (f"--model.field.box-warp={side}",) for side in (0.9, 1.2)}
VARIANTS = tuple(
    study.Variant(", ".join(names), sum(options, ()))
    for names, options in (
        (tuple(name for name, _ in chosen), tuple(options for _, options in chosen))
        for chosen in product(*(group.items() for group in (BOXES, OBJECTIVES, REGULARISERS)))
    )
)
TEXT = """# Ablations

Made by `python benchmarks/ablations.py`: runs of {kimg:g} thousand pictures each of preset
`{preset}` on toyworld {domain}, one seed, measured on {count} pictures with the judge network.
Differences of a few hundredths between single short runs mean little.

Machine: {machine}.

{table}
A row of pictures a row of the table: samples, foregrounds, backgrounds and depths at the end.
"""


def main() -> None:
    """Carry out what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--data", default="toyworld:heads", help="default: %(default)s")
    parser.add_argument("--kimg", type=float, default=8.0, help="of each run (%(default)s)")
    parser.add_argument("--preset", default="toy32", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=300, help="pictures judged (%(default)s)")
    parser.add_argument("--judge", type=Path, help="file of a trained judge")
    parser.add_argument(
        "--report", type=Path, default=Path(__file__).with_name("ABLATIONS.md"), metavar="FILE"
    )
    args = parser.parse_args()
    shared = study.Study(
        args.folder,
        args.data,
        "heads",
        args.preset,
        args.kimg,
        options=("--run.snapshot-kimg=2", "--run.keep=1"),
        count=args.count,
        judge=args.judge,
    )
    rows = []
    for variant, known in study.carry_out(shared, VARIANTS):
        rows.append((variant, known))
        write(args.report, shared, rows)
        print(f"{len(rows)}/{len(VARIANTS)} {variant.name}", flush=True)


def write(path: Path, shared: study.Study, rows: list[tuple[study.Variant, dict]]) -> None:
    """The report of what is known so far."""
    known = machine()
    text = TEXT.format(
        kimg=shared.kimg,
        preset=shared.preset,
        domain=shared.domain,
        count=shared.count,
        machine=", ".join(f"{key} {known[key]}" for key in ("processor", "gpu", "torch", "date")),
        table=study.table(rows),
    )
    study.write_report(path, text, study.strips(shared, [variant for variant, _ in rows]))


if __name__ == "__main__":
    main()
