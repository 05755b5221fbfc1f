"""Every hostile or mistaken file is refused: soon, in words, without memory and without running."""

import os
import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hostile import malicious_source, nested_modules, persistent
from hostile_cases import HOSTILE
from published_writer import Network, published_root, write_pickle

import ballgan.checkpoint
from ballgan.errors import CheckpointError
from ballgan.published import read_tree

MAX_SECONDS = 1.0  # of CPU time
MAX_MEGABYTES = 60


def peak_megabytes() -> float:
    """Largest resident memory of this process, since `forget_peak` where the system can do that."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def forget_peak() -> None:
    """Make Linux measure the peak afresh."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.parametrize("kind", HOSTILE)
def test_file_is_refused(kind: str, tmp_path: Path) -> None:
    make, message = HOSTILE[kind]
    canary, path = tmp_path / "canary", tmp_path / "model.pkl"
    path.write_bytes(make(str(canary)))
    forget_peak()
    memory, start = peak_megabytes(), time.process_time()
    with pytest.raises(CheckpointError) as caught:
        ballgan.checkpoint.load(path, "cpu")
    assert time.process_time() - start < MAX_SECONDS
    assert peak_megabytes() - memory < MAX_MEGABYTES
    assert not canary.exists()
    text = str(caught.value)
    assert re.search(message, text), text
    assert (
        text.startswith(f"cannot load {path}: ") and "published BallGAN, EG3D or StyleNeRF" in text
    )
    assert text.isprintable() and len(text) < 1500 + len(str(path)), text


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) > 100


def test_source_text_in_a_valid_file_is_not_run(tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "model.pkl"
    root = published_root()
    root["G_ema"].module_src = malicious_source(str(canary))
    path.write_bytes(write_pickle(root))
    assert ballgan.checkpoint.load(path, "cpu").config.neural_resolution == 64
    assert not canary.exists()


def test_names_are_not_imported() -> None:
    data = bytearray(write_pickle({"G_ema": persistent("Generator")}))
    before = set(sys.modules)
    tree = read_tree(memoryview(data))
    assert tree["G_ema"].class_name == "Generator"
    assert not {name for name in set(sys.modules) - before if "torch_utils" in name}


def test_shared_modules_are_one_object() -> None:
    tree = read_tree(memoryview(bytearray(write_pickle({"G_ema": nested_modules(2)}))))
    children = tree["G_ema"].state["_modules"]
    assert children["a"] is children["b"]


@pytest.mark.parametrize("length", [1, 3, 40, 200])
def test_truncated_published_file(length: int, tmp_path: Path) -> None:
    data = write_pickle({"G_ema": Network("TriPlaneGenerator")})
    path = tmp_path / "model.pkl"
    path.write_bytes(data[:-length])
    with pytest.raises(CheckpointError, match="truncated|damaged|empty|begins with"):
        ballgan.checkpoint.load(path, "cpu")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="it is a folder"):
        ballgan.checkpoint.load(tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such file"):
        ballgan.checkpoint.load(tmp_path / "model.pkl")


def test_path_that_cannot_be() -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        ballgan.checkpoint.load("model\0.pkl")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not a regular file"):
        ballgan.checkpoint.load(tmp_path / "pipe")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(CheckpointError, match="cannot be read"):
        ballgan.checkpoint.load(path)
