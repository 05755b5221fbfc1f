"""Reads the pickles that the official training programs write into trees of inert data.

Which names may occur, and what they stand for, is the table at the end: supporting another
published kind of model means adding rows to it.
"""

import codecs
import struct
from dataclasses import dataclass
from typing import Any

import torch

from .omegaconf_tree import OMEGACONF_NAMES
from .pickle_reader import (
    Budget,
    KnownName,
    PersistentObject,
    PickleReader,
    PlainModule,
    Record,
    fail,
    quote,
)
from .stored_tensors import TENSOR_NAMES, read_legacy_storage

PERSISTENCE_VERSION = 6
MAX_NAME = 200  # characters of a module's dotted name
MAX_VISITS = 20_000  # modules and tensors in one network; a published one has about 500

PERSISTENT_CLASSES = frozenset(
    (
        *("TriPlaneGenerator", "Generator", "MappingNetwork", "SynthesisNetwork"),
        *("SynthesisBlock", "SynthesisBlockNoUp", "SynthesisLayer", "ToRGBLayer"),
        *("FullyConnectedLayer", "NeRFBlock", "Style2Layer"),
        *("SuperresolutionHybrid2X", "SuperresolutionHybrid4X", "SuperresolutionHybrid8X"),
        *("SuperresolutionHybrid8XDC", "SuperresolutionHybridDeepfp32"),
        *("DualDiscriminator", "DiscriminatorBlock", "DiscriminatorEpilogue"),
        *("MinibatchStdLayer", "Conv2dLayer", "AugmentPipe"),
        *("NeRFSynthesisNetwork", "CameraRay", "VolumeRenderer", "Upsampler", "Discriminator"),
    )
)

# Classes of related models, so that the message can say what the file is.
FOREIGN_CLASSES = {"SynthesisInput": "StyleGAN3"}

TORCH_MODULES = (
    *("container.Sequential", "container.ModuleList", "container.ModuleDict"),
    *("activation.Softplus", "activation.ReLU", "activation.LeakyReLU", "activation.Sigmoid"),
    *("linear.Linear", "linear.Identity"),
)

OFFICIAL_MODULES = (
    ("training.triplane", "OSGDecoder"),
    ("training.volumetric_rendering.renderer", "ImportanceRenderer"),
    ("training.volumetric_rendering.ray_marcher", "MipRayMarcher2"),
    ("training.volumetric_rendering.ray_sampler", "RaySampler"),
)

NUMPY_FORMATS = {
    **{"f2": "e", "f4": "f", "f8": "d", "b1": "?"},
    **{"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"},
}


@dataclass(eq=False, repr=False)
class NumpyType:
    """The type of a numpy scalar."""

    code: str  # such as "f8"
    byte_order: str = "<"

    def set_state(self, state: Any) -> None:
        """Take the byte order from (version, byte order, None, None, None, -1, -1, 0)."""
        if type(state) is not tuple or len(state) < 2 or type(state[1]) is not str:
            fail("it is damaged: a numpy type is not described as numpy does it")
        if state[1] not in ("<", ">", "|", "="):
            fail("it is damaged: a numpy type has an unknown byte order")
        self.byte_order = ">" if state[1] == ">" else "<"


def read_tree(data: memoryview) -> Any:
    """The object that a published pickle holds, as inert data.

    Networks become PersistentObject and PlainModule, dictionaries of any class dict, numpy scalars
    Python numbers, tensors torch.Tensor over `data` (not copied; an object that occurs twice in the
    file is one object in the tree, so the tree may contain itself). Raises CheckpointError.
    """
    return PickleReader(data, PUBLISHED_NAMES, budget=Budget()).read_last()


def collect_state(module: Record) -> dict[str, torch.Tensor]:
    """State dict of a network: dotted names to tensors, parameters and persistent buffers.

    Raises CheckpointError if the attributes are not those of a torch module, or if the modules
    are nested without end.
    """
    state: dict[str, torch.Tensor] = {}
    pending: list[tuple[str, Any]] = [("", module)]
    visits = 0
    while pending:
        prefix, current = pending.pop()
        if not isinstance(current, Record):
            fail(f"{quote(prefix)} is no module but a {type(current).__name__}")
        kinds = [_children(current, kind) for kind in ("_parameters", "_buffers", "_modules")]
        visits += 1 + sum(map(len, kinds))
        if visits > MAX_VISITS or len(prefix) > MAX_NAME:
            fail("its network's modules are nested without end")
        tensors, modules = kinds[0] + kinds[1], kinds[2]
        for name, value in tensors:
            if not isinstance(value, torch.Tensor):
                fail(f"{quote(prefix + name)} is no tensor but a {type(value).__name__}")
            state[prefix + name] = value
        pending += [(f"{prefix}{name}.", child) for name, child in reversed(modules)]
    return state


