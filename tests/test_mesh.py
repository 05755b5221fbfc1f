"""ballgan.mesh: surfaces of known shape, before and after each file format."""

import json
import math
import struct

import numpy as np
import pytest
import torch
import trimesh

from ballgan.errors import Cancelled
from ballgan.mesh import (
    MESH_SUFFIXES,
    PUBLISHED_LEVEL,
    SAMPLERS,
    extract_mesh,
    find_level,
    sample_density,
    write_mesh,
)

CENTER = torch.tensor([0.11, -0.07, 0.05])
RADIUS = 0.21
BOX = 1.0


def ball(points: torch.Tensor) -> torch.Tensor:
    """Density with the value 10 on an off-centre sphere."""
    return 10 + 100 * (RADIUS - (points - CENTER).norm(dim=1))


def direction_color(points: torch.Tensor) -> torch.Tensor:
    """A colour that is the same all along a normal of the ball."""
    return torch.nn.functional.normalize(points - CENTER, dim=1) / 2 + 0.5


def extract(density=ball, color=direction_color, **options) -> trimesh.Trimesh:
    return extract_mesh(density, color, **({"box": BOX, "resolution": 40} | options))


@pytest.fixture(scope="module")
def ball_mesh() -> trimesh.Trimesh:
    return extract()


def get_colors(mesh: trimesh.Trimesh) -> np.ndarray:
    """Vertex colours (V, 3), bytes."""
    assert isinstance(mesh.visual, trimesh.visual.ColorVisuals)
    assert mesh.visual.kind == "vertex"
    return mesh.visual.vertex_colors[:, :3]


def assert_is_ball(mesh: trimesh.Trimesh, *, tolerance: float = 2e-3) -> None:
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    np.testing.assert_allclose(mesh.center_mass, CENTER, atol=tolerance)
    radii = np.linalg.norm(mesh.vertices - CENTER.numpy(), axis=1)
    np.testing.assert_allclose(radii, RADIUS, atol=tolerance)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)  # positive: outward


def test_ball_has_its_centre_radius_and_outward_faces(ball_mesh):
    assert_is_ball(ball_mesh)


@pytest.mark.parametrize("resolution", [16, 17, 33, 64])
@pytest.mark.parametrize("box", [1.0, 1.6])
def test_plane_lies_exactly_where_it_should_at_any_resolution(resolution, box):
    """A linear field is interpolated without error: any drift of the grid would show."""
    normal, offset = torch.tensor([0.36, 0.48, 0.8]), 0.07
    mesh = extract(
        lambda points: 10 - 50 * (points @ normal - offset), box=box, resolution=resolution
    )
    vertices = mesh.vertices
    inner = (np.abs(vertices) < box / 2 * (1 - 1e-5)).all(axis=1)
    assert inner.sum() > 100
    # 1e-5: sixteen float32 roundings, and the margin of a millionth of the box.
    np.testing.assert_allclose(vertices[inner] @ normal.numpy(), offset, atol=1e-5)


def test_samples_lie_at_the_documented_coordinates():
    seen = []

    def density(points):
        seen.append(points)
        return points[:, 0] + 10 * points[:, 1] + 100 * points[:, 2]

    grid = sample_density(density, box=1.6, resolution=17)
    axis = -0.8 + np.arange(17) * (1.6 / 16)
    expected = axis[:, None, None] + 10 * axis[:, None] + 100 * axis
    np.testing.assert_allclose(grid[1:-1, 1:-1, 1:-1], expected, atol=1e-4)
    np.testing.assert_allclose(torch.cat(seen).amin(0), -0.8, rtol=1e-6)
    np.testing.assert_allclose(torch.cat(seen).amax(0), 0.8, rtol=1e-6)


def test_axes_are_neither_swapped_nor_mirrored():
    corner = torch.tensor([0.3, 0.1, -0.2])
    mesh = extract(lambda points: 20 - 200 * (points - corner).norm(dim=1))
    np.testing.assert_allclose(mesh.center_mass, corner, atol=1e-3)


