"""A row of the table of commands, and the keys that go with it."""

from collections.abc import Callable
from dataclasses import dataclass

from .. import actions as act
from ..state import ViewerState

Actions = list[act.Action]
Table = dict[str, "tuple[Command, ...]"]  # commands by the heading in the overview

MODS = ("control", "shift", "alt")  # in the order in which they are written


@dataclass(frozen=True)
class Chord:
    """A key with the modifiers that have to be held."""

    key: str  # as events.KeyPressed names it
    mods: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self == Chord("/", frozenset({"shift"})):
            return "?"
        held = [mod.replace("control", "ctrl").capitalize() for mod in MODS if mod in self.mods]
        return "+".join([*held, self.key])


def chord(text: str) -> Chord:
    """A chord as it is written: "B", "Shift+Right", "Ctrl+K", "Ctrl++"."""
    *mods, last = text[:-1].split("+")  # a key may be a plus
    key = last + text[-1]
    return Chord(key, frozenset(mod.lower().replace("ctrl", "control") for mod in mods))


def always(state: ViewerState) -> bool:
    """Enabled whatever the state."""
    return True


def with_model(state: ViewerState) -> bool:
    """Enabled once a model is open."""
    return state.model is not None


def with_keys(state: ViewerState) -> bool:
    """Enabled once a model is open and the film has keys."""
    return state.model is not None and bool(state.animation.keys)


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
    repeats: bool = False  # again and again while its key is held


def command(
    name: str,
    title: str,
    actions: Callable[[ViewerState], Actions] | act.Action,
    keys: str = "",
    *,
    hint: str = "",
    tip: str = "",
    enabled: Callable[[ViewerState], bool] = always,
    repeats: bool = False,
) -> Command:
    """A row of the table: `keys` as in "Ctrl+Y Ctrl+Shift+Z", `actions` or the only one."""
    if isinstance(actions, act.Action):
        only = actions
        actions = lambda state: [only]  # noqa: E731
    chords = tuple(chord(text) for text in keys.split())
    return Command(name, title, "", actions, chords, hint, tip, enabled, repeats)


def reveal(what: str, title: str, path_of: Callable[[ViewerState], str | None]) -> Command:
    """A command that shows a file in its folder, once there is one."""

    def actions(state: ViewerState) -> Actions:
        path = path_of(state)
        return [act.RevealFile(path)] if path is not None else []

    return command(
        f"{what}.reveal", title, actions, enabled=lambda state: path_of(state) is not None
    )
