"""Frozen dataclasses that describe a generator completely: a checkpoint needs no other options.

Every number that published weights depend on is a field here, so the code has no special cases
for published models. `to_dict` and `from_dict` convert to and from plain JSON-able containers.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from .background_config import (
    CubeConfig,
    InvertedSphereConfig,
    PlaneConfig,
    SphereConfig,
)
from .plain import (
    MAX_LAYERS,
    MAX_RESOLUTION,
    MAX_WIDTH,
    from_plain,
    later,
    require,
    require_one_of,
    require_range,
    require_resolution,
    to_plain,
)
from .stylenerf_config import StyleFieldConfig, StyleUpsamplingConfig

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

    KIND: ClassVar[str] = "triplane"

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
    """Where rays are sampled, and how samples add up (see volume.py)."""

    near: float | None = 2.25  # distance along the unit ray; None: where the ray enters the box
    far: float | None = 3.3  # None: where the ray leaves the box
    coarse_samples: int = 48
    fine_samples: int = 48
    disparity: bool = False  # strata uniform in inverse distance
    scheme: str = later("eg3d")  # or "nerf": samples from near to far, each up to the next one
    planar: bool = later(False)  # near and far are depths along the optical axis, not along rays
    opaque_end: bool = later(False)  # the last sample stops all light ("nerf" only)
    ray_shift: float = later(0.0)  # of all rays to the left and up, in sides of the picture

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
        require_one_of("sampling.scheme", self.scheme, ("eg3d", "nerf"))
        require(
            self.scheme == "nerf" or not self.opaque_end,
            "sampling.opaque_end needs the scheme 'nerf'.",
        )
        require(
            not self.planar or self.near is not None, "sampling.planar needs near and far numbers."
        )
        require_range("sampling.coarse_samples", self.coarse_samples, 4, 4096)
        require_range("sampling.fine_samples", self.fine_samples, 0, 4096)
        require_range("sampling.ray_shift", self.ray_shift, -0.5, 0.5)


@dataclass(frozen=True)
class SuperResolutionConfig:
    """Two modulated blocks that turn the feature image into the picture (EG3D sec. 4.3)."""

    KIND: ClassVar[str] = "eg3d"

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

    @property
    def num_ws(self) -> int:
        """Rows of ws of its own: none, the last one of the foreground styles it."""
        return 0


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
    backbone: BackboneConfig | None = dataclasses.field(default_factory=BackboneConfig)
    field: FieldConfig | StyleFieldConfig = dataclasses.field(default_factory=FieldConfig)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    background: SphereConfig | CubeConfig | PlaneConfig | InvertedSphereConfig | None = (
        dataclasses.field(default_factory=SphereConfig)
    )
    super_resolution: SuperResolutionConfig | StyleUpsamplingConfig | None = None
    camera: CameraConfig = dataclasses.field(default_factory=CameraConfig)
    neural_resolution: int = 64  # side of the volume-rendered image
    white_background: bool = False  # without a background: white (else black) where nothing is

    def __post_init__(self) -> None:
        require_range("neural_resolution", self.neural_resolution, 4, MAX_RESOLUTION)
        triplane = isinstance(self.field, FieldConfig)
        require(
            triplane == (self.backbone is not None),
            "A tri-plane field needs a backbone, which makes its planes; other fields have none.",
        )
        if self.shares_mapping and self.background is not None:
            require(
                self.mapping.label_dim == 0 and self.background.z_dim == self.mapping.z_dim,
                "background.conditioning 'shared' needs the mapping's z_dim, and label_dim 0.",
            )

    @property
    def num_field_ws(self) -> int:
        """Rows of ws that make the foreground: the first ones."""
        if isinstance(self.field, FieldConfig):
            assert self.backbone is not None
            return self.backbone.num_ws
        return self.field.num_ws

    @property
    def num_shared_ws(self) -> int:
        """Rows of ws that make a background without a mapping network of its own: the next."""
        if self.shares_mapping and isinstance(self.background, InvertedSphereConfig):
            return self.background.network.num_ws
        return 0

    @property
    def num_ws(self) -> int:
        """Rows of ws: of the foreground, of what shares them, of the image head."""
        head = 0 if self.super_resolution is None else self.super_resolution.num_ws
        return self.num_field_ws + self.num_shared_ws + head

    @property
    def shares_mapping(self) -> bool:
        """Whether the foreground's mapping network also maps the background's codes."""
        return (
            isinstance(self.background, InvertedSphereConfig)
            and self.background.conditioning == "shared"
        )

    @property
    def kind(self) -> str:
        """The paper that combines these parts, or what they are."""
        triplane = isinstance(self.field, FieldConfig)
        behind = None if self.background is None else self.background.KIND
        names: dict[tuple[bool, str | None], str] = {
            (True, None): "EG3D",
            (True, "sphere"): "BallGAN",
            (False, "inverted-sphere"): "StyleNeRF",
            (False, "sphere"): "BallGAN on StyleNeRF",
        }
        field = "tri-planes" if triplane else "StyleNeRF's MLP"
        described = {None: "nothing", "inverted-sphere": "an inverted sphere"}
        before = described.get(behind, f"a {behind}")
        return names.get((triplane, behind), f"{field} before {before}")

    def grown(self, growth: float) -> "ModelConfig":
        """The same model at another state of progressive growing (see StyleUpsamplingConfig)."""
        if not isinstance(self.super_resolution, StyleUpsamplingConfig):
            require(growth == 1, "Only a model with StyleNeRF's image head can grow.")
            return self
        head = dataclasses.replace(self.super_resolution, growth=growth)
        return dataclasses.replace(
            self, super_resolution=head, neural_resolution=head.rendered_resolution
        )

    @property
    def image_resolution(self) -> int:
        """Side of the final picture in pixels."""
        if self.super_resolution is None:
            return self.neural_resolution
        return self.super_resolution.output_resolution

    @property
    def surround_radius(self) -> float | None:
        """Radius of a sphere round the scene on which pictures are hung; None: endless."""
        return None if self.background is None else self.background.surround_radius

    def to_dict(self) -> dict[str, Any]:
        """Plain containers that `from_dict` turns back into an equal config."""
        return to_plain(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "ModelConfig":
        """Inverse of `to_dict`; ValueError on unknown or missing keys and wrong types.

        Files of earlier versions may lack what came later (see plain.py).
        """
        return from_plain(ModelConfig, data, "config")
