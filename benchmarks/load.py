"""Loading: a checkpoint in each format, against what PyTorch alone needs for the same weights.

    python benchmarks/load.py [MODEL ...] [--json] [--quick] [--repeats 7]

Plain is a generator with random weights, made from the config, that then takes the weights of an
archive read by torch.load. Quality is the largest difference of a weight. The files are in the
system's cache.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch
from harness import (
    DEMO,
    MIB,
    Row,
    compare,
    count_repeats,
    find_wrong,
    make_parser,
    peak_memory,
    publish,
)

import ballgan

LIMITS = {"largest difference": (0.0, 0.0)}
TARGET = 1.0  # times as fast as torch.load


def benchmark(path: Path, repeats: int) -> list[Row]:
    """One line for the file itself and for each format it is converted to."""
    model = ballgan.load(path, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        native = Path(folder) / "native.pkl"
        converted = Path(folder) / "converted.safetensors"
        ballgan.save(model, native)
        ballgan.save(model, converted)

        def plain() -> ballgan.Generator:
            archive = torch.load(native, weights_only=True)
            other = ballgan.Generator(model.config)
            other.load_state_dict(archive["state_dict"])
            return other.eval()

        rows = []
        for kind, file in (("as it is", path), ("native", native), ("safetensors", converted)):
            rows.append({"model": path.stem, "format": kind, **compare_file(file, plain, repeats)})
        return rows


def compare_file(file: Path, plain: Any, repeats: int) -> Row:
    """Times, memory and agreement for one file."""

    def fast() -> ballgan.Generator:
        return ballgan.load(file, device="cpu")

    weights = plain().state_dict()
    worst = max((v - weights[k]).abs().max().item() for k, v in fast().state_dict().items())
    row = {
        "size MiB": file.stat().st_size / MIB,
        **compare(fast, plain, repeats),
        "target": TARGET,
        "largest difference": worst,
        "fast peak MiB": peak_memory(fast),
        "plain peak MiB": peak_memory(plain),
    }
    return {**row, "wrong": find_wrong(row, LIMITS)}


def main() -> None:
    parser = make_parser(__doc__, quick="few repeats", repeats=7)
    parser.add_argument("models", nargs="*", type=Path, default=[DEMO])
    args = parser.parse_args()
    repeats = count_repeats(args, quick=5)
    publish(lambda: [row for path in args.models for row in benchmark(path, repeats)], args)


if __name__ == "__main__":
    main()
