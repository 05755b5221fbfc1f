"""What the window reports: frozen events in window coordinates (the units of GLFW's cursor)."""

from dataclasses import dataclass


class Event:
    """Something that happened in the window."""


@dataclass(frozen=True)
class PointerMoved(Event):
    """The pointer is at (x, y)."""

    x: float
    y: float


@dataclass(frozen=True)
class PointerButton(Event):
    """A button ("left", "right" or "middle") went down or up at (x, y)."""

    x: float
    y: float
    button: str
    pressed: bool
    mods: frozenset[str] = frozenset()  # of "shift", "control", "alt", "super"
    double: bool = False  # the second press at one place in a short time


@dataclass(frozen=True)
class Scrolled(Event):
    """The wheel or a trackpad moved by (dx, dy) steps with the pointer at (x, y)."""

    x: float
    y: float
    dx: float
    dy: float
    mods: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KeyPressed(Event):
    """A key went down: "A", "1", "Left", "F1", ..., as it is called on the person's layout."""

    key: str
    mods: frozenset[str] = frozenset()
    repeated: bool = False  # it was not let go since
    position: str = ""  # what an American keyboard calls it, where that is known


@dataclass(frozen=True)
class KeyReleased(Event):
    """A key went up."""

    position: str


@dataclass(frozen=True)
class FocusLost(Event):
    """Another window has the keyboard: nobody knows when keys will be released."""


@dataclass(frozen=True)
class Dropped(Event):
    """Files were dropped on the window."""

    paths: tuple[str, ...]
