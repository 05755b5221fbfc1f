"""What the window shows, as frozen values."""

import math
import os
from dataclasses import dataclass, field, replace
from typing import Any

from ballgan.animation import Animation
from ballgan.latents import Direction
from ballgan.model_files import ModelFile
from ballgan.plain import require, require_one_of, require_range
from ballgan.view import CODES, SIDES, Code, Orbit, View

from .. import navigation
from ..actions import OpenModel, SessionOpened
from ..history import History
from ..notes import ModelNotes
from ..preferences import Preferences
from ..presets import Preset, built_in

BUNDLED = "the bundled model"  # what `loading` says of it
MESH_FORMATS = ("glb", "obj", "ply", "stl")
FILM_FORMATS = ("mp4", "webm", "gif", "png")
CAPTURE_SIZES = (0, 1024, 2048, 4096, 8192)  # pixels; 0: as it is shown
LARGEST_SIDE, LARGEST_FILM = 8192, 4096  # pixels, of pictures and films
FILM_SIZES = (0, 256, 512, 1024, 2048, 4096)  # pixels; 0: the model's
CAPTURE_PASSES = (1, 3, 7, 15)


@dataclass(frozen=True)
class CodeSpace:
    """What can be done with the codes of a foreground or a background."""

    rows: int = 0  # of ws
    dimensions: int = 0  # of W; 0: no codes
    truncatable: bool = True


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
    ray_shift: float = 0.0  # of its rays to the left and up, in sides of the picture
    depth_range: tuple[float, float] = (2.25, 3.3)  # near and far of depth pictures, world units
    conditioned: bool = False  # whether a camera shapes the identity
    background_radius: float = 0.0  # of the sphere that is unrolled, world units; 0: no end
    background_side: float = 0.0  # of the cube that is unrolled instead, if it is one
    surround_radius: float = 0.0  # of the sphere that pictures hang on, likewise
    unrolls: bool = True  # whether its background surrounds the scene
    visible_span: float = 1.0  # radians of the background that the model's own camera sees
    start_seeds: tuple[int, int] = (0, 0)  # foreground and background that are shown at first
    bundled: bool = False  # part of the installation rather than a person's file
    notes: tuple[str, ...] = ()
    size: int = 0  # of the file, bytes
    sha256: str = ""  # of the file's content, hexadecimal
    foreground_space: CodeSpace = CodeSpace()
    background_space: CodeSpace = CodeSpace()

    @property
    def file(self) -> ModelFile:
        """What tells its file from others."""
        return ModelFile(self.path, self.size, self.sha256)

    def space(self, which: str) -> CodeSpace:
        """The codes of the "foreground" or the "background"."""
        return self.foreground_space if which == "foreground" else self.background_space


@dataclass(frozen=True)
class ExportOptions:
    """How the foreground becomes a mesh."""

    format: str = "glb"  # "glb", "obj", "ply" or "stl"
    resolution: int = 256  # samples along a side of the cube
    automatic_level: bool = True
    level: float = 10.0  # raw density of the surface, when not automatic
    path: str = ""  # a file or a folder as typed; empty: the output folder
    texture: bool = False  # a picture instead of vertex colours, where the format can have one
    dome: bool = False  # the background as a sphere in the same file, where the format can
    faces: int = 0  # triangles that are kept; 0: all

    def __post_init__(self) -> None:
        require_one_of("export.format", self.format, MESH_FORMATS)
        require_range("export.resolution", self.resolution, 16, 1024)
        possible = self.faces == 0 or 4 <= self.faces <= 10**9
        require(possible, f"export.faces should be 0 (all) or 4 at least; got {self.faces!r}.")


@dataclass(frozen=True)
class CaptureOptions:
    """How pictures and films are written."""

    size: int = 0  # side of a picture in pixels; 0: as it is shown, at once
    passes: int = 3  # sets of samples in each picture, one of CAPTURE_PASSES
    sides: str = "both"  # of a comparison, one of view.SIDES
    film: str = "mp4"  # one of FILM_FORMATS
    film_size: int = 0  # side of a film in pixels; 0: the model's

    def __post_init__(self) -> None:
        require_one_of("capture.sides", self.sides, SIDES)
        require_one_of("capture.film", self.film, FILM_FORMATS)
        known = ", ".join(map(str, CAPTURE_PASSES))
        require(self.passes in CAPTURE_PASSES, f"capture.passes is one of {known}.")
        require_range("capture.size", self.size, 0, LARGEST_SIDE)
        require_range("capture.film_size", self.film_size, 0, LARGEST_FILM)


