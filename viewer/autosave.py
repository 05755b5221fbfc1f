"""A session file that is written while the window is open and removed when it is closed: one that
is left over belongs to a window that ended unexpectedly.

Each window has a file and a lock of its own; the system gives a lock back when its process ends,
however it ends. What windows leave, unexpectedly or with work that is in no other file, is kept
under names of its own, the newest few of it.
"""

import os
import re
import secrets
import time
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import IO

from ballgan.files import file_version

from .shared_files import lock

NAME, LOCK_SUFFIX, SUFFIX = "autosave", ".lock", ".ballgan.json"
KINDS = RECOVERED, LAST = "recovered", "last"  # windows ended unexpectedly, or were closed
KEPT = 8  # sessions of each kind
_LEFT = re.compile(rf"({RECOVERED}|{LAST})-\d{{8}}-\d{{6}}(-\d+)?{re.escape(SUFFIX)}")


class Autosave:
    """The file of this window in `folder`, which is made if it is missing. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / f"{NAME}-{secrets.token_hex(6)}{SUFFIX}"
        self._lock: IO[bytes] | None = open(_lock_path(self.path), "wb")  # noqa: SIM115
        lock(self._lock)

    def recover(self) -> list[Path]:
        """Sessions of windows that ended unexpectedly, the newest first; they have moved to names
        under which they are found once only."""
        others = set(self.folder.glob(f"{NAME}-*{SUFFIX}")) - {self.path}
        recovered: list[Path] = []
        for path in sorted(filter(_is_abandoned, others), key=_last_change):
            with suppress(OSError):  # another window that starts was quicker
                name = self._name(RECOVERED, path.stat().st_mtime)
                os.replace(path, name)
                recovered.insert(0, name)
        for kind in KINDS:
            for path in self._list_left(f"{kind}-*{SUFFIX}")[:-KEPT]:
                with suppress(OSError):
                    path.unlink()
        return recovered

    def find_last(self) -> Path | None:
        """The session that a window left last; None if there is none."""
        left = self._list_left()
        return left[-1] if left else None

    def name_last(self) -> Path:
        """Where a window that is closed leaves what is in no other file."""
        return self._name(LAST, time.time())

    def close(self, *, keep: bool = False) -> None:
        """Remove the file, unless it is to be found at the next start, and end the lock."""
        if self._lock is None:
            return
        if not keep:  # first, so that no window that starts by now takes it for abandoned
            with suppress(OSError):
                self.path.unlink()
        self._lock.close()
        self._lock = None
        with suppress(OSError):
            _lock_path(self.path).unlink()

    def _name(self, kind: str, seconds: float) -> Path:
        stem = f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds))}"
        taken = {path.name for path in self._list_left()}
        names = (f"{stem}-{number}{SUFFIX}" for number in count(2))
        return self.folder / next(
            name for name in chain([f"{stem}{SUFFIX}"], names) if name not in taken
        )

    def _list_left(self, pattern: str = f"*{SUFFIX}") -> list[Path]:
        """What windows have left, the oldest first."""
        left = (path for path in self.folder.glob(pattern) if is_left(path))
        return sorted(left, key=_last_change)


def is_left(path: str | os.PathLike[str]) -> bool:
    """Whether a session is called as one that a window has left."""
    return _LEFT.fullmatch(os.path.basename(path)) is not None


def _last_change(path: Path) -> float:
    """When a file was last written; 0 if it is gone."""
    version = file_version(path)
    return version[0] / 1e9 if version else 0.0


def _lock_path(path: Path) -> Path:
    return path.with_suffix("").with_suffix(LOCK_SUFFIX)


def _is_abandoned(path: Path) -> bool:
    """Whether the window that wrote an autosave is no longer there."""
    try:
        with open(_lock_path(path), "r+b") as file:
            lock(file)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    with suppress(OSError):
        _lock_path(path).unlink()
    return True
