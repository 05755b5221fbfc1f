"""Learnt backgrounds: where rays meet them, by hand, and that they have no seams."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import TINY, make_model

import ballgan
from ballgan.background_network import BackgroundNetwork
from ballgan.camera import Camera, corner_rays
from ballgan.config import (
    CubeConfig,
    InvertedSphereConfig,
    ModelConfig,
    PlaneConfig,
    SphereConfig,
)
from ballgan.geometry import equirectangular_directions
from ballgan.inverted_sphere import InvertedSphereBackground
from ballgan.parts import make_background
from ballgan.point_network import PointNetwork
from ballgan.stylenerf_config import PointNetworkConfig
from ballgan.surfaces import CubeBackground, PlaneBackground, SurfaceBackground

SMALL = {
    **{"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "hidden_size": 8},
    **{"num_layers": 2, "num_frequencies": 3},
}
NETWORK = PointNetworkConfig(hidden_size=8, num_layers=2, num_frequencies=3)
CONFIGS = {
    "sphere": SphereConfig(radius=3.0, **SMALL),
    "cube": CubeConfig(side=6.0, **SMALL),
    "plane": PlaneConfig(distance=1.0, extent=4.0, **SMALL),
    "inverted-sphere": InvertedSphereConfig(
        start=1 / 3, z_dim=8, w_dim=8, mapping_layers=2, network=NETWORK
    ),
}
AROUND = [name for name in CONFIGS if name != "plane"]


def make(name: str) -> BackgroundNetwork:
    torch.manual_seed(0)
    background = make_background(replace(TINY, background=CONFIGS[name]))
    assert background is not None
    return background.eval().requires_grad_(False)


def make_scene(name: str) -> ballgan.Scene:
    return ballgan.Scene(make_model(replace(TINY, background=CONFIGS[name])))


def random_rays(reach: float, count: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays (1, N, 3) from anywhere inside a ball."""
    torch.manual_seed(1)
    origins = torch.nn.functional.normalize(torch.randn(1, count, 3), dim=-1)
    origins = origins * reach * torch.rand(1, count, 1) ** (1 / 3)
    return origins, torch.nn.functional.normalize(torch.randn(1, count, 3), dim=-1)


@pytest.mark.parametrize("name", CONFIGS)
def test_config_survives_json_and_old_files_mean_the_sphere(name: str) -> None:
    config = replace(TINY, background=CONFIGS[name])
    data = config.to_dict()
    assert data["background"]["kind"] == name
    assert ModelConfig.from_dict(data) == config
    if name == "sphere":
        for part in ("background", "field", "super_resolution"):
            del data[part]["kind"]
        for key in ("scheme", "planar", "opaque_end"):
            del data["sampling"][key]
        assert ModelConfig.from_dict(data) == config  # a file of version 1


@pytest.mark.parametrize("name", CONFIGS)
def test_rays_and_a_code_in_features_and_depth_out(name: str) -> None:
    background = make(name)
    origins, directions = random_rays(0.9)
    if name == "plane":
        directions[..., 2] = -1 - directions[..., 2].abs()
        directions = torch.nn.functional.normalize(directions, dim=-1)
    ws = torch.randn(2, background.num_ws, 8)
    features, distance = background.look(
        ws, origins.expand(2, -1, -1), directions.expand(2, -1, -1)
    )
    assert features.shape == (2, 200, TINY.field.feature_channels)
    assert distance.shape == (2, 200) and (distance > 0).all() and distance.isfinite().all()
    alone, _ = background.look(ws[1:], origins, directions)
    assert torch.allclose(alone[0], features[1], atol=1e-5)
    assert not torch.allclose(features[0], features[1], atol=1e-3)


