"""What the window shows, as frozen values, and the one function that changes them.

Panels and controls read a `ViewerState` and answer with actions; `apply(state, action)` gives the
next state. Nothing here renders, loads, draws or imports torch, so all of it can be tested alone.
"""

import os
from dataclasses import dataclass, field, replace
from functools import singledispatch
from pathlib import PurePath
from typing import Any

from ballgan.view import LAYERS, Orbit, View, clamp_camera

from . import actions as act
from . import document, history, latents
from . import latent_actions as lat
from .history import History
from .latents import Sheet
from .notes import ModelNotes
from .preferences import Preferences, remember
from .words import sentence

MAX_NOTICES = 4
BUNDLED = "the bundled model"  # what `loading` says of it
MESH_FORMATS = ("glb", "obj", "ply", "stl")


@dataclass(frozen=True)
class CodeSpace:
    """What can be done with the codes of a foreground or a background."""

    rows: int = 0  # of ws
    dimensions: int = 0  # of W; 0: no codes
    truncatable: bool = True


@dataclass(frozen=True)
class ModelInfo:
    """What the window needs to know of a loaded model: plain values."""

    path: str
    name: str
    kind: str  # such as "BallGAN, published"
    image_resolution: int
    neural_resolution: int
    has_background: bool  # a learnt sphere
    has_super_resolution: bool
    home: Orbit  # the model's own camera
    camera_limit: float  # the camera stays within this distance of the origin, world units
    box: float  # side of the foreground's cube, world units
    sphere_radius: float = 0.0  # of the background, world units; 0: infinitely far
    bundled: bool = False  # part of the installation rather than a person's file
    notes: tuple[str, ...] = ()
    checksum: str = ""  # of its file
    foreground_space: CodeSpace = CodeSpace()
    background_space: CodeSpace = CodeSpace()

    def space(self, which: str) -> CodeSpace:
        """The codes of the "foreground" or the "background"."""
        return self.foreground_space if which == "foreground" else self.background_space


@dataclass(frozen=True)
class ExportOptions:
    """How the foreground becomes a mesh."""

    format: str = "glb"  # "glb", "obj", "ply" or "stl"
    resolution: int = 256  # samples along a side of the cube
    automatic_level: bool = True
    level: float = 10.0  # raw density of the surface, when not automatic
    path: str = ""  # a file or a folder as typed; empty: the output folder
    texture: bool = False  # a picture instead of vertex colours, where the format can have one


@dataclass(frozen=True)
class Job:
    """A long piece of work that a person can cancel."""

    title: str
    fraction: float = 0.0
    cancelling: bool = False


@dataclass(frozen=True)
class Notice:
    """A line for the person: stays until dismissed if it is an error."""

    number: int
    level: str  # "info" or "error"
    text: str
    origin: str = ""  # what it is about: "model", "picture", "export"


@dataclass(frozen=True)
class ViewerState:
    """The whole window."""

    view: View = View()
    model: ModelInfo | None = None
    loading: str | None = None  # path of the model that is being opened
    opening: str | None = None  # path of the picture that is being opened
    recognising: tuple[str, ...] = ()  # paths of files that may be either
    preview: bool = True  # whether GL draws what the network has not rendered yet
    export: ExportOptions = ExportOptions()
    job: Job | None = None
    exported: str | None = None  # path of the last mesh that was written
    history: History = History()
    notices: tuple[Notice, ...] = ()
    notices_given: int = 0
    preferences: Preferences = field(default_factory=Preferences)
    notes: ModelNotes = ModelNotes()  # what the person keeps of the model
    sheet: Sheet = Sheet()  # contact sheet of the gallery


def apply(state: ViewerState, action: act.Action) -> ViewerState:
    """The state after `action`. Actions that only have an effect outside leave it as it is."""
    after = _reduce(action, state)
    if not action.undoable or after is state:
        return after
    recorded = history.record(state.history, document.values(state), document.values(after))
    return after if recorded is state.history else replace(after, history=recorded)


@singledispatch
def _reduce(action: act.Action, state: ViewerState) -> ViewerState:
    raise TypeError(f"apply() got {action!r}, which is not an action of ballgan_viewer.actions.")


