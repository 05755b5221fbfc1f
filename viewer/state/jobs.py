"""Long work: how it is asked for, how far it is, how it ended."""

from dataclasses import replace
from pathlib import PurePath

from .. import actions as act
from .reduce import forget, notify, reduce, with_level
from .values import MESH_FORMATS, Job, ViewerState


@reduce.register
def _(action: act.SetExport, state: ViewerState) -> ViewerState:
    return with_level(replace(state, export=action.options))


@reduce.register
def _(action: act.SetExportPath, state: ViewerState) -> ViewerState:
    suffix = PurePath(action.path).suffix.lower().lstrip(".")
    kind = suffix if suffix in MESH_FORMATS else state.export.format
    return replace(state, export=replace(state.export, path=action.path, format=kind))


@reduce.register
def _(action: act.BeginJob, state: ViewerState) -> ViewerState:
    return without_job(state, action.lane, Job(action.lane, action.title))


@reduce.register
def _(action: act.StartExport, state: ViewerState) -> ViewerState:
    state = forget(state, "export")
    state = without_job(state, "export", Job("export", f"Exporting {action.title}"))
    return replace(state, exported=None)


@reduce.register
def _(action: act.ReportProgress, state: ViewerState) -> ViewerState:
    job = state.job(action.lane)
    if job is None:
        return state
    fraction = min(max(action.fraction, 0.0), 1.0)
    return _replace_job(state, replace(job, fraction=fraction, seconds_left=action.seconds_left))


@reduce.register
def _(action: act.CancelJob, state: ViewerState) -> ViewerState:
    job = state.job(action.lane)
    return state if job is None else _replace_job(state, replace(job, cancelling=True))


@reduce.register
def _(action: act.EndJob, state: ViewerState) -> ViewerState:
    state = without_job(state, action.lane)
    return notify(state, action.level, action.message, action.lane) if action.message else state


@reduce.register
def _(action: act.ExportFinished, state: ViewerState) -> ViewerState:
    state = replace(without_job(state, "export"), exported=action.path)
    return notify(state, "info", action.message, "export")


def _replace_job(state: ViewerState, job: Job) -> ViewerState:
    return replace(state, jobs=tuple(job if j.lane == job.lane else j for j in state.jobs))


def without_job(state: ViewerState, lane: str, *instead: Job) -> ViewerState:
    """The state without the job of a lane, or with another one in its place."""
    return replace(state, jobs=(*(job for job in state.jobs if job.lane != lane), *instead))
