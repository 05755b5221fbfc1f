"""Keeps what the window shows: session files, and the autosave in case it ends unexpectedly."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ballgan.errors import explain
from ballgan.files import remove_abandoned
from ballgan.session import Session, SessionError, read_session, write_session

from . import actions as act
from . import document, notes, paths, session_tasks
from .autosave import Autosave
from .preferences import config_folder
from .requests import AutosaveRequest, SessionRequest, WriteSession
from .state import ViewerState
from .worker import Failed, Lane, Ticket

INTERVAL = 2.0  # seconds between two autosaves
ABANDONED = 3600.0  # seconds after which nobody still writes a file
Request = SessionRequest | WriteSession | AutosaveRequest


@dataclass(frozen=True)
class LeaveRequest:
    """Leave what a closed window shows for the next one, unless the file `saved` has it."""

    session: Session
    saved: str | None


class Keeper:
    """Owns the lane that reads and writes sessions, and this window's autosave."""

    def __init__(self, post: Callable[[Any], None], *, autosave: bool) -> None:
        self.lane = Lane("session", self._work, post, in_turn=True)
        self.complaint = ""  # why there is no autosave that should be
        self._autosave: Autosave | None = None
        self._saved: dict[str, Any] | None = None  # document of the last autosave
        self._saved_at = 0.0
        self._leaves = False  # whether what a closed window shows is still to be written
        self._written: str | None = None  # session file of the last save; the lane's
        self._fails = False  # whether the last autosave failed, and that was told
        if autosave:
            try:
                self._autosave = Autosave(config_folder())
            except OSError as error:
                self.complaint = f"There is no autosave: {explain(error)}"

    @property
    def busy(self) -> bool:
        """Whether a file is being read or written."""
        return self.lane.busy

    def recover(self) -> list[str]:
        """Paths of what windows showed that ended unexpectedly, the newest first."""
        if self._autosave is None:
            return []
        for folder in config_folder(), notes.notes_folder():
            remove_abandoned(folder, age=ABANDONED)
        return [str(path) for path in self._autosave.recover()]

    def find_last(self) -> str:
        """Path of what the last window showed that ended with something in no other file."""
        return str((self._autosave and self._autosave.find_last()) or "")

    def open(self, state: ViewerState, path: str) -> None:
        """Read a session; SessionOpened follows."""
        models, pictures = state.preferences.recent_models, state.preferences.recent_pictures
        self.lane.submit(SessionRequest(path, models, pictures))

    def save(self, state: ViewerState, path: str) -> None:
        """Write a session file; SessionSaved follows. path: as chosen; empty: as typed, or the
        present one."""
        chosen = path or ("" if state.session_name else state.session or "")
        typed = "" if chosen else state.session_name
        if path and not session_tasks.is_named(path):
            chosen, typed = "", path  # nobody was asked about the file that gets a suffix
        self.lane.submit(
            WriteSession(
                document.to_session(state),
                chosen,
                typed,
                state.preferences.output_folder,
                paths.session_name(state),
            )
        )

    def until_due(self, state: ViewerState) -> float | None:
        """Seconds until the autosave should be written; None if it is up to date."""
        if self._autosave is None or state.model is None:
            return None
        if self._is_untouched(state) and not self._fails:
            return None
        return max(self._saved_at + INTERVAL - time.monotonic(), 0.0)

    def autosave(self, state: ViewerState, *, early: bool = False) -> None:
        """Write the autosave if it is due; what nobody has changed is not worth it. early: if
        anything has changed."""
        due = self.until_due(state)
        if due is None or not (early or (due == 0.0 and not self.lane.busy)):
            return
        assert self._autosave is not None
        self._saved, self._saved_at = document.values(state), time.monotonic()
        self.lane.submit(AutosaveRequest(document.to_session(state), str(self._autosave.path)))

    def leave(self, state: ViewerState) -> None:
        """Write what a closed window shows, for the next one, if it is in no other file."""
        touched = self._saved is not None or not self._is_untouched(state)
        if self._autosave is not None and state.model is not None and touched:
            self._leaves = True
            self.lane.submit(LeaveRequest(document.to_session(state), state.session))

    def receive_failure(self, failure: Failed) -> list[act.Action]:
        """What to tell of a request that failed; of the autosave once until it works again."""
        request = failure.request
        if isinstance(request, SessionRequest):
            return [act.SessionFailed(failure.message, request.path)]
        if not isinstance(request, AutosaveRequest):
            return [act.Notify("error", f"The session could not be saved: {failure.message}")]
        told, self._fails = self._fails, True
        text = f"The autosave could not be written: {failure.message}"
        return [] if told else [act.Notify("error", text)]

    def close(self, *, keep: bool) -> None:
        """Remove the autosave unless it shall be found at the next start, or nothing else has what
        the window shows; the app has ended the lane."""
        if self._autosave is not None:
            self._autosave.close(keep=keep or self._leaves)

    def _work(self, request: Request | LeaveRequest, ticket: Ticket) -> None:
        if isinstance(request, LeaveRequest):
            self._leave(request)
            return
        path = session_tasks.work(request, ticket)
        if isinstance(request, WriteSession):
            self._written = path
        elif isinstance(request, AutosaveRequest):
            self._fails = False

    def _leave(self, request: LeaveRequest) -> None:
        assert self._autosave is not None
        # A save just before the window was closed has no answer yet.
        if not any(_holds(path, request.session) for path in {request.saved, self._written}):
            write_session(self._autosave.name_last(), request.session)
        self._leaves = False

    def _is_untouched(self, state: ViewerState) -> bool:
        if self._saved is None:
            return not (state.history.past or state.history.future)
        return self._saved == document.values(state)


def _holds(path: str | None, session: Session) -> bool:
    """Whether a file has just this session."""
    try:
        return path is not None and read_session(path) == session
    except SessionError:
        return False