@_reduce.register
def _(action: act.Effect, state: ViewerState) -> ViewerState:
    return state


@_reduce.register
def _(action: lat.LatentAction, state: ViewerState) -> ViewerState:
    return latents.apply(state, action)


@_reduce.register
def _(action: act.SetBackdrop, state: ViewerState) -> ViewerState:
    view = latents.with_code(state.view, "background", action.backdrop.code)
    return _with_view(state, backdrop=replace(action.backdrop, code=view.backdrop.code))


@_reduce.register
def _(action: act.ToggleBackground, state: ViewerState) -> ViewerState:
    return _with_backdrop(state, visible=not state.view.backdrop.visible)


@_reduce.register
def _(action: act.MoveCamera, state: ViewerState) -> ViewerState:
    return _with_camera(state, action.camera)


@_reduce.register
def _(action: act.ResetCamera, state: ViewerState) -> ViewerState:
    return _with_camera(state, state.model.home if state.model else Orbit())


@_reduce.register
def _(action: act.Undo, state: ViewerState) -> ViewerState:
    return _travel(state, *history.undo(state.history, document.values(state)))


@_reduce.register
def _(action: act.Redo, state: ViewerState) -> ViewerState:
    return _travel(state, *history.redo(state.history, document.values(state)))


@_reduce.register
def _(action: act.EndStroke, state: ViewerState) -> ViewerState:
    return replace(state, history=history.close(state.history)) if state.history.open else state


@_reduce.register
def _(action: act.SetLayer, state: ViewerState) -> ViewerState:
    if action.layer not in LAYERS:
        raise ValueError(f"layer should be one of {', '.join(LAYERS)}; got {action.layer!r}.")
    return _with_view(state, layer=action.layer)


@_reduce.register
def _(action: act.TogglePreview, state: ViewerState) -> ViewerState:
    on = not state.preview
    return replace(state, preview=on, preferences=replace(state.preferences, preview=on))


@_reduce.register
def _(action: act.SetNeuralResolution, state: ViewerState) -> ViewerState:
    return _with_view(state, neural_resolution=action.side)


@_reduce.register
def _(action: act.SetExport, state: ViewerState) -> ViewerState:
    return replace(state, export=action.options)


@_reduce.register
def _(action: act.OpenFile, state: ViewerState) -> ViewerState:
    return replace(state, recognising=(*state.recognising, action.path))


@_reduce.register
def _(action: act.FileRecognised, state: ViewerState) -> ViewerState:
    return replace(state, recognising=state.recognising[1:])


@_reduce.register
def _(action: act.OpenModel, state: ViewerState) -> ViewerState:
    state = _forget(state, "model")
    return replace(state, loading=action.path or BUNDLED)


@_reduce.register
def _(action: act.ModelOpened, state: ViewerState) -> ViewerState:
    model, previous = action.model, state.model
    if _is_late(state.loading, BUNDLED if model.bundled else model.path):
        return state
    state = replace(state, model=model, loading=None, notes=action.notes, sheet=Sheet())
    if previous is not None and previous.path != model.path:
        folder = _keep_folder(state.export.path)  # the name was about the other model
        state = replace(state, export=replace(state.export, path=folder))
    if not model.bundled:
        recent = remember(state.preferences.recent_models, model.path)
        state = replace(state, preferences=replace(state.preferences, recent_models=recent))
    camera = state.view.camera
    if previous is None or previous.home != model.home:  # another scale: keep the angles only
        camera = replace(model.home, yaw=camera.yaw, pitch=camera.pitch)
    return _with_camera(state, camera)


@_reduce.register
def _(action: act.ModelFailed, state: ViewerState) -> ViewerState:
    if _is_late(state.loading, action.path or BUNDLED):
        return state
    return _notify(replace(state, loading=None), "error", action.message, "model")


@_reduce.register
def _(action: act.OpenPicture, state: ViewerState) -> ViewerState:
    return replace(_forget(state, "picture"), opening=action.path)


