"""The open models: one is shown, the others wait for Tab; one of them may follow a run."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ballgan.view import Orbit, View

from .. import actions as act
from .. import document, history
from ..notes import ModelNotes
from ..preferences import remember
from .jobs import without_job
from .reduce import forget, is_late, notify, reduce, with_camera
from .values import BUNDLED, Following, Job, ModelInfo, Sheet, ViewerState

MAX_MODELS = 8  # that are open; memory has an end


@reduce.register
def _(action: act.OpenModel, state: ViewerState) -> ViewerState:
    state = replace(_put_off(state, action), reading=action)
    waiting = tuple(
        other
        for other in state.waiting
        if other != action and not (_may_wait(other) and other.path == action.path)
    )
    title = f"Opening {os.path.basename(action.path or BUNDLED)}"
    state = without_job(state, "model", Job("model", title))
    return replace(forget(state, "model"), waiting=waiting)


@reduce.register
def _(action: act.QueueModel, state: ViewerState) -> ViewerState:
    known = {model.path for model in state.models} | {request.path for request in state.waiting}
    if action.request.path in known | {state.loading} and not action.request.replaces:
        return state
    return replace(state, waiting=(*state.waiting, action.request))


@reduce.register
def _(action: act.ModelOpened, state: ViewerState) -> ViewerState:
    model = action.model
    if is_late(state.loading, _name(model)):
        return state
    job = state.job("model")
    if job is not None and job.cancelling:  # it was read just before it was stopped
        path = "" if model.bundled else model.path
        return _cancel(state, job, act.OpeningCancelled(path, action.replaces))
    state, shown = without_job(replace(state, reading=None), "model"), state.model
    returns = isinstance(action, act.ModelArrived) and not action.replaces
    closed = tuple(other for other in state.closed if other.path != model.path)
    if returns and closed != state.closed:
        return state  # it was closed again meanwhile
    notes = _find_notes(state, action)
    reopening = tuple(other for other in state.reopening if other.path != model.path)
    state = replace(state, closed=closed, reopening=reopening)
    state = replace(state, history=history.close(state.history))
    state = _put(state, model, action.replaces)
    state = _keep_notes(replace(state, notebooks=state.notebooks | {model.sha256: notes}))
    if not (model.bundled or action.replaces):
        recent = remember(state.preferences.recent_models, model.path)
        state = replace(state, preferences=replace(state.preferences, recent_models=recent))
    takes_place = shown is not None and shown.path in (model.path, action.replaces)
    if shown is None or takes_place or (action.show and not action.replaces):
        state = _show(state, model, takes_place=takes_place)
    return travel(state, {}) if state.returning.get(document.SHOWN) == model.path else state


@reduce.register
def _(action: act.ModelFailed, state: ViewerState) -> ViewerState:
    if is_late(state.loading, action.path or BUNDLED):
        return state
    waits, followed = state.pending is not None, state.following
    shows = state.reading is None or state.reading.show
    origin = "run" if followed is not None and followed.model == action.path else "model"
    state = replace(state, reading=None, session=None if waits else state.session)
    if not action.path:  # there is none left to stand in for a session's model
        state = replace(state, pending=None)
    state = _try_older(_do_without(state, action), shows=shows)
    return notify(state, "error", action.message, "session" if waits else origin)


@reduce.register
def _(action: act.OpeningCancelled, state: ViewerState) -> ViewerState:
    if is_late(state.loading, action.path or BUNDLED):
        return state
    if state.pending is not None:
        state = _give_up_session(state, state.pending)
    return _do_without(replace(state, reading=None), action)


@reduce.register
def _(action: act.ShowModel, state: ViewerState) -> ViewerState:
    return show(state, action.path)


@reduce.register
def _(action: act.StepModel, state: ViewerState) -> ViewerState:
    if state.model is None or len(state.models) < 2:
        return state
    index = state.models.index(state.model) + action.step
    return _show(state, state.models[index % len(state.models)])


@reduce.register
def _(action: act.CloseModel, state: ViewerState) -> ViewerState:
    left = _close(state, action.path)
    gone = (model for model in state.models if model not in left.models)
    return replace(left, closed=(*state.closed, *gone))


@reduce.register
def _(action: act.FollowRun, state: ViewerState) -> ViewerState:
    following = Following(os.path.abspath(action.folder), action.model)
    return replace(_leave_run(forget(state, "run")), following=following)


@reduce.register
def _(action: act.StopFollowing, state: ViewerState) -> ViewerState:
    return replace(_leave_run(forget(state, "run")), following=None)


@reduce.register
def _(action: act.RunHasModel, state: ViewerState) -> ViewerState:
    followed = state.following
    if followed is None or followed.folder != action.folder:
        return state
    if action.path == followed.model and not followed.looked:  # a session has brought it
        following = replace(followed, looked=True, older=action.older)
        return replace(forget(state, "run"), following=following)
    dropped = [other for other in state.waiting if other.of_run]  # an older one is not needed
    waiting = [other for other in state.waiting if not other.of_run]
    request = act.OpenModel(action.path, replaces=followed.model, of_run=True)
    if dropped:
        request = replace(dropped[0], path=action.path)
    following = Following(action.folder, action.path, looked=True, older=action.older)
    return replace(forget(state, "run"), following=following, waiting=(*waiting, request))


@reduce.register
def _(action: act.RunIsEmpty, state: ViewerState) -> ViewerState:
    followed = state.following
    if followed is None or followed.folder != action.folder:
        return state
    text = f"{action.folder} has no model yet: the first one opens as soon as it is there."
    state = replace(forget(state, "run"), following=replace(followed, looked=True, lost=False))
    return notify(state, "info", text, "run")


@reduce.register
def _(action: act.RunLost, state: ViewerState) -> ViewerState:
    followed = state.following
    if followed is None or followed.folder != action.folder:
        return state
    text = f"The run {action.folder} cannot be read: {action.reason}. Its last model stays open."
    return notify(
        replace(state, following=replace(followed, lost=True, looked=True)), "error", text, "run"
    )


def _put_off(state: ViewerState, other: act.OpenModel) -> ViewerState:
    """The state in which the model that is being read waits, as another one is read instead; of
    two that a person asked for, the last one is meant."""
    request, job = state.reading, state.job("model")
    if request is None:
        return state
    if job is not None and job.cancelling:
        stopped = act.OpeningCancelled(request.path, request.replaces)
        session, wanted = state.pending, other.path or BUNDLED
        if session is not None and wanted == (BUNDLED if session.bundled else session.model):
            return _do_without(state, stopped)  # that session's turn has come
        return _cancel(state, job, stopped)
    followed = state.following is not None and state.following.model == request.path
    closed = request.again and all(_name(model) != state.loading for model in state.reopening)
    if closed or not (_may_wait(request) or followed):
        return state
    return replace(state, waiting=(replace(request, show=False), *state.waiting))


def _cancel(state: ViewerState, job: Job, stopped: act.OpeningCancelled) -> ViewerState:
    """The state in which a job that was to stop has done so."""
    return notify(reduce(stopped, state), "info", f"{job.title}: cancelled.")


def _may_wait(request: act.OpenModel) -> bool:
    """Whether a model is not one that a person has just asked to see."""
    return request.of_run or not request.show


def _leave_run(state: ViewerState) -> ViewerState:
    """The state in which nothing comes any more of the run that was followed."""
    waiting = tuple(request for request in state.waiting if not request.of_run)
    state = replace(state, waiting=waiting)
    coming = state.reading is not None and state.reading.of_run
    return reduce(act.CancelJob("model"), state) if coming else state


def _do_without(state: ViewerState, failed: act.ModelFailed | act.OpeningCancelled) -> ViewerState:
    """The state in which nothing waits any more for a model that will not come."""
    state, name = _pass_over(without_job(state, "model"), failed), failed.path or BUNDLED
    missing = tuple(model for model in state.reopening if _name(model) == name)
    return _leave_closed(state, missing[0]) if missing else state


def _give_up_session(state: ViewerState, session: act.SessionOpened) -> ViewerState:
    """The state in which no model of a session comes, nor the run that it followed."""
    unwanted = [act.OpenModel(path, show=False) for path in session.others]
    followed, its = state.following, session.follow
    if followed is not None and its is not None and followed.folder == its.folder:
        unwanted += [other for other in state.waiting if other.path == followed.model]
        state = replace(state, following=None)
    waiting = tuple(request for request in state.waiting if request not in unwanted)
    return replace(state, pending=None, session=None, waiting=waiting)


def _try_older(state: ViewerState, *, shows: bool) -> ViewerState:
    """The state in which the next older model of a run is read, if none of it could be opened.

    shows: whether it takes the stage, as the one before should have done.
    """
    followed = state.following
    if followed is None or followed.model or not followed.older:
        return state
    path, *older = followed.older
    following = replace(followed, model=path, older=tuple(older))
    request = act.OpenModel(path, show=shows, of_run=True)
    return replace(state, following=following, waiting=(*state.waiting, request))


def _pass_over(state: ViewerState, failed: act.ModelFailed | act.OpeningCancelled) -> ViewerState:
    """The state in which a run's next model takes the place that a failed one should have taken."""
    waiting = tuple(
        replace(request, replaces=failed.replaces) if request.replaces == failed.path else request
        for request in state.waiting
    )
    state, followed = replace(state, waiting=waiting), state.following
    if followed is None or followed.model != failed.path:
        return state
    return replace(state, following=replace(followed, model=failed.replaces))


