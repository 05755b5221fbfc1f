"""From the names and options of StyleNeRF's published program to ours.

Its world has z up; ours, y up: its x, y, z are our z, x, y.
"""

import dataclasses
import math
import re
from typing import Any

import torch
from torch import Tensor

from .camera_prior import META, CameraPrior
from .config import ModelConfig
from .omegaconf_tree import to_plain_options
from .pickle_reader import PersistentObject, Record, copy_plain, fail, quote
from .plain import from_plain, to_plain

AXES = "zxy"
UNTRAINED_SAMPLES = 20  # a ray, whatever the options say, while the stored alpha is -1

_NETWORK = (
    (r"fc_in\.(.+)", r"layers.0.\1"),
    (r"blocks\.(\d+)\.(.+)", r"layers.[\1].\2"),
    (r"sigma_out\.(.+)", r"density_head.\1"),
    (r"feat_out\.(.+)", r"feature_head.\1"),
    (r"to_rgb\.(.+)", r"color_head.\1"),
    (r"B_pos", r"projection"),
)
# Published name -> ours; [n] is the number of a layer after the first, <n> a resolution.
RENAMINGS: tuple[tuple[str, str], ...] = (
    (r"mapping\.w_avg", r"mapping.w_avg"),
    (r"mapping\.fc(\d+)\.(weight|bias)", r"mapping.layers.\1.\2"),
    *((rf"synthesis\.fg_nerf\.{a}", rf"field.network.{b}") for a, b in _NETWORK),
    *((rf"synthesis\.bg_nerf\.{a}", rf"background.network.{b}") for a, b in _NETWORK),
    (r"synthesis\.b(\d+)\.(conv[01])\.w_avg", r"super_resolution.blocks.<\1>.\2.magnitude"),
    (
        r"synthesis\.b(\d+)\.conv0\.adapter\.0\.(.+)",
        r"super_resolution.blocks.<\1>.conv0.adapter.inner.\2",
    ),
    (
        r"synthesis\.b(\d+)\.conv0\.adapter\.1\.(.+)",
        r"super_resolution.blocks.<\1>.conv0.adapter.outer.\2",
    ),
    (r"synthesis\.b(\d+)\.(conv[01])\.(.+)", r"super_resolution.blocks.<\1>.\2.\3"),
    (r"synthesis\.b(\d+)\.torgb\.(.+)", r"super_resolution.blocks.<\1>.to_rgb.\2"),
)
UNUSED = re.compile(r"(.*\.)?(resample_filter|B_view)|synthesis\.alpha")
POINTWISE = re.compile(r"synthesis\.[fb]g_nerf\..*|synthesis\.b\d+\.conv0\.adapter\..*")

ENCODINGS = {"normal": "frequencies", "gauss": "gaussian"}
DENSITIES = {"relu": "relu", "shiftedsoftplus": "softplus", "exp_truncated": "exp"}
UPSAMPLING = {"nn_cat": "nn_cat", "pixelshuffle": "pixelshuffle", "default": "plain"}

# Options of its networks of points that no published model sets, nor this program has.
FOREIGN_OPTIONS = (
    *("add_rgb", "merge_sigma_feat", "no_sigma", "final_sigmoid_act", "normalized_feat"),
    *("use_viewdirs", "use_normal", "use_sdf"),
)


def is_stylenerf(generator: PersistentObject) -> bool:
    """Whether a generator of a published file is StyleNeRF's."""
    modules = generator.state.get("_modules")
    synthesis = modules.get("synthesis") if type(modules) is dict else None
    return (
        generator.class_name == "Generator"
        and isinstance(synthesis, Record)
        and synthesis.class_name == "NeRFSynthesisNetwork"
    )


def convert(
    generator: PersistentObject, state: dict[str, Tensor]
) -> tuple[ModelConfig, dict[str, Tensor], dict[str, Any]]:
    """Config, state dict and notes of a generator with these tensors. Raises CheckpointError."""
    meta: dict[str, Any] = {"kind": "StyleNeRF", "source": "published StyleNeRF pickle"}
    init = to_plain_options(generator.state.get("_init_kwargs"))
    if type(init) is not dict:
        fail("its generator has no options _init_kwargs")
    options = _Options(init, generator.state, state)
    try:
        config = ModelConfig.from_dict(copy_plain(_read_config(options), "its StyleNeRF options"))
        config = config.grown(options.growth)
        shift = options.shift_of_rays(config.neural_resolution)
        sampling = dataclasses.replace(config.sampling, ray_shift=shift)
        config = dataclasses.replace(config, sampling=sampling)
    except (ValueError, TypeError, ArithmeticError) as error:
        fail(f"its StyleNeRF options cannot be used: {error}")
    prior = _read_prior(options)
    if prior is not None:
        meta[META] = to_plain(prior)
    return config, _rename_state(state, options), meta


