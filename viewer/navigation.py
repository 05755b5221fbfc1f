"""How the camera moves: pure functions from one orbit to the next. World units and radians.

Drags are in fractions of the picture's height, to the right and down.
"""

import math
from dataclasses import replace

from ballgan.animation import mix_cameras
from ballgan.view import MAX_FOV, MAX_PITCH, MIN_FOV, Orbit, distance_to_sphere

Vector = tuple[float, float, float]

ORBIT_SPEED = math.pi  # radians for a drag across the picture
LOOK_SPEED = 1.5  # angles of view for a drag across the picture
ZOOM_STEP = 0.1  # logarithm of the distance for a step of the wheel
FOV_STEP = 0.05  # logarithm of the tangent of half the angle of view for a step of the wheel
LARGEST_EXPONENT = 50.0  # of a change of distance or angle: far beyond their limits
FLY_SPEED = 0.5  # of the model's own distance a second
FAST = 4.0  # times that with Shift
GLIDE_SECONDS = 0.25  # of the way to a camera that a key or a click asks for
LEAST_ARM = 0.03  # of the picture's height, nearer to its middle nothing can be turned by it
FLY_KEYS: dict[str, Vector] = {  # to the right, up, ahead
    "W": (0, 0, 1),
    "S": (0, 0, -1),
    "A": (-1, 0, 0),
    "D": (1, 0, 0),
    "E": (0, 1, 0),
    "Q": (0, -1, 0),
}
SIDES: dict[str, tuple[float, float]] = {  # yaw and pitch from which one sees that side
    "front": (0.0, 0.0),
    "back": (math.pi, 0.0),
    "left": (-math.pi / 2, 0.0),
    "right": (math.pi / 2, 0.0),
    "top": (0.0, math.pi / 2),
    "bottom": (0.0, -math.pi / 2),
}


def image_axes(camera: Orbit) -> tuple[Vector, Vector]:
    """World directions that point right and up in the picture."""
    sin_yaw, cos_yaw = math.sin(camera.yaw), math.cos(camera.yaw)
    sin_pitch, cos_pitch = math.sin(camera.pitch), math.cos(camera.pitch)
    level = (cos_yaw, 0.0, -sin_yaw)
    rise = (-sin_pitch * sin_yaw, cos_pitch, -sin_pitch * cos_yaw)
    if not camera.roll:
        return level, rise
    c, s = math.cos(camera.roll), math.sin(camera.roll)
    return _combine(c, level, -s, rise), _combine(c, rise, s, level)


def eye_position(camera: Orbit) -> Vector:
    """Position of the camera."""
    return move(camera.pivot, camera.direction, camera.radius)


def ray_direction(camera: Orbit, u: float, v: float, shift: float = 0.0) -> Vector:
    """Unit direction of the ray through a place of the picture; (0, 0) is its top left corner.

    shift: of all rays to the left and up, in sides of the picture.
    """
    right, up = image_axes(camera)
    spread = math.tan(camera.fov / 2)
    across, rise = spread * (2 * (u - shift) - 1), spread * (1 - 2 * (v - shift))
    x, y, z = (
        across * r + rise * s - b for r, s, b in zip(right, up, camera.direction, strict=True)
    )
    length = math.hypot(x, y, z)
    return x / length, y / length, z / length


def orbit(camera: Orbit, dx: float, dy: float) -> Orbit:
    """Round the pivot; the object follows the pointer, also of a camera that is rolled."""
    dx, dy = _levelled(camera, dx, dy)
    return replace(
        camera,
        yaw=camera.yaw - ORBIT_SPEED * dx,
        pitch=camera.pitch + ORBIT_SPEED * dy,
    )


def pan(camera: Orbit, dx: float, dy: float) -> Orbit:
    """Sideways; the pivot stays under the pointer."""
    right, up = image_axes(camera)
    extent = 2 * camera.radius * math.tan(camera.fov / 2)
    pivot = move(camera.pivot, right, -extent * dx)
    return replace(camera, pivot=move(pivot, up, extent * dy))


def zoom(camera: Orbit, steps: float, at: tuple[float, float] = (0.5, 0.5)) -> Orbit:
    """Closer by `steps` of the wheel, towards what is seen at a place of the picture.

    The camera moves along the ray to it: however far away it is, it stays where it is in the
    picture.
    """
    return zoom_to(camera, camera.radius * _grow(-ZOOM_STEP * steps), at)


def zoom_to(camera: Orbit, radius: float, at: tuple[float, float] = (0.5, 0.5)) -> Orbit:
    """The camera at another distance; what is seen at a place of the picture stays there."""
    extent = 2 * (camera.radius - radius) * math.tan(camera.fov / 2)
    right, up = image_axes(camera)
    pivot = move(camera.pivot, right, extent * (at[0] - 0.5))
    return replace(camera, radius=radius, pivot=move(pivot, up, extent * (0.5 - at[1])))