def show(state: ViewerState, path: str) -> ViewerState:
    """The state with another open model; as it is, if there is none of that path."""
    found = [model for model in state.models if model.path == path]
    return _show(state, found[0]) if found and found[0] is not state.model else state


def travel(state: ViewerState, changes: Mapping[str, Any]) -> ViewerState:
    """The state with what an undo or redo brings back of the document.

    Models that were closed are opened again from their files; what else changes waits for the one
    that shows then, with what waits for one already.
    """
    changes = {**state.returning, **changes}
    shown, closed = changes.get(document.SHOWN), changes.get(document.CLOSED, state.closed)
    for model in closed:
        state = _close(state, model.path)
    absent = (*state.closed, *state.reopening)
    reopening = tuple(model for model in absent if model not in closed)
    requests = tuple(_reopen(model) for model in reopening if _name(model) != state.loading)
    waiting = (*(request for request in state.waiting if not request.again), *requests)
    state = replace(state, closed=closed, reopening=reopening, waiting=waiting, returning={})
    if any(model.path == shown for model in reopening):
        changes.pop(document.CLOSED, None)  # they are from now on
        return replace(state, returning=changes)
    state = document.with_values(show(state, shown) if shown else state, changes)
    return with_camera(state, state.view.camera)


def _reopen(model: ModelInfo) -> act.OpenModel:
    """The request to read a closed model; `travel` shows it, if it is to be shown."""
    path = "" if model.bundled else model.path
    return act.OpenModel(path, model.bundled, show=False, again=True)