class _Options:
    """Options of a file by their groups, and the shapes of its weights."""

    def __init__(
        self, init: dict[str, Any], attributes: dict[str, Any], state: dict[str, Tensor]
    ) -> None:
        self.state = state
        self.synthesis = _group(init, "synthesis_kwargs")
        # Older files have these groups' options one level up.
        self.camera = _group(self.synthesis, "camera_kwargs") or self.synthesis
        self.renderer = _group(self.synthesis, "renderer_kwargs") or self.synthesis
        self.foreground = _group(self.synthesis, "foreground_kwargs")
        self.background = _group(self.synthesis, "background_kwargs")
        self.z_dim = init.get("z_dim", attributes.get("z_dim", 512))
        self.resolution = init.get("img_resolution", attributes.get("img_resolution"))
        self.volume_resolution = self.synthesis.get("resolution_vol", 32)

    @property
    def aligns_corners(self) -> bool:
        """Whether the first and last of a picture's pixels are on the border of the view."""
        return bool(self.camera.get("ray_align_corner", True))

    @property
    def fov(self) -> float:
        """Angle of view in our terms, where pixels are within its border, radians.

        With N pixels on it and between, they are N / (N - 1) times as far apart; so are the rays,
        which pass every (N / R)-th of them (see `shift_of_rays`).
        """
        fov: float = math.radians(self.camera.get("fov", 49.13))
        if not self.aligns_corners:
            return fov
        side = float(self.resolution or 0)
        apart = side / (side - 1)
        return 2 * math.atan(math.tan(fov / 2) * apart)

    def shift_of_rays(self, count: int) -> float:
        """How far R rays a side are to the left and up of even ones, in sides of the picture.

        They pass the first of N / R pixels, not the middle of them: (1 / R - 1 / N) / 2.
        """
        return (1 / count - 1 / float(self.resolution or 0)) / 2 if self.aligns_corners else 0.0

    def shape(self, name: str, *dimensions: int) -> torch.Size:
        """Shape of a weight, which has one of these numbers of dimensions."""
        tensor = self.state.get(name)
        if tensor is None or tensor.ndim not in dimensions or 0 in tensor.shape:
            fail(f"its weight {name} is missing or of another form than StyleNeRF's")
        return tensor.shape

    def count(self, pattern: str) -> int:
        """Number of weights with such names."""
        return sum(1 for name in self.state if re.fullmatch(pattern, name))

    @property
    def block_resolutions(self) -> list[int]:
        """Resolutions of the image head's blocks."""
        found = (re.fullmatch(r"synthesis\.b(\d{1,5})\.torgb\.weight", n) for n in self.state)
        return sorted(int(m[1]) for m in found if m)

    @property
    def alpha(self) -> float:
        """The stored state of progressive growing: -1 untrained, 0 to 1 since."""
        alpha = self.state.get("synthesis.alpha")
        return 1.0 if alpha is None or alpha.numel() != 1 else float(alpha)

    @property
    def growth(self) -> float:
        """Progressive growing in our terms, where an untrained model is whole."""
        grows = self.synthesis.get("progressive", True) and self.alpha != -1
        return self.alpha if grows else 1.0


def _group(options: dict[str, Any], name: str) -> dict[str, Any]:
    value = options.get(name)
    if value is not None and type(value) is not dict:
        fail(f"its options {name} are no dictionary")
    return value or {}


def _read_config(options: _Options) -> dict[str, Any]:
    refuse_foreign_options(options)
    weights = options.shape("mapping.fc0.weight", 2)
    no_background = bool(options.renderer.get("no_background", False))
    return {
        "mapping": {
            "z_dim": weights[1],
            "w_dim": weights[0],
            "num_layers": options.count(r"mapping\.fc\d+\.weight"),
            "label_dim": 0,
            "label_scale": 1.0,
        },
        "backbone": None,
        "field": {
            "kind": "stylenerf",
            "network": _read_network(options, "fg_nerf", options.foreground),
            "feature_channels": 3 + options.shape("synthesis.fg_nerf.feat_out.weight", 4)[0],
            "box_warp": _box(options),
            "density_activation": _density(options),
        },
        "sampling": _read_sampling(options, no_background),
        "background": None if no_background else _read_background(options),
        "super_resolution": _read_head(options),
        "camera": {
            "radius": _middle(options.camera.get("range_radius", [2.732, 2.732])),
            "pivot": [0.0, 0.0, 0.0],
            "fov": options.fov,
        },
        "neural_resolution": options.volume_resolution,
        "white_background": False,
    }


