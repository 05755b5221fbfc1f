"""Damaged files and files of something else: the parts of `hostile_cases.HOSTILE` by mistake."""

import torch
from hostile import (
    archive,
    entry,
    lazily,
    native,
    native_tensor,
    nested,
    old_torch_save,
    operations,
    persistent,
    plain,
    rooted,
    safetensors,
    safetensors_model,
    torch_archive,
    training_state,
)
from published_writer import (
    NUMPY_SCALAR,
    Call,
    Network,
    legacy_storage,
    numpy_scalar,
    text,
    write_pickle,
)

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
                write_pickle({"format": "ballgan", "version": 3, "config": {}, "state_dict": {}})
            )
        ),
        "version 3",
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
    "StyleGAN3 pickle": (
        lambda _: write_pickle({"D": persistent("SynthesisInput"), "G_ema": None}),
        "StyleGAN3",
    ),
    "generator without options": (
        lambda _: write_pickle({"G_ema": Network("TriPlaneGenerator")}),
        "_init_kwargs",
    ),
}
