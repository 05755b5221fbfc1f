"""What decides a picture, as frozen plain values: codes, background, camera, layer.

The window shows them, session files hold them; `staging.py` turns them into the library's latents,
backgrounds and cameras. Light: nothing here imports torch, so that the window is there first.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from .latents import Direction, StyleMix

CODES = ("foreground", "background")
SEEDS = 2**32  # seeds are 32-bit
LATTICE_WIDTH = 100  # seed at lattice point (i, j): (i + 100 j) mod 2**32, as Latent.at
MAX_PITCH = math.radians(89.9)
NEAREST = 0.15  # distance of a camera from its pivot at least, of the home camera's
PIVOT_ROOM = 0.9  # how far from the origin a pivot may be, of what a camera may
MIN_FOV, MAX_FOV = math.radians(4), math.radians(80)
LAYERS = ("full", "foreground", "background", "raw", "normals", "depth", "alpha", "surface")
COLORMAPS = ("viridis", "cividis", "grey")
PAINTS = ("clay", "colour")  # of the mesh
SIDES = ("both", "left", "right")  # of a comparison, for pictures and films
COMPARISONS = ("layer", "codes", "pinned")
MAX_STRENGTH = 2  # of matched light
TURNS = {"learnt": "sphere_yaw", "gradient": "roll", "photo": "yaw"}  # fields of a Backdrop
EXPOSURES = {"learnt": "sphere_exposure", "photo": "exposure"}
MOST_STOPS = 4.0
BACKDROP_KINDS = ("learnt", "colour", "gradient", "photo")
CUT_OUT = ("foreground", "normals", "surface")  # layers that are transparent, whatever is behind


def file_field() -> Any:
    """A dataclass field, None by default, that holds the path of a file: session files name it
    relative to themselves."""
    return field(default=None, metadata={"file": True})


@dataclass(frozen=True)
class Code:
    """A latent code as a place on the lattice of seeds; between its points seeds are blended.

    What follows the place means what it means in latents.Latent.
    """

    x: float = 0.0
    y: float = 0.0
    truncation_psi: float = 0.7  # 0: the average, 1: as drawn
    truncation_cutoff: int | None = None  # rows of ws that are truncated; None: all
    mix: StyleMix | None = None  # a second seed for some rows
    moves: tuple[tuple[Direction, float], ...] = ()  # steps along directions, in deviations
    blend: "tuple[tuple[Code, float], ...]" = ()  # whole codes and weights, instead of a place

    @property
    def seed(self) -> int:
        """The seed at this place, or the nearest one."""
        return (round(self.x) + LATTICE_WIDTH * round(self.y)) % SEEDS

    @property
    def is_blend(self) -> bool:
        """Whether this place lies between lattice points."""
        return bool(self.blend) or (self.x, self.y) != (round(self.x), round(self.y))

    def at(self, x: float, y: float) -> "Code":
        """The same at another place; of a blend, what its heaviest part is there."""
        if not self.blend:
            return replace(self, x=x, y=y)
        weights = [weight for _, weight in self.blend]
        return self.end(weights.index(max(weights))).at(x, y)

    def end(self, index: int) -> "Code":
        """One part of a blend, with what the blend itself does to it."""
        part, _ = self.blend[index]
        moved = part
        for direction, amount in self.moves:
            moved = moved.moved(direction, moved.amount(direction) + amount)
        cutoff = part.truncation_cutoff
        return replace(
            moved,
            truncation_psi=part.truncation_psi * self.truncation_psi,
            truncation_cutoff=self.truncation_cutoff if cutoff is None else cutoff,
            mix=self.mix or part.mix,
        )

    def at_seed(self, seed: int) -> "Code":
        """The same at the lattice point of `seed` (any integer, taken mod 2**32)."""
        row, column = divmod(seed % SEEDS, LATTICE_WIDTH)
        return self.at(float(column), float(row))

    def amount(self, direction: Direction) -> float:
        """How far it is moved along a direction."""
        return dict(self.moves).get(direction, 0.0)

    def moved(self, direction: Direction, amount: float) -> "Code":
        """The same, moved along a direction by `amount` in all."""
        moves = {**dict(self.moves), direction: amount}
        return replace(self, moves=tuple((d, a) for d, a in moves.items() if a))


@dataclass(frozen=True)
class CodePair:
    """The codes of foreground and background."""

    foreground: Code = Code()
    background: Code = Code()


@dataclass(frozen=True)
class CodeControl:
    """What may change a code; it does not show in the picture."""

    locked: bool = False  # nothing changes the code
    animated: bool = False  # the code moves by itself
    speed: float = 0.5  # of an animation, seeds a second

    @property
    def moves(self) -> bool:
        """Whether the code moves at present."""
        return self.animated and not self.locked


@dataclass(frozen=True)
class LatentControls:
    """Locks and animations, and the other side of the A/B toggle."""

    foreground: CodeControl = CodeControl()
    background: CodeControl = CodeControl()
    side: str = "A"  # that shows, "A" or "B"
    other: CodePair | None = None  # the codes of the side that does not show; None: the same

    def of(self, which: str) -> CodeControl:
        """What may change the "foreground" or the "background"."""
        return self.foreground if which == "foreground" else self.background


@dataclass(frozen=True)
class Backdrop:
    """What stands behind the foreground: every choice keeps its values while another one shows."""

    kind: str = "learnt"  # one of BACKDROP_KINDS
    visible: bool = True  # False: transparent, shown on a checkerboard
    code: Code = Code()
    colour: tuple[float, float, float] = (0.93, 0.94, 0.96)  # sRGB in [0, 1]
    top: tuple[float, float, float] = (0.80, 0.84, 0.90)  # of the gradient
    bottom: tuple[float, float, float] = (0.32, 0.34, 0.38)
    roll: float = 0.0  # of the gradient, radians
    photo: str | None = file_field()  # path of a panorama or any other picture
    yaw: float = 0.0  # turns the photo, radians
    exposure: float = 0.0  # of the photo, stops
    sphere_yaw: float = 0.0  # turns the learnt one, radians
    sphere_exposure: float = 0.0  # of the learnt one, stops
    camera: "Orbit | None" = None  # sees the background, which stands still; None: the view's
    match_light: bool = False  # whether the foreground takes on the background's light
    light_strength: float = 1.0  # of that, in [0, MAX_STRENGTH]

    @property
    def turn(self) -> float | None:
        """How the kind that shows is turned, radians; None: it cannot be."""
        return getattr(self, TURNS[self.kind]) if self.kind in TURNS else None

    @property
    def stops(self) -> float | None:
        """How the kind that shows is exposed, stops; None: it cannot be."""
        return getattr(self, EXPOSURES[self.kind]) if self.kind in EXPOSURES else None

    def turned(self, angle: float) -> "Backdrop":
        """The same with another `turn`, in +-pi."""
        changes: dict[str, Any] = {TURNS[self.kind]: math.remainder(angle, math.tau)}
        return replace(self, **changes)

    def exposed(self, stops: float) -> "Backdrop":
        """The same with other `stops`, within +-MOST_STOPS."""
        changes: dict[str, Any] = {EXPOSURES[self.kind]: min(max(stops, -MOST_STOPS), MOST_STOPS)}
        return replace(self, **changes)

    def relevant(self) -> "Backdrop":
        """What shows of it: the values of other kinds are left out."""
        if not self.visible:
            return Backdrop(visible=False)
        shown = Backdrop(self.kind, camera=self.camera)
        if self.kind == "colour":
            shown = Backdrop(self.kind, colour=self.colour)  # the same from everywhere
        elif self.kind == "gradient":
            shown = replace(shown, top=self.top, bottom=self.bottom, roll=self.roll)
        elif self.kind == "photo":
            shown = replace(shown, photo=self.photo, yaw=self.yaw, exposure=self.exposure)
        else:
            shown = replace(
                shown,
                code=self.code,
                sphere_yaw=self.sphere_yaw,
                sphere_exposure=self.sphere_exposure,
            )
        if not self.match_light:
            return shown
        # The light is measured against the learnt background's.
        return replace(shown, match_light=True, light_strength=self.light_strength, code=self.code)


@dataclass(frozen=True)
class Orbit:
    """A camera on an orbit with every number filled in; means what Camera.orbit means."""

    yaw: float = 0.0
    pitch: float = 0.0
    radius: float = 2.7
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fov: float = math.radians(18)
    roll: float = 0.0  # turns the camera round its axis, its top to its right

    @property
    def direction(self) -> tuple[float, float, float]:
        """Unit vector from the pivot to the camera."""
        across = math.cos(self.pitch)
        return across * math.sin(self.yaw), math.sin(self.pitch), across * math.cos(self.yaw)


@dataclass(frozen=True)
class Identity:
    """What decides the foreground in space."""

    code: Code = Code()
    conditioning: Orbit | None = None  # the camera that the mapping network is told of; None: the
    # model's own


@dataclass(frozen=True)
class DepthStyle:
    """How distances become colours: over a range that is the same in every picture."""

    near: float | None = None  # shown brightest, world units; None: the model's own
    far: float | None = None  # shown darkest
    colormap: str = "viridis"  # one of COLORMAPS

    def resolve(self, own: tuple[float, float]) -> tuple[float, float]:
        """Near and far, which is a little more than near; `own` are the model's."""
        near = own[0] if self.near is None else self.near
        far = own[1] if self.far is None else self.far
        return near, max(far, near + 1e-3)


