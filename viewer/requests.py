"""What the window asks of the worker, and what it gets: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ballgan.animation import Animation
from ballgan.session import Session
from ballgan.view import Backdrop, Identity, View

from .notes import ModelNotes
from .state import CaptureOptions, ExportOptions, ModelInfo

STAGES = ("preview", "raw", "full")  # of a picture, from coarse to final; "refined" ones follow


@dataclass(frozen=True)
class Model:
    """A loaded generator and what the window knows of it; two are equal if they are the same."""

    info: ModelInfo
    generator: Any

    @cached_property
    def scene(self) -> Any:
        """Its ballgan.Scene for the render lane alone: what it keeps makes switching quick."""
        import ballgan

        return ballgan.Scene(self.generator)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.generator is other.generator

    def __hash__(self) -> int:
        return id(self.generator)


@dataclass(frozen=True)
class RenderRequest:
    """Render `view` up to the stage `limit`.

    preview: bake what the GL preview needs first, which takes the place of the stage "preview".
    revision: counts how often the file of the background has changed.
    pane: which side of a comparison it is for, 0 or 1.
    """

    model: Model
    view: View
    limit: str = "full"
    preview: bool = False
    revision: int = 0
    pane: int = 0

    def shows(self, model: Model | None, view: View, revision: int) -> bool:
        """Whether it asks for the picture of a view."""
        return (self.model, self.view, self.revision) == (model, view, revision)

    def covers(self, other: RenderRequest) -> bool:
        """Whether the work on this request gives all that `other` asks for."""
        same = self.shows(other.model, other.view, other.revision)
        as_far = rank(self.limit) >= rank(other.limit) and self.preview >= other.preview
        return same and as_far and self.pane == other.pane


@dataclass(frozen=True)
class GpuPixels:
    """Pixels in the memory of a CUDA GPU, for a window on the same one (see upload.py)."""

    tensor: Any  # (H, W, 4) uint8, premultiplied, contiguous
    ready: Any  # torch.cuda.Event: when it holds what it shall

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 4)."""
        return tuple(self.tensor.shape)


Pixels: TypeAlias = "np.ndarray | GpuPixels"  # (H, W, 4) uint8, premultiplied, first row on top


@dataclass(frozen=True)
class Rendered:
    """A picture of a view, ready to show."""

    request: RenderRequest
    stage: str
    rgba: np.ndarray  # (H, W, 4) float32, straight
    pixels: Pixels
    neural_resolution: int
    milliseconds: float
    alpha: np.ndarray  # (H, W) float32, opacity of the foreground
    depth: np.ndarray  # (H, W) float32, its distance; in its layer the background's. World units
    convergence: float = 0.0  # in [0, 1]; 1: nothing better will come


@dataclass(frozen=True)
class Settled:
    """Nothing better than the last picture of this view will come.

    separation: a ballgan.separation.Separation of the view; None: its layer has no foreground.
    """

    request: RenderRequest
    separation: Any = None


@dataclass(frozen=True)
class Volume:
    """A foreground for the preview; `coarse` is a ballgan.bake.Coarse."""

    model: Model
    identity: Identity
    coarse: Any


@dataclass(frozen=True)
class VolumeDetail:
    """Fine bricks of the last Volume, a ballgan.bake.Bricks; they show once they are all there."""

    model: Model
    identity: Identity
    bricks: Any


@dataclass(frozen=True)
class Lights:
    """What the preview shades the foreground with.

    backdrop: the background that gives the light, without what the shader does. new, old: (9, 3)
    float32, as ballgan.lighting.Light; None: the foreground keeps its light.
    """

    model: Model
    backdrop: Backdrop
    new: np.ndarray | None = None
    old: np.ndarray | None = None


@dataclass(frozen=True)
class Backcloth:
    """A background for the preview.

    backdrop: what it was made from, without what the shader does (see baker.essence).
    kind: "plain"; "photo" (mirrored round the scene); or one of bake_background.Chart: "panorama"
    (equirectangular), "cube", "plane" or "shells". sizes: measures of the latter; of a panorama or
    a photo the radius of its sphere, where 0 is infinitely far. World units.
    """

    model: Model
    backdrop: Backdrop
    kind: str
    pixels: np.ndarray | None = None  # (layers H, W, 4) uint8, layers one below the other
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of a plain one
    span: tuple[float, float] = (1.0, 1.0)  # radians that a photo covers, across and down
    sizes: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class SurfaceRequest:
    """Find the surface of a foreground at a raw density; None: choose it."""

    model: Model
    identity: Identity
    level: float | None
    painted: bool = False  # whether its vertices shall have colours
    pane: int = 0  # that it is for


@dataclass(frozen=True)
class Forget:
    """Keep nothing of the model that was used last."""


@dataclass(frozen=True)
class Surface:
    """A coarse mesh for the level preview."""

    request: SurfaceRequest
    mesh: Any  # a ballgan.mesh_picture.ShownSurface
    resolution: int  # samples along a side of the cube
    final: bool


@dataclass(frozen=True)
class NotesRequest:
    """Write what has changed of what is kept of a model."""

    checksum: str
    model_name: str
    before: ModelNotes
    notes: ModelNotes


@dataclass(frozen=True)
class CameraRequest:
    """Write the text of a camera."""

    folder: str  # empty: where paths.make_folder says
    name: str  # of the file; a number is added if there is such a file
    text: str


@dataclass(frozen=True)
class SaveRequest:
    """Write a picture as a PNG, or the two of a comparison as one.

    pictures: (H, W, 4) straight float RGBA. divider: see split.join_sides.
    """

    pictures: tuple[np.ndarray, ...]
    divider: float
    folder: str  # empty: where paths.make_folder says
    stem: str  # of the file's name; a number follows if there is such a file
    metadata: dict[str, str]


@dataclass(frozen=True)
class CaptureRequest:
    """Render a picture or a film of a view, and write it."""

    model: Model
    view: View
    animation: Animation | None  # of a film; None: a picture
    options: CaptureOptions
    folder: str  # empty: where paths.make_folder says
    stem: str  # of the file's name; a number follows if there is such a file
    metadata: dict[str, str]  # of a picture
    session: Session  # of a film, each of whose pictures has a view of its own


@dataclass(frozen=True)
class ExportRequest:
    """Write a foreground as a mesh."""

    model: Model
    identity: Identity
    backdrop: Backdrop
    domed: bool  # whether the backdrop goes round it, where the file can have that
    options: ExportOptions
    folder: str  # empty: where paths.make_folder says
    name: str  # of the file, if none was typed


@dataclass(frozen=True)
class SessionRequest:
    """Read a session file, or a picture with a session."""

    path: str
    models: tuple[str, ...] = ()  # files among which a model that was moved may be
    pictures: tuple[str, ...] = ()  # the same for background pictures


@dataclass(frozen=True)
class WriteSession:
    """Write a session file.

    path: the file, which may be there already. typed: else a file or a folder as a person typed it;
    nothing is overwritten then. Relative ones begin at `folder`.
    """

    session: Session
    path: str = ""
    typed: str = ""
    folder: str = ""  # empty: where paths.make_folder says
    name: str = ""  # of the file, if none was typed


@dataclass(frozen=True)
class AutosaveRequest:
    """Write what the window shows, in case it ends unexpectedly."""

    session: Session
    path: str


def rank(stage: str) -> int:
    """Place of a stage on the ladder; higher is better."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES) - 1
