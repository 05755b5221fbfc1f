"""The timeline, and pictures and films that are rendered into files."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action

if TYPE_CHECKING:
    from ballgan.animation import Animation

    from ..state import CaptureOptions


@dataclass(frozen=True)
class SetCapture(Action):
    """Other options for pictures and films."""

    options: "CaptureOptions"


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

    joins = True  # the step that holds the view from which it starts


@dataclass(frozen=True)
class SelectKey(Action):
    """Select a key and go there; -1: none."""

    index: int

    undoable = False  # by itself: a view that no key has is kept for an undo


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
    """Render what is shown with the options for captures, and write it. shown: with the size that
    it has in the window, whatever the options say."""

    shown: bool = False


@dataclass(frozen=True)
class StartFilm(Action):
    """Render the film and write it."""


@dataclass(frozen=True)
class Captured(Action):
    """A picture or a film was written."""

    path: str
    film: bool = False
