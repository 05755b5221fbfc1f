"""ballgan.narrow_band: the sparse search finds the surface that dense marching cubes finds."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from ballgan.components import label_components
from ballgan.errors import Cancelled
from ballgan.field_samples import make_axis, sample_density, sample_density_at
from ballgan.narrow_band import (
    find_narrow_band,
    first_samples,
    first_stride,
    move_off_level,
)
from ballgan.sparse_grid import CORNERS, SparseGrid
from ballgan.surface import find_gradients, find_surface, march_narrow_band

LEVEL = 10.0
BOX = 1.0
RESOLUTION = 96
VOXEL = BOX / (RESOLUTION - 1)


def make_curl() -> torch.Tensor:
    """Points (P, 3) along a helix that widens, closer together than a voxel."""
    t = torch.linspace(0, 1, 3000)
    radius, angle = 0.05 + 0.2 * t, 25 * t
    return torch.stack([radius * angle.cos(), 0.8 * t - 0.4, radius * angle.sin()], dim=-1)


CURL = cKDTree(make_curl().numpy())


def distance_to_sphere(points: torch.Tensor) -> torch.Tensor:
    return (points - torch.tensor([0.03, -0.01, 0.02])).norm(dim=1) - 0.31


def distance_to_thin_torus(points: torch.Tensor) -> torch.Tensor:
    """A tilted ring whose tube has a radius of 0.8 voxels: thinner than the first grid's cells."""
    x, y, z = points.unbind(1)
    y, z = 0.8 * y - 0.6 * z, 0.6 * y + 0.8 * z
    return torch.hypot(torch.hypot(x, z) - 0.33, y) - 0.8 * VOXEL


def distance_to_curl(points: torch.Tensor) -> torch.Tensor:
    """A free strand with a radius of 0.9 voxels; constant from four voxels on."""
    distance = CURL.query(points.numpy(), distance_upper_bound=4 * VOXEL)[0]
    return torch.from_numpy(distance).float().clamp(max=4 * VOXEL) - 0.9 * VOXEL


def distance_to_several(points: torch.Tensor) -> torch.Tensor:
    """Balls down to a radius of three voxels, and a hollow one."""
    centers = torch.tensor([[0.2, 0.1, 0], [-0.3, 0.2, 0.1], [0, -0.35, 0.3], [0.1, 0.4, -0.4]])
    radii = torch.tensor([0.2, 0.1, 0.05, 3 * VOXEL])
    distances = (points[:, None] - centers).norm(dim=-1) - radii
    shell = torch.maximum(distances[:, 0], -distances[:, 0] - 0.1)
    return torch.minimum(shell, distances[:, 1:].amin(dim=1))


def distance_to_cut(points: torch.Tensor) -> torch.Tensor:
    """A ball that sticks out of three faces of the box."""
    return (points - torch.tensor([0.45, -0.4, 0.42])).norm(dim=1) - 0.3


def distance_to_everything(points: torch.Tensor) -> torch.Tensor:
    """A hollow that does not reach the faces of the box: they are all capped."""
    return 0.2 - points.norm(dim=1)


PROFILES = {
    "linear": lambda distance: LEVEL - 100 * distance,
    "steep": lambda distance: LEVEL - 30 * (distance / VOXEL).tanh(),
    # Nothing outside tells of the surface.
    "step": lambda distance: LEVEL - 30 * distance.sign(),
}
SHAPES = [
    distance_to_sphere,
    distance_to_thin_torus,
    distance_to_curl,
    distance_to_several,
    distance_to_cut,
    distance_to_everything,
]


def find_sparse(density, resolution=RESOLUTION, level=LEVEL, progress=lambda fraction: None):
    axis = make_axis(BOX, resolution)

    def sampler(indices, report):
        report(1.0)
        return density(torch.stack([axis[k] for k in torch.from_numpy(indices)], -1)).numpy()

    return find_narrow_band(sampler, resolution, lambda values: level, progress)


