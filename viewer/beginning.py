"""What the app does first: it opens what was asked for, else what was there before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from . import actions as act
from .commands import keys_of
from .preferences import remember

if TYPE_CHECKING:
    from .app import App

ENDED = "The window ended unexpectedly the last time."
RECOVERED = (
    f"{ENDED} It shows again what it showed; {keys_of('edit.undo')} goes back to a fresh start."
)
OTHERS = " Recent sessions has what other windows showed."
NOT_SHOWN = (
    f"{ENDED} What it showed is in Recent sessions, and comes back with the command "
    f"Restore the last session ({keys_of('palette')})."
)


def begin(app: App, paths: Sequence[str], complaints: Sequence[str]) -> None:
    """Say what is wrong with the settings, and open files; without any, what a window showed that
    ended unexpectedly, else the model of the installation."""
    app.dispatch(*(act.Notify("error", complaint) for complaint in complaints if complaint))
    recovered = app.keeper.recover()
    recent = app.state.preferences.recent_sessions
    for path in reversed(recovered):
        recent = remember(recent, path)
    last = recovered[0] if recovered else app.keeper.find_last()
    kept = replace(app.state.preferences, recent_sessions=recent)
    app.state = replace(app.state, preferences=kept, last_session=last)
    if paths:
        app.dispatch(*([act.Notify("advice", NOT_SHOWN)] if recovered else []))
        # As dialogs and sessions call files: no model is open twice under two names.
        app.dispatch(*(act.OpenFile(os.path.abspath(path)) for path in paths))
    elif recovered:
        text = RECOVERED + (OTHERS if len(recovered) > 1 else "")
        app.dispatch(act.Notify("info", text), act.OpenSession(recovered[0]))
    else:
        app.dispatch(act.OpenModel("", bundled=True))
