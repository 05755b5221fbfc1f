"""What is written of what is seen: a picture's metadata, or the whole window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ballgan.animation import Animation
from ballgan.session import describe_picture
from ballgan.view import Backdrop

from . import document
from .paths import describe_code
from .state import ViewerState
from .words import printable


def describe_view(state: ViewerState) -> dict[str, str]:
    """What made a picture, for its metadata."""
    session = replace(document.to_session(state), animation=Animation())
    view = state.view
    camera = view.camera
    return {
        "Software": "ballgan-viewer",
        "Model": printable(state.model.name) if state.model else "",
        "Foreground": f"{describe_code(view.foreground)} psi {view.foreground.truncation_psi:g}",
        "Background": printable(describe_backdrop(view.backdrop)),
        "Camera": (
            f"yaw {camera.yaw:.4f} pitch {camera.pitch:.4f} radius {camera.radius:.4f} "
            f"fov {camera.fov:.4f} roll {camera.roll:.4f} "
            f"pivot {' '.join(f'{v:.4f}' for v in camera.pivot)}"
        ),
        "Layer": view.layer,
    } | describe_picture(session)


def describe_backdrop(backdrop: Backdrop) -> str:
    """A background in a few words."""
    if not backdrop.visible:
        return "transparent"
    if backdrop.kind == "colour":
        return _hexadecimal(backdrop.colour)
    if backdrop.kind == "gradient":
        return f"{_hexadecimal(backdrop.top)}-{_hexadecimal(backdrop.bottom)}"
    if backdrop.kind == "photo" and backdrop.photo:
        return Path(backdrop.photo).name
    return f"learnt {describe_code(backdrop.code)}"


def _hexadecimal(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in colour)


def save_window(path: Path, pixels: Any) -> None:
    """Write the window's pixels, (H, W, 3) uint8."""
    from ballgan.images import write_png

    write_png(path, pixels.astype(np.float32) / 255)
