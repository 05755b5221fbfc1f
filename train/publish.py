"""Put a trained model and the record of its training into a folder, as for the bundled ones.

    python -m ballgan_train.publish assets heads runs/00000-toy32-heads64 runs/00001-toy64-heads64

Takes the newest model of the last run, and of all runs, in order, their configurations and curves.
`ballgan-train evaluate assets/heads.pkl --output ...` measures it.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import ballgan
from ballgan.files import atomic_write
from ballgan.images import write_png

from .plots import Axes, draw_scatter, join_plots
from .run import CONFIG_NAME, LOG_NAME

CURVES = {  # keys of the log, drawn into one plot: title, range
    ("loss/g", "loss/d"): ("losses of generator and discriminator", (0.0, 2.5)),
    ("alpha/mean",): ("mean opacity of the foreground", (0.0, 1.0)),
    ("alpha/min_t",): ("mean min(T, 1 - T)", (0.0, 0.3)),
    ("images_per_s",): ("images a second", (0.0, 40.0)),
}


def main() -> None:
    """Copy the model, and write NAME-config.json and NAME-curves.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("name", help="heads, cars or rooms")
    parser.add_argument(
        "--neural-resolution",
        type=int,
        default=256,
        help="rays a side of its pictures, if it has no super-resolution (default: %(default)s)",
    )
    parser.add_argument(
        "--start-seeds",
        type=int,
        nargs=2,
        default=(0, 0),
        metavar=("FOREGROUND", "BACKGROUND"),
        help="what the viewer shows first (default: 0 0)",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders, in order")
    args = parser.parse_args()
    newest = max(args.runs[-1].glob("model-*.pkl"))
    lines = read_logs(args.runs)
    model = ballgan.load(newest, device="cpu")
    model.meta = {**model.meta, "domain": f"toyworld {args.name}", "kimg": lines[-1]["kimg"]}
    model.meta["start_seeds"] = list(args.start_seeds)
    if model.super_resolution is None:  # then it has no size of its own
        model.config = replace(model.config, neural_resolution=args.neural_resolution)
    ballgan.save(model, args.folder / f"{args.name}.pkl")
    configs = [json.loads((run / CONFIG_NAME).read_text()) for run in args.runs]
    with atomic_write(args.folder / f"{args.name}-config.json") as file:
        file.write((json.dumps(configs, indent=1) + "\n").encode())
    write_png(args.folder / f"{args.name}-curves.png", draw_curves(lines))
    print(f"{newest} -> {args.folder / args.name}.pkl, after {lines[-1]['kimg']:g} kimg")


def read_logs(runs: list[Path]) -> list[dict[str, float]]:
    """Lines of the runs' logs, with kimg counted through."""
    lines: list[dict[str, float]] = []
    for run in runs:
        before = lines[-1]["kimg"] if lines else 0.0
        for text in (run / LOG_NAME).read_text().splitlines():
            line = json.loads(text)
            lines.append({**line, "kimg": before + line["kimg"]})
    return lines


def draw_curves(lines: list[dict[str, float]]) -> np.ndarray:
    """The curves as one picture (H, W, 3)."""
    plots = []
    for keys, (title, limits) in CURVES.items():
        axes = Axes(title, "kimg", "", (0.0, lines[-1]["kimg"]), limits)
        groups = [np.array([[line["kimg"], line[key]] for line in lines]) for key in keys]
        plots.append(draw_scatter(axes, groups, [key.split("/")[-1] for key in keys]))
    return join_plots(plots)


if __name__ == "__main__":
    main()
