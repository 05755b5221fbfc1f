"""Tensors over the bytes of a mapped file, without copying and without trusting what it claims."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from .pickle_reader import Budget, KnownName, PickleReader, fail

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of torch.save's format before the zip archives
LEGACY_PROTOCOL = 1001
MAX_DIMENSIONS = 8
MAX_EXTENT = 2**31  # of any dimension, and of the product of the dimensions of an empty tensor

# Bytes other than 0 and 1 are no valid bool; nothing that we load is bool, so it stays a number.
STORAGE_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.uint8,
}
STORAGE_NAMES = {("torch", name): KnownName(name) for name in STORAGE_DTYPES}


@dataclass(eq=False, repr=False)
class Storage:
    """Consecutive numbers of one type in a file."""

    data: memoryview
    dtype: torch.dtype

    def __post_init__(self) -> None:
        if len(self.data) % self.dtype.itemsize:
            fail("it is truncated or damaged: a tensor's data ends in the middle of a number")

    @property
    def numel(self) -> int:
        """How many numbers it holds."""
        return len(self.data) // self.dtype.itemsize

    @cached_property
    def tensor(self) -> torch.Tensor:
        """All of it, (numel,), sharing the file's memory."""
        if not self.numel:
            return torch.empty(0, dtype=self.dtype)
        return torch.frombuffer(self.data, dtype=self.dtype)

    def view(self, offset: Any, size: Any, stride: Any) -> torch.Tensor:
        """Tensor of shape `size` and `stride` that begins at element `offset`, all from a file.

        It must lie within the storage and have no more elements than it, so that a file cannot
        claim more than it holds. Raises CheckpointError.
        """
        for part in (size, stride):
            if type(part) is not tuple or len(part) > MAX_DIMENSIONS:
                fail("it is damaged: a tensor's shape is not a short tuple")
        if len(size) != len(stride):
            fail("it is damaged: a tensor's shape and strides differ in length")
        for number in (offset, *size, *stride):
            if type(number) is not int or not 0 <= number <= MAX_EXTENT:
                fail(f"it claims a tensor of shape {_numbers(size)}, strides {_numbers(stride)}")
        numel = math.prod(size)
        if numel == 0 and math.prod(max(extent, 1) for extent in size) <= MAX_EXTENT:
            return torch.empty(size, dtype=self.dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if numel == 0 or numel > self.numel or last >= self.numel:
            fail(
                f"it claims a tensor of shape {_numbers(size)}, strides {_numbers(stride)} and "
                f"offset {offset}, but holds only {self.numel} numbers for it"
            )
        return self.tensor.as_strided(size, stride, offset)


def _numbers(values: tuple[Any, ...]) -> str:
    # Never the repr of what else may be there: it recurses into nested tuples.
    return "(" + ", ".join(str(v) if type(v) is int else type(v).__name__ for v in values) + ")"


def storage_dtype(kind: Any) -> torch.dtype:
    """Number type of a storage class named in a file."""
    if type(kind) is not KnownName or kind.name not in STORAGE_DTYPES:
        fail("it is damaged: a tensor's data has no known type")
    return STORAGE_DTYPES[kind.name]


def rebuild_tensor(_: PickleReader, arguments: tuple[Any, ...]) -> torch.Tensor:
    """`torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`."""
    if len(arguments) not in (6, 7) or type(arguments[0]) is not Storage:
        fail("it is damaged: a tensor is not described as torch does it")
    return arguments[0].view(*arguments[1:4])


def rebuild_parameter(_: PickleReader, arguments: tuple[Any, ...]) -> torch.Tensor:
    """`torch._utils._rebuild_parameter(tensor, requires_grad, hooks)`: the tensor itself."""
    if len(arguments) != 3 or not isinstance(arguments[0], torch.Tensor):
        fail("it is damaged: a parameter is not described as torch does it")
    return arguments[0]


def read_legacy_storage(reader: PickleReader, arguments: tuple[Any, ...]) -> Storage:
    """`torch.storage._load_from_bytes(bytes)`: one storage as torch.save wrote it before 1.6.

    Five pickles (magic number, version, system, the storage's persistent id, list of keys), then
    the count as 8 bytes and the raw data.
    """
    if len(arguments) != 1 or type(arguments[0]) is not memoryview:
        fail("it is damaged: a tensor's data is not a byte string")
    return parse_legacy_storage(arguments[0], reader.budget)


def parse_legacy_storage(data: memoryview, budget: Budget) -> Storage:
    """The storage that `data` holds in full; raises CheckpointError."""
    declared: list[Any] = []

    def declare(persistent_id: Any) -> tuple[Any, ...]:
        declared.append(persistent_id)
        return check_persistent_id(persistent_id, 6)

    reader = PickleReader(data, STORAGE_NAMES, budget=budget, load_persistent=declare)
    if reader.read() != LEGACY_MAGIC or reader.read() != LEGACY_PROTOCOL:
        fail("it is damaged: a tensor's data lacks torch's header")
    system = reader.read()
    if type(system) is not dict or system.get("little_endian") is not True:
        fail("a tensor's data is not little-endian")
    root = reader.read()
    keys = reader.read()
    if len(declared) != 1 or root is not declared[0] or root[5] is not None:
        fail("it is damaged: a tensor's data is not one storage")
    if type(keys) is not list or len(keys) != 1 or keys[0] != root[2]:
        fail("it is damaged: a tensor's data has other keys than its header says")
    content = data[reader.position :]
    dtype, numel = storage_dtype(root[1]), root[4]
    if len(content) < 8 or int.from_bytes(content[:8], "little", signed=True) != numel:
        fail("it is damaged: a tensor's data has another length than its header says")
    if len(content) - 8 != numel * dtype.itemsize:
        fail(f"a tensor's data claims {numel} numbers but holds {len(content) - 8} bytes")
    return Storage(content[8:], dtype)


def check_persistent_id(persistent_id: Any, length: int) -> tuple[Any, ...]:
    """`persistent_id` if it is ('storage', type, key, location, numel, ...) of `length` items."""
    if (
        type(persistent_id) is not tuple
        or len(persistent_id) != length
        or type(persistent_id[0]) is not str
        or persistent_id[0] != "storage"
        or type(persistent_id[2]) is not str
        or type(persistent_id[4]) is not int
    ):
        fail("it is damaged: a tensor's data is not described as torch does it")
    return persistent_id


TENSOR_NAMES = {
    ("torch._utils", "_rebuild_tensor_v2"): KnownName("_rebuild_tensor_v2", call=rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): KnownName("_rebuild_parameter", call=rebuild_parameter),
}
