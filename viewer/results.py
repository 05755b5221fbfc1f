"""What the app does with what its lanes have posted: functions of the app and a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import actions as act
from .backdrop_tasks import PanelPicture
from .easel import STAGE_LANES
from .gallery import THUMBNAILS
from .requests import Backcloth, Lights, Rendered, Settled, Surface, Volume, VolumeDetail
from .sniff import UNKNOWN
from .state import BUNDLED
from .thumbnail_maker import ThumbnailMade
from .typefaces import FONTS, FontFound
from .worker import Failed, Progress, Stopped

if TYPE_CHECKING:
    from .app import App

WHAT_FAILED = {  # by lane, before the reason
    "save": "The picture could not be saved: ",
    "camera": "The camera could not be saved: ",
    "reveal": "The file could not be shown: ",
    FONTS: "Some letters cannot be shown: ",
}
EASEL_RESULTS = (Rendered, Settled, Surface, Volume, VolumeDetail, Backcloth, Lights)


def receive(app: App, result: Any) -> None:
    """Deal with one result."""
    if isinstance(result, act.Action):
        app.dispatch(result)
    elif isinstance(result, EASEL_RESULTS):
        app.easel.receive(result)
    elif isinstance(result, PanelPicture):
        app.surroundings.receive(result)
    elif isinstance(result, ThumbnailMade):
        app.gallery.receive(result)
    elif isinstance(result, FontFound):
        app.typefaces.receive(result)
    elif isinstance(result, Progress) and result.lane in STAGE_LANES:
        app.easel.receive(result)
    elif isinstance(result, Progress) and result.lane != THUMBNAILS:  # their job is the gallery's
        app.dispatch(act.ReportProgress(result.lane, result.fraction, result.seconds_left))
    elif isinstance(result, Stopped):
        _receive_stop(app, result)
    elif isinstance(result, Failed):
        app.dispatch(*_receive_failure(app, result))


def _receive_stop(app: App, stopped: Stopped) -> None:
    job = app.state.job(stopped.lane)
    if job is None or job.lane == THUMBNAILS:  # those only made way for others
        return
    if job.lane == "model":
        wanted = (stopped.request.path or BUNDLED) == app.state.loading
        if not (wanted and job.cancelling):  # another one is read instead
            return
        app.dispatch(act.OpeningCancelled(stopped.request.path, stopped.request.replaces))
    app.dispatch(act.EndJob(job.lane, "info", f"{job.title}: cancelled."))


def _receive_failure(app: App, failure: Failed) -> list[act.Action]:
    """What a failure means: an error is told, and nothing waits for its result any longer."""
    if failure.lane in FAILURES:
        return FAILURES[failure.lane](app, failure)
    if (job := app.state.job(failure.lane)) is not None:
        return [act.EndJob(job.lane, "error", f"{job.title} failed: {failure.message}")]
    return [_error(WHAT_FAILED.get(failure.lane, "") + failure.message)]


def _model_failed(app: App, failure: Failed) -> list[act.Action]:
    return [act.ModelFailed(failure.message, failure.request.path, failure.request.replaces)]


def _photo_failed(app: App, failure: Failed) -> list[act.Action]:
    return [act.PhotoFailed(failure.message, failure.request.path)]


def _not_recognised(app: App, failure: Failed) -> list[act.Action]:
    path = failure.request.path
    text = f"{path} could not be looked into: {failure.message}"
    return [act.FileRecognised(path, UNKNOWN), _error(text)]


def _not_followed(app: App, failure: Failed) -> list[act.Action]:
    text = f"The run {failure.request.folder} is not followed any longer: {failure.message}"
    return [act.StopFollowing(), _error(text)]


def _error(text: str) -> act.Action:
    return act.Notify("error", text)


FAILURES: dict[str, Callable[[App, Failed], list[act.Action]]] = {  # by lane
    "model": _model_failed,
    "picture": _photo_failed,
    "recognise": _not_recognised,
    "follow": _not_followed,
    "session": lambda app, failure: app.keeper.receive_failure(failure),
    "settings": lambda app, failure: app.settings.receive_failure(failure),
    THUMBNAILS: lambda app, failure: app.gallery.receive_failure(failure),
    **dict.fromkeys(
        ("unroll", "panoramas"), lambda app, failure: app.surroundings.receive_failure(failure)
    ),
    **dict.fromkeys(STAGE_LANES, lambda app, failure: app.easel.receive_failure(failure)),
}
