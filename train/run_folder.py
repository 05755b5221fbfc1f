"""Reading the folder of a training run while it is being written or synced. Knows no window.

    config.json                 resolved configuration
    log.jsonl                   one JSON object a tick: kimg, time, images_per_s, loss/g, ...
    samples/000200-full.png     picture grids at 200 kimg (200 000 images seen); one a layer
    model-000200.pkl            the generator at 200 kimg

Every reader takes what is there: files may be missing, half written or replaced at any moment.
"""

import json
import math
import os
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

CONFIG_NAME = "config.json"
LOG_NAME = "log.jsonl"
SAMPLES_NAME = "samples"
LAYERS = ("full", "foreground", "background", "depth")
ALIVE_SECONDS = 300.0  # a log that did not change for longer belongs to a run that stopped

CHUNK = 2**22  # bytes of the log read at a time
TAIL = 64  # bytes kept to recognise a log that was replaced
MAX_PIXELS = 2**28  # of a picture grid

RunState = Literal["waiting", "running", "stopped", "finished"]

_SAMPLE = re.compile(rf"(\d{{1,12}})-({'|'.join(LAYERS)})\.png")
_MODEL = re.compile(r"model-(\d{1,12})\.pkl")


@dataclass(frozen=True)
class Samples:
    """The pictures made at one time."""

    kimg: int
    pictures: Mapping[str, Path]  # layer -> file


@dataclass(frozen=True)
class SavedModel:
    """A generator that can be opened."""

    kimg: int
    path: Path


def find_run(path: str | os.PathLike[str]) -> Path:
    """The run folder at `path`. An empty folder counts: its run may not have written yet.

    Raises ValueError if there is no such folder, or if it holds something other than a run.
    """
    folder = Path(path)
    if not folder.exists():
        raise ValueError(f"{folder} does not exist; a run folder is needed")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; the folder of a run is needed")
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    if not names or _is_run(folder):
        return folder
    runs = sorted((below for below in folder.iterdir() if _is_run(below)), key=_last_change)
    if runs:
        raise ValueError(
            f"{folder} is not a run but holds {len(runs)}; name one, e.g. the newest: {runs[-1]}"
        )
    raise ValueError(
        f"{folder} is not a run folder: it has no {CONFIG_NAME}, {LOG_NAME}, {SAMPLES_NAME}/ or "
        "model-*.pkl"
    )


def _is_run(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    known = (folder / CONFIG_NAME, folder / LOG_NAME, folder / SAMPLES_NAME)
    return any(path.exists() for path in known) or bool(list_models(folder))


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()) if path.exists())


def list_samples(folder: Path) -> tuple[Samples, ...]:
    """The sample pictures, oldest first; empty if there are none yet."""
    found: dict[int, dict[str, Path]] = {}
    below = folder / SAMPLES_NAME
    for name in _list_names(below):
        if match := _SAMPLE.fullmatch(name):
            found.setdefault(int(match[1]), {})[match[2]] = below / name
    return tuple(Samples(kimg, found[kimg]) for kimg in sorted(found))


def list_models(folder: Path) -> tuple[SavedModel, ...]:
    """The saved generators, oldest first; empty if there are none yet."""
    found = (
        SavedModel(int(match[1]), folder / name)
        for name in _list_names(folder)
        if (match := _MODEL.fullmatch(name))
    )
    return tuple(sorted(found, key=lambda model: (model.kimg, model.path)))


def _list_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of the run; empty if it is not written yet.

    Raises ValueError if the file is damaged, OSError if it cannot be read.
    """
    try:
        content = (folder / CONFIG_NAME).read_bytes()
    except FileNotFoundError:
        return {}
    try:
        config = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{CONFIG_NAME} is damaged or half written") from error
    if not isinstance(config, dict):
        raise ValueError(f"{CONFIG_NAME} should hold an object, it holds {type(config).__name__}")
    return config


def flatten_config(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The options as (dotted name, value as text), in their order.

    >>> flatten_config({"data": {"path": "a.zip"}, "batch": 4})
    [('data.path', 'a.zip'), ('batch', '4')]
    """
    rows: list[tuple[str, str]] = []
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            rows += flatten_config(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)))
    return rows


