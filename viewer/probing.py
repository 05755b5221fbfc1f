"""What is known of a place of the picture, by what shows there: a picture, a volume or a mesh."""

import math
from dataclasses import dataclass

import numpy as np

from ballgan.view import Orbit

from . import navigation
from .info import Probe
from .requests import Rendered, Surface

SEEN = 0.05  # opacity from which there is a point to speak of


@dataclass(frozen=True)
class Sight:
    """A place of the picture, in [0, 1] to the right and down, and the camera that looks there.

    shift: of the model's rays (see ModelInfo).
    """

    place: tuple[float, float]
    camera: Orbit
    shift: float

    @property
    def ray(self) -> navigation.Vector:
        """Its direction."""
        return navigation.ray_direction(self.camera, *self.place, self.shift)

    def describe(
        self,
        opacity: float | None,
        distance: float,
        colour: tuple[float, float, float, float] | None = None,
    ) -> Probe:
        """What is seen there at a distance; infinite: nothing."""
        if not math.isfinite(distance) or (opacity is not None and opacity <= SEEN):
            return Probe(self.place, colour, opacity)
        point = navigation.move(navigation.eye_position(self.camera), self.ray, distance)
        return Probe(self.place, colour, opacity, distance, point)


def probe_picture(picture: Rendered, sight: Sight, *, current: bool) -> Probe:
    """A pixel of the network's picture; of one that is not `current` only its colour is known."""
    row, column = (
        min(max(int(p * n), 0), n - 1)
        for p, n in zip(reversed(sight.place), picture.rgba.shape, strict=False)
    )
    red, green, blue, alpha = picture.rgba[row, column].tolist()
    colour = (red, green, blue, alpha)
    if not current:
        return Probe(sight.place, colour)
    of_background = picture.request.view.layer == "background"
    opacity = None if of_background else float(picture.alpha[row, column])
    return sight.describe(opacity, float(picture.depth[row, column]), colour)


def probe_surface(surface: Surface, sight: Sight) -> Probe:
    """A point of the mesh."""
    mesh, axes = surface.mesh, navigation.image_axes(sight.camera)
    eye = np.array(navigation.eye_position(sight.camera))
    distance = find_hit(mesh.points - eye, mesh.faces, np.array(sight.ray), np.array(axes))
    return sight.describe(float(math.isfinite(distance)), distance)


def find_hit(points: np.ndarray, faces: np.ndarray, ray: np.ndarray, axes: np.ndarray) -> float:
    """Distance from the origin, along a unit ray (3,), of the first triangle; infinite: none.

    points: (V, 3). faces: (F, 3). axes: (2, 3), two other directions. As seen along the ray, all of
    it is a point, and it hits the triangles that contain this point.
    """
    seen = (points @ np.cross(ray, axes).T).T  # (2, V)
    quarter = ((seen > 0) * np.array([[1], [2]])).sum(0).astype(np.uint8)  # one bit an axis
    a, b, c = quarter[faces].T
    faces = faces[((a | b | c) & ~(a & b & c)) == 3]  # few are on both sides of both axes
    x, y = seen[:, faces]  # (F, 3) each
    after, before = [1, 2, 0], [2, 0, 1]
    shares = x[:, after] * y[:, before] - x[:, before] * y[:, after]  # areas to the other corners
    whole = shares.sum(1)
    hit = ((shares >= 0).all(1) | (shares <= 0).all(1)) & (whole != 0)
    distances = (shares[hit] * (points @ ray)[faces[hit]]).sum(1) / whole[hit]
    return float(np.min(distances[distances > 0], initial=math.inf))