def test_field_is_called_in_bounded_batches_without_gradients():
    sizes = []

    def density(points):
        assert not torch.is_grad_enabled()
        assert points.dtype == torch.float32
        sizes.append(len(points))
        return ball(points)

    sample_density(density, box=BOX, resolution=72)
    assert sum(sizes) == 72**3
    assert max(sizes) <= 2**16


def test_object_that_fills_the_box_is_closed_at_its_faces():
    mesh = extract(lambda points: 20 - 100 * (0.2 - points.norm(dim=1)).clamp(min=0))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(BOX**3, rel=1e-4)
    np.testing.assert_allclose(mesh.bounds, [[-0.5] * 3, [0.5] * 3], atol=2e-6)


def test_object_cut_by_the_box_gets_a_flat_cap():
    mesh = extract(
        lambda points: 10 + 100 * (0.3 - (points - torch.tensor([0.5, 0, 0])).norm(dim=1))
    )
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(2 / 3 * np.pi * 0.3**3, rel=0.02)
    assert mesh.bounds[1, 0] == pytest.approx(0.5, abs=2e-6)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("seed", range(3))
def test_noise_stays_watertight_in_single_precision(seed, sampler, tmp_path):
    """Values that equal the level, and vertices next to samples, must not collapse."""
    generator = torch.Generator().manual_seed(seed)
    values = (2 * torch.randn(24**3, generator=generator)).round()
    values[::5] = 1e-6 * torch.randn(len(values[::5]), generator=generator)
    values = values.reshape(24, 24, 24)

    def density(points):
        return values[tuple(((points + 0.5) * 23).round().long().clamp(0, 23).T)]

    mesh = extract(density, resolution=24, level=0.0, largest_component=False, sampler=sampler)
    assert mesh.is_watertight
    write_mesh(mesh, tmp_path / "noise.ply")
    assert trimesh.load_mesh(tmp_path / "noise.ply").is_watertight


def two_balls_and_a_sheet(points: torch.Tensor) -> torch.Tensor:
    large = 0.2 - (points - torch.tensor([0.2, 0, 0])).norm(dim=1)
    cavity = (points - torch.tensor([0.2, 0, 0])).norm(dim=1) - 0.1
    small = 0.1 - (points + torch.tensor([0.3, 0, 0])).norm(dim=1)
    sheet = 0.012 - (points[:, 1] - 0.4).abs()  # a larger area than the large ball
    return 10 + 100 * torch.stack([torch.minimum(large, cavity), small, sheet]).amax(0)


def test_largest_component_is_the_one_with_most_volume_and_no_cavities():
    everything = extract(two_balls_and_a_sheet, largest_component=False)
    largest = extract(two_balls_and_a_sheet)
    assert everything.volume > largest.volume
    assert everything.bounds[1, 1] > 0.4
    np.testing.assert_allclose(largest.bounds, [[0, -0.2, -0.2], [0.4, 0.2, 0.2]], atol=3e-3)
    assert largest.volume == pytest.approx(4 / 3 * np.pi * 0.2**3, rel=0.02)
    assert len(np.unique(largest.faces)) == len(largest.vertices)


def test_simplified_mesh_has_about_the_faces_asked_for_and_its_own_colours():
    mesh = extract(simplify=500)
    assert 300 < len(mesh.faces) <= 500
    assert_is_ball(mesh, tolerance=6e-3)
    expected = direction_color(torch.from_numpy(mesh.vertices)) * 255
    np.testing.assert_allclose(get_colors(mesh), expected, atol=3)


def bumps(points: torch.Tensor) -> torch.Tensor:
    """A ball with fine spikes, which edge collapses tend to fold."""
    spikes = 0.03 * (60 * points).sin().prod(dim=1)
    return 10 + 100 * (0.3 + spikes - points.norm(dim=1))


