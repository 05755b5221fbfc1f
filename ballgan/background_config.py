"""Configs of the learnt backgrounds: what lies behind the volume, and how it is painted."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from .plain import MAX_LAYERS, MAX_WIDTH, require_one_of, require_range
from .stylenerf_config import DENSITIES, PointNetworkConfig


@dataclass(frozen=True)
class SphereConfig:
    """BallGAN's background: features on a sphere around the scene (BallGAN sec. 3.2)."""

    KIND: ClassVar[str] = "sphere"

    radius: float = 3.0
    conditioning: str = "modulated"  # "modulated": by a mapped code; "concatenated": raw code
    z_dim: int = 512
    w_dim: int = 512  # of the mapped code; 0 when the raw code is concatenated
    mapping_layers: int = 8  # 0 when the raw code is concatenated
    hidden_size: int = 64
    num_layers: int = 4  # hidden layers, the input layer included
    encoding: str = "direction"  # "direction": seamless; "angles": published, seam at phi = 0
    num_frequencies: int = 10
    angle_divisor: float = 2 * math.pi  # "angles" only: (theta, phi) are divided by it

    def __post_init__(self) -> None:
        require_range("background.radius", self.radius, 1e-3, 1e4)
        require_one_of("background.encoding", self.encoding, ("direction", "angles"))
        require_range("background.angle_divisor", self.angle_divisor, 1e-3, 1e3)
        _check_surface(self)

    @property
    def encoding_channels(self) -> int:
        """Width of the encoded position: sines and cosines of 2 angles or of 3 coordinates."""
        return 2 * self.num_frequencies * (2 if self.encoding == "angles" else 3)

    @property
    def surround_radius(self) -> float:
        """Radius of the sphere on which pictures are hung in place of this background."""
        return self.radius

    @property
    def camera_limit(self) -> float:
        """A camera as far as this from the origin is surely where it can be looked from."""
        return self.radius


@dataclass(frozen=True)
class CubeConfig:
    """Features on the inside of a cube around the scene (BallGAN, supplement)."""

    KIND: ClassVar[str] = "cube"

    side: float = 6.0
    conditioning: str = "modulated"
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    hidden_size: int = 64
    num_layers: int = 4
    num_frequencies: int = 10

    def __post_init__(self) -> None:
        require_range("background.side", self.side, 1e-3, 1e4)
        _check_surface(self)

    @property
    def encoding_channels(self) -> int:
        """Width of the encoded position: sines and cosines of 3 coordinates."""
        return 6 * self.num_frequencies

    @property
    def surround_radius(self) -> float:
        """Radius of the sphere round the cube."""
        return self.side / 2 * math.sqrt(3)

    @property
    def camera_limit(self) -> float:
        """A camera as far as this from the origin is surely where it can be looked from."""
        return self.side / 2


@dataclass(frozen=True)
class PlaneConfig:
    """Features on a square behind the scene, seen from the front only (BallGAN, supplement)."""

    KIND: ClassVar[str] = "plane"

    distance: float = 1.0  # of the plane z = -distance from the origin
    extent: float = 4.0  # side of the square
    conditioning: str = "modulated"
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    hidden_size: int = 64
    num_layers: int = 4
    num_frequencies: int = 10

    def __post_init__(self) -> None:
        require_range("background.distance", self.distance, 0, 1e4)
        require_range("background.extent", self.extent, 1e-3, 1e5)
        _check_surface(self)

    @property
    def encoding_channels(self) -> int:
        """Width of the encoded position: sines and cosines of 2 coordinates."""
        return 4 * self.num_frequencies

    @property
    def surround_radius(self) -> None:
        """A plane surrounds nothing: pictures in its place are endlessly far away."""
        return None

    @property
    def camera_limit(self) -> None:
        """There is no distance from the origin at which all cameras are before the plane."""
        return None


@dataclass(frozen=True)
class InvertedSphereConfig:
    """NeRF++'s background: a volume outside a sphere, sampled in inverse radius (NeRF++ sec. 4)."""

    KIND: ClassVar[str] = "inverted-sphere"

    start: float = 0.5  # inverse radius of the nearest sample; the farthest is at infinity
    samples: int = 4
    conditioning: str = "modulated"  # or "concatenated", or "shared": by the model's own mapping
    z_dim: int = 512  # of the code; with "shared" that of the foreground, whatever is here
    w_dim: int = 512  # "modulated" only
    mapping_layers: int = 8  # "modulated" only
    density_activation: str = "softplus"  # as that of the foreground (see StyleFieldConfig)
    network: PointNetworkConfig = field(
        default_factory=lambda: PointNetworkConfig(hidden_size=64, num_layers=4)
    )

    def __post_init__(self) -> None:
        require_range("background.start", self.start, 1e-6, 1e3)
        require_range("background.samples", self.samples, 2, 1024)
        choices = ("modulated", "concatenated", "shared")
        require_one_of("background.conditioning", self.conditioning, choices)
        require_one_of("background.density_activation", self.density_activation, DENSITIES)
        modulated = self.conditioning == "modulated"
        require_range("background.z_dim", self.z_dim, int(modulated), MAX_WIDTH)
        require_range("background.w_dim", self.w_dim, int(modulated), MAX_WIDTH)
        require_range("background.mapping_layers", self.mapping_layers, int(modulated), MAX_LAYERS)

    @property
    def surround_radius(self) -> None:
        """Its far end is at infinity, and so are pictures in its place."""
        return None

    @property
    def camera_limit(self) -> float:
        """A camera as far as this from the origin is surely where it can be looked from."""
        return 1 / self.start


BackgroundConfig = SphereConfig | CubeConfig | PlaneConfig | InvertedSphereConfig
SurfaceConfig = SphereConfig | CubeConfig | PlaneConfig


def _check_surface(config: SurfaceConfig) -> None:
    """What painted surfaces have in common."""
    choices = ("modulated", "concatenated")
    require_one_of("background.conditioning", config.conditioning, choices)
    modulated = config.conditioning == "modulated"
    require_range("background.z_dim", config.z_dim, 1 if modulated else 0, MAX_WIDTH)
    require_range("background.w_dim", config.w_dim, int(modulated), MAX_WIDTH)
    require_range("background.mapping_layers", config.mapping_layers, int(modulated), MAX_LAYERS)
    require_range("background.hidden_size", config.hidden_size, 1, MAX_WIDTH)
    require_range("background.num_layers", config.num_layers, 1, MAX_LAYERS)
    require_range("background.num_frequencies", config.num_frequencies, 1, 24)
