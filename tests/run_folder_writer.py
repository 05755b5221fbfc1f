"""Writes the folder of a training run that never was: plausible curves, pictures and models.

To look at the monitor without training:
    python tests/run_folder_writer.py FOLDER && ballgan-train monitor FOLDER
"""

import json
import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CONFIG = {
    "preset": "toy64",
    "data": {"path": "heads64.zip", "mirror": True, "resolution": 64},
    "model": {"neural_resolution": 32, "z_dim": 256, "background": {"radius": 3.0}},
    "loss": {"adversarial": "logistic", "r1": 1.0, "binarisation": 0.5, "distortion": 0.25},
    "optimiser": {"generator_lr": 0.0025, "discriminator_lr": 0.002, "betas": [0.0, 0.99]},
    "batch_size": 32,
    "total_kimg": 2000,
    "seed": 0,
}


def make_record(kimg: float, total: float, when: float, noise: np.random.Generator) -> dict:
    """One log line; the curves settle as training goes on."""
    done = kimg / total
    jitter = noise.normal(size=8)
    speed = 148 + 4 * jitter[0] + 6 * math.sin(9 * done)
    record = {
        "kimg": round(kimg, 4),
        "time": when,
        "images_per_s": speed,
        "s_per_kimg": 1000 / speed,
        "memory_mb": 6150.0,
        "loss/g": 0.75 + 0.9 * (1 - math.exp(-3 * done)) + 0.12 * jitter[1],
        "loss/d": 1.35 - 0.5 * (1 - math.exp(-4 * done)) + 0.09 * jitter[2],
        "loss/r1": 0.02 * math.exp(0.25 * jitter[3]) * (1 + 3 * done),
        "loss/binarisation": 0.18 * math.exp(-4 * done) + 0.02 + 0.002 * abs(jitter[4]),
        "loss/distortion": 0.004 * math.exp(-2 * done + 0.1 * jitter[5]) + 0.0004,
        "d/sign_real": 0.55 * (1 - math.exp(-6 * done)) + 0.07 * jitter[6],
        "d/sign_fake": -0.5 * (1 - math.exp(-6 * done)) + 0.07 * jitter[7],
        "alpha/mean": 0.42 + 0.4 * math.exp(-9 * done) * math.cos(14 * done) + 0.006 * jitter[0],
        "alpha/min_t": 0.03 + 0.24 * math.exp(-5 * done) + 0.004 * jitter[1],
        "schedule/blur": max(0.0, 1 - 5 * done),
    }
    return {**record, "eta_s": (total - kimg) * record["s_per_kimg"]}


def make_records(
    count: int, *, until: float = 1240.0, total: float = 2000.0, now: float | None = None
) -> list[dict[str, Any]]:
    """`count` log lines up to `until` kimg, the last one written at `now`."""
    noise = np.random.default_rng(0)
    end = time.time() if now is None else now
    return [
        make_record(kimg, total, end - 6.8 * (until - kimg), noise)
        for kimg in np.linspace(until / count, until, count)
    ]


def append_log(folder: Path, records: Iterable[dict[str, Any]]) -> None:
    """Append log lines."""
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def draw_layers(learnt: float, *, cells: int = 4, size: int = 64) -> dict[str, np.ndarray]:
    """Grids of balls before skies, uint8 (cells * size, cells * size, 3); `learnt` in [0, 1]."""
    noise = np.random.default_rng(1)
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1
    rows: dict[str, list] = {"full": [], "foreground": [], "background": [], "depth": []}
    for _ in range(cells):
        cell = [draw_cell(x, y, learnt, noise) for _ in range(cells)]
        for layer in rows:
            rows[layer].append(np.concatenate([each[layer] for each in cell], axis=1))
    return {
        layer: (255 * np.concatenate(parts).clip(0, 1)).astype(np.uint8)
        for layer, parts in rows.items()
    }


def draw_cell(
    x: np.ndarray, y: np.ndarray, learnt: float, noise: np.random.Generator
) -> dict[str, np.ndarray]:
    """One ball before one sky; each layer (size, size, 3)."""
    colour, sky, ground = noise.uniform(0.2, 0.95, (3, 3))
    radius, softness = noise.uniform(0.45, 0.65), 0.02 + 0.5 * (1 - learnt)
    distance = np.hypot(x - noise.uniform(-0.15, 0.15), y * 0.9 + 0.05)
    alpha = (1 / (1 + np.exp((distance - radius) / softness * 4)))[..., None]
    light = (1.0 - 0.55 * (distance / radius) ** 2 - 0.25 * x + 0.1 * y).clip(0.1, 1.2)[..., None]
    horizon = 1 / (1 + np.exp(-(y - noise.uniform(-0.2, 0.3)) / (0.03 + 0.3 * (1 - learnt))))
    background = sky + (ground - sky) * horizon[..., None]
    speckle = 0.25 * (1 - learnt) * noise.normal(size=(*x.shape, 3))
    checks = 0.3 + 0.12 * ((np.floor(x * 8) + np.floor(y * 8)) % 2)[..., None]
    ball = colour * light + speckle
    return {
        "full": alpha * ball + (1 - alpha) * background,
        "foreground": alpha * ball + (1 - alpha) * checks,
        "background": background + 0 * speckle,
        "depth": np.repeat(1 - alpha * (0.35 + 0.4 * light), 3, axis=-1),
    }


def write_samples(folder: Path, kimg: int, learnt: float) -> None:
    """The four grids of one time."""
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    for layer, grid in draw_layers(learnt).items():
        Image.fromarray(grid).save(folder / "samples" / f"{kimg:06d}-{layer}.png")


def write_run(folder: Path, *, ticks: int = 600, until: float = 1240.0, samples: int = 8) -> Path:
    """A run that has come to `until` kimg. Its models are no models."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    append_log(folder, make_records(ticks, until=until))
    for step in np.linspace(0, until, samples):
        write_samples(folder, int(step), learnt=min(1.0, 1.3 * step / 2000 + 0.1))
    for kimg in range(200, int(until) + 1, 200):
        (folder / f"model-{kimg:06d}.pkl").write_bytes(b"no model")
    return folder


if __name__ == "__main__":
    write_run(Path(sys.argv[1]))
