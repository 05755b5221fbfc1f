"""Loads and saves models. What a file is, its content decides, never its name.

Loading cannot run code, whatever the file holds: no format is read by Python's unpickler. Weights
are checked against the model's configuration before any memory is taken for them.
"""

import json
import math
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from . import official
from .chunks import Progress
from .config import ModelConfig
from .errors import CheckpointError
from .files import atomic_write
from .generator import Generator
from .pickle_reader import PROTO, PROTOCOLS, copy_plain, fail, quote
from .published import read_tree
from .safetensors_file import looks_like_safetensors, parse_json, read_safetensors
from .torch_archive import read_archive

FORMATS = (
    "a BallGAN checkpoint (.pkl or .safetensors, as ballgan.save writes them) "
    "or a published BallGAN, EG3D or StyleNeRF network pickle"
)
VERSION = 2  # of the native format; 2: parts have kinds, and config fields may be missing
RELEASE_INTERVAL = 16 * 2**20  # bytes copied from the mapped file before its pages are let go
CAN_RELEASE = hasattr(mmap.mmap, "madvise") and hasattr(mmap, "MADV_DONTNEED")
WEIGHT_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save before version 1.6

# Beginnings of files that people have by mistake.
MISTAKES = (
    (b"version https://git-lfs", "it is a Git LFS pointer: fetch the file with `git lfs pull`"),
    (b"<!doctype html", "it is a web page: the download failed; download the file again"),
    (b"<html", "it is a web page: the download failed; download the file again"),
    (b"<?xml", "it is an XML text: the download failed; download the file again"),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (LEGACY_TORCH, "it is a torch.save file of the format before torch 1.6, but not a network"),
)

State = dict[str, Tensor]
Model = tuple[ModelConfig, State, dict[str, Any]]  # config, weights over the file, meta


def load(
    path: str | os.PathLike[str],
    device: str | torch.device = "auto",
    *,
    progress: Progress | None = None,
) -> Generator:
    """Load a model from a file of any format that we read.

    Args:
        path: native checkpoint, .safetensors, or the `G_ema` of a published network pickle.
        device: anything torch.device takes; "auto": CUDA, else Apple's MPS, else the CPU.
        progress: is called with how much of the weights is read, in [0, 1]; where it raises
            ballgan.Cancelled, nothing is loaded.

    Returns the Generator in eval mode, float32, without gradients; `meta` says where it is from
    and, under "notes", what is remarkable about it, such as weights that are not finite.
    Raises CheckpointError if the file is missing, damaged, hostile or of another kind.
    """
    chosen = choose_device(device)
    with _naming(path):
        data = map_file(path)
        config, state, meta = _read_model(data)
        model = build_empty(config)
        expected = model.state_dict()
        _check_weights(state, expected, len(data))
        ordered = {name: state[name] for name in expected}
        weights, not_finite = _copy_weights(ordered, chosen, data, progress or (lambda _: None))
        model.load_state_dict(weights, assign=True)
    if not_finite:
        _add_note(meta, f"weights that are not finite: {_shorten(not_finite)}")
    model.meta = meta
    return model.eval().requires_grad_(False)


def save(model: Generator, path: str | os.PathLike[str], *, half: bool = False) -> None:
    """Save a model so that `load` needs nothing but the file; the write is atomic.

    The suffix .safetensors selects that format, any other the native one (a torch.save archive of
    plain containers and tensors). half stores weights as float16, at half the size.

    Raises ValueError if half cannot hold a weight or `model.meta` is not JSON-able, and OSError
    if the file cannot be written.
    """
    weights = {name: _stored(name, tensor, half) for name, tensor in model.state_dict().items()}
    config, meta = model.config.to_dict(), copy_plain(model.meta, "model.meta")
    with atomic_write(path) as file:
        if Path(path).suffix.lower() == ".safetensors":
            texts = {"config": json.dumps(config), "meta": json.dumps(meta)}
            metadata = {"format": "ballgan", "version": str(VERSION), **texts}
            file.write(safetensors.torch.save(weights, metadata))
        else:
            header = {"format": "ballgan", "version": VERSION, "config": config, "meta": meta}
            torch.save({**header, "state_dict": weights}, file)


