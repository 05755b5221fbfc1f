"""Frozen dataclasses that describe a generator completely: a checkpoint needs no other options.

Every number that published weights depend on is a field here, so the code has no special cases
for published models. `to_dict` and `from_dict` convert to and from plain JSON-able containers.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from .plain import (
    MAX_LAYERS,
    MAX_RESOLUTION,
    MAX_WIDTH,
    from_plain,
    require,
    require_range,
    require_resolution,
    to_plain,
)

PLANE_AXES_PUBLISHED = ("xy", "xz", "zx")  # EG3D's released code: plane 2 is plane 1 transposed
PLANE_AXES = ("xy", "xz", "yz")


@dataclass(frozen=True)
class MappingConfig:
    """Mapping network: z and a camera label to w (StyleGAN2 sec. 2, EG3D sec. 4.4)."""

    z_dim: int = 512  # 0: a function of the label alone (discriminators)
    w_dim: int = 512
    num_layers: int = 2
    label_dim: int = 25  # 0: not conditioned on the camera
    label_scale: float = 1.0  # multiplies the camera label; 0 conditions on zeros

    def __post_init__(self) -> None:
        require_range("mapping.z_dim", self.z_dim, 0, MAX_WIDTH)
        require_range("mapping.w_dim", self.w_dim, 1, MAX_WIDTH)
        require_range("mapping.num_layers", self.num_layers, 1, MAX_LAYERS)
        require(self.label_dim in (0, 25), f"mapping.label_dim is 0 or 25; got {self.label_dim!r}.")
        require(self.z_dim + self.label_dim > 0, "mapping needs a z_dim or a label_dim.")
        require_range("mapping.label_scale", self.label_scale, -1e6, 1e6)


@dataclass(frozen=True)
class BackboneConfig:
    """StyleGAN2 synthesis network whose output image is the three feature planes."""

    resolution: int = 256  # of the planes
    channel_base: int = 32768  # channels at resolution r: min(channel_base // r, channel_max)
    channel_max: int = 512
    clamp: float | None = None  # clamps the output of every layer to +-clamp

    def __post_init__(self) -> None:
        require_resolution("backbone.resolution", self.resolution)
        require_range("backbone.channel_max", self.channel_max, 1, MAX_WIDTH)
        require_range("backbone.channel_base", self.channel_base, self.resolution, 2**24)
        if self.clamp is not None:
            require_range("backbone.clamp", self.clamp, 0, 1e9)

    def channels(self, resolution: int) -> int:
        """Channels of the feature maps at `resolution`."""
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., resolution."""
        return tuple(2**k for k in range(2, self.resolution.bit_length()))

    @property
    def num_ws(self) -> int:
        """Rows of w the network uses: one a layer, the last for the last to-RGB layer."""
        return 2 * len(self.resolutions)


@dataclass(frozen=True)
class FieldConfig:
    """Tri-plane field: mean of three plane samples -> one hidden layer -> density and features."""

    box_warp: float = 1.0  # side of the cube covered by the planes, world units
    plane_axes: tuple[str, ...] = PLANE_AXES  # (horizontal, vertical) world axes of each plane
    plane_channels: int = 32
    hidden_size: int = 64
    feature_channels: int = 32  # 3 for a model without super-resolution
    learning_rate_multiplier: float = 1.0
    density_activation: str = "linear"  # "linear", "relu" or "lrelu", on the raw density
    bounded: bool = True  # nothing outside the cube; False: the density of a zero feature

    def __post_init__(self) -> None:
        require_range("field.box_warp", self.box_warp, 1e-3, 1e3)
        require_range("field.plane_channels", self.plane_channels, 1, MAX_WIDTH)
        require_range("field.hidden_size", self.hidden_size, 1, MAX_WIDTH)
        require_range("field.feature_channels", self.feature_channels, 3, MAX_WIDTH)
        require_range("field.learning_rate_multiplier", self.learning_rate_multiplier, 1e-6, 1e6)
        require(
            self.density_activation in ("linear", "relu", "lrelu"),
            "field.density_activation is 'linear', 'relu' or 'lrelu'; "
            f"got {self.density_activation!r}.",
        )
        require(
            len(self.plane_axes) == 3
            and all(len(a) == 2 and set(a) <= set("xyz") for a in self.plane_axes),
            f"field.plane_axes should be three pairs such as 'xy'; got {self.plane_axes!r}.",
        )


@dataclass(frozen=True)
class SamplingConfig:
    """Where rays are sampled (EG3D supplement: two-pass importance sampling)."""

    near: float | None = 2.25  # distance along the unit ray; None: where the ray enters the box
    far: float | None = 3.3  # None: where the ray leaves the box
    coarse_samples: int = 48
    fine_samples: int = 48
    disparity: bool = False  # strata uniform in inverse distance

    def __post_init__(self) -> None:
        require(
            (self.near is None) == (self.far is None),
            f"sampling.near and far are both numbers or both None; got {self.near}, {self.far}.",
        )
        if self.near is not None and self.far is not None:
            require_range("sampling.near", self.near, 0, 1e3)
            require_range("sampling.far", self.far, self.near + 1e-6, 1e4)
        require(
            not (self.disparity and (self.near is None or self.near <= 0)),
            "sampling.disparity needs a near distance above zero.",
        )
        require_range("sampling.coarse_samples", self.coarse_samples, 4, 4096)
        require_range("sampling.fine_samples", self.fine_samples, 0, 4096)


