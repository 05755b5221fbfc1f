"""`ballgan-train data toyworld`: make a procedural dataset with ground truth."""

from __future__ import annotations

import argparse
import sys

from ballgan.cli.progress import ProgressBar

from .dataset import truth_path, write_dataset
from .world import DOMAINS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = (
        "Image i depends on the domain, the size, the seed and i alone. An interrupted run, "
        "started again, goes on where it stopped. The ground truth (mask, depth, normals, and the "
        "depth of rooms) is written beside the dataset: heads64.zip and heads64-truth.zip."
    )
    parser.add_argument("domain", choices=tuple(DOMAINS), help="kind of object")
    parser.add_argument("--count", metavar="N", type=int, required=True, help="number of images")
    parser.add_argument(
        "--size", metavar="PIXELS", type=int, default=64, help="side of the images (default: 64)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="default: 0")
    parser.add_argument("--output", metavar="FILE", required=True, help="zip file to write")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--no-truth", action="store_true", help="write no ground truth")


def run(args: argparse.Namespace) -> int:
    """Write the dataset and tell where it is; returns the exit status 0."""
    with ProgressBar("rendering") as progress:
        write_dataset(
            args.domain,
            args.count,
            args.size,
            args.seed,
            args.output,
            progress,
            truth=not args.no_truth,
            device=args.device,
        )
    beside = "" if args.no_truth else f"; ground truth: {truth_path(args.output)}"
    sys.stdout.write(f"{args.output}: {args.count} images of {args.domain}{beside}\n")
    return 0
