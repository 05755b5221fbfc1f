"""Image grids of a generator with fixed codes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ballgan.backgrounds import LearntBackground
from ballgan.camera import Camera
from ballgan.frame import Frame, RenderSettings
from ballgan.generator import Generator
from ballgan.images import write_png
from ballgan.latents import Latent
from ballgan.scene import Scene

LAYERS = ("full", "foreground", "background", "depth")
CHECKER_PX = 8


def render_grids(generator: Generator, size: int, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Grids (size * H, size * W, 3) in [0, 1] of each layer, one code a cell, psi 1.

    `labels`: (N, 25) cameras of the data; cell i is seen from camera i.
    """
    scene = Scene(generator)
    grids: dict[str, list[np.ndarray]] = {layer: [] for layer in LAYERS}
    for i in range(size * size):
        scene.latent = Latent(i, truncation_psi=1.0)
        scene.background = LearntBackground(10_000 + i, truncation_psi=1.0)
        camera = Camera.from_label(labels[i % len(labels)])
        for layer, picture in _cells(scene, camera):
            grids[layer].append(picture)
    return {layer: _tile(cells, size) for layer, cells in grids.items()}


def write_grids(grids: dict[str, np.ndarray], folder: Path, name: str) -> None:
    """Write each grid as FOLDER/NAME-LAYER.png."""
    folder.mkdir(exist_ok=True)
    for layer, grid in grids.items():
        write_png(folder / f"{name}-{layer}.png", grid)


def _cells(scene: Scene, camera: Camera) -> Iterator[tuple[str, np.ndarray]]:
    full = scene.render(camera)
    yield "full", full.rgb
    foreground = scene.render(camera, RenderSettings(layer="foreground"))
    yield "foreground", on_checker(foreground)
    yield "background", scene.render(camera, RenderSettings(layer="background")).rgb
    yield "depth", shade_depth(foreground)


def on_checker(frame: Frame) -> np.ndarray:
    """A transparent frame before a grey checkerboard: (H, W, 3)."""
    height, width = frame.alpha.shape
    y, x = np.mgrid[:height, :width] // CHECKER_PX
    board = np.where((x + y) % 2, 0.55, 0.75)[..., None]
    alpha = frame.alpha[..., None]
    return frame.rgb * alpha + board * (1 - alpha)


def shade_depth(frame: Frame) -> np.ndarray:
    """Nearest white, farthest grey, nothing black: (H, W, 3)."""
    finite = frame.depth[np.isfinite(frame.depth)]
    if not finite.size:
        return np.zeros_like(frame.rgb)
    near, far = finite.min(), finite.max()
    shade = 1 - 0.8 * (np.where(np.isfinite(frame.depth), frame.depth, far) - near) / (
        max(far - near, 1e-6)
    )
    return np.repeat((shade * frame.alpha)[..., None], 3, axis=2)


def _tile(cells: list[np.ndarray], size: int) -> np.ndarray:
    rows = [np.concatenate(cells[i : i + size], axis=1) for i in range(0, len(cells), size)]
    return np.concatenate(rows, axis=0)
