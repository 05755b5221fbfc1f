"""The judge: a small network that sees mask, depth and camera in a picture of toyworld.

Of rooms it also sees how far the walls are. Other backgrounds are painted on a sphere, whose
distance is the same in every picture: nothing to be seen.

It is trained once on toyworld's ground truth (see judge_training.py) and kept in a file with its
own accuracy on pictures it never saw, so that what it says of generated pictures can be weighed.
"""

from __future__ import annotations

import os
import pickle
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ballgan.files import atomic_write
from ballgan.plain import from_plain, later

from .toyworld import DOMAINS
from .toyworld.dataset import VERSION as TOYWORLD_VERSION
from .toyworld.world import RADIUS

VERSIONS = {"heads": 1, "cars": 1, "rooms": 2}  # raise one when that judge or its training changes
SIZES = (16, 32, 64, 128, 256)
DEPTH_SCALE = 0.25  # world units of one unit of the network's depth
BACKGROUND_INVERSE, BACKGROUND_SCALE = 0.16, 0.04  # inverse depth of walls: usual; of its unit
_FARTHEST = 50.0  # that a background is said to be
_WIDTHS = (32, 48, 64, 96, 96, 96)  # channels of the stages, from half the picture's size to 4
_GROUPS = 8
_FORMAT = "ballgan judge"
_MAX_FILE = 2**26  # bytes


@dataclass(frozen=True)
class Accuracy:
    """How well a judge does on toyworld pictures that it never saw."""

    count: int = 0  # pictures
    mask_iou: float = 0.0
    depth_error: float = 0.0  # see metrics.normalized_depth_errors; about 2 for a blind guess
    depth_distance: float = 0.0  # mean absolute error over the mask, world units
    pose_deg: float = 0.0  # mean angle between the camera's directions
    yaw_deg: float = 0.0  # mean absolute error
    pitch_deg: float = 0.0
    background_depth_error: float | None = later(None)  # see metrics.background_depth_errors
    background_distance: float | None = later(None)  # mean absolute error outside, world units


@dataclass(frozen=True)
class JudgeInfo:
    """What a judge was made for."""

    domain: str
    size: int  # of the pictures
    kimg: float = 0.0  # thousands of pictures that it was shown, repeats included
    version: int | None = None  # of VERSIONS; None: the present one
    world: int = TOYWORLD_VERSION
    accuracy: Accuracy = Accuracy()

    def __post_init__(self) -> None:
        if self.domain not in DOMAINS or self.size not in SIZES:
            raise ValueError(
                f"A judge is for {' or '.join(DOMAINS)} at {', '.join(map(str, SIZES))} pixels; "
                f"got {self.domain!r} at {self.size!r}."
            )
        present = VERSIONS[self.domain]
        if self.version not in (None, present) or self.world != TOYWORLD_VERSION:
            raise ValueError("it was made for another version of toyworld or of the judge")
        object.__setattr__(self, "version", present)

    @property
    def sees_background(self) -> bool:
        """Whether it also says how deep the background is."""
        return DOMAINS[self.domain].rooms


@dataclass(frozen=True)
class Opinion:
    """What a judge sees in pictures."""

    mask: Tensor  # (B, 1, H, W) chance that the object covers the pixel, in [0, 1]
    depth: Tensor  # (B, 1, H, W) along the unit ray, world units; meaningful on the object
    direction: Tensor  # (B, 3) unit, from the world's origin to the camera
    features: Tensor  # (B, F) of the appearance, about unit variance on toyworld
    background_depth: Tensor | None  # (B, 1, H, W) likewise, beside the object; None: not seen