@dataclass(frozen=True)
class SphereConfig:
    """BallGAN's background: features on a sphere around the scene (BallGAN sec. 3.2)."""

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
        require(
            self.conditioning in ("modulated", "concatenated"),
            f"background.conditioning is 'modulated' or 'concatenated'; got {self.conditioning!r}.",
        )
        require(
            self.encoding in ("direction", "angles"),
            f"background.encoding is 'direction' or 'angles'; got {self.encoding!r}.",
        )
        modulated = self.conditioning == "modulated"
        require_range("background.z_dim", self.z_dim, 1 if modulated else 0, MAX_WIDTH)
        require_range("background.w_dim", self.w_dim, int(modulated), MAX_WIDTH)
        require_range("background.mapping_layers", self.mapping_layers, int(modulated), MAX_LAYERS)
        require_range("background.hidden_size", self.hidden_size, 1, MAX_WIDTH)
        require_range("background.num_layers", self.num_layers, 1, MAX_LAYERS)
        require_range("background.num_frequencies", self.num_frequencies, 1, 24)
        require_range("background.angle_divisor", self.angle_divisor, 1e-3, 1e3)

    @property
    def encoding_channels(self) -> int:
        """Width of the encoded position: sines and cosines of 2 angles or of 3 coordinates."""
        return 2 * self.num_frequencies * (2 if self.encoding == "angles" else 3)


@dataclass(frozen=True)
class SuperResolutionConfig:
    """Two modulated blocks that turn the feature image into the picture (EG3D sec. 4.3)."""

    input_resolution: int = 128
    channels: tuple[int, int] = (256, 128)  # of the two blocks
    upsample: tuple[bool, bool] = (True, True)  # whether each block doubles the resolution
    resize: str = "always"  # to input_resolution: "always", or "enlarge" smaller inputs only
    antialias: bool = True  # when resizing
    clamp: float | None = 256.0  # clamps the output of every layer to +-clamp
    noise: str = "none"  # "none", "const" or "random"

    def __post_init__(self) -> None:
        require_resolution("super_resolution.input_resolution", self.input_resolution)
        for channels in self.channels:
            require_range("super_resolution.channels", channels, 1, MAX_WIDTH)
        require(
            self.resize in ("always", "enlarge"),
            f"super_resolution.resize is 'always' or 'enlarge'; got {self.resize!r}.",
        )
        require(
            self.noise in ("none", "const", "random"),
            f"super_resolution.noise is 'none', 'const' or 'random'; got {self.noise!r}.",
        )
        if self.clamp is not None:
            require_range("super_resolution.clamp", self.clamp, 0, 1e9)

    @property
    def output_resolution(self) -> int:
        """Side of the picture for an input of `input_resolution`."""
        return self.input_resolution * 2 ** sum(self.upsample)


@dataclass(frozen=True)
class CameraConfig:
    """The camera a viewer starts from, and the one that conditions the mapping network."""

    radius: float = 2.7  # distance from the pivot
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0)  # world units
    fov: float = math.radians(13.376)  # full vertical angle of view, radians

    def __post_init__(self) -> None:
        require_range("camera.radius", self.radius, 1e-3, 1e4)
        require_range("camera.fov", self.fov, math.radians(0.1), math.radians(170))
        for coordinate in self.pivot:
            require_range("camera.pivot", coordinate, -1e4, 1e4)


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a generator."""

    mapping: MappingConfig = dataclasses.field(default_factory=MappingConfig)
    backbone: BackboneConfig = dataclasses.field(default_factory=BackboneConfig)
    field: FieldConfig = dataclasses.field(default_factory=FieldConfig)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    background: SphereConfig | None = dataclasses.field(default_factory=SphereConfig)
    super_resolution: SuperResolutionConfig | None = None
    camera: CameraConfig = dataclasses.field(default_factory=CameraConfig)
    neural_resolution: int = 64  # side of the volume-rendered image
    white_background: bool = False  # without a sphere: add white (else black) where nothing is

    def __post_init__(self) -> None:
        require_range("neural_resolution", self.neural_resolution, 4, MAX_RESOLUTION)

    @property
    def image_resolution(self) -> int:
        """Side of the final picture in pixels."""
        if self.super_resolution is None:
            return self.neural_resolution
        return self.super_resolution.output_resolution

    def to_dict(self) -> dict[str, Any]:
        """Plain containers that `from_dict` turns back into an equal config."""
        return to_plain(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "ModelConfig":
        """Inverse of `to_dict`; ValueError on unknown or missing keys and wrong types.

        Files of earlier versions may lack what came later (see plain.py).
        """
        return from_plain(ModelConfig, data, "config")