def _read_prior(options: _Options) -> CameraPrior | None:
    """Where the cameras were that it was trained with; None if that is told in turns, or unusable.

    Its polar angle is measured from the top.
    """
    camera = options.camera
    if not camera.get("angular_camera", False):
        return None
    try:
        low, high = camera.get("range_v", [0.25, 0.25])
        prior: CameraPrior = from_plain(
            CameraPrior,
            {
                "distribution": "normal" if camera.get("gaussian_camera") else "uniform",
                "yaw": camera.get("range_u", [0.0, 0.0]),
                "pitch": [math.pi / 2 - high, math.pi / 2 - low],
                "radius": camera.get("range_radius", [2.732, 2.732]),
                "fov": None,
            },
            META,
        )
    except (ValueError, TypeError, ArithmeticError):
        return None
    return prior


def refuse_foreign_options(options: _Options) -> None:
    """CheckpointError for options of experiments, which no published model was made with."""
    for group in (options.foreground, options.background):
        for name in FOREIGN_OPTIONS:
            if group.get(name):
                fail(
                    f"it was made with StyleNeRF's option {name}, which this program does not have"
                )
        if group and not group.get("predict_rgb", False):
            fail("it was made without StyleNeRF's option predict_rgb, which is needed here")
        if group.get("shuffle_factor", 1) != 1 or group.get("activation", "lrelu") != "lrelu":
            fail("it was made with StyleNeRF's option shuffle_factor or with another activation")
    transform = options.camera.get("depth_transform")
    if transform is not None or options.camera.get("dists_normalized"):
        fail(f"its depths are warped ({quote(transform)}), which this program does not do")
    if options.foreground.get("z_dim") or options.synthesis.get("z_dim"):
        fail("its foreground has a code of its own beside w, as GIRAFFE has: not a StyleNeRF model")
    head = _group(options.synthesis, "upsampler_kwargs")
    if any(head.get(name) for name in ("no_2d_renderer", "no_residual_img", "block_reses")):
        fail("its image head is of another form than StyleNeRF's published ones")


def _read_network(options: _Options, name: str, group: dict[str, Any]) -> dict[str, Any]:
    prefix = f"synthesis.{name}"
    encoding = ENCODINGS.get(group.get("positional_encoding", "normal"), "none")
    directions = 0
    if encoding == "gaussian":
        directions = options.shape(f"{prefix}.B_pos", 2)[1]
    return {
        "hidden_size": options.shape(f"{prefix}.fc_in.weight", 2, 4)[0],
        "num_layers": 1 + options.count(rf"synthesis\.{name}\.blocks\.\d+\.weight"),
        "skip": bool(group.get("use_skip", False)),
        "encoding": encoding,
        "num_frequencies": group.get("n_freq_posenc", 10),
        "gaussian_features": directions,
        "append_position": bool(group.get("use_pos", False)),
        "position_divisor": group.get("downscale_p_by", 1),
        "axes": AXES,
    }


def _read_background(options: _Options) -> dict[str, Any]:
    if not options.background.get("inverse_sphere", False):
        fail("its background is no inverted sphere")
    weight = options.shape("synthesis.bg_nerf.fc_in.weight", 2, 4)
    network = _read_network(options, "bg_nerf", options.background)
    concatenated = len(weight) == 2
    encoded = network["gaussian_features"] * 2
    if network["encoding"] == "frequencies":
        encoded = 8 * network["num_frequencies"]
    elif network["encoding"] == "none":
        encoded = 4
    encoded += 4 if network["append_position"] else 0
    return {
        "kind": "inverted-sphere",
        "start": options.camera.get("bg_start", 1.0),
        "samples": options.renderer.get("n_bg_samples", 4),
        "conditioning": "concatenated" if concatenated else "shared",
        "z_dim": weight[1] - encoded if concatenated else options.z_dim,
        "w_dim": 0,
        "mapping_layers": 0,
        "density_activation": _density(options),
        "network": network,
    }


