"""Writes what is remembered, without a wait: the settings, and what is kept of each model."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import actions as act
from . import preferences
from .notes import ModelNotes, save_notes
from .preferences import Preferences
from .requests import NotesRequest
from .state import ViewerState
from .worker import Failed, Lane, Ticket

Request = Preferences | NotesRequest
INTERVAL = 1.0  # seconds between two writes of the settings: they change at each key that is typed


class Settings:
    """Owns the lane that writes the files in the settings folder, in turn."""

    def __init__(self, post: Callable[[Any], None], loaded: Preferences, *, remember: bool) -> None:
        """loaded: the preferences of the file. remember: whether anything is written."""
        self.lane = Lane("settings", self._work, post, in_turn=True)
        self._remembers = remember
        self._asked, self._asked_at = loaded, 0.0  # preferences of the last request, and when
        self._written = loaded  # by this window; the lane's, as is the next
        self._unwritten: dict[str, ModelNotes] = {}  # before changes that could not be written
        self._failed: dict[str, Request] = {}  # what failed last and was told, until it works

    def until_due(self, state: ViewerState) -> float | None:
        """Seconds until the settings should be written, or what failed be tried again; None if all
        is written, or will be."""
        if not self._remembers or (state.preferences == self._asked and not self._failed):
            return None
        return max(self._asked_at + INTERVAL - time.monotonic(), 0.0)

    def save(self, state: ViewerState, *, early: bool = False) -> None:
        """Write the settings, and what could not be written, if that is due; early: if there is
        anything."""
        due = self.until_due(state)
        if due is not None and (early or due == 0.0):
            self._asked, self._asked_at = state.preferences, time.monotonic()
            self.lane.submit(state.preferences)
            for request in tuple(self._failed.values()):
                if isinstance(request, NotesRequest):
                    notes = state.notebooks.get(request.checksum, request.notes)
                    self.lane.submit(replace(request, notes=notes))

    def save_notes(self, before: ViewerState, after: ViewerState, action: act.Action) -> None:
        """Write what is kept of the models for which it has changed."""
        for model in (*after.models, *after.reopening) if self._remembers else ():
            former, notes = (state.notebooks.get(model.sha256) for state in (before, after))
            if former is None and isinstance(action, act.ModelOpened):
                former = action.notes  # of its file; a run's newer model may begin with more
            if notes is not None and notes != (former or ModelNotes()):
                self.lane.submit(
                    NotesRequest(model.sha256, model.name, former or ModelNotes(), notes)
                )

    def receive_failure(self, failure: Failed) -> list[act.Action]:
        """What to tell of a file that could not be written; once until it works again."""
        told = _file_of(failure.request) in self._failed
        self._failed[_file_of(failure.request)] = failure.request
        what = "Settings" if isinstance(failure.request, Preferences) else "Names and favourites"
        text = f"{what} could not be saved: {failure.message}"
        return [] if told else [act.Notify("error", text)]

    def _work(self, request: Request, ticket: Ticket) -> None:
        if isinstance(request, NotesRequest):
            before = self._unwritten.setdefault(request.checksum, request.before)
            save_notes(request.checksum, request.model_name, before, request.notes)
            del self._unwritten[request.checksum]
        else:
            preferences.save(self._written, request)
            self._written = request
        self._failed.pop(_file_of(request), None)


def _file_of(request: Request) -> str:
    """Which file a request writes: that of a model by its checksum."""
    return request.checksum if isinstance(request, NotesRequest) else ""