def read_published(path: str | os.PathLike[str]) -> Any:
    """Root of a published pickle, normally a dictionary, as inert data (see `read_tree`).

    Its tensors share the memory of the mapped file. Raises CheckpointError.
    """
    with _naming(path):
        data = map_file(path)
        if detect_format(data) != "published":
            fail("it is not a published pickle")
        return read_tree(data)


def detect_format(data: memoryview) -> str:
    """Tell "native", "safetensors" and "published" apart by the first bytes of a file.

    Raises CheckpointError for anything else, saying what it is where that is known.
    """
    head = bytes(data[:512])
    if not head:
        fail("the file is empty")
    for beginning, explanation in MISTAKES:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(beginning.lower()):
            fail(explanation)
    if head.startswith(b"PK\3\4"):
        return "native"
    if len(head) > 1 and head[0] == PROTO and head[1] in PROTOCOLS:
        return "published"
    if looks_like_safetensors(data):
        return "safetensors"
    fail(f"it begins with {quote(head[:6])}, like none of the formats")


def choose_device(device: str | torch.device) -> torch.device:
    """The device meant by `device`; "auto" is CUDA, else Apple's MPS, else the CPU.

    Raises ValueError for a device that torch does not know or that this machine lacks.
    """
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device should be 'auto' or a torch device; got {device!r}.") from error
    if not available.get(chosen.type, True):
        raise ValueError(f"device {device!r} is not available here; try 'auto' or 'cpu'.")
    return chosen


def map_file(path: str | os.PathLike[str]) -> memoryview:
    """The bytes of a file, mapped privately: writing to them does not change the file.

    Raises CheckpointError if there is no such file or it cannot be read.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            fail("it is a folder; give the file in it")
        if not stat.S_ISREG(status.st_mode):
            fail("it is not a regular file")
        if status.st_size == 0:
            return memoryview(b"")
        with open(path, "rb") as file:
            # Copy-on-write, because torch warns about tensors over read-only memory.
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except FileNotFoundError:
        fail("there is no such file")
    except (OSError, OverflowError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        fail(f"it cannot be read: {getattr(error, 'strerror', None) or error}")


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Add the file's name and the formats we read to a CheckpointError."""
    try:
        yield
    except CheckpointError as error:
        message = f"cannot load {os.fspath(path)}: {error}. Expected {FORMATS}."
        raise CheckpointError(message) from error


def _read_model(data: memoryview) -> Model:
    kind = detect_format(data)
    if kind == "published":
        try:
            return official.convert(read_tree(data))
        except RuntimeError as error:  # an option is a tensor, or nested beyond Python's recursion
            fail(f"its options cannot be used ({type(error).__name__})")
    if kind == "safetensors":
        return _read_safetensors_model(data)
    return _read_native_model(data)


def _read_native_model(data: memoryview) -> Model:
    root = read_archive(data)
    if type(root) is not dict or root.get("format") != "ballgan":
        fail(f"it is a torch archive of something else{_describe_root(root)}")
    state = root.get("state_dict")
    if type(state) is not dict:
        fail("it holds no weights")
    return (
        _parse_config(root.get("version"), copy_plain(root.get("config"), "its configuration")),
        state,
        _parse_meta(copy_plain(root.get("meta", {}), "its meta entry")),
    )


def _read_safetensors_model(data: memoryview) -> Model:
    content = read_safetensors(data)
    texts = content.metadata
    if texts.get("format") != "ballgan":
        fail("it is a safetensors file of something else, without a BallGAN configuration")
    version = parse_json(texts.get("version"), "its version")
    config = _parse_config(version, parse_json(texts.get("config"), "its configuration"))
    return config, content.tensors, _parse_meta(parse_json(texts.get("meta"), "its meta entry"))


def _describe_root(root: Any) -> str:
    if type(root) is not dict:
        return ""
    if "optimizer" in root or "optimizers" in root:
        return ": the state of a training run; load the model that it saved beside it"
    keys = [key for key in root if type(key) is str]
    return f", with the entries {_shorten(keys)}" if keys else ""


