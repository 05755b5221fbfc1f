"""A session file that is written while the window is open and removed when it is closed: one that
is left over belongs to a window that ended unexpectedly.

Each window has a file and a lock of its own; the system gives a lock back when its process ends,
however it ends.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

NAME, LOCK_SUFFIX, SUFFIX = "autosave", ".lock", ".ballgan.json"
RECOVERED = f"recovered{SUFFIX}"


class Autosave:
    """The file of this window in `folder`, which is made if it is missing. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{NAME}-{os.getpid()}{SUFFIX}"
        self._lock_path = self.path.with_suffix("").with_suffix(LOCK_SUFFIX)
        self._lock: IO[bytes] | None = open(self._lock_path, "wb")  # noqa: SIM115
        _lock(self._lock)

    def recover(self) -> Path | None:
        """The newest session of a window that ended unexpectedly, moved to a name under which it
        is found once only; None if there is none."""
        left = [path for path in self.path.parent.glob(f"{NAME}-*{SUFFIX}") if self._is_left(path)]
        if not left:
            return None
        newest = max(left, key=lambda path: path.stat().st_mtime)
        recovered = newest.with_name(RECOVERED)
        os.replace(newest, recovered)
        for path in left:
            path.unlink(missing_ok=True)
        return recovered

    def close(self, *, keep: bool = False) -> None:
        """End the lock and remove the file, unless it is to be found at the next start."""
        if self._lock is None:
            return
        self._lock.close()
        self._lock = None
        for path in (self._lock_path,) if keep else (self._lock_path, self.path):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _is_left(self, path: Path) -> bool:
        """Whether the window that wrote `path` is no longer there."""
        lock_path = path.with_suffix("").with_suffix(LOCK_SUFFIX)
        if path == self.path:
            return True  # of an earlier process with the same number
        try:
            with open(lock_path, "r+b") as lock:
                _lock(lock)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        with suppress(OSError):
            lock_path.unlink()
        return True


def _lock(file: IO[bytes]) -> None:
    """Lock a file as long as it is open. Raises OSError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
