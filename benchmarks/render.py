"""Rendering: the fast sampler against the plain one, in the same run and taking turns.

    python benchmarks/render.py [MODEL ...] [--device auto] [--json] [--quick] [--repeats 7]

Stages are measured alone: the raw image of a camera that moves (planes are kept), the backbone,
super-resolution; the last two also with random weights in the sizes of published models. Quality
is against many plain samples, or against float32. Memory is what a stage needs at its peak beyond
what was there before; of a large frame, in a process of its own. On a CUDA GPU, frames a second are
those of `Scene.render`, one after the other: a camera that moves while the planes are kept, and
codes that change.
"""

import argparse
import itertools
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from harness import (
    DEMO,
    Row,
    compare,
    count_repeats,
    find_wrong,
    make_parser,
    peak_memory,
    publish,
    time_once,
)
from torch import Tensor

import ballgan
from ballgan.camera import Camera
from ballgan.checkpoint import choose_device
from ballgan.config import BackboneConfig, SuperResolutionConfig
from ballgan.foreground import Foreground
from ballgan.generator import Generator
from ballgan.quick_synthesis import WIDE, fast_dtype, gains_by_speed, synthesize_planes
from ballgan.stylegan2 import Backbone
from ballgan.superres import SuperResolution

RESOLUTIONS = (64, 128)
RAY_TARGETS = {64: 8.0, 128: 10.0}  # times as fast as the plain way with PLAIN_SAMPLES
PLAIN_SAMPLES = 96  # of published models along a ray; a model with fewer is not worth as much
BACKBONE_TARGET, SUPER_RESOLUTION_TARGET = 2.0, 3.0
RAY_LIMITS = {"PSNR dB": (40.0, math.inf), "alpha error x 255": (0.0, 1.0)}
FRAME_LIMITS = {"PSNR dB": (40.0, math.inf)}
MEMORY_LIMITS = {"memory share": (0.0, 1 / 3)}  # of the plain way's, at 128x128
LARGE = 48.0  # MiB that the plain way has to need for that
BACKBONE_LIMITS = {"PSNR dB": (35.0, math.inf)}
SUPER_RESOLUTION_LIMITS = {"PSNR dB": (45.0, math.inf)}
CONVERGED_SAMPLES = 384
FRAME_SIZE, FRAME_GOALS, NEW_CODE_GOAL = 512, {64: 200.0, 128: 120.0}, 60.0  # a second, by CUDA
WARM_UPS = 5
CAMERA = ballgan.Camera.orbit(0.3, 0.1)


def compare_stage(
    stage: str,
    fast: Callable[[], Any],
    plain: Callable[[], Any],
    repeats: int,
    *,
    target: float | None = None,
    limits: dict[str, tuple[float, float]] | None = None,
    **quality: Any,
) -> Row:
    """One line of the table."""
    return {
        "stage": stage,
        **compare(fast, plain, repeats),
        "target": target,
        **quality,
        "fast peak MiB": peak_memory(fast),
        "plain peak MiB": peak_memory(plain),
        "wrong": find_wrong(quality, limits or {}),
    }


def compare_rays(model: Generator, resolution: int, repeats: int, quick: bool) -> Row:
    """The foreground along all rays of an image, planes and occupancy being there."""
    scene = ballgan.Scene(model)
    scene.latent = ballgan.Latent(1, 0.7)
    foreground = Foreground(model, scene.planes())
    camera: Camera = CAMERA.resolve(model.config.camera)
    bundle = foreground.bundle(camera.rays(resolution, resolution, model.device))

    def fast() -> Any:
        return foreground.march_quickly(bundle, None, lambda _: None)

    def plain() -> Any:
        return foreground.march_plainly(bundle, None, lambda _: None)

    sampling = model.config.sampling
    share = min(1.0, (sampling.coarse_samples + sampling.fine_samples) / PLAIN_SAMPLES)
    exact = foreground.march_plainly(bundle, 96 if quick else CONVERGED_SAMPLES, lambda _: None)
    gathered = fast()
    return compare_stage(
        f"rays {resolution}x{resolution}",
        fast,
        plain,
        repeats,
        target=share * RAY_TARGETS[resolution],
        limits=RAY_LIMITS,
        steps=foreground.steps,
        **{
            "PSNR dB": psnr(gathered.features, exact.features),
            "plain PSNR dB": psnr(plain().features, exact.features),
            "mean alpha": gathered.opacity.mean().item(),
            "alpha error x 255": 255 * (gathered.opacity - exact.opacity).abs().mean().item(),
        },
    )


