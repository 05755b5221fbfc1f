"""Every kind of hostile or mistaken file that we know of.

`HOSTILE` gives for every kind a function that makes the bytes (of a file that would write to
`canary` if anything in it ran) and a pattern that the error's message has to match.
"""

import struct

import torch
from hostile import (
    TERA,
    Maker,
    archive,
    call,
    changed_config,
    changed_generator,
    changed_options,
    compressed_archive,
    duplicate_names,
    edited,
    entry,
    evil_pickle,
    lazily,
    lying_storage,
    malicious_source,
    native,
    native_tensor,
    nested,
    nested_modules,
    operations,
    overlapping_entries,
    persistent,
    plain,
    rooted,
    safetensors,
    safetensors_model,
    self_containing,
    self_containing_list,
    tensor_claim,
    torch_archive,
)
from mistaken_cases import DAMAGED, OTHER_FILES
from published_writer import (
    LOAD_BYTES,
    NUMPY_DTYPE,
    ORDERED_DICT,
    PERSISTENT,
    REBUILD,
    Call,
    Name,
    Network,
    New,
    Raw,
    legacy_storage,
    tensor_call,
    text,
    write_pickle,
)

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

HOSTILE: dict[str, tuple[Maker, str]] = CODE | MEMORY | HANGS | DAMAGED | OTHER_FILES
