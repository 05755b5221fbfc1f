"""From the names and options of the published programs to ours.

`published.read_tree` gives the tree of a network file; `convert` finds its averaged generator and
returns a config that reproduces it, and its weights under our names.
"""

import math
import re
from typing import Any

import torch
from torch import Tensor

from . import official_stylenerf
from .config import PLANE_AXES_PUBLISHED, ModelConfig
from .pickle_reader import PersistentObject, Record, copy_plain, fail, quote
from .published import collect_state

# input resolution, when to resize, channels and upsampling of the two blocks, antialiasing allowed
SUPER_RESOLUTIONS: dict[str, tuple[int, str, list[int], list[bool], bool]] = {
    "SuperresolutionHybrid2X": (64, "always", [128, 64], [False, True], True),
    "SuperresolutionHybrid4X": (128, "enlarge", [128, 64], [False, True], True),
    "SuperresolutionHybridDeepfp32": (128, "enlarge", [128, 64], [False, True], False),
    "SuperresolutionHybrid8X": (128, "always", [128, 64], [True, True], True),
    "SuperresolutionHybrid8XDC": (128, "always", [256, 128], [True, True], True),
}

# Published name -> our name; {n - 1} is the number of the group, changed by so much.
_LAYER = r"(weight|bias|noise_strength|noise_const|affine\.weight|affine\.bias)"
RENAMINGS: tuple[tuple[str, str], ...] = (
    (r"backbone\.mapping\.(w_avg|embed\.weight|embed\.bias)", r"mapping.\1"),
    (r"backbone\.mapping\.fc(\d+)\.(weight|bias)", r"mapping.layers.\1.\2"),
    (r"backbone\.synthesis\.b4\.const", r"backbone.const"),
    (rf"backbone\.synthesis\.b4\.conv1\.{_LAYER}", r"backbone.conv.\1"),
    (rf"backbone\.synthesis\.b4\.torgb\.{_LAYER}", r"backbone.to_rgb.\1"),
    (rf"backbone\.synthesis\.b(\d+)\.(conv[01])\.{_LAYER}", r"backbone.blocks.<\1>.\2.\3"),
    (rf"backbone\.synthesis\.b(\d+)\.torgb\.{_LAYER}", r"backbone.blocks.<\1>.to_rgb.\2"),
    (r"decoder\.net\.0\.(weight|bias)", r"field.hidden.\1"),
    (r"decoder\.sigma_out\.(weight|bias)", r"field.density_head.\1"),
    (r"decoder\.rgb_out\.(weight|bias)", r"field.feature_head.\1"),
    (r"BG_mapping\.w_avg", r"background.mapping.w_avg"),
    (r"BG_mapping\.fc(\d+)\.(weight|bias)", r"background.mapping.layers.\1.\2"),
    (rf"BG_Net\.fc_in\.{_LAYER}", r"background.network.layers.0.\1"),
    (rf"BG_Net\.blocks\.(\d+)\.{_LAYER}", r"background.network.layers.[\1].\2"),
    (rf"BG_Net\.feat_out\.{_LAYER}", r"background.network.output.\1"),
    (rf"superresolution\.block([01])\.(conv[01])\.{_LAYER}", r"super_resolution.blocks.\1.\2.\3"),
    (rf"superresolution\.block([01])\.torgb\.{_LAYER}", r"super_resolution.blocks.\1.to_rgb.\2"),
)
UNUSED = re.compile(r"(.*\.)?(resample_filter|dataset_label_std)")


def convert(root: Any) -> tuple[ModelConfig, dict[str, Tensor], dict[str, Any]]:
    """Config, state dict and notes of the averaged generator in a published network file.

    `root` is what `published.read_tree` returns. Raises CheckpointError.
    """
    generator = find_generator(root)
    state = collect_state(generator)
    if official_stylenerf.is_stylenerf(generator):
        return official_stylenerf.convert(generator, state)
    kind = "BallGAN" if "BG_kwargs" in generator.state else "EG3D"
    try:
        options = copy_plain(read_config(generator, state), f"its {kind} options")
        config = ModelConfig.from_dict(options)
    except ValueError as error:
        fail(f"its {kind} options cannot be used: {error}")
    weights = rename_state(state)
    meta = {"kind": kind, "source": f"published {kind} pickle"}
    return config, weights, meta


def find_generator(root: Any) -> PersistentObject:
    """The averaged generator of a network file."""
    if type(root) is not dict or "G_ema" not in root:
        fail("it holds no averaged generator G_ema, which official network files have")
    generator = root["G_ema"]
    if isinstance(generator, PersistentObject):
        if generator.class_name == "TriPlaneGenerator" or official_stylenerf.is_stylenerf(
            generator
        ):
            return generator
    what = generator.class_name if isinstance(generator, Record) else type(generator).__name__
    fail(
        f"its generator is a {quote(what)}, not the TriPlaneGenerator of BallGAN and EG3D or the "
        "one of StyleNeRF"
    )


