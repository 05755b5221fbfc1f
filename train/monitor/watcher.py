"""Watches a run folder from a thread, so that neither a long log nor a slow disk stops the window.

The thread publishes frozen values; the window picks up the newest whenever it draws.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..run_folder import (
    LOG_NAME,
    Log,
    RunState,
    Samples,
    SavedModel,
    find_state,
    flatten_config,
    list_models,
    list_samples,
    read_config,
    read_log_time,
    read_picture,
)
from .curves import Curve, last_values, read_curves

T = TypeVar("T")

INTERVAL = 2.0  # seconds between two looks at the folder


@dataclass(frozen=True)
class Snapshot:
    """What the folder held at one moment."""

    folder: Path
    state: RunState = "waiting"
    kimg: float | None = None  # of the last log line
    log_time: float | None = None  # unix seconds of the log's last change
    lines: int = 0
    broken: int = 0  # log lines that could not be read
    curves: Mapping[str, Curve] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)  # last finite values
    samples: tuple[Samples, ...] = ()
    models: tuple[SavedModel, ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    fault: str = ""  # why something could not be read this time
    loaded: bool = False  # whether the folder was read at all


@dataclass(frozen=True)
class Picture:
    """A picture that was asked for: its pixels, or why there are none."""

    path: Path
    pixels: np.ndarray | None  # (H, W, 4) float32 in [0, 1]
    fault: str = ""


class FolderReader:
    """Reads a run folder again and again; keeps what need not be read twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = Log()
        self._snapshot = Snapshot(folder)

    def read(self, now: float) -> Snapshot:
        """The folder as it is at `now` (unix seconds). What cannot be read stays as it was."""
        faults: list[str] = []
        before, log = self._snapshot, self._log
        changed = _attempt(self._read_log, False, faults)
        log_time = _attempt(lambda: read_log_time(self.folder), before.log_time, faults)
        curves = read_curves(log) if changed else before.curves
        self._snapshot = Snapshot(
            self.folder,
            state=find_state(log, log_time, now),
            kimg=log.last("kimg") if len(log) else None,
            log_time=log_time,
            lines=len(log),
            broken=log.broken,
            curves=curves,
            last=last_values(curves) if changed else before.last,
            samples=_attempt(lambda: list_samples(self.folder), before.samples, faults),
            models=_attempt(lambda: list_models(self.folder), before.models, faults),
            config=_attempt(self._read_config, before.config, faults),
            fault="; ".join(faults),
            loaded=True,
        )
        return self._snapshot

    def _read_log(self) -> bool:
        changed = False
        while self._log.read(self.folder / LOG_NAME):
            changed = True
        return changed

    def _read_config(self) -> tuple[tuple[str, str], ...]:
        return tuple(flatten_config(read_config(self.folder)))


def _attempt(read: Callable[[], T], before: T, faults: list[str]) -> T:
    """What `read` gives; if it fails, what there was before, and a line in `faults`."""
    try:
        return read()
    except OSError as error:
        faults.append(f"{error.filename or 'the folder'} cannot be read: {error.strerror or error}")
    except ValueError as error:
        faults.append(str(error))
    return before


class Watcher:
    """The thread. `snapshot` and `picture` are its newest results; `close` ends it."""

    def __init__(self, folder: Path, interval: float = INTERVAL) -> None:
        self.snapshot = Snapshot(folder)
        self.picture: Picture | None = None
        self._reader = FolderReader(folder)
        self._interval = interval
        self._wanted: Path | None = None
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="run folder", daemon=True)
        self._thread.start()

    def show(self, path: Path | None) -> None:
        """Ask for a picture. It appears in `picture`, unless another is asked for before."""
        if path != self._wanted:
            self._wanted = path
            self._wake.set()

    def close(self) -> None:
        """End the thread; waits for it, but not for a disk that hangs."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=2.0)

    def _work(self) -> None:
        due = 0.0
        while not self._closed:
            self._wake.clear()
            is_due = time.monotonic() >= due
            self._load_wanted(again=is_due)
            if is_due:
                self.snapshot = self._reader.read(time.time())
                due = time.monotonic() + self._interval
            self._wake.wait(max(0.0, due - time.monotonic()))

    def _load_wanted(self, *, again: bool) -> None:
        """Load the picture that is asked for; `again`: also if that failed before."""
        wanted, shown = self._wanted, self.picture
        if wanted is None:
            return
        failed = shown is not None and shown.pixels is None
        if shown is None or shown.path != wanted or (failed and again):
            self.picture = load_picture(wanted)


def load_picture(path: Path) -> Picture:
    """The picture as the window needs it."""
    try:
        pixels = read_picture(path)
    except ValueError as error:
        return Picture(path, None, str(error))
    opaque = np.ones((*pixels.shape[:2], 4), dtype=np.float32)
    opaque[..., :3] = pixels / np.float32(255)
    return Picture(path, opaque)
