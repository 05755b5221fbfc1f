"""Training options as frozen dataclasses, and the presets as a visible table.

Amounts of training are in kimg: thousands of real images shown to the discriminator.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from ballgan.camera_prior import CameraPrior
from ballgan.config import (
    BackboneConfig,
    CameraConfig,
    FieldConfig,
    MappingConfig,
    ModelConfig,
    SamplingConfig,
    SphereConfig,
    SuperResolutionConfig,
    from_plain,
    require,
    require_range,
    to_plain,
)
from ballgan.plain import later, require_one_of
from ballgan.stylenerf_config import (
    PointNetworkConfig,
    StyleFieldConfig,
    StyleUpsamplingConfig,
)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """A StyleGAN2-style discriminator: EG3D's residual one, or StyleNeRF's, which can grow."""

    resolution: int = 64  # of the pictures
    dual: bool = False  # also looks at the raw picture (generators with super-resolution)
    conditional: bool = True  # on the camera label
    channel_base: int = 32768  # channels at resolution r: min(channel_base // r, channel_max)
    channel_max: int = 512
    mapping_layers: int = 8  # of the label
    group_size: int = 4  # of the minibatch deviation
    clamp: float | None = 256.0
    architecture: str = later("residual")  # or "skip": colours enter at every resolution

    def __post_init__(self) -> None:
        size = self.resolution
        require_one_of("discriminator.architecture", self.architecture, ("residual", "skip"))
        require(
            self.architecture == "residual" or not (self.dual or self.conditional),
            'With discriminator.architecture "skip", set discriminator.dual and '
            "discriminator.conditional to False.",
        )
        require(
            8 <= size <= 4096 and size & (size - 1) == 0,
            f"discriminator.resolution should be a power of two from 8 to 4096; got {size}.",
        )
        require_range("discriminator.group_size", self.group_size, 1, 64)
        require_range("discriminator.channel_base", self.channel_base, self.resolution, 2**24)
        require_range("discriminator.channel_max", self.channel_max, 1, 8192)
        require_range("discriminator.mapping_layers", self.mapping_layers, 1, 64)

    @property
    def image_channels(self) -> int:
        """Input channels: 3, or 6 with the raw picture."""
        return 6 if self.dual else 3


@dataclass(frozen=True)
class LossConfig:
    """What is minimised; regularisers with weight 0 cost nothing."""

    objective: str = "logistic"  # "logistic" (+ lazy R1) or "relativistic" (+ lazy R1 and R2)
    gamma: float = 1.0  # of the gradient penalties
    penalty_interval: int = 16  # steps of the discriminator between gradient penalties
    binarization: float = 0.0  # weight of mean min(T, 1 - T)
    foreground_density: float = 0.0  # weight of the foreground density regulariser
    foreground_density_kind: str = "distortion"  # or "published": on sigmoid densities
    regularizer_start_kimg: float = 0.0  # the two above begin here ...
    regularizer_ramp_kimg: float = 0.0  # ... and reach their weight this much later
    regularizer_interval: int = 4  # steps of the generator between them
    density_variation: float = 0.0  # weight of |sigma(p) - sigma(p + e)|
    density_variation_kind: str = "raw"  # densities; or "opacity": what the surface's area costs
    density_variation_interval: int = 4
    density_variation_distance: float = 0.004  # standard deviation of e, world units
    sparsity: float = 0.0  # weight of mean 1 - exp(-extinction length) ...
    sparsity_radius: float = 0.0  # ... at points farther than this from the middle of the box
    sparsity_interval: int = 4
    nerf_path: float = later(0.0)  # weight of StyleNeRF's NeRF-path regularisation (MLP foreground)
    nerf_path_side: int = later(16)  # of its lattice of pixels

    def __post_init__(self) -> None:
        require(
            self.objective in ("logistic", "relativistic"),
            f"loss.objective is 'logistic' or 'relativistic'; got {self.objective!r}.",
        )
        require(
            self.foreground_density_kind in ("distortion", "published"),
            "loss.foreground_density_kind is 'distortion' or 'published'; "
            f"got {self.foreground_density_kind!r}.",
        )
        require(
            self.density_variation_kind in ("raw", "opacity"),
            "loss.density_variation_kind is 'raw' or 'opacity'; "
            f"got {self.density_variation_kind!r}.",
        )
        for name in (
            "gamma",
            "binarization",
            "foreground_density",
            "density_variation",
            "sparsity",
            "sparsity_radius",
            "nerf_path",
        ):
            require_range(f"loss.{name}", getattr(self, name), 0, 1e6)
        for name in (
            "penalty_interval",
            "regularizer_interval",
            "density_variation_interval",
            "sparsity_interval",
        ):
            require_range(f"loss.{name}", getattr(self, name), 1, 1000)


@dataclass(frozen=True)
class ScheduleConfig:
    """Optimisation, and everything that changes while training goes on."""

    total_kimg: float = 25000.0
    batch_size: int = 32  # over all processes
    accumulation: int = 1  # parts into which each process splits its share of a batch
    generator_learning_rate: float = 0.0025  # Adam, betas (0, 0.99), eps 1e-8
    discriminator_learning_rate: float = 0.002
    density_rate: float = 1.0  # of the layer that makes the density, times the generator's
    start_radius: float | None = None  # begin as a soft ball of this radius (None: as a fog)
    ema_half_life_kimg: float = 10.0
    ema_rampup: float = 0.05  # the half-life is at most this part of what was seen
    samples: int | None = None  # a ray while training (None: the model's own two passes)
    fine_samples: int = later(0)  # with `samples`: more where those have weight; only these learn
    density_noise: float = 0.0  # standard deviation on raw densities ...
    density_noise_kimg: float = 0.0  # ... falling to 0 until here
    blur_px: float = 0.0  # standard deviation of the blur of all the discriminator sees ...
    blur_kimg: float = 0.0  # ... falling to 0 until here
    conditioning_swap: float = 0.5  # probability that the mapping sees another camera ...
    conditioning_swap_kimg: float = 1000.0  # ... falling from 1 to it until here
    label_noise: float = 0.0  # on the discriminator's labels, in their standard deviations
    style_mixing: float = 0.0  # probability that later rows of ws come from another code
    neural_resolution_start: int | None = None  # of the volume-rendered image (None: the model's)
    neural_resolution_start_kimg: float = 0.0  # until here; it reaches the model's own ...
    neural_resolution_kimg: float = 1000.0  # ... this much later
    augmentation: float = 0.0  # probability of each augmentation
    augmentation_target: float | None = None  # adapt it to this mean sign of D(real) (ADA)
    growth_start_kimg: float = later(0.0)  # pictures have the start resolution until here ...
    growth_kimg: float = later(0.0)  # ... and all levels this much later (0: all from the start)

    def __post_init__(self) -> None:
        require_range("schedule.total_kimg", self.total_kimg, 0, 1e9)
        require_range("schedule.batch_size", self.batch_size, 1, 65536)
        require_range("schedule.accumulation", self.accumulation, 1, self.batch_size)
        for name in ("blur_px", "label_noise", "density_noise", "density_rate"):
            require_range(f"schedule.{name}", getattr(self, name), 0, 1e3)
        if self.start_radius is not None:
            require_range("schedule.start_radius", self.start_radius, 0.01, 1e3)
        if self.samples is not None:
            require_range("schedule.samples", self.samples, 4, 4096)
        require_range("schedule.fine_samples", self.fine_samples, 0, 4096)
        require(
            self.samples is not None or not self.fine_samples,
            "schedule.fine_samples needs schedule.samples.",
        )
        if self.neural_resolution_start is not None:
            require_range("schedule.neural_resolution_start", self.neural_resolution_start, 4, 4096)
        for name in ("conditioning_swap", "style_mixing", "augmentation", "ema_rampup"):
            require_range(f"schedule.{name}", getattr(self, name), 0, 1)


@dataclass(frozen=True)
class RunConfig:
    """How a run is carried out; nothing here changes what is learnt."""

    seed: int = 0
    tick_kimg: float = 4.0  # between log lines
    snapshot_kimg: float = 200.0  # between models, image grids and saved states
    keep: int = 5  # newest models kept; 0: all
    grid: int = 6  # rows and columns of the image grids
    workers: int = 2  # threads that read images ahead
    precision: str = "float32"  # or "bfloat16": in backbone and discriminator
    compile: bool = False  # torch.compile the networks
    max_bad_steps: int = 20  # non-finite steps in a row that stop the run

    def __post_init__(self) -> None:
        require(
            self.precision in ("float32", "bfloat16"),
            f"run.precision is 'float32' or 'bfloat16'; got {self.precision!r}.",
        )
        require_range("run.tick_kimg", self.tick_kimg, 1e-3, 1e6)
        require_range("run.snapshot_kimg", self.snapshot_kimg, 1e-3, 1e6)
        require_range("run.grid", self.grid, 1, 32)
        require_range("run.keep", self.keep, 0, 10**6)
        require_range("run.workers", self.workers, 0, 256)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that defines a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    run: RunConfig = field(default_factory=RunConfig)
    cameras: CameraPrior = later(CameraPrior())

    def __post_init__(self) -> None:
        size = self.model.image_resolution
        require(
            not (self.cameras.is_drawn and self.discriminator.conditional),
            "Where cameras are drawn, those of the photos are not known: set "
            "discriminator.conditional to False.",
        )
        require(
            self.discriminator.resolution == size,
            f"The generator makes pictures of {size} pixels, the discriminator takes "
            f"{self.discriminator.resolution}: set discriminator.resolution to {size}.",
        )
        head = self.model.super_resolution
        grows = isinstance(head, StyleUpsamplingConfig)
        require(
            self.schedule.growth_kimg == 0 or grows,
            "schedule.growth-kimg needs StyleNeRF's image head; others do not grow.",
        )
        require(
            self.discriminator.architecture == "residual"
            or not self.schedule.growth_kimg
            or (isinstance(head, StyleUpsamplingConfig) and head.start_resolution >= 8),
            'With discriminator.architecture "skip", pictures grow from 8 pixels or more: raise '
            "super-resolution.start-resolution.",
        )
        if self.loss.nerf_path > 0:
            require(
                isinstance(head, StyleUpsamplingConfig) and head.kernel_size == 1,
                "loss.nerf-path needs StyleNeRF's image head, with convolutions of 1x1.",
            )
            require_range("loss.nerf_path_side", self.loss.nerf_path_side, 1, size)
        require(
            not self.discriminator.dual or self.model.super_resolution is not None,
            "A dual discriminator needs a generator with super-resolution.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to the run folder."""
        return to_plain(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "TrainConfig":
        """Inverse of `to_dict`; ValueError on unknown or missing keys and wrong types."""
        return from_plain(TrainConfig, data, "config")


# Fields of view: those of the published data sets (normalised focal lengths 4.2647 and 1.0254).
FACE = CameraConfig(radius=2.5, pivot=(0.0, 0.0, 0.2), fov=2 * math.atan(0.5 / 4.2647))
ANIMAL = CameraConfig(radius=2.76, pivot=(0.0, 0.0, -0.06), fov=2 * math.atan(0.5 / 4.2647))
CAR = CameraConfig(radius=1.7, pivot=(0.0, 0.0, 0.0), fov=2 * math.atan(0.5 / 1.025390625))
TOY = CameraConfig(radius=2.7, pivot=(0.0, 0.0, 0.0), fov=2 * math.atan(0.5 / 4.2647))

SR_512 = SuperResolutionConfig(128, (256, 128), (True, True))
SR_256 = SuperResolutionConfig(128, (128, 64), (False, True), resize="enlarge")
SR_128 = SuperResolutionConfig(64, (128, 64), (False, True))


def portrait(gamma: float, camera: CameraConfig) -> TrainConfig:
    """Faces at 512, after EG3D and BallGAN; samples are where rays meet the box."""
    sampling = SamplingConfig(None, None, 48, 48)
    return TrainConfig(
        model=ModelConfig(sampling=sampling, super_resolution=SR_512, camera=camera),
        discriminator=DiscriminatorConfig(512, dual=True),
        loss=LossConfig(gamma=gamma, density_variation=0.25),
        schedule=ScheduleConfig(blur_px=10.0, blur_kimg=200.0),
        run=RunConfig(precision="bfloat16"),
    )


def cars(resolution: int, super_resolution: SuperResolutionConfig) -> TrainConfig:
    """ShapeNet cars, after EG3D's recipe (gamma 0.3 at 128)."""
    return TrainConfig(
        model=ModelConfig(
            field=FieldConfig(box_warp=1.6),
            sampling=SamplingConfig(None, None, 64, 64),
            super_resolution=super_resolution,
            camera=CAR,
        ),
        discriminator=DiscriminatorConfig(resolution, dual=True),
        loss=LossConfig(gamma=0.3 * (resolution / 128) ** 2, density_variation=0.25),
        schedule=ScheduleConfig(blur_px=10.0, blur_kimg=200.0),
        run=RunConfig(precision="bfloat16"),
    )


def toy(resolution: int) -> TrainConfig:
    """Toyworld without super-resolution: one small model that renders at any size."""
    small = resolution <= 32  # trained first, it is a good start for 64 (--init-from)
    tiny = resolution <= 16  # tells variants apart in minutes (benchmarks/study.py)
    return TrainConfig(
        model=ModelConfig(
            mapping=MappingConfig(z_dim=64, w_dim=128, num_layers=2, label_dim=0),
            backbone=BackboneConfig(
                resolution=32 if tiny else 64, channel_base=2048, channel_max=64
            ),
            field=FieldConfig(box_warp=0.9, plane_channels=16, hidden_size=32, feature_channels=3),
            sampling=SamplingConfig(None, None, 24, 24),
            background=SphereConfig(
                z_dim=64,
                w_dim=64,
                mapping_layers=2,
                hidden_size=48,
                num_layers=3,
                num_frequencies=4,
            ),
            camera=TOY,
            neural_resolution=resolution,
        ),
        discriminator=DiscriminatorConfig(
            resolution, channel_base=4096, channel_max=64, mapping_layers=2, clamp=None
        ),
        loss=LossConfig(
            gamma=1.0,
            penalty_interval=8,
            binarization=0.1 if small else 1.0,
            regularizer_start_kimg=4.0 if tiny else 20.0,
            regularizer_ramp_kimg=4.0 if tiny else 40.0,
            sparsity=0.0 if small else 1.0,
            sparsity_radius=0.34,
        ),
        schedule=ScheduleConfig(
            total_kimg=20.0 if tiny else 200.0,
            batch_size=16,
            generator_learning_rate=0.002,
            density_rate=5.0,
            start_radius=0.3,
            samples=12,
            fine_samples=8,
            ema_half_life_kimg=5.0,
            density_noise=1.0,
            density_noise_kimg=4.0,
            conditioning_swap=1.0,
            label_noise=0.3,
        ),
        run=RunConfig(tick_kimg=0.5, snapshot_kimg=4.0, precision="bfloat16"),
    )


def smoke() -> TrainConfig:
    """A few steps in under a minute on a CPU, with nearly every mechanism on."""
    base = toy(16)
    return dataclasses.replace(
        base,
        model=dataclasses.replace(
            base.model,
            backbone=BackboneConfig(resolution=16, channel_base=2048, channel_max=64),
            sampling=SamplingConfig(None, None, 8, 8),
        ),
        loss=dataclasses.replace(
            base.loss,
            penalty_interval=2,
            foreground_density=0.01,
            regularizer_start_kimg=0.0,
            regularizer_ramp_kimg=0.0,
            regularizer_interval=2,
            density_variation=0.25,
            density_variation_interval=2,
            sparsity=0.1,
            sparsity_radius=0.34,
            sparsity_interval=2,
        ),
        schedule=dataclasses.replace(
            base.schedule,
            total_kimg=0.08,
            batch_size=8,
            start_radius=None,
            samples=8,
            fine_samples=4,
            accumulation=2,
            density_noise_kimg=0.02,
            blur_px=2.0,
            blur_kimg=0.04,
            style_mixing=0.5,
            augmentation=0.2,
        ),
        run=RunConfig(tick_kimg=0.016, snapshot_kimg=0.04, grid=2, workers=1),
    )


def compcars_stylenerf() -> TrainConfig:
    """CompCars at 256 after StyleNeRF's recipe, before BallGAN's sphere.

    For photos without cameras. Its own background is chosen by --background inverted-sphere.
    """
    network = PointNetworkConfig(hidden_size=128, num_layers=8)
    model = ModelConfig(
        mapping=MappingConfig(num_layers=8, label_dim=0),
        backbone=None,
        field=StyleFieldConfig(network, feature_channels=259, box_warp=0.4),
        sampling=SamplingConfig(0.8, 1.2, 16, 16, scheme="nerf", planar=True),
        background=SphereConfig(radius=2.0),
        super_resolution=StyleUpsamplingConfig(32, (512, 256, 128), upsample="pixelshuffle"),
        camera=CameraConfig(radius=1.0, fov=math.radians(16)),
        neural_resolution=32,
    )
    return TrainConfig(
        model=model,
        discriminator=DiscriminatorConfig(
            256, conditional=False, channel_base=16384, group_size=8, architecture="skip"
        ),
        loss=LossConfig(gamma=0.5),
        schedule=ScheduleConfig(
            batch_size=64,
            discriminator_learning_rate=0.0025,
            ema_half_life_kimg=20.0,
            ema_rampup=0.0,
            style_mixing=0.9,
            growth_start_kimg=500.0,
            growth_kimg=4500.0,
        ),
        run=RunConfig(precision="bfloat16"),
        cameras=CameraPrior("uniform", yaw=(-math.pi, math.pi), pitch=(-0.155, 0.155)),
    )


def toy_stylenerf() -> TrainConfig:
    """Toyworld at 64 with StyleNeRF's foreground and image head, before BallGAN's sphere."""
    base = toy(64)
    network = PointNetworkConfig(
        hidden_size=64, num_layers=4, num_frequencies=6, position_divisor=0.45
    )
    model = dataclasses.replace(
        base.model,
        backbone=None,
        field=StyleFieldConfig(network, feature_channels=35, box_warp=0.9),
        super_resolution=StyleUpsamplingConfig(32, (32,)),
        neural_resolution=32,
    )
    loss = dataclasses.replace(base.loss, nerf_path=1.0, nerf_path_side=8)
    return dataclasses.replace(base, model=model, loss=loss)


PRESETS: dict[str, TrainConfig] = {
    "ffhq512": portrait(1.0, FACE),
    "afhq512": portrait(5.0, ANIMAL),
    "cars128": cars(128, SR_128),
    "cars256": cars(256, SR_256),
    "toy16": toy(16),
    "toy32": toy(32),
    "toy64": toy(64),
    "toy128": toy(128),
    "toy64-stylenerf": toy_stylenerf(),
    "compcars256-stylenerf": compcars_stylenerf(),
    "smoke": smoke(),
}