@dataclass(frozen=True)
class MeshStyle:
    """How the mesh is shown."""

    paint: str = "clay"  # one of PAINTS
    wireframe: bool = False  # the edges of triangles over it
    level: float | None = None  # raw density of the surface; None: chosen


@dataclass(frozen=True)
class Comparison:
    """A second picture, right of a divider that lies over the picture."""

    on: bool = False
    divider: float = 0.5  # where it is, in [0, 1] of the picture's width
    kind: str = "layer"  # one of COMPARISONS: another layer, the other codes, or what was pinned
    layer: str = "raw"  # one of LAYERS
    pinned: "View | None" = None  # all of it but the camera


@dataclass(frozen=True)
class View:
    """Everything that decides the picture."""

    foreground: Code = Code()
    backdrop: Backdrop = Backdrop()
    camera: Orbit = Orbit()
    layer: str = "full"  # one of LAYERS
    neural_resolution: int | None = None  # side of the volume-rendered image; None: the model's
    latents: LatentControls = LatentControls()
    conditioning: Orbit | None = None  # see Identity
    depth: DepthStyle = DepthStyle()
    mesh: MeshStyle = MeshStyle()
    comparison: Comparison = Comparison()

    @property
    def identity(self) -> Identity:
        """What decides the foreground in space: moving the camera leaves it as it is."""
        return Identity(self.foreground, self.conditioning)

    @property
    def codes(self) -> CodePair:
        """Both codes."""
        return CodePair(self.foreground, self.backdrop.code)

    def code(self, which: str) -> Code:
        """The code of the "foreground" or the "background"."""
        return self.foreground if which == "foreground" else self.backdrop.code

    def with_code(self, which: str, code: Code) -> "View":
        """The same with another code."""
        if which == "foreground":
            return replace(self, foreground=code)
        return replace(self, backdrop=replace(self.backdrop, code=code))

    def with_codes(self, codes: CodePair) -> "View":
        """The same with other codes."""
        backdrop = replace(self.backdrop, code=codes.background)
        return replace(self, foreground=codes.foreground, backdrop=backdrop)

    def keep_locked(self, codes: CodePair) -> CodePair:
        """These codes, but the view's own where those are locked."""
        locked = [which for which in CODES if self.latents.of(which).locked]
        return replace(codes, **{which: self.code(which) for which in locked})

    def compared(self) -> "View | None":
        """The view right of the divider, by the same camera; None: there is nothing to compare."""
        how, alone = self.comparison, replace(self, comparison=Comparison())
        if not how.on:
            return None
        if how.kind == "layer":
            return replace(alone, layer=how.layer)
        if how.kind == "codes":
            other = self.latents.other
            return None if other is None else alone.with_codes(self.keep_locked(other))
        if how.pinned is None:
            return None
        return replace(how.pinned, camera=self.camera, comparison=Comparison())

    def sides(self, wanted: str = "both") -> "tuple[View, ...]":
        """What stands left and right of the divider, or only the `wanted` one of SIDES; the view
        alone if there is nothing to compare."""
        left, right = replace(self, comparison=Comparison()), self.compared()
        if right is None or wanted == "left":
            return (left,)
        return (right,) if wanted == "right" else (left, right)

    def pictures(self) -> "tuple[View, ...]":
        """The simplest view of each of the `sides`: equal as long as nothing else shows."""
        return tuple(side.relevant() for side in self.sides())

    def shows(self, which: str) -> bool:
        """Whether the code of the "foreground" or the "background" has a part in the picture."""
        code = self.code(which)
        changed = self.with_code(which, replace(code, x=code.x + 1))
        return any(
            side.relevant() != other.relevant()
            for side, other in zip(self.sides(), changed.sides(), strict=True)
            if which == "background" or side.layer != "background"
        )

    def relevant(self) -> "View":
        """The same picture's simplest view: values that do not show at present are left out, so
        that two views are equal when their pictures are."""
        backdrop = self.backdrop.relevant()
        lit = backdrop.match_light and self.layer == "foreground"
        if self.layer == "depth":
            backdrop = Backdrop("colour", backdrop.visible)
        elif self.layer in (*CUT_OUT, "alpha") and not lit:
            backdrop = Backdrop(visible=False)
        depth = self.depth if self.layer == "depth" else DepthStyle()
        mesh = self.mesh if self.layer == "surface" else MeshStyle()
        plain = replace(self, latents=LatentControls(), comparison=Comparison())
        return replace(plain, backdrop=backdrop, depth=depth, mesh=mesh)


