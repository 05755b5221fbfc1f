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

        radius = self.radius or (home.radius, home.radius)
        fov = self.fov or (home.fov, home.fov)
        if self.distribution == "normal":
            angles = torch.randn(2, count, generator=random, device=random.device) / 2 + 0.5
        else:
            angles = torch.rand(2, count, generator=random, device=random.device)
        lens = torch.rand(2, count, generator=random, device=random.device)
        bounds = torch.tensor([self.yaw, self.pitch, radius, fov], device=random.device)
        low, high = bounds[:, :1], bounds[:, 1:]
        drawn = low + (high - low) * torch.cat([angles, lens]).view(4, count)
        yaw, pitch, distance, view = drawn.double().unbind()
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