@pytest.mark.parametrize("faces", [8000, 2000, 300])
def test_simplified_mesh_stays_closed(faces):
    mesh = extract(bumps, resolution=80, simplify=faces)
    assert len(mesh.faces) <= faces
    _, counts = np.unique(mesh.edges_sorted, axis=0, return_counts=True)
    assert (counts % 2 == 0).all()  # no open edges
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)


def test_simplify_above_the_number_of_faces_changes_nothing(ball_mesh):
    assert len(extract(simplify=10**6).faces) == len(ball_mesh.faces)


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_written_file_reads_back_as_the_same_ball(suffix, ball_mesh, tmp_path):
    path = tmp_path / f"ball{suffix.upper()}"
    write_mesh(ball_mesh, path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    # Beside a material, trimesh files the colours under other attributes.
    mesh = trimesh.load_mesh(path, skip_materials=True)
    assert_is_ball(mesh)
    assert len(mesh.vertices) == len(ball_mesh.vertices)
    if suffix == ".stl":
        return
    expected = direction_color(torch.from_numpy(np.array(mesh.vertices))).numpy()
    if suffix == ".glb":  # trimesh gives the file's linear values
        expected = srgb_to_linear(expected)
    # The sampled gradient is 0.3 degrees off the normal, and each of the two roundings up to half a
    # step of eight bits; linear values are up to 2.3 x steeper.
    np.testing.assert_allclose(get_colors(mesh), expected * 255, atol=4)


def test_obj_lines_hold_coordinates_and_colours(ball_mesh, tmp_path):
    write_mesh(ball_mesh, tmp_path / "ball.obj")
    lines = [line.split() for line in (tmp_path / "ball.obj").read_text().splitlines() if line]
    vertices = np.array([line[1:] for line in lines if line[0] == "v"], float)
    assert vertices.shape == (len(ball_mesh.vertices), 6)
    assert {line[0] for line in lines} == {"v", "f"}
    np.testing.assert_allclose(vertices[:, :3], ball_mesh.vertices, atol=1e-7)
    expected = direction_color(torch.from_numpy(vertices[:, :3])).numpy()
    np.testing.assert_allclose(vertices[:, 3:], expected, atol=0.01)


def test_glb_follows_the_specification(ball_mesh, tmp_path):
    write_mesh(ball_mesh, tmp_path / "ball.glb")
    data = (tmp_path / "ball.glb").read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert kind == b"BIN\0" and binary_size == document["buffers"][0]["byteLength"]
    material = document["materials"][0]["pbrMetallicRoughness"]
    assert material["baseColorFactor"] == [1, 1, 1, 1] and material["metallicFactor"] == 0
    primitive = document["meshes"][0]["primitives"][0]
    view = document["bufferViews"][primitive["attributes"]["COLOR_0"]]
    count = document["accessors"][primitive["attributes"]["COLOR_0"]]["count"]
    colors = np.frombuffer(data, "<f4", 3 * count, 28 + size + view["byteOffset"]).reshape(-1, 3)
    srgb = get_colors(ball_mesh) / 255
    np.testing.assert_allclose(colors, srgb_to_linear(srgb), atol=1e-6)
    view = document["bufferViews"][primitive["attributes"]["NORMAL"]]
    normals = np.frombuffer(data, "<f4", 3 * count, 28 + size + view["byteOffset"]).reshape(-1, 3)
    outward = (ball_mesh.vertices - CENTER.numpy()) / RADIUS
    assert (normals * outward).sum(1).min() > 0.98


def test_unknown_suffix_lists_the_known_ones_and_writes_nothing(ball_mesh, tmp_path):
    with pytest.raises(ValueError, match=r"\.obj, \.ply, \.glb, \.stl; got \"ball\.fbx\""):
        write_mesh(ball_mesh, tmp_path / "ball.fbx")
    assert not list(tmp_path.iterdir())


def test_missing_folder_is_an_os_error(ball_mesh, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_mesh(ball_mesh, tmp_path / "nowhere" / "ball.ply")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 8}, "resolution should be 16 to 1024 .* got 8"),
        ({"resolution": 2000}, "resolution should be 16 to 1024 .* got 2000"),
        ({"box": 0.0}, "box should be a positive length"),
        ({"box": float("inf")}, "box should be a positive length"),
        ({"level": float("nan")}, "level should be a finite raw density; got nan"),
        ({"sampler": "quick"}, 'sampler should be one of fast, plain; got "quick"'),
        ({"level": "high"}, 'level should be a number or "auto"; got "high"'),
        ({"simplify": 3}, "simplify should be a number of faces of at least 4; got 3"),
        ({"level": 500.0}, r"no surface at level 500: .* between -.* and 2.*\. Try level 10,"),
        ({"level": -500.0}, "no surface at level -500: "),
    ],
)
def test_bad_arguments_are_explained(options, message):
    with pytest.raises(ValueError, match=message):
        extract(**options)


