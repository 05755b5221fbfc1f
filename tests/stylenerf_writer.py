"""Writes network files as StyleNeRF's training program does, with random weights.

Names and shapes are those of the format's description (section 7), options those of its released
configurations; `omegaconf` stores them in the containers that the program leaves in its files.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from published_writer import Call, Name, Network, New, numpy_scalar, write_pickle

DICT_CONFIG = Name("omegaconf.dictconfig", "DictConfig")
LIST_CONFIG = Name("omegaconf.listconfig", "ListConfig")
ANY_NODE = Name("omegaconf.nodes", "AnyNode")
CONTAINER_METADATA = Name("omegaconf.base", "ContainerMetadata")
METADATA = Name("omegaconf.base", "Metadata")
ANY, DICT = Name("typing", "Any"), Name("builtins", "dict")
DEFAULTDICT = Name("collections", "defaultdict")


@dataclass(frozen=True)
class StyleNerfOptions:
    """Sizes and options of a network file; the defaults make a small CompCars-like one."""

    w_dim: int = 8
    resolution: int = 32
    volume_resolution: int = 8
    start_resolution: int = 8
    features: int = 8
    hidden: int = 8
    layers: int = 3
    hidden_behind: int = 6
    layers_behind: int = 2
    z_dim_behind: int = 4  # 0: the background is modulated by w
    upsample_mode: str = "pixelshuffle"
    channels: int = 8
    kernel_size: int = 1
    noise: bool = False
    magnitude: bool = True
    alpha: float = 1.0
    omegaconf: bool = True
    flat: bool = False  # camera and renderer options one level up, as in older files
    no_background: bool = False
    synthesis: dict[str, Any] = field(default_factory=dict)  # further options
    foreground: dict[str, Any] = field(default_factory=dict)
    camera: dict[str, Any] = field(default_factory=dict)


def stylenerf_file(options: StyleNerfOptions | None = None, seed: int = 0) -> bytes:
    """A network file with random weights, in the official format."""
    options = options or StyleNerfOptions()
    root = {"training_set_kwargs": {}, "G": None, "D": None}
    return write_pickle(root | {"G_ema": stylenerf_generator(options, seed), "augment_pipe": None})


def stylenerf_generator(options: StyleNerfOptions, seed: int = 0) -> Network:
    """The averaged generator."""
    random = torch.Generator().manual_seed(seed)
    root = Network("Generator", {"z_dim": options.w_dim, "img_resolution": options.resolution})
    root.attributes |= {"_init_args": (), "_init_kwargs": stored_options(options)}
    for name, shape in stylenerf_shapes(options).items():
        *path, leaf = name.split(".")
        network = root
        for part in path:
            network = network.children.setdefault(part, Network("SynthesisLayer"))
        tensor = torch.randn(shape, generator=random)
        if leaf == "w_avg" and not shape:
            tensor = tensor.abs() + 0.5
        network.parameters[leaf] = torch.tensor(options.alpha) if leaf == "alpha" else tensor
    synthesis = root.children["synthesis"]
    synthesis.class_name = "NeRFSynthesisNetwork"
    camera = Network("CameraRay")
    renderer = Network("VolumeRenderer", {"C": camera, "n_ray_samples": numpy_scalar(8)})
    synthesis.attributes |= {"C": camera, "V": renderer, "U": Network("Upsampler"), "I": None}
    return root


def stored_options(options: StyleNerfOptions) -> Any:
    """`_init_kwargs`: plain, or in containers with references to other parts."""
    camera = {
        **{"range_u": [-3.14159265, 3.14159265], "range_v": [1.4157963, 1.7257963]},
        **{"range_radius": [1.0, 1.0], "depth_range": [0.8, 1.2], "fov": 16, "bg_start": 0.5},
        **{"gaussian_camera": False, "angular_camera": True, "ray_align_corner": False},
        **{"depth_transform": None, "dists_normalized": False, **options.camera},
    }
    renderer = {"n_bg_samples": 4, "n_ray_samples": 6, "hierarchical": True}
    renderer |= {"no_background": options.no_background}
    inside = {"predict_rgb": True, "positional_encoding": "normal", "use_viewdirs": False}
    behind = inside | {"inverse_sphere": True, "hidden_size": options.hidden_behind}
    behind |= {"n_blocks": options.layers_behind}
    synthesis: dict[str, Any] = {
        **{"upsample_mode": options.upsample_mode, "kernel_size": options.kernel_size},
        **{"conv_clamp": 256, "resolution_vol": options.volume_resolution},
        **{"resolution_start": options.start_resolution, "z_dim": 0, "progressive": True},
        **{"z_dim_bg": options.z_dim_behind, "num_fp16_res": "${num_fp16_res}"},
        "foreground_kwargs": inside | {"n_blocks": options.layers} | options.foreground,
        "background_kwargs": behind,
        **(camera | renderer if options.flat else {}),
        "camera_kwargs": {} if options.flat else camera,
        "renderer_kwargs": {} if options.flat else renderer,
        **options.synthesis,
    }
    init = {"z_dim": options.w_dim, "w_dim": options.w_dim, "c_dim": 0, "img_channels": 3}
    init |= {"img_resolution": options.resolution, "synthesis_kwargs": synthesis}
    init |= {"mapping_kwargs": {"num_layers": "${spec.map}"}}
    if not options.omegaconf:
        synthesis["num_fp16_res"], init["mapping_kwargs"] = 4, {"num_layers": 2}
        return init
    whole = {"G_kwargs": {"synthesis_kwargs": synthesis}, "spec": {"map": 2}, "num_fp16_res": 4}
    whole |= {"data": "/somewhere/cars"}
    tree = container(whole | {"G_kwargs": init})
    generator = tree.state["_content"]["G_kwargs"]
    # The program takes the keywords apart: the outermost are plain, what they hold is not.
    return {
        key: node if node.kind in (DICT_CONFIG, LIST_CONFIG) else init[key]
        for key, node in generator.state["_content"].items()
    }


def container(value: Any, parent: Any = None) -> New:
    """omegaconf's containers and scalars of plain data."""
    if isinstance(value, dict | list):
        node = New(DICT_CONFIG if isinstance(value, dict) else LIST_CONFIG)
        node.state = {"_metadata": metadata(CONTAINER_METADATA), "_parent": parent}
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        content = {key: container(item, node) for key, item in pairs}
        node.state["_content"] = content if isinstance(value, dict) else list(content.values())
        return node
    return New(ANY_NODE, {"_metadata": metadata(METADATA), "_parent": parent, "_val": value})