def move_camera(model: Generator, resolution: int, sampler: str) -> Callable[[], Any]:
    """A function that renders a raw frame from a camera that was not seen before."""
    scene = ballgan.Scene(model)
    settings = ballgan.RenderSettings(neural_resolution=resolution, layer="raw", sampler=sampler)
    yaws: Iterator[float] = (0.3 + 1e-4 * i for i in range(10**6))
    return lambda: scene.render(ballgan.Camera.orbit(next(yaws), 0.1), settings)


def compare_frame(model: Generator, path: Path, resolution: int, repeats: int) -> Row:
    """A raw frame by the public API. The memory of a large one is that of processes of its own:
    what this one has freed and keeps would hide a part."""
    moving = partial(move_camera, model, resolution)
    frames = [moving(sampler)() for sampler in ("fast", "plain")]
    quality = psnr(*(torch.from_numpy(frame.rgb) for frame in frames))
    row = compare_stage(
        f"raw frame {resolution}x{resolution}",
        moving("fast"),
        moving("plain"),
        repeats,
        limits=FRAME_LIMITS,
        **{"PSNR dB": quality},
    )
    if resolution == RESOLUTIONS[-1] and model.device.type == "cpu":
        for sampler in "fast", "plain":
            row[f"{sampler} peak MiB"] = measure_apart(path, resolution, sampler)
        if row["plain peak MiB"] > LARGE:
            row["memory share"] = row["fast peak MiB"] / row["plain peak MiB"]
            row["wrong"] = ", ".join(filter(None, [row["wrong"], find_wrong(row, MEMORY_LIMITS)]))
    return row


def measure_apart(path: Path, resolution: int, sampler: str) -> float:
    """MiB that a frame needs in a process that has rendered a few; nan: cannot be told."""
    command = [sys.executable, __file__, str(path), "--frame", sampler, str(resolution)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}  # else its memory counts
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return float(done.stdout)


@torch.inference_mode()
def measure_frame(path: Path, sampler: str, resolution: str) -> float:
    """The same of this process: the median of a few frames."""
    render = move_camera(ballgan.load(path, device="cpu"), int(resolution), sampler)
    render()
    peaks = [peak_memory(render) for _ in range(3)]
    return statistics.median(math.nan if peak is None else peak for peak in peaks)


def compare_preparation(model: Generator, repeats: int) -> Row:
    """What a new code costs before its first ray: backbone, tables, occupancy and steps."""
    scene = ballgan.Scene(model)
    ws = scene.ws()
    quick = gains_by_speed(model.backbone, model.device)

    def fast() -> Any:
        return Foreground(model, model.planes(ws, quick=quick)).steps

    return compare_stage("new code", fast, lambda: model.planes(ws), repeats)


def compare_backbone(backbone: Backbone, repeats: int) -> Row | None:
    """ws to planes."""
    if not gains_by_speed(backbone, backbone.const.device):
        return None
    ws = draw(1, backbone.config.num_ws, backbone.conv.affine.weight.shape[1]).to(backbone.const)
    exact = backbone(ws)
    error = (synthesize_planes(backbone, ws) - exact).std() / exact.std()
    return compare_stage(
        f"backbone to {backbone.config.resolution}",
        lambda: synthesize_planes(backbone, ws),
        lambda: backbone(ws),
        repeats,
        target=BACKBONE_TARGET,
        limits=BACKBONE_LIMITS,
        **{"PSNR dB": -20 * math.log10(error.item())},
    )


def compare_super_resolution(network: SuperResolution, repeats: int) -> Row:
    """Feature image to picture: of smooth random features, as large as those of rays."""
    block = network.blocks[0]
    w_dim, channels = block.conv0.affine.weight.shape[1], block.conv0.weight.shape[1]
    ws, n = draw(1, 1, w_dim).to(block.conv0.weight), network.config.input_resolution
    features = F.interpolate(torch.tanh(draw(1, channels, 16, 16)), size=(n, n), mode="bicubic")
    features = features.to(ws)
    exact, rounded = network(features, ws), network(features, ws, quick=True)
    scale = 1 / (4 * exact.std())  # to a range of 1, whatever the weights
    wide = block.conv0.weight.shape[0] >= WIDE and fast_dtype(ws.device) == torch.bfloat16
    return compare_stage(
        f"super-resolution to {exact.shape[-1]}",
        lambda: network(features, ws, quick=True),
        lambda: network(features, ws),
        repeats,
        target=SUPER_RESOLUTION_TARGET if wide else None,
        limits=SUPER_RESOLUTION_LIMITS,
        **{"PSNR dB": psnr(rounded * scale, exact * scale)},
    )


