"""What the viewer remembers between two starts: a small JSON file in the person's config folder.

The folder is `BALLGAN_CONFIG_DIR` where that is set. What cannot be read of the file is ignored
with a message; it is never a reason not to start.
"""

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import platformdirs

from ballgan.plain import from_plain

from .presets import Preset, changes_of
from .shared_files import alone, kept_name, merge, read_entries, write

FILE_NAME = "viewer.json"
MAX_RECENT = 8
MAX_COMPLAINT = 300  # characters
LEAST_ZOOM, LARGEST_ZOOM = 0.7, 2.5
THEMES = ("dark", "light")
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

    window_size: tuple[int, int] = (1280, 800)  # logical pixels, when it is not maximised
    recent_models: tuple[str, ...] = ()  # newest first
    recent_pictures: tuple[str, ...] = ()  # newest first
    output_folder: str = ""  # of all that is written; empty: the current folder
    preview: bool = True  # whether OpenGL draws what the network has not rendered yet
    trackpad: bool = False  # whether scrolling orbits, as on trackpads, instead of zooming
    glide: bool = True  # whether the camera glides to where a key or a click sends it
    theme: str = "dark"  # one of THEMES
    zoom: float = 1.0  # of the interface, times what the screen asks for
    folded: tuple[str, ...] = FOLDED_AT_FIRST  # sections of the panel that are closed
    recent_sessions: tuple[str, ...] = ()  # newest first
    presets: tuple[Preset, ...] = ()  # of how to render, oldest first
    maximised: bool = False  # whether the window was as large as the screen


Loaded = tuple[Preferences, str | None]  # with a message if something had to be ignored
ENTRIES: dict[str, Callable[[Any], Any]] = {  # lists, and what tells their entries apart
    "recent_models": str,
    "recent_pictures": str,
    "recent_sessions": str,
    "presets": lambda preset: preset.name,
}


def config_folder() -> Path:
    """Where the settings file lives."""
    given = os.environ.get("BALLGAN_CONFIG_DIR")
    return Path(given) if given else Path(platformdirs.user_config_dir("ballgan", appauthor=False))


def load() -> Loaded:
    """The remembered preferences, and a message if something in the file had to be ignored."""
    path = config_folder() / FILE_NAME
    complaints: list[str] = []
    try:
        loaded = from_dict(_read(path), complaints)
    except (OSError, ValueError, RecursionError) as error:
        loaded, complaints = Preferences(), [str(error)]
    if not complaints:
        return loaded, None
    ignored = "; ".join(complaints)[:MAX_COMPLAINT].rstrip(".")
    return loaded, (
        f"Settings in {path} were ignored: {ignored}. The file is kept as {kept_name(path).name} "
        "when they are written next."
    )


def save(before: Preferences, after: Preferences) -> None:
    """Write the settings that differ between two preferences into the file, atomically. What other
    windows have written stays, and what only later viewers know. Raises OSError."""
    path = config_folder() / FILE_NAME
    complaints: list[str] = []
    with alone(path.parent):
        try:
            data = _read(path)
            present = from_dict(data, complaints)
        except (OSError, ValueError, RecursionError) as error:
            data, present, complaints = {}, before, [str(error)]
        merged = asdict(merge(before, after, present, ENTRIES))
        write(path, data | merged, keep_former=bool(complaints))


def from_dict(data: dict[str, Any], complaints: list[str]) -> Preferences:
    """Preferences from plain JSON values. Unknown keys are passed over, so that an older viewer can
    read what a later one wrote, and so are values that cannot be read, about which `complaints`
    gets a line each."""
    values = {}
    for key in (field.name for field in fields(Preferences) if field.name in data):
        try:
            values[key] = _check(key, data[key], complaints)
        except ValueError as error:
            complaints.append(str(error))
    return Preferences(**values)


def _read(path: Path) -> dict[str, Any]:
    """The file's values; none if there is no file. Raises OSError, ValueError, RecursionError."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(data, dict):
        raise ValueError("expected a JSON object")
    return data


def remember(recent: tuple[str, ...], path: str) -> tuple[str, ...]:
    """`recent` with `path` in front, without repetition, at most MAX_RECENT long."""
    return (path, *(other for other in recent if other != path))[:MAX_RECENT]


def _check(key: str, value: Any, complaints: list[str]) -> Any:
    if key == "window_size":
        if not (isinstance(value, list) and len(value) == 2 and all(map(_is_length, value))):
            raise ValueError(f"{key} should be two positive numbers; got {value!r}")
        return int(value[0]), int(value[1])
    if key == "presets":
        return read_entries(value, key, _read_preset, complaints)
    if key == "theme":
        if value not in THEMES:
            raise ValueError(f"{key} should be one of {', '.join(THEMES)}; got {value!r}")
        return value
    if key == "zoom":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{key} should be a number; got {value!r}")
        if not LEAST_ZOOM <= value <= LARGEST_ZOOM:
            raise ValueError(f"{key} should be in {LEAST_ZOOM} to {LARGEST_ZOOM}; got {value!r}")
        return float(value)
    if key in ("maximised", "preview", "trackpad", "glide"):
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


def _read_preset(value: Any, where: str, unknown: list[str]) -> Preset:
    preset: Preset = from_plain(Preset, value, where, lenient=True, unknown=unknown)
    changes_of(preset)  # raises for settings that cannot be read
    return preset


def _is_length(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 1 <= value <= 65536
    )
