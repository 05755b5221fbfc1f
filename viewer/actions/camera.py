"""What can be done to the camera besides moving it (actions.MoveCamera), as frozen values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action, Effect

if TYPE_CHECKING:
    from ballgan.camera import Camera
    from ballgan.view import Orbit

    from ..state import Navigation


@dataclass(frozen=True)
class SetNavigation(Action):
    """Move the camera in another way."""

    navigation: "Navigation"


@dataclass(frozen=True)
class HoldKey(Action):
    """A key of flight is down, or up again. fast: with Shift."""

    key: str
    down: bool = True
    fast: bool = False


@dataclass(frozen=True)
class ReleaseKeys(Action):
    """No key is held any more."""


@dataclass(frozen=True)
class Advance(Action):
    """Time goes by for a camera that moves by itself, or flies."""

    undoable = False
    seconds: float


@dataclass(frozen=True)
class FaceSide(Action):
    """Look at a side of the object: one of navigation.SIDES."""

    side: str


@dataclass(frozen=True)
class GlideTo(Action):
    """Another camera, as MoveCamera; the window shows the way there."""

    camera: "Orbit"


@dataclass(frozen=True)
class RollBy(Action):
    """Turn the camera round its axis, its top to its right, by an angle in radians."""

    angle: float


@dataclass(frozen=True)
class SetUpright(Action):
    """Take back the camera's roll."""


@dataclass(frozen=True)
class PickPivot(Effect):
    """Put the pivot on the surface at a place of the picture, in [0, 1] to the right and down."""

    place: tuple[float, float]


@dataclass(frozen=True)
class SetConditioning(Action):
    """Another camera that the mapping network is told of; None: the model's own."""

    pose: "Orbit | None"


@dataclass(frozen=True)
class SetTrackpad(Action):
    """Whether scrolling orbits, as on trackpads, instead of zooming."""

    on: bool


@dataclass(frozen=True)
class SetGlide(Action):
    """Whether the camera glides to where a key or a click sends it, or jumps."""

    on: bool


@dataclass(frozen=True)
class CopyCamera(Effect):
    """Put the camera on the clipboard as text. form: "json", "opencv" or "opengl"."""

    form: str = "json"


@dataclass(frozen=True)
class PasteCamera(Effect):
    """Take the camera whose text is on the clipboard, in any form that is known."""


@dataclass(frozen=True)
class OpenCameras(Effect):
    """Look through the first camera of a file."""

    camera: "Orbit | Camera"


@dataclass(frozen=True)
class SaveCamera(Effect):
    """Write the camera as a file for other programs: convention "opencv" or "opengl"."""

    convention: str