def _leave_closed(state: ViewerState, model: ModelInfo) -> ViewerState:
    """The state without a model that cannot be read again: what waits for it goes to the one that
    shows."""
    reopening = tuple(other for other in state.reopening if other != model)
    state = replace(state, closed=(*state.closed, model), reopening=reopening)
    if state.returning.get(document.SHOWN) != model.path:
        return state
    rest = {name: value for name, value in state.returning.items() if name != document.SHOWN}
    return travel(replace(state, returning=rest), {})


def _name(model: ModelInfo) -> str:
    """A model as `loading` names it."""
    return BUNDLED if model.bundled else model.path


def _close(state: ViewerState, path: str) -> ViewerState:
    """The state without an open model, but for the last one; its neighbour shows in its place."""
    paths = [model.path for model in state.models]
    if path not in paths or len(paths) < 2:
        return state
    index = paths.index(path)
    rest = (*state.models[:index], *state.models[index + 1 :])
    state, closed = replace(state, models=rest), state.models[index]
    return _show(state, rest[min(index, len(rest) - 1)]) if closed is state.model else state


def _put(state: ViewerState, model: ModelInfo, replaces: str) -> ViewerState:
    """Have a model open, in the place of the same file's or of `replaces`, else as the last one."""
    paths = [other.path for other in state.models]
    for path in (model.path, replaces):
        if path in paths:
            place = paths.index(path)
            models = (*state.models[:place], model, *state.models[place + 1 :])
            return replace(state, models=models)
    models = (*state.models, model)
    if len(models) > MAX_MODELS:
        oldest = next(other for other in models if other is not state.model)
        models = tuple(other for other in models if other is not oldest)
        text = f"{oldest.name} was closed: {MAX_MODELS} models can be open."
        state = notify(state, "info", text, "models")
    return replace(state, models=models)