def _read_sampling(options: _Options, no_background: bool) -> dict[str, Any]:
    near, far = options.camera.get("depth_range", [0.5, 6.0])
    samples = options.renderer.get("n_ray_samples", 14)
    if options.alpha == -1:
        samples = UNTRAINED_SAMPLES
    return {
        "near": near,
        "far": far,
        "coarse_samples": samples,
        "fine_samples": samples if options.renderer.get("hierarchical", True) else 0,
        "disparity": False,
        "scheme": "nerf",
        "planar": True,
        "opaque_end": no_background,
    }


def _read_head(options: _Options) -> dict[str, Any] | None:
    resolutions = options.block_resolutions
    if not resolutions:
        return None
    first = options.volume_resolution
    if resolutions != [first << (i + 1) for i in range(len(resolutions))]:
        fail(f"its image head has blocks of the resolutions {quote(resolutions)}")
    mode = options.synthesis.get("upsample_mode", "default")
    name, _, suffix = str(mode).partition("_noblur")
    if name not in UPSAMPLING or suffix:
        fail(f"its image head upsamples by {quote(mode)}; known are {', '.join(UPSAMPLING)}")
    shapes = [options.shape(f"synthesis.b{r}.conv0.weight", 4) for r in resolutions]
    if options.synthesis.get("prog_nerf_only") and options.growth < 1:
        fail("it is from the middle of a training that grows the volume's resolution only")
    return {
        "kind": "stylenerf",
        "input_resolution": first,
        "channels": [shape[0] for shape in shapes],
        "kernel_size": shapes[0][2],
        "upsample": UPSAMPLING[name],
        "blur": not str(mode).endswith("_noblur"),
        "clamp": options.synthesis.get("conv_clamp"),
        "noise": f"synthesis.b{resolutions[0]}.conv0.noise_const" in options.state,
        "shared_rgb_style": bool(
            _group(options.synthesis, "upsampler_kwargs").get(
                "shared_rgb_style", options.synthesis.get("shared_rgb_style", False)
            )
        ),
        "start_resolution": options.synthesis.get("resolution_start", first),
        "growth": 1.0,
    }


def _box(options: _Options) -> float:
    """Side of a cube that holds all that the cameras see between near and far."""
    near, far = options.camera.get("depth_range", [0.5, 6.0])
    radius = _middle(options.camera.get("range_radius", [2.732, 2.732]))
    shift = options.shift_of_rays(options.volume_resolution)
    aside = far * math.tan(options.fov / 2) * (1 + 2 * shift)
    return 2 * max(radius - near, far - radius, aside)


def _density(options: _Options) -> str:
    # Any other name leaves the density as it is, and what is negative counts as nothing.
    return DENSITIES.get(options.renderer.get("sigma_type", "relu"), "relu")


def _middle(bounds: Any) -> float:
    low, high = bounds
    return (low + high) / 2


def _rename_state(state: dict[str, Tensor], options: _Options) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in state.items():
        if UNUSED.fullmatch(name):
            continue
        ours = rename(name, options.volume_resolution)
        if ours is None:
            unknown.append(name)
            continue
        if POINTWISE.fullmatch(name) and tensor.ndim == 4 and tensor.shape[2:] == (1, 1):
            tensor = tensor[:, :, 0, 0]  # a 1x1 convolution on points
        renamed[ours] = tensor
    if unknown:
        fail(f"it has weights that StyleNeRF models do not have: {quote(unknown[:5], 200)}")
    for name in [n for n in renamed if re.search(r"\.conv[01]\.weight$", n)]:
        # Without the option magnitude_ema_beta there is none.
        renamed.setdefault(name.replace(".weight", ".magnitude"), torch.ones(()))
    return renamed


def rename(name: str, volume_resolution: int) -> str | None:
    """Our name of one published parameter or buffer, or None if there is none."""
    first = volume_resolution.bit_length() + 1
    for pattern, replacement in RENAMINGS:
        match = re.fullmatch(pattern, name)
        if match:
            ours = match.expand(replacement)
            ours = re.sub(r"<(\d+)>", lambda m: str(int(m[1][:9]).bit_length() - first), ours)
            return re.sub(r"\[(\d+)\]", lambda m: str(int(m[1][:9]) + 1), ours)
    return None
