"""Files that are recognised, pictures behind the foreground, and what is written of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action, Effect

if TYPE_CHECKING:
    from ballgan.camera import Camera
    from ballgan.view import Orbit


@dataclass(frozen=True)
class OpenFile(Action):
    """Open a file as what its content says it is (see FileRecognised)."""

    path: str


@dataclass(frozen=True)
class FileRecognised(Action):
    """What a file is by its content: "model", "picture", "session", "cameras"; "run": a folder."""

    path: str
    kind: str
    camera: "Orbit | Camera | None" = None  # the first of "cameras"; None: it could not be read


@dataclass(frozen=True)
class OpenPhoto(Action):
    """Put an image file behind the foreground once it has been read."""

    path: str


@dataclass(frozen=True)
class PhotoOpened(Action):
    """An image file was read. Another one than before begins without a turn and an exposure."""

    path: str


@dataclass(frozen=True)
class PhotoFailed(Action):
    """An image file could not be read."""

    message: str
    path: str


@dataclass(frozen=True)
class ForgetPhoto(Action):
    """Take a picture off the list of those that were opened; the file stays."""

    path: str


@dataclass(frozen=True)
class PhotoChanged(Action):
    """The file behind the foreground was changed by another program, and can be read."""

    undoable = False
    path: str


@dataclass(frozen=True)
class PhotoBroken(Action):
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
class Browse(Effect):
    """Ask for a file with the system's dialog: one of the purposes in dialogs.py."""

    purpose: str


@dataclass(frozen=True)
class SavePicture(Effect):
    """Write the converged picture as a PNG with alpha, with the size that it has in the window."""


@dataclass(frozen=True)
class RevealFile(Effect):
    """Show a file in the system's file manager."""

    path: str


@dataclass(frozen=True)
class SetOutputFolder(Action):
    """Where pictures, films, meshes and sessions go; empty: the current folder."""

    path: str
