"""Thousands of mutated files: each loads or raises CheckpointError; none hangs, crashes or lies.

BALLGAN_FUZZ multiplies the number of mutations (default 1). Every case is named by its seed, so a
failure can be repeated alone.
"""

import io
import os
import pickletools
import random
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from conftest import make_model
from hostile import torch_archive
from published_writer import Network, published_file, write_pickle
from stylenerf_writer import stylenerf_file

import ballgan.checkpoint
from ballgan.config import (
    BackboneConfig,
    FieldConfig,
    MappingConfig,
    ModelConfig,
    SphereConfig,
)
from ballgan.errors import CheckpointError
from ballgan.published import collect_state, read_tree
from ballgan.safetensors_file import read_safetensors
from ballgan.torch_archive import read_archive

ROUNDS = int(os.environ.get("BALLGAN_FUZZ", "1"))
MAX_SECONDS = 2.0  # of CPU time, for one file
INTERESTING = (0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
OPCODES = bytes(ord(op.code) for op in pickletools.opcodes)
SMALLEST = ModelConfig(
    mapping=MappingConfig(z_dim=4, w_dim=4, num_layers=1),
    backbone=BackboneConfig(resolution=4, channel_base=16, channel_max=4),
    field=FieldConfig(plane_channels=2, hidden_size=4, feature_channels=3),
    background=SphereConfig(
        z_dim=4, w_dim=4, mapping_layers=1, hidden_size=4, num_layers=1, num_frequencies=1
    ),
)


def mutate(data: bytes, places: Sequence[int], random_numbers: random.Random) -> bytes:
    """`data` after one to three random edits at `places` (positions that matter)."""
    changed = bytearray(data)
    for _ in range(random_numbers.choice((1, 1, 1, 2, 3))):
        at = min(random_numbers.choice(places), max(len(changed) - 1, 0))
        random_numbers.choice(MUTATIONS)(changed, at, random_numbers)
    return bytes(changed)


def flip_bit(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """One bit."""
    data[at : at + 1] = bytes(b ^ (1 << random_numbers.randrange(8)) for b in data[at : at + 1])


def set_byte(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """One byte."""
    data[at : at + 1] = bytes([random_numbers.randrange(256)])


def set_opcode(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """One byte, to a pickle operation."""
    data[at : at + 1] = bytes([random_numbers.choice(OPCODES)])


def set_number(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """A length or another number, to one at the limits."""
    size = random_numbers.choice((1, 2, 4, 8))
    number = random_numbers.choice(INTERESTING) % 2 ** (8 * size)
    data[at : at + size] = number.to_bytes(size, "little")


def truncate(data: bytearray, at: int, _: random.Random) -> None:
    """Everything behind a place is lost."""
    del data[at:]


def remove(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """A few bytes are lost."""
    del data[at : at + random_numbers.randrange(1, 20)]


def splice(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """A few bytes of another place come in."""
    start = random_numbers.randrange(max(len(data), 1))
    data[at:at] = data[start : start + random_numbers.randrange(1, 40)]


def insert_operations(data: bytearray, at: int, random_numbers: random.Random) -> None:
    """A few pickle operations come in."""
    data[at:at] = bytes(random_numbers.choices(OPCODES, k=random_numbers.randrange(1, 6)))


MUTATIONS: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    *(flip_bit, set_byte, set_opcode, set_number, truncate, remove, splice, insert_operations),
)


def run(data: bytes, places: Sequence[int], count: int, read: Callable[[bytes], object]) -> int:
    """Read `count` mutations; how many of them were refused."""
    refused = 0
    for seed in range(count * ROUNDS):
        mutated = mutate(data, places, random.Random(seed))
        start = time.process_time()
        try:
            read(mutated)
        except CheckpointError:
            refused += 1
        except BaseException as error:
            pytest.fail(f"mutation {seed}: {type(error).__name__}: {error}")
        assert time.process_time() - start < MAX_SECONDS, f"mutation {seed} takes too long"
    return refused


def pickle_places(data: bytes, short: int = 600) -> list[int]:
    """All positions of a pickle except those in byte strings longer than `short`."""
    places: list[int] = []
    starts = [position or 0 for _, _, position in pickletools.genops(data)] + [len(data)]
    for start, end in zip(starts[:-1], starts[1:], strict=True):
        places += range(start, min(end, start + short))
    return places


def loader(folder: Path) -> Callable[[bytes], object]:
    """Reads bytes as `ballgan.load` reads a file."""
    path = folder / "model.pkl"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return ballgan.checkpoint.load(path, "cpu")

    return read


def saved(folder: Path, name: str) -> bytes:
    """The smallest model in a format."""
    ballgan.checkpoint.save(make_model(SMALLEST), folder / name)
    return (folder / name).read_bytes()


def small_tree() -> bytes:
    """A published file that is only a few modules."""
    layer = Network("SynthesisLayer", {"clamp": None}, {"weight": torch.ones(2, 3)})
    shared = {"a": layer, "b": layer}
    return write_pickle({"G": layer, "G_ema": Network("Generator", {"n": [1, 2.5]}, {}, shared)})


def test_pickle_reader() -> None:
    data = small_tree()

    def read(mutated: bytes) -> object:
        tree = read_tree(memoryview(bytearray(mutated)))
        if type(tree) is dict and hasattr(tree.get("G_ema"), "state"):
            return collect_state(tree["G_ema"])
        return tree

    assert read(data)
    assert 1500 * ROUNDS < run(data, range(len(data)), 3000, read) < 3000 * ROUNDS


def test_published_file(tmp_path: Path) -> None:
    data = published_file()
    read = loader(tmp_path)
    assert read(data)
    assert run(data, pickle_places(data), 200, read) > 80 * ROUNDS


def test_published_stylenerf_file(tmp_path: Path) -> None:
    """Its options are in omegaconf's containers, of which mutations make anything."""
    data = stylenerf_file()
    read = loader(tmp_path)
    assert read(data)
    assert run(data, pickle_places(data), 200, read) > 80 * ROUNDS


def test_native_file(tmp_path: Path) -> None:
    data = saved(tmp_path, "native.pkl")
    read = loader(tmp_path)
    assert read(data)
    assert run(data, range(len(data)), 1000, read) > 500 * ROUNDS


def test_pickle_in_native_file(tmp_path: Path) -> None:
    """As above, with valid checksums, so that mutations reach the pickle."""
    with zipfile.ZipFile(io.BytesIO(saved(tmp_path, "native.pkl"))) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    storages = {k.split("/")[-1]: v for k, v in entries.items() if "/data/" in k}
    pickled = next(v for k, v in entries.items() if k.endswith("/data.pkl"))
    load = loader(tmp_path)
    assert load(torch_archive(pickled, storages))
    refused = run(
        pickled,
        range(len(pickled)),
        600,
        lambda mutated: load(torch_archive(mutated, storages)),
    )
    assert refused > 300 * ROUNDS


def test_archive_directory() -> None:
    data = torch_archive(b"\x80\x02}.", {"0": b"abcd"})
    assert read_archive(memoryview(data)) == {}
    refused = run(data, range(len(data)), 3000, lambda d: read_archive(memoryview(d)))
    assert refused > 1500 * ROUNDS


def test_safetensors_file(tmp_path: Path) -> None:
    data = saved(tmp_path, "model.safetensors")
    read = loader(tmp_path)
    assert read(data)
    header = range(8 + int.from_bytes(data[:8], "little"))
    assert run(data, header, 1000, read) > 500 * ROUNDS


def test_safetensors_header(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"__metadata__":{"k":"v"}}'
    data = len(header).to_bytes(8, "little") + header + bytes(16)
    assert list(read_safetensors(memoryview(bytearray(data))).tensors) == ["a"]
    read = lambda d: read_safetensors(memoryview(bytearray(d)))  # noqa: E731
    assert run(data, range(8 + len(header)), 2000, read) > 1000 * ROUNDS


@pytest.mark.parametrize("name", ["native.pkl", "model.safetensors"])
def test_every_truncation_is_refused(name: str, tmp_path: Path) -> None:
    data = saved(tmp_path, name)
    read = loader(tmp_path)
    for length in {*range(0, len(data), 97), len(data) - 1}:
        with pytest.raises(CheckpointError):
            read(data[:length])


def test_every_flipped_weight_of_a_native_file_is_refused(tmp_path: Path) -> None:
    data = saved(tmp_path, "native.pkl")
    read = loader(tmp_path)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for entry in file.infolist():
            if "/data/" in entry.filename and entry.file_size > 64:
                at = data.index(file.read(entry.filename))
                with pytest.raises(CheckpointError, match="checksum"):
                    read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
