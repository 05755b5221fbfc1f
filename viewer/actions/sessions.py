"""Sessions, and the steps back and forth in what is shown."""

from dataclasses import dataclass
from typing import Any

from .base import Action, Effect
from .models import FollowRun


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
    follow: FollowRun | None = None  # the run that was followed
    complaint: str = ""


@dataclass(frozen=True)
class SessionFailed(Action):
    """A session could not be read."""

    message: str
    path: str


@dataclass(frozen=True)
class RestoreDocument(Action):
    """Set values of the document, as a session has them; model: path of the open one to show."""

    values: dict[str, Any]
    model: str = ""  # that shows already, if empty


@dataclass(frozen=True)
class CompleteSession(RestoreDocument):
    """The document of a session whose model was just opened: with that it is one step."""

    joins = True


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
