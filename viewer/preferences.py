"""What the viewer remembers between two starts: a small JSON file in the person's config folder.

The folder is `BALLGAN_CONFIG_DIR` where that is set. A file that cannot be read is ignored with a
message; it is never a reason not to start.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import platformdirs

from ballgan.plain import from_plain

from .presets import Preset, changes_of

FILE_NAME = "viewer.json"
MAX_RECENT = 8
LEAST_ZOOM, LARGEST_ZOOM = 0.7, 2.5
SECTIONS = (  # of the panel, in the order of work: what is shown, how it is seen, what is kept
    "model",
    "foreground",
    "background",
    "camera",
    "output",
    "capture",
    "mesh",
    "gallery",
    "session",
    "window",
)
FOLDED_AT_FIRST = tuple(
    f"section.{name}" for name in ("camera", "capture", "mesh", "gallery", "session", "window")
)


@dataclass(frozen=True)
class Preferences:
    """Remembered values; every one has a default."""

    window_size: tuple[int, int] = (1280, 800)  # logical pixels
    recent_models: tuple[str, ...] = ()  # newest first
    recent_pictures: tuple[str, ...] = ()  # newest first
    output_folder: str = ""  # of screenshots and meshes; empty: the current folder
    preview: bool = True  # whether OpenGL draws what the network has not rendered yet
    trackpad: bool = False  # whether scrolling orbits, as on trackpads, instead of zooming
    glide: bool = True  # whether the camera glides to where a key or a click sends it
    theme: str = "dark"  # or "light"
    zoom: float = 1.0  # of the interface, times what the screen asks for
    folded: tuple[str, ...] = FOLDED_AT_FIRST  # sections of the panel that are closed
    recent_sessions: tuple[str, ...] = ()  # newest first
    presets: tuple[Preset, ...] = ()  # of how to render, oldest first


def config_folder() -> Path:
    """Where the settings file lives."""
    given = os.environ.get("BALLGAN_CONFIG_DIR")
    return Path(given) if given else Path(platformdirs.user_config_dir("ballgan", appauthor=False))


def load() -> tuple[Preferences, str | None]:
    """The remembered preferences, and a message if a settings file had to be ignored."""
    path = config_folder() / FILE_NAME
    try:
        return from_dict(json.loads(path.read_text("utf-8"))), None
    except FileNotFoundError:
        return Preferences(), None
    except (OSError, ValueError, RecursionError) as error:
        return Preferences(), f"The settings in {path} were ignored: {error}"


def save(preferences: Preferences) -> str | None:
    """Write the settings file atomically; a message if that did not work."""
    from ballgan.files import atomic_write

    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / FILE_NAME) as file:
            file.write((json.dumps(asdict(preferences), indent=2) + "\n").encode())
    except OSError as error:
        return f"The settings could not be saved: {error}"
    return None


def from_dict(data: Any) -> Preferences:
    """Preferences from plain JSON values; unknown keys are dropped, so that an older viewer can
    read what a later one wrote. Raises ValueError for values of the wrong type."""
    if not isinstance(data, dict):
        raise ValueError("expected a JSON object")
    known = {f.name for f in fields(Preferences)}
    values = {key: _check(key, value) for key, value in data.items() if key in known}
    return Preferences(**values)


def remember(recent: tuple[str, ...], path: str) -> tuple[str, ...]:
    """`recent` with `path` in front, without repetition, at most MAX_RECENT long."""
    return (path, *(other for other in recent if other != path))[:MAX_RECENT]


def _check(key: str, value: Any) -> Any:
    if key == "window_size":
        if not (isinstance(value, list) and len(value) == 2 and all(map(_is_length, value))):
            raise ValueError(f"{key} should be two positive numbers; got {value!r}")
        return int(value[0]), int(value[1])
    if key == "presets":
        return _check_presets(value)
    if key == "theme":
        if value not in ("dark", "light"):
            raise ValueError(f"{key} should be 'dark' or 'light'; got {value!r}")
        return value
    if key == "zoom":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{key} should be a number; got {value!r}")
        if not LEAST_ZOOM <= value <= LARGEST_ZOOM:
            raise ValueError(f"{key} should be in {LEAST_ZOOM} to {LARGEST_ZOOM}; got {value!r}")
        return float(value)
    if key in ("preview", "trackpad", "glide"):
        if not isinstance(value, bool):
            raise ValueError(f"{key} should be true or false; got {value!r}")
        return value
    if key == "output_folder":
        if not isinstance(value, str):
            raise ValueError(f"{key} should be text; got {value!r}")
        return value
    if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise ValueError(f"{key} should be a list of texts; got {value!r}")
    return tuple(value if key == "folded" else value[:MAX_RECENT])


def _check_presets(value: Any) -> tuple[Preset, ...]:
    """Presets whose values can be read."""
    presets: tuple[Preset, ...] = from_plain(tuple[Preset, ...], value, "presets", lenient=True)
    for preset in presets:
        changes_of(preset)
    return presets


def _is_length(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 1 <= value <= 65536
    )
