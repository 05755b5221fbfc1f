"""Files, parts and renderings of StyleNeRF models, with files made here."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from stylenerf_writer import StyleNerfOptions, stylenerf_file, stylenerf_generator

import ballgan
from ballgan.bake import Baking
from ballgan.checkpoint import detect_format
from ballgan.errors import CheckpointError
from ballgan.foreground import Foreground
from ballgan.omegaconf_tree import ConfigNode, to_plain_options
from ballgan.point_network import density_from_raw
from ballgan.quick_field import prepare_field
from ballgan.shot import aim
from ballgan.style_upsampling import Adapter, StyleUpsampling
from ballgan.stylenerf_config import StyleFieldConfig, StyleUpsamplingConfig
from ballgan.volume import RaySamples, composite, density_to_extinction

SMALL = ballgan.RenderSettings(size=32, neural_resolution=8)


def load(folder: Path, **options: Any) -> ballgan.Generator:
    path = folder / "network.pkl"
    path.write_bytes(stylenerf_file(StyleNerfOptions(**options)))
    assert detect_format(memoryview(path.read_bytes())) == "published"
    return ballgan.load(path, device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ballgan.Generator:
    return load(tmp_path_factory.mktemp("model"))


VARIANTS: dict[str, dict[str, Any]] = {
    "cars": {},
    "faces": {"upsample_mode": "nn_cat", "omegaconf": False, "alpha": -1.0},
    "no blur": {"upsample_mode": "nn_cat_noblur"},
    "StyleGAN2 upsampling": {"upsample_mode": "default", "kernel_size": 3, "noise": True},
    "plain 1x1": {"upsample_mode": "default"},
    "modulated background": {"z_dim_behind": 0},
    "no magnitudes": {"magnitude": False},
    "older options": {"flat": True},
    "no background": {"no_background": True},
    "growing": {"start_resolution": 4, "alpha": 0.5},
    "skip": {"layers": 4, "foreground": {"use_skip": True}},
    "shared style": {"synthesis": {"upsampler_kwargs": {"shared_rgb_style": True}}},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_opens_and_renders(name: str, tmp_path: Path) -> None:
    model = load(tmp_path, **VARIANTS[name])
    scene = ballgan.Scene(model)
    for sampler in ("plain", "fast"):
        frame = scene.render(
            ballgan.Camera.orbit(0.3, 0.1), ballgan.RenderSettings(sampler=sampler)
        )
        assert frame.rgb.shape == (model.config.image_resolution,) * 2 + (3,)
        assert np.isfinite(frame.rgb).all() and np.isfinite(frame.depth).all()


def test_options_are_read(tmp_path: Path) -> None:
    cars = load(tmp_path).config
    assert cars.mapping.num_layers == 2 and cars.mapping.label_dim == 0
    assert cars.sampling.planar and (cars.sampling.near, cars.sampling.far) == (0.8, 1.2)
    assert (cars.sampling.coarse_samples, cars.sampling.fine_samples) == (6, 6)
    assert isinstance(cars.super_resolution, StyleUpsamplingConfig)
    assert cars.super_resolution.upsample == "pixelshuffle" and cars.super_resolution.blur
    assert cars.camera.radius == 1 and cars.camera.fov == pytest.approx(math.radians(16))
    assert cars.field.box_warp == pytest.approx(0.4)
    assert cars.num_ws == 5 + 0 + 5
    assert load(tmp_path, flat=True).config == cars
    assert load(tmp_path, omegaconf=False).config == cars
    assert load(tmp_path, alpha=-1.0).config.sampling.coarse_samples == 20
    assert not load(tmp_path, upsample_mode="nn_cat_noblur").config.super_resolution.blur
    opaque = load(tmp_path, no_background=True).config
    assert opaque.background is None and opaque.sampling.opaque_end
    growing = load(tmp_path, start_resolution=4, alpha=0.5)  # levels 8, 16, 32
    assert growing.config.neural_resolution == 8
    assert growing.config.image_resolution == 16
    assert load(tmp_path, start_resolution=4, alpha=0.0).config.image_resolution == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foreground": {"use_viewdirs": True}}, "use_viewdirs"),
        ({"foreground": {"predict_rgb": False}}, "predict_rgb"),
        ({"camera": {"depth_transform": "LogWarp"}}, "'LogWarp'"),
        ({"camera": {"depth_range": [1.2, 0.8]}}, "sampling.far"),
        ({"camera": {"depth_range": "near"}}, "cannot be used"),
        ({"upsample_mode": "liif"}, "'liif'"),
        ({"synthesis": {"resolution_vol": 16}}, "resolutions"),
        ({"synthesis": {"resolution_vol": "8"}}, "cannot be used"),
        ({"alpha": math.nan}, "growth"),
    ],
)
def test_what_cannot_be_shown_is_said(options: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path, **options)


def test_references_in_containers_are_resolved_and_cannot_trap() -> None:
    def node(kind: str, **state: Any) -> ConfigNode:
        made = ConfigNode(kind)
        made.set_state(state)
        return made

    root = node("DictConfig", _parent=None)
    inner = node("AnyNode", _parent=root, _val="${spec.map}")
    lost = node("AnyNode", _parent=root, _val="${spec.nothing}")
    spec = node("DictConfig", _parent=root, _content={"map": node("AnyNode", _val=8)})
    root.state["_content"] = {"layers": inner, "lost": lost, "spec": spec}
    assert to_plain_options(root) == {"layers": 8, "spec": {"map": 8}}
    root.state["_content"]["again"] = root
    with pytest.raises(CheckpointError, match="nested too deeply"):
        to_plain_options(root)
    inner.state["_val"] = "${layers}"
    with pytest.raises(CheckpointError, match="nested too deeply"):
        to_plain_options(inner)
    generator = stylenerf_generator(StyleNerfOptions())
    assert generator.attributes["_init_kwargs"]["mapping_kwargs"].kind.name == "DictConfig"


def test_a_saved_model_is_the_same(model: ballgan.Generator, tmp_path: Path) -> None:
    for name in ("model.pkl", "model.safetensors"):
        ballgan.save(model, tmp_path / name)
        again = ballgan.load(tmp_path / name, device="cpu")
        assert again.config == model.config
        for mine, theirs in zip(
            again.state_dict().values(), model.state_dict().values(), strict=True
        ):
            assert torch.equal(mine, theirs)


def test_activations_give_the_extinction_that_they_mean() -> None:
    raw = torch.tensor([-2.0, 0.0, 1e-3, 0.5, 3.0, 7.0, 300.0])
    for activation, expected in (
        ("softplus", F.softplus(raw - 1)),
        ("relu", F.relu(raw)),
        ("exp", torch.exp(5 - F.relu(6 - raw))),
    ):
        extinction = density_to_extinction(density_from_raw(raw, activation))
        assert torch.allclose(extinction, expected, rtol=1e-5, atol=2e-7), activation


def test_nerf_samples_by_hand() -> None:
    """Densities 1, 2, 3 at 0, 1, 3: each holds up to the next sample, the last does not count."""
    raw = density_from_raw(torch.tensor([[1.0, 2.0, 3.0]]), "relu")
    samples = RaySamples(torch.tensor([[0.0, 1.0, 3.0]]), raw, torch.eye(3)[None], scheme="nerf")
    first, second = 1 - math.exp(-1), math.exp(-1) * (1 - math.exp(-4))
    left = math.exp(-5)
    gathered = composite(samples)
    assert gathered.features[0].tolist() == pytest.approx([first, second, 0], abs=1e-6)
    assert gathered.transmittance.item() == pytest.approx(left, abs=1e-6)
    assert gathered.distance.item() == pytest.approx(second, abs=1e-6)
    opaque = composite(replace(samples, opaque_end=True))
    assert opaque.features[0].tolist() == pytest.approx([first, second, left], abs=1e-6)
    assert opaque.transmittance.item() == 0


@pytest.mark.parametrize("kind", ["nn_cat", "pixelshuffle"])
def test_adapters_by_hand(kind: str) -> None:
    torch.manual_seed(0)
    adapter, x = Adapter(4, kind), torch.randn(1, 4, 3, 2)
    with torch.no_grad():
        result = adapter(x)
        inner, outer = adapter.inner, adapter.outer

        def learnt(values: torch.Tensor) -> torch.Tensor:
            hidden = math.sqrt(2) * F.leaky_relu(inner(values), 0.2)
            return outer(hidden)

        def at(i: int, j: int) -> torch.Tensor:
            inside = 0 <= i < 3 and 0 <= j < 2
            return x[0, :, i, j] if inside else torch.zeros(4)

        for i in range(6):
            for j in range(4):
                pixel = at(i // 2, j // 2)
                if kind == "nn_cat":
                    beside = at(i // 2, j // 2 + (1 if j % 2 else -1))
                    above = at(i // 2 + (1 if i % 2 else -1), j // 2)
                    added = learnt(torch.cat([pixel, (beside + above) / 2]))
                else:
                    added = learnt(pixel)[2 * (i % 2) + j % 2 :: 4]
                assert torch.allclose(result[0, :, i, j], pixel + added, atol=1e-5)


def test_growth_fades_levels_in() -> None:
    config = StyleUpsamplingConfig(8, (8, 8), start_resolution=4)
    assert config.levels == (8, 16, 32)
    for growth, output, rendered, fade in (
        (0.0, 4, 4, 1.0),
        (0.2, 8, 8, 0.6),
        (0.5, 16, 8, 0.5),
        (0.9, 32, 8, 0.7),
        (1.0, 32, 8, 1.0),
    ):
        grown = StyleUpsamplingConfig(8, (8, 8), start_resolution=4, growth=growth)
        assert (grown.output_resolution, grown.rendered_resolution) == (output, rendered)
        assert grown.fade == pytest.approx(fade)
    head = StyleUpsampling(config, feature_channels=11, w_dim=8).eval()
    features, ws = torch.randn(1, 11, 8, 8), torch.randn(1, 5, 8)
    with torch.no_grad():
        coarse, middle, full = head.pictures(features, ws)
        assert torch.equal(head(features, ws), full)
        head.config = StyleUpsamplingConfig(8, (8, 8), start_resolution=4, growth=0.5)
        faded = head(features, ws)
    below = F.interpolate(coarse, scale_factor=2, mode="bilinear")
    assert torch.allclose(faded, (below + middle) / 2, atol=1e-5)


def test_single_points_pass_the_head_as_pixels_of_even_images_do() -> None:
    config = StyleUpsamplingConfig(8, (8, 8), upsample="plain", start_resolution=8)
    head = StyleUpsampling(config, feature_channels=11, w_dim=8).eval()
    points, ws = torch.randn(1, 3, 11), torch.randn(1, 5, 8)
    with torch.no_grad():
        colors = head.colors(points, ws)
        for k in range(3):
            even = points[:, k, :, None, None].expand(-1, -1, 8, 8)
            inside = head(even, ws)[0, :, 14:18, 14:18]  # away from the zeros outside
            assert torch.allclose(inside, colors[0, k, :, None, None], atol=1e-4)


def test_the_prepared_field_is_the_field(model: ballgan.Generator) -> None:
    rows = model.field_code(model.map(model.z(1)))
    assert rows.shape == (1, 5, 8)
    with pytest.raises(ValueError, match="is an MLP, without planes"):
        model.planes(model.map(model.z(1)))
    quick, points = prepare_field(model.field, rows), torch.rand(50, 3) * 0.4 - 0.2
    hidden = quick.hidden(points.T)
    density, features = model.field(rows, points[None])
    assert torch.allclose(quick.density_of(hidden, points.T), density[0], atol=1e-3)
    assert torch.allclose(quick.features_of(hidden), features[0], atol=1e-4)
    grid = quick.density_grid(4)
    corner = torch.tensor([[[0.25, -0.25, 0.75]]]) * 0.2
    assert grid.shape == (6, 6, 6) and grid[0].min() > 100  # beyond there may be anything
    assert grid[3, 2, 4].item() == pytest.approx(model.field.density(rows, corner).item(), abs=1e-3)


def test_the_fast_sampler_converges_to_the_plain_one(tmp_path: Path) -> None:
    """With a smooth field, of few frequencies."""
    torch.manual_seed(3)
    config = load(tmp_path).config
    assert isinstance(config.field, StyleFieldConfig)
    network = replace(config.field.network, num_frequencies=3)
    field = replace(config.field, network=network, density_activation="softplus")
    sampling = replace(config.sampling, coarse_samples=128, fine_samples=128)
    model = ballgan.Generator(replace(config, field=field, sampling=sampling)).eval()
    with torch.no_grad():
        model.field.density_head.weight.mul_(20)
    model.requires_grad_(False)
    camera = ballgan.Camera.orbit(0.4).resolve(config.camera)
    foreground = Foreground(model, model.field_code(model.map(model.z(0))))
    bundle = foreground.bundle(camera.rays(12, 12))
    plain = foreground.march_plainly(bundle, None, lambda fraction: None)
    fast = foreground.march_quickly(bundle, 144, lambda fraction: None)
    assert 0.05 < plain.opacity.mean() < 0.999
    assert (plain.opacity - fast.opacity).abs().max() < 0.02
    assert (plain.features - fast.features).abs().max() < 0.05


def test_layers_mesh_and_preview(model: ballgan.Generator) -> None:
    scene = ballgan.Scene(model)
    scene.background = None
    for layer in ("foreground", "normals", "raw"):
        frame = scene.render(ballgan.Camera.orbit(), ballgan.RenderSettings(layer=layer))
        assert np.isfinite(frame.rgb).all()
    mesh = scene.mesh(24)
    assert len(mesh.faces) > 10 and np.abs(mesh.bounds).max() <= 0.2 * 24 / 23 + 1e-3
    assert mesh.visual.vertex_colors.shape == (len(mesh.vertices), 4)
    baking = Baking(model, scene.field_code())
    coarse = baking.coarse()
    assert coarse.extent.half_side == pytest.approx(0.2)
    middle = model.density(scene.field_code(), torch.zeros(1, 3)).clamp(-1000, 1000).item()
    assert coarse.density[24, 24, 24] == pytest.approx(middle, rel=1e-2, abs=1e-2)
    bricks = next(baking.refine(coarse), None)
    if bricks is not None:
        assert bricks.density.shape[1:] == (9, 9, 9)


def test_codes_of_foreground_and_background(tmp_path: Path) -> None:
    """A background that w modulates takes a code of its own, from the same mapping network."""
    model = load(tmp_path, z_dim_behind=0)
    scene = ballgan.Scene(model)
    first = scene.render(ballgan.Camera.orbit(), SMALL)
    scene.background = ballgan.LearntBackground(seed=5)
    second = scene.render(ballgan.Camera.orbit(), SMALL)
    assert np.array_equal(first.alpha, second.alpha)
    assert not np.array_equal(first.rgb, second.rgb)
    ws = model.map(model.z(5), truncation_psi=0.7)
    assert torch.allclose(scene.ws_background(scene.background), ws[:, 5:9], atol=1e-5)
    assert {row for row, _ in model.style_weights()} == set(range(5)) | set(range(9, 14))


@pytest.mark.parametrize("volume", [8, 32])
def test_rays_through_pixels_on_the_border_are_those_of_the_published_program(
    tmp_path: Path, volume: int
) -> None:
    camera = {"ray_align_corner": True}
    model = load(tmp_path, camera=camera, volume_resolution=volume, start_resolution=volume)
    size = model.config.image_resolution
    # Pixels from border to border, of which rays take every (size / volume)-th, from the first on.
    published = np.linspace(-1, 1, size)[:: size // volume] * math.tan(math.radians(16) / 2)
    shot = aim(ballgan.Scene(model), ballgan.Camera.orbit(), ballgan.RenderSettings())
    assert shot.resolution == volume and "notes" not in model.meta
    label = ballgan.Camera.orbit().resolve(model.config.camera).label()
    seen: list[torch.Tensor] = []
    sample = model.sample_rays

    def watch(code: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor, **options: Any):
        seen.append(directions[0])
        return sample(code, origins, directions, **options)

    model.sample_rays = watch  # type: ignore[method-assign]
    model(model.z(0), label, model.z_background(0))
    for directions in (shot.rays.directions, seen[0]):
        grid = directions.view(volume, volume, 3)
        # The camera is on the z axis: to the right is +x, downwards -y, and forward -z.
        across, down = (grid[..., axis] / -grid[..., 2] for axis in (0, 1))
        for row in across:
            assert row.numpy() == pytest.approx(published, abs=2e-7)
        for column in down.t():
            assert -column.numpy() == pytest.approx(published, abs=2e-7)
