"""The window itself: presets, notices, overlays, its look."""

from dataclasses import dataclass

from .base import Action, Effect


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
class Notify(Action):
    """Show a line: level "info", "advice" (which stays) or "error". origin: what it is about; it
    takes the place of an earlier line about the same."""

    level: str
    text: str
    origin: str = ""


@dataclass(frozen=True)
class Dismiss(Action):
    """Take a notice away."""

    number: int


@dataclass(frozen=True)
class RememberWindow(Action):
    """How the window is, for the next start: its size in logical pixels, unless it is maximised."""

    size: tuple[int, int]
    maximised: bool = False


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
    """Colours of the window: one of preferences.THEMES."""

    name: str


@dataclass(frozen=True)
class SetZoom(Action):
    """Size of the interface, times what the screen asks for."""

    zoom: float


@dataclass(frozen=True)
class Focus(Effect):
    """Type into a widget; the section in which it is opens."""

    widget: str
    section: str


@dataclass(frozen=True)
class FoldSections(Action):
    """Which sections of the panel are closed."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Quit(Effect):
    """Close the window."""
