"""Writing files so that a reader sees the old content or the new one, never a half."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary binary file beside `path` and rename it onto `path` at the end.

    The file is open for reading, writing and seeking; its `name` is the temporary path. Leaving the
    block normally flushes it to the disk and renames it; any exception, KeyboardInterrupt included,
    removes it and leaves what was at `path` untouched. A symbolic link at `path` stays a link and
    its target is replaced. An existing file keeps its permissions, a new one gets those of `open`.

    Raises IsADirectoryError if `path` is a folder, FileNotFoundError if its folder does not exist,
    and any other OSError of the file system.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {os.fspath(path)}: it is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {os.fspath(path)}: the folder {target.parent} does not exist"
        )
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        # "x" creates the file with the permissions that the umask leaves, which mkstemp does not.
        with open(temporary, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, on systems where a folder can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
