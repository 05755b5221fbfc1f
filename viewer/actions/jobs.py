"""Long work, and the meshes that it writes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action

if TYPE_CHECKING:
    from ..state import ExportOptions


@dataclass(frozen=True)
class SetExport(Action):
    """Other export options."""

    options: "ExportOptions"


@dataclass(frozen=True)
class SetExportPath(Action):
    """Where the next mesh goes, as chosen in a dialog."""

    path: str


@dataclass(frozen=True)
class StartExport(Action):
    """Write the foreground as a mesh where the export options say."""

    title: str


@dataclass(frozen=True)
class ExportFinished(Action):
    """A mesh was written."""

    path: str
    message: str


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
class EndJob(Action):
    """A job ended: finished or cancelled (level "info") or failed ("error").

    An empty message says nothing to the person.
    """

    lane: str
    level: str
    message: str
