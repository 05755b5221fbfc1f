"""Published networks give the outputs of the official programs, stage by stage, to rounding.

Parametrised over every NAME.pkl + NAME.npz in the folder BALLGAN_REFERENCES (default
../shared/refs); the project's own recorded references are in test_recorded_references.py. Limits
are three times those suggested with the references, in float32 on a CPU.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import references_folder
from torch import Tensor

import ballgan
from ballgan.camera import Camera, Matrix, rays_from_labels
from ballgan.fields import feature_from_logit
from ballgan.generator import Generator
from ballgan.geometry import sphere_angles
from ballgan.latents import z_from_seed
from ballgan.mlp import encode_positions
from ballgan.volume import Composite

SLACK = 3


def pairs() -> list[Any]:
    """Every network with recorded outputs; one skipped parameter where there is none."""
    found = [p for p in sorted(references_folder().glob("*.pkl")) if p.with_suffix(".npz").exists()]
    if not found:
        skip = pytest.mark.skip(reason="no reference networks (set BALLGAN_REFERENCES)")
        return [pytest.param(None, marks=skip, id="none")]
    return [pytest.param(path, id=path.stem) for path in found]


@dataclass
class Reference:
    """A network, its recorded outputs, and what one seed pair needs again and again."""

    model: Generator
    arrays: dict[str, np.ndarray]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(np.asarray(self.arrays[key]))

    def ws(self, seed: int) -> Tensor:
        return self.model.map(
            self["z"][seed : seed + 1].float(),
            self["conditioning_camera"][None],
            truncation_psi=float(self["truncation_psi"]),
        )

    def ws_bg(self, seed: int) -> Tensor:
        return self.model.map_background(
            self["z_bg"][seed : seed + 1].float(), truncation_psi=float(self["truncation_psi"])
        )

    def planes(self, seed: int) -> Tensor:
        if seed not in self._planes:
            self._planes[seed] = self.model.planes(self.ws(seed))
        return self._planes[seed]

    def march(self, seed: int, camera: int, size: int) -> tuple[Composite, Tensor, Tensor]:
        """The foreground of one pair, and its rays."""
        key = (seed, camera, size)
        if key not in self._marched:
            origins, directions = rays_from_labels(self["camera"][camera : camera + 1], size)
            composite = self.model.march(self.planes(seed), origins, directions)
            self._marched[key] = composite, origins, directions
        return self._marched[key]

    def __post_init__(self) -> None:
        self._planes: dict[int, Tensor] = {}
        self._marched: dict[tuple[int, int, int], tuple[Composite, Tensor, Tensor]] = {}

    def features(self, seed: int, camera: int, size: int) -> tuple[Tensor, Tensor]:
        """Feature image (1, F, n, n) in [-1, 1] and depth (n, n) of the full rendering."""
        composite, origins, directions = self.march(seed, camera, size)
        if self.model.background is None:
            features = self.model.without_background(composite)
            depth = composite.mean_distance()
        else:
            behind, sphere = self.model.look_behind(self.ws_bg(seed), origins, directions)
            features, depth = composite.over(behind[0]), composite.mean_distance(sphere[0])
        return as_image(features, size) * 2 - 1, depth.view(size, size)

    def picture(self, seed: int, features: Tensor) -> Tensor:
        """Final picture (3, H, W) of a feature image in [-1, 1]."""
        return self.model.picture((features + 1) / 2, self.ws(seed))[0]


def as_image(features: Tensor, size: int) -> Tensor:
    return features.t().reshape(1, -1, size, size)


@pytest.fixture(scope="module", params=pairs())
def reference(request: pytest.FixtureRequest) -> Reference:
    path: Path = request.param
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        return Reference(ballgan.load(path, device="cpu"), dict(arrays))


@pytest.fixture(autouse=True)
def no_grad() -> Any:
    with torch.inference_mode():
        yield


def assert_close(actual: Tensor, expected: Tensor, limit: float, what: str) -> None:
    """Largest absolute difference at most SLACK * limit; NaN and infinities must agree."""
    assert actual.shape == expected.shape, f"{what}: {actual.shape} is not {expected.shape}"
    difference = (actual.double() - expected.double()).abs()
    difference[actual == expected] = 0
    worst = difference.max().item()
    assert worst <= SLACK * limit, f"{what} differs by {worst:.3g} > {SLACK} x {limit:g}"


def every_pair(reference: Reference) -> list[tuple[int, int]]:
    return [(s, c) for s in range(len(reference["seeds"])) for c in range(len(reference["yaws"]))]


def pairs_in(mask: Tensor) -> list[tuple[int, int]]:
    return [(int(s), int(c)) for s, c in mask.nonzero()]


def test_config_repeats_what_the_file_stores(reference: Reference) -> None:
    config = reference.model.config
    assert config.image_resolution == int(reference["img_resolution"])
    assert config.neural_resolution == int(reference["neural_rendering_resolution"])
    assert config.field.box_warp == pytest.approx(float(reference["box_warp"]))
    assert config.sampling.coarse_samples == int(reference["depth_resolution"])
    assert config.sampling.fine_samples == int(reference["depth_resolution_importance"])
    pivot = reference["avg_camera_pivot"].tolist()
    assert list(config.camera.pivot) == pytest.approx(pivot)
    front = Camera.orbit().resolve(config.camera).position
    assert front == pytest.approx([0, 0, float(reference["avg_camera_radius"])], abs=1e-6)
    if config.background is not None:
        assert config.background.radius == pytest.approx(float(reference["sphere_radius"]))
        assert config.background.num_layers == int(reference["bg_n_blocks"])
        assert config.background.hidden_size == int(reference["bg_hidden_size"])
        assert config.background.angle_divisor == pytest.approx(float(reference["bg_pe"]))


def test_latents_are_those_of_the_published_samplers(reference: Reference) -> None:
    for keys in (("seeds", "z"), ("seeds_bg", "z_bg")):
        if keys[0] not in reference or keys[1] not in reference:
            continue
        for seed, z in zip(reference[keys[0]].tolist(), reference[keys[1]], strict=True):
            assert torch.equal(z_from_seed(seed, z.numel())[0], z.float())


def test_cameras_are_those_of_the_published_samplers(reference: Reference) -> None:
    values = reference["intrinsics"].double().tolist()
    intrinsics: Matrix = tuple(tuple(row) for row in values)
    options: dict[str, Any] = {
        "radius": float(reference["avg_camera_radius"]),
        "pivot": reference["avg_camera_pivot"].tolist(),
        "intrinsics": intrinsics,
    }
    for yaw, label in zip(reference["yaws"].tolist(), reference["camera"], strict=True):
        camera = Camera.published(yaw, float(reference["pitch"]), **options)
        assert_close(camera.label()[0], label, 2e-6, "camera")
    front = Camera.published(0.0, 0.0, **options)
    assert_close(front.label()[0], reference["conditioning_camera"], 2e-6, "conditioning")


def test_rays(reference: Reference) -> None:
    origins, directions = rays_from_labels(reference["camera"], 64)
    directions = directions.view(-1, 64, 64, 3)[:, ::4, ::4]
    assert_close(origins[:, 0], reference["ray_origins"], 1e-6, "ray_origins")
    assert_close(directions, reference["ray_directions_sub"], 1e-6, "ray_directions")


def test_foreground_mapping(reference: Reference) -> None:
    z, label = reference["z"].float(), reference["conditioning_camera"][None].expand(2, -1)
    model = reference.model
    psi = float(reference["truncation_psi"])
    assert_close(model.map(z, label, truncation_psi=psi), reference["ws"], 1e-5, "ws")
    assert_close(model.map(z, label)[:, 0], reference["ws_psi1"], 1e-5, "ws_psi1")
    cut = model.map(z, label, truncation_psi=0.5, truncation_cutoff=7)
    assert_close(cut, reference["ws_cutoff"], 1e-5, "ws_cutoff")


def test_background_mapping(reference: Reference) -> None:
    if "ws_bg" not in reference:
        pytest.skip("this network maps no background code")
    z = reference["z_bg"].float()
    model = reference.model
    psi = float(reference["truncation_psi"])
    mapped = model.map_background(z, truncation_psi=psi)
    assert_close(mapped, reference["ws_bg"], 2e-5, "ws_bg")
    assert_close(model.map_background(z)[:, 0], reference["ws_bg_psi1"], 2e-5, "ws_bg_psi1")


def test_planes(reference: Reference) -> None:
    planes = torch.cat([reference.planes(0), reference.planes(1)]).flatten(1, 2)
    assert_close(planes[:, :, 3::16, 3::16], reference["planes_sub"], 5e-5, "planes_sub")
    assert_close(planes[:, :, :6, :6], reference["planes_corner"], 5e-5, "planes_corner")
    assert_close(planes.mean((2, 3)), reference["planes_mean"], 5e-5, "planes_mean")
    deviation = planes.flatten(2).std(dim=2, correction=0)
    assert_close(deviation, reference["planes_std"], 5e-5, "planes_std")


def test_field(reference: Reference) -> None:
    points = reference["points"][None]
    for seed in range(2):
        density, features = reference.model.field(reference.planes(seed), points)
        assert_close(density[0], reference["sigma"][seed], 1e-3, "sigma")
        expected = reference["rgb_features"][seed]
        assert_close(features[0, : len(expected)], expected, 1e-5, "rgb_features")


def test_sphere(reference: Reference) -> None:
    if reference.model.background is None:
        pytest.skip("this network has no sphere")
    directions = reference["sphere_directions"]
    radius = float(reference["sphere_radius"])
    assert_same_angles(sphere_angles(directions * radius), reference["sphere_angles"])
    # Recorded for the recorded angles: the highest frequency amplifies their rounding.
    config = reference.model.config.background
    angles = reference["sphere_angles"][None] / config.angle_divisor
    encoded = encode_positions(angles, config.num_frequencies)
    for seed in range(2):
        logits = reference.model.background.network(encoded, reference.ws_bg(seed))
        expected = reference["background_features"][seed]
        assert_close(feature_from_logit(logits)[0], expected, 1e-5, "background_features")
    origins, rays = rays_from_labels(reference["camera"], 64)
    distance = reference.model.background.distance(origins, rays)
    points = origins + distance[..., None] * rays
    angles = sphere_angles(points).view(-1, 64, 64, 2)[:, ::4, ::4]
    assert_same_angles(angles, reference["ray_sphere_angles_sub"])
    distance = distance.view(-1, 64, 64)[:, ::4, ::4]
    assert_close(distance, reference["ray_sphere_distance_sub"], 1e-5, "sphere distance")


def assert_same_angles(actual: Tensor, expected: Tensor) -> None:
    difference = actual - expected
    difference[..., 1] = torch.remainder(difference[..., 1] + math.pi, 2 * math.pi) - math.pi
    assert_close(difference, torch.zeros_like(difference), 5e-6, "sphere angles")


def test_rendering_at_64(reference: Reference) -> None:
    stored = reference["feature_64"].shape[2]
    for seed, camera in every_pair(reference):
        features, depth = reference.features(seed, camera, 64)
        composite, _, _ = reference.march(seed, camera, 64)
        pair = (seed, camera)
        assert_close(features[0, :stored], reference["feature_64"][pair], 3e-4, "feature_64")
        sub = features[0, :, 1::4, 2::4]
        assert_close(sub, reference["feature_64_sub"][pair], 3e-4, "feature_64_sub")
        opacity = composite.opacity.view(64, 64)
        assert_close(opacity, reference["weights_sum_64"][pair], 1e-4, "weights_sum_64")
        if "transmittance_64" in reference:
            transmittance = composite.transmittance.view(64, 64)
            expected = reference["transmittance_64"][pair]
            assert_close(transmittance, expected, 1e-4, "transmittance_64")
            assert_close(depth, reference["depth_64"][pair], 3e-4, "depth_64")
        else:
            assert_close_where_opaque(depth, reference["depth_64"][pair], opacity)


def assert_close_where_opaque(depth: Tensor, expected: Tensor, opacity: Tensor) -> None:
    """Foreground depth divides by the opacity, which amplifies rounding where it is small."""
    visible = opacity > 0.05
    assert_close(depth[visible], expected[visible], 3e-4, "depth where opaque")
    faint = (opacity > 2e-3) & ~visible
    if faint.any():
        assert_close(depth[faint], expected[faint], 5e-3, "depth where faint")


def test_picture(reference: Reference) -> None:
    expected = reference["image"]
    limit = 2e-4 if expected.dtype == torch.float32 else 2e-3
    for seed, camera in every_pair(reference):
        picture = reference.picture(seed, reference.features(seed, camera, 64)[0])
        if bool(reference["image_valid"][seed, camera]):
            assert_close(picture, expected[seed, camera].float(), limit, "image")
        if "image_sub" in reference:
            stride = int(reference["image_stride"])
            sub = picture[:, ::stride, ::stride]
            assert_close(sub, reference["image_sub"][seed, camera].float(), 2e-4, "image_sub")


def test_rendering_at_128(reference: Reference) -> None:
    if "feature_128" not in reference:
        pytest.skip("nothing recorded at 128")
    for seed, camera in pairs_in(reference["feature_128"].isfinite().flatten(2).all(2)):
        features, depth = reference.features(seed, camera, 128)
        pair = (seed, camera)
        expected = reference["feature_128"][pair]
        assert_close(features[0, : len(expected)], expected, 3e-4, "feature_128")
        composite, _, _ = reference.march(seed, camera, 128)
        opacity = composite.opacity.view(128, 128)
        assert_close(opacity, reference["weights_sum_128"][pair], 1e-4, "weights_sum_128")
        if reference.model.background is not None:
            assert_close(depth, reference["depth_128"][pair], 3e-4, "depth_128")
        stride = int(reference["image_128_stride"])
        sub = reference.picture(seed, features)[:, ::stride, ::stride]
        assert_close(sub, reference["image_128_sub"][pair].float(), 2e-4, "image_128_sub")


def test_partial_renderings(reference: Reference) -> None:
    if "only_valid" not in reference:
        pytest.skip("no partial renderings recorded")
    for seed, camera in pairs_in(reference["only_valid"]):
        pair = (seed, camera)
        composite, origins, directions = reference.march(seed, camera, 64)
        ws_bg = reference.ws_bg(seed)
        looked, sphere = reference.model.look_behind(ws_bg, origins, directions)
        behind, sphere = looked[0], sphere[0].view(64, 64)
        opacity = composite.opacity.view(64, 64)
        light = composite.transmittance.view(64, 64)
        foreground = as_image(composite.features, 64) * 2 - 1
        background = as_image(composite.transmittance[:, None] * behind, 64) * 2 - 1
        for name, features in (("fg", foreground), ("bg", background)):
            expected = reference[f"{name}_only_feature_64"][pair]
            assert_close(features[0, : len(expected)], expected, 3e-4, f"{name}_only_feature_64")
            stride = int(reference["only_image_stride"])
            sub = reference.picture(seed, features)[:, ::stride, ::stride]
            expected = reference[f"{name}_only_image_sub"][pair].float()
            assert_close(sub, expected, 2e-4, f"{name}_only_image_sub")
        assert_close(opacity, reference["fg_only_weights_sum_64"][pair], 1e-4, "fg opacity")
        assert_close(light, reference["bg_only_weights_sum_64"][pair], 1e-4, "bg transmittance")
        depth = composite.mean_distance().view(64, 64)
        assert_close_where_opaque(depth, reference["fg_only_depth_64"][pair], opacity)
        # Officially the background alone is darkened, and its distance shortened, by what stands
        # before it, then clamped to the image's nearest and farthest point of the sphere.
        shortened = (light * sphere).clamp(sphere.min(), sphere.max())
        assert_close(shortened, reference["bg_only_depth_64"][pair], 3e-4, "bg_only_depth_64")


def test_scene_renders_the_published_picture(reference: Reference) -> None:
    """The public API with the plain sampler gives the recorded picture, as [0, 1] floats."""
    seed, camera = 0, 1
    scene = ballgan.Scene(reference.model)
    psi = float(reference["truncation_psi"])
    scene.latent = ballgan.Latent(int(reference["seeds"][seed]), psi)
    scene.conditioning = Camera.from_label(reference["conditioning_camera"].numpy())
    if "seeds_bg" in reference:
        scene.background = ballgan.LearntBackground(int(reference["seeds_bg"][seed]), psi)
    label = reference["camera"][camera].numpy()
    settings = ballgan.RenderSettings(sampler="plain")
    frame = scene.render(Camera.from_label(label), settings)
    expected = reference.picture(seed, reference.features(seed, camera, 64)[0])
    expected = ((expected + 1) / 2).clamp(0, 1).permute(1, 2, 0)
    assert_close(torch.from_numpy(frame.rgb), expected, 2e-4, "frame.rgb")
