"""Beginning a run with a trained model, ours or a published one, or with an earlier run."""

import dataclasses
import math
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
from .discriminator import SKIP_GAIN, Discriminator
from .run import read_state

_LAYER = r"(weight|bias)"


Adopted = tuple[TrainConfig, Generator, dict[str, Tensor] | None]


def adopt(config: TrainConfig, path: str) -> Adopted:
    """A configuration for what is in `path`, its generator, and its discriminator's weights.

    `path` is a model or the folder of a run. None instead of a discriminator: begin with a new
    one. Raises CheckpointError or ValueError.
    """
    return adopt_run(config, Path(path)) if Path(path).is_dir() else adopt_model(config, path)


def adopt_run(config: TrainConfig, folder: Path) -> Adopted:
    """The averaged generator and the discriminator of a run, grown to the size in `config`.

    For generators without super-resolution, which have no size of their own: train them with few
    rays first, then with more (ProGAN's idea; nothing has to be faded in here, see `grow`).
    """
    state = read_state(folder)
    earlier = TrainConfig.from_dict(state["settings"]["config"])
    if earlier.model.super_resolution is not None:
        raise ValueError(
            f"{folder}: its model has super-resolution, so its size is fixed. Begin with one of "
            f"its models instead: --init-from {folder}/model-....pkl."
        )
    size = config.model.neural_resolution
    model = Generator(dataclasses.replace(earlier.model, neural_resolution=size))
    model.load_state_dict(state["trainer"]["average"])
    prefix = "discriminator."
    judge = state["trainer"]["judge"]
    small = {k.removeprefix(prefix): v for k, v in judge.items() if k.startswith(prefix)}
    discriminator = dataclasses.replace(
        earlier.discriminator,
        resolution=size,
        # Added blocks are as wide as the first one; this leaves the widths of the others.
        channel_base=widened(earlier.discriminator, size),
    )
    grown = grow(small, earlier.discriminator, discriminator)
    return _continue_with(config, model, discriminator), model, grown


def widened(config: DiscriminatorConfig, resolution: int) -> int:
    """channel_base with which blocks up to `resolution` are as wide as the first one is now."""
    if config.channel_base < config.channel_max * config.resolution:
        return config.channel_base  # it would widen that one too
    return max(config.channel_base, config.channel_max * resolution)


def grow(
    weights: dict[str, Tensor], small: DiscriminatorConfig, large: DiscriminatorConfig
) -> dict[str, Tensor]:
    """A discriminator for larger pictures that judges them as `weights` do when reduced.

    The added blocks hand the first features on, smoothed and reduced; their convolutions begin
    at zero (function-preserving growth, Net2Net). Raises ValueError where that is impossible.
    """
    added = large.resolution.bit_length() - small.resolution.bit_length()
    if added < 0:
        raise ValueError(
            f"The earlier run has pictures of {small.resolution} pixels: it can be gone on with "
            f"at that size or above; got {large.resolution}."
        )
    channels = len(weights["from_rgb.bias"])
    new = Discriminator(large).state_dict()
    for number in range(added):
        block = f"blocks.{number}"
        if new[f"{block}.skip.weight"].shape[:2] != (channels, channels):
            raise ValueError(
                f"Discriminators grow only where the added blocks have the width of the first "
                f"one, {channels}: set discriminator.channel_base of the earlier run to "
                f"{channels * large.resolution} or more, and channel_max to {channels}."
            )
        gain = SKIP_GAIN / math.sqrt(channels)
        new[f"{block}.skip.weight"] = torch.eye(channels)[..., None, None] / gain
        new[f"{block}.conv1.weight"] = torch.zeros_like(new[f"{block}.conv1.weight"])
    for name, value in weights.items():
        match = re.fullmatch(r"blocks\.(\d+)\.(.*)", name)
        new[f"blocks.{int(match[1]) + added}.{match[2]}" if match else name] = value
    return new


def _continue_with(
    config: TrainConfig, model: Generator, discriminator: DiscriminatorConfig
) -> TrainConfig:
    """`config` for networks that are trained already: what belongs to a beginning is left out."""
    schedule = dataclasses.replace(
        # The averaged weights are good from the start, and so is the discriminator's sharpness.
        config.schedule,
        ema_rampup=0.0,
        blur_px=0.0,
        density_noise=0.0,
        start_radius=None,
        conditioning_swap_kimg=0.0,
        growth_kimg=0.0,
    )
    loss = dataclasses.replace(config.loss, regularizer_start_kimg=0.0)
    return dataclasses.replace(
        config, model=model.config, discriminator=discriminator, schedule=schedule, loss=loss
    )


def adopt_model(config: TrainConfig, path: str) -> Adopted:
    """The generator in a file, and its discriminator if it is a published file with one."""
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
    model.config = adopted
    return _continue_with(config, model, discriminator), model, weights


def read_discriminator(path: str | Path) -> dict[str, Tensor] | None:
    """Weights of a published file's discriminator under our names; None if it has none."""
    root = read_published(path)
    network = root.get("D") if isinstance(root, dict) else None
    if not isinstance(network, PersistentObject) or network.class_name != "DualDiscriminator":
        return None  # StyleNeRF's sums up pictures of all sizes, as ours does not
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