class Judge(nn.Module):
    """A U-net whose smallest stage also gives the camera; about 0.5 M parameters at 64 pixels.

    `info` says what it is for. Evaluation keeps no gradients: see `look`.
    """

    def __init__(self, info: JudgeInfo) -> None:
        super().__init__()
        self.info = info
        stages = info.size.bit_length() - 3  # sides size / 2 ... 4
        widths = _WIDTHS[:stages]
        inner = (12, *widths[:-1])
        self.down = nn.ModuleList(
            _stage(a, b, stride=1 if i == 0 else 2)
            for i, (a, b) in enumerate(zip(inner, widths, strict=True))
        )
        self.camera = nn.Sequential(
            nn.Linear(16 * widths[-1], 128), nn.SiLU(inplace=True), nn.Linear(128, 3)
        )
        self.up = nn.ModuleList(
            _block(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        maps = 3 if info.sees_background else 2
        self.head = nn.Conv2d(widths[0], 4 * maps, 3, padding=1)
        features = 2 * sum(widths)
        self.feature_mean: Tensor
        self.feature_scale: Tensor
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] of the judge's size.

        Returns mask logits (B, 1, H, W), depth (B, 1, H, W) in DEPTH_SCALE from RADIUS, the
        camera's direction (B, 3) of any length, and plain features (B, F). If it sees the
        background, the second channel of depth (B, 2, H, W) is the background's inverse depth in
        BACKGROUND_SCALE from BACKGROUND_INVERSE.
        """
        x = F.pixel_unshuffle(pictures, 2)
        seen = []
        for stage in self.down:
            x = stage(x)
            seen.append(x)
        direction = self.camera(x.flatten(1))
        for block, skip in zip(self.up, seen[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), skip], dim=1))
        mask, depth = F.pixel_shuffle(self.head(x), 2).tensor_split([1], dim=1)
        means = [s.mean((2, 3)) for s in seen]
        # The root of a variance has no slope at 0; features are only ever read.
        deviations = [s.detach().flatten(2).std(-1, correction=0) for s in seen]
        return mask, depth, direction, torch.cat([*means, *deviations], dim=1).detach()

    @torch.no_grad()
    def look(self, pictures: Tensor) -> Opinion:
        """What it sees in pictures (B, 3, h, w) in [-1, 1]; they are brought to its size."""
        size = self.info.size
        if pictures.shape[-2:] != (size, size):
            pictures = F.interpolate(pictures, (size, size), mode="bilinear", antialias=True)
        mask, depth, direction, features = self(pictures)
        inverse = BACKGROUND_INVERSE + BACKGROUND_SCALE * depth[:, 1:]
        behind = 1 / inverse.clamp_min(1 / _FARTHEST) if self.info.sees_background else None
        return Opinion(
            mask=mask.sigmoid(),
            depth=RADIUS + DEPTH_SCALE * depth[:, :1],
            direction=F.normalize(direction, dim=1),
            features=(features - self.feature_mean) / self.feature_scale,
            background_depth=behind,
        )


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two convolutions; the first may halve the side."""
    return nn.Sequential(*_block(inputs, outputs, stride), *_block(outputs, outputs))


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, outputs),
        nn.SiLU(inplace=True),
    )


# Files


def cache_path(domain: str, size: int) -> Path:
    """Where the judge of a domain and size is kept; the folder is BALLGAN_CACHE_DIR if set."""
    given = os.environ.get("BALLGAN_CACHE_DIR")
    folder = Path(given) if given else Path(platformdirs.user_cache_dir("ballgan", appauthor=False))
    return folder / "judges" / f"{domain}-{size}-v{VERSIONS[domain]}.{TOYWORLD_VERSION}.pt"


def save_judge(judge: Judge, path: str | Path) -> None:
    """Write a judge, atomically; its folder is made if it is missing."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    state = {name: value.cpu() for name, value in judge.state_dict().items()}
    content = {"format": _FORMAT, "info": asdict(judge.info), "state_dict": state}
    with atomic_write(path) as file:
        torch.save(content, file)


def load_judge(path: str | Path, device: torch.device | str = "cpu") -> Judge:
    """Read a judge; the file cannot run code.

    Raises ValueError, naming the file, if it is missing, damaged, no judge, or out of date.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path} does not exist; a judge of ballgan-train is needed")
    if Path(path).stat().st_size > _MAX_FILE:
        raise ValueError(f"{path} is no judge of ballgan-train: it is too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what other files hold; they are refused anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged, or no judge of ballgan-train: {error}") from error
    try:
        return _read_content(content).to(device)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be used as a judge: {error}") from error


def _read_content(content: Any) -> Judge:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("it is no judge of ballgan-train")
    judge = Judge(from_plain(JudgeInfo, content["info"], "info"))
    judge.load_state_dict(content["state_dict"])
    return judge.eval().requires_grad_(False)
