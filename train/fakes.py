"""Pictures of a model in batches, with their alpha and depth, for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ballgan.frame import resize, resize_depth
from ballgan.generator import Generator
from ballgan.latents import MAX_SEED, z_from_seed
from ballgan.volume import composite

from .metrics import View

BACKGROUND_SEEDS = 10**6  # number i has seed i in front, and this much more behind
_RAYS_AT_ONCE = {"cpu": 2**14}  # elsewhere four times as many


@dataclass(frozen=True)
class Fakes:
    """Pictures of a model; alpha and depth are of its foreground alone, distance is of all."""

    picture: Tensor  # (B, 3, H, W) in [0, 1]
    alpha: Tensor  # (B, 1, h, w)
    transmittance: Tensor  # (B, 1, h, w)
    depth: Tensor  # (B, 1, h, w) along the unit ray, expected; infinite where nothing is
    distance: Tensor  # (B, 1, h, w) the same with the background, if the model has one
    label: Tensor  # (B, 25)

    def view(self, size: int) -> View:
        """Everything at one size; distances are not mixed."""
        picture, alpha = (resize(images, size) for images in (self.picture, self.alpha))
        return View(picture, alpha, resize_depth(self.depth, size), self.label)


class Sampler:
    """Renders a model's pictures by number: the same number gives the same codes.

    Args:
        model: the generator, on its device, in evaluation mode.
        truncation_psi: 1 is the whole variety, which metrics are meant for.
        seed: of the first number, 0 or more.
        resolution: side of the volume-rendered picture; None: the model's own.
    """

    def __init__(
        self,
        model: Generator,
        *,
        truncation_psi: float = 1.0,
        seed: int = 0,
        resolution: int | None = None,
    ) -> None:
        self.model = model
        self.truncation_psi = truncation_psi
        self.seed = seed
        self.resolution = resolution or model.config.neural_resolution
        rays = self.resolution**2
        self.batch = max(1, min(64, _RAYS_AT_ONCE.get(model.device.type, 2**16) // rays))

    @property
    def picture_size(self) -> int:
        """Side of the pictures: without super-resolution it is that of the volume rendering."""
        plain = self.model.super_resolution is None
        return self.resolution if plain else self.model.config.image_resolution

    @torch.no_grad()
    def render(
        self,
        numbers: range,
        labels: Tensor,
        *,
        behind: range | None = None,
        conditioning: Tensor | None = None,
    ) -> Fakes:
        """Pictures with these numbers from cameras (B, 25), one each.

        behind: numbers of the background codes; None: `numbers`. conditioning: labels (B, 25)
        for the mapping network, where it takes any; None: those of the cameras.
        """
        model = self.model
        labels = labels.to(model.device)
        condition = labels if conditioning is None else conditioning.to(model.device)
        ws = model.map(
            self._codes(numbers, model.config.mapping.z_dim, 0),
            condition,
            truncation_psi=self.truncation_psi,
        )
        ws_behind = None
        if model.background is not None:
            z = self._codes(behind or numbers, model.background.config.z_dim, BACKGROUND_SEEDS)
            ws_behind = model.map_background(z, truncation_psi=self.truncation_psi)
        made = model.synthesize(ws, ws_behind, labels, neural_resolution=self.resolution)
        depth = composite(made.samples).mean_distance()
        return Fakes(
            picture=((made.image + 1) / 2).clamp(0, 1).float(),
            alpha=made.opacity.clamp(0, 1).float(),
            transmittance=made.transmittance.clamp(0, 1).float(),
            depth=depth.view_as(made.opacity).float(),
            distance=made.distance.float(),
            label=labels,
        )

    def _codes(self, numbers: range, size: int, offset: int) -> Tensor:
        seeds = [(self.seed + offset + number) % (MAX_SEED + 1) for number in numbers]
        return torch.cat([z_from_seed(seed, size) for seed in seeds]).to(self.model.device)
