"""Keeps what the window shows: session files, and the autosave in case it ends unexpectedly."""

import time
from collections.abc import Callable
from typing import Any

from . import actions as act
from . import document, paths, session_tasks
from .autosave import Autosave
from .preferences import config_folder
from .requests import AutosaveRequest, SessionRequest, WriteSession
from .state import ViewerState
from .worker import Failed, Lane

INTERVAL = 2.0  # seconds between two autosaves


class Keeper:
    """Owns the lane that reads and writes sessions, and this window's autosave."""

    def __init__(self, post: Callable[[Any], None], *, autosave: bool) -> None:
        self._lane = Lane("session", session_tasks.work, post, in_turn=True)
        self._autosave: Autosave | None = None
        self._saved: dict[str, Any] | None = None  # document of the last autosave
        self._saved_at = 0.0
        if autosave:
            try:
                self._autosave = Autosave(config_folder())
            except OSError:  # a folder that cannot be written was told of with the settings
                pass

    @property
    def busy(self) -> bool:
        """Whether a file is being read or written."""
        return self._lane.busy

    def recover(self) -> str | None:
        """Path of what a window showed that ended unexpectedly."""
        try:
            found = self._autosave.recover() if self._autosave else None
        except OSError:
            return None
        return None if found is None else str(found)

    def open(self, state: ViewerState, path: str) -> None:
        """Read a session; SessionOpened follows."""
        models, pictures = state.preferences.recent_models, state.preferences.recent_pictures
        self._lane.submit(SessionRequest(path, models, pictures))

    def save(self, state: ViewerState, path: str) -> None:
        """Write a session file; SessionSaved follows."""
        typed = "" if path else state.session_name
        self._lane.submit(
            WriteSession(
                document.to_session(state),
                path or ("" if typed else state.session or ""),
                typed,
                state.preferences.output_folder,
                paths.session_name(state),
            )
        )

    def until_due(self, state: ViewerState) -> float | None:
        """Seconds until the autosave should be written; None if it is up to date."""
        if self._autosave is None or state.model is None or self._is_untouched(state):
            return None
        return max(self._saved_at + INTERVAL - time.monotonic(), 0.0)

    def autosave(self, state: ViewerState) -> None:
        """Write the autosave if it is due; what nobody has changed is not worth it."""
        if self.until_due(state) != 0.0 or self._lane.busy:
            return
        assert self._autosave is not None
        self._saved, self._saved_at = document.values(state), time.monotonic()
        self._lane.submit(AutosaveRequest(document.to_session(state), str(self._autosave.path)))

    def receive_failure(self, failure: Failed) -> act.Action:
        """What to tell of a request that failed."""
        request = failure.request
        if isinstance(request, SessionRequest):
            return act.SessionFailed(failure.message, request.path)
        if isinstance(request, AutosaveRequest):
            return act.Notify("error", f"The autosave could not be written: {failure.message}")
        return act.Notify("error", f"The session could not be saved: {failure.message}")

    def close(self, *, keep: bool = False) -> None:
        """End the lane; remove the autosave unless it shall be found at the next start."""
        self._lane.close()
        if self._autosave is not None:
            self._autosave.close(keep=keep)

    def _is_untouched(self, state: ViewerState) -> bool:
        if self._saved is None:
            return not (state.history.past or state.history.future)
        return self._saved == document.values(state)