@dataclass(frozen=True)
class Playhead:
    """Where the timeline is."""

    shown: bool = False  # the strip under the picture
    time: float = 0.0  # seconds
    playing: bool = False
    key: int = -1  # that is selected; -1: none


@dataclass(frozen=True)
class Navigation:
    """How the camera moves."""

    mode: str = "orbit"  # or "fly": drags turn the head, keys move
    turntable: bool = False  # turns by itself
    turn_speed: float = math.radians(30)  # of that, radians a second
    held: frozenset[str] = frozenset()  # keys of navigation.FLY_KEYS
    fast: bool = False

    @property
    def flies(self) -> bool:
        """Whether keys move the camera."""
        return self.mode == "fly"

    @property
    def moves(self) -> bool:
        """Whether the camera moves as time goes by."""
        return self.turntable or bool(self.held)

    @property
    def released(self) -> "Navigation":
        """The same while no key is held."""
        return replace(self, held=frozenset(), fast=False)


@dataclass(frozen=True)
class Glide:
    """The camera's way to that of the view: where it began, and how long ago, seconds."""

    start: Orbit
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """A long piece of work that a person can cancel: at most one a lane."""

    lane: str  # that does it, and its name in the list
    title: str  # such as "Exporting 256\u00b3 mesh"
    fraction: float = 0.0
    seconds_left: float | None = None  # None: not known yet
    cancelling: bool = False


@dataclass(frozen=True)
class Palette:
    """The command palette: what is searched, and which of the found is marked."""

    query: str = ""
    choice: int = 0


@dataclass(frozen=True)
class Notice:
    """A line for the person: stays until dismissed, unless it is an "info"."""

    number: int
    level: str  # "info", "advice" or "error"
    text: str
    origin: str = ""  # what it is about: "model", "picture", "export"


@dataclass(frozen=True)
class Following:
    """A training run whose newest model is open."""

    folder: str  # absolute
    model: str = ""  # path of the newest; empty: there is none yet
    lost: bool = False  # whether the folder can no longer be read
    looked: bool = False  # whether the folder was looked into
    older: tuple[str, ...] = ()  # paths of models that may stand in for a broken newest one

    @property
    def name(self) -> str:
        """That of the folder."""
        return os.path.basename(self.folder)


