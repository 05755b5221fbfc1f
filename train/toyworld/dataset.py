"""Toyworld as files: EG3D's data-set format, with the ground truth in an archive beside it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .archive_parts import Entries, Progress, write_archives
from .world import ToyBatch, ToyWorld

PART = 64  # images that an interruption loses at most
VERSION = 1  # of the pictures: raise it when the same seed gives others
DEPTH_NEAR, DEPTH_STEP = 1.5, 2.5 / 65534  # depth = DEPTH_NEAR + (value - 1) * DEPTH_STEP
BACKGROUND_STEP = 2e-4  # background depth = value * BACKGROUND_STEP; walls are at most 11 away


def truth_path(path: str | Path) -> Path:
    """Where the ground truth of the data set at `path` is: heads64.zip -> heads64-truth.zip."""
    return Path(path).with_name(Path(path).stem + "-truth.zip")


def write_dataset(
    domain: str,
    count: int,
    size: int,
    seed: int,
    path: str | Path,
    progress: Progress | None = None,
    *,
    truth: bool = True,
    device: torch.device | str = "cpu",
) -> None:
    """Write images 0 .. count-1 of a toyworld as a zip in EG3D's data-set format.

    `path` holds `00000/img00000000.png`, ... and `dataset.json` with 25-number labels. With
    `truth`, `truth_path(path)` holds for each image `mask/<name>` (8 bits: share covered),
    `depth/<name>` (16 bits: 0 where there is no object, otherwise DEPTH_NEAR +
    (value - 1) * DEPTH_STEP along the unit ray) and `normals/<name>` (8 bits a channel:
    255 (n + 1) / 2, world axes); of rooms also `background/<name>` (16 bits: value *
    BACKGROUND_STEP along the unit ray, behind the object, too). An interrupted run, called again
    with the same arguments, goes on and gives the same bytes as one without interruption.

    `progress` is called with the fraction done in [0, 1]. Raises ValueError for settings that
    are out of range, or when another unfinished data set is in the way.
    """
    if count < 1:
        raise ValueError(f"count should be at least 1; got {count}.")
    world = ToyWorld(domain, size, seed=seed, device=device)
    settings = {"world": domain, "version": VERSION, "size": size, "seed": seed, "truth": truth}
    if world.domain.rooms:
        settings["background"] = True
    labels = [row.tolist() for row in world.labels(range(count))]
    index = {"labels": [[image_name(i), label] for i, label in enumerate(labels)]}
    paths = [Path(path), truth_path(path)] if truth else [Path(path)]
    write_archives(
        paths,
        count,
        lambda items: _entries(world.render(items), items, world.domain.rooms)[: len(paths)],
        settings=settings,
        closing=[{"dataset.json": json.dumps(index).encode()}, {}][: len(paths)],
        part=PART,
        progress=progress,
    )


def image_name(index: int) -> str:
    """EG3D's name of an image: a folder for every thousand."""
    return f"{index // 1000:05d}/img{index:08d}.png"


def decode_depth(values: np.ndarray) -> np.ndarray:
    """Depths float32 from a depth picture's 16-bit values; inf where there is no object."""
    depth = DEPTH_NEAR + (values.astype(np.float32) - 1) * DEPTH_STEP
    return np.where(values == 0, np.float32(np.inf), depth.astype(np.float32))


def decode_background_depth(values: np.ndarray) -> np.ndarray:
    """Depths float32 from a background depth picture's 16-bit values."""
    return values.astype(np.float32) * np.float32(BACKGROUND_STEP)


def _entries(batch: ToyBatch, items: range, rooms: bool) -> list[Entries]:
    """The pictures of a batch, and their ground truth, as PNG files by name."""
    images = _bytes(0.5 * batch.image + 0.5)
    masks = _bytes(batch.mask)[..., 0]
    normals = _bytes(0.5 * batch.normals + 0.5)
    depth = batch.depth[:, 0].double()
    steps = ((depth - DEPTH_NEAR) / DEPTH_STEP).round().clamp(0, 65534) + 1
    depths = torch.where(depth.isfinite(), steps, 0).cpu().numpy().astype(np.uint16)
    behind = (batch.background_depth[:, 0].double() / BACKGROUND_STEP).round().clamp(0, 65535)
    walls = behind.cpu().numpy().astype(np.uint16)
    pictures: dict[str, bytes] = {}
    truth: dict[str, bytes] = {}
    for row, item in enumerate(items):
        name = image_name(item)
        pictures[name] = _png(images[row])
        truth[f"mask/{name}"] = _png(masks[row])
        truth[f"depth/{name}"] = _png(depths[row])
        truth[f"normals/{name}"] = _png(normals[row])
        if rooms:
            truth[f"background/{name}"] = _png(walls[row])
    return [pictures, truth]


def _bytes(values: Tensor) -> np.ndarray:
    """(B, H, W, C) uint8 from (B, C, H, W) in [0, 1]."""
    return (values * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def _png(pixels: np.ndarray) -> bytes:
    """A PNG file without compression: fast to read, and the same bytes with every zlib."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=0)
    return stream.getvalue()