def _show(state: ViewerState, model: ModelInfo, *, takes_place: bool = False) -> ViewerState:
    """Show an open model: the codes stay, and the camera as far as the model has the same one.

    takes_place: it is what the one that shows has become.
    """
    previous = state.model
    state = replace(state, model=model, sheet=_carried(state.sheet, model))
    if previous is not None and previous.path != model.path and not takes_place:
        folder = _keep_folder(state.export.path)  # the name was about the other model
        state = replace(state, export=replace(state.export, path=folder))
    if previous is None and state.view == View():
        state = _begin(state, *model.start_seeds)
    if previous is None or previous.home != model.home:  # another scale: keep the angles only
        state = replace(state, view=_rescaled(state.view, model.home))
    return with_camera(state, state.view.camera)


def _carried(sheet: Sheet, model: ModelInfo) -> Sheet:
    """The contact sheet with another model: its seeds are pictured anew, directions are another
    model's, and what a person has stopped does not begin again."""
    if not model.has_background:
        sheet = replace(sheet, which="foreground")
    foreign = sheet.directions or not (model.has_background or sheet.codes_of == "foreground")
    lost = foreign or sheet.stopped
    return replace(sheet, codes=(), directions=(), stopped=False) if lost else sheet


def _rescaled(view: View, home: Orbit) -> View:
    """The view with a model's own cameras, at the angles of those that it has."""
    still, pose, pinned = view.backdrop.camera, view.conditioning, view.comparison.pinned
    return replace(
        view,
        camera=_turned(home, view.camera),
        backdrop=replace(view.backdrop, camera=still and _turned(home, still)),
        conditioning=pose and _turned(home, pose),
        comparison=replace(view.comparison, pinned=pinned and _rescaled(pinned, home)),
    )


def _turned(home: Orbit, camera: Orbit) -> Orbit:
    """A model's own camera with the angles of another one."""
    return replace(home, yaw=camera.yaw, pitch=camera.pitch, roll=camera.roll)


def _begin(state: ViewerState, foreground: int, background: int) -> ViewerState:
    """The first picture of a window in which nothing was chosen yet."""
    view = state.view
    backdrop = replace(view.backdrop, code=view.backdrop.code.at_seed(background))
    view = replace(view, foreground=view.foreground.at_seed(foreground), backdrop=backdrop)
    return replace(state, view=view)


def _find_notes(state: ViewerState, opened: act.ModelOpened) -> ModelNotes:
    """What is kept of a model: what the window knows of it already, else what its file says. A
    run's newer model begins with that of the one before."""
    checksum = opened.model.sha256
    known = {model.sha256 for model in (*state.models, *state.reopening)}
    if checksum in known & state.notebooks.keys():
        return state.notebooks[checksum]
    former = (other.sha256 for other in state.models if other.path == opened.replaces)
    handed_on = state.notebooks.get(next(former, ""), ModelNotes())
    return handed_on if opened.notes == ModelNotes() else opened.notes


def _keep_notes(state: ViewerState) -> ViewerState:
    """Forget what is kept of models that are neither open nor to be opened again by an undo; their
    files have it."""
    checksums = {model.sha256 for model in (*state.models, *state.closed, *state.reopening)}
    kept = {key: notes for key, notes in state.notebooks.items() if key in checksums}
    return replace(state, notebooks=kept)


def _keep_folder(typed: str) -> str:
    """The folder of a path that was typed, with its separator; empty if there is none."""
    return typed[: len(typed) - len(os.path.basename(typed))]
