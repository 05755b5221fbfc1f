"""Everything a person or the worker can do to the window, as frozen values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .notes import ModelNotes

if TYPE_CHECKING:
    from ballgan.animation import Animation
    from ballgan.view import Backdrop, Orbit

    from .state import CaptureOptions, ExportOptions, ModelInfo


class Action:
    """What `state.apply` takes.

    undoable: whether what it changes of the document (see document.py) becomes a step that can be
    undone. Not for what nobody did, such as the steps of an animation.
    """

    undoable: ClassVar[bool] = True


class Effect(Action):
    """An action that changes nothing in the state: the app does something outside."""


@dataclass(frozen=True)
class SetBackdrop(Action):
    """Another background."""

    backdrop: "Backdrop"


@dataclass(frozen=True)
class ToggleBackground(Action):
    """Background on or off."""


@dataclass(frozen=True)
class MoveCamera(Action):
    """Another camera; it is clamped to where the model can render."""

    camera: "Orbit"


@dataclass(frozen=True)
class ResetCamera(Action):
    """Back to the model's own camera."""


@dataclass(frozen=True)
class SetLayer(Action):
    """Show another layer: one of state.LAYERS."""

    layer: str


@dataclass(frozen=True)
class TogglePreview(Action):
    """GL preview on or off."""


@dataclass(frozen=True)
class SetNeuralResolution(Action):
    """Side of the volume-rendered image in pixels; None: the model's own."""

    side: int | None


@dataclass(frozen=True)
class SetExport(Action):
    """Other export options."""

    options: "ExportOptions"


@dataclass(frozen=True)
class OpenFile(Action):
    """Open a file as what its content says it is: a model or a picture."""

    path: str


@dataclass(frozen=True)
class FileRecognised(Action):
    """What a file is by its content: "model", "picture", "session", "cameras"; "run": a folder."""

    path: str
    kind: str


@dataclass(frozen=True)
class OpenModel(Action):
    """Load a model file; the scene stays as it is until it has been read.

    show: show it then, instead of only having it open. replaces: path of the open model whose
    place it takes; it shows if that one did.
    """

    path: str
    bundled: bool = False
    show: bool = True
    replaces: str = ""


@dataclass(frozen=True)
class QueueModel(Action):
    """Load a model when those before it have been read."""

    request: OpenModel


@dataclass(frozen=True)
class ModelOpened(Action):
    """A model was read: `handle` is the generator itself, for the worker only. show, replaces: as
    in OpenModel."""

    undoable = False

    model: "ModelInfo"
    handle: Any = None
    show: bool = True
    replaces: str = ""
    notes: ModelNotes = ModelNotes()


@dataclass(frozen=True)
class ShowModel(Action):
    """Show another open model, with the same codes."""

    undoable = False

    path: str


@dataclass(frozen=True)
class StepModel(Action):
    """Show the open model `step` places further."""

    undoable = False

    step: int


@dataclass(frozen=True)
class CloseModel(Action):
    """Let go of an open model; the last one stays."""

    undoable = False

    path: str


@dataclass(frozen=True)
class FollowRun(Action):
    """Show the newest model of a training run's folder, now and whenever there is a newer one."""

    folder: str


@dataclass(frozen=True)
class StopFollowing(Action):
    """Keep the model that is open; watch the run no longer."""


@dataclass(frozen=True)
class RunIsEmpty(Action):
    """The folder of the followed run has no model yet."""

    folder: str


@dataclass(frozen=True)
class RunHasModel(Action):
    """The run that is followed has a model that is newer than the one before."""

    folder: str
    path: str


@dataclass(frozen=True)
class RunLost(Action):
    """The folder of the run cannot be read any more."""

    folder: str
    reason: str


@dataclass(frozen=True)
class ModelFailed(Action):
    """A model could not be read. path: as in OpenModel."""

    message: str
    path: str


@dataclass(frozen=True)
class OpenPicture(Action):
    """Put an image file behind the foreground once it has been read."""

    path: str


@dataclass(frozen=True)
class PictureOpened(Action):
    """An image file was read."""

    path: str


@dataclass(frozen=True)
class PictureFailed(Action):
    """An image file could not be read."""

    message: str
    path: str


@dataclass(frozen=True)
class PictureChanged(Action):
    """The file behind the foreground was changed by another program, and can be read."""

    undoable = False
    path: str


@dataclass(frozen=True)
class PictureBroken(Action):
    """That file was changed, and cannot be read now."""

    undoable = False
    path: str
    message: str


@dataclass(frozen=True)
class WriteSphere(Effect):
    """Write the whole background as a picture; edit: and show the file instead of it."""

    edit: bool = False


@dataclass(frozen=True)
class SphereWritten(Action):
    """The whole background was written as a picture."""

    undoable = False
    path: str
    edit: bool = False


@dataclass(frozen=True)
class HoldBackground(Action):
    """Let the background stand still as it is seen now, or turn with the camera again."""

    still: bool


@dataclass(frozen=True)
class Browse(Effect):
    """Ask for a file with the system's dialog: one of the purposes in dialogs.py."""

    purpose: str


@dataclass(frozen=True)
class SaveScreenshot(Effect):
    """Write the converged picture as a PNG with alpha."""


@dataclass(frozen=True)
class OpenSession(Action):
    """Show what a session file says, or a picture that was saved from the window."""

    path: str


@dataclass(frozen=True)
class SessionOpened(Action):
    """A session was read: `values` of the document (see document.py), and the model it shows."""

    path: str
    values: dict[str, Any]
    model: str | None = None  # path; None: it names none, or there is no such file
    bundled: bool = False  # whether that is the bundled one
    others: tuple[str, ...] = ()  # paths of the other models that were open
    complaint: str = ""


