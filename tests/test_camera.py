import math

import numpy as np
import pytest
import torch

from ballgan.camera import Camera, Orbit, intrinsics_from_fov
from ballgan.config import CameraConfig

DEFAULTS = CameraConfig(radius=2.5, pivot=(0.0, 0.0, 0.2), fov=0.5)


def test_orbit_starts_in_front_and_looks_at_the_pivot() -> None:
    camera = Camera.orbit().resolve(DEFAULTS)
    assert camera.position == pytest.approx([0, 0, 2.7])
    rotation = np.array(camera.cam2world)[:3, :3]
    # OpenCV axes as columns: x right, y down, z forward.
    assert rotation == pytest.approx(np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]]), abs=1e-12)


def test_positive_yaw_moves_right_and_positive_pitch_moves_up() -> None:
    right = Camera.orbit(yaw=0.3).resolve(DEFAULTS).position
    up = Camera.orbit(pitch=0.3).resolve(DEFAULTS).position
    assert right == pytest.approx([2.5 * math.sin(0.3), 0, 0.2 + 2.5 * math.cos(0.3)])
    assert up == pytest.approx([0, 2.5 * math.sin(0.3), 0.2 + 2.5 * math.cos(0.3)])


@pytest.mark.parametrize("yaw", [-2.0, 0.0, 0.4, 3.0])
@pytest.mark.parametrize("pitch", [-1.5, -0.2, 0.0, 1.5])
def test_pose_is_a_rotation_whose_axis_meets_the_pivot(yaw: float, pitch: float) -> None:
    camera = Camera.orbit(yaw, pitch, radius=1.3, pivot=(0.1, 0.2, 0.3)).resolve(DEFAULTS)
    rotation = np.array(camera.cam2world)[:3, :3]
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    target = camera.position + 1.3 * rotation[:, 2]
    assert target == pytest.approx([0.1, 0.2, 0.3])
    assert rotation[1, 1] < 0  # down points down


def test_a_roll_turns_the_cameras_top_to_its_right() -> None:
    level, rolled = (Camera.orbit(0.4, 0.2, roll=roll).resolve(DEFAULTS) for roll in (0.0, 0.5))
    before, after = np.array(level.cam2world), np.array(rolled.cam2world)
    assert after[:3, 2:] == pytest.approx(before[:3, 2:])  # the axis and the position stay
    top = -after[:3, 1]
    assert top @ before[:3, 0] == pytest.approx(math.sin(0.5))  # to the right
    assert top @ -before[:3, 1] == pytest.approx(math.cos(0.5))


def test_an_orbit_fills_in_only_what_is_open() -> None:
    camera = Camera.orbit(radius=1.0, fov=math.pi / 2).resolve(DEFAULTS)
    assert camera.position == pytest.approx([0, 0, 1.2])
    assert camera.intrinsics[0][0] == pytest.approx(0.5)
    assert Orbit().resolve(DEFAULTS).intrinsics == intrinsics_from_fov(0.5)


def test_label_round_trip() -> None:
    camera = Camera.orbit(0.2, 0.1).resolve(DEFAULTS)
    label = camera.label()
    assert label.shape == (1, 25)
    again = Camera.from_label(label[0].numpy())
    assert np.array(again.cam2world) == pytest.approx(np.array(camera.cam2world), abs=1e-6)


def test_published_sampler_uses_the_opposite_pitch() -> None:
    intrinsics = intrinsics_from_fov(0.3)
    camera = Camera.published(0.0, 0.3, radius=2.7, pivot=(0, 0, 0.2), intrinsics=intrinsics)
    assert camera.position[1] == pytest.approx(-2 * 2.7 * 0.3 / math.pi)
    assert np.linalg.norm(camera.position) == pytest.approx(2.7)


def test_rays_pass_through_pixel_centres() -> None:
    rays = Camera.orbit(fov=math.pi / 2).resolve(DEFAULTS).rays(4, 2)
    assert (rays.width, rays.height) == (4, 2)
    assert rays.directions.shape == (8, 3)
    assert torch.allclose(rays.directions.norm(dim=-1), torch.ones(8))
    # Top left pixel: a quarter of a pixel's image from the border, x to the left, y up.
    expected = torch.tensor([-0.75, 0.5, -1.0])
    assert torch.allclose(rays.directions[0], expected / expected.norm(), atol=1e-6)


def test_skewed_intrinsics_are_undone() -> None:
    intrinsics = ((2.0, 0.1, 0.45), (0.0, 3.0, 0.55), (0.0, 0.0, 1.0))
    camera = Camera(tuple(map(tuple, np.eye(4).tolist())), intrinsics)
    directions = camera.rays(5, 3).directions
    pixels = (directions / directions[:, 2:]) @ torch.tensor(intrinsics).T
    expected_u = (torch.arange(5) + 0.5) / 5
    expected_v = (torch.arange(3) + 0.5) / 3
    assert torch.allclose(pixels.view(3, 5, 3)[0, :, 0], expected_u, atol=1e-6)
    assert torch.allclose(pixels.view(3, 5, 3)[:, 0, 1], expected_v, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera.orbit(yaw=math.nan), "finite"),
        (lambda: Camera.orbit(pitch=2.0), "pitch"),
        (lambda: Camera.orbit(radius=0), "radius"),
        (lambda: Camera.orbit(fov=4.0), "fov"),
        (lambda: Camera.from_label([1.0] * 24), "25 numbers"),
        (lambda: Camera.from_label([1.0] * 25), "orthonormal"),
        (lambda: Camera.look_at((0, 1, 0), (0, 0, 0), intrinsics_from_fov(1)), "vertical"),
    ],
)
def test_bad_cameras_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_corner_rays_are_those_of_the_picture() -> None:
    camera = Camera.orbit(0.4, -0.2, roll=0.1).resolve(DEFAULTS)
    for part, width, height in ((camera, 7, 5), (camera.crop(5, slice(1, 3)), 7, 2)):
        rays, corners = part.rays(width, height), part.corner_rays(width, height)
        places = [0, width - 1, width * (height - 1), width * height - 1]
        assert torch.equal(corners.directions, rays.directions[places])
        assert torch.equal(corners.origins, rays.origins[places])
        assert torch.equal(corners.axis, rays.axis)
