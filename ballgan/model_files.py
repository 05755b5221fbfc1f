"""Which file a model is in: its name, size and checksum, and where it is found again."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

BUNDLED_MODEL = "heads.pkl"
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class ModelFile:
    """A model's file; size and checksum tell it from others of the same name."""

    path: str = ""
    size: int = 0  # bytes; 0: unknown
    sha256: str = ""  # hexadecimal, of the content; empty: unknown

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.replace("\\", "/").rpartition("/")[2]

    def is_same(self, path: Path, progress: Callable[[float], None] = lambda _: None) -> bool:
        """Whether `path` has the same content. Cheap for files of another size. progress: as of
        `hash_file`."""
        if not self.sha256 or not path.is_file():
            return False
        return path.stat().st_size == self.size and hash_file(path, progress) == self.sha256


def describe_file(
    path: str | os.PathLike[str], progress: Callable[[float], None] = lambda _: None
) -> ModelFile:
    """The reference to a file: reads it whole. Raises OSError, and what `progress` raises."""
    return ModelFile(os.fspath(path), os.stat(path).st_size, hash_file(path, progress))


def hash_file(
    path: str | os.PathLike[str], progress: Callable[[float], None] = lambda _: None
) -> str:
    """SHA-256 of a file's content, hexadecimal. progress: is called with how much of it was read,
    in [0, 1]. Raises OSError, and what `progress` raises."""
    digest, size = hashlib.sha256(), max(os.stat(path).st_size, 1)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            progress(min(file.tell() / size, 1.0))
    return digest.hexdigest()


def find_model(
    wanted: ModelFile,
    others: Iterable[str | os.PathLike[str]] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> Path | None:
    """Where `wanted` is: at its own path, else the same content in `others` or the bundled model.

    A file of another content is never the answer, except where there is no checksum to go by.
    Files that cannot be read are passed over. progress: as of `hash_file`, for each file.
    """
    own = Path(wanted.path)
    if not wanted.sha256:
        return own if wanted.path and own.is_file() else None
    for place in (own, *map(Path, others), bundled_model()):
        try:
            if place is not None and wanted.is_same(place, progress):
                return place
        except (OSError, ValueError):
            continue
    return None


def bundled_model() -> Path | None:
    """The model that is part of the installation, if there is one."""
    path = Path(str(resources.files("ballgan.assets") / BUNDLED_MODEL))
    return path if path.is_file() else None
