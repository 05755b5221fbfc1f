"""NeRF++'s background: a volume from a sphere outwards, without end (NeRF++ sec. 4).

A point at distance r from the origin is given by its direction and 1 / r. Samples are even in
1 / r, from `start` down to 0, which is infinitely far away.
"""

import torch
from torch import Tensor

from .background_config import InvertedSphereConfig
from .background_network import BackgroundNetwork
from .config import MappingConfig
from .geometry import require_inside_sphere
from .point_network import PointNetwork, density_from_raw
from .stylegan2 import Mapping
from .volume import RaySamples, composite, sample_ends

MARGIN = 1e-3  # by which published cameras, which stand on the first sphere, may be outside it
LEAST_INVERSE = 1e-3  # of a mean radius, so that distances stay finite


class InvertedSphereBackground(BackgroundNetwork):
    """Density and features of direction and inverse radius, gathered along rays."""

    config: InvertedSphereConfig
    network: PointNetwork

    def __init__(self, config: InvertedSphereConfig, feature_channels: int, w_dim: int) -> None:
        """w_dim: of the foreground's ws, which "shared" models style it with."""
        super().__init__()
        self.config = config
        self.mapping: Mapping | None = None
        if config.conditioning == "modulated":
            self.mapping = Mapping(
                MappingConfig(config.z_dim, config.w_dim, config.mapping_layers, label_dim=0)
            )
        width = {"modulated": config.w_dim, "concatenated": config.z_dim, "shared": w_dim}
        self.network = PointNetwork(
            config.network,
            dimensions=4,
            feature_channels=feature_channels,
            width=width[config.conditioning],
            modulated=config.conditioning != "concatenated",
        )

    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError if a ray begins beyond the nearest sample."""
        require_inside_sphere(origins, (1 + MARGIN) / self.config.start)

    def look(
        self,
        ws: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See `BackgroundNetwork.look`; distances are to the mean inverse radius."""
        batch, count, _ = origins.shape
        samples = self.sample(
            ws, origins, directions, density_noise=density_noise, generator=generator
        )
        gathered = composite(samples)
        inverse = -gathered.distance.view(batch, count, 1)
        inverse = inverse.clamp_min(LEAST_INVERSE)
        distance = scaled_distance(origins, directions, inverse) / inverse
        return gathered.features.view(batch, count, -1), distance[..., 0]

    def sample(
        self,
        ws: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> RaySamples:
        """Samples of B * N rays, their distance the negative inverse radius; the last is opaque."""
        batch, count, _ = origins.shape
        steps, start = self.config.samples, self.config.start
        jitter = None
        ends = origins.new_ones(batch * count, 1)
        if generator is not None:
            jitter = torch.rand((batch * count, steps), generator=generator, device=origins.device)
        places = sample_ends(-start * ends, 0 * ends, steps, jitter=jitter)
        places = places.expand(batch * count, steps)
        positions = self.place(origins, directions, -places.reshape(batch, count, steps))
        hidden = self.network.hidden(positions.flatten(1, 2), ws)
        raw = self.network.density_of(hidden, ws)
        if density_noise and generator is not None:
            noise = torch.randn(raw.shape, generator=generator, device=raw.device)
            raw = raw + density_noise * noise
        density = density_from_raw(raw, self.config.density_activation)
        features = (self.network.features_of(hidden, ws) + 1) / 2
        return RaySamples(
            places,
            density.view(batch * count, steps),
            features.view(batch * count, steps, -1),
            scheme="nerf",
            opaque_end=True,
        )

    def place(self, origins: Tensor, directions: Tensor, inverse: Tensor) -> Tensor:
        """Direction from the origin and inverse radius (B, N, S, 4) of points on rays.

        inverse: (B, N, S), inverse radii; 0 is the ray's end at infinity. Rays that miss a sphere
        (their cameras are outside it) take their point nearest to it.
        """
        along = scaled_distance(origins, directions, inverse)
        scaled = (
            inverse[..., None] * origins[:, :, None] + along[..., None] * directions[:, :, None]
        )
        unit = torch.nn.functional.normalize(scaled, dim=-1)
        return torch.cat([unit, inverse[..., None]], dim=-1)


def scaled_distance(origins: Tensor, directions: Tensor, inverse: Tensor) -> Tensor:
    """Distances to where rays leave spheres round the origin, times their inverse radius.

    origins, directions: (B, N, 3), of unit length. inverse: (B, N, S), inverse radii u. With foot
    m of the perpendicular at distance d: u t = u d + sqrt(1 - u^2 |m|^2), finite at u = 0.
    """
    foot_distance = -(origins * directions).sum(-1, keepdim=True)
    foot = origins + foot_distance * directions
    square = foot.square().sum(-1, keepdim=True)
    return inverse * foot_distance + (1 - inverse.square() * square).clamp_min(0).sqrt()