def _parse_config(version: Any, config: Any) -> ModelConfig:
    if type(version) is not int or version < 1:
        fail("it has no version")
    if version > VERSION:
        fail(f"it has version {version} of the format, of which we read 1 to {VERSION}: update")
    try:
        return ModelConfig.from_dict(config)
    except ValueError as error:
        fail(f"its configuration is not valid: {error}")


def _parse_meta(meta: Any) -> dict[str, Any]:
    if type(meta) is not dict:
        fail("its meta entry is not a dictionary")
    return meta


def build_empty(config: ModelConfig) -> Generator:
    """A generator without memory for its weights; CheckpointError if it cannot be built."""
    try:
        with torch.device("meta"), _ShapesOnly():
            return Generator(config)
    except ValueError as error:
        fail(f"its configuration is not valid: {error}")


class _ShapesOnly(TorchFunctionMode):
    """Skips the initial values of weights: computing them without memory imports sympy, for 1 s."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is torch.randn:
            function = torch.empty
        if function in (Tensor.div, Tensor.__truediv__):
            return args[0]
        return function(*args, **(kwargs or {}))


def _check_weights(state: dict[Any, Any], expected: State, file_size: int) -> None:
    """Raise CheckpointError unless `state` has the names and shapes of `expected`."""
    problems = []
    if missing := [name for name in expected if name not in state]:
        problems.append(f"missing: {_shorten(missing)}")
    if unexpected := [name for name in state if name not in expected]:
        problems.append(f"unexpected: {_shorten(unexpected)}")
    for name in (name for name in expected if name in state):
        tensor = state[name]
        if not isinstance(tensor, Tensor) or tensor.dtype not in WEIGHT_DTYPES:
            problems.append(f"not a tensor of real numbers: {quote(name)}")
        elif tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
            problems.append(f"wrong shape: {name} has {shapes}")
    if problems:
        more = f"; and {len(problems) - 6} more" if len(problems) > 6 else ""
        fail(f"its weights do not fit its configuration ({'; '.join(problems[:6])}{more})")
    # Many weights may share one stored tensor, and so claim more than the file holds.
    if sum(t.numel() * t.dtype.itemsize for t in state.values()) > 2 * file_size:
        fail("its weights claim more numbers than the file holds")


def _copy_weights(
    state: State, device: torch.device, data: memoryview, progress: Progress
) -> tuple[State, list[str]]:
    """float32 copies on `device` of weights over the mapped file, and which are not finite.

    Copies, because a model over the file would crash when another program truncates it. The pages
    of the file are let go on the way, so that file and copy are never both in memory.
    """
    weights: State = {}
    not_finite, copied, mapping = [], 0, data.obj
    read, total = 0, sum(tensor.numel() for tensor in state.values())
    for name, tensor in state.items():
        progress(read / max(total, 1))
        read += tensor.numel()
        weights[name] = torch.empty(tensor.shape, dtype=torch.float32, device=device)
        weights[name].copy_(tensor)
        if tensor.numel() and not all(map(math.isfinite, tensor.aminmax())):
            not_finite.append(name)
        copied += tensor.numel() * tensor.dtype.itemsize
        if copied > RELEASE_INTERVAL and isinstance(mapping, mmap.mmap) and CAN_RELEASE:
            mapping.madvise(mmap.MADV_DONTNEED)
            copied = 0
    return weights, not_finite


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    """`tensor` as it goes into a file: on the CPU, alone in its storage."""
    stored = tensor.detach().to("cpu", torch.float16 if half else torch.float32).contiguous()
    if half and not torch.equal(stored.isfinite(), tensor.cpu().isfinite()):
        raise ValueError(f"half precision cannot hold the weight {name}; save with half=False.")
    alone = stored.untyped_storage().nbytes() == stored.numel() * stored.dtype.itemsize
    return stored if alone else stored.clone()


def _add_note(meta: dict[str, Any], note: str) -> None:
    notes = meta.get("notes")
    earlier = notes if isinstance(notes, list) else []
    meta["notes"] = [*(other for other in earlier if other != note), note]


def _shorten(names: list[Any], limit: int = 4) -> str:
    """The first of `names`, and how many more there are."""
    shown = ", ".join(quote(name, 60).strip("'") for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
