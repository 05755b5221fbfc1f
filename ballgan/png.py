"""PNG pictures, bit by bit."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

_ROWS = 64  # at a time


def encode_png(image: np.ndarray) -> Iterator[bytes]:
    """An sRGB picture (H, W, 3) uint8 as the parts of a PNG file (W3C PNG, sections 5, 9, 10)."""
    height, width, _ = image.shape
    yield b"\x89PNG\r\n\x1a\n"
    yield _make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    compressor = zlib.compressobj(6)
    above = np.zeros((1, width, 3), np.uint8)
    for start in range(0, height, _ROWS):
        rows = image[start : start + _ROWS]
        filtered = np.full((len(rows), 1 + 3 * width), 2, np.uint8)  # filter 2: minus the row above
        difference = rows - np.concatenate([above, rows[:-1]])
        filtered[:, 1:] = difference.reshape(len(rows), -1)
        above = rows[-1:]
        yield _make_chunk(b"IDAT", compressor.compress(filtered.tobytes()))
    yield _make_chunk(b"IDAT", compressor.flush())
    yield _make_chunk(b"IEND", b"")


def _make_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