def interpolate(a: Code, b: Code, weight: float) -> Code:
    """The code between a (weight 0) and b (weight 1), row by row of their ws (see `blend`)."""
    return blend(((a, 1.0 - weight), (b, weight)))


def blend(parts: tuple[tuple[Code, float], ...]) -> Code:
    """The weighted mean of codes, row by row of their ws; weights have sum 1.

    Where all have the same truncation and moves, the result has them too, so that they can still
    be changed; else it brings them along in its parts. Its place is that of the heaviest one.
    """
    nearest, _ = max(parts, key=lambda part: part[1])
    names, shared = ("truncation_psi", "truncation_cutoff", "moves"), Code(truncation_psi=1.0)
    if len({tuple(getattr(code, name) for name in names) for code, _ in parts}) == 1:
        shared = replace(shared, **{name: getattr(nearest, name) for name in names})
        own: dict[str, Any] = {"truncation_psi": 1.0, "truncation_cutoff": None, "moves": ()}
        parts = tuple((replace(code, **own), weight) for code, weight in parts)
    return replace(shared, x=nearest.x, y=nearest.y, blend=parts)


def slide(code: Code, weight: float) -> Code:
    """A blend of two codes at another weight of the second one, in [0, 1]."""
    (a, _), (b, _) = code.blend
    weight = min(max(weight, 0.0), 1.0)
    nearest = a if weight < 0.5 else b
    return replace(code, x=nearest.x, y=nearest.y, blend=((a, 1.0 - weight), (b, weight)))


