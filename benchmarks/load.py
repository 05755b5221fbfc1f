"""Loading: a checkpoint in each format, against what PyTorch alone needs for the same weights.

    python benchmarks/load.py [MODEL ...] [--json] [--quick] [--repeats 7]

Plain is a generator with random weights, made from the config, that then takes the weights of an
archive read by torch.load. Quality is the largest difference of a weight. The files are in the
system's cache.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from harness import MIB, measure_both, peak_memory, report

import ballgan

DEMO = Path(ballgan.__file__).parents[1] / "assets" / "heads.pkl"


def benchmark(path: Path, repeats: int) -> list[dict[str, Any]]:
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
            rows.append({"model": path.stem, "format": kind, **compare(file, plain, repeats)})
        return rows


def compare(file: Path, plain: Any, repeats: int) -> dict[str, Any]:
    """Times, memory and agreement for one file."""

    def fast() -> ballgan.Generator:
        return ballgan.load(file, device="cpu")

    quick, slow = measure_both(fast, plain, repeats)
    weights = plain().state_dict()
    worst = max((v - weights[k]).abs().max().item() for k, v in fast().state_dict().items())
    return {
        "size MiB": file.stat().st_size / MIB,
        "fast ms": 1e3 * quick.median_s,
        "fast min ms": 1e3 * quick.minimum_s,
        "plain ms": 1e3 * slow.median_s,
        "plain min ms": 1e3 * slow.minimum_s,
        "ratio": slow.median_s / quick.median_s,
        "largest difference": worst,
        "fast peak MiB": peak_memory(fast),
        "plain peak MiB": peak_memory(plain),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, default=[DEMO])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="few repeats")
    parser.add_argument("--repeats", type=int, help="of each measurement (7)")
    args = parser.parse_args()
    repeats = args.repeats or (2 if args.quick else 7)
    report([row for path in args.models for row in benchmark(path, repeats)], args.json)


if __name__ == "__main__":
    main()
