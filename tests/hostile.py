"""Builders of files that want to run code, take all memory, hang the reader, or mislead it."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from published_writer import (
    LOAD_BYTES,
    PERSISTENT,
    Call,
    Name,
    Network,
    New,
    Raw,
    legacy_storage,
    module_state,
    published_root,
    tensor_call,
    text,
    write_pickle,
)

from ballgan.config import ModelConfig

Maker = Callable[[str], bytes]
TERA = 2**40


def rooted(value: Any) -> bytes:
    """A pickle that is like a published one up to the place of `value`."""
    return write_pickle({"training_set_kwargs": {"hostile": value}, "G_ema": None})


def operations(body: bytes) -> bytes:
    """A pickle of protocol 4 with the given operations."""
    return b"\x80\x04" + body


def call(module: str, name: str, *arguments: Any) -> Maker:
    """Calls a function; CANARY in an argument becomes the path."""

    def make(canary: str) -> bytes:
        filled = [a.replace("CANARY", canary) if isinstance(a, str) else a for a in arguments]
        return rooted(Call(Name(module, name), tuple(filled)))

    return make


def persistent(class_name: Any, state: Any = None, **changes: Any) -> Any:
    """A persistent object of any class."""
    description = {"type": "class", "version": 6, "module_src": "", "class_name": class_name}
    return Call(PERSISTENT, ({**description, "state": state or {}, **changes},))


def malicious_source(canary: str) -> str:
    """Source text that would leave a trace if it ran."""
    return f"open({canary!r}, 'w').write('ran')"


def changed_generator(**attributes: Any) -> bytes:
    """A valid published file with some of its generator's attributes replaced."""
    root = published_root()
    root["G_ema"].attributes |= attributes
    return write_pickle(root)


def changed_options(key: str, **options: Any) -> bytes:
    """A valid published file with some of its generator's options replaced."""
    root = published_root()
    root["G_ema"].attributes[key] |= options
    return write_pickle(root)


def tensor_claim(size: Any, stride: Any, offset: Any = 0, numbers: int = 4) -> bytes:
    """A tensor over `numbers` numbers that claims to have another shape."""
    storage = Call(LOAD_BYTES, (legacy_storage(torch.zeros(numbers)),))
    return rooted(tensor_call(storage, size, stride, offset))


def nested(data: bytes) -> bytes:
    """A tensor whose numbers are the given serialisation."""
    return rooted(tensor_call(Call(LOAD_BYTES, (data,)), (4,), (1,)))


def lying_storage(numel: int) -> bytes:
    """A nested serialisation that claims `numel` numbers but holds four."""
    honest = legacy_storage(torch.zeros(4))
    long = b"\x8a\x08" + struct.pack("<q", numel)
    changed = honest.replace(b"K\x04Nt", long + b"Nt")
    return changed[: -16 - 8] + struct.pack("<q", numel) + bytes(16)


def evil_pickle(canary: str) -> bytes:
    """What pickle makes of an object that runs a command."""

    class Evil:
        def __reduce__(self) -> Any:
            return (eval, (malicious_source(canary),))

    return pickle.dumps(Evil())


def nested_modules(depth: int) -> Network:
    """A chain of modules, each with the next one twice: 2^depth paths."""
    network = Network("SynthesisLayer")
    for _ in range(depth):
        network = Network("SynthesisLayer", children={"a": network, "b": network})
    return network


def self_containing() -> bytes:
    """A generator whose modules contain themselves."""
    state = module_state(Network("x"))
    loop = New(Name("torch.nn.modules.container", "Sequential"), state)
    state["_modules"] = {"0": loop}
    root = published_root()
    root["G_ema"].children["decoder"] = loop
    return write_pickle(root)


def self_containing_list() -> list[Any]:
    """A list that is its own only item."""
    loop: list[Any] = []
    loop.append(loop)
    return loop


# Zip archives


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return out.getvalue()


def torch_archive(pickled: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """An archive as torch.save writes it, around any pickle."""
    entries = {"archive/data.pkl": pickled, "archive/byteorder": b"little"}
    return archive(entries | {f"archive/data/{k}": v for k, v in (storages or {}).items()})


def native_tensor(
    size: Any, stride: Any, numel: int, key: str = "0", kind: str = "FloatStorage"
) -> Any:
    """A tensor of a torch archive."""
    pushed = io.BytesIO()
    pushed.write(b"(" + text("storage") + text("torch") + text(kind) + b"\x93" + text(key))
    pushed.write(text("cpu") + b"\x8a\x08" + struct.pack("<q", numel) + b"tQ")
    return tensor_call(Raw(pushed.getvalue()), size, stride)


def native(state: dict[str, Any], storages: dict[str, bytes], config: Any = None) -> bytes:
    """A native checkpoint with any weights."""
    config = ModelConfig().to_dict() if config is None else config
    root = {"format": "ballgan", "version": 1, "config": config, "meta": {}, "state_dict": state}
    return torch_archive(write_pickle(root), storages)


def changed_config(section: str, **values: Any) -> dict[str, Any]:
    """The default configuration with some values of a section replaced."""
    config = ModelConfig().to_dict()
    config[section] |= values
    return config


def compressed_archive() -> bytes:
    """A zip bomb: an entry of 64 MB in a file of 64 kB."""
    return archive({"archive/data.pkl": bytes(2**26)}, zipfile.ZIP_DEFLATED)


def edited(data: bytes, find: bytes, offset: int, replacement: bytes, last: bool = False) -> bytes:
    """`data` with the bytes at `offset` behind the first (or last) `find` replaced."""
    at = (data.rindex(find) if last else data.index(find)) + offset
    return data[:at] + replacement + data[at + len(replacement) :]


def duplicate_names() -> bytes:
    """An archive with two data.pkl, of which readers may take either."""
    data = archive({"archive/data.pkl": b"\x80\x02}.", "archive/dataXpkl": b"\x80\x02}."})
    return data.replace(b"dataXpkl", b"data.pkl")


def overlapping_entries() -> bytes:
    """An archive whose second entry is the first one again."""
    data = archive({"archive/data.pkl": b"\x80\x02}.", "archive/data/0": b"abcd"})
    renamed = data.replace(b"archive/data/0", b"archive/data.p")
    second = renamed.rindex(b"PK\1\2")
    return renamed[: second + 42] + struct.pack("<L", 0) + renamed[second + 46 :]


# .safetensors


def safetensors(header: Any, content: bytes = b"", length: int | None = None) -> bytes:
    """A file with any header."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + content


def safetensors_model(tensors: dict[str, Any], config: Any = None) -> bytes:
    """A file with a BallGAN configuration and any tensors."""
    config = ModelConfig().to_dict() if config is None else config
    texts = {"config": json.dumps(config), "meta": "{}", "format": "ballgan", "version": "1"}
    return safetensors({"__metadata__": texts, **tensors}, bytes(64))


def entry(shape: Any, begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    """Description of one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def training_state(_: str) -> bytes:
    """What a training program saves for itself."""
    out = io.BytesIO()
    torch.save({"optimizer": {"lr": 0.1}, "model": {"w": torch.zeros(3)}}, out)
    return out.getvalue()


def old_torch_save(_: str) -> bytes:
    """A state dict in torch's format before the zip archives."""
    out = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def plain(data: bytes) -> Maker:
    """Always the same bytes."""
    return lambda _: data


def lazily(function: Callable[..., bytes], *arguments: Any, **options: Any) -> Maker:
    """Bytes made when they are asked for."""
    return lambda _: function(*arguments, **options)