@_reduce.register
def _(action: act.PictureOpened, state: ViewerState) -> ViewerState:
    if _is_late(state.opening, action.path):
        return state
    recent = remember(state.preferences.recent_pictures, action.path)
    state = replace(
        state,
        opening=None,
        preferences=replace(state.preferences, recent_pictures=recent),
    )
    return _with_backdrop(state, kind="photo", visible=True, photo=action.path)


@_reduce.register
def _(action: act.PictureFailed, state: ViewerState) -> ViewerState:
    if _is_late(state.opening, action.path):
        return state
    return _notify(replace(state, opening=None), "error", action.message, "picture")


@_reduce.register
def _(action: act.StartExport, state: ViewerState) -> ViewerState:
    state = _forget(state, "export")
    return replace(state, job=Job(f"Exporting {action.title}"), exported=None)


@_reduce.register
def _(action: act.ReportProgress, state: ViewerState) -> ViewerState:
    if state.job is None:
        return state
    return replace(state, job=replace(state.job, fraction=min(max(action.fraction, 0.0), 1.0)))


@_reduce.register
def _(action: act.CancelExport, state: ViewerState) -> ViewerState:
    return replace(state, job=replace(state.job, cancelling=True)) if state.job else state


@_reduce.register
def _(action: act.ExportFinished, state: ViewerState) -> ViewerState:
    state = replace(state, job=None, exported=action.path)
    return _notify(state, "info", action.message, "export")


@_reduce.register
def _(action: act.ExportStopped, state: ViewerState) -> ViewerState:
    return _notify(replace(state, job=None), action.level, action.message, "export")


@_reduce.register
def _(action: act.Notify, state: ViewerState) -> ViewerState:
    return _notify(state, action.level, action.text)


@_reduce.register
def _(action: act.Dismiss, state: ViewerState) -> ViewerState:
    return replace(state, notices=tuple(n for n in state.notices if n.number != action.number))


@_reduce.register
def _(action: act.RememberWindow, state: ViewerState) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, window_size=action.size))


@_reduce.register
def _(action: act.SetExportPath, state: ViewerState) -> ViewerState:
    suffix = PurePath(action.path).suffix.lower().lstrip(".")
    kind = suffix if suffix in MESH_FORMATS else state.export.format
    return replace(state, export=replace(state.export, path=action.path, format=kind))


def _travel(state: ViewerState, changed: History, changes: dict[str, Any]) -> ViewerState:
    """Set what an undo or redo brings back; the camera may be one of another model."""
    state = document.with_values(replace(state, history=changed), changes)
    return _with_camera(state, state.view.camera) if "view.camera" in changes else state


def _keep_folder(typed: str) -> str:
    """The folder of a path that was typed, with its separator; empty if there is none."""
    return typed[: len(typed) - len(os.path.basename(typed))]


def _is_late(pending: str | None, path: str) -> bool:
    """Whether a file that was opened is no longer the one that is waited for."""
    return pending is not None and pending != path


def _with_view(state: ViewerState, **changes: Any) -> ViewerState:
    return replace(state, view=replace(state.view, **changes))


def _with_camera(state: ViewerState, camera: Orbit) -> ViewerState:
    home = state.model.home if state.model else Orbit()
    limit = state.model.camera_limit if state.model else 4 * home.radius
    return _with_view(state, camera=clamp_camera(camera, home, limit))


def _with_backdrop(state: ViewerState, **changes: Any) -> ViewerState:
    return _with_view(state, backdrop=replace(state.view.backdrop, **changes))


def _notify(state: ViewerState, level: str, text: str, origin: str = "") -> ViewerState:
    """Add a notice; the same text moves to the end instead of showing twice."""
    text = sentence(text)
    others = tuple(n for n in state.notices if (n.level, n.text) != (level, text))
    number = state.notices_given + 1
    notices = (*others, Notice(number, level, text, origin))[-MAX_NOTICES:]
    return replace(state, notices=notices, notices_given=number)


def _forget(state: ViewerState, origin: str) -> ViewerState:
    """Drop notices about something that is being tried again."""
    return replace(state, notices=tuple(n for n in state.notices if n.origin != origin))
