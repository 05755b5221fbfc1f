"""The open models, and the training run whose newest one is among them.

The state knows of them what the window shows; their generators are here.
"""

from collections.abc import Callable, Collection
from typing import Any

from . import actions as act
from . import tasks
from .actions import camera as cam
from .follow import Follower, FollowRequest
from .requests import Model
from .sniff import UNKNOWN
from .state import ViewerState
from .worker import Lane


class Shelf:
    """Owns the generators, and the lanes that read models and watch a run."""

    def __init__(self, post: Callable[[Any], None]) -> None:
        self._open = Lane("model", tasks.open_model, post)
        self._follow = Lane("follow", Follower(), post)
        self.lanes = (self._open, self._follow)
        self._models: dict[str, Model] = {}  # by path

    def read(self, request: act.OpenModel) -> None:
        """Read a model; ModelOpened or a failure follows."""
        self._open.submit(request)

    def stop_reading(self) -> None:
        """Read no model; results tell when that is so."""
        self._open.cancel()

    def follow(self, folder: str) -> None:
        """Watch a run; RunHasModel follows whenever there is a newer one."""
        self._follow.submit(FollowRequest(folder))

    def stop_following(self) -> None:
        """Watch no run."""
        self._follow.cancel()

    def take(self, state: ViewerState, model: Model | None = None) -> Model | None:
        """Keep a model that was opened, unless the state has not taken it, and let go of those
        that the state has closed; the one that is shown."""
        if model is not None and any(info is model.info for info in state.models):
            self._models[model.info.path] = model
        open_models = {info.path: info for info in state.models}
        self._models = {
            path: model
            for path, model in self._models.items()
            if open_models.get(path) is model.info
        }
        return self._models.get(state.model.path) if state.model is not None else None

    @property
    def open(self) -> Collection[Model]:
        """The open models."""
        return self._models.values()


def open_recognised(state: ViewerState, action: act.FileRecognised) -> list[act.Action]:
    """What to do with a dropped file, now that it is known what it is.

    Of several models one is read after the other, and each shown: the last one stays. At the
    start it is the first one that is shown.
    """
    path = action.path
    if action.kind == UNKNOWN:
        return open_bundled(state)
    if action.kind == "model":
        waits = state.loading is not None or bool(state.waiting)
        request = act.OpenModel(path, show=not waits or state.model is not None)
        return [act.QueueModel(request) if waits else request]
    if action.kind == "run":
        return [act.FollowRun(path)]
    if action.kind == "session":
        return [act.OpenSession(path)]
    if action.kind == "cameras":
        cameras = [cam.OpenCameras(action.camera)] if action.camera is not None else []
        return [*open_bundled(state), *cameras]
    return [*open_bundled(state), act.OpenPhoto(path)]


def open_bundled(state: ViewerState) -> list[act.Action]:
    """The model of the installation, if there is no other one to show."""
    coming = state.loading is not None or state.waiting or state.restoring or state.following
    return [] if state.model is not None or coming else [act.OpenModel("", bundled=True)]


def open_session(state: ViewerState, action: act.SessionOpened) -> list[act.Action]:
    """What shows a session that was read: its models, and its document once they are there."""
    if state.pending is not action:  # it came too late
        return []
    others: list[act.Action] = [
        act.QueueModel(act.OpenModel(path, show=False)) for path in action.others
    ]
    others += [action.follow] if action.follow is not None else []
    if action.model is not None and not _is_shown(state, action.model):
        if any(model.path == action.model for model in state.models) and state.loading is None:
            return [act.RestoreDocument(action.values, action.model), *others]
        path = "" if action.bundled else action.model  # that of the installation has no path
        return [act.OpenModel(path, action.bundled), *others]
    if state.model is None and state.loading is None:
        return [act.OpenModel("", bundled=True), *others]
    restore = [act.RestoreDocument(action.values)] if state.loading is None else []
    return [*restore, *others]


def _is_shown(state: ViewerState, path: str) -> bool:
    """Whether the model of a file is shown, and no other one is coming."""
    return state.loading is None and state.model is not None and state.model.path == path
