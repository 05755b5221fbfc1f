"""Notices when the file of the background's picture is changed by another program."""

import threading
from collections.abc import Callable
from typing import Any

from ballgan.files import file_version

from . import actions as act
from .worker import Failed

PERIOD = 0.4  # seconds between two looks
Version = tuple[int, int] | None  # see `file_version`


class Watcher:
    """A thread that looks at one file now and then; a disk that takes its time holds up nobody.

    A change counts once the file looks the same twice: programs write in several steps. What was
    changed while nobody looked is told when the file is watched again.
    """

    def __init__(self, post: Callable[[Any], None], period: float = PERIOD) -> None:
        """`post` gets PhotoChanged and PhotoBroken; it must be thread-safe."""
        self._post, self._period = post, period
        self._path: str | None = None
        self._told: dict[str, Version] = {}  # of each file, that was there first or was reported
        self._woken, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None

    def watch(self, path: str | None) -> None:
        """Look at this file from now on; None: at nothing."""
        if path == self._path:
            return
        self._path = path
        self._woken.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Have the thread end soon."""
        self._ended = True
        self._woken.set()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        path: str | None = None
        before: Version = None  # of the last look
        while not self._ended:
            begins, path = self._path != path, self._path
            now = None if path is None else file_version(path)
            if path is not None and now != self._told.setdefault(path, now):
                if now == before and not begins:
                    self._told[path] = now
                    self._report(path)
            before = now
            self._woken.wait(self._period)
            self._woken.clear()

    def _report(self, path: str) -> None:
        """Read the changed file, so that a broken one is never shown."""
        import ballgan

        try:
            ballgan.Panorama(path).load()
        except Exception as error:  # the boundary of the thread, as of a lane
            self._post(act.PhotoBroken(path, Failed("watcher", path, error).message))
        else:
            self._post(act.PhotoChanged(path))
