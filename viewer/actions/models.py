"""Models that are opened, shown and closed, and the training run that is followed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..notes import ModelNotes
from .base import Action

if TYPE_CHECKING:
    from ..state import ModelInfo


@dataclass(frozen=True)
class OpenModel(Action):
    """Load a model file; the scene stays as it is until it has been read.

    show: show it then, instead of only having it open. replaces: path of the open model whose
    place it takes; it shows if that one did. again: an undo or redo brings it back. of_run: the
    run that is followed has brought it.
    """

    path: str
    bundled: bool = False
    show: bool = True
    replaces: str = ""
    again: bool = False
    of_run: bool = False


@dataclass(frozen=True)
class QueueModel(Action):
    """Load a model when those before it have been read."""

    request: OpenModel


@dataclass(frozen=True)
class ModelOpened(Action):
    """A model was read: `handle` is the generator itself, for the worker only. show, replaces: as
    in OpenModel."""

    model: "ModelInfo"
    handle: Any = None
    show: bool = True
    replaces: str = ""
    notes: ModelNotes = ModelNotes()


@dataclass(frozen=True)
class ModelArrived(ModelOpened):
    """A model was read that no gesture of its own asked for: a run's newer one, or one that an undo
    brings back."""

    undoable = False


@dataclass(frozen=True)
class ModelFailed(Action):
    """A model could not be read. path, replaces: as in OpenModel."""

    undoable = False
    message: str
    path: str
    replaces: str = ""


@dataclass(frozen=True)
class OpeningCancelled(Action):
    """The person does not want a model any more that was being read. path, replaces: as in
    OpenModel."""

    undoable = False
    path: str
    replaces: str = ""


@dataclass(frozen=True)
class ShowModel(Action):
    """Show another open model, with the same codes."""

    path: str


@dataclass(frozen=True)
class StepModel(Action):
    """Show the open model `step` places further."""

    step: int


@dataclass(frozen=True)
class CloseModel(Action):
    """Let go of an open model; the last one stays."""

    path: str


@dataclass(frozen=True)
class FollowRun(Action):
    """Show the newest model of a training run's folder, now and whenever there is a newer one."""

    folder: str
    model: str = ""  # path of one that is open already, whose place the newest takes


@dataclass(frozen=True)
class JoinNotes(Action):
    """What a session keeps of a model that was just opened joins what is kept of it."""

    undoable = False
    checksum: str


@dataclass(frozen=True)
class StopFollowing(Action):
    """Keep the model that is open, whatever is on its way; watch the run no longer."""


@dataclass(frozen=True)
class RunIsEmpty(Action):
    """The folder of the followed run has no model yet."""

    folder: str


@dataclass(frozen=True)
class RunHasModel(Action):
    """The run that is followed has a model that is newer than the one before. older: paths of
    others, newest first."""

    folder: str
    path: str
    older: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLost(Action):
    """The folder of the run cannot be read any more."""

    folder: str
    reason: str
