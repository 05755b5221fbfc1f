"""What the window shows, as frozen values, and the one function that changes them.

Panels and controls read a `ViewerState` and answer with actions; `apply(state, action)` gives the
next state. Nothing here renders, loads, draws or imports torch, so all of it can be tested alone.
"""

import math
from dataclasses import dataclass, field, replace
from functools import singledispatch

from . import actions as act
from .preferences import Preferences, remember

SEEDS = 2**32  # seeds are 32-bit
LATTICE_WIDTH = 100  # seed at lattice point (i, j): (i + 100 j) mod 2**32, as ballgan.Latent.at
MAX_PITCH = 1.5  # radians
MIN_FOV, MAX_FOV = math.radians(4), math.radians(80)
LAYERS = ("full", "foreground", "background", "raw", "normals", "depth", "alpha", "surface")


@dataclass(frozen=True)
class Code:
    """A latent code as a place on the lattice of seeds; between lattice points seeds are blended."""

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

    kind: str = "learnt"  # "learnt", "colour" or "photo"
    visible: bool = True  # False: transparent, shown on a checkerboard
    code: Code = Code()
    colour: tuple[float, float, float] = (0.93, 0.94, 0.96)  # sRGB in [0, 1]
    photo: str | None = None  # path of a panorama or any other picture
    yaw: float = 0.0  # turns the photo, radians
    exposure: float = 0.0  # of the photo, stops


@dataclass(frozen=True)
class Orbit:
    """A camera on an orbit with every number filled in; means what ballgan.Camera.orbit means."""

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


@dataclass(frozen=True)
class ModelInfo:
    """What the window needs to know of a loaded model: plain values."""

    path: str
    name: str
    kind: str  # such as "BallGAN, published"
    image_resolution: int
    neural_resolution: int
    has_background: bool  # a learnt sphere
    has_super_resolution: bool
    home: Orbit  # the model's own camera
    camera_limit: float  # the camera stays within this distance of the origin, world units
    box: float  # side of the foreground's cube, world units
    placeholder: bool = False
    bundled: bool = False  # part of the installation rather than a person's file
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportOptions:
    """How the foreground becomes a mesh."""

    format: str = "glb"  # "glb", "obj", "ply" or "stl"
    resolution: int = 256  # samples along a side of the cube
    automatic_level: bool = True
    level: float = 10.0  # raw density of the surface, when not automatic
    path: str = ""  # empty: a name made of model and seed in the export folder


@dataclass(frozen=True)
class Job:
    """A long piece of work that a person can cancel."""

    title: str
    fraction: float = 0.0
    cancelling: bool = False


@dataclass(frozen=True)
class Notice:
    """A line for the person: stays until dismissed if it is an error."""

    number: int
    level: str  # "info" or "error"
    text: str


@dataclass(frozen=True)
class ViewerState:
    """The whole window."""

    view: View = View()
    model: ModelInfo | None = None
    loading: str | None = None  # path of the model that is being opened
    opening: str | None = None  # path of the picture that is being opened
    export: ExportOptions = ExportOptions()
    job: Job | None = None
    exported: str | None = None  # path of the last mesh that was written
    notices: tuple[Notice, ...] = ()
    notices_given: int = 0
    preferences: Preferences = field(default_factory=Preferences)


def apply(state: ViewerState, action: act.Action) -> ViewerState:
    """The state after `action`. Actions that only have an effect outside leave it as it is."""
    return _reduce(action, state)


def clamp_camera(camera: Orbit, model: ModelInfo | None) -> Orbit:
    """The nearest camera that a model can render: above the ground pole, inside the sphere."""
    home = model.home if model else Orbit()
    limit = model.camera_limit if model else 4 * home.radius
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


@singledispatch
def _reduce(action: act.Action, state: ViewerState) -> ViewerState:
    raise TypeError(f"apply() got {action!r}, which is not an action of ballgan_viewer.actions.")


@_reduce.register
def _(action: act.Effect, state: ViewerState) -> ViewerState:
    return state


@_reduce.register
def _(action: act.SetForeground, state: ViewerState) -> ViewerState:
    return _with_view(state, foreground=action.code)


@_reduce.register
def _(action: act.StepSeed, state: ViewerState) -> ViewerState:
    if action.which == "foreground":
        code = state.view.foreground
        return _with_view(state, foreground=code.at_seed(code.seed + action.step))
    code = state.view.backdrop.code
    return _with_backdrop(state, code=code.at_seed(code.seed + action.step))


@_reduce.register
def _(action: act.SetBackdrop, state: ViewerState) -> ViewerState:
    return _with_view(state, backdrop=action.backdrop)


