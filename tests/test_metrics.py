"""Measures against values worked out by hand, and scenes that are known exactly."""

import math

import pytest
import torch
from ballgan_train.distances import (
    diversity,
    feature_statistics,
    frechet_distance,
    kernel_distance,
    laplacian_pyramid,
    mean_pairwise_distance,
    sliced_wasserstein,
    unbiased_discrepancy,
)
from ballgan_train.metrics import (
    View,
    background_depth_errors,
    binariness,
    mask_ious,
    mean_change,
    normalized_depth_errors,
    pose_errors,
    project,
    turn_labels,
    turn_to_front,
    view_consistency,
)
from ballgan_train.toyworld.world import orbit_labels
from torch import Tensor

from ballgan.camera import Camera, rays_from_labels

FOCAL = 4.2647
RADIUS = 0.25  # of the analytic sphere


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(count: int, size: int, seed: int) -> Tensor:
    return torch.randn(count, size, generator=generator(seed))


# Sets of pictures


def test_frechet_distance_of_gaussians_is_the_formula() -> None:
    a, b = torch.tensor([1.0, 4.0, 9.0]).diag(), torch.tensor([4.0, 4.0, 1.0]).diag()
    rotation = torch.linalg.qr(normal(3, 3, 1))[0]
    mean = torch.tensor([0.0, 3.0, 4.0])
    expected = 25 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2  # (sigma_a - sigma_b)^2 of each axis
    turned = [rotation @ c @ rotation.t() for c in (a, b)]
    assert frechet_distance(torch.zeros(3), a, mean, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(torch.zeros(3), turned[0], rotation @ mean, turned[1]) == pytest.approx(
        expected, rel=1e-4
    )


def test_frechet_distance_agrees_with_the_matrix_root() -> None:
    from scipy.linalg import sqrtm

    first, second = normal(40, 6, 1) @ normal(6, 6, 2), normal(40, 6, 3) + 0.5
    (m, a), (n, b) = feature_statistics(first), feature_statistics(second)
    root = sqrtm((a @ b).numpy()).real.trace()
    expected = float((m - n).square().sum() + a.trace() + b.trace() - 2 * root)
    assert frechet_distance(m, a, n, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_a_set_to_itself_is_zero_even_if_singular() -> None:
    statistics = feature_statistics(normal(5, 20, 0))
    assert frechet_distance(*statistics, *statistics) == pytest.approx(0, abs=1e-5)
    with pytest.raises(ValueError, match="at least 2 pictures"):
        feature_statistics(torch.zeros(1, 3))


def test_discrepancy_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    # k(1, 2) = 27; k(0, 1) = 1; across (1, 8, 1, 27), mean 9.25
    assert unbiased_discrepancy(x, y).item() == pytest.approx(27 + 1 - 2 * 9.25)


def test_kernel_distance_of_equal_distributions_is_around_zero() -> None:
    same = [kernel_distance(normal(400, 8, s), normal(400, 8, s + 50)) for s in range(6)]
    assert abs(sum(e.value for e in same) / 6) < 0.01
    assert all(abs(e.value) < 4 * e.error for e in same)
    far = kernel_distance(normal(400, 8, 0), normal(400, 8, 1) + 0.5)
    assert far.value > 5 * far.error


def test_standard_error_is_the_spread_between_draws() -> None:
    drawn = [
        kernel_distance(normal(300, 4, s), 0.6 + normal(300, 4, s + 99), subsets=60)
        for s in range(40)
    ]
    spread = torch.tensor([e.value for e in drawn]).std().item()
    claimed = sum(e.error for e in drawn) / len(drawn)
    assert 0.6 < claimed / spread < 1.6


def test_kernel_distance_needs_pictures() -> None:
    with pytest.raises(ValueError, match="at least 4 pictures"):
        kernel_distance(normal(3, 2, 0), normal(9, 2, 0))


def test_diversity_by_hand() -> None:
    line = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    assert mean_pairwise_distance(line) == pytest.approx((5 + 10 + 5) / 3)
    assert diversity(line, line / 2) == pytest.approx(0.5)
    assert diversity(line, torch.ones(4, 2)) == 0


def test_pyramid_of_a_flat_picture_has_no_detail() -> None:
    levels = laplacian_pyramid(torch.full((1, 3, 64, 64), 0.3))
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    assert levels[0].abs().max() < 1e-6 and levels[1].abs().max() < 1e-6
    assert torch.allclose(levels[2], torch.tensor(0.3))


def test_sliced_wasserstein_tells_noise_from_flat_pictures() -> None:
    pictures = torch.rand(2, 12, 3, 32, 32, generator=generator())
    flat = torch.rand(12, 3, 1, 1, generator=generator(1)).expand(-1, -1, 32, 32)
    same, other = (sliced_wasserstein(pictures[0], p) for p in (pictures[1], flat))
    assert list(same) == [32, 16]
    assert other[16] > 3 * same[16]
    byte = [(p * 255).round().byte() for p in pictures]
    assert sliced_wasserstein(*byte)[32] == pytest.approx(same[32], rel=0.05)


# Single pictures


def test_mask_iou_by_hand() -> None:
    alpha, mask = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    alpha[0, 0, 0] = 0.9
    mask[0, 0, :, 0] = 0.8
    assert mask_ious(alpha, mask).tolist() == pytest.approx([1 / 3, 0.0])


def test_depth_error_ignores_scale_and_offset() -> None:
    truth = torch.rand(3, 1, 8, 8, generator=generator())
    inside = torch.ones_like(truth, dtype=torch.bool)
    inside[2, :, 1:] = False
    inside[2, 0, 0, 1:] = False
    seen = torch.cat([3 * truth[:1] + 7, -truth[1:2], truth[2:]])
    seen[0, 0, 0, 0] = math.inf
    inside[0, 0, 0, 0] = False
    same, inverted, empty = normalized_depth_errors(seen, truth, inside).tolist()
    assert same == pytest.approx(0, abs=1e-6)
    assert inverted == pytest.approx(4, abs=1e-5)
    assert math.isnan(empty)


def test_background_depths_may_be_without_end() -> None:
    """Inverse depths are compared: from 100 units on, all is nearly the same."""
    truth = torch.linspace(3, 10, 64).view(1, 1, 8, 8)
    everywhere = torch.ones_like(truth, dtype=torch.bool)
    seen = torch.cat([2 * truth, 1 / (1 / truth.mean() - 1 / truth), torch.full_like(truth, 5.0)])
    far = torch.where(truth > 9, torch.tensor([100.0, math.inf]).view(2, 1, 1, 1), truth)
    errors = background_depth_errors(
        torch.cat([seen, far]), truth, everywhere.expand(5, -1, -1, -1)
    )
    assert errors[:3].tolist() == pytest.approx([0, 4, 1], abs=1e-3)
    assert errors[4] == pytest.approx(errors[3].item(), rel=0.3) and errors[4] < 0.5
    plain = normalized_depth_errors(far[:1], truth, everywhere)
    assert plain.item() > 2 * errors[3].item()


def test_pose_errors_by_hand() -> None:
    front, right = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    up = torch.tensor([[0.0, math.sin(0.1), math.cos(0.1)]])
    assert [v.item() for v in pose_errors(front, right)] == pytest.approx([90, 90, 0], abs=1e-4)
    angle = math.degrees(0.1)
    assert [v.item() for v in pose_errors(up, front)] == pytest.approx([angle, 0, angle], abs=1e-3)
    behind = [torch.tensor([[math.sin(y), 0, math.cos(y)]]) for y in (3.1, -3.1)]
    turn = math.degrees(2 * math.pi - 6.2)
    assert pose_errors(*behind)[1].item() == pytest.approx(turn, abs=1e-3)  # across the seam


def test_binariness_and_change_by_hand() -> None:
    transmittance = torch.tensor([[0.0, 1.0, 0.5, 0.9], [0.0, 0.0, 1.0, 1.0]])[:, None, None]
    assert binariness(transmittance).tolist() == pytest.approx([0.15, 0.0])
    before = torch.zeros(2, 3, 1, 2)
    after = before.clone()
    after[0, 0, 0, 0] = 3 / 255
    region = torch.tensor([[True, False], [False, False]])[:, None, None]
    change = mean_change(before, after, region)
    assert change[0].item() == pytest.approx(1.0) and change[1].isnan()


# Views


def cameras(*yaws: float, pitch: float = 0.1) -> Tensor:
    yaw = torch.tensor(yaws, dtype=torch.float64)
    return orbit_labels(yaw, torch.full_like(yaw, pitch), 2.7, FOCAL)


def see_sphere(labels: Tensor, size: int = 64, *, depends_on_view: bool = False) -> View:
    """A sphere with a smooth texture, exactly."""
    origins, directions = rays_from_labels(labels, size)
    middle = -(origins * directions).sum(-1)
    squared = middle**2 - origins.square().sum(-1) + RADIUS**2
    hit = squared > 0
    depth = torch.where(hit, middle - squared.clamp_min(0).sqrt(), math.inf)
    points = origins + torch.where(hit, depth, 0.0)[..., None] * directions
    shift = 6 * torch.atan2(origins[..., :1], origins[..., 2:]) if depends_on_view else 0.0
    colors = (0.5 + 0.4 * torch.sin(8 * points + shift)) * hit[..., None]
    shape = (len(labels), 1, size, size)
    picture = colors.transpose(1, 2).unflatten(2, shape[2:])
    return View(picture, hit.float().view(shape), depth.view(shape), labels)


def test_known_sphere_is_consistent() -> None:
    error, share = view_consistency(see_sphere(cameras(-0.2)), see_sphere(cameras(0.2)))
    assert error.item() < 0.6
    assert 0.7 < share.item() < 0.95  # a strip of 0.4 radians is turned out of sight


def test_texture_that_follows_the_camera_is_not_consistent() -> None:
    views = [see_sphere(cameras(yaw), depends_on_view=True) for yaw in (-0.2, 0.2)]
    assert view_consistency(*views)[0].item() > 30


def test_wrong_depth_is_not_consistent() -> None:
    first, second = see_sphere(cameras(-0.2)), see_sphere(cameras(0.2))
    flat = [
        View(v.picture, v.alpha, torch.where(v.alpha > 0, 2.6, math.inf), v.label)
        for v in (first, second)
    ]
    assert view_consistency(*flat)[0].item() > 10


def test_far_side_is_hidden() -> None:
    error, share = view_consistency(see_sphere(cameras(0.0)), see_sphere(cameras(math.pi)))
    assert share.item() < 0.02
    nothing = see_sphere(cameras(0.0))
    empty = View(nothing.picture, 0 * nothing.alpha, nothing.depth, nothing.label)
    assert all(value.isnan().all() for value in view_consistency(empty, nothing))


def test_projection_is_the_inverse_of_rays() -> None:
    labels = cameras(0.4, -1.0)
    origins, directions = rays_from_labels(labels, 4)
    place, distance, ahead = project(origins + 2 * directions, labels)
    x = torch.tensor([-0.75, -0.25, 0.25, 0.75])
    expected = torch.stack(torch.meshgrid(x, x, indexing="xy"), -1).view(16, 2)
    assert torch.allclose(place, expected.expand(2, -1, -1), atol=1e-4)
    assert torch.allclose(distance, torch.tensor(2.0)) and ahead.all()
    assert not project(origins - 2 * directions, labels)[2].any()


def test_turned_cameras_are_those_of_the_orbit() -> None:
    pivot = (0.1, 0.2, -0.1)

    def label(yaw: float) -> Tensor:
        return Camera.orbit(yaw, 0.2, radius=2.0, pivot=pivot, fov=0.3).resolve(None).label()

    turned = turn_labels(label(0.3), torch.tensor([0.5]), pivot)
    assert torch.allclose(turned, label(0.8), atol=1e-5)
    both = torch.cat([label(0.3), label(-0.1)])
    second = turn_to_front(both, 0.4, pivot)
    assert torch.allclose(second, torch.cat([label(-0.1), label(0.3)]), atol=1e-5)
