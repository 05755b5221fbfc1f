"""Notices when the file of the background's picture is changed by another program."""

import threading
from collections.abc import Callable
from typing import Any

from ballgan.files import file_version

from . import actions as act

PERIOD = 0.4  # seconds between two looks


class Watcher:
    """A thread that looks at one file now and then; a disk that takes its time holds up nobody.

    A change counts once the file looks the same twice: programs write in several steps.
    """

    def __init__(self, post: Callable[[Any], None], period: float = PERIOD) -> None:
        """`post` gets PictureChanged and PictureBroken; it must be thread-safe."""
        self._post, self._period = post, period
        self._path: str | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, path: str | None) -> None:
        """Look at this file from now on; None: at nothing."""
        self._path = path
        if path is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Have the thread end soon."""
        self._ended.set()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        path: str | None = None
        shown = before = None  # versions: that was reported, and of the last look
        while not self._ended.wait(self._period):
            if self._path != path:
                path = self._path
                shown = before = None if path is None else file_version(path)
            if path is None:
                continue
            now = file_version(path)
            if now != shown and now == before:
                shown = now
                self._report(path)
            before = now

    def _report(self, path: str) -> None:
        """Read the changed file, so that a broken one is never shown."""
        import ballgan

        try:
            ballgan.Panorama(path).load()
        except (ValueError, MemoryError) as error:
            self._post(act.PictureBroken(path, str(error)))
        else:
            self._post(act.PictureChanged(path))
