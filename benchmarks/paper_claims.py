"""BallGAN's claims on data with ground truth: backgrounds, foregrounds and regularisers compared.

    python benchmarks/paper_claims.py FOLDER [--preset toy64 --kimg 300 --seeds 3]

Toyworld's heads and all-round cars before a painted sphere of radius 3, and the same cars in rooms
whose walls have real distances: there the judge also sees how deep the background is, and a model's
is compared with that; without a background of its own, it is the depth of what its foreground draws
there. Each model is trained with the same data, budget and sizes, and measured with one judge a
domain. FOLDER keeps the runs; the same command goes on where it was stopped. Runs are ordered so
that the sphere against no background, and against the inverted sphere, are complete first.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import study

FOREGROUNDS = ("triplane", "stylenerf")
DENSITY = ("--loss.foreground-density=0.01",)  # the two regularisers of BallGAN sec. 3.3
TRANSMITTANCE = ("--loss.binarization=0.1",)
WITHOUT = ("--loss.foreground-density=0", "--loss.binarization=0", "--loss.sparsity=0")
REGULARISERS = {
    "density": DENSITY,
    "transmittance": TRANSMITTANCE,
    "both": DENSITY + TRANSMITTANCE,
}
PAGE = study.Page(
    Path(__file__).with_name("PAPER_CLAIMS.md"),
    "BallGAN's claims, measured",
    "The paper's sphere against no separate background, an inverted sphere (NeRF++), a cube and a "
    "plane, before tri-planes and before StyleNeRF's MLP, and its two regularisers one by one. "
    "Regularisers are off where none is named.",
    ("data", "foreground", "background", "regularisers"),
)


def row(domain: str, foreground: str, background: str, regulariser: str = "none") -> study.Row:
    """One model on one kind of data."""
    impossible = None
    if background == "plane" and domain != "heads":
        impossible = "a plane cannot be behind an object that is seen from all around"
    parts = ("--foreground", foreground, "--background", background)
    return study.Row(
        (domain, foreground, background, regulariser),
        (*parts, *WITHOUT, *REGULARISERS.get(regulariser, ())),
        domain,
        impossible,
    )


def groups() -> Iterator[tuple[study.Row, ...]]:
    """Rows whose comparison belongs together, those that matter most first."""
    for foreground in FOREGROUNDS:
        for domain in study.DOMAINS:
            behind = ("sphere", "none", "inverted-sphere")
            yield tuple(row(domain, foreground, background) for background in behind)
    for domain in ("heads", "cars"):
        yield tuple(row(domain, "triplane", "sphere", name) for name in REGULARISERS)
    for foreground in FOREGROUNDS:
        for domain in study.DOMAINS:
            yield tuple(row(domain, foreground, name) for name in ("cube", "plane"))


if __name__ == "__main__":
    known = list(groups())
    sys.exit(study.main(PAGE, known, __doc__, preset="toy16", kimg=20.0, count=300))
