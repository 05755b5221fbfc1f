"""PNG pictures, bit by bit, as they come: a picture never has to be in memory as a whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

_ROWS = 64  # at a time
_COLOR_TYPES = {3: 2, 4: 6}  # channels -> truecolour, without and with alpha


def encode_png(image: np.ndarray) -> Iterator[bytes]:
    """An sRGB picture (H, W, 3 or 4) uint8 as the parts of a PNG file."""
    height, width, channels = image.shape
    return encode_png_bands([image], (width, height, channels))


def encode_png_bands(
    bands: Iterable[np.ndarray], shape: tuple[int, int, int], texts: Mapping[str, str] | None = None
) -> Iterator[bytes]:
    """A picture that comes in bands from top to bottom as the parts of a PNG file.

    bands: (rows, W, C) uint8 each; sRGB, straight alpha. shape: width, height and channels C, 3 or
    4. texts: keyword -> text (W3C PNG, sections 5, 9, 10, 11.3.3).

    Raises ValueError if the bands are not a picture of that shape.
    """
    width, height, channels = shape
    yield b"\x89PNG\r\n\x1a\n"
    kind = _COLOR_TYPES[channels]
    yield _make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    for keyword, text in (texts or {}).items():
        # Keyword, not compressed, no language, no translated keyword, UTF-8.
        yield _make_chunk(b"iTXt", keyword.encode("latin-1") + bytes(5) + text.encode())
    compressor = zlib.compressobj(6)
    above = np.zeros((1, width, channels), np.uint8)
    count = 0
    for band in bands:
        if band.shape[1:] != (width, channels):
            raise ValueError(f"Bands should be (rows, {width}, {channels}); got {band.shape}.")
        for start in range(0, len(band), _ROWS):
            rows = band[start : start + _ROWS]
            yield _make_chunk(b"IDAT", compressor.compress(_filter(rows, above)))
            above = rows[-1:]
            count += len(rows)
    if count != height:
        raise ValueError(f"The bands of this picture should have {height} rows; got {count}.")
    yield _make_chunk(b"IDAT", compressor.flush())
    yield _make_chunk(b"IEND", b"")


def _filter(rows: np.ndarray, above: np.ndarray) -> bytes:
    """Rows minus the rows above them: filter 2, which is written before each row."""
    filtered = np.full((len(rows), 1 + rows[0].size), 2, np.uint8)
    difference = rows - np.concatenate([above, rows[:-1]])
    filtered[:, 1:] = difference.reshape(len(rows), -1)
    return filtered.tobytes()


def _make_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
