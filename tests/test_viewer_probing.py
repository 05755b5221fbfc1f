"""Rays that meet meshes."""

import math

import numpy as np
import pytest
import trimesh
from ballgan_viewer.probing import find_hit

AXES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def test_the_nearest_side_of_a_ball_is_hit() -> None:
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.5)
    centre = np.array([0.2, -0.1, -3.0])
    aside = np.array([0.3, 0.0, 0.0])  # of the centre, at 0.4 before it the ball begins
    ray = (centre + aside) / np.linalg.norm(centre + aside)
    along = float(centre @ ray)
    expected = along - math.sqrt(0.5**2 - (centre @ centre - along**2))
    points = np.asarray(ball.vertices, np.float32) + centre
    assert find_hit(points, ball.faces, ray, AXES) == pytest.approx(expected, abs=1e-3)
    assert find_hit(points, ball.faces, -ray, AXES) == math.inf
    assert find_hit(points, ball.faces, np.array([0.0, 0.6, -0.8]), AXES) == math.inf
    assert find_hit(points - centre, ball.faces, ray, AXES) == pytest.approx(0.5, abs=1e-3)


def test_no_triangles_are_not_hit() -> None:
    nothing = np.zeros((0, 3)), np.zeros((0, 3), int)
    assert find_hit(*nothing, np.array([0.0, 0.0, -1.0]), AXES) == math.inf
