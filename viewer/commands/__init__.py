"""The one table of commands: what each is called, its keys, and what it does.

Keys, the command palette, the overview of keys, hints and tooltips are all made from it; a script
runs a command by its name. A command answers with actions, as a panel does. The rows stand by topic
in the other files of this folder.
"""

from dataclasses import replace

from .. import actions as act
from ..state import ViewerState
from ..state.overlays import OVERLAYS
from . import camera, codes, film, output, window
from .command import Actions as Actions
from .command import Chord as Chord
from .command import Command as Command
from .command import chord as chord
from .gestures import GESTURES as GESTURES
from .present import present_rows as present_rows

GROUPS = (  # in the order of the overview
    *("Help", "File", "Edit", "Codes", "Background", "Camera", "Output", "Window", "Film"),
    *("Looking closer", "Mesh", "Panel"),
)
_ROWS = window.TABLE | codes.TABLE | camera.TABLE | output.TABLE | film.TABLE
COMMANDS: tuple[Command, ...] = tuple(
    replace(row, group=group) for group in GROUPS for row in _ROWS[group]
)
_BY_NAME = {row.name: row for row in COMMANDS}
_BY_CHORD = {keys: row for row in COMMANDS for keys in row.keys}


def run(name: str, state: ViewerState) -> Actions:
    """What the command `name` does now, as a gesture of its own. ValueError if there is none, or it
    cannot be done now."""
    row = _BY_NAME.get(name)
    if row is None:
        raise ValueError(f"no command is called {name!r}; there are {', '.join(sorted(_BY_NAME))}")
    if not row.enabled(state):
        raise ValueError(f"the command {name!r} cannot be used now")
    return [act.EndStroke(), *row.actions(state)]


def press(key: str, mods: frozenset[str], state: ViewerState, *, repeated: bool = False) -> Actions:
    """What a key does now; the system key counts as control. Under an overlay all rest but those
    that open and close one.

    repeated: it is still down.
    """
    mods = mods - {"super"} | ({"control"} if "super" in mods else set())
    if key == "=":  # with Shift it is a plus on most keyboards
        mods = mods - {"shift"}
    row = _BY_CHORD.get(Chord(key, mods))
    if row is None or (repeated and not row.repeats) or not row.enabled(state):
        return []
    return [] if state.overlay and row.name not in OVERLAYS else row.actions(state)


def keys_of(name: str) -> str:
    """The keys of a command as they are written; empty if it has none."""
    return " or ".join(str(keys) for keys in _BY_NAME[name].keys)


def tip_of(name: str) -> str:
    """A tooltip for what does the same as the command `name`: its keys, and what it means."""
    return keyed(name, _BY_NAME[name].tip)


def keyed(name: str, text: str) -> str:
    """A tooltip: `text` after the keys of the command that does the same, if it has any."""
    keys = keys_of(name)
    return f"{keys}. {text}" if keys else text
