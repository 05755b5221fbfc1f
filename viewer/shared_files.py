"""JSON files in the settings folder, which all windows share.

A window writes what it has changed into what the file holds by then, so that two windows keep each
other's; one at a time does. A file that cannot be read as a whole is kept under another name before
it is replaced.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")
Entries = tuple[Any, ...]
SUFFIX = ".bad"  # of a file that could not be read
LOCK_NAME = "viewer.lock"
PATIENCE = 2.0  # seconds for which a window waits until others have written
PAUSE = 0.01  # seconds between two looks whether they have


def write(path: Path, data: dict[str, Any], *, keep_former: bool = False) -> None:
    """Write a file atomically, and its folder; keep_former: the present file as `kept_name` says.

    Raises OSError if that does not work.
    """
    from ballgan.files import atomic_write

    text = json.dumps(data, indent=2, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if keep_former and path.exists():
        _keep(path)
    with atomic_write(path) as file:
        file.write(text.encode())


def kept_name(path: Path) -> Path:
    """Where a file goes that cannot be read as a whole."""
    return path.with_name(path.name + SUFFIX)


def _keep(path: Path) -> None:
    """Give a file another name besides: it goes where the next one is there, and not before."""
    source, kept = os.path.realpath(path), kept_name(path)
    kept.unlink(missing_ok=True)
    try:
        os.link(source, kept)
    except OSError:  # the file system has no links
        shutil.copyfile(source, kept)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have no other window read and write the files of a folder at the same time. Where files
    cannot be locked, or another window takes too long, go on all the same."""
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _wait_for(stack.enter_context(open(folder / LOCK_NAME, "ab")))
        yield


def _wait_for(file: IO[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            lock(file)
        except (BlockingIOError, PermissionError):  # as Unix and Windows say that it is locked
            time.sleep(PAUSE)
        else:
            return


def lock(file: IO[bytes]) -> None:
    """Lock a file as long as it is open. Raises OSError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def read_entries(
    values: Any, where: str, read: Callable[[Any, str, list[str]], T], complaints: list[str]
) -> tuple[T, ...]:
    """Those entries of a list that `read(value, where, unknown)` can read; `complaints` gets the
    others' errors, and the places that `unknown` gets, which are passed over. Raises ValueError if
    it is no list."""
    if not isinstance(values, list):
        raise ValueError(f"{where} should be a list; got {values!r:.80}")
    entries = []
    unknown: list[str] = []
    for index, value in enumerate(values):
        try:
            entries.append(read(value, f"{where}[{index}]", unknown))
        except ValueError as error:
            complaints.append(str(error))
    complaints += (f"{place} is unknown" for place in unknown)
    return tuple(entries)


def merge(before: T, after: T, present: T, keys: Mapping[str, Callable[[Any], Any]]) -> T:
    """The present dataclass with those fields that differ between `before` and `after`.

    keys: of the fields that are lists, what tells entries apart; lists are merged entry by entry.
    """
    changes = {}
    for name in (field.name for field in fields(after)):  # type: ignore[arg-type]
        old, new, now = (getattr(each, name) for each in (before, after, present))
        if old != new:
            changes[name] = merge_entries(old, new, now, keys[name]) if name in keys else new
    return replace(present, **changes)  # type: ignore[type-var]


def merge_entries(
    before: Entries, after: Entries, present: Entries, key: Callable[[Any], Any]
) -> Entries:
    """A list with what has changed between `before` and `after`: in front what is new, other than
    before or moved ahead; the others as they are at present, but for what is gone."""
    if present == before:
        return after
    kept = [entry for entry in after if entry in before]
    moved = []
    while kept != [entry for entry in before if entry in kept]:
        moved.append(kept.pop(0))
    changed = tuple(entry for entry in after if entry in moved or entry not in before)
    replaced = {key(entry) for entry in changed}
    gone = {key(entry) for entry in before} - {key(entry) for entry in after}
    return (*changed, *(entry for entry in present if key(entry) not in replaced | gone))