def test_constant_density_has_no_surface():
    with pytest.raises(ValueError, match="the raw density is 0 everywhere"):
        extract(lambda points: torch.zeros(len(points)))


def test_density_and_colour_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="density is not a finite number"):
        extract(lambda points: ball(points) / (points[:, 0] > 0.1))
    with pytest.raises(ValueError, match="colour is not a finite number"):
        extract(color=lambda points: points * torch.nan)


def test_colours_are_those_that_half_of_the_light_reaches():
    """Extinction 9 at the surface, growing by 100 a unit: 9 t + 50 t^2 = ln 2 at t = 0.0581."""
    mesh = extract(
        lambda points: 10 + 100 * (0.4 - points.norm(dim=1)),
        lambda points: points.norm(dim=1, keepdim=True).expand(-1, 3),
        box=2.0,
        resolution=64,
    )
    depth = (math.sqrt(9**2 + 200 * math.log(2)) - 9) / 100
    assert depth == pytest.approx(0.0581, abs=1e-4)
    np.testing.assert_allclose(get_colors(mesh) / 255, 0.4 - depth, atol=0.004)


def test_colours_of_a_thin_sheet_do_not_come_from_behind_it():
    """Light goes through a sheet of thickness 0.02, but its back is not what is seen of it."""
    mesh = extract(
        lambda points: 10 + 100 * (0.01 - points[:, 1].abs()),
        lambda points: (0.5 + 10 * points[:, 1:2]).clamp(0, 1).expand(-1, 3),
        resolution=100,
    )
    inner = (np.abs(mesh.vertices[:, [0, 2]]) < 0.49).all(axis=1)
    colors = get_colors(mesh)[inner, 0] / 255
    assert 0.398 <= colors.min() < 0.5 < colors.max() <= 0.602  # those within the sheet


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_normals_are_those_of_the_field(sampler):
    mesh = extract(sampler=sampler)
    outward = mesh.vertices - CENTER.numpy()
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # "fast" takes the slope along the edge that a vertex lies on from the edge's middle: up to half
    # a voxel away, on a radius of eight.
    least = np.cos(0.5 / 8) if sampler == "fast" else 0.9999
    assert (mesh.vertex_normals * outward).sum(axis=1).min() > least


def test_level_is_the_published_one_where_that_surface_exists():
    assert find_level(np.array([-5.0, 3.0, 9.0, 11.0])) == PUBLISHED_LEVEL


@pytest.mark.parametrize("offset", [-8.0, 30.0])
def test_level_separates_two_classes_where_the_published_surface_does_not_exist(offset):
    generator = np.random.default_rng(0)
    empty = generator.normal(offset, 0.5, 3000)
    full = generator.normal(offset + 10, 0.5, 1000)
    assert offset + 2 < find_level(np.concatenate([empty, full])) < offset + 8


def test_a_few_stray_samples_above_the_published_level_do_not_count():
    density = np.concatenate([np.full(500_000, -3.0), np.full(500_000, 3.0), [12.0]])
    assert -3 < find_level(density) < 3


def test_progress_rises_to_one_and_can_cancel():
    fractions: list[float] = []
    extract(progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0

    def cancel(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        extract(progress=cancel)
