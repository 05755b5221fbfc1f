"""Backgrounds that are painted on a surface: BallGAN's sphere, and the cube and the plane.

BallGAN sec. 3.2 and its supplement, which compares them. Each ray meets the surface once, so one
look at the network is enough, and there is no density.
"""

import torch
from torch import Tensor

from .background_config import CubeConfig, PlaneConfig, SphereConfig, SurfaceConfig
from .background_network import BackgroundNetwork
from .config import MappingConfig
from .fields import feature_from_logit
from .geometry import (
    intersect_box,
    intersect_sphere,
    require_inside_cube,
    require_inside_sphere,
    sphere_angles,
)
from .mlp import ModulatedMLP, PlainMLP, encode_positions
from .stylegan2 import Mapping


class SurfaceBackground(BackgroundNetwork):
    """An MLP of the position on a surface, styled by a code."""

    def __init__(self, config: SurfaceConfig, feature_channels: int) -> None:
        super().__init__()
        self.config = config
        self.mapping: Mapping | None = None
        self.network: ModulatedMLP | PlainMLP
        widths = (config.encoding_channels, config.hidden_size, feature_channels)
        if config.conditioning == "modulated":
            self.mapping = Mapping(
                MappingConfig(config.z_dim, config.w_dim, config.mapping_layers, label_dim=0)
            )
            self.network = ModulatedMLP(*widths, num_layers=config.num_layers, w_dim=config.w_dim)
        else:
            self.network = PlainMLP(*widths, num_layers=config.num_layers, code_dim=config.z_dim)

    def forward(self, points: Tensor, ws: Tensor) -> Tensor:
        """Features (B, N, F) in [0, 1] at points (B, N, 3) on the surface.

        ws: (B, num_ws, w_dim), or the raw code (B, 1, z_dim) where it is concatenated.
        """
        return feature_from_logit(self.network(self.encode(points), ws))

    def look(
        self,
        ws: Tensor,
        origins: Tensor,
        directions: Tensor,
        *,
        density_noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See `BackgroundNetwork.look`."""
        distance = self.distance(origins, directions)
        return self(origins + distance[..., None] * directions, ws), distance

    def distance(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distance (...) along unit rays (..., 3) to the surface."""
        raise NotImplementedError

    def encode(self, points: Tensor) -> Tensor:
        """Positional encoding of points on the surface: (B, N, 3) -> (B, N, encoding_channels)."""
        raise NotImplementedError


class SphereBackground(SurfaceBackground):
    """Features on a sphere of `config.radius` round the world origin (BallGAN sec. 3.2)."""

    config: SphereConfig

    def distance(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distance (...) along unit rays from inside to the sphere."""
        return intersect_sphere(origins, directions, self.config.radius)

    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError if a ray begins outside the sphere."""
        require_inside_sphere(origins, self.config.radius)

    def encode(self, points: Tensor) -> Tensor:
        """Positional encoding of directions: (B, N, 3) -> (B, N, encoding_channels).

        Only the points' direction from the origin matters. "angles" jumps at phi = 0, where the
        published models have a seam.
        """
        if self.config.encoding == "angles":
            position = sphere_angles(points) / self.config.angle_divisor
        else:
            position = torch.nn.functional.normalize(points, dim=-1) / 2
        return encode_positions(position, self.config.num_frequencies)


class CubeBackground(SurfaceBackground):
    """Features on the faces of a cube of `config.side` round the world origin, from inside."""

    config: CubeConfig

    def distance(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distance (...) along unit rays from inside to the cube."""
        return intersect_box(origins, directions, self.config.side)[1]

    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError if a ray begins outside the cube."""
        require_inside_cube(origins, self.config.side)

    def encode(self, points: Tensor) -> Tensor:
        """Positional encoding of the place on the cube, seamless over its edges.

        Only the points' direction from the origin matters.
        """
        place = points / points.abs().amax(-1, keepdim=True).clamp_min(1e-12)
        return encode_positions(place / 2, self.config.num_frequencies)


class PlaneBackground(SurfaceBackground):
    """Features on the square |x|, |y| <= extent / 2 of the plane z = -distance."""

    config: PlaneConfig
    surrounds = False

    def distance(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Distance (...) along unit rays to the plane; very large where they do not meet it."""
        along = (-directions[..., 2]).clamp_min(1e-6)
        return ((origins[..., 2] + self.config.distance) / along).clamp_min(0.0)

    def check_rays(self, origins: Tensor, directions: Tensor) -> None:
        """Raise ValueError unless all rays meet the square from its front."""
        distance, extent = self.config.distance, self.config.extent
        if not (origins[..., 2] > -distance).all():
            raise ValueError(
                f"The camera should be in front of the background plane z = {-distance:g}; move it "
                "forward, or turn the background off."
            )
        points = origins + self.distance(origins, directions)[..., None] * directions
        farthest = points[..., :2].abs().amax().item()
        if not ((directions[..., 2] < -1e-6).all() and farthest <= extent / 2):
            raise ValueError(
                f"The camera looks past the background plane, a square of side {extent:g} at "
                f"z = {-distance:g}, which covers views from the front only. Turn the camera back "
                "or come closer, or turn the background off."
            )

    def encode(self, points: Tensor) -> Tensor:
        """Positional encoding of x and y; beyond the square, of its border."""
        place = (points[..., :2] / self.config.extent).clamp(-0.5, 0.5)
        return encode_positions(place, self.config.num_frequencies)
