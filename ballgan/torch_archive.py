"""Reads the zip archives of torch.save into trees of inert data, without torch's own reader.

The zip's directory and every entry in it are checked against the file before anything is used, and
the one pickle inside is interpreted by `PickleReader`, so that no two readers can disagree about
what the file holds.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from .pickle_reader import Budget, KnownName, PickleReader, fail, quote
from .published import create_dict
from .stored_tensors import (
    STORAGE_NAMES,
    TENSOR_NAMES,
    Storage,
    check_persistent_id,
    storage_dtype,
)

MAX_ENTRIES = 20_000
MAX_PICKLE = 16 * 2**20
ENCRYPTED = 1  # bit of an entry's flags
SATURATED = 0xFFFFFFFF  # a 32-bit field whose value is in the zip64 record instead

END_RECORD = struct.Struct("<4s4H2LH")
END_LOCATOR64 = struct.Struct("<4sLQL")
END_RECORD64 = struct.Struct("<4sQ2H2L4Q")
DIRECTORY_ENTRY = struct.Struct("<4s6H3L5H2L")
LOCAL_HEADER = struct.Struct("<4s5H3L2H")

ARCHIVE_NAMES = {
    **TENSOR_NAMES,
    **STORAGE_NAMES,
    ("collections", "OrderedDict"): KnownName("OrderedDict", call=create_dict),
}


@dataclass(frozen=True)
class Entry:
    """One file in the archive: where its bytes lie, and their checksum."""

    name: str
    header: int  # where its local header begins
    start: int
    end: int
    crc: int


def read_archive(data: memoryview) -> Any:
    """The object that a torch.save archive holds: plain containers, numbers, text and tensors.

    Tensors lie over `data` and are not copied. Raises CheckpointError for anything else in the
    archive, for a checksum that does not match, and for a file that is no such archive.
    """
    entries = {entry.name: entry for entry in read_directory(data)}
    folder = _find_folder(entries)
    byte_order = entries.get(folder + "byteorder")
    if byte_order and bytes(_content(data, byte_order)) != b"little":
        fail("its numbers are not little-endian")
    pickle = entries[folder + "data.pkl"]
    if pickle.end - pickle.start > MAX_PICKLE:
        fail(f"its data.pkl has {pickle.end - pickle.start} bytes, far more than that of a model")
    storages: dict[str, Storage] = {}

    def load_storage(persistent_id: Any) -> Storage:
        _, kind, key, _, numel = check_persistent_id(persistent_id, 5)
        entry, dtype = entries.get(f"{folder}data/{key}"), storage_dtype(kind)
        if entry is None or entry.end - entry.start != numel * dtype.itemsize:
            size = 0 if entry is None else entry.end - entry.start
            fail(f"tensor data {quote(key)} claims {numel} numbers but holds {size} bytes")
        storage = storages.get(key)
        if storage is None:
            storage = storages[key] = Storage(_content(data, entry), dtype)
        if storage.dtype != dtype:
            fail(f"tensor data {quote(key)} is used with two types")
        return storage

    content = _content(data, pickle)
    reader = PickleReader(content, ARCHIVE_NAMES, budget=Budget(), load_persistent=load_storage)
    return reader.read_last()


def read_directory(data: memoryview) -> list[Entry]:
    """Entries of a zip file, all checked: stored, unencrypted, named once, nowhere overlapping."""
    count, position, end = _find_directory(data)
    if count > MAX_ENTRIES:
        fail(f"its directory claims {count} entries")
    entries = []
    for _ in range(count):
        entry, position = _read_entry(data, position, end)
        entries.append(entry)
    if len({entry.name for entry in entries}) != len(entries):
        fail("it is damaged: two entries of the archive have the same name")
    entries.sort(key=lambda entry: entry.header)
    for one, following in zip(entries, entries[1:], strict=False):
        if one.end > following.header:
            fail("it is damaged: entries of the archive overlap")
    return entries


def _unpack(layout: struct.Struct, data: memoryview, position: int, magic: bytes) -> list[Any]:
    if position < 0 or position + layout.size > len(data):
        fail("it is truncated or damaged: a part of the archive's directory is missing")
    signature, *values = layout.unpack_from(data, position)
    if signature != magic:
        fail("it is truncated or damaged: a part of the archive's directory is missing")
    return values


def _find_directory(data: memoryview) -> tuple[int, int, int]:
    """(number of entries, begin, end) of the directory, which must end the file."""
    end_record = len(data) - END_RECORD.size
    _, _, _, count, size, begin, _ = _unpack(END_RECORD, data, end_record, b"PK\5\6")
    end = end_record
    if data[max(0, end - END_LOCATOR64.size) :][:4] == b"PK\6\7":
        locator = end - END_LOCATOR64.size
        end = _unpack(END_LOCATOR64, data, locator, b"PK\6\7")[1]
        count, size, begin = _unpack(END_RECORD64, data, end, b"PK\6\6")[-3:]
        if end > locator - END_RECORD64.size:
            fail("it is damaged: the archive's end overlaps its directory")
    if begin + size != end:
        fail("it is truncated or damaged: the archive's directory is not where it should be")
    return count, begin, end


def _read_entry(data: memoryview, position: int, end: int) -> tuple[Entry, int]:
    """The directory entry at `position`, and where the next one is."""
    values = _unpack(DIRECTORY_ENTRY, data, position, b"PK\1\2")
    flags, method, crc, packed, size = values[2], values[3], *values[6:9]
    name_length, extra_length, comment_length, header = *values[9:12], values[15]
    name_end = position + DIRECTORY_ENTRY.size + name_length
    following = name_end + extra_length + comment_length
    if following > end:
        fail("it is damaged: the archive's directory ends in the middle of an entry")
    raw_name = bytes(data[name_end - name_length : name_end])
    name = raw_name.decode("utf-8", "backslashreplace")
    extra = data[name_end : name_end + extra_length]
    size, packed, header = _expand_zip64(extra, [size, packed, header])
    if method != 0 or packed != size:
        fail(f"entry {quote(name)} is compressed; torch stores entries uncompressed")
    if flags & ENCRYPTED:
        fail(f"entry {quote(name)} is encrypted")
    local = _unpack(LOCAL_HEADER, data, header, b"PK\3\4")
    start = header + LOCAL_HEADER.size + local[8] + local[9]
    if start + size > end or data[header + LOCAL_HEADER.size :][: local[8]] != raw_name:
        fail(f"it is truncated or damaged: entry {quote(name)} is not where it should be")
    return Entry(name, header, start, start + size, crc), following


def _expand_zip64(extra: memoryview, fields: list[int]) -> list[int]:
    """Replace saturated `fields` by those of the zip64 record among the `extra` records."""
    if SATURATED not in fields:
        return fields
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            wide = list(struct.unpack_from(f"<{min(length, len(extra) - 4) // 8}Q", extra, 4))
            if len(wide) >= fields.count(SATURATED):
                return [wide.pop(0) if value == SATURATED else value for value in fields]
        extra = extra[4 + length :]
    fail("it is damaged: an entry of the archive has no size")


def _find_folder(entries: dict[str, Entry]) -> str:
    """Name of the folder, slash included, that holds the archive's data.pkl."""
    folders = [name[: -len("data.pkl")] for name in entries if name.endswith("/data.pkl")]
    if len(folders) != 1:
        fail("it is a zip archive that torch.save did not write")
    if folders[0] + "constants.pkl" in entries:
        fail("it is a TorchScript archive, which holds a program and not a model's weights")
    return folders[0]


def _content(data: memoryview, entry: Entry) -> memoryview:
    content = data[entry.start : entry.end]
    if zlib.crc32(content) != entry.crc:
        fail(f"it is damaged: the checksum of entry {quote(entry.name)} does not match")
    return content
