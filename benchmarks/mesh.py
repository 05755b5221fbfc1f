"""Meshes: the sparse search against the dense grid, in one run, and how far apart they are.

    python benchmarks/mesh.py MODEL [--resolutions 256 512] [--repeats 3] [--json] [--quick]

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
from harness import Timing, measure, measure_peak_memory, report
from scipy.spatial import cKDTree

import ballgan
from ballgan.checkpoint import choose_device
from ballgan.components import label_components
from ballgan.level_surface import Volume, find_level_surface

NO_DENSE_FROM = 512  # samples a side: from here on the dense way takes minutes and gigabytes
BUNDLED = Path(__file__).parent.parent / "assets" / "heads.pkl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=str(BUNDLED), help="default: the bundled one")
    parser.add_argument("--resolutions", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dense-at-512", action="store_true", help="the dense way there too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="64 samples a side, one run")
    parser.add_argument("--once", metavar="SAMPLER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    resolutions, repeats = ([64], 1) if args.quick else (args.resolutions, args.repeats)
    scene = ballgan.Scene(ballgan.load(args.model, device=choose_device(args.device)))
    scene.latent = ballgan.Latent(args.seed)
    if args.once:
        scene.mesh(resolutions[0], sampler=args.once)
        return
    rows = []
    for resolution in resolutions:
        dense = resolution < NO_DENSE_FROM or args.dense_at_512
        memory = memory_of(args, resolution)
        rows += compare(scene, resolution, repeats, dense=dense, memory=memory)
    report(rows, args.json)


def memory_of(args: argparse.Namespace, resolution: int) -> Callable[[str], float]:
    """A function from a sampler to the peak memory, MiB, of making one mesh with it."""
    options = ["--seed", str(args.seed), "--device", args.device]
    options += ["--resolutions", str(resolution)]
    return lambda sampler: measure_peak_memory([__file__, args.model, *options, "--once", sampler])


def compare(
    scene: ballgan.Scene,
    resolution: int,
    repeats: int,
    *,
    dense: bool,
    memory: Callable[[str], float],
) -> list[dict]:
    """Rows for the geometry alone and for the whole mesh at one resolution."""
    surfaces: dict[str, Surface] = {}
    timings: dict[tuple[str, str], Timing] = {}

    def keep_surface(sampler: str) -> None:
        surfaces[sampler] = find_surface(scene, resolution, sampler)

    for sampler in ("fast", "plain") if dense else ("fast",):
        timings["surface", sampler] = measure(lambda s=sampler: keep_surface(s), repeats)
        timings["mesh", sampler] = measure(
            lambda s=sampler: scene.mesh(resolution, sampler=s), repeats
        )
    distance, pieces = None, None
    if dense:
        distance = measure_distance(surfaces["fast"], surfaces["plain"]) / voxel(scene, resolution)
        pieces = "/".join(str(count_pieces(surfaces[sampler])) for sampler in surfaces)
    peak = {sampler: memory(sampler) for sampler in surfaces}
    rows = []
    for part in ("surface", "mesh"):
        fast, plain = timings[part, "fast"], timings.get((part, "plain"))
        rows.append(
            {
                "resolution": resolution,
                "part": part,
                "fast s": fast.median_s,
                "fast min s": fast.minimum_s,
                "fast cpu s": fast.cpu_s,
                "plain s": plain and plain.median_s,
                "plain min s": plain and plain.minimum_s,
                "plain cpu s": plain and plain.cpu_s,
                "ratio": plain and plain.median_s / fast.median_s,
                "cpu ratio": plain and plain.cpu_s / fast.cpu_s,
                "distance voxels": distance,
                "pieces": pieces,
                "faces": len(surfaces["fast"][1]),
                "fast peak MiB": peak["fast"],
                "plain peak MiB": peak.get("plain"),
            }
        )
    return rows


Surface = tuple[np.ndarray, np.ndarray]


@torch.inference_mode()
def find_surface(scene: ballgan.Scene, resolution: int, sampler: str) -> Surface:
    """All pieces of the surface; the search for the largest is part of the time, not the result."""
    model, planes = scene.model, scene.planes()
    volume = Volume(
        lambda points: model.density(planes, points),
        model.config.field.box_warp,
        resolution,
        model.device,
    )
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
