"""Makes the README's pictures with the viewer itself: python assets/make_pictures.py

Everything is done as a person would, by a script of clicks in a window that nobody sees: the
bundled model, its layers, other backgrounds, other codes and cameras.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ballgan.images import contact_sheet, load_image, resize_image, write_png

HERE = Path(__file__).parent
SIDE = 256  # pixels of a cell
LAYERS = ("full", "foreground", "background", "depth", "normals", "surface")
VIEWS = (-38, -15, 20, 42)  # degrees of yaw
PANORAMAS = ("sunset", "night-city", "room", "neon")
SEEDS = (17, 11, 1, 12)

Step = dict[str, Any]


IDLE: Step = {"wait": "idle", "timeout": 120}
PICTURE: list[Step] = [IDLE, {"screenshot": "window.png"}]


def save() -> list[Step]:
    """Save the picture when it is finished."""
    return [{"wait": "converged", "timeout": 120}, {"key": "S"}, {"wait": "captured"}]


def layer_steps() -> list[Step]:
    """All layers of what the window shows first."""
    steps: list[Step] = [{"set": ["capture.folder", "saved"]}, {"set": ["camera.yaw", -25]}]
    for layer in LAYERS:
        steps += [{"click": f"layer.{layer}"}, *save()]
    return steps


def background_steps() -> list[Step]:
    """Heads from several sides before the bundled panoramas, in whose light they are."""
    steps: list[Step] = [{"set": ["capture.folder", "saved"]}]
    for yaw, name, seed in zip(VIEWS, PANORAMAS, SEEDS, strict=True):
        steps.append({"drop": str(HERE / "panoramas" / f"{name}.jpg")})
        steps.append({"wait": "loaded"})
        steps += [{"set": ["camera.yaw", yaw]}, {"set": ["foreground.seed", seed]}, *save()]
    return steps


def run(steps: list[Step], folder: Path) -> list[Path]:
    """Replay steps in a window of its own settings: the pictures that were saved, in order."""
    script = folder / "script.json"
    script.write_text(json.dumps([IDLE, *steps]))
    command = [sys.executable, "-m", "ballgan_viewer", "--offscreen", "--size", "1280x800"]
    subprocess.run(
        [*command, "--script", str(script)],
        env=os.environ | {"BALLGAN_CONFIG_DIR": str(folder)},
        cwd=folder,
        check=True,
    )
    return sorted((folder / "saved").glob("*.png"), key=lambda path: path.stat().st_mtime_ns)


def light_steps() -> list[Step]:
    """The light window, with favourites, a contact sheet and a gradient."""
    steps: list[Step] = [{"click": "window.theme.light"}, {"click": "background.gradient"}]
    steps += [{"click": "background.gradient.dusk"}, {"set": ["camera.yaw", 20]}]
    for seed in (11, 12, 17):
        steps += [{"set": ["foreground.seed", seed]}, {"click": "gallery.keep"}, IDLE]
    sections = ("model", "foreground", "background", "window")
    steps += [{"click": "gallery.sheet.count.12"}, {"click": "gallery.sheet"}]
    steps += [{"click": f"section.{name}"} for name in sections]
    return [*steps, *PICTURE]


def main() -> None:
    """Write screenshot.png, screenshot-light.png, layers.png and backgrounds.png."""
    for name, steps, labels in (
        ("layers", layer_steps(), LAYERS),
        ("backgrounds", background_steps(), PANORAMAS),
    ):
        with tempfile.TemporaryDirectory() as folder:
            pictures = [resize_image(load_image(path), SIDE) for path in run(steps, Path(folder))]
        write_png(HERE / f"{name}.png", contact_sheet([pictures], (), labels))
    for name, steps in (("screenshot", PICTURE), ("screenshot-light", light_steps())):
        with tempfile.TemporaryDirectory() as folder:
            run(steps, Path(folder))
            shutil.copy(Path(folder) / "window.png", HERE / f"{name}.png")


if __name__ == "__main__":
    main()