@dataclass(frozen=True)
class SessionFailed(Action):
    """A session could not be read."""

    message: str
    path: str


@dataclass(frozen=True)
class RestoreDocument(Action):
    """Set values of the document, as a session has them."""

    values: dict[str, Any]


@dataclass(frozen=True)
class SaveSession(Effect):
    """Write a session file; path "": what is typed, else the present one, else a new one."""

    path: str = ""


@dataclass(frozen=True)
class NameSession(Action):
    """What is typed as the file or folder of the next session."""

    name: str


@dataclass(frozen=True)
class SessionSaved(Action):
    """A session file was written."""

    path: str


@dataclass(frozen=True)
class ApplyPreset(Action):
    """Render as a preset says."""

    name: str


@dataclass(frozen=True)
class NamePreset(Action):
    """What is typed as the name of the next preset."""

    name: str


@dataclass(frozen=True)
class SavePreset(Action):
    """Keep how it is rendered now under the name that was typed."""


@dataclass(frozen=True)
class DeletePreset(Action):
    """Forget a preset."""

    name: str


@dataclass(frozen=True)
class Undo(Action):
    """Bring back what was before the last step."""

    undoable = False


@dataclass(frozen=True)
class Redo(Action):
    """Do again what was undone last."""

    undoable = False


@dataclass(frozen=True)
class EndStroke(Action):
    """A drag, a key or a pause has ended: the next change is a step of its own."""


@dataclass(frozen=True)
class Quit(Effect):
    """Close the window."""


@dataclass(frozen=True)
class RevealFile(Effect):
    """Show a file in the system's file manager."""

    path: str


@dataclass(frozen=True)
class StartExport(Action):
    """Write the foreground as a mesh where the export options say."""

    title: str


@dataclass(frozen=True)
class BeginJob(Action):
    """Long work begins in `lane`; `title` says what it is, as in "Exporting 256\u00b3 mesh"."""

    lane: str
    title: str


@dataclass(frozen=True)
class CancelJob(Action):
    """Stop the job of this lane."""

    lane: str


@dataclass(frozen=True)
class ReportProgress(Action):
    """How far the job of a lane is, in [0, 1]."""

    lane: str
    fraction: float
    seconds_left: float | None = None  # None: not known yet


@dataclass(frozen=True)
class ExportFinished(Action):
    """A mesh was written."""

    path: str
    message: str


@dataclass(frozen=True)
class EndJob(Action):
    """A job ended: finished or cancelled (level "info") or failed ("error").

    An empty message says nothing to the person.
    """

    lane: str
    level: str
    message: str


@dataclass(frozen=True)
class Notify(Action):
    """Show a line: level "info" or "error"."""

    level: str
    text: str


@dataclass(frozen=True)
class Dismiss(Action):
    """Take a notice away."""

    number: int


@dataclass(frozen=True)
class RememberWindow(Action):
    """The window's size in logical pixels, for the next start."""

    size: tuple[int, int]


@dataclass(frozen=True)
class SetExportPath(Action):
    """Where the next mesh goes, as chosen in a dialog."""

    path: str


@dataclass(frozen=True)
class ShowOverlay(Action):
    """Show "palette" or "keys" over the window; an empty name: neither."""

    name: str


@dataclass(frozen=True)
class SearchCommands(Action):
    """Look for commands in the palette, and mark the one at `choice` of those found."""

    query: str
    choice: int = 0


@dataclass(frozen=True)
class SetTheme(Action):
    """Colours of the window: "dark" or "light"."""

    name: str


@dataclass(frozen=True)
class SetZoom(Action):
    """Size of the interface, times what the screen asks for."""

    zoom: float


@dataclass(frozen=True)
class FoldSections(Action):
    """Which sections of the panel are closed."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class SetCapture(Action):
    """Other options for pictures and films."""

    options: "CaptureOptions"


@dataclass(frozen=True)
class SetOutputFolder(Action):
    """Where pictures, films, meshes and sessions go; empty: the current folder."""

    path: str


@dataclass(frozen=True)
class ShowTimeline(Action):
    """The strip under the picture that shows the film's keys."""

    shown: bool


@dataclass(frozen=True)
class SetAnimation(Action):
    """Other keys, or another length, rate or end of the film."""

    animation: "Animation"


@dataclass(frozen=True)
class AddKey(Action):
    """A key of what is shown, at the playhead."""


@dataclass(frozen=True)
class RemoveKey(Action):
    """Take a key away, by its place among them."""

    index: int


@dataclass(frozen=True)
class MakeTurntable(Action):
    """A film that goes once round what is shown, instead of the present one."""

    duration: float  # seconds


@dataclass(frozen=True)
class SelectKey(Action):
    """Select a key and go there; -1: none."""

    index: int

    undoable = False


@dataclass(frozen=True)
class Seek(Action):
    """Show the film at a time in seconds."""

    time: float

    undoable = False


@dataclass(frozen=True)
class PlayFilm(Action):
    """Play the film in the window, or stop it."""

    playing: bool

    undoable = False


@dataclass(frozen=True)
class AdvanceFilm(Action):
    """The film that plays goes on by some seconds."""

    seconds: float

    undoable = False


@dataclass(frozen=True)
class StartCapture(Action):
    """Render what is shown with the options for captures, and write it."""


@dataclass(frozen=True)
class StartFilm(Action):
    """Render the film and write it."""


@dataclass(frozen=True)
class Captured(Action):
    """A picture or a film was written."""

    path: str
