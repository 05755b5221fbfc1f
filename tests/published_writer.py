"""Writes pickles as the official training programs do, operation by operation, for tests.

Python's pickler cannot be used: it would need the official classes. `write_pickle` takes plain
containers, text, numbers, tensors and the classes below, and can therefore write hostile files too.
"""

import io
import struct
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(eq=False)
class Name:
    """A global name."""

    module: str
    name: str


@dataclass(eq=False)
class Call:
    """The result of calling `function`, and optionally the state it is then given."""

    function: Any
    arguments: tuple[Any, ...] = ()
    state: Any = None


@dataclass(eq=False)
class New:
    """An object created without arguments and given a state."""

    kind: Any
    state: Any = None


@dataclass(eq=False)
class Raw:
    """Pickle operations as they are."""

    operations: bytes


@dataclass(eq=False)
class Network:
    """A persistent object: attributes, tensors and children by name."""

    class_name: str
    attributes: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    children: dict[str, Any] = field(default_factory=dict)
    module_src: str = ""


ORDERED_DICT = Name("collections", "OrderedDict")
PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
LOAD_BYTES = Name("torch.storage", "_load_from_bytes")
NUMPY_SCALAR = Name("numpy.core.multiarray", "scalar")
NUMPY_DTYPE = Name("numpy", "dtype")


def write_pickle(root: Any) -> bytes:
    """Pickle of `root` in protocol 4, in one frame."""
    out = io.BytesIO()
    _write(root, out, {})
    body = out.getvalue() + b"."
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


