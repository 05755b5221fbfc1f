"""What the numbers above the plots say. Pure functions."""

import math
from dataclasses import dataclass
from typing import Literal

from .watcher import Snapshot

Mood = Literal["normal", "good", "warning"]

STATE_WORDS = {
    "waiting": "Waiting",
    "running": "Running",
    "stopped": "Stopped",
    "finished": "Finished",
}
NONE = "\u2013"
DOT = "  \u00b7  "


@dataclass(frozen=True)
class Tile:
    """One number: its name, its value, a word on it."""

    name: str
    value: str
    detail: str = ""
    mood: Mood = "normal"


def describe_tiles(snapshot: Snapshot) -> tuple[Tile, ...]:
    """The tiles from left to right."""
    last = snapshot.last
    return (
        _progress(snapshot),
        Tile("Images/s", format_number(last.get("images_per_s")), _pace(snapshot)),
        _time_left(snapshot),
        Tile("Memory", format_memory(last.get("memory_mb"))),
        _coverage(last.get("alpha/mean")),
        _separation(last.get("alpha/min_t")),
    )


def _progress(snapshot: Snapshot) -> Tile:
    if snapshot.kimg is None:
        return Tile("Images seen", NONE, "no log line yet")
    total = find_total(snapshot)
    detail = f"of {format_kimg(total)} kimg" if total else ""
    return Tile("Images seen", f"{format_kimg(snapshot.kimg)} kimg", detail)


def find_total(snapshot: Snapshot) -> float | None:
    """The kimg at which the run ends, from its own estimate of the time left; None if unknown."""
    left, pace = snapshot.last.get("eta_s"), snapshot.last.get("s_per_kimg")
    if snapshot.kimg is None or left is None or not pace or pace <= 0:
        return None
    total = snapshot.kimg + max(left, 0.0) / pace
    return float(f"{total:.3g}") if left > 0 else total  # the estimate is not exact


def _pace(snapshot: Snapshot) -> str:
    pace = snapshot.last.get("s_per_kimg")
    return "" if pace is None else f"{format_number(pace)} s/kimg"


def _time_left(snapshot: Snapshot) -> Tile:
    left = snapshot.last.get("eta_s")
    if snapshot.state == "finished":
        return Tile("Time left", "none", "the run is finished", "good")
    if left is None:
        return Tile("Time left", NONE)
    if snapshot.state == "stopped":
        return Tile("Time left", NONE, f"{format_duration(left)} were left")
    return Tile("Time left", format_duration(left))


def _coverage(value: float | None) -> Tile:
    name = "Foreground"
    if value is None:
        return Tile(name, NONE)
    text = f"{100 * value:.1f} %"
    if value > 0.97:
        return Tile(name, text, "hides the sphere", "warning")
    if value < 0.03:
        return Tile(name, text, "has vanished", "warning")
    return Tile(name, text, "of the rays")


def _separation(value: float | None) -> Tile:
    name = "Separation"
    if value is None:
        return Tile(name, NONE)
    good = value < 0.1
    return Tile(name, f"{value:.3f}", "clean, under 0.1" if good else "0.1 and less is clean")


def describe_state(snapshot: Snapshot, now: float) -> str:
    """The state of the run and since when, at `now` in unix seconds."""
    word = STATE_WORDS[snapshot.state]
    if snapshot.state == "waiting":
        parts = [f"{word} for the first log line"]
    else:
        parts = [word, f"last log line {format_ago(now - (snapshot.log_time or now))}"]
    preset = dict(snapshot.config).get("preset")
    return DOT.join([*parts, f"preset {preset}"] if preset else parts)


def describe_reading(snapshot: Snapshot) -> str:
    """How much was read, and what could not be."""
    parts = [f"{snapshot.lines:,} log lines"]
    if snapshot.broken:
        parts.append(f"{snapshot.broken:,} unreadable")
    parts.append(f"{len(snapshot.samples)} sample grids")
    parts.append(f"{len(snapshot.models)} models")
    return DOT.join(parts)


def format_kimg(kimg: float) -> str:
    """Thousands of images: one decimal while there are few.

    >>> format_kimg(12.34), format_kimg(1234.5)
    ('12.3', '1,234')
    """
    return f"{kimg:,.1f}" if kimg < 100 else f"{kimg:,.0f}"


def format_number(value: float | None) -> str:
    """A number of any size with three or four digits.

    >>> format_number(0.01234), format_number(12.34), format_number(45678)
    ('0.0123', '12.3', '45,678')
    """
    if value is None:
        return NONE
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e7 or 0 < abs(value) < 1e-3:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{1 if abs(value) >= 10 else 2}f}"


def format_memory(megabytes: float | None) -> str:
    """Megabytes as MB or GB."""
    if megabytes is None:
        return NONE
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def format_duration(seconds: float) -> str:
    """The two largest units.

    >>> format_duration(42), format_duration(3700), format_duration(200000)
    ('42 s', '1 h 1 min', '2 d 7 h')
    """
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def format_ago(seconds: float) -> str:
    """How long ago; a file from a clock that is ahead counts as now."""
    return "just now" if seconds < 2 else f"{format_duration(seconds)} ago"
