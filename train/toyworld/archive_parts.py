"""Writing large zip archives in parts, so that an interrupted run goes on where it stopped.

Parts are kept in a folder beside the first archive, each written atomically; at the end they are
joined into the archives, which appear under their names complete or not at all. An archive's bytes
depend on its entries only: entries are stored, not compressed, with a fixed date.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ballgan.files import atomic_write

Entries = Mapping[str, bytes]  # name inside the archive -> content
Progress = Callable[[float], None]

_DATE = (1980, 1, 1, 0, 0, 0)
_SETTINGS = "settings.json"


def write_archives(
    paths: Sequence[str | Path],
    count: int,
    make: Callable[[range], Sequence[Entries]],
    *,
    settings: Mapping[str, object],
    closing: Sequence[Entries] = (),
    part: int,
    progress: Progress | None = None,
) -> None:
    """Write zip archives of `count` items, going on from the parts of an interrupted run.

    Args:
        paths: the archives; they share the parts' folder `<first path>.parts`, which is removed at
            the end.
        count: number of items.
        make: gives, for a range of items, the entries of every archive, in the order of `paths`.
        settings: JSON values that decide the items' content; parts made with others are refused.
        closing: entries that come last, for each archive, such as an index.
        part: items in a part: what is lost at most when the run is interrupted.
        progress: called with the fraction done in [0, 1]; may raise to stop.

    Raises ValueError if the folder holds parts with other settings, and any OSError of the file
    system; parts that are complete by then are kept.
    """
    targets = [Path(path) for path in paths]
    folder = targets[0].with_name(targets[0].name + ".parts")
    _claim(folder, {**settings, "part": part, "archives": len(targets)})
    parts = []
    for start in range(0, count, part):
        items = range(start, min(start + part, count))
        parts.append(folder / f"{items.start:08d}-{items.stop:08d}.zip")
        if not _is_complete(parts[-1]):
            _write_part(parts[-1], make(items))
        if progress is not None:
            progress(0.98 * items.stop / count)
    # The first archive last: once it is there, everything is.
    for number in reversed(range(len(targets))):
        _join(targets[number], parts, number, closing[number] if closing else {})
    shutil.rmtree(folder)
    if progress is not None:
        progress(1.0)


def _claim(folder: Path, settings: Mapping[str, object]) -> None:
    """Make the parts' folder for these settings, or check that it has them."""
    wanted = json.dumps(settings, sort_keys=True)
    file = folder / _SETTINGS
    if not file.exists():
        if folder.exists() and any(folder.glob("*.zip")):
            raise ValueError(f"{folder} holds parts without {_SETTINGS}; remove it to start again.")
        folder.mkdir(exist_ok=True)
        with atomic_write(file) as stream:
            stream.write(wanted.encode())
    found = file.read_text()
    if found != wanted:
        raise ValueError(
            f"{folder} holds an unfinished data set with other settings ({found}, now {wanted}). "
            "Remove it, or write to another path."
        )


def _is_complete(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False


def _write_part(path: Path, archives: Sequence[Entries]) -> None:
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w") as part:
        for number, entries in enumerate(archives):
            for name, content in entries.items():
                part.writestr(_entry(f"{number}/{name}"), content)


def _join(path: Path, parts: Sequence[Path], number: int, closing: Entries) -> None:
    prefix = f"{number}/"
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        for part in parts:
            with zipfile.ZipFile(part) as source:
                for name in source.namelist():
                    if name.startswith(prefix):
                        archive.writestr(_entry(name.removeprefix(prefix)), source.read(name))
        for name, content in closing.items():
            archive.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3  # the same bytes on every platform
    entry.external_attr = 0o644 << 16
    return entry
