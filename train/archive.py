"""Files of datasets in EG3D's format: a folder or zip file with images and dataset.json."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from ballgan.files import file_version
from ballgan.images import MAX_PIXELS

from .labels import LABEL_SIZE

LABEL_FILE = "dataset.json"
UNPOSED_HINT = (
    "Photos without cameras (data check --unposed) are for models that draw their own: train with "
    "--cameras.distribution uniform or normal, and --discriminator.conditional False"
)

_SUFFIXES = (".png", ".jpg", ".jpeg")
_FORMATS = ("PNG", "JPEG")
_MAX_BYTES = 2**31  # of one file in a zip, before it is unpacked


class Archive:
    """The files of a folder or zip file, by relative names with forward slashes.

    It may be used by several threads, survives a fork and can be pickled: each process opens the
    zip file for itself. Raises ValueError if there is no such folder or zip file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        self._process = 0  # that opened the zip file
        self.names: tuple[str, ...] = tuple(self._list_names())
        self.images = tuple(sorted({name for name in self.names if _is_image(name)}))

    def read(self, name: str) -> bytes:
        """The content of a file; ValueError if it cannot be read."""
        try:
            if self.path.is_dir():
                return (self.path / name).read_bytes()
            opened = self._open()
            if opened.getinfo(name).file_size > _MAX_BYTES:
                raise ValueError("it is too large")
            return opened.read(name)
        except KeyError:
            raise ValueError(f"{self.path} has no file {name}") from None
        except MemoryError:
            raise
        except Exception as error:  # damaged zip files raise anything, encrypted RuntimeError
            raise ValueError(f"{self.path}: {name} cannot be read ({_line(error)})") from error

    def _list_names(self) -> list[str]:
        if self.path.is_dir():
            walk = os.walk(self.path)
            found = (Path(folder, file) for folder, _, files in walk for file in files)
            return [file.relative_to(self.path).as_posix() for file in found]
        if not self.path.is_file():
            raise ValueError(f"{self.path} does not exist; a dataset is a folder or a zip file")
        try:
            return [info.filename for info in self._open().infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"{self.path} is not a readable zip file ({_line(error)}); a dataset is a folder "
                "or a zip file. Copy or download it again?"
            ) from error

    def _open(self) -> zipfile.ZipFile:
        # A forked process shares the file's position with its parent, so it needs its own file.
        if self._zip is None or self._process != os.getpid():
            self._zip, self._process = zipfile.ZipFile(self.path), os.getpid()
        return self._zip

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_zip": None}


def hash_versions(files: Iterable[tuple[str, Path]]) -> str:
    """A checksum of names, sizes and times of files (name, path): other files have another one."""
    digest = hashlib.blake2b(digest_size=16)
    for name, path in files:
        digest.update(f"{name} {file_version(path)}\n".encode())
    return digest.hexdigest()


def data_version(path: str | os.PathLike[str]) -> str:
    """What tells a dataset, a folder or zip file, from what was there at another time."""
    if not Path(path).is_dir():
        return hash_versions([("", Path(path))])
    names = (*Archive(path).images, LABEL_FILE)
    return hash_versions((name, Path(path) / name) for name in names)


def read_label_entries(archive: Archive) -> list[Any]:
    """The list under "labels" of dataset.json as it is; empty for null. Numbers are floats.

    Raises ValueError if the file is missing, is no JSON or has another structure.
    """
    where = f"{archive.path}: {LABEL_FILE}"
    if LABEL_FILE not in archive.names:
        deeper = next((name for name in archive.names if name.endswith("/" + LABEL_FILE)), None)
        hint = f"; it should not be in a folder as {deeper} is" if deeper else ""
        raise ValueError(
            f"{where} is missing at the top level, so images have no cameras"
            f"{hint or '. ' + UNPOSED_HINT}"
        )
    try:
        content = json.loads(archive.read(LABEL_FILE), parse_int=float)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not valid JSON ({_line(error)})") from error
    entries = content.get("labels", ()) if isinstance(content, dict) else ()
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise ValueError(f'{where} should be {{"labels": [[name, [25 numbers]], ...]}}')
    return entries


def describe_label_fault(label: object) -> str | None:
    """What keeps a parsed label from being 25 numbers; None if it is that (NaN is a number)."""
    if isinstance(label, float):
        return "it is a class number, not a camera"
    if not isinstance(label, list) or not all(isinstance(value, float) for value in label):
        return "it is not a list of numbers"
    return None if len(label) == LABEL_SIZE else f"it has {len(label)} numbers, not {LABEL_SIZE}"


def read_picture(archive: Archive, name: str) -> Image.Image:
    """A decoded picture of any mode and size; ValueError if it is damaged or too large."""
    data = archive.read(name)
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"it has {picture.width} x {picture.height} pixels")
        picture.load()
    except MemoryError:
        raise
    except Exception as error:  # damaged files raise anything from struct.error to IndexError
        raise ValueError(
            f"{archive.path}: {name} is damaged or no PNG or JPEG ({_line(error)})"
        ) from error
    return picture


def _is_image(name: str) -> bool:
    """By suffix; what macOS hides in zip files and folders is no image."""
    base = name.rsplit("/", 1)[-1]
    hidden = base.startswith(".") or name.startswith("__MACOSX/")
    return base.lower().endswith(_SUFFIXES) and not hidden


def _line(error: BaseException) -> str:
    """The message of an exception on one line."""
    return " ".join(str(error).split()) or type(error).__name__
