import math

import pytest
import torch

from ballgan.geometry import (
    directions_to_equirectangular,
    equirectangular_directions,
    intersect_box,
    intersect_sphere,
    require_inside_sphere,
    sample_equirectangular,
    sphere_angles,
)


def test_box_is_entered_and_left_at_its_faces() -> None:
    origins = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [0.1, 0.2, 0.3]])
    directions = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    near, far = intersect_box(origins, directions, side=1.0)
    assert near[0].item() == pytest.approx(1.5)
    assert far[0].item() == pytest.approx(2.5)
    assert far[1] <= near[1]  # looks away from it
    assert near[2].item() == 0 and far[2].item() == pytest.approx(0.4)


def test_box_is_missed() -> None:
    near, far = intersect_box(torch.tensor([[2.0, 0, 0]]), torch.tensor([[0.0, 1.0, 0.0]]), 1.0)
    assert far <= near


def test_sphere_is_left_at_its_far_side() -> None:
    origins = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [0.0, 2.4, 0.0]])
    directions = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    distance = intersect_sphere(origins, directions, 3.0)
    assert distance.tolist() == pytest.approx([5.0, 1.0, 1.8])


def test_camera_beyond_the_sphere_is_named_with_radius_and_distance() -> None:
    with pytest.raises(ValueError, match=r"radius 3; it is 3\.5 from the centre"):
        require_inside_sphere(torch.tensor([[0.1, 0, 0], [0, 0, 3.5]]), 3.0)
    with pytest.raises(ValueError, match="inside"):
        require_inside_sphere(torch.tensor([torch.nan, 0, 0]), 3.0)


def test_the_bound_is_radius_squared() -> None:
    """Published code compares r^2 with R: it refuses valid cameras between sqrt(R) and R."""
    origin = torch.tensor([[2.4, 0.0, 0.0]])
    require_inside_sphere(origin, 3.0)
    assert intersect_sphere(origin, torch.tensor([[0.0, 1.0, 0.0]]), 3.0).item() == pytest.approx(
        math.sqrt(9 - 2.4**2), abs=1e-6
    )


def test_angles_of_the_axes() -> None:
    axes = torch.tensor([[0, 0, 1.0], [1, 0, 0], [0, 0, -1], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    theta, phi = sphere_angles(3 * axes).unbind(-1)
    half = math.pi / 2
    assert theta.tolist() == pytest.approx([half, half, half, half, 0, math.pi])
    assert phi.tolist() == pytest.approx([0, half, math.pi, 3 * half, 0, 0])


def test_equirectangular_centre_is_straight_ahead_and_right_is_right() -> None:
    # A camera in front of the object looks along -z; its right is +x.
    directions = torch.tensor([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    uv = directions_to_equirectangular(directions)
    assert uv[0].tolist() == pytest.approx([0.5, 0.5])
    assert uv[1].tolist() == pytest.approx([0.75, 0.5])
    assert uv[2, 1].item() == pytest.approx(0)


def test_pixel_centres_and_directions_are_inverse() -> None:
    directions = equirectangular_directions(4, 8, torch.device("cpu"))
    u, v = directions_to_equirectangular(directions).unbind(-1)
    assert torch.allclose(u, ((torch.arange(8) + 0.5) / 8).expand(4, 8), atol=1e-6)
    assert torch.allclose(v, ((torch.arange(4) + 0.5) / 4)[:, None].expand(4, 8), atol=1e-6)


def test_look_up_returns_pixels_at_their_centres_and_wraps() -> None:
    image = torch.rand(2, 4, 8, generator=torch.Generator().manual_seed(0))
    directions = equirectangular_directions(4, 8, torch.device("cpu")).view(-1, 3)
    assert torch.allclose(
        sample_equirectangular(image, directions).t().view_as(image), image, atol=1e-5
    )
    # Half-way between the last and the first column, straight behind: +z.
    middle = sample_equirectangular(image, torch.tensor([[0.0, 0.0, 1.0]]))[0]
    expected = image[:, 1:3, [0, 7]].mean((1, 2))
    assert torch.allclose(middle, expected, atol=1e-5)
