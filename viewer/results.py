"""What the app does with what its lanes have posted: functions of the app and a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import actions as act
from . import latent_actions as lat
from .backdrop_tasks import PanelPicture
from .easel import STAGE_LANES
from .gallery import THUMBNAILS
from .requests import Backcloth, Lights, Rendered, Settled, Surface, Volume, VolumeDetail
from .thumbnail_maker import ThumbnailMade
from .worker import Failed, Progress, Stopped

if TYPE_CHECKING:
    from .app import App

SAVES = {"save": "picture", "camera": "camera"}  # what the lanes write
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
    elif isinstance(result, Progress) and result.lane in STAGE_LANES:
        app.easel.receive(result)
    elif isinstance(result, Progress):
        app.dispatch(act.ReportProgress(result.lane, result.fraction, result.seconds_left))
    elif isinstance(result, Stopped):
        _receive_stop(app, result)
    elif isinstance(result, Failed):
        app.dispatch(*_receive_failure(app, result))


def _receive_stop(app: App, stopped: Stopped) -> None:
    job = app.state.job(stopped.lane)
    if job is not None and stopped.lane != THUMBNAILS:  # those only made way for others
        app.dispatch(act.EndJob(job.lane, "info", f"{job.title}: cancelled."))


def _receive_failure(app: App, failure: Failed) -> list[act.Action]:
    if failure.lane == "model":
        wanted = failure.request
        return [act.ModelFailed(failure.message, wanted.path, wanted.replaces)]
    if failure.lane == "picture":
        return [act.PictureFailed(failure.message, failure.request.path)]
    if failure.lane == "settings":
        return [app.settings.receive_failure(failure)]
    if failure.lane == THUMBNAILS:
        app.gallery.give_up()
        return [lat.StopSheet(), _error(f"The gallery has no pictures: {failure.message}")]
    if failure.lane == "session":
        return app.keeper.receive_failure(failure)
    if (job := app.state.job(failure.lane)) is not None:
        return [act.EndJob(job.lane, "error", f"{job.title} failed: {failure.message}")]
    if failure.lane in app.surroundings.lanes:
        return [app.surroundings.receive_failure(failure)]
    if failure.lane in SAVES:
        return [_error(f"The {SAVES[failure.lane]} could not be saved: {failure.message}")]
    return [app.easel.receive_failure(failure)]


def _error(text: str) -> act.Action:
    return act.Notify("error", text)
