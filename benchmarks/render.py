"""Rendering: the fast sampler against the plain one, in the same run and taking turns.

    python benchmarks/render.py [MODEL ...] [--json] [--quick] [--repeats 7]

Stages are measured alone: the raw image of a camera that moves (planes are kept), the backbone,
super-resolution. Quality is against many plain samples, or against float32. Memory is what a stage
needs at its peak beyond what was there before.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from harness import measure_both, peak_memory, report
from torch import Tensor

import ballgan
from ballgan.camera import Camera
from ballgan.foreground import Foreground
from ballgan.generator import Generator
from ballgan.quick_synthesis import gains_by_speed

DEMO = Path(ballgan.__file__).parents[1] / "assets" / "heads.pkl"
RESOLUTIONS = (64, 128)
CONVERGED_SAMPLES = 384
CAMERA = ballgan.Camera.orbit(0.3, 0.1)
Row = dict[str, Any]


def compare(
    stage: str, fast: Callable[[], Any], plain: Callable[[], Any], repeats: int, **quality: Any
) -> Row:
    """One line of the table."""
    quick, slow = measure_both(fast, plain, repeats)
    return {
        "stage": stage,
        "fast ms": 1e3 * quick.median_s,
        "fast min ms": 1e3 * quick.minimum_s,
        "plain ms": 1e3 * slow.median_s,
        "plain min ms": 1e3 * slow.minimum_s,
        "ratio": slow.median_s / quick.median_s,
        "ratio of min": slow.minimum_s / quick.minimum_s,
        **quality,
        "fast peak MiB": peak_memory(fast),
        "plain peak MiB": peak_memory(plain),
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

    exact = foreground.march_plainly(bundle, 96 if quick else CONVERGED_SAMPLES, lambda _: None)
    gathered = fast()
    return compare(
        f"rays {resolution}x{resolution}",
        fast,
        plain,
        repeats,
        steps=foreground.steps,
        **{
            "PSNR dB": psnr(gathered.features, exact.features),
            "plain PSNR dB": psnr(plain().features, exact.features),
            "mean alpha": gathered.opacity.mean().item(),
            "alpha error x 255": 255 * (gathered.opacity - exact.opacity).abs().mean().item(),
        },
    )


def compare_frame(model: Generator, resolution: int, repeats: int) -> Row:
    """A raw frame by the public API, from a camera that was not seen before."""

    def moving(sampler: str) -> Callable[[], Any]:
        scene = ballgan.Scene(model)
        settings = ballgan.RenderSettings(
            neural_resolution=resolution, layer="raw", sampler=sampler
        )
        yaws: Iterator[float] = (0.3 + 1e-4 * i for i in range(10**6))
        return lambda: scene.render(ballgan.Camera.orbit(next(yaws), 0.1), settings)

    frames = [moving(sampler)() for sampler in ("fast", "plain")]
    quality = psnr(*(torch.from_numpy(frame.rgb) for frame in frames))
    name = f"raw frame {resolution}x{resolution}"
    row = compare(name, moving("fast"), moving("plain"), repeats)
    return {**row, "PSNR dB": quality}


def compare_preparation(model: Generator, repeats: int) -> Row:
    """What a new code costs before its first ray: backbone, tables, occupancy and steps."""
    scene = ballgan.Scene(model)
    ws = scene.ws()
    quick = gains_by_speed(model.backbone, model.device)

    def fast() -> Any:
        return Foreground(model, model.planes(ws, quick=quick)).steps

    return compare("new code", fast, lambda: model.planes(ws), repeats)


def compare_backbone(model: Generator, repeats: int) -> Row | None:
    """ws to planes."""
    if not gains_by_speed(model.backbone, model.device):
        return None
    ws = ballgan.Scene(model).ws()
    exact = model.planes(ws)
    error = (model.planes(ws, quick=True) - exact).std() / exact.std()
    return compare(
        "backbone",
        lambda: model.planes(ws, quick=True),
        lambda: model.planes(ws),
        repeats,
        **{"PSNR dB": -20 * math.log10(error.item())},
    )


def compare_super_resolution(model: Generator, repeats: int) -> Row | None:
    """Feature image to picture."""
    if model.super_resolution is None:
        return None
    scene = ballgan.Scene(model)
    ws, n = scene.ws(), model.config.neural_resolution
    foreground = Foreground(model, scene.planes())
    camera = CAMERA.resolve(model.config.camera)
    bundle = foreground.bundle(camera.rays(n, n, model.device))
    gathered = foreground.march_quickly(bundle, None, lambda _: None)
    features = gathered.features.t().reshape(1, -1, n, n)
    exact, rounded = model.picture(features, ws), model.picture(features, ws, quick=True)
    return compare(
        f"super-resolution to {model.config.image_resolution}",
        lambda: model.picture(features, ws, quick=True),
        lambda: model.picture(features, ws),
        repeats,
        **{"PSNR dB": psnr((rounded + 1) / 2, (exact + 1) / 2)},
    )


def psnr(image: Tensor, expected: Tensor) -> float:
    """Peak signal-to-noise ratio for a range of 1, in dB."""
    error = (image - expected).square().mean().item()
    return -10 * math.log10(max(error, 1e-20))


@torch.inference_mode()
def benchmark(path: Path, repeats: int, quick: bool) -> list[Row]:
    """All lines of a model."""
    model = ballgan.load(path)
    resolutions = RESOLUTIONS[:1] if quick else RESOLUTIONS
    rows: list[Row | None] = [compare_rays(model, n, repeats, quick) for n in resolutions]
    rows += [compare_frame(model, n, repeats) for n in resolutions]
    rows += [compare_preparation(model, repeats), compare_backbone(model, repeats)]
    rows.append(compare_super_resolution(model, 2 if quick else min(repeats, 5)))
    return [{"model": path.stem, **row} for row in rows if row is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, default=[DEMO])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="64x64 only, few repeats")
    parser.add_argument("--repeats", type=int, help="of each measurement (7)")
    args = parser.parse_args()
    repeats = args.repeats or (2 if args.quick else 7)
    report([row for path in args.models for row in benchmark(path, repeats, args.quick)], args.json)


if __name__ == "__main__":
    main()
