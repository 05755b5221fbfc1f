"""Published StyleNeRF networks give the outputs of the official program, stage by stage.

Parametrised over every NAME.pkl + NAME.npz in the folder BALLGAN_STYLENERF_REFERENCES (default
../shared/refs-stylenerf). Limits are those of its README.md, in float32 on a CPU. The official
world has z up: its (x, y, z) are our (z, x, y).
"""

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ballgan
from ballgan.camera import Camera, Matrix, Orbit, rays_from_labels
from ballgan.checkpoint import read_published
from ballgan.generator import Generator
from ballgan.inverted_sphere import InvertedSphereBackground
from ballgan.latents import z_from_seed
from ballgan.omegaconf_tree import to_plain_options
from ballgan.style_field import StyleField
from ballgan.style_upsampling import StyleUpsampling
from ballgan.volume import Composite, RaySamples, composite

# Largest and root mean square of differences, by the name's part behind the camera.
LIMITS = {
    **dict.fromkeys(("ws", "camera", "rays", "encoding"), (2e-6, 5e-7)),
    "bg_points": (1e-5, 1e-6),
    "field": (1e-4, 2e-5),
    "image": (1e-2, 3e-4),
    "image_fp16": (2e-2, 2e-3),
    "gathered": (3e-3, 1e-4),
    "weights": (1e-3, 3e-5),
    "exact": (5e-5, 5e-6),
    "samples": (3e-2, 1e-3),
}
TO_OURS = [1, 2, 0]  # our x, y, z are the official y, z, x
TO_THEIRS = [2, 0, 1]


def folder() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "refs-stylenerf"
    return Path(os.environ.get("BALLGAN_STYLENERF_REFERENCES", default))


def pairs() -> list[Any]:
    found = [p for p in sorted(folder().glob("*.pkl")) if p.with_suffix(".npz").exists()]
    if not found:
        skip = pytest.mark.skip(reason="no networks (set BALLGAN_STYLENERF_REFERENCES)")
        return [pytest.param(None, marks=skip, id="none")]
    return [pytest.param(path, id=path.stem) for path in found]


@dataclass
class View:
    """What one camera sees: rays, foreground and background in the official convention."""

    stretch: Tensor  # (N,), length of the official ray direction
    samples: RaySamples
    gathered: Composite
    behind: Tensor  # (N, 3 + F)

    @property
    def features(self) -> Tensor:
        """Features (N, 3 + F) in [-1, 1]."""
        return self.gathered.over(self.behind) * 2 - 1


@dataclass
class Reference:
    """A network and its recorded outputs."""

    path: Path
    model: Generator
    arrays: dict[str, np.ndarray]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(np.asarray(self.arrays[key])).float()

    @property
    def options(self) -> dict[str, Any]:
        """The official camera options of the file."""
        generator = read_published(self.path)["G_ema"]
        synthesis = to_plain_options(generator.state["_init_kwargs"])["synthesis_kwargs"]
        return synthesis.get("camera_kwargs") or synthesis

    @property
    def field(self) -> StyleField:
        assert isinstance(self.model.field, StyleField)
        return self.model.field

    @property
    def behind(self) -> InvertedSphereBackground:
        assert isinstance(self.model.background, InvertedSphereBackground)
        return self.model.background

    @property
    def head(self) -> StyleUpsampling:
        assert isinstance(self.model.super_resolution, StyleUpsampling)
        return self.model.super_resolution

    def ws(self, seed: int) -> Tensor:
        """Rows (1, num_ws, 512) of a seed at psi 0.7."""
        return self.model.map(self["z"][seed : seed + 1], truncation_psi=0.7)

    def rows_behind(self, ws: Tensor) -> Tensor:
        """What the background is styled by: the code, or its rows of ws."""
        config = self.model.config
        if not config.shares_mapping:
            return self["z_bg_shape"][:, None]
        return ws[:, config.num_field_ws : config.num_field_ws + config.num_shared_ws]

    def label(self, camera: int, roll: float = 0.0) -> Tensor:
        pose = self["cam_world"][camera].double().numpy()
        return label_of(pose, math.radians(float(self["cam_fov"][camera])), roll)

    def view(
        self,
        ws: Tensor,
        label: Tensor,
        *,
        samples: int | None = None,
        jitter: bool = False,
        frozen_label: Tensor | None = None,
    ) -> View:
        model, size = self.model, self.model.config.neural_resolution
        origins, directions = rays_from_labels(label, size)
        axis = label[:, [2, 6, 10]]
        random = torch.Generator() if jitter else None
        drawn = model.sample_rays(
            model.field_code(ws),
            origins,
            directions,
            interval=model.ray_interval(origins, directions, axis),
            samples=samples,
            generator=random,
        )
        rays = (origins, directions)
        if frozen_label is not None:
            rays = rays_from_labels(frozen_label, size)
        behind, _ = model.look_behind(self.rows_behind(ws), *rays, generator=random)
        stretch = 1 / (directions[0] * axis).sum(-1)
        return View(stretch, drawn, composite(drawn), behind[0])

    def image(self, view: View) -> Tensor:
        """The feature image (1, 3 + F, n, n) in [-1, 1]."""
        size = self.model.config.neural_resolution
        return view.features.t().reshape(1, -1, size, size)

    def picture(self, view: View, ws: Tensor) -> Tensor:
        return self.model.picture((self.image(view) + 1) / 2, ws)[0]


