"""What the app does beside the events, once a frame: functions of the app."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import actions as act
from . import capture, paths, preferences
from .dialogs import FOLDER
from .gallery import THUMBNAILS
from .requests import NotesRequest, SaveRequest
from .state import ViewerState, apply

if TYPE_CHECKING:
    import numpy as np

    from .app import App

NOTICE_SECONDS = 8.0  # that an information stays; errors stay until they are dismissed


def housekeep(app: App) -> None:
    """Answers of dialogs, notices that have been read, what waits to be opened or written."""
    path = app.dialogs.poll()
    if path is not None:
        app.dispatch(_use_chosen_file(app.dialogs.purpose, path))
    now = time.monotonic()
    notices = {n.number for n in app.state.notices if n.level != "error"}
    last = now + NOTICE_SECONDS
    waits = app.loading  # nobody looks before there is a picture
    app.expiry = {n: last if waits else app.expiry.get(n, last) for n in notices}
    app.dispatch(*(act.Dismiss(n) for n, end in app.expiry.items() if end <= now))
    if app.state.waiting and app.state.loading is None:
        app.dispatch(app.state.waiting[0])
    _follow_sheet(app)
    app.keeper.autosave(app.state)


def _follow_sheet(app: App) -> None:
    """Keep the job of the contact sheet in step with its pictures."""
    progress, job = app.gallery.progress, app.state.job(THUMBNAILS)
    if progress is not None and job is None:
        title = f"Contact sheet of {len(app.state.sheet.codes)}"
        app.dispatch(act.BeginJob(THUMBNAILS, title))
    elif progress is None and job is not None:
        app.dispatch(act.EndJob(THUMBNAILS, "info", ""))
    elif progress is not None and job is not None and progress != job.fraction:
        app.dispatch(act.ReportProgress(THUMBNAILS, progress))


def _use_chosen_file(purpose: str, path: str) -> act.Action:
    """What a file is for that was chosen in a dialog."""
    if purpose == "model":
        return act.OpenModel(path)
    if purpose == "picture":
        return act.OpenPicture(path)
    if purpose == "session":
        return act.OpenSession(path)
    if purpose == "save_session":
        return act.SaveSession(path)
    return act.SetOutputFolder(path) if purpose == FOLDER else act.SetExportPath(path)


def write_picture(app: App, pictures: tuple[np.ndarray, ...]) -> None:
    """Write what is shown, as it is."""
    request = SaveRequest(
        pictures,
        app.state.view.comparison.divider,
        app.state.preferences.output_folder,
        paths.picture_stem(app.state),
        capture.describe_view(app.state),
    )
    app.lanes["save"].submit(request)


def save_notes(app: App, before: ViewerState) -> None:
    """Write what is kept of the models for which it has changed."""
    models = (*app.state.models, *app.state.reopening)
    for model in models if app.remembers else ():
        notes, former = (state.notebooks.get(model.sha256) for state in (app.state, before))
        if notes is not None and former is not None and notes != former:
            app.lanes["notes"].submit(NotesRequest(model.sha256, model.name, notes))


def save_preferences(app: App) -> None:
    """Write the settings file."""
    complaint = preferences.save(app.state.preferences)
    if complaint:
        app.state = apply(app.state, act.Notify("error", complaint))
