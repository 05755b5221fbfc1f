"""Makes the README's pictures with the viewer itself: python assets/make_pictures.py

Everything is done as a person would, by a script of clicks in a window that nobody sees: the
bundled model, its layers, other backgrounds, other codes and cameras.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from ballgan.images import contact_sheet, load_image, resize_image, write_png

HERE = Path(__file__).parent
SIDE = 256  # pixels of a cell
LAYERS = ("full", "foreground", "background", "depth", "normals", "surface")
TRACK = 842  # of the timeline, pixels from the window's top
VIEWS = (-24, -10, 10, 24)  # degrees of yaw
PANORAMAS = ("sunset", "night-city", "room", "neon")
SEEDS = (17, 20, 5, 12)

Step = dict[str, Any]


IDLE: Step = {"wait": "idle", "timeout": 120}
TO_TOP: Step = {"wheel": 50, "at": [1200, 500]}  # of the panel
REST: Step = {"wait": 1.2}  # seconds, after which no rate of frames is told
CORNER, CHEEK = (5, 5), (330, 470)  # for the pointer, where no tip is shown


def take(pointer: tuple[int, int]) -> list[Step]:
    """Take the window when all is done."""
    away: Step = {"wheel": 0, "at": pointer}
    return [IDLE, away, REST, away, {"screenshot": "window.png"}]


def save() -> list[Step]:
    """Save the picture when it is finished."""
    return [{"wait": "converged", "timeout": 120}, {"key": "S"}, {"wait": "captured"}]


def layer_steps() -> list[Step]:
    """All layers of what the window shows first."""
    steps: list[Step] = [{"set": ["capture.folder", "saved"]}, *look(17, -18)]
    for layer in LAYERS:
        steps.append({"click": f"layer.{layer}"})
        if layer == "depth":
            steps += [{"set": ["depth.near", 2.3]}, {"set": ["depth.far", 3.1]}]
        steps += save()
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
    command = [sys.executable, "-m", "ballgan_viewer", "--offscreen", "--size", "1360x900"]
    subprocess.run(
        [*command, "--script", str(script)],
        env=os.environ | {"BALLGAN_CONFIG_DIR": str(folder)},
        cwd=folder,
        check=True,
    )
    return sorted((folder / "saved").glob("*.png"), key=lambda path: path.stat().st_mtime_ns)


def close(*sections: str) -> list[Step]:
    """Fold sections of the panel that stand above what is to be seen."""
    return [{"click": f"section.{name}"} for name in sections]


def look(seed: int, yaw: float, background: int = 25) -> list[Step]:
    """A head from a side, before a learnt background."""
    steps: list[Step] = [
        {"set": ["foreground.seed", seed]},
        {"set": ["background.seed", background]},
    ]
    return [*steps, {"set": ["camera.yaw", yaw]}]


def window_steps() -> dict[str, list[Step]]:
    """What is done in each window before it is taken, by the picture's name."""
    kept: list[Step] = []
    for seed in (5, 7, 29):
        kept += [{"set": ["foreground.seed", seed]}, {"click": "gallery.keep"}, IDLE]
    keys: list[Step] = [*look(17, -20), {"command": "film.timeline"}, {"key": "K"}]
    for x, seed, yaw in ((330, 20, -5), (650, 29, 10)):
        keys.append({"drag": {"from": [x, TRACK], "to": [x, TRACK]}})
        keys += [*look(seed, yaw), {"key": "K"}]
    return {
        "first": [*look(17, -6), *close("camera"), TO_TOP],
        "gallery": [
            *[{"click": "window.theme.light"}, {"click": "background.gradient"}],
            *[{"click": "background.gradient.dusk"}, *kept, {"set": ["camera.yaw", 10]}],
            *[{"click": "gallery.sheet.count.24"}, {"click": "gallery.sheet"}],
            *close("model", "foreground", "background", "camera", "output", "window"),
        ],
        "directions": [
            *[*look(20, -12), {"set": ["foreground.mix.seed", 29]}],
            *[{"set": ["foreground.direction.0", 1.5]}, {"set": ["foreground.direction.2", -1]}],
            *close("model", "background", "camera", "output"),
            TO_TOP,
        ],
        "background": [
            *[{"drop": str(HERE / "panoramas" / "sunset.jpg")}, {"wait": "loaded"}],
            *[{"set": ["foreground.seed", 29]}, {"set": ["camera.yaw", -12]}],
            *[{"click": "background.light"}, {"click": "background.sphere.fold"}],
            *[{"click": "background.separation.fold"}],
            *close("model", "foreground", "camera", "output"),
        ],
        "compare": [
            *[*look(12, -12), {"key": "C"}, {"click": "compare.layer.normals"}],
            *[{"key": "I"}, *close("model", "foreground", "background", "camera")],
        ],
        "mesh": [
            *[*look(29, -20), {"click": "layer.surface"}, {"click": "mesh.wireframe"}],
            *[{"click": "export.texture"}, {"click": "export.faces.30000"}],
            *close("model", "foreground", "background", "camera"),
        ],
        "film": [
            *[*keys, {"click": "film.format.webm"}],
            *close("model", "foreground", "background", "camera", "output"),
        ],
        "palette": [
            *[*look(23, -10), *close("camera"), {"key": "K", "mods": ["control"]}],
        ],
    }


def main() -> None:
    """Write layers.png and backgrounds.png, and a picture of each window into windows/."""
    for name, steps, labels in (
        ("layers", layer_steps(), LAYERS),
        ("backgrounds", background_steps(), PANORAMAS),
    ):
        with tempfile.TemporaryDirectory() as folder:
            pictures = [resize_image(load_image(path), SIDE) for path in run(steps, Path(folder))]
        write_png(HERE / f"{name}.png", contact_sheet([pictures], (), labels))
    for name, steps in window_steps().items():
        with tempfile.TemporaryDirectory() as folder:
            run([*steps, *take(CHEEK if name == "compare" else CORNER)], Path(folder))
            window = Image.open(Path(folder) / "window.png").convert("RGB")
            window.save(HERE / "windows" / f"{name}.jpg", quality=92, subsampling=0)


if __name__ == "__main__":
    main()