def label_of(pose: np.ndarray, fov: float, roll: float = 0.0) -> Tensor:
    """Our camera label (1, 25) of an official camera-to-world matrix, rolled."""
    turned = pose.copy()
    turned[:3] = pose[TO_OURS]
    turned[:, 1:3] *= -1
    cos, sin = math.cos(roll), math.sin(roll)
    roller = np.eye(4)
    # Pixel (x, y up) goes to (x cos - y sin, x sin + y cos); our y points down.
    roller[:2, :2] = [[cos, sin], [-sin, cos]]
    turned = turned @ roller
    focal = 0.5 / math.tan(fov / 2)
    intrinsics: Matrix = ((focal, 0, 0.5), (0, focal, 0.5), (0, 0, 1))
    matrix: Matrix = tuple(tuple(float(v) for v in row) for row in turned)
    return Camera(matrix, intrinsics).label()


@pytest.fixture(scope="module", params=pairs())
def reference(request: pytest.FixtureRequest) -> Reference:
    path: Path = request.param
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        return Reference(path, ballgan.load(path, device="cpu"), dict(arrays))


@pytest.fixture(autouse=True)
def no_grad() -> Any:
    with torch.inference_mode():
        yield


def assert_close(actual: Tensor, expected: Tensor, kind: str, what: str) -> None:
    assert actual.shape == expected.shape, f"{what}: {actual.shape} is not {expected.shape}"
    difference = (actual.double() - expected.double()).abs()
    largest, root_mean_square = difference.max().item(), difference.square().mean().sqrt().item()
    limits = LIMITS[kind]
    assert largest <= limits[0], f"{what}: largest difference {largest:.3g} > {limits[0]:g}"
    assert root_mean_square <= limits[1], f"{what}: rms {root_mean_square:.3g} > {limits[1]:g}"


def test_mapping(reference: Reference) -> None:
    for seed, z in enumerate(reference["z"]):
        assert torch.equal(z_from_seed(seed, len(z))[0], z)
    model, z = reference.model, reference["z"]
    ws = model.map(z, truncation_psi=0.7)
    assert torch.equal(ws, ws[:, :1].expand_as(ws))
    assert_close(ws[:, 0], reference["ws"], "ws", "ws")
    assert_close(model.map(z)[:, 0], reference["ws_psi1"], "ws", "ws_psi1")
    cut = model.map(z[:1], truncation_psi=0.5, truncation_cutoff=7)
    assert_close(cut[:, [0, 6, 7, -1]], reference["ws_cutoff"], "ws", "ws_cutoff")
    config = model.config
    split = [config.num_field_ws, config.num_shared_ws, reference.head.num_ws]
    assert split == reference["num_ws_split"].tolist()


def official_angles(options: dict[str, Any], u: float, v: float) -> tuple[float, float]:
    """Yaw and pitch of our orbit for official camera angles."""
    if not options.get("angular_camera", False):
        u, v = 2 * math.pi * u, math.acos(1 - 2 * v)
    return u, math.pi / 2 - v


