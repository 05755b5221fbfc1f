"""Files that want to run code, take all memory, hang the reader, or are simply something else.

`HOSTILE` gives for every kind a function that makes the bytes (of a file that would write to
`canary` if anything in it ran) and a pattern that the error's message has to match.
"""

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
    NUMPY_DTYPE,
    NUMPY_SCALAR,
    ORDERED_DICT,
    PERSISTENT,
    REBUILD,
    Call,
    Name,
    Network,
    New,
    Raw,
    legacy_storage,
    module_state,
    numpy_scalar,
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


CODE = {
    "os.system": (call("os", "system", "touch CANARY"), "asks for 'os.system'"),
    "posix.system": (call("posix", "system", "touch CANARY"), "asks for 'posix.system'"),
    "eval": (call("builtins", "eval", "open('CANARY', 'w')"), "asks for 'builtins.eval'"),
    "exec": (call("builtins", "exec", "open('CANARY', 'w')"), "asks for 'builtins.exec'"),
    "exec in python 2": (call("__builtin__", "eval", "open('CANARY', 'w')"), "__builtin__.eval"),
    "open": (call("builtins", "open", "CANARY", "w"), "asks for 'builtins.open'"),
    "getattr": (call("builtins", "getattr", (), "__class__"), "asks for 'builtins.getattr'"),
    "import": (call("importlib", "import_module", "antigravity"), "importlib.import_module"),
    "__import__": (call("builtins", "__import__", "antigravity"), "builtins.__import__"),
    "subprocess": (call("subprocess", "Popen", ["touch", "CANARY"]), "subprocess.Popen"),
    "runpy": (call("runpy", "run_path", "CANARY"), "asks for 'runpy.run_path'"),
    "torch.load": (call("torch", "load", "CANARY"), "asks for 'torch.load'"),
    "torch.hub": (call("torch.hub", "load", "a/b", "c"), "asks for 'torch.hub.load'"),
    "pickle.loads": (call("pickle", "loads", b"cos\nsystem\n."), "asks for 'pickle.loads'"),
    "ctypes": (call("ctypes", "CDLL", "CANARY"), "asks for 'ctypes.CDLL'"),
    "torch storage type": (call("torch", "FloatStorage", 10), "asks for 'torch.FloatStorage'"),
    "new object": (
        lambda c: rooted(New(Name("subprocess", "Popen"), {"args": ["touch", c]})),
        "asks for 'subprocess.Popen'",
    ),
    "global line": (plain(operations(b"cos\nsystem\n)R.")), "asks for 'os.system'"),
    "inst": (plain(operations(b"(ios\nsystem\n.")), "operation 0x69"),
    "obj": (plain(operations(b"(" + text("x") + b"o.")), "operation 0x6f"),
    "extension registry": (plain(operations(b"\x82\x01.")), "operation 0x82"),
    "new object with arguments": (
        plain(operations(text("collections") + text("OrderedDict") + b"\x93)}\x92.")),
        "operation 0x92",
    ),
    "text protocol": (plain(b"cos\nsystem\n(S'true'\ntR."), "begins with"),
    "real pickle": (evil_pickle, "asks for 'builtins.eval'"),
    "calling a result": (
        lambda c: rooted(Call(Call(ORDERED_DICT), (c,))),
        "calls a dict",
    ),
    "calling a text": (lambda c: rooted(Call("os.system", (c,))), "calls a str"),
    "calling a class of modules": (
        lambda _: rooted(Call(Name("torch.nn.modules.container", "Sequential"))),
        "calls Sequential",
    ),
    "creating a function": (lambda _: rooted(New(REBUILD)), "creates _rebuild_tensor_v2"),
    "class that is not listed": (
        lambda c: rooted(persistent("Exploit", module_src=malicious_source(c))),
        "class 'Exploit'",
    ),
    "class name with a path": (lambda _: rooted(persistent("os.system")), "class 'os.system'"),
    "class name that is a function": (
        lambda _: rooted(persistent(Name("torch._utils", "_rebuild_tensor_v2"))),
        "no class name",
    ),
    "function instead of a class": (
        lambda c: rooted(persistent("Generator", type="func", module_src=malicious_source(c))),
        "not a class",
    ),
    "later persistence version": (
        lambda _: rooted(persistent("Generator", version=7)),
        "version 7",
    ),
    "setstate of a function": (
        lambda c: rooted(Call(ORDERED_DICT, (), (None, {"__setstate__": c}))),
        "sets attributes of a dict",
    ),
    "setstate of a global": (
        plain(operations(text("collections") + text("OrderedDict") + b"\x93}b.")),
        "sets attributes of OrderedDict",
    ),
    "setstate of a persistent object": (
        lambda c: rooted(Call(PERSISTENT, persistent("Generator").arguments, {"x": c})),
        "sets attributes of a PersistentObject",
    ),
    "setstate with slots": (
        lambda _: rooted(New(Name("training.triplane", "OSGDecoder"), (None, {"a": 1}))),
        "attributes of a OSGDecoder",
    ),
    "setstate twice": (
        lambda _: rooted(
            New(Name("training.triplane", "OSGDecoder"), Raw(b"}" + text("a") + b"Nsb}"))
        ),
        "attributes of a OSGDecoder",
    ),
    "setstate of a tensor": (
        lambda _: rooted(
            Call(
                REBUILD,
                tensor_call(
                    Call(LOAD_BYTES, (legacy_storage(torch.zeros(1)),)), (1,), (1,)
                ).arguments,
                {"__class__": "os.system"},
            )
        ),
        "sets attributes of a Tensor",
    ),
    "look-alike in cyrillic": (call("t\u043erch._utils", "_rebuild_tensor_v2"), "t.u043erch"),
    "look-alike with a dot": (call("collections", "OrderedDict.__init__"), "OrderedDict.__init__"),
    "look-alike with a space": (call("collections ", "OrderedDict"), "'collections .OrderedDict'"),
    "look-alike with a zero": (call("collections", "OrderedDict\0"), "x00"),
    "look-alike upper case": (call("Collections", "OrderedDict"), "Collections.OrderedDict"),
    "split name": (call("torch", "_utils._rebuild_tensor_v2"), "no model that we read"),
    "name that is a number": (plain(operations(b"K\1K\2\x93.")), "a name is not text"),
    "code in nested storage": (lambda c: nested(evil_pickle(c)), "asks for 'builtins.eval'"),
    "nested storage in nested storage": (
        lambda _: nested(b"\x80\x04" + write_pickle(Call(LOAD_BYTES, (b"",)))[11:]),
        "asks for 'torch.storage._load_from_bytes'",
    ),
    "nested published file": (lambda _: nested(write_pickle({"G_ema": None})), "torch's header"),
    "nested zip archive": (
        lambda c: nested(torch_archive(evil_pickle(c))),
        "not a pickle of protocol",
    ),
    "codec that runs": (call("_codecs", "encode", "x", "rot13"), "the encoding 'rot13'"),
    "numpy objects": (
        lambda _: rooted(Call(NUMPY_DTYPE, ("O8", False, True))),
        "numpy scalar of type 'O8'",
    ),
    "numpy arrays": (call("numpy.core.multiarray", "_reconstruct"), "_reconstruct"),
    "code in a torch archive": (lambda c: torch_archive(evil_pickle(c)), "builtins.eval"),
    "code beside a torch archive": (
        lambda _: archive({"a/data.pkl": b"\x80\x02}.", "a/constants.pkl": b"", "a/code": b""}),
        "TorchScript",
    ),
}

