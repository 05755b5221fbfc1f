"""Writes what is seen: the picture with its alpha, or the whole window."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .state import ExportOptions, ViewerState
from .view import Backdrop, Code


def folder(state: ViewerState) -> Path:
    """Where files go that a person gave no folder for."""
    chosen = state.preferences.output_folder
    if chosen:
        return Path(chosen)
    here = Path.cwd()
    return here if os.access(here, os.W_OK) else Path.home()


def picture_stem(state: ViewerState) -> str:
    """The beginning of the name of a picture of what is shown."""
    view = state.view
    model = state.model.name if state.model else "picture"
    stem = f"{model}-seed{describe_code(view.foreground)}"
    return stem if view.layer == "full" else f"{stem}-{view.layer}"


def mesh_path(state: ViewerState) -> Path:
    """Where the next mesh goes: what the person typed, or a name of model and seed."""
    options = state.export
    if options.path:
        return with_suffix(Path(options.path).expanduser(), options)
    model = state.model.name if state.model else "mesh"
    name = f"{model}-seed{describe_code(state.view.foreground)}.{options.format}"
    return unused(folder(state) / name)


def with_suffix(path: Path, options: ExportOptions) -> Path:
    """`path` with the suffix of the chosen format."""
    suffix = f".{options.format}"
    return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)


def describe_code(code: Code) -> str:
    """A code as a part of a file name."""
    return f"{code.seed}" if not code.is_blend else f"{code.x:.2f}x{code.y:.2f}"


def unused(path: Path) -> Path:
    """`path`, or with a number behind its stem if there is such a file."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def describe_view(state: ViewerState) -> dict[str, str]:
    """What made a picture, for its metadata."""
    view = state.view
    camera = view.camera
    return {
        "Software": "ballgan-viewer",
        "Model": state.model.name if state.model else "",
        "Foreground": f"{describe_code(view.foreground)} psi {view.foreground.truncation_psi:g}",
        "Background": describe_backdrop(view.backdrop),
        "Camera": (
            f"yaw {camera.yaw:.4f} pitch {camera.pitch:.4f} radius {camera.radius:.4f} "
            f"fov {camera.fov:.4f} pivot {' '.join(f'{v:.4f}' for v in camera.pivot)}"
        ),
        "Layer": view.layer,
    }


def describe_backdrop(backdrop: Backdrop) -> str:
    """A background in a few words."""
    if not backdrop.visible:
        return "transparent"
    if backdrop.kind == "colour":
        return "#" + "".join(f"{round(255 * c):02x}" for c in backdrop.colour)
    if backdrop.kind == "photo" and backdrop.photo:
        return Path(backdrop.photo).name
    return f"learnt {describe_code(backdrop.code)}"


def save_window(path: Path, pixels: Any) -> None:
    """Write the window's pixels, (H, W, 3) uint8."""
    from ballgan.images import write_png

    write_png(path, pixels.astype(np.float32) / 255)
