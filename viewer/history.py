"""What can be undone: the values that a person changed, step by step. Pure: it knows no window.

A document is a mapping of names to frozen values, such as {"view.camera": Orbit(...), ...}. A step
holds only what it changed, so that undoing it leaves alone what has changed otherwise since. The
changes of one stroke, such as a drag, are one step: the last step stays open, and takes in further
changes of the same values, until `close` ends the stroke. What begins to move by itself is in the
step that began it, as it was then: how far it has moved is undone with that.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

LIMIT = 500  # steps that are remembered

Changes = tuple[tuple[str, Any], ...]  # names and the values they had


@dataclass(frozen=True)
class History:
    """Steps back, and steps forth again, each with the values that it brings back."""

    past: tuple[Changes, ...] = ()  # newest last
    future: tuple[Changes, ...] = ()  # next last
    open: bool = False  # whether the last step takes in further changes

    @property
    def undoes(self) -> tuple[str, ...]:
        """Names of the values that `undo` would bring back; none if there is nothing to undo."""
        return _names(self.past)

    @property
    def redoes(self) -> tuple[str, ...]:
        """Names of the values that `redo` would bring back."""
        return _names(self.future)


def record(
    history: History,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    joins: bool = False,
    begins: Collection[str] = (),
    ends: bool = False,
) -> History:
    """The history after a change; nothing can be redone then.

    joins: the open step takes it in, whatever it changes. begins: names of values that move by
    themselves from now on. ends: some do no more; that is part of the step that began it, if no
    other came between.
    """
    changed = _differences(before, after, begins)
    if not changed:
        return history
    if (history.open or ends) and {name for name, _ in changed} <= set(history.undoes):
        return replace(history, future=())
    if history.open and joins:
        *earlier, step = history.past
        both = dict(changed) | dict(step)  # the values before the step
        return History((*earlier, tuple(both.items())), (), open=True)
    return History((*history.past, changed)[-LIMIT:], (), open=True)


def keep(history: History, values: Mapping[str, Any], *, is_open: bool = False) -> History:
    """The history with a step of its own that brings back these values, whatever changes them.

    is_open: whether it takes in further changes.
    """
    return History((*history.past, tuple(values.items()))[-LIMIT:], (), open=is_open)


def close(history: History) -> History:
    """The end of a stroke: the next change is a step of its own."""
    return replace(history, open=False) if history.open else history


def undo(history: History, present: Mapping[str, Any]) -> tuple[History, dict[str, Any]]:
    """Go back a step: the history, and the values to set. Steps that would change nothing, such
    as a drag there and back, are passed over."""
    past, future = list(history.past), list(history.future)
    changes = _travel(past, future, present)
    return History(tuple(past), tuple(future)), changes


def redo(history: History, present: Mapping[str, Any]) -> tuple[History, dict[str, Any]]:
    """Go forth a step: inverse of `undo`."""
    past, future = list(history.past), list(history.future)
    changes = _travel(future, past, present)
    return History(tuple(past), tuple(future)), changes


def _travel(
    source: list[Changes], target: list[Changes], present: Mapping[str, Any]
) -> dict[str, Any]:
    while source:
        step = source.pop()
        changes = {name: value for name, value in step if present.get(name, value) != value}
        if changes:
            target.append(tuple((name, present[name]) for name in changes))
            return changes
    return {}


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], begins: Collection[str]
) -> Changes:
    return tuple(
        (name, value)
        for name, value in before.items()
        if name in begins or after.get(name, value) != value
    )


def _names(steps: tuple[Changes, ...]) -> tuple[str, ...]:
    return tuple(name for name, _ in steps[-1]) if steps else ()
