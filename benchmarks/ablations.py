"""What matters in training a demo model: short runs on toyworld, one table.

    python benchmarks/ablations.py FOLDER [--data heads=heads64.zip] [--preset toy32 --kimg 50]

{logistic + lazy R1, relativistic + lazy R1 and R2} x {with, without BallGAN's two regularisers} x
two sizes of the field's box; and without the second samples a ray. FOLDER keeps the runs; the same
command goes on where it was stopped.
"""

import sys
from itertools import product
from pathlib import Path

import study

OBJECTIVES = {  # each with the penalties that are known to work for it at 32 pixels
    "logistic, R1": ("--loss.objective=logistic", "--loss.gamma=1", "--loss.penalty-interval=8"),
    "relativistic, R1 + R2": (
        "--loss.objective=relativistic",
        "--loss.gamma=2",
        "--loss.penalty-interval=4",
    ),
}
REGULARISERS = {
    "both": (
        "--loss.binarization=0.1",
        "--loss.foreground-density=0.02",
        "--loss.regularizer-start-kimg=3",
        "--loss.regularizer-ramp-kimg=3",
    ),
    "none": ("--loss.binarization=0", "--loss.foreground-density=0"),
}
BOXES = {str(side): (f"--model.field.box-warp={side}",) for side in (0.9, 1.2)}
SAMPLES = {
    "12 + 8": ("--schedule.samples=12", "--schedule.fine-samples=8"),
    "12": ("--schedule.samples=12", "--schedule.fine-samples=0"),
}


def row(objective: str, regularisers: str, box: str, samples: str = "12 + 8") -> study.Row:
    """One of all combinations."""
    options = OBJECTIVES[objective] + REGULARISERS[regularisers] + BOXES[box] + SAMPLES[samples]
    return study.Row((objective, regularisers, box, samples), options)


ROWS = [row(o, r, b) for b, o, r in product(BOXES, OBJECTIVES, REGULARISERS)]
ROWS.append(row("relativistic, R1 + R2", "both", "0.9", "12"))
PAGE = study.Page(
    Path(__file__).with_name("ABLATIONS.md"),
    "Ablations of the demo model",
    "Objective and penalties, BallGAN's two regularisers (sec. 3.3), the side of the box that the "
    "tri-planes cover, and the samples a ray in training, for small models of toyworld's heads.",
    ("objective", "regularisers", "box", "samples"),
)

if __name__ == "__main__":
    sys.exit(study.main(PAGE, [ROWS], __doc__, preset="toy16", kimg=16.0, count=300))