def rename_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published state names to ours; EG3D's joint output layer becomes two heads."""
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in state.items():
        if UNUSED.fullmatch(name):
            continue
        if name in ("decoder.net.2.weight", "decoder.net.2.bias"):
            parameter = name.rpartition(".")[2]
            renamed[f"field.density_head.{parameter}"] = tensor[:1]
            renamed[f"field.feature_head.{parameter}"] = tensor[1:]
            continue
        ours = rename(name)
        if ours is None:
            unknown.append(name)
            continue
        if name.startswith("BG_Net.") and tensor.ndim == 4 and tensor.shape[2:] == (1, 1):
            tensor = tensor[:, :, 0, 0]  # a 1x1 convolution on points
        renamed[ours] = tensor
    if unknown:
        fail(f"it has weights that BallGAN and EG3D models do not have: {quote(unknown[:5], 200)}")
    return renamed


def rename(name: str) -> str | None:
    """Our name of one published parameter or buffer, or None if there is none."""
    for pattern, replacement in RENAMINGS:
        match = re.fullmatch(pattern, name)
        if match:
            ours = match.expand(replacement)
            # <R> is a resolution: blocks start at 8. [I] is a layer after the first one.
            ours = re.sub(r"<(\d+)>", lambda m: str(int(m[1][:9]).bit_length() - 4), ours)
            return re.sub(r"\[(\d+)\]", lambda m: str(int(m[1][:9]) + 1), ours)
    return None


def read_config(generator: PersistentObject, state: dict[str, Tensor]) -> dict[str, Any]:
    """Our config, as plain containers, of a published generator."""
    attributes = generator.state
    init = _dictionary(attributes, "_init_kwargs")
    rendering = _dictionary(attributes, "rendering_kwargs")
    background = None
    if "BG_kwargs" in attributes:
        background = _read_sphere(_dictionary(attributes, "BG_kwargs"), state)
    unconditioned = rendering.get("c_gen_conditioning_zero", False)
    first_layer = _shape(state, "backbone.mapping.fc0.weight", 2)
    planes = max(int(m[1]) for m in map(_BLOCK.match, state) if m)
    plane_channels = _shape(state, "decoder.net.0.weight", 2)[1]
    return {
        "mapping": {
            "z_dim": attributes.get("z_dim", 512),
            "w_dim": first_layer[0],
            "num_layers": _count(state, r"backbone\.mapping\.fc\d+\.weight"),
            "label_dim": 25 if "backbone.mapping.embed.weight" in state else 0,
            "label_scale": 0.0 if unconditioned else rendering.get("c_scale", 0),
        },
        "backbone": {
            "resolution": planes,
            "channel_base": init.get("channel_base", 32768),
            "channel_max": init.get("channel_max", 512),
            "clamp": _clamp(
                generator, ("backbone", "synthesis", "b4", "conv1"), init.get("conv_clamp")
            ),
        },
        "field": {
            "box_warp": rendering.get("box_warp", 1.0),
            "plane_axes": PLANE_AXES_PUBLISHED,
            "plane_channels": plane_channels,
            "hidden_size": _shape(state, "decoder.net.0.weight", 2)[0],
            "feature_channels": _feature_channels(state),
            "learning_rate_multiplier": rendering.get("decoder_lr_mul", 1.0),
            "density_activation": rendering.get("sigma_act", "linear"),
            "bounded": False,
        },
        "sampling": _read_sampling(rendering),
        "background": background,
        "super_resolution": _read_super_resolution(generator, init, rendering),
        "camera": _read_camera(rendering),
        "neural_resolution": attributes.get("neural_rendering_resolution", 64),
        "white_background": background is None and bool(rendering.get("white_back", False)),
    }


def _read_sampling(rendering: dict[str, Any]) -> dict[str, Any]:
    near, far = rendering.get("ray_start"), rendering.get("ray_end")
    automatic = near == "auto" and far == "auto"
    return {
        "near": None if automatic else near,
        "far": None if automatic else far,
        "coarse_samples": rendering.get("depth_resolution", 48),
        "fine_samples": rendering.get("depth_resolution_importance", 48),
        "disparity": rendering.get("disparity_space_sampling", False),
    }


