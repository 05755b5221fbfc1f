"""The one table of commands: what each is called, its keys, and what it does.

Keys, the command palette, the overview of keys, hints and tooltips are all made from it; a script
runs a command by its name. A command answers with actions, as a panel does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ballgan.view import LAYERS

from . import actions as act
from .state import ViewerState

Actions = list[act.Action]
MODS = ("control", "shift", "alt")  # in the order in which they are written


@dataclass(frozen=True)
class Chord:
    """A key with the modifiers that have to be held."""

    key: str  # as events.KeyPressed names it
    mods: frozenset[str] = frozenset()

    def __str__(self) -> str:
        held = [mod.replace("control", "ctrl").capitalize() for mod in MODS if mod in self.mods]
        return "+".join([*held, self.key])


def chord(text: str) -> Chord:
    """A chord as it is written: "B", "Shift+Right", "Ctrl+K"."""
    *mods, key = text.split("+")
    return Chord(key, frozenset(mod.lower().replace("ctrl", "control") for mod in mods))


def always(state: ViewerState) -> bool:
    """Enabled whatever the state."""
    return True


def with_model(state: ViewerState) -> bool:
    """Enabled once a model is open."""
    return state.model is not None


@dataclass(frozen=True)
class Command:
    """Something to do, for keys, palette and scripts."""

    name: str  # for scripts, such as "background.toggle"
    title: str  # as a person reads it, such as "Background on or off"
    group: str  # heading in the overview
    actions: Callable[[ViewerState], Actions]
    keys: tuple[Chord, ...] = ()
    hint: str = ""  # short words for the status bar; empty: not shown there
    tip: str = ""  # what it means, where the title does not say
    enabled: Callable[[ViewerState], bool] = always


def command(
    name: str,
    title: str,
    actions: Callable[[ViewerState], Actions] | act.Action,
    keys: str = "",
    *,
    hint: str = "",
    tip: str = "",
    enabled: Callable[[ViewerState], bool] = always,
) -> Command:
    """A row of the table: `keys` as in "Ctrl+Y Ctrl+Shift+Z", `actions` or the only one."""
    if isinstance(actions, act.Action):
        only = actions
        actions = lambda state: [only]  # noqa: E731
    chords = tuple(chord(text) for text in keys.split())
    return Command(name, title, "", actions, chords, hint, tip, enabled)


def _step(which: str, step: int) -> act.Action:
    return act.StepSeed(which, step)


_TABLE: dict[str, tuple[Command, ...]] = {
    "File": (
        command("file.open", "Open a model ...", act.Browse("model"), "Ctrl+O"),
        command("file.picture", "Open a background picture ...", act.Browse("picture")),
        command(
            "file.screenshot",
            "Save the finished picture",
            act.SaveScreenshot(),
            "S",
            hint="screenshot",
            tip="A PNG with its transparency.",
            enabled=with_model,
        ),
        command("file.quit", "Quit", act.Quit(), "Ctrl+Q"),
    ),
    "Edit": (
        command("edit.undo", "Undo", act.Undo(), "Ctrl+Z"),
        command("edit.redo", "Redo", act.Redo(), "Ctrl+Shift+Z Ctrl+Y"),
    ),
    "Codes": (
        command("foreground.next", "Next foreground", _step("foreground", 1), "Right"),
        command("foreground.previous", "Previous foreground", _step("foreground", -1), "Left"),
    ),
    "Background": (
        command(
            "background.toggle",
            "Background on or off",
            act.ToggleBackground(),
            "B",
            hint="background on/off",
        ),
        command("background.next", "Next background", _step("background", 1), "Shift+Right"),
        command(
            "background.previous", "Previous background", _step("background", -1), "Shift+Left"
        ),
    ),
    "Camera": (
        command("camera.reset", "Reset the camera", act.ResetCamera(), "R", hint="reset camera"),
    ),
    "Output": (
        *(
            command(f"layer.{layer}", f"Show {layer}", act.SetLayer(layer), str(number))
            for number, layer in enumerate(LAYERS, start=1)
        ),
        command(
            "preview.toggle",
            "OpenGL preview on or off",
            act.TogglePreview(),
            "P",
            hint="preview on/off",
        ),
    ),
    "Mesh": (
        command(
            "mesh.export",
            "Export the mesh",
            lambda state: [act.StartExport(f"{state.export.resolution}\u00b3 mesh")],
            enabled=lambda state: with_model(state) and state.job("export") is None,
        ),
    ),
}
COMMANDS: tuple[Command, ...] = tuple(
    Command(row.name, row.title, group, row.actions, row.keys, row.hint, row.tip, row.enabled)
    for group, rows in _TABLE.items()
    for row in rows
)
_BY_NAME = {row.name: row for row in COMMANDS}
_BY_CHORD = {keys: row for row in COMMANDS for keys in row.keys}


def run(name: str, state: ViewerState) -> Actions:
    """What the command `name` does now. ValueError if there is none, or it cannot be done now."""
    row = _BY_NAME.get(name)
    if row is None:
        raise ValueError(f"no command is called {name!r}; there are {', '.join(sorted(_BY_NAME))}")
    if not row.enabled(state):
        raise ValueError(f"the command {name!r} cannot be used now")
    return row.actions(state)


def press(key: str, mods: frozenset[str], state: ViewerState) -> Actions:
    """What a key does now; the system key counts as control."""
    mods = mods - {"super"} | ({"control"} if "super" in mods else set())
    row = _BY_CHORD.get(Chord(key, mods))
    return row.actions(state) if row is not None and row.enabled(state) else []


def keys_of(name: str) -> str:
    """The keys of a command as they are written; empty if it has none."""
    return " or ".join(str(keys) for keys in _BY_NAME[name].keys)
