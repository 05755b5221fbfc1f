"""The person's document: the part of the window's state that undo, sessions and the autosave hold.

It is all of `ViewerState.view`, value by value, and the other fields of the state that PARTS names.
A value that is added to the view is undone and saved without further work; a new field of the
state needs its name in PARTS, and a frozen dataclass of plain values to read it as.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from ballgan.plain import from_plain, to_plain
from ballgan.session import PictureSettings, Session

if TYPE_CHECKING:
    from .state import ViewerState

PARTS = ("export", "capture", "animation")
OWN = PARTS[:-1]  # which no command knows; a session has a place for the animation
VIEW = "view."
WORDS = {
    "view.backdrop": "background",
    "view.latents": "locks and sides",
    "view.neural_resolution": "rays",
    "export": "mesh options",
    "capture": "capture options",
    "animation": "film",
}


def values(state: ViewerState) -> dict[str, Any]:
    """The document by name: "view.camera", "view.foreground", ..., "export", "animation"."""
    view = {VIEW + field.name: getattr(state.view, field.name) for field in fields(state.view)}
    return view | {name: getattr(state, name) for name in PARTS}


def with_values(state: ViewerState, changes: Mapping[str, Any]) -> ViewerState:
    """The state with other values of the document, by the names that `values` gives."""
    view = {name.removeprefix(VIEW): v for name, v in changes.items() if name.startswith(VIEW)}
    parts = {name: v for name, v in changes.items() if not name.startswith(VIEW)}
    return replace(state, view=replace(state.view, **view), **parts)


def to_session(state: ViewerState) -> Session:
    """The document and the open models, as a session."""
    window = {name: to_plain(getattr(state, name)) for name in OWN}
    models = tuple(model.file for model in state.models)
    shown = state.models.index(state.model) if state.model is not None else 0
    picture = PictureSettings(state.capture.size or None, state.capture.passes)
    return Session(models, shown, state.view, window, state.animation, picture)


def read(session: Session) -> dict[str, Any]:
    """The document of a session, as `with_values` takes it; what it lacks is left out.

    Raises ValueError, naming the place, if the window's own part cannot be read.
    """
    from .state import ViewerState

    hints, window = get_type_hints(ViewerState), session.window
    unknown = sorted(window.keys() - set(OWN))
    if unknown:
        raise ValueError(f"session.window has unknown keys: {', '.join(unknown)[:200]}.")
    view = {VIEW + field.name: getattr(session.view, field.name) for field in fields(session.view)}
    if window or session.animation.keys:  # a picture leaves the window's film alone
        view["animation"] = session.animation
    return view | {
        name: from_plain(hints[name], value, f"session.window.{name}", lenient=True)
        for name, value in window.items()
    }


def describe(names: tuple[str, ...]) -> str:
    """Names of values in words: "camera", "background and layer"."""
    words = [WORDS.get(name, name.removeprefix(VIEW).replace("_", " ")) for name in names]
    if len(words) > 3:
        return "several things"
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