def _read_sphere(options: dict[str, Any], state: dict[str, Tensor]) -> dict[str, Any]:
    version = options.get("bg_ver", "ver1")
    if version not in ("ver0", "ver1"):
        fail(f"its background is of the unknown kind {quote(version)}; known are ver0 and ver1")
    if options.get("positional_encoding", "normal") != "normal":
        fail(f"its background encoding {quote(options['positional_encoding'])} is unknown")
    modulated = version == "ver1"
    inputs = _shape(state, "BG_Net.fc_in.weight", 4 if modulated else 2)
    frequencies = 10
    z_dim = (
        _shape(state, "BG_mapping.fc0.weight", 2)[1] if modulated else inputs[1] - 4 * frequencies
    )
    return {
        "radius": options.get("R", 3.0),
        "conditioning": "modulated" if modulated else "concatenated",
        "z_dim": z_dim,
        "w_dim": _shape(state, "BG_mapping.fc0.weight", 2)[0] if modulated else 0,
        "mapping_layers": _count(state, r"BG_mapping\.fc\d+\.weight"),
        "hidden_size": inputs[0],
        "num_layers": 1 + _count(state, r"BG_Net\.blocks\.\d+\.weight"),
        "encoding": "angles",
        "num_frequencies": frequencies,
        "angle_divisor": options.get("downscale_p_by", 2 * math.pi),
    }


def _read_super_resolution(
    generator: PersistentObject, init: dict[str, Any], rendering: dict[str, Any]
) -> dict[str, Any]:
    name = _child(generator, ("superresolution",)).class_name
    if name not in SUPER_RESOLUTIONS:
        fail(f"its super-resolution {quote(name)} is unknown")
    resolution, resize, channels, upsample, antialias = SUPER_RESOLUTIONS[name]
    return {
        "input_resolution": resolution,
        "channels": channels,
        "upsample": upsample,
        "resize": resize,
        "antialias": antialias and bool(rendering.get("sr_antialias", True)),
        # Layers that were meant for half precision clamp, also when computed in float32.
        "clamp": _clamp(
            generator,
            ("superresolution", "block0", "conv0"),
            256.0 if init.get("sr_num_fp16_res", 4) else None,
        ),
        "noise": rendering.get("superresolution_noise_mode", "none"),
    }


def _read_camera(rendering: dict[str, Any]) -> dict[str, Any]:
    """The front camera of the published samplers, as an orbit round its pivot."""
    radius = rendering.get("avg_camera_radius", 2.7)
    pivot = rendering.get("avg_camera_pivot", [0, 0, 0])
    plain = type(radius) in (int, float) and type(pivot) in (list, tuple) and len(pivot) == 3
    if not plain or not all(type(p) in (int, float) for p in pivot):
        fail("its avg_camera_radius or avg_camera_pivot are no numbers")
    # The cars are seen through a wider lens; the files do not say so, but only theirs are so near.
    focal = 1.025390625 if radius < 2 else published_focal_length()
    return {
        "radius": math.dist((0.0, 0.0, radius), pivot),
        "pivot": [float(p) for p in pivot],
        "fov": 2 * math.atan(0.5 / focal),
    }


def published_focal_length(fov_deg: float = 18.837) -> float:
    """Normalised focal length of the published samplers for their field-of-view option.

    Their formula measures the angle along a diagonal, with truncated constants.
    """
    return 1 / (math.tan(fov_deg * 3.14159 / 360) * 1.414)


_BLOCK = re.compile(r"backbone\.synthesis\.b(\d{1,5})\.torgb\.weight$")


def _feature_channels(state: dict[str, Tensor]) -> int:
    if "decoder.net.2.weight" in state:
        return _shape(state, "decoder.net.2.weight", 2)[0] - 1
    return _shape(state, "decoder.rgb_out.weight", 2)[0]


def _dictionary(attributes: dict[str, Any], key: str) -> dict[str, Any]:
    value = attributes.get(key)
    if type(value) is not dict:
        fail(f"its generator has no options {key}")
    return value


def _shape(state: dict[str, Tensor], name: str, ndim: int) -> torch.Size:
    if name not in state or state[name].ndim != ndim:
        fail(f"its weight {name} is missing or not {ndim}-dimensional")
    return state[name].shape


def _count(state: dict[str, Tensor], pattern: str) -> int:
    return sum(1 for name in state if re.fullmatch(pattern, name))


def _child(module: Record, path: tuple[str, ...]) -> Record:
    for name in path:
        children = module.state.get("_modules")
        child = children.get(name) if type(children) is dict else None
        if not isinstance(child, Record):
            fail(f"its generator has no part {'.'.join(path)}")
        module = child
    return module


def _clamp(generator: Record, path: tuple[str, ...], default: Any) -> Any:
    """The clamp that a layer was built with; `default` if the file does not say."""
    return _child(generator, path).state.get("conv_clamp", default)
