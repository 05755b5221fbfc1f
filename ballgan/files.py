"""Writing files so that a reader sees the old content or the new one, never a half."""

import io
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

UNFINISHED = "unfinished"  # of folders in which files are written
ABANDONED = 24 * 3600.0  # seconds


def file_version(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Time and size of a file, which change with its content; None if it cannot be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary binary file beside `path` and rename it onto `path` at the end.

    The file is open for reading, writing and seeking; its `name` is the temporary path. Leaving the
    block normally flushes it to the disk and renames it; any exception, KeyboardInterrupt included,
    removes it and leaves what was at `path` untouched. A symbolic link at `path` stays a link and
    its target is replaced. An existing file keeps its permissions, a new one gets those of `open`.

    Raises IsADirectoryError if `path` is a folder, FileNotFoundError if its folder does not exist,
    and any other OSError of the file system, which name `path`, never the temporary file.
    """
    target = _find_target(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {os.fspath(path)}: the folder {target.parent} does not exist"
        )
    temporary = _name_temporary(target.parent, target.name)
    with _removing(temporary, path):
        with _open_new(temporary, path) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    _sync_folder(target.parent)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a temporary folder beside `path` and rename it to `path` at the end.

    Leaving the block normally renames it; any exception removes it with all that is in it.

    Raises FileExistsError if there is a file, or a folder that is not empty, at `path`; and any
    other OSError of the file system, which name `path` or what is in it.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(
            f"cannot write {os.fspath(path)}: it exists; choose another name for the folder"
        )
    temporary = _name_temporary(target.parent, target.name)
    with _removing(temporary, path):
        temporary.mkdir()
        yield temporary
        if target.exists():
            target.rmdir()  # empty; not all systems rename onto a folder
        os.rename(temporary, target)
    _sync_folder(target.parent)


@contextmanager
def scratch_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a hidden folder in `folder`, and remove it at the end with all that is in it.

    Those that killed processes left there are removed, too, when nothing was written into them for
    ABANDONED seconds. Errors of the file system name `folder` instead.
    """
    place = Path(os.path.realpath(folder))
    scratch = _name_temporary(place, UNFINISHED)
    _remove_scratch(place)
    with _removing(scratch, folder):
        scratch.mkdir()
        yield scratch


def _remove_scratch(folder: Path) -> None:
    for path in folder.glob(f".{UNFINISHED}.*.tmp"):
        with suppress(OSError):  # it goes away, or is somebody else's
            times = [part.stat().st_mtime for part in (path, *path.rglob("*"))]
            if path.is_dir() and max(times) < time.time() - ABANDONED:
                shutil.rmtree(path, ignore_errors=True)


def move_new(source: Path, target: Path) -> None:
    """Give a file or a folder a name that nothing has, on the same file system.

    Raises FileExistsError if there is something at `target`.
    """
    try:
        os.link(source, target)  # which, unlike a rename, never replaces what is there
    except FileExistsError:
        raise
    except OSError:  # it is a folder, or the file system has no links
        if os.path.lexists(target):
            raise FileExistsError(f"cannot write {target}: it exists") from None
        os.rename(source, target)
    else:
        os.unlink(source)
    _sync_folder(target.parent)


class _Disk(io.FileIO):
    """A file that remembers why a write failed: torch.save reports a full disk as its own fault."""

    failure: OSError | None = None

    def write(self, data: Any) -> Any:
        """As `io.FileIO.write`."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def _open_new(temporary: Path, path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Create a file to write to; a failed write ends in its OSError, which names `path`."""
    # "x" creates the file with the permissions that the umask leaves, which mkstemp does not.
    disk = _Disk(temporary, "x+")
    try:
        with io.BufferedRandom(disk) as file:
            yield cast(BinaryIO, file)
    except BaseException as error:
        if disk.failure is None or isinstance(error, KeyboardInterrupt):
            raise
        reason = f"cannot write: {disk.failure.strerror}"
        raise OSError(disk.failure.errno, reason, os.fspath(path)) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Try whether `atomic_write` could write `path`; nothing is left behind.

    Folders that do not exist yet are taken to be made before: the nearest one that does is tried.

    Raises the OSError that the write would, naming `path`.
    """
    target = _find_target(path)
    folder = next(parent for parent in target.parents if parent.exists())
    temporary = _name_temporary(folder, target.name)
    with _removing(temporary, path), open(temporary, "xb"):
        pass


def remove_abandoned(
    folder: str | os.PathLike[str], names: Collection[str] | None = None, *, age: float = 0.0
) -> None:
    """Remove what killed processes left of their writes to files with these names; None: any.

    Only when nobody writes them any more, or for what is older than `age` seconds.
    """
    shortened = {shorten_name(name, 100) for name in names or ()}
    newest = time.time() - age
    for path in Path(folder).glob(".*.tmp") if Path(folder).is_dir() else ():
        found = re.fullmatch(r"\.(.+)\.[0-9a-f]{12}\.tmp", path.name)
        known = found is not None and (names is None or found[1] in shortened)
        with suppress(OSError):  # another process was quicker, or it is not ours to remove
            if known and path.is_file() and path.stat().st_mtime <= newest:
                path.unlink()


def shorten_name(name: str, limit: int) -> str:
    """Cut a part of a file name to at most limit (10 or more) bytes: systems count bytes.

    A cut name ends in a checksum of the whole one, so that different names stay different.
    """
    data = os.fsencode(name)
    if len(data) <= limit:
        return name
    return f"{data[: limit - 9].decode(errors='ignore')}-{zlib.crc32(data):08x}"


def _find_target(path: str | os.PathLike[str]) -> Path:
    """The file behind links; raises OSError if it is a folder or its name is too long."""
    target = Path(os.path.realpath(path))
    with suppress(FileNotFoundError, NotADirectoryError):
        target.stat()  # raises for a name that is too long
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {os.fspath(path)}: it is a folder")
    return target


def _name_temporary(folder: Path, name: str) -> Path:
    return folder / f".{shorten_name(name, 100)}.{secrets.token_hex(6)}.tmp"


@contextmanager
def _removing(temporary: Path, path: str | os.PathLike[str]) -> Iterator[None]:
    """Remove a temporary file or folder if it is left at the end; errors about it name `path`."""
    try:
        yield
    except OSError as error:
        name = str(error.filename or "")
        if not name.startswith(os.fspath(temporary)):
            raise
        reason = str(error.strerror).removeprefix("cannot write: ")
        shown = os.fspath(path) + name.removeprefix(os.fspath(temporary))
        raise OSError(error.errno, f"cannot write: {reason}", shown) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, on systems where a folder can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