MEMORY = {
    "terabytes of a tensor": (lazily(tensor_claim, (TERA,), (1,)), "claims a tensor of shape"),
    "terabytes of views": (lazily(tensor_claim, (2**20, 2**20), (0, 0)), "holds only 4 numbers"),
    "product that overflows": (lazily(tensor_claim, (2**31,) * 8, (0,) * 8), "claims a tensor"),
    "empty tensor of terabytes": (lazily(tensor_claim, (0, *[2**31] * 4), (0,) * 5), "claims"),
    "negative size": (lazily(tensor_claim, (-1,), (1,)), "claims a tensor"),
    "negative stride": (lazily(tensor_claim, (2,), (-1,)), "claims a tensor"),
    "negative offset": (lazily(tensor_claim, (2,), (1,), -1), "claims a tensor"),
    "offset behind the end": (lazily(tensor_claim, (2,), (1,), 3), "offset 3"),
    "stride behind the end": (lazily(tensor_claim, (2, 2), (3, 1)), "strides"),
    "offset that wraps": (lazily(tensor_claim, (2,), (1,), 2**63 - 1), "claims a tensor"),
    "size that is true": (lazily(tensor_claim, (True,), (1,)), "claims a tensor"),
    "size that is a list": (lazily(tensor_claim, [4], (1,)), "not a short tuple"),
    "too many dimensions": (lazily(tensor_claim, (1,) * 100, (1,) * 100), "short tuple"),
    "storage of terabytes": (lambda _: nested(lying_storage(TERA)), "claims 1099511627776"),
    "storage of negative size": (lambda _: nested(lying_storage(-4)), "claims -4"),
    "storage that is short": (lambda _: nested(legacy_storage(torch.zeros(4))[:-1]), "claims 4"),
    "tensor without storage": (lambda _: rooted(tensor_call(b"abcd", (4,), (1,))), "as torch"),
    "bytes of terabytes": (plain(operations(b"\x8e" + struct.pack("<Q", TERA) + b"x.")), "trunc"),
    "text of terabytes": (plain(operations(b"\x8d" + struct.pack("<Q", TERA) + b"x.")), "text"),
    "bytes of all": (plain(operations(b"\x8e" + b"\xff" * 8 + b".")), "truncated"),
    "frame of exabytes": (plain(operations(b"\x95" + b"\xff" * 8 + b".")), "frame"),
    "huge number": (plain(operations(b"\x8b\xff\xff\xff\x7f.")), "number that is too large"),
    "negative length": (plain(operations(b"\x8b\xff\xff\xff\xff.")), "number that is too large"),
    "far memo": (plain(operations(b"Nr\xff\xff\xff\xff.")), "G_ema"),
    "encode again and again": (
        plain(
            operations(
                text("_codecs")
                + text("encode")
                + b"\x93\x94"
                + text("x" * 2**20)
                + b"\x94"
                + text("latin1")
                + b"\x94"
                + b"h\0h\1h\2\x86R" * 1000
                + b"."
            )
        ),
        "more text",
    ),
    "weights that share numbers": (
        lambda _: native(
            {f"w{i}": native_tensor((2**18,), (1,), 2**18) for i in range(2000)},
            {"0": bytes(2**20)},
        ),
        "do not fit",
    ),
    "compressed archive": (lazily(compressed_archive), "compressed"),
    "archive of terabytes": (
        lazily(
            lambda: edited(
                archive({"a/data.pkl": bytes(8)}), b"PK\1\2", 20, b"\xff\xff\xff\x7f" * 2
            )
        ),
        "not where it should be",
    ),
    "archive of many entries": (
        lazily(lambda: edited(archive({"a": b""}), b"PK\5\6", 8, b"\xff\xff\xff\xff")),
        "claims 65535 entries",
    ),
    "archive with two data.pkl": (lazily(duplicate_names), "same name"),
    "archive with overlaps": (lazily(overlapping_entries), "not where it should be"),
    "archive that is encrypted": (
        lazily(lambda: edited(archive({"a/data.pkl": b"x"}), b"PK\1\2", 8, b"\1\0")),
        "encrypted",
    ),
    "archive with a large pickle": (
        lazily(lambda: torch_archive(operations(b"B" + struct.pack("<L", 2**25) + bytes(2**25)))),
        "data.pkl has",
    ),
    "archive's tensor of terabytes": (
        lazily(lambda: native({"w": native_tensor((TERA,), (1,), TERA)}, {"0": bytes(16)})),
        "claims 1099511627776 numbers but holds 16",
    ),
    "archive's tensor that is missing": (
        lazily(lambda: native({"w": native_tensor((4,), (1,), 4, key="../9")}, {"0": bytes(16)})),
        "claims 4 numbers but holds 0",
    ),
    "archive's tensor of two types": (
        lazily(
            lambda: native(
                {
                    "w": native_tensor((4,), (1,), 4),
                    "v": native_tensor((8,), (1,), 8, kind="HalfStorage"),
                },
                {"0": bytes(16)},
            )
        ),
        "two types",
    ),
    "a billion channels": (
        lazily(lambda: native({}, {}, changed_config("backbone", channel_max=10**9))),
        "channel_max should be between",
    ),
    "a trillion pixels": (
        lazily(lambda: native({}, {}, changed_config("backbone", resolution=TERA))),
        "resolution should be a power of two",
    ),
    "a billion layers": (
        lazily(lambda: native({}, {}, changed_config("mapping", num_layers=10**9))),
        "num_layers should be between",
    ),
    "the largest configuration": (
        lazily(
            lambda: native(
                {},
                {},
                changed_config("backbone", resolution=4096, channel_base=2**24, channel_max=8192),
            )
        ),
        "missing",
    ),
    "safetensors header of exabytes": (plain(b"\xff" * 7 + b"\x0f{}"), "begins with"),
    "safetensors header of megabytes": (
        plain(safetensors(b"{}" + b" " * 2**23)),
        "header claims",
    ),
    "safetensors header behind the end": (plain(safetensors({}, length=4000)), "truncated"),
    "safetensors tensor of terabytes": (
        lazily(lambda: safetensors_model({"w": entry([TERA], 0, 4 * TERA)})),
        "ends behind the end",
    ),
    "safetensors shape of terabytes": (
        lazily(lambda: safetensors_model({"w": entry([TERA], 0, 64)})),
        "claims to have 64 bytes",
    ),
    "safetensors numbers of digits": (
        lazily(lambda: safetensors(b'{"w": ' + b"9" * 10**6 + b"}")),
        "too large",
    ),
}

