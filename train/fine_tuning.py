"""Beginning a run with a trained model, ours or a published one, or with an earlier run."""

import dataclasses
import math
import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import ballgan
from ballgan.camera_prior import CameraPrior
from ballgan.checkpoint import detect_format, map_file
from ballgan.config import SuperResolutionConfig
from ballgan.generator import Generator

from .config import DiscriminatorConfig, TrainConfig
from .discriminator import SKIP_GAIN, Discriminator
from .published_discriminator import Found, NoDiscriminator, read_discriminator
from .run import read_state


class Adopted(NamedTuple):
    """What a run begins with."""

    config: TrainConfig
    model: Generator
    discriminator: dict[str, Tensor] | None  # its weights; None: begin with a new one ...
    reason: str = ""  # ... because of this


def adopt(config: TrainConfig, path: str) -> Adopted:
    """A configuration for what is in `path`, its generator, and its discriminator's weights.

    `path` is a model or the folder of a run. Raises CheckpointError or ValueError.
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
    cameras = earlier.cameras if earlier.cameras.is_drawn else config.cameras
    if cameras.is_drawn and discriminator.conditional:
        raise ValueError(
            f"{folder}: its discriminator asks for the photos' cameras, so they cannot be drawn. "
            f"Begin with one of its models instead: --init-from {folder}/model-....pkl."
        )
    return Adopted(_continue_with(config, model, discriminator, cameras), model, grown)


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
    if small.architecture != "residual":
        if added:
            raise ValueError(
                f"The earlier run's discriminator has the architecture {small.architecture!r}, "
                f"which is not made for larger pictures: choose {small.resolution} pixels."
            )
        return weights
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
    config: TrainConfig,
    model: Generator,
    discriminator: DiscriminatorConfig,
    cameras: CameraPrior,
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
        config,
        model=model.config,
        discriminator=discriminator,
        schedule=schedule,
        loss=loss,
        cameras=cameras,
    )


def adopt_model(config: TrainConfig, path: str) -> Adopted:
    """The generator in a file, and its discriminator if it is a published file with one."""
    model = ballgan.load(path, device="cpu").requires_grad_(True)
    if model.config.super_resolution is None:
        # Without super-resolution a model has no resolution of its own: take the preset's.
        size = config.model.neural_resolution
        model.config = dataclasses.replace(model.config, neural_resolution=size)
    prior = CameraPrior.of_model(model.meta)
    cameras = prior if prior.is_drawn else config.cameras
    size = model.config.image_resolution
    try:
        discriminator, weights = _find_discriminator(path, size, cameras)
        return Adopted(_continue_with(config, model, discriminator, cameras), model, weights)
    except NoDiscriminator as error:
        reason = str(error)
    dual = isinstance(model.config.super_resolution, SuperResolutionConfig)
    discriminator = dataclasses.replace(
        config.discriminator,
        resolution=size,
        dual=dual,
        conditional=config.discriminator.conditional and not cameras.is_drawn,
        architecture="residual" if dual else config.discriminator.architecture,
    )
    return Adopted(_continue_with(config, model, discriminator, cameras), model, None, reason)


def _find_discriminator(path: str, resolution: int, cameras: CameraPrior) -> Found:
    """That of a model's file, for runs with such cameras; raises NoDiscriminator."""
    if detect_format(map_file(path)) != "published":
        raise NoDiscriminator("the file has none")
    found = read_discriminator(path, resolution)
    if found[0].conditional and cameras.is_drawn:
        raise NoDiscriminator("the file's asks for the photos' cameras, but they are drawn")
    return found