def count_frames(model: Generator, frames: int) -> list[Row]:
    """Pictures of FRAME_SIZE a second, pixels for a window and arrays for Python being made."""
    scene, number = ballgan.Scene(model), itertools.count()
    settings = ballgan.RenderSettings(size=FRAME_SIZE, keep_pixels=True)

    def move(resolution: int) -> None:
        camera = ballgan.Camera.orbit(0.3 + 1e-3 * next(number), 0.1)
        scene.render(camera, replace(settings, neural_resolution=resolution))

    def renew() -> None:
        scene.latent = ballgan.Latent(next(number), 0.7)
        scene.render(CAMERA, replace(settings, neural_resolution=RESOLUTIONS[0]))

    size = f"{FRAME_SIZE}x{FRAME_SIZE}"
    ways: dict[str, tuple[Callable[[], None], float]] = {
        f"frame {size}, raw {n}": (partial(move, n), FRAME_GOALS[n]) for n in RESOLUTIONS
    }
    ways[f"new code, {size}, raw {RESOLUTIONS[0]}"] = renew, NEW_CODE_GOAL
    return [_count(stage, way, goal, frames) for stage, (way, goal) in ways.items()]


def _count(stage: str, render: Callable[[], None], goal: float, frames: int) -> Row:
    for _ in range(WARM_UPS):  # what comes again is recorded as CUDA graphs
        render()
    seconds, _ = time_once(lambda: [render() for _ in range(frames)])
    return {
        "stage": stage,
        "fast ms": 1e3 * seconds / frames,
        "frames/s": frames / seconds,
        "wanted frames/s": goal,
    }


def draw(*shape: int) -> Tensor:
    """Normal random numbers, always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def psnr(image: Tensor, expected: Tensor) -> float:
    """Peak signal-to-noise ratio for a range of 1, in dB."""
    error = (image - expected).square().mean().item()
    return -10 * math.log10(max(error, 1e-20))


@torch.inference_mode()
def benchmark(path: Path, device: torch.device, repeats: int, quick: bool) -> list[Row]:
    """All lines of a model."""
    model = ballgan.load(path, device=device)
    resolutions = RESOLUTIONS[:1] if quick else RESOLUTIONS
    rows: list[Row | None] = [compare_rays(model, n, repeats, quick) for n in resolutions]
    rows += [compare_frame(model, path, n, repeats) for n in resolutions]
    rows += [compare_preparation(model, repeats), compare_backbone(model.backbone, repeats)]
    if model.super_resolution is not None:
        rows.append(compare_super_resolution(model.super_resolution, min(repeats, 5)))
    if device.type == "cuda":
        rows += count_frames(model, 20 if quick else 200)
    return [{"model": path.stem, **row} for row in rows if row is not None]


@torch.inference_mode()
def benchmark_published_sizes(device: torch.device, repeats: int, quick: bool) -> list[Row]:
    """Lines of networks with the sizes of the published 512x512 models, halved for a quick look."""
    resolution, inputs = (128, 64) if quick else (256, 128)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = Backbone(BackboneConfig(resolution, 32768, 512), w_dim=512, image_channels=96)
        enlarging = SuperResolution(
            SuperResolutionConfig(inputs, (256, 128), noise="none"), feature_channels=32, w_dim=512
        )
    backbone, enlarging = (network.to(device).eval() for network in (backbone, enlarging))
    rows = [compare_backbone(backbone, repeats), compare_super_resolution(enlarging, repeats)]
    return [{"model": "random weights", **row} for row in rows if row is not None]


def describe_cuda(device: torch.device) -> str:
    """What the table says of CUDA."""
    if device.type == "cuda":
        return f"CUDA: measured on {torch.cuda.get_device_name(device)}."
    goals = [f"{goal:g} frames/s at raw {n}" for n, goal in FRAME_GOALS.items()]
    return (
        f"CUDA: not measured. Wanted at {FRAME_SIZE}x{FRAME_SIZE} on a data-centre GPU: "
        f"{', '.join(goals)}, {NEW_CODE_GOAL:g} of new codes."
    )


def main() -> None:
    parser = make_parser(__doc__, quick="64x64 and smaller networks, few repeats", repeats=7)
    parser.add_argument("models", nargs="*", type=Path, default=[DEMO])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (%(default)s)")
    # Of one frame, for `measure_apart`.
    parser.add_argument("--frame", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.frame:
        print(measure_frame(args.models[0], *args.frame))
        return
    device = choose_device(args.device)
    repeats = count_repeats(args, quick=3)

    def make_rows() -> list[Row]:
        rows = [row for path in args.models for row in benchmark(path, device, repeats, args.quick)]
        return rows + benchmark_published_sizes(device, min(repeats, 5), args.quick)

    publish(make_rows, args, describe_cuda(device))


if __name__ == "__main__":
    main()