@_reduce.register
def _(action: act.ToggleBackground, state: ViewerState) -> ViewerState:
    return _with_backdrop(state, visible=not state.view.backdrop.visible)


@_reduce.register
def _(action: act.MoveCamera, state: ViewerState) -> ViewerState:
    return _with_view(state, camera=clamp_camera(action.camera, state.model))


@_reduce.register
def _(action: act.ResetCamera, state: ViewerState) -> ViewerState:
    home = state.model.home if state.model else Orbit()
    return _with_view(state, camera=clamp_camera(home, state.model))


@_reduce.register
def _(action: act.SetLayer, state: ViewerState) -> ViewerState:
    if action.layer not in LAYERS:
        raise ValueError(f"layer should be one of {', '.join(LAYERS)}; got {action.layer!r}.")
    return _with_view(state, layer=action.layer)


@_reduce.register
def _(action: act.SetNeuralResolution, state: ViewerState) -> ViewerState:
    return _with_view(state, neural_resolution=action.side)


@_reduce.register
def _(action: act.SetExport, state: ViewerState) -> ViewerState:
    return replace(state, export=action.options)


@_reduce.register
def _(action: act.OpenModel, state: ViewerState) -> ViewerState:
    return replace(state, loading=action.path)


@_reduce.register
def _(action: act.ModelOpened, state: ViewerState) -> ViewerState:
    model, first = action.model, state.model is None
    state = replace(state, model=model, loading=None)
    if not model.bundled:
        recent = remember(state.preferences.recent_models, model.path)
        state = replace(state, preferences=replace(state.preferences, recent_models=recent))
    keep_camera = not first and state.view.camera != Orbit()
    camera = state.view.camera if keep_camera else model.home
    backdrop = state.view.backdrop
    if backdrop.kind == "learnt":
        backdrop = replace(backdrop, visible=model.has_background)
    return _with_view(state, camera=clamp_camera(camera, model), backdrop=backdrop)


@_reduce.register
def _(action: act.ModelFailed, state: ViewerState) -> ViewerState:
    return _notify(replace(state, loading=None), "error", action.message)


@_reduce.register
def _(action: act.OpenPicture, state: ViewerState) -> ViewerState:
    return replace(state, opening=action.path)


@_reduce.register
def _(action: act.PictureOpened, state: ViewerState) -> ViewerState:
    recent = remember(state.preferences.recent_pictures, action.path)
    state = replace(
        state,
        opening=None,
        preferences=replace(state.preferences, recent_pictures=recent),
    )
    return _with_backdrop(state, kind="photo", visible=True, photo=action.path)


@_reduce.register
def _(action: act.PictureFailed, state: ViewerState) -> ViewerState:
    return _notify(replace(state, opening=None), "error", action.message)


@_reduce.register
def _(action: act.StartExport, state: ViewerState) -> ViewerState:
    return replace(state, job=Job(f"Exporting {action.title}"), exported=None)


@_reduce.register
def _(action: act.ReportProgress, state: ViewerState) -> ViewerState:
    if state.job is None:
        return state
    return replace(state, job=replace(state.job, fraction=min(max(action.fraction, 0.0), 1.0)))


@_reduce.register
def _(action: act.CancelExport, state: ViewerState) -> ViewerState:
    return replace(state, job=replace(state.job, cancelling=True)) if state.job else state


@_reduce.register
def _(action: act.ExportFinished, state: ViewerState) -> ViewerState:
    return _notify(replace(state, job=None, exported=action.path), "info", action.message)


@_reduce.register
def _(action: act.ExportStopped, state: ViewerState) -> ViewerState:
    return _notify(replace(state, job=None), action.level, action.message)


@_reduce.register
def _(action: act.Notify, state: ViewerState) -> ViewerState:
    return _notify(state, action.level, action.text)


@_reduce.register
def _(action: act.Dismiss, state: ViewerState) -> ViewerState:
    return replace(state, notices=tuple(n for n in state.notices if n.number != action.number))


@_reduce.register
def _(action: act.SetPreferences, state: ViewerState) -> ViewerState:
    return replace(state, preferences=action.preferences)


def _with_view(state: ViewerState, **changes: object) -> ViewerState:
    return replace(state, view=replace(state.view, **changes))


def _with_backdrop(state: ViewerState, **changes: object) -> ViewerState:
    return _with_view(state, backdrop=replace(state.view.backdrop, **changes))


def _notify(state: ViewerState, level: str, text: str) -> ViewerState:
    """Add a notice; the same text moves to the end instead of showing twice."""
    others = tuple(n for n in state.notices if (n.level, n.text) != (level, text))
    number = state.notices_given + 1
    return replace(
        state, notices=(*others, Notice(number, level, text))[-4:], notices_given=number
    )