def text(value: str) -> bytes:
    """The operation that pushes a text."""
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def legacy_storage(tensor: torch.Tensor) -> bytes:
    """The nested torch serialisation of a tensor's numbers."""
    out = io.BytesIO()
    typed = torch.storage.TypedStorage(
        wrap_storage=tensor.contiguous().untyped_storage(), dtype=tensor.dtype, _internal=True
    )
    torch.save(typed, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def tensor_call(storage: Any, size: Any, stride: Any, offset: Any = 0) -> Call:
    """A tensor over a storage, described as torch does it."""
    return Call(REBUILD, (storage, offset, size, stride, False, Call(ORDERED_DICT)))


def stored_tensor(tensor: torch.Tensor) -> Call:
    """A tensor with its own numbers."""
    tensor = tensor.contiguous()
    storage = Call(LOAD_BYTES, (legacy_storage(tensor),))
    return tensor_call(storage, tuple(tensor.shape), tensor.stride())


def numpy_scalar(value: float) -> Call:
    """A float64 numpy scalar."""
    dtype = Call(NUMPY_DTYPE, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    return Call(NUMPY_SCALAR, (dtype, struct.pack("<d", value)))


def module_state(network: Network) -> dict[str, Any]:
    """The attribute dict of a module."""
    return {
        "training": False,
        "_parameters": {
            name: Call(Name("torch._utils", "_rebuild_parameter"), (t, False, Call(ORDERED_DICT)))
            for name, t in network.parameters.items()
        },
        "_buffers": Call(ORDERED_DICT),
        "_non_persistent_buffers_set": Raw(b"\x8f"),
        "_forward_hooks": Call(ORDERED_DICT),
        "_modules": network.children,
        "weight_gain": numpy_scalar(0.5),
        **network.attributes,
    }


def _write(value: Any, out: io.BytesIO, memo: dict[int, tuple[int, Any]]) -> None:
    if value is None or isinstance(value, bool):
        out.write({None: b"N", True: b"\x88", False: b"\x89"}[value])
    elif isinstance(value, int):
        length = value.bit_length() // 8 + 1
        small = 0 <= value < 256
        long = b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)
        out.write(b"K" + bytes([value]) if small else long)
    elif isinstance(value, float):
        out.write(b"G" + struct.pack(">d", value))
    elif isinstance(value, bytes):
        out.write(b"B" + struct.pack("<I", len(value)) + value)
    elif isinstance(value, str):
        out.write(text(value))
    elif isinstance(value, Raw):
        out.write(value.operations)
    elif isinstance(value, tuple):
        out.write(b"(")
        for item in value:
            _write(item, out, memo)
        out.write(b"t")
    elif id(value) in memo:
        out.write(b"j" + struct.pack("<I", memo[id(value)][0]))
    else:
        _write_object(value, out, memo)


def _write_object(value: Any, out: io.BytesIO, memo: dict[int, tuple[int, Any]]) -> None:
    """Write an object that may occur again, and put it into the memo."""

    def memoize() -> None:
        memo[id(value)] = (len(memo), value)
        out.write(b"\x94")

    if isinstance(value, dict):
        out.write(b"}")
        memoize()
        out.write(b"(")
        for key, item in value.items():
            _write(key, out, memo)
            _write(item, out, memo)
        out.write(b"u")
    elif isinstance(value, list):
        out.write(b"]")
        memoize()
        out.write(b"(")
        for item in value:
            _write(item, out, memo)
        out.write(b"e")
    elif isinstance(value, torch.Tensor):
        _write(stored_tensor(value), out, memo)
        memoize()
    elif isinstance(value, Network):
        description = {"type": "class", "version": 6, "module_src": value.module_src}
        description |= {"class_name": value.class_name, "state": module_state(value)}
        _write(Call(PERSISTENT, (description,)), out, memo)
        memoize()
    elif isinstance(value, Name):
        out.write(text(value.module) + text(value.name) + b"\x93")
        memoize()
    elif isinstance(value, Call):
        _write(value.function, out, memo)
        _write(value.arguments, out, memo)
        out.write(b"R")
        memoize()
    else:
        _write(value.kind, out, memo)
        out.write(b")\x81")
        memoize()
    if isinstance(value, Call | New) and value.state is not None:
        _write(value.state, out, memo)
        out.write(b"b")


@dataclass(frozen=True)
class PublishedOptions:
    """Sizes of a network file; the defaults make the smallest file."""

    background: str | None = "ver1"  # "ver0", or None for EG3D
    super_resolution: str = "SuperresolutionHybrid2X"
    resolution: int = 8  # of the planes; official files have 256
    channel_base: int = 64
    channel_max: int = 8
    w_dim: int = 8
    background_layers: int = 2
    hidden_size: int = 4


def published_file(options: PublishedOptions | None = None, seed: int = 0) -> bytes:
    """A network file with random weights, in the official format."""
    return write_pickle(published_root(options, seed))


def published_root(options: PublishedOptions | None = None, seed: int = 0) -> dict[str, Any]:
    """What `published_file` writes."""
    options = options or PublishedOptions()
    generator = published_generator(options, seed)
    settings = {"class_name": "training.dataset.ImageFolderDataset", "use_labels": True}
    return {
        "training_set_kwargs": settings,
        "G": None,
        "D": None,
        "G_ema": generator,
        "augment_pipe": None,
    }


def published_generator(options: PublishedOptions, seed: int = 0) -> Network:
    """A TriPlaneGenerator of random weights."""
    generator = torch.Generator().manual_seed(seed)
    root = Network("TriPlaneGenerator", _root_attributes(options))
    for name, shape in published_shapes(options).items():
        *path, leaf = name.split(".")
        network = root
        for part in path:
            network = network.children.setdefault(part, Network("SynthesisLayer"))
        network.parameters[leaf] = torch.randn(shape, generator=generator)
    for name, class_name in (
        ("superresolution", options.super_resolution),
        ("backbone", "Generator"),
    ):
        root.children[name].class_name = class_name
    decoder = root.children["decoder"]
    root.children["decoder"] = New(Name("training.triplane", "OSGDecoder"), module_state(decoder))
    return root


def _root_attributes(options: PublishedOptions) -> dict[str, Any]:
    rendering: dict[str, Any] = {
        **{"depth_resolution": 8, "depth_resolution_importance": 8, "box_warp": 1},
        **{"ray_start": 2.25, "ray_end": 3.3, "c_scale": 1.0, "c_gen_conditioning_zero": False},
        **{"avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2]},
        "superresolution_module": f"training.superresolution.{options.super_resolution}",
    }
    sizes = {"channel_base": options.channel_base, "channel_max": options.channel_max}
    attributes: dict[str, Any] = {
        **{"z_dim": 8, "c_dim": 25, "w_dim": options.w_dim, "neural_rendering_resolution": 64},
        **{"rendering_kwargs": rendering, "_init_args": (), "_init_kwargs": sizes},
    }
    if options.background:
        attributes["BG_kwargs"] = {
            **{"bg_ver": options.background, "R": 3.0, "n_blocks": options.background_layers},
            **{"hidden_size": options.hidden_size, "positional_encoding": "normal"},
        }
    return attributes


def published_shapes(options: PublishedOptions) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights of a generator (OFFICIAL_FORMAT.md, section 12)."""
    w = options.w_dim
    shapes: dict[str, tuple[int, ...]] = {"dataset_label_std": (25,)}
    shapes |= {"backbone.mapping.w_avg": (w,)}
    shapes |= _linear("backbone.mapping.embed", w, 25)
    shapes |= _linear("backbone.mapping.fc0", w, 8 + w) | _linear("backbone.mapping.fc1", w, w)
    previous, resolution = 0, 4
    while resolution <= options.resolution:
        channels = min(options.channel_base // resolution, options.channel_max)
        prefix = f"backbone.synthesis.b{resolution}"
        shapes[f"{prefix}.resample_filter"] = (4, 4)
        if resolution == 4:
            shapes[f"{prefix}.const"] = (channels, 4, 4)
        else:
            shapes |= _layer(f"{prefix}.conv0", previous, channels, resolution, w)
        shapes |= _layer(f"{prefix}.conv1", channels, channels, resolution, w)
        shapes |= _to_rgb(f"{prefix}.torgb", channels, 96, w)
        previous, resolution = channels, resolution * 2
    shapes |= _linear("decoder.net.0", 64, 32)
    if options.background:
        shapes |= _linear("decoder.sigma_out", 1, 64) | _linear("decoder.rgb_out", 32, 64)
    else:
        shapes |= _linear("decoder.net.2", 33, 64)
    widths, first = {
        "SuperresolutionHybrid2X": ((32, 128, 64), 64),
        "SuperresolutionHybrid4X": ((32, 128, 64), 128),
        "SuperresolutionHybridDeepfp32": ((32, 128, 64), 128),
        "SuperresolutionHybrid8X": ((32, 128, 64), 256),
        "SuperresolutionHybrid8XDC": ((32, 256, 128), 256),
    }[options.super_resolution]
    for i in range(2):
        prefix, resolution = f"superresolution.block{i}", first * 2**i
        shapes |= _layer(f"{prefix}.conv0", widths[i], widths[i + 1], resolution, w)
        shapes |= _layer(f"{prefix}.conv1", widths[i + 1], widths[i + 1], resolution, w)
        shapes |= _to_rgb(f"{prefix}.torgb", widths[i + 1], 3, w)
    return shapes | _background_shapes(options)


def _background_shapes(options: PublishedOptions) -> dict[str, tuple[int, ...]]:
    w, hidden = options.w_dim, options.hidden_size
    modulated = options.background == "ver1"
    widths = {"fc_in": (40 if modulated else 48, hidden)}
    widths |= {f"blocks.{i}": (hidden, hidden) for i in range(options.background_layers - 1)}
    widths |= {"feat_out": (hidden, 32)}
    shapes: dict[str, tuple[int, ...]] = {}
    if modulated:
        shapes["BG_mapping.w_avg"] = (w,)
        shapes |= _linear("BG_mapping.fc0", w, 8) | _linear("BG_mapping.fc1", w, w)
    for name, (inputs, outputs) in widths.items() if options.background else ():
        if modulated:
            shapes |= _to_rgb(f"BG_Net.{name}", inputs, outputs, w)
        else:
            shapes |= _linear(f"BG_Net.{name}", outputs, inputs)
    return shapes


def _linear(prefix: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": (outputs, inputs), f"{prefix}.bias": (outputs,)}


def _to_rgb(prefix: str, inputs: int, outputs: int, w: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}.weight": (outputs, inputs, 1, 1),
        f"{prefix}.bias": (outputs,),
        **_linear(f"{prefix}.affine", inputs, w),
    }


def _layer(
    prefix: str, inputs: int, outputs: int, resolution: int, w: int
) -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}.weight": (outputs, inputs, 3, 3),
        f"{prefix}.noise_strength": (),
        f"{prefix}.noise_const": (resolution, resolution),
        f"{prefix}.bias": (outputs,),
        f"{prefix}.resample_filter": (4, 4),
        **_linear(f"{prefix}.affine", inputs, w),
    }