def metadata(kind: Name) -> New:
    """What omegaconf knows of a node."""
    cache = Call(DEFAULTDICT, (DICT,))
    state = {"ref_type": ANY, "object_type": DICT, "optional": True, "key": None, "flags": {}}
    return New(kind, state | {"flags_root": False, "resolver_cache": cache})


def stylenerf_shapes(options: StyleNerfOptions) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights."""
    w, features = options.w_dim, options.features
    shapes: dict[str, tuple[int, ...]] = {"synthesis.alpha": ()}
    for name, encoded, hidden, layers, code in (
        ("fg_nerf", 60, options.hidden, options.layers, 0),
        ("bg_nerf", 80, options.hidden_behind, options.layers_behind, options.z_dim_behind),
    ):
        if name == "bg_nerf" and options.no_background:
            continue
        widths = {"fc_in": (hidden, encoded + code)}
        widths |= {f"blocks.{i}": (hidden, hidden) for i in range(layers - 1)}
        if name == "fg_nerf" and options.foreground.get("use_skip"):
            widths[f"blocks.{layers // 2 - 1}"] = (hidden, hidden + encoded)
        widths |= {"sigma_out": (1, hidden), "feat_out": (features, hidden)}
        for layer, (outputs, inputs) in widths.items():
            prefix = f"synthesis.{name}.{layer}"
            if code:
                shapes |= linear(prefix, outputs, inputs)
            else:
                shapes |= modulated(prefix, outputs, inputs, w)
        shapes |= pointwise(f"synthesis.{name}.to_rgb", 3, features)
    previous, resolution = features, 2 * options.volume_resolution
    while resolution <= options.resolution:
        prefix, size = f"synthesis.b{resolution}", options.kernel_size
        for layer, inputs in (("conv0", previous), ("conv1", options.channels)):
            shapes |= modulated(f"{prefix}.{layer}", options.channels, inputs, w, size)
            shapes[f"{prefix}.{layer}.resample_filter"] = (4, 4)
            if options.magnitude:
                shapes[f"{prefix}.{layer}.w_avg"] = ()
            if options.noise:
                shapes[f"{prefix}.{layer}.noise_strength"] = ()
                shapes[f"{prefix}.{layer}.noise_const"] = (resolution, resolution)
        shapes |= adapter(f"{prefix}.conv0.adapter", options)
        shapes |= modulated(f"{prefix}.torgb", 3, options.channels, w)
        previous, resolution = options.channels, 2 * resolution
    shapes["mapping.w_avg"] = (w,)
    return shapes | linear("mapping.fc0", w, w) | linear("mapping.fc1", w, w)


def adapter(prefix: str, options: StyleNerfOptions) -> dict[str, tuple[int, ...]]:
    """The learnt layers of an upsampling block."""
    channels, kind = options.channels, options.upsample_mode.split("_noblur")[0]
    factors = {"pixelshuffle": (1, 4), "nn_cat": (2, 1)}.get(kind)
    if factors is None:
        return {}
    inner = pointwise(f"{prefix}.0", channels // 4, factors[0] * channels)
    return inner | pointwise(f"{prefix}.1", factors[1] * channels, channels // 4)


def linear(prefix: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    """A fully connected layer."""
    return {f"{prefix}.weight": (outputs, inputs), f"{prefix}.bias": (outputs,)}


def pointwise(prefix: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    """A convolution of 1x1 without a style."""
    return {f"{prefix}.weight": (outputs, inputs, 1, 1), f"{prefix}.bias": (outputs,)}


def modulated(
    prefix: str, outputs: int, inputs: int, w: int, size: int = 1
) -> dict[str, tuple[int, ...]]:
    """A modulated convolution."""
    return {
        f"{prefix}.weight": (outputs, inputs, size, size),
        f"{prefix}.bias": (outputs,),
        **linear(f"{prefix}.affine", inputs, w),
    }
