"""The timeline of a film, and what pictures and films are written with."""

import math
from dataclasses import replace

from ballgan.animation import Animation, turntable

from .. import actions as act
from .. import document, history
from .jobs import without_job
from .reduce import forget, notify, reduce, with_camera
from .values import Job, Playhead, ViewerState

FILMED = ("view.camera", "view.foreground", "view.backdrop")  # values that a film sets
FILM_TITLES = {"mp4": "MP4", "webm": "WebM", "gif": "GIF", "png": "PNG pictures"}


@reduce.register
def _(action: act.SetCapture, state: ViewerState) -> ViewerState:
    return replace(state, capture=action.options)


@reduce.register
def _(action: act.SetOutputFolder, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, output_folder=action.path))


@reduce.register
def _(action: act.ShowTimeline, state: ViewerState) -> ViewerState:
    playing = state.playhead.playing and action.shown
    return _with_playhead(state, shown=action.shown, playing=playing)


@reduce.register
def _(action: act.SetAnimation, state: ViewerState) -> ViewerState:
    """Another film: the playhead stays where it is, if that is still a time of it."""
    state = replace(state, animation=action.animation)
    time = min(state.playhead.time, action.animation.duration)
    key = min(state.playhead.key, len(action.animation.keys) - 1)
    playing = state.playhead.playing and bool(action.animation.keys)
    return _with_playhead(state, time=time, key=key, playing=playing)


@reduce.register
def _(action: act.AddKey, state: ViewerState) -> ViewerState:
    """A key of what is shown at the playhead; one that is there is replaced, and keeps its ease."""
    time = state.playhead.time
    present = _key_at(state.animation, time)
    ease = state.animation.keys[present].ease if present >= 0 else "smooth"
    animation = state.animation.with_view(state.view, time, ease)
    state = forget(state, "key")
    if present >= 0 and animation.keys[present] != state.animation.keys[present]:
        text = f"Replaced the key at {time:.2f} s: move the playhead first for another one."
        state = notify(state, "info", text, "key")
    state = replace(state, animation=animation)
    return _with_playhead(state, key=_key_at(animation, time), shown=True, playing=False)


@reduce.register
def _(action: act.RemoveKey, state: ViewerState) -> ViewerState:
    keys = state.animation.keys
    if not 0 <= action.index < len(keys):
        return state
    rest = keys[: action.index] + keys[action.index + 1 :]
    state = replace(state, animation=replace(state.animation, keys=rest))
    return _with_playhead(state, key=-1, playing=state.playhead.playing and bool(rest))


@reduce.register
def _(action: act.MakeTurntable, state: ViewerState) -> ViewerState:
    animation = turntable(state.view, duration=action.duration, fps=state.animation.fps)
    kept = _keep_view(state, is_open=True)
    state = replace(state, animation=animation, history=kept)
    return _with_playhead(state, time=0.0, key=-1, shown=True, playing=True)


@reduce.register
def _(action: act.SelectKey, state: ViewerState) -> ViewerState:
    if not 0 <= action.index < len(state.animation.keys):
        return _with_playhead(state, key=-1)
    state = _leave(state, state.animation.keys[action.index].time)
    return _with_playhead(state, key=action.index, playing=False)


@reduce.register
def _(action: act.Seek, state: ViewerState) -> ViewerState:
    time = min(max(action.time, 0.0), state.animation.duration)
    state = _leave(state, time)
    return _with_playhead(state, key=_key_at(state.animation, time))


@reduce.register
def _(action: act.PlayFilm, state: ViewerState) -> ViewerState:
    playing = action.playing and bool(state.animation.keys)
    time = state.playhead.time
    at_end = not state.animation.loop and time >= state.animation.duration
    if playing:
        state = _leave(state, 0.0 if at_end else time)
    return _with_playhead(state, playing=playing)


@reduce.register
def _(action: act.AdvanceFilm, state: ViewerState) -> ViewerState:
    """A step of the film that plays; it stops at the end of one that does not loop."""
    if not state.playhead.playing:
        return state
    animation, time = state.animation, state.playhead.time + action.seconds
    if animation.loop:
        time = math.fmod(time, animation.duration)
    elif time >= animation.duration:
        state, time = _with_playhead(state, playing=False), animation.duration
    return _with_playhead(_seek(state, time), key=-1)


@reduce.register
def _(action: act.StartCapture, state: ViewerState) -> ViewerState:
    side = 0 if action.shown else state.capture.size
    state = replace(state, captured=None)
    return _begin(state, "capture", f"Picture of {side} \u00d7 {side}" if side else "Picture")


@reduce.register
def _(action: act.StartFilm, state: ViewerState) -> ViewerState:
    state = replace(state, filmed=None)
    return _begin(state, "film", f"Film as {FILM_TITLES[state.capture.film]}")


@reduce.register
def _(action: act.Captured, state: ViewerState) -> ViewerState:
    path = action.path
    return replace(state, filmed=path) if action.film else replace(state, captured=path)


def _begin(state: ViewerState, lane: str, title: str) -> ViewerState:
    return without_job(forget(state, lane), lane, Job(lane, title))


def _seek(state: ViewerState, time: float) -> ViewerState:
    """The state with the view that the film has at `time`."""
    state = _with_playhead(state, time=time)
    if not state.animation.keys:
        return state
    view = state.animation.view_at(state.view, time)
    return with_camera(replace(state, view=view), view.camera)


def _leave(state: ViewerState, time: float) -> ViewerState:
    """As `_seek`; an undo brings back a view that the film does not show at the playhead."""
    after, shown = _seek(state, time), _seek(state, state.playhead.time)
    if state.view in (after.view, shown.view):
        return after
    return replace(after, history=_keep_view(state))


def _keep_view(state: ViewerState, *, is_open: bool = False) -> history.History:
    """The history with a step that brings back the view."""
    values = document.values(state)
    return history.keep(state.history, {name: values[name] for name in FILMED}, is_open=is_open)


def _key_at(animation: Animation, time: float) -> int:
    """The key at a time, nearly; -1 if there is none."""
    near = (i for i, key in enumerate(animation.keys) if math.isclose(key.time, time, abs_tol=1e-3))
    return next(near, -1)


def _with_playhead(state: ViewerState, **changes: object) -> ViewerState:
    playhead: Playhead = replace(state.playhead, **changes)  # type: ignore[arg-type]
    return replace(state, playhead=playhead)