def test_the_cube_is_met_where_the_ray_leaves_it() -> None:
    cube = make("cube")
    assert isinstance(cube, CubeBackground)
    origins, directions = random_rays(2.9)
    points = origins + cube.distance(origins, directions)[..., None] * directions
    assert torch.allclose(points.abs().amax(-1), torch.full((1, 200), 3.0), atol=1e-4)
    straight = cube.distance(torch.tensor([1.0, 0, 0]), torch.tensor([1.0, 0, 0]))
    assert straight.item() == pytest.approx(2)
    diagonal = torch.nn.functional.normalize(torch.ones(3), dim=0)
    assert cube.distance(torch.zeros(3), diagonal).item() == pytest.approx(3 * math.sqrt(3))
    with pytest.raises(ValueError, match="inside the background cube of side 6"):
        cube.check_rays(torch.tensor([0.0, 3.1, 0]), diagonal)
    cube.check_rays(torch.tensor([2.9, 2.9, -2.9]), diagonal)


def test_the_plane_is_met_behind_and_refuses_what_it_cannot_cover() -> None:
    plane = make("plane")
    assert isinstance(plane, PlaneBackground)
    slanted = torch.tensor([0.6, 0.0, -0.8])
    origin = torch.tensor([0.0, 0.5, 1.0])
    assert plane.distance(origin, slanted).item() == pytest.approx(2.5)  # to (1.5, 0.5, -1)
    plane.check_rays(origin, slanted)
    for start, direction, message in (
        ((0.0, 0, 1), (0.8, 0, -0.6), "looks past the background plane"),  # x = 2.67 > 2
        ((0.0, 0, 1), (0.6, 0, 0.8), "looks past the background plane"),
        ((0.0, 0, 1), (1.0, 0, 0), "looks past the background plane"),
        ((0.0, 0, -1.5), (0.0, 0, -1), "in front of the background plane"),
    ):
        with pytest.raises(ValueError, match=message):
            plane.check_rays(torch.tensor(start), torch.tensor(direction))
    scene = make_scene("plane")
    scene.render(Camera.orbit(0.2, 0.1))
    with pytest.raises(ValueError, match="covers views from the front only"):
        scene.render(Camera.orbit(1.2))
    scene.background = None
    scene.render(Camera.orbit(1.2))  # without it, any camera is right


def test_corners_of_a_picture_decide_for_the_plane() -> None:
    label = Camera.orbit(0.3).resolve(TINY.camera).label()
    origins, directions = corner_rays(label)
    focal = label[0, 16].item()
    axis = label[0, [2, 6, 10]]
    expected = 1 / math.sqrt(1 + 2 * (0.5 / focal) ** 2)
    assert torch.allclose(directions[0] @ axis, torch.full((4,), expected), atol=1e-6)
    assert torch.allclose(origins[0, 0], label[0, [3, 7, 11]])


def test_points_of_the_inverted_sphere_are_on_their_spheres_and_on_the_ray() -> None:
    background = make("inverted-sphere")
    assert isinstance(background, InvertedSphereBackground)
    origins, directions = random_rays(2.9)
    inverse = torch.tensor([1 / 3, 0.2, 0.01, 0.0]).expand(1, 200, 4)
    place = background.place(origins, directions, inverse)
    assert torch.allclose(place[..., :3].norm(dim=-1), torch.ones(1, 200, 4), atol=1e-5)
    points = place[..., :3, :3] / inverse[..., :3, None]
    across = torch.linalg.cross(
        points - origins[:, :, None], directions[:, :, None].expand_as(points)
    )
    assert across.norm(dim=-1).max() < 2e-3  # of points up to 100 away
    ahead = ((points - origins[:, :, None]) * directions[:, :, None]).sum(-1)
    assert (ahead > 0).all() and (ahead.diff(dim=-1) > 0).all()
    assert torch.allclose(place[..., 3, :3], directions, atol=1e-6)  # infinitely far ahead
    through_the_middle = background.place(
        torch.zeros(1, 1, 3), torch.tensor([[[0.0, 0, 1]]]), inverse[:, :1]
    )
    assert torch.allclose(through_the_middle[..., 2], torch.ones(1, 1, 4))
    with pytest.raises(ValueError, match="inside the background sphere of radius 3"):
        background.check_rays(torch.tensor([0.0, 3.1, 0]), directions[0, 0])


