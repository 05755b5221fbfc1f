"""Published options and names become ours, for every kind of published network."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from published_writer import PublishedOptions, published_file, published_root, write_pickle

import ballgan
from ballgan.camera import Camera
from ballgan.official import SUPER_RESOLUTIONS, convert, published_focal_length, rename
from ballgan.published import read_tree

LAYERS = [2, 4]


def load(tmp_path: Path, **options: object) -> ballgan.Generator:
    path = tmp_path / "network.pkl"
    path.write_bytes(published_file(PublishedOptions(**options)))
    return ballgan.load(path, device="cpu")


def convert_root(root: dict) -> tuple:
    return convert(read_tree(memoryview(bytearray(write_pickle(root)))))


@pytest.mark.parametrize(
    ("name", "output", "inputs", "upsample", "channels"),
    [
        ("SuperresolutionHybrid2X", 128, 64, (False, True), (128, 64)),
        ("SuperresolutionHybrid4X", 256, 128, (False, True), (128, 64)),
        ("SuperresolutionHybridDeepfp32", 256, 128, (False, True), (128, 64)),
        ("SuperresolutionHybrid8X", 512, 128, (True, True), (128, 64)),
        ("SuperresolutionHybrid8XDC", 512, 128, (True, True), (256, 128)),
    ],
)
def test_every_super_resolution(
    tmp_path: Path, name: str, output: int, inputs: int, upsample: tuple, channels: tuple
) -> None:
    config = load(tmp_path, super_resolution=name).config
    assert config.image_resolution == output
    assert config.super_resolution.input_resolution == inputs
    assert config.super_resolution.upsample == upsample
    assert config.super_resolution.channels == channels
    assert config.super_resolution.clamp == 256
    enlarges_only = name in ("SuperresolutionHybrid4X", "SuperresolutionHybridDeepfp32")
    assert (config.super_resolution.resize == "enlarge") == enlarges_only
    assert config.super_resolution.antialias == (name != "SuperresolutionHybridDeepfp32")
    assert len(SUPER_RESOLUTIONS) == 5


@pytest.mark.parametrize("background_layers", LAYERS)
@pytest.mark.parametrize("background", ["ver0", "ver1", None])
def test_every_background_renders(
    tmp_path: Path, background: str | None, background_layers: int
) -> None:
    model = load(tmp_path, background=background, background_layers=background_layers)
    if background is None:
        assert model.config.background is None
        assert model.meta["kind"] == "EG3D"
    else:
        conditioning = {"ver0": "concatenated", "ver1": "modulated"}[background]
        assert model.config.background.conditioning == conditioning
        assert model.config.background.num_layers == background_layers
        assert model.config.background.encoding == "angles"
        assert model.meta["kind"] == "BallGAN"
    frame = ballgan.Scene(model).render(Camera.orbit(), ballgan.RenderSettings(neural_resolution=8))
    assert frame.rgb.shape == (128, 128, 3)


def test_concatenated_code_by_the_formula(tmp_path: Path) -> None:
    """ver0 as in OFFICIAL_FORMAT section 9, written out with the published names."""
    options = PublishedOptions(background="ver0", background_layers=3)
    weights = {}
    root = published_root(options)
    network = root["G_ema"].children["BG_Net"].children
    for name, module in (
        ("fc_in", network["fc_in"]),
        ("blocks.0", network["blocks"].children["0"]),
        ("blocks.1", network["blocks"].children["1"]),
        ("feat_out", network["feat_out"]),
    ):
        weights[name] = module.parameters["weight"], module.parameters["bias"]
    config, state, _ = convert_root(root)
    model = ballgan.Generator(config)
    model.load_state_dict(state)
    code = model.z_background(5)
    theta, phi = torch.tensor([0.7, 2.0]), torch.tensor([1.0, 5.0])
    points = 3 * torch.stack(
        [theta.sin() * phi.sin(), theta.cos(), theta.sin() * phi.cos()], dim=-1
    )
    encoded = []
    for i in range(10):
        for function in (torch.sin, torch.cos):
            encoded += [function(2**i * math.pi * a / (2 * math.pi)) for a in (theta, phi)]
    x = torch.cat([torch.stack(encoded, -1), code.expand(2, -1)], -1)
    for name in ("fc_in", "blocks.0", "blocks.1"):
        x = F.relu(x @ weights[name][0].T + weights[name][1])
    expected = torch.sigmoid(x @ weights["feat_out"][0].T + weights["feat_out"][1])
    actual = model.background(points[None], model.map_background(code))[0]
    assert torch.allclose(actual, expected * 1.002 - 0.001, atol=2e-3)


def test_options_are_read(tmp_path: Path) -> None:
    root = published_root()
    rendering = root["G_ema"].attributes["rendering_kwargs"]
    rendering |= {"box_warp": 1.6, "ray_start": 0.1, "ray_end": 2.6, "sigma_act": "relu"}
    rendering |= {"avg_camera_radius": 1.7, "avg_camera_pivot": [0, 0, -0.06]}
    rendering |= {"c_gen_conditioning_zero": True, "decoder_lr_mul": 0.5}
    root["G_ema"].attributes["BG_kwargs"] |= {"R": 4.5, "downscale_p_by": 1.5}
    config, _, _ = convert_root(root)
    assert config.field.box_warp == 1.6
    assert config.field.density_activation == "relu"
    assert config.field.learning_rate_multiplier == 0.5
    assert (config.sampling.near, config.sampling.far) == (0.1, 2.6)
    assert config.mapping.label_scale == 0
    assert config.background.radius == 4.5
    assert config.background.angle_divisor == 1.5
    assert Camera.orbit().resolve(config.camera).position == pytest.approx([0, 0, 1.7])
    focal = Camera.orbit().resolve(config.camera).intrinsics[0][0]
    assert focal == pytest.approx(1.025390625)


def test_automatic_bounds_and_white_background() -> None:
    root = published_root(PublishedOptions(background=None))
    rendering = root["G_ema"].attributes["rendering_kwargs"]
    rendering |= {"ray_start": "auto", "ray_end": "auto", "white_back": True}
    del rendering["c_scale"]
    config, _, _ = convert_root(root)
    assert config.sampling.near is None and config.sampling.far is None
    assert config.white_background
    assert config.mapping.label_scale == 0  # an absent c_scale means zero


def test_default_lens() -> None:
    assert published_focal_length() == pytest.approx(4.2634, abs=1e-4)


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ("backbone.mapping.fc1.weight", "mapping.layers.1.weight"),
        ("backbone.synthesis.b4.conv1.affine.bias", "backbone.conv.affine.bias"),
        ("backbone.synthesis.b8.conv0.weight", "backbone.blocks.0.conv0.weight"),
        ("backbone.synthesis.b256.torgb.bias", "backbone.blocks.5.to_rgb.bias"),
        ("BG_Net.blocks.0.weight", "background.network.layers.1.weight"),
        ("BG_Net.feat_out.affine.weight", "background.network.output.affine.weight"),
        ("superresolution.block1.torgb.weight", "super_resolution.blocks.1.to_rgb.weight"),
        ("backbone.synthesis.b8.conv2.weight", None),
        ("os.system", None),
    ],
)
def test_names(published: str, ours: str | None) -> None:
    assert rename(published) == ours


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: root.pop("G_ema"), "no averaged generator"),
        (lambda root: root.update(G_ema=3), "not the TriPlaneGenerator"),
        (lambda root: root["G_ema"].attributes.pop("rendering_kwargs"), "rendering_kwargs"),
        (lambda root: root["G_ema"].attributes["BG_kwargs"].update(bg_ver="ver2"), "ver2"),
        (
            lambda root: root["G_ema"].attributes["rendering_kwargs"].update(box_warp="big"),
            "box_warp",
        ),
        (lambda root: root["G_ema"].children.pop("superresolution"), "superresolution"),
        (lambda root: root["G_ema"].parameters.update(extra=torch.zeros(2)), "extra"),
    ],
)
def test_files_of_another_kind_are_explained(change, message: str) -> None:
    root = published_root()
    change(root)
    with pytest.raises(ballgan.CheckpointError, match=message):
        convert_root(root)