@dataclass(frozen=True)
class Sheet:
    """A contact sheet of one of the codes: neighbouring seeds, or moves along directions.

    codes: what it shows, as of when it was made; directions: four codes for each of them, if it
    shows directions. stopped: no more of its pictures are made.
    """

    which: str = "foreground"
    first: int = 0
    count: int = 24
    codes: tuple[Code, ...] = ()
    codes_of: str = "foreground"
    directions: tuple[Direction, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class ViewerState:
    """The whole window."""

    view: View = View()
    model: ModelInfo | None = None  # that is shown: one of `models`
    models: tuple[ModelInfo, ...] = ()  # that are open
    waiting: tuple[OpenModel, ...] = ()  # that are to be opened after the present one
    closed: tuple[ModelInfo, ...] = ()  # that a person closed
    reopening: tuple[ModelInfo, ...] = ()  # that an undo or redo reads again
    returning: dict[str, Any] = field(default_factory=dict)  # values that wait for the shown one
    following: Following | None = None
    reading: OpenModel | None = None  # the model that is being opened
    opening: str | None = None  # path of the picture that is being opened
    revision: int = 0  # counts how often the file of the background's picture has changed
    recognising: tuple[str, ...] = ()  # paths of files that may be any of these
    session: str | None = None  # path of the session file that was opened or saved last
    session_name: str = ""  # as it is typed: where the next session goes; empty: as `session` says
    restoring: str | None = None  # path of the session that is being opened
    pending: SessionOpened | None = None  # that session, until its model is there
    last_session: str = ""  # path of what the last window left; empty: nothing
    preview: bool = True  # whether GL draws what the network has not rendered yet
    navigation: Navigation = Navigation()
    glide: Glide | None = None  # of a camera that is not yet where the view's is
    inspects: bool = False  # whether the pixel under the pointer is described
    export: ExportOptions = ExportOptions()
    capture: CaptureOptions = CaptureOptions()
    animation: Animation = Animation()  # keys of a film; see playhead
    playhead: Playhead = Playhead()
    jobs: tuple[Job, ...] = ()
    exported: str | None = None  # path of the last mesh that was written
    captured: str | None = None  # path of the last picture that was written
    filmed: str | None = None  # path of the last film that was rendered
    overlay: str = ""  # over the window: "palette", "keys" or nothing
    palette: Palette = Palette()
    preset_name: str = ""  # as it is typed for the next preset
    history: History = History()
    notices: tuple[Notice, ...] = ()
    notices_given: int = 0
    preferences: Preferences = field(default_factory=Preferences)
    notebooks: dict[str, ModelNotes] = field(default_factory=dict)  # by checksum; see document
    session_notes: dict[str, ModelNotes] = field(default_factory=dict)  # for models yet to come
    sheet: Sheet = Sheet()  # contact sheet of the gallery

    @property
    def loading(self) -> str | None:
        """Path of the model that is being opened."""
        return None if self.reading is None else self.reading.path or BUNDLED

    @property
    def notes(self) -> ModelNotes:
        """What the person keeps of the model that shows."""
        checksum = self.model.sha256 if self.model is not None else ""
        return self.notebooks.get(checksum, ModelNotes())

    @property
    def presets(self) -> tuple[Preset, ...]:
        """Those for the model that shows, then a person's own."""
        rays = self.model.neural_resolution if self.model is not None else None
        return (*built_in(rays), *self.preferences.presets)

    @property
    def camera(self) -> Orbit:
        """The camera that one looks through: the view's, unless it still glides there."""
        if self.glide is None:
            return self.view.camera
        share = self.glide.seconds / navigation.GLIDE_SECONDS
        return navigation.between(self.glide.start, self.view.camera, share)

    @property
    def seen(self) -> "ViewerState":
        """The same, with the camera that one looks through as the view's."""
        if self.glide is None:
            return self
        return replace(self, view=replace(self.view, camera=self.camera), glide=None)

    def shows(self, which: str) -> bool:
        """Whether the code of the "foreground" or the "background" has a part in what is shown."""
        if self.model is None or (which == "background" and not self.model.has_background):
            return False
        return self.view.shows(which)

    def moves(self, which: str) -> bool:
        """Whether a code moves at present: one that does not show rests."""
        return self.view.latents.of(which).moves and self.shows(which)

    @property
    def plays(self) -> bool:
        """Whether something moves until it is stopped: the film, the camera, or a code."""
        going = self.playhead.playing or self.navigation.moves or any(map(self.moves, CODES))
        return going and self.model is not None

    @property
    def on_plane(self) -> bool:
        """Whether the background is the model's own and a plane, with nothing beside it."""
        learnt = self.view.backdrop.kind == "learnt"
        return learnt and self.model is not None and not self.model.unrolls

    @property
    def without_network(self) -> bool:
        """Whether the background is the model's own, and a part of the foreground."""
        learnt = self.view.backdrop.kind == "learnt"
        return learnt and self.model is not None and not self.model.has_background

    @property
    def why_no_raw(self) -> str:
        """Why the raw layer shows nothing of its own; empty if it does."""
        if self.model is None or self.model.has_super_resolution:
            return ""
        return "This model has no super-resolution: its raw image is the whole picture."

    @property
    def can_unroll(self) -> bool:
        """Whether the background that shows surrounds the scene."""
        shows = self.model is not None and self.view.backdrop.visible
        return shows and not (self.on_plane or self.without_network)

    def job(self, lane: str) -> Job | None:
        """The job that the lane works on, if it has one."""
        return next((job for job in self.jobs if job.lane == lane), None)
