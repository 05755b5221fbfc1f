"""Meshes: the sparse search against the dense grid, in one run, and how far apart they are.

    python benchmarks/mesh.py [MODEL ...] [--resolutions 256 512] [--repeats 3] [--json] [--quick]

"surface" is geometry alone: densities, triangles, the largest piece. "mesh" is all that
`Scene.mesh` does: also normals and colours. Ratios are of medians, of seconds and of
processor seconds. The distance is the largest
from a vertex of either surface to the nearest of the other, in voxels. Peak memory is that of a
process of its own that loads the model and makes the mesh once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from harness import (
    DEMO,
    Row,
    Timing,
    compare,
    count_repeats,
    find_wrong,
    make_parser,
    measure,
    measure_peak_memory,
    publish,
)
from scipy.spatial import cKDTree

import ballgan
from ballgan.checkpoint import choose_device
from ballgan.components import label_components
from ballgan.level_surface import Volume, find_level_surface

NO_DENSE_FROM = 512  # samples a side: from here on the dense way takes minutes and gigabytes
# By resolution, times as fast as the dense way: that needs 8 times as long for twice the samples a
# side, the sparse one 4 times.
TARGETS = {256: 15.0, 128: 6.0}
LIMITS = {"distance voxels": (0.0, 0.25)}


def main() -> None:
    parser = make_parser(__doc__, quick="128 samples a side, no memory", repeats=3)
    parser.add_argument("models", nargs="*", type=Path, default=[DEMO])
    parser.add_argument("--resolutions", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dense-at-512", action="store_true", help="the dense way there too")
    parser.add_argument("--once", metavar="SAMPLER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        open_scene(args.models[0], args).mesh(args.resolutions[0], sampler=args.once)
    else:
        publish(lambda: [row for path in args.models for row in benchmark(path, args)], args)


def open_scene(path: Path, args: argparse.Namespace) -> ballgan.Scene:
    scene = ballgan.Scene(ballgan.load(path, device=choose_device(args.device)))
    scene.latent = ballgan.Latent(args.seed)
    return scene


def benchmark(path: Path, args: argparse.Namespace) -> list[Row]:
    """All lines of a model."""
    scene, rows = open_scene(path, args), []
    for resolution in [128] if args.quick else args.resolutions:
        dense = resolution < NO_DENSE_FROM or args.dense_at_512
        memory = None if args.quick else memory_of(path, args, resolution)
        repeats = count_repeats(args, quick=2)
        rows += compare_ways(scene, resolution, repeats, dense=dense, memory=memory)
    return [{"model": path.stem, **row} for row in rows]


def memory_of(path: Path, args: argparse.Namespace, resolution: int) -> Callable[[str], float]:
    """A function from a sampler to the peak memory, MiB, of making one mesh with it."""
    options = ["--seed", str(args.seed), "--device", args.device]
    options += ["--resolutions", str(resolution)]
    return lambda sampler: measure_peak_memory([__file__, str(path), *options, "--once", sampler])


def compare_ways(
    scene: ballgan.Scene,
    resolution: int,
    repeats: int,
    *,
    dense: bool,
    memory: Callable[[str], float] | None,
) -> list[Row]:
    """Rows for the geometry alone and for the whole mesh at one resolution."""
    samplers = ("fast", "plain") if dense else ("fast",)
    surfaces = {sampler: find_surface(scene, resolution, sampler) for sampler in samplers}
    quality: Row = {"faces": len(surfaces["fast"][1])}
    if dense:
        distance = measure_distance(surfaces["fast"], surfaces["plain"]) / voxel(scene, resolution)
        pieces = "/".join(str(count_pieces(surface)) for surface in surfaces.values())
        quality = {"distance voxels": distance, "pieces": pieces, **quality}
    peaks = {f"{sampler} peak MiB": memory(sampler) for sampler in samplers} if memory else {}
    ways: dict[str, Callable[[str], object]] = {
        "surface": lambda sampler: find_surface(scene, resolution, sampler),
        "mesh": lambda sampler: scene.mesh(resolution, sampler=sampler),
    }
    rows = []
    for part, way in ways.items():
        times = (
            compare(lambda way=way: way("fast"), lambda way=way: way("plain"), repeats)
            if dense
            else describe(measure(lambda way=way: way("fast"), repeats))
        )
        target = TARGETS.get(resolution) if dense and part == "surface" else None
        row = {"resolution": resolution, "part": part, **times, "target": target, **quality}
        rows.append({**row, **peaks, "wrong": find_wrong(row, LIMITS)})
    return rows


def describe(timing: Timing) -> Row:
    """Columns of a way that has nothing to be compared with."""
    return {"fast ms": 1e3 * timing.median_s, "fast min ms": 1e3 * timing.minimum_s}


Surface = tuple[np.ndarray, np.ndarray]


@torch.inference_mode()
def find_surface(scene: ballgan.Scene, resolution: int, sampler: str) -> Surface:
    """All pieces of the surface; the search for the largest is part of the time, not the result."""
    box, device = scene.model.config.field.box_warp, scene.model.device
    volume = Volume(scene.find_density(sampler), box, resolution, device)
    surface = find_level_surface(volume, "auto", sampler, ignore)
    surface.select_largest(ignore)
    return (surface.vertices - 0.5) * volume.box, surface.faces


def ignore(fraction: float) -> None:
    pass


def voxel(scene: ballgan.Scene, resolution: int) -> float:
    return scene.model.config.field.box_warp / (resolution - 1)


def count_pieces(surface: Surface) -> int:
    vertices, faces = surface
    return int(label_components(len(vertices), faces, ignore).max()) + 1


def measure_distance(first: Surface, second: Surface) -> float:
    """The largest distance from a vertex of either surface to the nearest of the other one.

    That is at least the distance to the surface itself.
    """
    there, _ = cKDTree(second[0]).query(first[0])
    back, _ = cKDTree(first[0]).query(second[0])
    return float(max(there.max(), back.max()))


if __name__ == "__main__":
    main()
