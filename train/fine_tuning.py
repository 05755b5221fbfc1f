"""Beginning a run with a trained model, ours or a published one."""

import dataclasses
import re
from pathlib import Path

import torch
from torch import Tensor

import ballgan
from ballgan.checkpoint import detect_format, map_file, read_published
from ballgan.errors import CheckpointError
from ballgan.generator import Generator
from ballgan.pickle_reader import PersistentObject
from ballgan.published import collect_state

from .config import DiscriminatorConfig, TrainConfig

_LAYER = r"(weight|bias)"


def adopt_model(
    config: TrainConfig, path: str
) -> tuple[TrainConfig, Generator, dict[str, Tensor] | None]:
    """A configuration for the model in `path`, the model, and its discriminator's weights.

    The discriminator is in published files only, and not in all; None: begin with a new one.
    Raises CheckpointError.
    """
    model = ballgan.load(path, device="cpu").requires_grad_(True)
    dual = model.config.super_resolution is not None
    adopted = model.config
    if not dual:
        # Without super-resolution a model has no resolution of its own: take the preset's.
        size = config.model.neural_resolution
        adopted = dataclasses.replace(adopted, neural_resolution=size)
    size = adopted.image_resolution
    weights = None
    if detect_format(map_file(path)) == "published":
        weights = read_discriminator(path)
    discriminator = dataclasses.replace(config.discriminator, resolution=size, dual=dual)
    if weights is not None:
        discriminator = describe_discriminator(weights, size)
    schedule = dataclasses.replace(
        # The averaged weights are good from the start, and so is the discriminator's sharpness.
        config.schedule,
        ema_rampup=0.0,
        blur_px=0.0,
        conditioning_swap_kimg=0.0,
    )
    config = dataclasses.replace(
        config, model=adopted, discriminator=discriminator, schedule=schedule
    )
    return config, model, weights


def read_discriminator(path: str | Path) -> dict[str, Tensor] | None:
    """Weights of a published file's discriminator under our names; None if it has none."""
    root = read_published(path)
    network = root.get("D") if isinstance(root, dict) else None
    if not isinstance(network, PersistentObject):
        return None
    if network.class_name != "DualDiscriminator":
        raise CheckpointError(
            f"{path}: its discriminator is of the unknown kind {network.class_name}."
        )
    state = collect_state(network)
    largest = max(int(m[1]) for m in map(_RESOLUTION.match, state) if m)
    renamed = {}
    for name, tensor in state.items():
        ours = rename(name, largest)
        if ours is not None:
            renamed[ours] = torch.clone(tensor)
    renamed["mapping.w_avg"] = torch.zeros(len(renamed["mapping.embed.bias"]))  # not used
    return renamed


def describe_discriminator(weights: dict[str, Tensor], resolution: int) -> DiscriminatorConfig:
    """The configuration of a published discriminator, from the shapes of its weights."""
    widest, first = len(weights["conv.bias"]), len(weights["from_rgb.bias"])
    return DiscriminatorConfig(
        resolution,
        dual=weights["from_rgb.weight"].shape[1] == 6,
        channel_base=first * resolution if first < widest else 32768,
        channel_max=widest,
        mapping_layers=sum(name.startswith("mapping.layers.") for name in weights) // 2,
    )


_RESOLUTION = re.compile(r"b(\d{1,5})\.")


def rename(name: str, resolution: int) -> str | None:
    """Our name of a published discriminator's weight; None for what is not needed."""
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