def read_picture(path: Path, max_side: int = 1024) -> np.ndarray:
    """A picture as (H, W, 3) uint8, made smaller so that no side is longer than `max_side`.

    Raises ValueError if the file is missing, damaged, half written or far too large.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{path.name} is too large: {image.width} x {image.height}")
            picture = _to_rgb(image)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path.name} cannot be read: missing, damaged or half written") from error
    picture.thumbnail((max_side, max_side), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(picture)


def _to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; the range of a 16-bit depth picture is stretched to it."""
    if not image.mode.startswith(("I", "F")):
        return image.convert("RGB")
    values = np.asarray(image, dtype=np.float64)
    low, high = values.min(), values.max()
    scaled = (values - low) * (255 / (high - low) if high > low else 0.0)
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def find_state(log: "Log", changed: float | None, now: float) -> RunState:
    """Whether the run is alive at `now`: did its log change within 5 minutes?

    `changed` is when it changed last, None without a log; both in unix seconds. A log changed in
    the future, on a server whose clock is ahead, is alive.
    """
    if changed is None or not len(log):
        return "waiting"
    if log.last("eta_s") <= 0:
        return "finished"
    return "running" if now - changed <= ALIVE_SECONDS else "stopped"


def read_log_time(folder: Path) -> float | None:
    """When the log changed last, in unix seconds; None if there is none."""
    try:
        return (folder / LOG_NAME).stat().st_mtime
    except FileNotFoundError:
        return None


@dataclass
class Log:
    """The scalars of a log, read as far as it is written.

    `read` reads only what was added since. A last line without its end is left for the next time.
    Lines that are no JSON object with a finite "kimg" are counted in `broken` and left out, values
    that are no numbers are NaN. When the kimg of a line is not greater than those before, a run was
    resumed from an earlier state: the lines it repeats replace the old ones.
    """

    broken: int = 0  # lines that could not be understood
    _columns: dict[str, array] = field(default_factory=dict)  # shorter ones end in NaN
    _rows: int = 0
    _offset: int = 0  # bytes consumed
    _tail: bytes = b""  # the last bytes before the offset

    def __len__(self) -> int:
        return self._rows

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scalars, in the order of their first appearance."""
        return tuple(self._columns)

    def column(self, name: str) -> np.ndarray:
        """The values of a scalar, float64 (len(log),); NaN where a line had none."""
        values = np.full(self._rows, np.nan)
        written = self._columns.get(name, array("d"))
        values[: len(written)] = written
        return values

    def last(self, name: str) -> float:
        """The value in the last line; NaN if it has none."""
        written = self._columns.get(name, array("d"))
        return written[-1] if self._rows and len(written) == self._rows else math.nan

    def clear(self) -> None:
        """Forget everything that was read."""
        self.broken = self._rows = self._offset = 0
        self._tail = b""
        self._columns.clear()

    def read(self, path: Path) -> bool:
        """Read at most CHUNK bytes that were added; whether anything was consumed or forgotten.

        A log that shrank or was replaced by another is read from its start, one that vanished is
        forgotten. Raises OSError if it cannot be read.
        """
        try:
            file = open(path, "rb")
        except FileNotFoundError:
            forgotten = self._offset > 0
            self.clear()
            return forgotten
        with file:
            replaced = not self._continues(file)
            if replaced:
                self.clear()
            file.seek(self._offset)
            chunk = file.read(CHUNK)
        return self._consume(chunk) or replaced

    def _continues(self, file: BinaryIO) -> bool:
        file.seek(self._offset - len(self._tail))
        return file.read(len(self._tail)) == self._tail

    def _consume(self, chunk: bytes) -> bool:
        end = chunk.rfind(b"\n") + 1
        if end == 0 and len(chunk) == CHUNK:  # no line is this long
            end = CHUNK
        for line in chunk[:end].splitlines():
            if line.strip():
                self._add_line(line)
        self._offset += end
        self._tail = (self._tail + chunk[:end])[-TAIL:]
        return end > 0

    def _add_line(self, line: bytes) -> None:
        try:
            record = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            record = None
        kimg = _to_float(record.get("kimg")) if isinstance(record, dict) else math.nan
        if not math.isfinite(kimg):
            self.broken += 1
            return
        self._rewind(kimg)
        rows, columns = self._rows, self._columns
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = array("d")
            if len(column) < rows:
                column.extend([math.nan] * (rows - len(column)))
            column.append(value if type(value) is float else _to_float(value))
        self._rows = rows + 1

    def _rewind(self, kimg: float) -> None:
        """Drop the last lines whose kimg is not smaller than `kimg`."""
        times = self._columns.setdefault("kimg", array("d"))
        rows = self._rows
        while rows and times[rows - 1] >= kimg:
            rows -= 1
        if rows < self._rows:
            self._rows = rows
            for column in self._columns.values():
                del column[rows:]


def _to_float(value: object) -> float:
    """A JSON number as float; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
