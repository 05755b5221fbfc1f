"""What a person keeps of a model: names of directions, and favourite codes with their names.

One JSON file a model, in the settings folder. It is called by the checksum of the model's file, so
that copies of a model share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ballgan.latents import Direction
from ballgan.plain import from_plain, to_plain
from ballgan.view import CodePair

from .preferences import MAX_COMPLAINT, config_folder
from .shared_files import alone, kept_name, read_entries, write
from .shared_files import merge as merge_fields

FORMAT, VERSION = "ballgan notes", 1
FOLDER = "models"
MAX_FAVOURITES = 200
MAX_NAME = 40  # characters of a name
MAX_BYTES = 2**22  # of a file


@dataclass(frozen=True)
class NamedDirection:
    """A direction that means something to a person."""

    which: str  # "foreground" or "background"
    direction: Direction
    name: str


@dataclass(frozen=True)
class Favourite(CodePair):
    """Codes that a person likes. Files from before there were names have none."""

    name: str = ""

    @property
    def codes(self) -> CodePair:
        """The codes alone."""
        return CodePair(self.foreground, self.background)


@dataclass(frozen=True)
class ModelNotes:
    """What is kept of one model."""

    directions: tuple[NamedDirection, ...] = ()  # oldest first
    favourites: tuple[Favourite, ...] = ()  # newest first

    def name_of(self, which: str, direction: Direction) -> str:
        """The name of a direction; empty if it has none."""
        for named in self.directions:
            if (named.which, named.direction) == (which, direction):
                return named.name
        return ""

    def with_name(self, given: NamedDirection) -> ModelNotes:
        """The notes with a name of a direction; an empty one takes it away."""
        name = given.name[:MAX_NAME]
        same = [(n.which, n.direction) == (given.which, given.direction) for n in self.directions]
        if not name.strip():
            kept = (n for n, is_same in zip(self.directions, same, strict=True) if not is_same)
            return replace(self, directions=tuple(kept))
        if not any(same):
            return replace(self, directions=(*self.directions, replace(given, name=name)))
        renamed = (
            replace(n, name=name) if is_same else n
            for n, is_same in zip(self.directions, same, strict=True)
        )
        return replace(self, directions=tuple(renamed))


ENTRIES: dict[str, Callable[[Any], Any]] = {  # lists, and what tells their entries apart
    "directions": lambda named: (named.which, named.direction),
    "favourites": lambda favourite: favourite.codes,
}


def add_favourite(notes: ModelNotes, codes: CodePair) -> ModelNotes:
    """The notes with these codes in front, once; they keep the name that they have."""
    same = [other for other in notes.favourites if other.codes == codes]
    others = (other for other in notes.favourites if other.codes != codes)
    kept = same[0] if same else Favourite(codes.foreground, codes.background)
    return replace(notes, favourites=(kept, *others)[:MAX_FAVOURITES])


def name_favourite(notes: ModelNotes, codes: CodePair, name: str) -> ModelNotes:
    """The notes with another name of these codes; an empty one takes it away."""
    named = (
        replace(each, name=name[:MAX_NAME]) if each.codes == codes else each
        for each in notes.favourites
    )
    return replace(notes, favourites=tuple(named))


def remove_favourite(notes: ModelNotes, codes: CodePair) -> ModelNotes:
    """The notes without these codes."""
    return replace(notes, favourites=tuple(f for f in notes.favourites if f.codes != codes))


def merge(present: ModelNotes, given: ModelNotes) -> ModelNotes:
    """The present notes with what others have besides; nothing that is there is lost or renamed."""
    for named in given.directions:
        if not present.name_of(named.which, named.direction):
            present = present.with_name(named)
    known = {favourite.codes: favourite.name for favourite in present.favourites}
    for favourite in given.favourites:
        if not known.get(favourite.codes, ""):
            present = name_favourite(present, favourite.codes, favourite.name)
    others = tuple(favourite for favourite in given.favourites if favourite.codes not in known)
    return replace(present, favourites=(*present.favourites, *others)[:MAX_FAVOURITES])


def notes_folder() -> Path:
    """Where the notes of all models are."""
    return config_folder() / FOLDER


def notes_file(checksum: str) -> Path:
    """Where the notes of the model with this checksum are."""
    return notes_folder() / f"{checksum[:32]}.json"


def load_notes(checksum: str) -> tuple[ModelNotes, str | None]:
    """The notes of a model, and a message if something in its file was ignored. Never fails."""
    path = notes_file(checksum)
    found, complaints = _read(path)
    notes = found or ModelNotes()
    if not complaints:
        return notes, None
    ignored = "; ".join(complaints)[:MAX_COMPLAINT].rstrip(".")
    return notes, (
        f"Names and favourites in {path} were ignored: {ignored}. The file is kept as "
        f"{kept_name(path).name} when others are written."
    )


def save_notes(checksum: str, model_name: str, before: ModelNotes, after: ModelNotes) -> None:
    """Write what differs between two notes into the file of a model, atomically; what other windows
    have written stays. Raises OSError if that does not work."""
    path = notes_file(checksum)
    with alone(config_folder()):
        present, complaints = _read(path)
        notes = merge_fields(before, after, present or before, ENTRIES)
        head = {"format": FORMAT, "version": VERSION, "model": model_name}
        write(path, head | {"notes": to_plain(notes)}, keep_former=bool(complaints))


def _read(path: Path) -> tuple[ModelNotes | None, list[str]]:
    """What can be read of a file, None if nothing can; and what is wrong with the rest."""
    complaints: list[str] = []
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        return _decode(json.loads(path.read_text("utf-8")), complaints), complaints
    except FileNotFoundError:
        return ModelNotes(), []
    except (OSError, ValueError, RecursionError) as error:
        return None, [str(error)]


def _decode(data: Any, complaints: list[str]) -> ModelNotes:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f'its "format" should be "{FORMAT}"')
    if data.get("version") != VERSION:
        raise ValueError(f"version {data.get('version')!r} is not one that can be read here")
    kept = data.get("notes")
    if not isinstance(kept, dict):
        raise ValueError('it lacks its "notes"')

    def read(name: str, kind: type) -> tuple[Any, ...]:
        def read_entry(value: Any, where: str, unknown: list[str]) -> Any:
            return from_plain(kind, value, where, lenient=True, unknown=unknown)

        return read_entries(kept.get(name, []), name, read_entry, complaints)

    return ModelNotes(read("directions", NamedDirection), read("favourites", Favourite))