def _children(module: Record, kind: str) -> list[tuple[str, Any]]:
    entries = module.state.get(kind, {})
    if type(entries) is not dict or len(entries) > MAX_VISITS:
        fail(f"{kind} of a {module.class_name} is no dictionary of a module's size")
    transient = module.state.get("_non_persistent_buffers_set") if kind == "_buffers" else None
    skip = transient if type(transient) is set else ()
    return [
        (str(name)[:MAX_NAME], value)
        for name, value in entries.items()
        if value is not None and name not in skip
    ]


def create_dict(_: PickleReader, arguments: tuple[Any, ...]) -> dict[str, Any]:
    if arguments:
        fail("it is damaged: a dictionary is created with arguments")
    return {}


def _create_persistent(_: PickleReader, arguments: tuple[Any, ...]) -> PersistentObject:
    meta = arguments[0] if len(arguments) == 1 else None
    if type(meta) is not dict or not {"type", "version", "class_name", "state"} <= meta.keys():
        fail("it is damaged: a network object is not described as the official programs do it")
    kind, version, name, state = (meta[k] for k in ("type", "version", "class_name", "state"))
    if type(kind) is not str or kind != "class" or type(version) is not int:
        fail("it is damaged: a network object is not a class")
    if version != PERSISTENCE_VERSION:
        fail(f"its network objects have version {version}; {PERSISTENCE_VERSION} can be read")
    if type(name) is not str or type(state) is not dict:
        fail("it is damaged: a network object has no class name or no attributes")
    if name in FOREIGN_CLASSES:
        fail(f"it holds a {name}, as {FOREIGN_CLASSES[name]} models do: not a 3D generator")
    if name not in PERSISTENT_CLASSES:
        fail(f"it holds an object of class {quote(name)}, which no model that we read needs")
    return PersistentObject(name, state)


def _create_numpy_type(_: PickleReader, arguments: tuple[Any, ...]) -> NumpyType:
    if not 1 <= len(arguments) <= 3 or type(arguments[0]) is not str:
        fail("it is damaged: a numpy type is not described as numpy does it")
    if arguments[0] not in NUMPY_FORMATS:
        fail(f"it holds a numpy scalar of type {quote(arguments[0])}")
    return NumpyType(arguments[0])


def _create_numpy_scalar(_: PickleReader, arguments: tuple[Any, ...]) -> float | int | bool:
    if (
        len(arguments) != 2
        or type(arguments[0]) is not NumpyType
        or type(arguments[1]) is not memoryview
    ):
        fail("it is damaged: a numpy scalar is not described as numpy does it")
    layout = arguments[0].byte_order + NUMPY_FORMATS[arguments[0].code]
    if len(arguments[1]) != struct.calcsize(layout):
        fail("it is damaged: a numpy scalar has the wrong length")
    return struct.unpack(layout, arguments[1])[0]


def _encode_latin1(reader: PickleReader, arguments: tuple[Any, ...]) -> memoryview:
    """`_codecs.encode(text, 'latin1')`: how protocol 2 stores byte strings."""
    if len(arguments) != 2 or any(type(argument) is not str for argument in arguments):
        fail("it is damaged: a byte string is not described as pickle does it")
    reader.budget.spend_text(len(arguments[0]))
    if arguments[1] not in ("latin1", "latin-1"):
        fail(f"it holds a byte string in the encoding {quote(arguments[1])}")
    try:
        return memoryview(bytearray(codecs.latin_1_encode(arguments[0])[0]))
    except UnicodeEncodeError:
        fail("it is damaged: a byte string holds other characters than bytes")


def _plain_module(class_name: str) -> KnownName:
    return KnownName(class_name, create=lambda: PlainModule(class_name))


PUBLISHED_NAMES = {
    **TENSOR_NAMES,
    **OMEGACONF_NAMES,
    ("torch.storage", "_load_from_bytes"): KnownName("_load_from_bytes", call=read_legacy_storage),
    ("collections", "OrderedDict"): KnownName("OrderedDict", call=create_dict),
    ("dnnlib.util", "EasyDict"): KnownName("EasyDict", call=create_dict, create=dict),
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): KnownName(
        "_reconstruct_persistent_obj", call=_create_persistent
    ),
    ("numpy", "dtype"): KnownName("dtype", call=_create_numpy_type),
    ("numpy.core.multiarray", "scalar"): KnownName("scalar", call=_create_numpy_scalar),
    ("numpy._core.multiarray", "scalar"): KnownName("scalar", call=_create_numpy_scalar),
    ("_codecs", "encode"): KnownName("encode", call=_encode_latin1),
    **{
        ("torch.nn.modules." + path.split(".")[0], path.split(".")[1]): _plain_module(
            path.split(".")[1]
        )
        for path in TORCH_MODULES
    },
    **{key: _plain_module(key[1]) for key in OFFICIAL_MODULES},
}
