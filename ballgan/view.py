"""What decides a picture, as frozen plain values: codes, background, camera, layer.

The window shows them, session files hold them; `staging.py` turns them into the library's latents,
backgrounds and cameras. Light: nothing here imports torch, so that the window is there first.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

SEEDS = 2**32  # seeds are 32-bit
LATTICE_WIDTH = 100  # seed at lattice point (i, j): (i + 100 j) mod 2**32, as Latent.at
MAX_PITCH = 1.5  # radians
MIN_FOV, MAX_FOV = math.radians(4), math.radians(80)
LAYERS = ("full", "foreground", "background", "raw", "normals", "depth", "alpha", "surface")
BACKDROP_KINDS = ("learnt", "colour", "photo")
WITHOUT_BACKGROUND = ("foreground", "normals", "depth", "alpha", "surface")


def file_field() -> Any:
    """A dataclass field, None by default, that holds the path of a file: session files name it
    relative to themselves."""
    return field(default=None, metadata={"file": True})


@dataclass(frozen=True)
class Code:
    """A latent code as a place on the lattice of seeds; between its points seeds are blended."""

    x: float = 0.0
    y: float = 0.0
    truncation_psi: float = 0.7  # 0: the average, 1: as drawn

    @property
    def seed(self) -> int:
        """The seed at this place, or the nearest one."""
        return (round(self.x) + LATTICE_WIDTH * round(self.y)) % SEEDS

    @property
    def is_blend(self) -> bool:
        """Whether this place lies between lattice points."""
        return (self.x, self.y) != (round(self.x), round(self.y))

    def at_seed(self, seed: int) -> "Code":
        """The same truncation at the lattice point of `seed` (any integer, taken mod 2**32)."""
        row, column = divmod(seed % SEEDS, LATTICE_WIDTH)
        return replace(self, x=float(column), y=float(row))


@dataclass(frozen=True)
class Backdrop:
    """What stands behind the foreground: every choice keeps its values while another one shows."""

    kind: str = "learnt"  # one of BACKDROP_KINDS
    visible: bool = True  # False: transparent, shown on a checkerboard
    code: Code = Code()
    colour: tuple[float, float, float] = (0.93, 0.94, 0.96)  # sRGB in [0, 1]
    photo: str | None = file_field()  # path of a panorama or any other picture
    yaw: float = 0.0  # turns the photo, radians
    exposure: float = 0.0  # of the photo, stops


@dataclass(frozen=True)
class Orbit:
    """A camera on an orbit with every number filled in; means what Camera.orbit means."""

    yaw: float = 0.0
    pitch: float = 0.0
    radius: float = 2.7
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fov: float = math.radians(18)

    @property
    def direction(self) -> tuple[float, float, float]:
        """Unit vector from the pivot to the camera."""
        across = math.cos(self.pitch)
        return across * math.sin(self.yaw), math.sin(self.pitch), across * math.cos(self.yaw)


@dataclass(frozen=True)
class View:
    """Everything that decides the picture."""

    foreground: Code = Code()
    backdrop: Backdrop = Backdrop()
    camera: Orbit = Orbit()
    layer: str = "full"  # one of LAYERS
    neural_resolution: int | None = None  # side of the volume-rendered image; None: the model's

    def relevant(self) -> "View":
        """The same picture's simplest view: values that do not show at present are left out, so
        that two views are equal when their pictures are."""
        backdrop = self.backdrop
        if not backdrop.visible or self.layer in WITHOUT_BACKGROUND:
            backdrop = Backdrop(visible=False)
        elif backdrop.kind == "colour":
            backdrop = Backdrop("colour", colour=backdrop.colour)
        elif backdrop.kind == "photo":
            backdrop = replace(Backdrop("photo"), photo=backdrop.photo, yaw=backdrop.yaw)
            backdrop = replace(backdrop, exposure=self.backdrop.exposure)
        else:
            backdrop = Backdrop("learnt", code=backdrop.code)
        return replace(self, backdrop=backdrop)


def clamp_camera(camera: Orbit, home: Orbit, limit: float) -> Orbit:
    """The nearest camera that can be rendered.

    home: the model's own camera, which sets the scale. limit: how far from the origin the camera
    may be, world units; a little less than the radius of the background sphere.
    """
    pivot = _shorten(camera.pivot, 0.5 * limit)
    camera = replace(
        camera,
        yaw=math.remainder(camera.yaw, 2 * math.pi),
        pitch=min(max(camera.pitch, -MAX_PITCH), MAX_PITCH),
        fov=min(max(camera.fov, MIN_FOV), MAX_FOV),
        pivot=pivot,
    )
    furthest = _distance_to_sphere(pivot, camera.direction, limit)
    nearest = min(0.15 * home.radius, furthest)
    return replace(camera, radius=min(max(camera.radius, nearest), furthest))


def depth_range(camera: Orbit, box: float) -> tuple[float, float]:
    """Distances shown white and black: the foreground's cube, seen from the camera."""
    position = [p + camera.radius * d for p, d in zip(camera.pivot, camera.direction, strict=True)]
    distance = math.hypot(*position)
    return max(distance - 0.6 * box, 0.0), distance + 0.6 * box


def _shorten(vector: tuple[float, float, float], limit: float) -> tuple[float, float, float]:
    length = math.hypot(*vector)
    if length <= limit:
        return vector
    x, y, z = (v * limit / length for v in vector)
    return x, y, z


def _distance_to_sphere(
    origin: tuple[float, float, float], direction: tuple[float, float, float], radius: float
) -> float:
    """Distance from a point inside an origin-centred sphere to it, along a unit direction."""
    along = sum(o * d for o, d in zip(origin, direction, strict=True))
    inside = radius**2 - sum(o * o for o in origin)
    return -along + math.sqrt(max(along**2 + inside, 0.0))