HANGS = {
    "deep lists": (plain(operations(b"]" * 120_000 + b"a" * 119_999 + b".")), "G_ema"),
    "deep tuples": (plain(operations(b")" + b"\x85" * 200_000 + b".")), "G_ema"),
    "deep tuple as a key": (plain(operations(b"})" + b"\x85" * 200_000 + b"Ns.")), "key of type"),
    "deep tuple in a set": (
        plain(operations(b"\x8f()" + b"\x85" * 200_000 + b"\x90.")),
        "key of type tuple",
    ),
    "deep tuple as a shape": (
        lazily(lambda: tensor_claim(Raw(b")" + b"\x85" * 200_000), (1,))),
        "claims a tensor",
    ),
    "deep tuple as a name": (
        lazily(lambda: rooted(persistent(Raw(b")" + b"\x85" * 200_000)))),
        "no class name",
    ),
    "deep marks": (plain(operations(b"(" * 100_000 + b".")), "nested too deeply"),
    "endless objects": (plain(operations(b"N0" * 2_000_000 + b".")), "more objects"),
    "modules in themselves": (lazily(self_containing), "without end"),
    "a billion paths": (
        lazily(
            lambda: write_pickle(
                {
                    "G_ema": Network(
                        "TriPlaneGenerator",
                        {"_init_kwargs": {}, "rendering_kwargs": {}},
                        children={"backbone": nested_modules(40)},
                    )
                }
            )
        ),
        "without end",
    ),
    "options that contain themselves": (
        lazily(lambda: changed_generator(rendering_kwargs={"box_warp": self_containing_list()})),
        "",
    ),
    "options nested deeply": (
        lazily(
            lambda: changed_generator(
                rendering_kwargs={"box_warp": Raw(b"]" * 100_000 + b"a" * 99_999)}
            )
        ),
        "",
    ),
    "attribute nested deeply": (
        lazily(lambda: changed_generator(z_dim=Raw(b")" + b"\x85" * 100_000))),
        "",
    ),
    "background of a deep kind": (
        lazily(lambda: changed_options("BG_kwargs", bg_ver=Raw(b")" + b"\x85" * 100_000))),
        "",
    ),
    "option that is a tensor": (
        lazily(changed_options, "rendering_kwargs", c_gen_conditioning_zero=torch.zeros(2)),
        "options cannot be used",
    ),
    "version that is a tensor": (
        lazily(changed_options, "BG_kwargs", bg_ver=torch.zeros(2)),
        "of the unknown kind",
    ),
    "configuration nested deeply": (
        lazily(lambda: native({}, {}, Raw(b"]" * 100_000 + b"a" * 99_999))),
        "configuration is nested too deeply",
    ),
    "safetensors nested deeply": (
        plain(safetensors(b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}")),
        "not valid JSON|nested too deeply",
    ),
    "keys that collide": (
        lazily(
            lambda: rooted(
                Raw(
                    b"}("
                    + b"".join(
                        b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little", signed=True) + b"N"
                        for i in range(1, 20_000)
                    )
                    + b"u"
                )
            )
        ),
        "key of type int",
    ),
}

DAMAGED = {
    "empty stack": (plain(operations(b".")), "not there"),
    "empty stack for memo": (plain(operations(b"\x94.")), "damaged"),
    "mark without items": (plain(operations(b"(}(u.")), "middle of an object"),
    "close without mark": (plain(operations(b"t.")), "never opened"),
    "pop across a mark": (plain(operations(b"}(a.")), "not there"),
    "unknown memo": (plain(operations(b"h\7.")), "not there"),
    "append to a tuple": (plain(operations(b")Na.")), "fills a tuple as a list"),
    "item of a list": (plain(operations(b"]NNs.")), "fills a list as a dict"),
    "odd dictionary": (plain(operations(b"}(Nu.")), "key without a value"),
    "key that is a list": (plain(operations(b"}]Ns.")), "key of type list"),
    "not UTF-8": (plain(operations(b"X\2\0\0\0\xff\xfe.")), "UTF-8"),
    "no end": (plain(operations(b"N")), "truncated"),
    "two headers": (plain(operations(b"\x80\4N.")), "second header"),
    "more behind the end": (lambda _: write_pickle({"G_ema": None}) + b"N.", "follows its pickle"),
    "later protocol": (plain(b"\x80\x06N."), "begins with"),
    "numpy scalar of the wrong length": (
        lambda _: rooted(Call(NUMPY_SCALAR, (numpy_scalar(1.0).arguments[0], b"abc"))),
        "wrong length",
    ),
    "persistent id": (plain(operations(text("storage") + b"Q.")), "outside of its pickle"),
    "big-endian storage": (
        lambda _: nested(
            legacy_storage(torch.zeros(4)).replace(
                b"little_endianq\x02\x88", b"little_endianq\x02\x89"
            )
        ),
        "little-endian",
    ),
    "storage without its key": (
        lambda _: nested(legacy_storage(torch.zeros(4)).replace(b"]q\x00", b"}q\x00")),
        "fills a dict as a list",
    ),
    "archive's storage of another type": (
        lazily(lambda: native({"w": native_tensor((4,), (1,), 4, kind="QInt8Storage")}, {})),
        "asks for 'torch.QInt8Storage'",
    ),
}

OTHER_FILES = {
    "empty file": (plain(b""), "empty"),
    "web page": (
        plain(b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>"),
        "web page: the download failed",
    ),
    "web page with a byte order mark": (plain(b"\xef\xbb\xbf\r\n <HTML>quota</HTML>"), "web page"),
    "Git LFS pointer": (
        plain(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"),
        "git lfs pull",
    ),
    "gzip": (plain(b"\x1f\x8b\x08" + bytes(40)), "gzip"),
    "picture": (plain(b"\x89PNG\r\n\x1a\n" + bytes(40)), "begins with"),
    "text": (plain(b"hello\n"), "begins with"),
    "one byte": (plain(b"\x80"), "begins with"),
    "zip of other things": (lazily(lambda: archive({"a.txt": b"x"})), "torch.save did not write"),
    "half a zip": (plain(b"PK\3\4" + bytes(100)), "truncated"),
    "training state": (training_state, "state of a training run"),
    "old torch.save": (old_torch_save, "before torch 1.6"),
    "state dict": (
        lazily(lambda: torch_archive(write_pickle({"layer.weight": None}))),
        "something else, with the entries layer.weight",
    ),
    "later version": (
        lazily(
            lambda: torch_archive(
                write_pickle({"format": "ballgan", "version": 2, "config": {}, "state_dict": {}})
            )
        ),
        "version 2",
    ),
    "without weights": (
        lazily(lambda: torch_archive(write_pickle({"format": "ballgan"}))),
        "no weights",
    ),
    "unknown options": (lazily(lambda: native({}, {}, {"speed": 11})), "unknown keys: speed"),
    "other safetensors": (
        lazily(lambda: safetensors({"w": entry([4], 0, 16)}, bytes(16))),
        "something else",
    ),
    "safetensors without configuration": (
        lazily(lambda: safetensors({"__metadata__": {"format": "ballgan", "version": "1"}})),
        "configuration is missing",
    ),
    "safetensors with weights missing": (
        lazily(lambda: safetensors_model({"w": entry([16], 0, 64)})),
        "missing: .*unexpected: w",
    ),
    "pickle of something else": (lambda _: write_pickle([1, 2]), "G_ema"),
    "pickle without G_ema": (lambda _: write_pickle({"G": None}), "G_ema"),
    "empty G_ema": (lambda _: write_pickle({"G_ema": None}), "not the TriPlaneGenerator"),
    "StyleGAN2 generator": (
        lambda _: write_pickle({"D": None, "G_ema": Network("Generator")}),
        "'Generator', not the TriPlaneGenerator",
    ),
    "StyleGAN2 pickle": (
        lambda _: write_pickle({"D": persistent("Discriminator"), "G_ema": None}),
        "StyleGAN2",
    ),
    "generator without options": (
        lambda _: write_pickle({"G_ema": Network("TriPlaneGenerator")}),
        "_init_kwargs",
    ),
}

HOSTILE: dict[str, tuple[Maker, str]] = CODE | MEMORY | HANGS | DAMAGED | OTHER_FILES
