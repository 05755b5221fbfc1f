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

Found = tuple[DiscriminatorConfig, dict[str, Tensor]]

_LAYER = r"(weight|bias)"
_RESOLUTION = re.compile(r"b(\d{1,5})\.")
_UNUSED = re.compile(r"alpha|(.*\.)?resample_filter")


def read_discriminator(path: str | Path, resolution: int) -> Found | None:
    """A published file's discriminator of pictures of so many pixels; None if it has none.

    Returns its configuration and its weights under our names. Raises CheckpointError if it is
    of another form.
    """
    root = read_published(path)
    network = root.get("D") if isinstance(root, dict) else None
    if not isinstance(network, PersistentObject):
        return None
    state = collect_state(network)
    try:
        if network.class_name == "DualDiscriminator":
            weights = _rename_all(state, rename)
            weights["mapping.w_avg"] = torch.zeros(len(weights["mapping.embed.bias"]))  # not used
            return describe_discriminator(weights, resolution), weights
        if network.class_name == "Discriminator":
            weights = trim(_rename_all(state, rename_progressive), resolution)
            return describe_progressive(weights, resolution), weights
    except KeyError as error:
        raise CheckpointError(f"{path}: its discriminator lacks the weight {error}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: its discriminator cannot be used: {error}") from error
    raise CheckpointError(f"{path}: its discriminator is of the unknown kind {network.class_name}.")


def _rename_all(
    state: dict[str, Tensor], rename: Callable[[str, int], str | None]
) -> dict[str, Tensor]:
    largest = max((int(m[1]) for m in map(_RESOLUTION.match, state) if m), default=0)
    renamed = {}
    for name, tensor in state.items():
        ours = rename(name, largest)
        if ours is not None:
            renamed[ours] = torch.clone(tensor)
    return renamed


# EG3D's


def describe_discriminator(weights: dict[str, Tensor], resolution: int) -> DiscriminatorConfig:
    """The configuration of a published dual discriminator, from the shapes of its weights."""
    widest, first = len(weights["conv.bias"]), len(weights["from_rgb.bias"])
    return DiscriminatorConfig(
        resolution,
        dual=weights["from_rgb.weight"].shape[1] == 6,
        channel_base=first * resolution if first < widest else 32768,
        channel_max=widest,
        mapping_layers=sum(name.startswith("mapping.layers.") for name in weights) // 2,
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
    widest, first = len(weights["conv.bias"]), len(weights["blocks.0.from_rgb.bias"])
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
    blocks = 1 + max(int(m[1]) for m in map(re.compile(r"blocks\.(\d+)\.").match, weights) if m)
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
