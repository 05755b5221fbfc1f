"""What panels know beside the state: where things are, and what was last drawn."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .layout import Layout

if TYPE_CHECKING:
    from ballgan.separation import Separation
    from ballgan.view import CodePair


@dataclass(frozen=True)
class Quality:
    """The picture that is on the screen.

    engine: "neural", or "preview" for the GL preview, of which `cells` and `refined` tell.
    current: whether it shows what the state says; False: it is an older picture.
    """

    stage: str  # "preview", "raw", "full" or "refined"
    size: int  # side in pixels
    neural_resolution: int
    milliseconds: float  # that it took
    settled: bool  # nothing better will come
    engine: str = "neural"
    current: bool = True
    convergence: float = 0.0  # of a refined picture, in [0, 1]
    cells: int = 0  # along a side of the baked volume
    refined: bool = False


@dataclass(frozen=True)
class SurfaceInfo:
    """The surface of the level preview; current: of the code that shows, not of one before."""

    triangles: int
    level: float
    density_range: tuple[float, float]
    current: bool
    resolution: int = 96  # samples along a side of the cube


@dataclass(frozen=True)
class Thumbnail:
    """Where a picture is: a GL texture, and the corners of a part of it in texture coordinates."""

    texture: int
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class Probe:
    """What is known of a pixel; None: nothing."""

    place: tuple[float, float]  # in the picture, [0, 1] to the right and down
    colour: tuple[float, float, float, float] | None = None  # straight sRGB and alpha, [0, 1]
    opacity: float | None = None  # of the foreground
    depth: float | None = None  # expected distance of what shows, world units
    point: tuple[float, float, float] | None = None  # in the world


@dataclass(frozen=True)
class ViewInfo:
    """Read-only facts for one frame of the interface."""

    layout: Layout
    quality: Quality | None = None
    surface: SurfaceInfo | None = None
    separation: "Separation | None" = None  # of the last finished picture
    surface_failed: bool = False  # there is none at the present level
    lags: bool = False  # whether the right side of a comparison is an earlier picture
    probe: Probe | None = None  # of the pixel under the pointer, if it is inspected
    rendering: bool = False
    progress: float | None = None  # of the next picture or mesh, in [0, 1], where that takes long
    frame_ms: float = 0.0  # mean time of a frame of the interface
    frames_per_second: float = 0.0  # 0 at rest
    clock: float = 0.0  # seconds, for what moves
    picture: Callable[[Hashable], Thumbnail | None] = lambda key: None  # of the background's panel
    unrolled: str = ""  # what there is to know of the unrolled background (Surroundings.remark)
    thumbnail: "Callable[[str, CodePair], Thumbnail | None]" = lambda which, codes: None
