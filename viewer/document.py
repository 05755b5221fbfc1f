"""The person's document: the part of the window's state that undo, sessions and the autosave hold.

- all of `ViewerState.view`, value by value, under names such as "view.camera";
- the other fields of the state that PARTS names;
- SHOWN: which of the open models shows, and CLOSED: which were closed. Sessions have lists instead;
- what is kept of each model that is open, or was closed (favourites, names of directions): "notes."
  and its checksum;
- what a person collects for all models, KEPT: presets, and the list of background pictures. Undo
  knows it; a session does not hold it.

A value that is added to the view is undone and saved without further work; a new field of the
state needs its name in PARTS, and a frozen dataclass of plain values to read it as.

On purpose it does not hold how the window is used: preferences (theme, size of the interface, what
scrolling does, folded sections, files that were opened last), the preview, whether the camera flies
or turns, contact sheets, the place of the playhead, a run that is followed. To undo a seed shall
not repaint the window. A model that is closed is gone from memory: undo reads its file again. One
that was opened stays open after an undo, which shows the one before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from ballgan.plain import from_plain, to_plain
from ballgan.session import PictureSettings, Session

from .notes import ModelNotes, merge

if TYPE_CHECKING:
    from .state import ViewerState

PARTS = ("export", "capture", "animation")
OWN = PARTS[:-1]  # which no command knows; a session has a place for the animation
RUN = "following"  # folder of the run that is followed: in a session, beside the document
PICTURE = "picture"  # what a session without capture options says of them
KEPT = {"presets": "presets", "pictures": "recent_pictures"}  # fields of the preferences
VIEW, NOTES = "view.", "notes."
CAMERA = VIEW + "camera"
SHOWN, CLOSED = "shown", "closed"
WORDS = {
    "view.backdrop": "background",
    "view.latents": "locks and sides",
    "view.neural_resolution": "rays",
    "export": "mesh options",
    "capture": "capture options",
    "animation": "film",
    "pictures": "list of pictures",
    SHOWN: "model",
    CLOSED: "open models",
}


def values(state: ViewerState) -> dict[str, Any]:
    """The document by name: "view.camera", "view.foreground", ..., "export", "animation"."""
    view = {VIEW + field.name: getattr(state.view, field.name) for field in fields(state.view)}
    kept = {name: getattr(state.preferences, field) for name, field in KEPT.items()}
    notes = {NOTES + checksum: kept for checksum, kept in state.notebooks.items()}
    models = {SHOWN: state.model.path if state.model is not None else "", CLOSED: state.closed}
    return view | {name: getattr(state, name) for name in PARTS} | models | kept | notes


def moving(state: ViewerState) -> frozenset[str]:
    """Names of the values that change as time goes by: by flight, turntable, or animated codes,
    also of one that rests as long as it does not show: its animation has not ended."""
    if state.model is None:
        return frozenset()
    latents = state.view.latents
    moves = {
        CAMERA: state.navigation.moves,
        VIEW + "foreground": latents.foreground.moves,
        VIEW + "backdrop": latents.background.moves,
    }
    return frozenset(name for name, does in moves.items() if does)


def with_values(state: ViewerState, changes: Mapping[str, Any]) -> ViewerState:
    """The state with other values of the document, by the names that `values` gives.

    What is kept of models that are neither open nor closed by a person is left out; models are
    shown, opened and closed by `state.models`.
    """
    view = {name.removeprefix(VIEW): v for name, v in changes.items() if name.startswith(VIEW)}
    parts = {name: changes[name] for name in PARTS if name in changes}
    kept = {field: changes[name] for name, field in KEPT.items() if name in changes}
    notes = {key: changes.get(NOTES + key, present) for key, present in state.notebooks.items()}
    return replace(
        state,
        view=replace(state.view, **view),
        preferences=replace(state.preferences, **kept),
        notebooks=notes,
        **parts,
    )


def to_session(state: ViewerState) -> Session:
    """The document, the open models and the run that is followed, as a session."""
    window = {name: to_plain(getattr(state, name)) for name in OWN}
    open_models = {model.sha256 for model in state.models}
    notes = {
        key: kept
        for key, kept in state.notebooks.items()
        if key in open_models and kept != ModelNotes()
    }
    if notes:
        window["notes"] = to_plain(notes)
    if state.following is not None:
        window[RUN] = os.path.abspath(state.following.folder)
    models = tuple(model.file for model in state.models)
    shown = state.models.index(state.model) if state.model is not None else 0
    capture = state.capture
    picture = PictureSettings(capture.size or None, capture.passes, capture.sides)
    return Session(models, shown, state.view, window, state.animation, picture)


def read(session: Session, unknown: list[str]) -> dict[str, Any]:
    """The document of a session, as `joined` takes it, and RUN; what it lacks is left out.

    unknown: takes the places of keys that are unknown here. Raises ValueError, naming the place, if
    the window's own part cannot be read.
    """
    from .state import CaptureOptions, ViewerState

    hints, window = get_type_hints(ViewerState), session.window
    known = {name: hints[name] for name in OWN} | {"notes": dict[str, ModelNotes], RUN: str}
    unknown += [f"session.window.{name}" for name in sorted(window.keys() - known.keys())]
    view = {VIEW + field.name: getattr(session.view, field.name) for field in fields(session.view)}
    if window or session.animation.keys:  # a picture leaves the window's film alone
        view["animation"] = session.animation
    own = {
        name: from_plain(
            kind, window[name], f"session.window.{name}", lenient=True, unknown=unknown
        )
        for name, kind in known.items()
        if name in window
    }
    if "capture" not in own:
        picture = session.picture
        own[PICTURE] = CaptureOptions(picture.size or 0, picture.passes, picture.sides)
    notes = own.pop("notes", {})
    return view | own | {NOTES + checksum: kept for checksum, kept in notes.items()}


def joined(state: ViewerState, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a session, to be set: its favourites and names join those that are there, and
    what it says of its picture joins the other capture options."""
    present, taken = values(state), dict(changes)
    for name, value in changes.items():
        if name.startswith(NOTES):
            taken[name] = merge(present.get(name, ModelNotes()), value)
    picture = taken.pop(PICTURE, None)
    if picture is None:
        return taken
    size, passes, sides = picture.size, picture.passes, picture.sides
    return taken | {"capture": replace(state.capture, size=size, passes=passes, sides=sides)}


def describe(names: tuple[str, ...]) -> str:
    """Names of values in words: "camera", "background and layer"."""
    words = [_word(name) for name in names]
    if len(words) > 3:
        return "several things"
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _word(name: str) -> str:
    if name.startswith(NOTES):
        return "favourites and names"
    return WORDS.get(name, name.removeprefix(VIEW).replace("_", " "))