def _grow(exponent: float) -> float:
    """exp, also of what a drag across a picture of one pixel asks for."""
    return math.exp(min(max(exponent, -LARGEST_EXPONENT), LARGEST_EXPONENT))


def widen(camera: Orbit, steps: float) -> Orbit:
    """A wider angle of view (positive steps) from as far as shows the pivot as large as before."""
    spread = math.tan(camera.fov / 2)
    wider = spread * _grow(FOV_STEP * steps)
    wider = min(max(wider, math.tan(MIN_FOV / 2)), math.tan(MAX_FOV / 2))
    return replace(camera, fov=2 * math.atan(wider), radius=camera.radius * spread / wider)


def widen_to(camera: Orbit, radius: float) -> Orbit:
    """The camera at another distance, with the angle of view that shows the pivot as large."""
    spread = math.tan(camera.fov / 2) * camera.radius / radius
    return replace(camera, fov=2 * math.atan(spread), radius=radius)


def look(camera: Orbit, dx: float, dy: float, nearest: float, room: float) -> Orbit:
    """Turn the head: the position stays, and the picture follows the pointer.

    The pivot comes closer, down to `nearest`, where it would be further than `room` from the
    origin.
    """
    eye = eye_position(camera)
    dx, dy = _levelled(camera, dx, dy)
    pitch = camera.pitch - LOOK_SPEED * camera.fov * dy
    pitch = min(max(pitch, -MAX_PITCH), MAX_PITCH)
    turned = replace(camera, yaw=camera.yaw + LOOK_SPEED * camera.fov * dx, pitch=pitch)
    x, y, z = turned.direction
    radius = max(min(camera.radius, distance_to_sphere(eye, (-x, -y, -z), room)), nearest)
    return replace(turned, radius=radius, pivot=move(eye, turned.direction, -radius))


def fly(camera: Orbit, keys: frozenset[str], distance: float, nearest: float) -> Orbit:
    """Fly `distance` in the direction of the keys that are held.

    Ahead the pivot is approached, and from `nearest` on pushed along.
    """
    x, y, z = (sum(FLY_KEYS[key][axis] for key in keys if key in FLY_KEYS) for axis in range(3))
    length = math.hypot(x, y, z)
    if not length:
        return camera
    right, up = image_axes(camera)
    ahead = distance * z / length
    radius = max(camera.radius - ahead, nearest)
    pivot = move(camera.pivot, camera.direction, camera.radius - ahead - radius)
    pivot = move(move(pivot, right, distance * x / length), up, distance * y / length)
    return replace(camera, radius=radius, pivot=pivot)


def aim(camera: Orbit, point: Vector) -> Orbit:
    """The camera with its pivot at a point it sees: centred, and as large as before."""
    eye = eye_position(camera)
    depth = sum((e - p) * d for e, p, d in zip(eye, point, camera.direction, strict=True))
    return replace(camera, pivot=point, radius=depth if depth > 0 else camera.radius)


def face(camera: Orbit, side: str) -> Orbit:
    """The camera that looks at a side, upright: one of SIDES."""
    yaw, pitch = SIDES[side]
    return replace(camera, yaw=yaw, pitch=pitch, roll=0.0)


def roll(camera: Orbit, start: tuple[float, float], end: tuple[float, float]) -> Orbit:
    """Round the camera's axis; the picture turns with the pointer round its middle.

    start, end: places of the picture, from its middle, to the right and down.
    """
    if min(math.hypot(*start), math.hypot(*end)) < LEAST_ARM:
        return camera
    turned = math.atan2(end[1], end[0]) - math.atan2(start[1], start[0])
    return replace(camera, roll=camera.roll - math.remainder(turned, math.tau))


def between(start: Orbit, end: Orbit, share: float) -> Orbit:
    """The camera on the short way from one to another; share in [0, 1], eased at both ends."""
    share = min(max(share, 0.0), 1.0)
    eased = share * share * (3 - 2 * share)
    return mix_cameras((start, end), (1 - eased, eased))


def _levelled(camera: Orbit, dx: float, dy: float) -> tuple[float, float]:
    """A movement in the picture as an upright camera would see it."""
    c, s = math.cos(camera.roll), math.sin(camera.roll)
    return c * dx - s * dy, c * dy + s * dx


def _combine(a: float, first: Vector, b: float, second: Vector) -> Vector:
    x, y, z = (a * p + b * q for p, q in zip(first, second, strict=True))
    return x, y, z


def move(point: Vector, direction: Vector, distance: float) -> Vector:
    """A point moved along a direction."""
    x, y, z = (p + distance * d for p, d in zip(point, direction, strict=True))
    return x, y, z
