"""Configs of StyleNeRF's parts: the network of points and the image head (StyleNeRF sec. 3)."""

from dataclasses import dataclass
from typing import ClassVar

from .plain import (
    MAX_LAYERS,
    MAX_WIDTH,
    require,
    require_one_of,
    require_range,
    require_resolution,
)

DENSITIES = ("softplus", "relu", "exp")


@dataclass(frozen=True)
class PointNetworkConfig:
    """MLP from encoded positions to raw density, colour and features."""

    hidden_size: int = 128
    num_layers: int = 8  # hidden layers, the input layer included
    skip: bool = False  # append the encoded input again half way
    encoding: str = "frequencies"  # "gaussian": fixed random directions; "none": positions
    num_frequencies: int = 10  # "frequencies" only: sines and cosines of 2^i pi x
    gaussian_features: int = 0  # "gaussian" only: number of random directions
    append_position: bool = False  # the position itself behind its encoding
    position_divisor: float = 1.0  # positions are divided by it first
    axes: str = "xyz"  # the world axes that the network takes as its x, y, z

    def __post_init__(self) -> None:
        require_range("network.hidden_size", self.hidden_size, 1, MAX_WIDTH)
        require_range("network.num_layers", self.num_layers, 1, MAX_LAYERS)
        require(not self.skip or self.num_layers >= 4, "network.skip needs 4 layers or more.")
        require_one_of("network.encoding", self.encoding, ("frequencies", "gaussian", "none"))
        require_range("network.num_frequencies", self.num_frequencies, 1, 24)
        least = int(self.encoding == "gaussian")
        require_range("network.gaussian_features", self.gaussian_features, least, MAX_WIDTH)
        require_range("network.position_divisor", self.position_divisor, 1e-6, 1e6)
        require(
            sorted(self.axes) == ["x", "y", "z"],
            f"network.axes is an order of 'xyz', such as 'zxy'; got {self.axes!r}.",
        )

    @property
    def num_ws(self) -> int:
        """Rows of ws: one a hidden layer, one for the density, one for the features."""
        return self.num_layers + 2

    def encoding_channels(self, dimensions: int) -> int:
        """Width of an encoded position of so many numbers."""
        appended = dimensions if self.append_position else 0
        if self.encoding == "none":
            return dimensions + appended
        if self.encoding == "gaussian":
            return 2 * self.gaussian_features + appended
        return 2 * self.num_frequencies * dimensions + appended


@dataclass(frozen=True)
class StyleFieldConfig:
    """StyleNeRF's foreground: an MLP of the position, modulated by rows of ws."""

    KIND: ClassVar[str] = "stylenerf"

    network: PointNetworkConfig = PointNetworkConfig()
    feature_channels: int = 259  # colour (3) and features
    box_warp: float = 0.24  # side of the cube that the object is in, world units
    density_activation: str = "softplus"  # of the raw density: extinction is softplus(raw - 1),
    # "relu": relu(raw), or "exp": exp(raw - 1) up to exp(5)

    def __post_init__(self) -> None:
        require_range("field.feature_channels", self.feature_channels, 3, MAX_WIDTH)
        require_range("field.box_warp", self.box_warp, 1e-3, 1e3)
        require_one_of("field.density_activation", self.density_activation, DENSITIES)

    @property
    def num_ws(self) -> int:
        """Rows of ws that style it."""
        return self.network.num_ws


@dataclass(frozen=True)
class StyleUpsamplingConfig:
    """StyleNeRF's image head: modulated blocks that double the resolution (StyleNeRF sec. 3.2)."""

    KIND: ClassVar[str] = "stylenerf"

    input_resolution: int = 32
    channels: tuple[int, ...] = (512, 256, 128)  # of the blocks
    kernel_size: int = 1  # of the convolutions, or 3
    upsample: str = "nn_cat"  # "pixelshuffle": learnt sub-pixels; "plain": as StyleGAN2 does
    blur: bool = True  # low-pass after upsampling
    clamp: float | None = 256.0  # clamps the output of every layer to +-clamp
    noise: bool = False  # learnt amounts of it on feature maps: constant, but fresh in training
    shared_rgb_style: bool = False  # all to-RGB layers take the last row of ws
    start_resolution: int = 32  # of pictures when growth is 0
    growth: float = 1.0  # share of the levels above the start that are there; the last one fades in

    def __post_init__(self) -> None:
        require_resolution("super_resolution.input_resolution", self.input_resolution)
        require_resolution("super_resolution.start_resolution", self.start_resolution)
        require(
            self.start_resolution <= self.input_resolution,
            "super_resolution.start_resolution is at most input_resolution.",
        )
        require_range("the number of super_resolution.channels", len(self.channels), 1, 8)
        for channels in self.channels:
            require_range("super_resolution.channels", channels, 4, MAX_WIDTH)
        require(self.kernel_size in (1, 3), "super_resolution.kernel_size is 1 or 3.")
        choices = ("nn_cat", "pixelshuffle", "plain")
        require_one_of("super_resolution.upsample", self.upsample, choices)
        require_range("super_resolution.growth", self.growth, 0, 1)
        if self.clamp is not None:
            require_range("super_resolution.clamp", self.clamp, 0, 1e9)
        require_resolution(
            "super_resolution's picture", self.input_resolution << len(self.channels)
        )

    @property
    def levels(self) -> tuple[int, ...]:
        """Resolutions that growth goes through, the start not included."""
        last = self.input_resolution << len(self.channels)
        first = self.start_resolution.bit_length()
        return tuple(2**k for k in range(first, last.bit_length()))

    @property
    def active_levels(self) -> tuple[int, ...]:
        """The levels that are there at the present growth."""
        if self.growth == 0:
            return ()
        return self.levels[: int(self.growth * len(self.levels)) + 1]

    @property
    def fade(self) -> float:
        """Weight of the newest level against the one below it."""
        return 1.0 if self.growth in (0, 1) else self.growth * len(self.levels) % 1

    @property
    def output_resolution(self) -> int:
        """Side of the picture at the present growth."""
        return (self.start_resolution, *self.active_levels)[-1]

    @property
    def rendered_resolution(self) -> int:
        """Side of the volume-rendered image at the present growth."""
        return min(self.input_resolution, self.output_resolution)

    @property
    def num_ws(self) -> int:
        """Rows of ws: two a block, and one for the last to-RGB layer."""
        return 2 * len(self.channels) + 1
