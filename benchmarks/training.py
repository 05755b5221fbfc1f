"""Training speed: images/s of presets on this machine's device, and the share of each phase.

    python benchmarks/training.py --presets toy32 toy64 --steps 16 [--json FILE] [--quick]

Pictures are random numbers: reading data is not measured here.
"""

import argparse
import dataclasses
import json
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ballgan_train.config import PRESETS, TrainConfig
from ballgan_train.distributed import World
from ballgan_train.loop import Trainer

from ballgan.camera import Camera
from ballgan.checkpoint import choose_device

PHASES = ("generator", "discriminator", "averages")


def measure(config: TrainConfig, device: torch.device, steps: int) -> dict[str, float]:
    """Mean seconds of a step and of its phases, and images/s."""
    batch, size = config.schedule.batch_size, config.model.image_resolution
    labels = Camera.orbit().resolve(config.model.camera).label().expand(batch, -1)
    trainer = Trainer(config, labels, device, World())
    images = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8)
    spent: dict[str, list[float]] = defaultdict(list)
    for method, phase in (
        ("_step_generator", "generator"),
        ("_step_discriminator", "discriminator"),
        ("_update_average", "averages"),
    ):
        timed = time_calls(getattr(trainer, method), device, spent[phase])
        setattr(trainer, method, timed)
    step = time_calls(trainer.step, device, spent["step"])
    for _ in range(1 + steps):
        step(images, labels)
    # Lazy terms run in some steps only: means count them by how often they come.
    means = {name: statistics.mean(seconds[1:]) for name, seconds in spent.items()}
    return {**means, "images_per_s": batch / means["step"]}


def time_calls(function: Callable[..., Any], device: torch.device, times: list[float]):
    """The function, noting how long each call takes."""

    def timed(*arguments: Any) -> Any:
        synchronize(device)
        started = time.perf_counter()
        result = function(*arguments)
        synchronize(device)
        times.append(time.perf_counter() - started)
        return result

    return timed


def synchronize(device: torch.device) -> None:
    """Wait for the GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", choices=sorted(PRESETS), default=["toy32", "toy64"])
    parser.add_argument("--steps", type=int, default=16, help="measured after one warm-up (16)")
    parser.add_argument("--batch-size", type=int, help="default: the preset's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", metavar="FILE", type=Path)
    parser.add_argument("--quick", action="store_true", help="smoke only, 4 steps")
    args = parser.parse_args()
    device = choose_device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    print(f"torch {torch.__version__}, {device} {name}, {torch.get_num_threads()} threads")
    print(f"{'preset':10} {'img/s':>8} {'step ms':>9} " + " ".join(f"{p:>14}" for p in PHASES))
    results = {}
    for preset in ["smoke"] if args.quick else args.presets:
        config = PRESETS[preset]
        if args.batch_size:
            schedule = dataclasses.replace(config.schedule, batch_size=args.batch_size)
            config = dataclasses.replace(config, schedule=schedule)
        result = results[preset] = measure(config, device, 4 if args.quick else args.steps)
        shares = " ".join(f"{result[p] / result['step']:>13.0%} " for p in PHASES)
        print(f"{preset:10} {result['images_per_s']:8.1f} {result['step'] * 1e3:9.1f} {shares}")
    if args.json:
        args.json.write_text(json.dumps({"device": str(device), "results": results}, indent=2))


if __name__ == "__main__":
    main()