def advance(code: Code, distance: float) -> Code:
    """A code after a step of its animation: from seed to seed, or to and fro in a blend of two.

    distance: in seeds. At the end of a blend its codes change places.
    """
    if len(code.blend) != 2:
        return code.at(code.x + distance, code.y)
    weight = code.blend[1][1] + distance
    if weight < 1.0:
        return slide(code, weight)
    return slide(replace(code, blend=code.blend[::-1]), weight - 1.0)


def clamp_camera(camera: Orbit, home: Orbit, limit: float) -> Orbit:
    """The nearest camera that can be rendered.

    home: the model's own camera, which sets the scale. limit: how far from the origin the camera
    may be, world units; a little less than the radius of the background sphere.
    """
    pivot = _shorten(camera.pivot, PIVOT_ROOM * limit)
    camera = replace(
        camera,
        yaw=math.remainder(camera.yaw, 2 * math.pi),
        pitch=min(max(camera.pitch, -MAX_PITCH), MAX_PITCH),
        roll=math.remainder(camera.roll, 2 * math.pi),
        fov=min(max(camera.fov, MIN_FOV), MAX_FOV),
        pivot=pivot,
    )
    furthest = distance_to_sphere(pivot, camera.direction, limit)
    nearest = min(NEAREST * home.radius, furthest)
    return replace(camera, radius=min(max(camera.radius, nearest), furthest))


def clamp_view(view: View, home: Orbit, limit: float) -> View:
    """The view with the nearest cameras that can be rendered: its own, and that of a background
    that stands still. Arguments as for `clamp_camera`."""
    backdrop, camera = view.backdrop, clamp_camera(view.camera, home, limit)
    if backdrop.camera is not None:
        backdrop = replace(backdrop, camera=clamp_camera(backdrop.camera, home, limit))
    return replace(view, camera=camera, backdrop=backdrop)


def _shorten(vector: tuple[float, float, float], limit: float) -> tuple[float, float, float]:
    length = math.hypot(*vector)
    if length <= limit:
        return vector
    x, y, z = (v * limit / length for v in vector)
    return x, y, z


def distance_to_sphere(
    origin: tuple[float, float, float], direction: tuple[float, float, float], radius: float
) -> float:
    """Distance from a point inside an origin-centred sphere to it, along a unit direction."""
    along = sum(o * d for o, d in zip(origin, direction, strict=True))
    inside = radius**2 - sum(o * o for o in origin)
    return -along + math.sqrt(max(along**2 + inside, 0.0))
