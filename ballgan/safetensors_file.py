"""Reads .safetensors files into tensors over the mapped file, with bounds on everything.

The format: 8 bytes with the header's length, a JSON header that gives type, shape and place of
every tensor and a `__metadata__` of texts, then the numbers.
"""

import json
import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from .pickle_reader import copy_plain, fail, quote
from .stored_tensors import Storage

MAX_HEADER = 4 * 2**20  # bytes; a published model's would have about 40 000
MAX_DIGITS = 20  # of a number in a header

DTYPES = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8},
    **{"U8": torch.uint8, "BOOL": torch.uint8},
}


@dataclass(frozen=True)
class SafetensorsFile:
    """What a file holds: texts by name, and tensors that share the file's memory."""

    metadata: dict[str, Any]
    tensors: dict[str, Tensor]


def looks_like_safetensors(data: memoryview) -> bool:
    """Whether `data` begins with a length and a JSON object."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= max(len(data), MAX_HEADER)


def read_safetensors(data: memoryview) -> SafetensorsFile:
    """Check a whole file and return its content; raises CheckpointError."""
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        fail(f"its header claims {length} bytes, far more than that of a model")
    if length > len(data) - 8:
        fail("it is truncated: its header is longer than the file")
    header = parse_json(str(data[8 : 8 + length], "utf-8", "replace"), "its header")
    if type(header) is not dict:
        fail("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if type(metadata) is not dict:
        fail("its metadata is not a JSON object")
    content = data[8 + length :]
    return SafetensorsFile(
        metadata, {name: _read_tensor(name, entry, content) for name, entry in header.items()}
    )


def parse_json(text: Any, what: str) -> Any:
    """Plain data from JSON text of a file; raises CheckpointError, calling the text `what`."""
    if type(text) is not str:
        fail(f"{what} is missing")
    try:
        return copy_plain(json.loads(text, parse_int=_parse_int), what)
    except (json.JSONDecodeError, RecursionError) as error:
        fail(f"{what} is not valid JSON ({type(error).__name__})")


def _parse_int(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else fail("a number in it is too large")


def _read_tensor(name: str, entry: Any, content: memoryview) -> Tensor:
    if type(entry) is not dict or entry.keys() != {"dtype", "shape", "data_offsets"}:
        fail(f"tensor {quote(name)} is not described as safetensors does it")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in DTYPES:
        fail(f"tensor {quote(name)} has the type {quote(dtype)}")
    if type(shape) is not list or type(offsets) is not list or len(offsets) != 2:
        fail(f"tensor {quote(name)} has no shape or no place")
    if any(type(number) is not int or number < 0 for number in (*shape, *offsets)):
        fail(f"tensor {quote(name)} has a shape or place that is no whole number")
    begin, end = offsets
    if not begin <= end <= len(content):
        fail(f"it is truncated or damaged: tensor {quote(name)} ends behind the end of the file")
    if end - begin != math.prod(shape) * DTYPES[dtype].itemsize:
        fail(f"tensor {quote(name)} of shape {quote(shape)} claims to have {end - begin} bytes")
    strides = (*accumulate(reversed(shape[1:]), lambda a, b: a * b, initial=1),)[::-1]
    storage = Storage(content[begin:end], DTYPES[dtype])
    return storage.view(0, tuple(shape), strides if shape else ())