def test_the_inverted_sphere_is_opaque_and_its_depth_is_where_its_matter_is() -> None:
    background = make("inverted-sphere")
    assert isinstance(background, InvertedSphereBackground)
    origins, directions = random_rays(1.0)
    ws = torch.randn(1, background.num_ws, 8)
    weights, transmittance = background.sample(ws, origins, directions).weights()
    assert torch.allclose(weights.sum(-1), torch.ones(200), atol=1e-5) and not transmittance.any()
    network = background.network
    assert isinstance(network, PointNetwork)
    network.density_head.weight.zero_()
    network.density_head.bias.fill_(1e4)  # the nearest sample, at radius 3, hides all others
    _, distance = background.look(ws, origins, directions)
    points = origins + distance[..., None] * directions
    assert torch.allclose(points.norm(dim=-1), torch.full((1, 200), 3.0), atol=1e-3)
    network.density_head.bias.fill_(-1e4)  # empty: all is infinitely far, or as far as is said
    assert (background.look(ws, origins, directions)[1] > 900).all()


@pytest.mark.parametrize("name", AROUND)
def test_there_is_no_seam(name: str) -> None:
    """Neither where the azimuth jumps, nor over edges, nor at the poles."""
    background = make(name)
    pairs = [[1e-4, 0.3, s] for s in (1.0, -1.0)] + [[1.0, 0.999, 0.2], [1e-4, 1.0, 1e-4]]
    others = [[-1e-4, 0.3, s] for s in (1.0, -1.0)] + [[0.9995, 1.0, 0.2], [-1e-4, 1.0, -1e-4]]
    ws = torch.randn(1, background.num_ws, 8)
    looks = []
    for directions in (pairs, others):
        unit = torch.nn.functional.normalize(torch.tensor([directions]), dim=-1)
        looks.append(background.look(ws, torch.zeros_like(unit), unit)[0])
    assert torch.allclose(looks[0], looks[1], atol=5e-3)


@pytest.mark.parametrize("name", CONFIGS)
def test_scenes_show_them_with_either_sampler(name: str) -> None:
    scene = make_scene(name)
    camera = Camera.orbit(0.2, 0.05)
    for layer in ("full", "background"):
        plain, fast = (
            scene.render(camera, ballgan.RenderSettings(layer=layer, sampler=sampler))
            for sampler in ("plain", "fast")
        )
        assert np.isfinite(plain.depth).all() and plain.opaque
        if layer == "background":
            assert np.abs(plain.rgb - fast.rgb).max() < 0.1
            assert np.allclose(plain.depth, fast.depth, rtol=1e-3)


@pytest.mark.parametrize("name", CONFIGS)
def test_panoramas_where_they_make_sense(name: str) -> None:
    scene = make_scene(name)
    if name == "plane":
        with pytest.raises(ValueError, match="does not surround the scene"):
            scene.unroll(16)
        return
    picture = scene.unroll(16)
    assert picture.shape == (16, 32, 3)
    behind = scene.model.background
    assert behind is not None
    direction = equirectangular_directions(16, 32, torch.device("cpu"))[None, 8, 16:17]
    ws = scene.ws_background(ballgan.LearntBackground())
    color = behind.look(ws, torch.zeros_like(direction), direction)[0][0, 0, :3]
    assert np.allclose(picture[8, 16], color.clamp(0, 1), atol=1e-4)


def test_surfaces_look_alike_from_anywhere() -> None:
    """Two rays that meet a surface at one point see the same there."""
    for name in ("sphere", "cube"):
        surface = make(name)
        assert isinstance(surface, SurfaceBackground)
        origins, directions = random_rays(2.5)
        points = origins + surface.distance(origins, directions)[..., None] * directions
        back = torch.nn.functional.normalize(points, dim=-1)
        ws = torch.randn(1, surface.num_ws, 8)
        seen, _ = surface.look(ws, origins, directions)
        from_the_middle, _ = surface.look(ws, torch.zeros_like(points), back)
        assert torch.allclose(seen, from_the_middle, atol=1e-3)