def pose_of(options: dict[str, Any], u: float, v: float, radius: float) -> Tensor:
    """The official matrix (4, 4), OpenGL axes and z up, of our orbit camera."""
    yaw, pitch = official_angles(options, u, v)
    orbit = Orbit(yaw, pitch, radius, (0.0, 0.0, 0.0), 0.2)
    pose = torch.tensor(np.array(orbit.cam2world))
    pose = pose * torch.tensor([1.0, -1.0, -1.0, 1.0])
    pose[:3] = pose[TO_THEIRS].clone()
    return pose


def test_cameras_are_orbits(reference: Reference) -> None:
    options = reference.options
    ranges = [options[f"range_{name}"] for name in ("u", "v", "radius")]
    for uvr, expected in zip(reference["cam_uvr"].tolist(), reference["cam_world"], strict=True):
        place = [low + share * (high - low) for share, (low, high) in zip(uvr, ranges, strict=True)]
        assert_close(pose_of(options, *place), expected, "camera", "cam_world")
    (u0, u1), (v0, v1), (r0, r1) = ranges
    middle, half = ((u0 + u1) / 2, (v0 + v1) / 2), ((u1 - u0) / 2, (v1 - v0) / 2)
    gaussian = options.get("gaussian_camera", False)
    given = zip(reference["cam_tensor_mode"], reference["cam_tensor_world"], strict=True)
    for value, expected in given:
        if gaussian:
            u, v = (m + h * x for m, h, x in zip(middle, half, value.tolist(), strict=True))
        else:
            u, v = u0 + (u1 - u0) * float(value[0]), v0 + (v1 - v0) * float(value[1])
        assert_close(pose_of(options, u, v, (r0 + r1) / 2), expected, "camera", "tensor")
    fov = [math.tan(math.radians(angle) / 2) for angle in reference["cam_fov"].tolist()]
    inverse = torch.tensor([[[f, 0, 0, 0], [0, f, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] for f in fov])
    assert_close(inverse, reference["cam_matrix"], "camera", "cam_matrix")
    home = reference.model.config.camera
    assert home.fov == pytest.approx(math.radians(options["fov"]))
    assert home.radius == pytest.approx((r0 + r1) / 2)


def test_random_cameras(reference: Reference) -> None:
    options = reference.options
    (u0, u1), (v0, v1) = options["range_u"], options["range_v"]
    random = np.random.RandomState(5)
    if options.get("gaussian_camera", False):
        us = random.randn(3) * (u1 - u0) / 2 + (u0 + u1) / 2
        vs = random.randn(3) * (v1 - v0) / 2 + (v0 + v1) / 2
    else:
        us, vs = random.uniform(u0, u1, 3), random.uniform(v0, v1, 3)
    radii = reference["cam_random_seed5_world"][:, :3, 3].norm(dim=-1).tolist()
    for u, v, radius, expected in zip(
        us, vs, radii, reference["cam_random_seed5_world"], strict=True
    ):
        assert_close(pose_of(options, u, v, radius), expected, "camera", "random camera")


@pytest.mark.parametrize("roll", [0.0, 0.3])
def test_rays(reference: Reference, roll: float) -> None:
    label = reference.label(1, roll)
    origins, directions = rays_from_labels(label, 32)
    stretch = 1 / (directions[0] * label[:, [2, 6, 10]]).sum(-1, keepdim=True)
    pixels = reference["ray_pixels_theta03" if roll else "ray_pixels"]
    half = math.tan(math.radians(float(reference["cam_fov"][1])) / 2)
    local = torch.cat([pixels * half, -torch.ones(len(pixels), 1)], dim=-1)
    expected = local @ reference["cam_world"][1, :3, :3].T
    ours = (directions[0] * stretch)[:, TO_THEIRS]
    assert_close(ours, expected, "rays", "rays of pixels")
    if not roll:
        assert_close(ours, reference["ray_vec"], "rays", "ray_vec")
        assert_close(origins[0, 0, TO_THEIRS], reference["ray_origin"], "rays", "ray_origin")


def test_foreground_field(reference: Reference) -> None:
    points = reference["fg_points"][None, :, TO_OURS]
    rows = reference.model.field_code(reference["ws_mixed"][None])
    network = reference.field.network
    encoded = network.encode(points[0, :8])
    assert_close(encoded, reference["pe_fg"], "encoding", "pe_fg")
    hidden = network.hidden(points, rows)
    raw, features = network.density_of(hidden, rows)[0], network.features_of(hidden, rows)[0]
    assert_close(raw, reference["fg_sigma_raw"], "field", "fg_sigma_raw")
    assert_close(features[:256], reference["fg_rgb_feat"], "field", "fg_rgb_feat")
    _, ours = reference.field(rows, points)
    assert torch.allclose(ours[0] * 2 - 1, features, atol=1e-5)


def test_background_field(reference: Reference) -> None:
    model, network = reference.model, reference.behind.network
    origins, directions = rays_from_labels(reference.label(2), model.config.neural_resolution)
    rows = reference.rows_behind(reference["ws_mixed"][None])
    rays = origins[:, ::5], directions[:, ::5]
    samples = reference.behind.sample(rows, *rays)
    count = reference.behind.config.samples
    positions = reference.behind.place(*rays, -samples.distances.view(1, -1, count))
    official = positions[0][..., network.order]
    assert_close(official, reference["bg_points"], "bg_points", "bg_points")
    hidden = network.hidden(positions.flatten(1, 2), rows)
    raw = network.density_of(hidden, rows).view(-1, count)
    assert_close(raw, reference["bg_sigma_raw"], "field", "bg_sigma_raw")
    features = network.features_of(hidden, rows).view(len(raw), count, -1)[::4]
    assert_close(features, reference["bg_rgb_feat"], "field", "bg_rgb_feat")


def check_view(reference: Reference, view: View, prefix: str, every: int = 1) -> None:
    """Feature image, and what the foreground gathers."""
    image = reference.image(view)[0]
    size = image.shape[-1]
    assert_close(image[:3], reference[f"{prefix}_img_nerf"], "image", f"{prefix}_img_nerf")
    if f"{prefix}_feat" not in reference:
        return
    assert_close(image[3::every], reference[f"{prefix}_feat"], "image", f"{prefix}_feat")
    gathered = view.gathered
    for name, values in (
        ("fg_wsum", gathered.opacity),
        ("fg_depth", gathered.distance / view.stretch),
        ("bg_lambda", gathered.transmittance),
    ):
        expected = reference[f"{prefix}_{name}"]
        assert_close(values.view(size, size), expected, "gathered", f"{prefix}_{name}")


def test_main(reference: Reference) -> None:
    """Every row of ws is different here."""
    ws = reference["ws_mixed"][None]
    view = reference.view(ws, reference.label(0))
    check_view(reference, view, "main")
    near, far = reference.model.config.sampling.near, reference.model.config.sampling.far
    assert near is not None and far is not None
    places = (view.samples.distances / view.stretch[:, None] - near) / (far - near)
    assert_close(places[::8], reference["main_fg_di"], "gathered", "main_fg_di")
    weights = view.samples.weights()[0][::8]
    assert_close(weights, reference["main_fg_weights"], "weights", "main_fg_weights")
    origins, directions = rays_from_labels(reference.label(0), 32)
    behind = reference.behind.sample(reference.rows_behind(ws), origins, directions)
    weights = behind.weights()[0][::8]
    assert_close(weights, reference["main_bg_weights"], "exact", "main_bg_weights")
    assert_close(reference.picture(view, ws), reference["main_img"], "image", "main_img")
    features = reference.image(view)
    for i, picture in enumerate(list(reference.head.pictures(features, ws))[1:]):
        if f"main_img_up{i}" in reference:
            assert_close(picture[0], reference[f"main_img_up{i}"], "image", f"main_img_up{i}")


def test_other_cameras_and_seeds(reference: Reference) -> None:
    view = reference.view(reference.ws(0), reference.label(1))
    check_view(reference, view, "cam1", every=2)
    picture = reference.picture(view, reference.ws(0))
    assert_close(picture, reference["cam1_img"], "image", "cam1_img")
    # Half precision is for graphics cards: single precision is near enough to what it gave.
    assert_close(picture, reference["cam1_img_fp16"], "image_fp16", "cam1_img_fp16")
    for seed, camera, roll, prefix in ((1, 2, 0.0, "seed1_cam2"), (0, 3, 0.3, "fov9_theta03")):
        ws = reference.ws(seed)
        view = reference.view(ws, reference.label(camera, roll))
        check_view(reference, view, prefix)
        picture = reference.picture(view, ws)[:, ::2, ::2]
        assert_close(picture, reference[f"{prefix}_img_s2"], "image", f"{prefix}_img_s2")


@pytest.mark.parametrize("growth", [0.0, 0.4, 0.6])
def test_growth(reference: Reference, growth: float) -> None:
    """The official alpha; it is not part of the weights."""
    model, ws = with_alpha(reference), reference.ws(0)
    full = model.config
    try:
        model.grow(growth)
        picture = reference.picture(reference.view(ws, reference.label(0)), ws)
    finally:
        model.grow(1.0)
    assert model.config == full
    name = f"alpha{growth:g}".replace(".", "") + ("_img_s2" if growth == 0.6 else "_img")
    picture = picture[:, ::2, ::2] if growth == 0.6 else picture
    assert_close(picture, reference[name], "image", name)


def with_alpha(reference: Reference, samples: int | None = None) -> Generator:
    """The model with the number of samples that a stored alpha of 0 to 1 (or -1) means."""
    model = reference.model
    if samples is None:
        generator = read_published(reference.path)["G_ema"]
        synthesis = to_plain_options(generator.state["_init_kwargs"])["synthesis_kwargs"]
        renderer = synthesis.get("renderer_kwargs") or synthesis
        samples = renderer.get("n_ray_samples", 14)
    sampling = replace(model.config.sampling, coarse_samples=samples, fine_samples=samples)
    model.config = replace(model.config, sampling=sampling)
    return model


@pytest.fixture(autouse=True)
def restored(request: pytest.FixtureRequest) -> Any:
    """All entries but those of alpha -1 were recorded with alpha 1."""
    if "reference" not in request.fixturenames:
        yield
        return
    reference = request.getfixturevalue("reference")
    config = reference.model.config
    with_alpha(reference)
    yield
    reference.model.config = config


def test_an_untrained_model_takes_more_samples(reference: Reference) -> None:
    with_alpha(reference, samples=20)
    ws = reference.ws(0)
    view = reference.view(ws, reference.label(0))
    check_view(reference, view, "alpham1")
    picture = reference.picture(view, ws)[:, ::2, ::2]
    assert_close(picture, reference["alpham1_img_s2"], "image", "alpham1_img_s2")


def test_the_file_says_how_many_samples(reference: Reference) -> None:
    stored = float(reference["stored_alpha"])
    samples = ballgan.load(reference.path, device="cpu").config.sampling.coarse_samples
    assert (samples == 20) == (stored == -1)


def test_parts_alone(reference: Reference) -> None:
    ws, label = reference.ws(0), reference.label(0)
    view = reference.view(ws, label)
    size = reference.model.config.neural_resolution

    def check(features: Tensor, kind: str, name: str) -> None:
        color = features[:, :3].t().reshape(3, size, size)
        assert_close(color, reference[f"{name}_img_nerf"], kind, name)

    check(view.behind * 2 - 1, "exact", "onlybg")
    alone = composite(replace(view.samples, opaque_end=True))
    check(alone.features * 2 - 1, "image", "onlyfg")


def test_other_samples(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    ws, label = reference.ws(0), reference.label(0)
    model = reference.model
    check_view(reference, reference.view(ws, label, samples=40), "steps40")
    options = reference.options
    camera = Orbit(0.0, -0.2, model.config.camera.radius, (0, 0, 0), math.radians(options["fov"]))
    frozen = camera.resolve(model.config.camera).label()
    check_view(reference, reference.view(ws, label, frozen_label=frozen), "freezebg")

    sampling = model.config.sampling
    model.config = replace(model.config, sampling=replace(sampling, fine_samples=0))
    view = reference.view(ws, label)
    color = reference.image(view)[0, :3]
    assert_close(color, reference["nohier_img_nerf"], "exact", "nohier")

    model.config = replace(model.config, sampling=sampling)
    # Strata at a quarter, importance samples even, as they were recorded.
    monkeypatch.setattr(
        "ballgan.generator._uniform",
        lambda shape, generator, like: (
            None
            if generator is None
            else torch.linspace(0, 1, shape[1]).expand(shape)
            if like.shape[-1] == shape[1]
            else torch.full(shape, 0.25)
        ),
    )
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.full(shape, 0.25))
    check_view(reference, reference.view(ws, label, jitter=True), "jitter025")
