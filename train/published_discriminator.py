"""The discriminators of published files: EG3D's and BallGAN's dual one, and StyleNeRF's."""

import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ballgan.checkpoint import read_published
from ballgan.errors import CheckpointError
from ballgan.pickle_reader import PersistentObject
from ballgan.published import collect_state

from .config import DiscriminatorConfig
from .phases import make_discriminator

Found = tuple[DiscriminatorConfig, dict[str, Tensor]]

_LAYER = r"(weight|bias)"
_RESOLUTION = re.compile(r"b(\d{1,5})\.")
_UNUSED = re.compile(r"alpha|(.*\.)?resample_filter")


class NoDiscriminator(ValueError):
    """A file holds no discriminator to go on with; the message says why."""


def read_discriminator(path: str | Path, resolution: int) -> Found:
    """A published file's discriminator of pictures of so many pixels.

    Returns its configuration and its weights under our names. Raises NoDiscriminator if there is
    none or it is of another form, CheckpointError if the file is damaged.
    """
    root = read_published(path)
    network = root.get("D") if isinstance(root, dict) else None
    if not isinstance(network, PersistentObject):
        raise NoDiscriminator("the file has none")
    readers = {"DualDiscriminator": _read_dual, "Discriminator": _read_progressive}
    if network.class_name not in readers:
        raise NoDiscriminator(f"the file's is of the unknown kind {network.class_name!r:.80}")
    state = collect_state(network)
    try:
        config, weights = readers[network.class_name](state, resolution)
        _check_shapes(config, weights)
    except KeyError as error:
        raise CheckpointError(f"{path}: its discriminator lacks the weight {error}.") from error
    except ValueError as error:
        raise NoDiscriminator(f"the file's cannot be used: {error}") from error
    return config, weights


def _read_dual(state: dict[str, Tensor], resolution: int) -> Found:
    if _resolution(state) != resolution:
        raise ValueError(f"it is not for pictures of {resolution} pixels")
    weights = _rename_all(state, rename)
    config = describe_discriminator(weights, resolution)
    if config.conditional:
        weights["mapping.w_avg"] = torch.zeros(weights["mapping.embed.bias"].numel())  # not used
    return config, weights


def _read_progressive(state: dict[str, Tensor], resolution: int) -> Found:
    weights = trim(_rename_all(state, rename_progressive), resolution)
    return describe_progressive(weights, resolution), weights


def _check_shapes(config: DiscriminatorConfig, weights: dict[str, Tensor]) -> None:
    """Raise ValueError if weights have other shapes than ours, KeyError if one is missing."""
    with torch.device("meta"):
        ours = make_discriminator(config).state_dict()
    for name, value in ours.items():
        if weights[name].shape != value.shape:
            raise ValueError(
                f"{name} is {tuple(weights[name].shape)}, where {tuple(value.shape)} is needed"
            )


def _resolution(state: dict[str, Tensor]) -> int:
    return max((int(m[1]) for m in map(_RESOLUTION.match, state) if m), default=0)


def _rename_all(
    state: dict[str, Tensor], rename: Callable[[str, int], str | None]
) -> dict[str, Tensor]:
    largest = _resolution(state)
    renamed = {}
    for name, tensor in state.items():
        ours = rename(name, largest)
        if ours is not None:
            renamed[ours] = torch.clone(tensor)
    return renamed


# EG3D's


def describe_discriminator(weights: dict[str, Tensor], resolution: int) -> DiscriminatorConfig:
    """The configuration of a published dual discriminator, from the shapes of its weights.

    Without a mapping network it asks for no cameras.
    """
    widest, first = weights["conv.bias"].numel(), weights["from_rgb.bias"].numel()
    layers = sum(name.startswith("mapping.layers.") for name in weights) // 2
    return DiscriminatorConfig(
        resolution,
        dual=weights["from_rgb.weight"].shape[1:2] == (6,),
        conditional=any(name.startswith("mapping.") for name in weights),
        channel_base=first * resolution if first < widest else 32768,
        channel_max=widest,
        mapping_layers=layers or 8,
    )


def rename(name: str, resolution: int) -> str | None:
    """Our name of a published dual discriminator's weight; None for what is not needed."""
    match = re.fullmatch(rf"b(\d+)\.(skip|conv0|conv1|fromrgb)\.{_LAYER}", name)
    if match and int(match[1]) > 4:
        if match[2] == "fromrgb":
            return f"from_rgb.{match[3]}"
        block = resolution.bit_length() - int(match[1]).bit_length()
        return f"blocks.{block}.{match[2]}.{match[3]}"
    match = re.fullmatch(rf"b4\.(conv|fc|out)\.{_LAYER}", name)
    if match:
        return f"{'output' if match[1] == 'out' else match[1]}.{match[2]}"
    match = re.fullmatch(rf"mapping\.(embed|fc(\d+))\.{_LAYER}", name)
    if match:
        layer = "embed" if match[1] == "embed" else f"layers.{match[2]}"
        return f"mapping.{layer}.{match[3]}"
    return None


# StyleNeRF's


def describe_progressive(weights: dict[str, Tensor], resolution: int) -> DiscriminatorConfig:
    """The configuration of StyleNeRF's discriminator, from the shapes of its weights."""
    widest, first = weights["conv.bias"].numel(), weights["blocks.0.from_rgb.bias"].numel()
    return DiscriminatorConfig(
        resolution,
        conditional=False,
        channel_base=max(first * resolution, resolution),
        channel_max=widest,
        group_size=8 if resolution < 1024 else 4,  # as the released configurations have it
        architecture="skip",
    )


def rename_progressive(name: str, resolution: int) -> str | None:
    """Our name of a weight of StyleNeRF's discriminator; None for what is not needed.

    Raises ValueError for weights that it does not have.
    """
    if _UNUSED.fullmatch(name):
        return None
    match = re.fullmatch(rf"b(\d{{1,5}})\.(fromrgb|conv0|conv1|conv|fc|out)\.{_LAYER}", name)
    if not match:
        raise ValueError(f"StyleNeRF's has no weight {name!r:.80}")
    layer = {"fromrgb": "from_rgb", "out": "output"}.get(match[2], match[2])
    if int(match[1]) == 4:
        return f"{layer}.{match[3]}"
    block = resolution.bit_length() - int(match[1]).bit_length()
    return f"blocks.{block}.{layer}.{match[3]}"


def trim(weights: dict[str, Tensor], resolution: int) -> dict[str, Tensor]:
    """The same discriminator without the blocks for pictures above `resolution`.

    Its generator is still growing then, and colours counted twice where they enter first.
    """
    matches = map(re.compile(r"blocks\.(\d+)\.").match, weights)
    blocks = 1 + max((int(m[1]) for m in matches if m), default=-1)
    surplus = blocks + 2 - (resolution.bit_length() - 1)
    if surplus < 0 or surplus >= blocks:
        raise ValueError(f"it is not for pictures of {resolution} pixels")
    trimmed = {}
    for name, value in weights.items():
        match = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
        if match and int(match[1]) < surplus:
            continue
        if match:
            name = f"blocks.{int(match[1]) - surplus}.{match[2]}"
        trimmed[name] = value
    if surplus:
        for part in ("weight", "bias"):  # the activation in between scales with its input
            trimmed[f"blocks.0.from_rgb.{part}"] = 2 * trimmed[f"blocks.0.from_rgb.{part}"]
    return trimmed
