"""Where cameras stand: a distribution to draw them from, for photos that tell no cameras."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .camera import MAX_PITCH, orbit_labels
from .config import CameraConfig
from .plain import from_plain, require, require_one_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DISTRIBUTIONS = ("data", "uniform", "normal")
EXTREME_DEVIATIONS = 4  # of "normal" angles from their mean
EXTREME_COUNTS = 33, 9  # yaws and pitches of `extremes`
META = "cameras"  # entry of a model's meta that says which cameras it was trained with


@dataclass(frozen=True)
class CameraPrior:
    """Cameras round the model's own pivot, or those of the data (pi-GAN, StyleNeRF).

    "uniform": yaw and pitch are even between two bounds; "normal": the bounds are one standard
    deviation to both sides of the mean, as StyleNeRF has it. Distance and angle of view are even
    between theirs.
    """

    distribution: str = "data"  # of yaw and pitch: "uniform", "normal"; "data": labels of the data
    yaw: tuple[float, float] = (-0.3, 0.3)  # radians, positive to the right
    pitch: tuple[float, float] = (-0.155, 0.155)  # radians, positive upwards
    radius: tuple[float, float] | None = None  # distance from the pivot (None: the model's)
    fov: tuple[float, float] | None = None  # angle of view, radians (None: the model's)

    def __post_init__(self) -> None:
        require_one_of("cameras.distribution", self.distribution, DISTRIBUTIONS)
        least = {"yaw": -2 * math.pi, "pitch": -MAX_PITCH, "radius": 1e-3, "fov": math.radians(0.1)}
        most = {"yaw": 2 * math.pi, "pitch": MAX_PITCH, "radius": 1e4, "fov": math.radians(170)}
        for name in least:
            low, high = getattr(self, name) or (least[name], most[name])
            require(
                least[name] <= low <= high <= most[name],
                f"cameras.{name} should be two ascending numbers between {least[name]:g} and "
                f"{most[name]:g}; got {low!r} and {high!r}.",
            )

    @property
    def is_drawn(self) -> bool:
        """Whether cameras are drawn, and those of the data are not asked for."""
        return self.distribution != "data"

    def sample(self, random: "torch.Generator", count: int, home: CameraConfig) -> "Tensor":
        """Labels (count, 25) of drawn cameras, on the generator's device.

        home: pivot, and the distance and angle of view where this has none.
        """
        import torch

        if self.distribution == "normal":
            angles = torch.randn(2, count, generator=random, device=random.device) / 2 + 0.5
        else:
            angles = torch.rand(2, count, generator=random, device=random.device)
        lens = torch.rand(2, count, generator=random, device=random.device)
        return self._labels(torch.cat([angles, lens]), home)

    def extremes(self, home: CameraConfig) -> "Tensor":
        """Labels (N, 25) of cameras all over the range that `sample` draws from, its ends included.

        The ends of "normal" angles are four standard deviations from the mean.
        """
        import torch

        end = EXTREME_DEVIATIONS / 2 if self.distribution == "normal" else 0.5
        yaw, pitch = (torch.linspace(0.5 - end, 0.5 + end, count) for count in EXTREME_COUNTS)
        ends = torch.tensor([0.0, 1.0])
        return self._labels(torch.cartesian_prod(yaw, pitch, ends, ends).t(), home)

    def _labels(self, places: "Tensor", home: CameraConfig) -> "Tensor":
        """Labels (N, 25) of places (4, N): yaw, pitch, radius, fov from 0 to 1 of their bounds."""
        import torch

        radius = self.radius or (home.radius, home.radius)
        fov = self.fov or (home.fov, home.fov)
        bounds = torch.tensor([self.yaw, self.pitch, radius, fov], device=places.device)
        low, high = bounds[:, :1], bounds[:, 1:]
        yaw, pitch, distance, view = (low + (high - low) * places).double().unbind()
        pitch, focal = pitch.clamp(-MAX_PITCH, MAX_PITCH), 0.5 / (view / 2).tan()
        return orbit_labels(yaw, pitch, distance, focal, home.pivot)

    def describe(self) -> str:
        """In words."""
        if not self.is_drawn:
            return "those of the data"
        named = {"yaw": self.yaw, "pitch": self.pitch, "radius": self.radius, "fov": self.fov}
        ranges = [f"{n} {r[0]:.4g} to {r[1]:.4g}" for n, r in named.items() if r is not None]
        spread = " (one deviation to both sides of the mean)" if "n" == self.distribution[0] else ""
        return f"{self.distribution} in {', '.join(ranges)}{spread}"

    @staticmethod
    def of_model(meta: Mapping[str, Any]) -> "CameraPrior":
        """What a model's meta says of the cameras that it was trained with; if nothing: "data".

        Raises ValueError if the entry is none of a camera prior.
        """
        if META not in meta:
            return CameraPrior()
        prior: CameraPrior = from_plain(CameraPrior, meta[META], f"the model's meta.{META}")
        return prior