def measure_distance(vertices, others):
    """Two-sided distance between the vertices of surfaces, in voxels."""
    there, back = cKDTree(others).query(vertices)[0], cKDTree(vertices).query(others)[0]
    return max(there.max(), back.max()) * (RESOLUTION - 1)


def count_pieces(vertices, faces):
    return int(label_components(len(vertices), faces, lambda fraction: None).max()) + 1


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("distance", SHAPES)
def test_sparse_surface_is_the_dense_one(distance, profile):
    def density(points):
        return PROFILES[profile](distance(points))

    grid = sample_density(density, box=BOX, resolution=RESOLUTION)
    vertices, faces = find_surface(grid, LEVEL)
    band = find_sparse(density)
    sparse_vertices, sparse_faces, _ = march_narrow_band(band, lambda fraction: None)
    # Values within a millionth of the range from the level are moved, and the ranges differ.
    assert measure_distance(sparse_vertices, vertices) < 1e-3
    assert len(sparse_faces) == len(faces)
    assert count_pieces(sparse_vertices, sparse_faces) == count_pieces(vertices, faces)
    assert band.samples < 0.3 * RESOLUTION**3


@pytest.mark.parametrize("resolution", [16, 17, 31, 60, 61, 62, 63, 100, 121, 123, 125])
def test_any_resolution_gives_the_dense_surface(resolution):
    """Where halving does not divide the cells evenly, those at the ends are cut short."""

    def density(points):
        return LEVEL - 100 * torch.minimum(distance_to_cut(points), distance_to_sphere(-points))

    grid = sample_density(density, box=BOX, resolution=resolution)
    vertices, faces = find_surface(grid, LEVEL)
    band = find_sparse(density, resolution)
    found, found_faces, _ = march_narrow_band(band, lambda fraction: None)
    assert found.shape == vertices.shape and len(found_faces) == len(faces)
    assert cKDTree(vertices).query(found)[0].max() * resolution < 1e-3


def test_gradients_are_those_of_the_field():
    """A quadratic field: central differences are exact but for the interpolation between them."""
    band = find_sparse(lambda points: LEVEL + 500 * (0.1 - points.square().sum(1)))
    vertices, _, edges = march_narrow_band(band, lambda fraction: None)
    gradients = find_gradients(band, edges, lambda fraction: None)
    expected = -1000 * (vertices - 0.5) * VOXEL
    np.testing.assert_allclose(gradients, expected, atol=500 * VOXEL**2 + 1e-3)


def test_a_field_without_the_level_gives_no_cells():
    band = find_sparse(lambda points: torch.zeros(len(points)))
    assert len(band.cells) == 0 and band.value_range == (0.0, 0.0)


def test_every_point_is_sampled_once_and_never_outside():
    seen = []

    def sampler(indices, report):
        seen.append(indices)
        return LEVEL - np.linalg.norm(indices - 40.3, axis=0) + 25

    band = find_narrow_band(sampler, RESOLUTION, lambda values: LEVEL, lambda fraction: None)
    for indices in seen:
        assert indices.min() >= 0 and indices.max() < RESOLUTION
    everything = np.concatenate(seen, axis=1)
    assert len(np.unique(everything, axis=1).T) == everything.shape[1] == band.samples
    first = len(first_samples(RESOLUTION)) ** 3  # the first grid, whole, before anything else
    assert first in np.cumsum([indices.shape[1] for indices in seen])


@pytest.mark.parametrize(("resolution", "stride"), [(16, 1), (60, 1), (61, 2), (256, 8), (512, 16)])
def test_first_grid_has_at_least_thirty_cells_where_it_can(resolution, stride):
    assert first_stride(resolution) == stride
    samples = first_samples(resolution)
    assert samples[0] == 0 and samples[-1] == resolution - 1
    assert np.diff(samples).max() == stride
    assert len(samples) == math.ceil((resolution - 1) / stride) + 1


