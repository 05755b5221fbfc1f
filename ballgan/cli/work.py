"""Work of many files that processes share, and that goes on where it was stopped.

A piece of the work is finished when its file is there under its final name (all writes are atomic)
and its record says that it was made from the same model with the same settings. PNG files have
their record, JSON, among their texts; it is given to whoever writes them. Of other files it is a
small file in the folder `.ballgan` beside them, written after the file, and only by the process
that makes it: nothing can be taken for finished that is not, whoever dies when.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ballgan
from ballgan.files import atomic_write, remove_abandoned
from ballgan.images import read_texts
from ballgan.shot import Progress, ascending

from .crew import Crew
from .shares import do_shares, find_lost, read_clock

RECORDS = ".ballgan"  # folder, beside files that cannot hold their record
TEXT = "Origin"  # keyword of the record among a PNG file's texts
_LOOK_S = 1.0  # between two looks at what the others have made
_WAIT_S = 0.1  # between two calls of the progress while there is nothing else to do


@dataclass(frozen=True)
class Piece:
    """One file of the work. origin: JSON-able values, all that decides what is in it."""

    name: str
    origin: dict[str, Any]


class Work:
    """The files of one command in one folder."""

    def __init__(
        self,
        folder: Path,
        pieces: Sequence[Piece],
        crew: Crew,
        *,
        overwrite: bool = False,
    ) -> None:
        """overwrite: replace files that were made from something else.

        Raises ValueError if there are such files and they may not be replaced.
        """
        self.folder = folder
        self.crew = crew
        self._pieces = [Piece(p.name, _as_stored(_complete(p.origin))) for p in pieces]
        self._missing = set(range(len(pieces)))
        for index, piece in enumerate(self._pieces):
            record = self._read(piece.name)
            if record == piece.origin:
                self._missing.discard(index)
            elif record is not None and not overwrite:
                raise ValueError(_describe_conflict(folder / piece.name, record, piece.origin))
        self.found = len(pieces) - len(self._missing)  # finished before this process began
        self._looked = time.monotonic()

    def __len__(self) -> int:
        return len(self._pieces)

    def texts(self, index: int) -> dict[str, str]:
        """What the metadata of a PNG file has to hold."""
        return {TEXT: json.dumps(self._pieces[index].origin)}

    @property
    def left(self) -> int:
        """How many pieces are not there yet, as far as this process has seen."""
        return len(self._missing)

    def run(self, make: Callable[[int, Progress], None], progress: Progress) -> bool:
        """Make this process's share of what is missing, then those of processes that died.

        Args:
            make: writes the file of a piece by its number (a PNG with the `texts` of that), and
                calls what it is given with the fraction of it that is done.
            progress: gets the fraction of the whole work of all processes; it may raise to stop.

        Returns whether all pieces are there and this process is to put them together: where
        torchrun ends all if one dies, that is always the first, which waits for the others;
        elsewhere nobody waits, and it is whoever comes last.
        """
        self.folder.mkdir(parents=True, exist_ok=True)

        def do(share: int) -> None:
            for index in self.crew.part(len(self), share):
                self._make_missing(index, make, progress)

        do_shares(self.folder / RECORDS, self.crew, self._mark, do)
        if self.crew.launched and self.crew.is_first:
            self._wait(progress)
        else:
            self._look()
        if self._missing or (self.crew.launched and not self.crew.is_first):
            return False
        files = [self.folder / piece.name for piece in self._pieces]
        remove_abandoned(self.folder, {file.name for file in files})
        remove_abandoned(self.folder / RECORDS, {_record_of(file).name for file in files})
        for mark in (self.folder / RECORDS).glob(f"{self._mark}.*"):  # of processes that died
            mark.unlink(missing_ok=True)
        return True

    def finish(self, make: Callable[[int, Progress], None], progress: Progress) -> None:
        """`run`, again and again, until all pieces are there, whoever makes them.

        Raises ValueError if another process of a job array failed, so that some never will be.
        """
        marks = self.folder / RECORDS
        marks.mkdir(parents=True, exist_ok=True)
        began = read_clock(marks)
        while not self.run(make, progress) and self._missing:
            for share in find_lost(marks, self.crew, self._mark, began):
                if self._missing.intersection(self.crew.part(len(self), share)):
                    raise ValueError(
                        f"{self.folder}: process {share + 1} of {self.crew.size} failed at what "
                        "this one waits for. See what it said, then start all again."
                    )
            time.sleep(_LOOK_S)

    def _make_missing(
        self, index: int, make: Callable[[int, Progress], None], progress: Progress
    ) -> None:
        piece = self._pieces[index]
        if index in self._missing and self._read(piece.name) != piece.origin:
            if self._is_over:
                return
            try:
                make(index, self._report(progress))
                self._note(piece)
                assert self._read(piece.name) is not None or self._is_over
            except FileNotFoundError:
                # One taken for dead that was only slow: another made the piece, and tidied up.
                if self._read(piece.name) != piece.origin and not self._is_over:
                    raise
                return
        self._missing.discard(index)

    @property
    def _is_over(self) -> bool:
        """Whether others of a job array have used the files and removed the folder."""
        return self.crew.size > 1 and not self.crew.launched and not self.folder.is_dir()

    @property
    def _mark(self) -> str:
        """Name of this work among others in the folder."""
        content = json.dumps([[piece.name, piece.origin] for piece in self._pieces])
        return f"share-{hashlib.blake2b(content.encode(), digest_size=6).hexdigest()}"

    def _wait(self, progress: Progress) -> None:
        """Until all pieces are there, whoever makes them."""
        self._look()
        while self._missing:
            time.sleep(_WAIT_S)
            self._look_sometimes()
            progress(1 - self.left / len(self))

    def describe_share(self) -> str:
        """What a process says whose share is done while others are still at work."""
        if self.crew.launched:
            return ""
        if self._is_over:
            return f"{self.folder}: others have finished all"
        share = f"share {self.crew.rank + 1} of {self.crew.size}"
        return f"{self.folder}: {share} is done, {self.left} of {len(self)} files are still missing"

    def _report(self, progress: Progress) -> Progress:
        def report(fraction: float) -> None:
            if self.crew.is_first and self.crew.size > 1:
                self._look_sometimes()
            progress((len(self) - self.left + min(fraction, 1.0)) / len(self))

        return ascending(report) or report

    def _look_sometimes(self) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._look()
            self._looked = time.monotonic()

    def _look(self) -> None:
        """Learn what has been finished."""
        for index in tuple(self._missing):
            piece = self._pieces[index]
            if self._read(piece.name) == piece.origin:
                self._missing.discard(index)

    def _read(self, name: str) -> Any:
        """The record of a file; None if there is no file, or nothing is known of it."""
        path = self.folder / name
        try:
            if _holds_record(name):
                return json.loads(read_texts(path)[TEXT])
            return json.loads(_record_of(path).read_bytes()) if path.is_file() else None
        except (OSError, ValueError, KeyError):
            return None

    def _note(self, piece: Piece) -> None:
        if not _holds_record(piece.name):
            path = _record_of(self.folder / piece.name)
            path.parent.mkdir(exist_ok=True)
            with atomic_write(path) as file:
                file.write(json.dumps(piece.origin, indent=1).encode())


def forget(path: Path) -> None:
    """Drop the record of a file that is made anew outside of any shared work."""
    _record_of(path).unlink(missing_ok=True)


def _holds_record(name: str) -> bool:
    return name.endswith(".png")


def _record_of(path: Path) -> Path:
    return path.parent / RECORDS / f"{path.name}.json"


def _complete(origin: dict[str, Any]) -> dict[str, Any]:
    return {"program": f"ballgan {ballgan.__version__}", **origin}


def _as_stored(origin: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(origin))


def _describe_conflict(path: Path, record: Any, origin: dict[str, Any]) -> str:
    record = record if isinstance(record, dict) else {}
    names = [key for key in {**origin, **record} if record.get(key) != origin.get(key)]
    what = "from another model" if "model" in names else "with other settings"
    return (
        f"{path} was made {what} (other: {', '.join(names)}): choose another --output, or give "
        "--overwrite to replace what was made otherwise"
    )
