"""What the app does beside the events, once a frame: functions of the app."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import actions as act
from . import capture, paths
from .dialogs import FOLDER
from .gallery import THUMBNAILS
from .requests import SaveRequest

if TYPE_CHECKING:
    import numpy as np

    from .app import App
    from .state import ViewerState

WRITING = ("export", "capture", "film", "sphere")  # lanes whose jobs write a file
QUIT = "quit"  # origin of the notice that the window waits for such a job
NOTICE_SECONDS = 8.0  # that an information stays; others stay until they are dismissed


def housekeep(app: App) -> None:
    """Answers of dialogs, notices that have been read, what waits to be opened or written."""
    path = app.dialogs.poll()
    if path is not None:
        app.dispatch(use_chosen_file(app.dialogs.purpose, path))
    now = time.monotonic()
    notices = {n.number for n in app.state.notices if n.level == "info"}
    last = now + NOTICE_SECONDS
    waits = app.loading  # nobody looks before there is a picture
    app.expiry = {n: last if waits else app.expiry.get(n, last) for n in notices}
    app.dispatch(*(act.Dismiss(n) for n, end in app.expiry.items() if end <= now))
    if app.state.waiting and app.state.loading is None:
        app.dispatch(app.state.waiting[0])
    _follow_sheet(app)
    app.keeper.autosave(app.state)
    app.settings.save(app.state)


def may_end(app: App) -> bool:
    """Whether the window may go now that it was closed: where a file is being written, the second
    time, while the notice about it shows."""
    job = next((job for job in app.state.jobs if job.lane in WRITING), None)
    if job is None or any(notice.origin == QUIT for notice in app.state.notices):
        return True
    app.window.keep_open()
    text = f"{job.title} is not finished. Quit again to stop it."
    app.dispatch(act.Notify("info", text, QUIT))
    return False


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


def use_chosen_file(purpose: str, path: str) -> act.Action:
    """What a file is for that was chosen in a dialog."""
    if purpose == "model":
        return act.OpenModel(path)
    if purpose == "run":
        return act.FollowRun(path)
    if purpose == "picture":
        return act.OpenPhoto(path)
    if purpose == "session":
        return act.OpenSession(path)
    if purpose == "save_session":
        return act.SaveSession(path)
    return act.SetOutputFolder(path) if purpose == FOLDER else act.SetExportPath(path)


def write_picture(app: App, state: ViewerState, pictures: tuple[np.ndarray, ...]) -> None:
    """Write what is shown, as it is."""
    request = SaveRequest(
        pictures,
        state.view.comparison.divider,
        state.preferences.output_folder,
        paths.picture_stem(state),
        capture.describe_view(state),
    )
    app.lanes["save"].submit(request)