def test_progress_rises_and_stops_the_search_anywhere():
    fractions: list[float] = []

    def density(points):
        return PROFILES["linear"](distance_to_sphere(points))

    find_sparse(density, progress=fractions.append)
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    for stop in range(0, len(fractions), 7):
        calls = iter(range(stop))

        def cancel(fraction, calls=calls):
            if next(calls, None) is None:
                raise Cancelled

        with pytest.raises(Cancelled):
            find_sparse(density, progress=cancel)


def test_addresses_of_a_sparse_grid_are_one_to_one():
    grid = SparseGrid(21)
    points = np.random.default_rng(0).integers(0, 21, (3, 500))
    addresses = grid.find(*points)
    np.testing.assert_array_equal(grid.locate(addresses), points)
    assert len(np.unique(addresses)) == len(np.unique(points, axis=1).T)
    assert len(grid.values) >= 27 * 512 and np.isnan(grid.values).all()


def test_requests_end_when_they_are_taken():
    grid = SparseGrid(9)
    addresses = grid.find(*np.array([[1, 1, 8], [2, 2, 0], [3, 3, 5]]))
    grid.request(addresses)
    np.testing.assert_array_equal(grid.take_requested(), np.unique(addresses))
    grid.request(addresses)
    grid.values[addresses[0]] = 1
    np.testing.assert_array_equal(grid.take_requested(), addresses[2:])
    assert len(grid.take_requested()) == 0


def test_values_are_moved_off_the_level():
    values = np.array([0.0, 9.9, 10.0, 10.0 - 1e-6, 20.0], np.float32)
    moved = move_off_level(values, 10.0, 20.0)
    np.testing.assert_array_equal(moved[[0, 1, 4]], values[[0, 1, 4]])
    assert (moved[2:4] > 10).all() and moved[2:4].max() < 10.0001


def test_corners_of_cells_are_found_in_their_own_and_other_bricks():
    grid = SparseGrid(21)
    cells = np.random.default_rng(0).integers(0, 20, (3, 300))
    grid.cover(cells, lambda: None)
    corners = grid.find_corners(grid.look_up(*cells))
    expected = cells[:, None] + CORNERS.T[:, :, None]
    np.testing.assert_array_equal(grid.locate(corners.ravel()), expected.reshape(3, -1))
    np.testing.assert_array_equal(corners, grid.look_up(*expected))


def test_looking_up_makes_no_bricks():
    grid = SparseGrid(21)
    here = grid.find(*np.array([[3], [4], [5]]))
    grid.values[here] = 1
    size = len(grid.values)
    points = np.array([[3, 20], [4, 20], [5, 20]])
    addresses = grid.look_up(*points)
    assert addresses[1] < 512 <= addresses[0]  # brick 0 stands for those that do not exist
    np.testing.assert_array_equal(grid.values[addresses], [1, np.nan])
    assert len(grid.values) == size


@pytest.mark.parametrize("seed", range(6))
def test_the_field_is_never_asked_about_nothing(seed):
    """Also where the last points that a wavy surface leads to are known or outside."""
    random = np.random.default_rng(seed)
    waves = torch.from_numpy(random.normal(0, 9, (3, 5))).float()
    phases = torch.from_numpy(random.uniform(0, 6, 5)).float()

    def density(points):
        return LEVEL + 20 * (points @ waves + phases).sin().sum(dim=-1)

    axis = make_axis(BOX, 64)

    def sampler(indices, report):
        assert indices.shape[1] > 0
        return sample_density_at(density, indices, axis, "cpu", report)

    band = find_narrow_band(sampler, 64, lambda values: LEVEL, lambda fraction: None)
    found, found_faces, _ = march_narrow_band(band, lambda fraction: None)
    vertices, faces = find_surface(sample_density(density, box=BOX, resolution=64), LEVEL)
    assert len(found_faces) == len(faces)
    assert cKDTree(vertices).query(found)[0].max() * 64 < 1e-2
