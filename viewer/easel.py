"""Keeps what is asked of the renderer in step with the state, and what it gave."""

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import actions as act
from .gl import clipped
from .info import Probe, Quality, SurfaceInfo
from .layout import Rect
from .pane import Pane
from .picture import Stage
from .preview import Preview, for_baker
from .probing import Sight, probe_picture, probe_surface
from .requests import (
    STAGES,
    Backcloth,
    Forget,
    Lights,
    Model,
    Rendered,
    RenderRequest,
    Settled,
    Surface,
    SurfaceRequest,
    Volume,
    VolumeDetail,
    rank,
)
from .state import ViewerState
from .worker import Failed, Lane, Progress

if TYPE_CHECKING:
    from ballgan.separation import Separation

STAGE_LANES = "render", "surface"  # that make what is on the stage
StageResult: TypeAlias = (
    "Rendered | Settled | Surface | Volume | VolumeDetail | Backcloth | Lights | Progress"
)


class Easel:
    """The model that is looked at, and its newest picture and surface, on the stage.

    What shows is the network's picture of the present view; until there is one, the GL preview.
    A comparison has a second pane, whose picture comes after the first one of the main pane.
    """

    def __init__(self, stage: Stage, preview: Preview, render: Lane, surface: Lane) -> None:
        """`render` and `surface` are the lanes of tasks.Renderer and tasks.SurfaceFinder."""
        self.model: Model | None = None
        self._panes = (Pane(), Pane())
        self.separation: Separation | None = None  # of the last finished picture with a foreground
        self._stage, self._preview = stage, preview
        self._render, self._find_surface = render, surface
        self._asked: RenderRequest | None = None
        self._surface_asked: SurfaceRequest | None = None
        self._progress: dict[str, float] = {}  # of what a lane is silent about for long

    @property
    def picture(self) -> Rendered | None:
        """The newest picture of the view."""
        return self._panes[0].picture

    @property
    def surface(self) -> Surface | None:
        """The newest mesh, of the main pane if it has one."""
        return self._panes[0].surface or self._panes[1].surface

    def use_model(self, model: Model) -> None:
        """Look at another model (see `Pane.use_model`)."""
        self.model = model
        self._progress.clear()
        self._asked = self._surface_asked = self.separation = None
        for pane in self._panes:
            pane.use_model()
        self._find_surface.submit(Forget())
        self._render.submit(Forget())

    def submit(self, state: ViewerState, limit: str) -> None:
        """Ask for what the state wants, up to the stage `limit`, unless it was asked for."""
        if self.model is None:
            return
        sides = _sides(state)
        for number, pane in enumerate(self._panes):
            if number >= len(sides) or sides[number].view.layer == "surface":
                pane.forget_others(self.model)
        surface = self._next_surface(sides)
        if surface is not None and surface != self._surface_asked:
            self._surface_asked = surface
            self._progress.pop(self._find_surface.name, None)
            self._find_surface.submit(surface)
        requests = [
            self._request(side, limit, pane)
            for pane, side in enumerate(sides)
            if side.view.layer != "surface" or (state.preview and not pane)
        ]
        alone = len(sides) == 1 and not (self._asked is not None and self._asked.pane)
        request = next(iter(requests), None) if alone else self._next(requests)
        if request is None:
            return
        if self._asked is None or not self._asked.covers(request):
            self._asked = request
            self._progress.pop(self._render.name, None)
            self._panes[request.pane].settled = None
            self._render.submit(request)

    def _request(self, state: ViewerState, limit: str, pane: int) -> RenderRequest:
        assert self.model is not None
        view = for_baker(state.view).relevant()
        bakes = state.preview and not pane  # there is one volume: the main pane's
        if state.view.layer == "surface":
            limit = STAGES[0]  # of the preview, which shows until there is a mesh
        return RenderRequest(self.model, view, limit, bakes, state.revision, pane)

    def _next_surface(self, sides: list[ViewerState]) -> SurfaceRequest | None:
        """The mesh to find: that of the main pane, then that of the other one."""
        assert self.model is not None
        for pane, side in enumerate(sides):
            if side.view.layer == "surface":
                wanted = _surface_request(self.model, side, pane)
                if not self._panes[pane].has_surface(wanted):
                    return wanted
        return None

    def _next(self, requests: list[RenderRequest]) -> RenderRequest | None:
        """What to work on: a first whole picture of each pane, then the end of each."""
        for at_first in True, False:
            for request in requests:
                pane = self._panes[request.pane]
                baked = request.preview and self._preview.is_current(self.model, request.view)
                if baked and request.limit == STAGES[0]:
                    continue
                if not pane.is_done(request, at_first=at_first):
                    return request
        return None

    def receive(self, result: StageResult) -> None:
        """Take what a lane has posted; results for another model are too late."""
        if isinstance(result, (Volume, VolumeDetail, Backcloth, Lights)):
            if result.model == self.model:
                self._preview.receive(result)
            return
        if result.request.model != self.model:
            return
        if isinstance(result, Progress):
            self._progress[result.lane] = result.fraction
            return
        lane = self._find_surface if isinstance(result, Surface) else self._render
        self._progress.pop(lane.name, None)
        if isinstance(result, Rendered):
            if self._panes[result.request.pane].take(result):
                self._stage.upload_picture(result.pixels, result.request.pane)
        elif isinstance(result, Settled):
            self._panes[result.request.pane].settle(result)
            if not result.request.pane:
                self.separation = result.separation or self.separation
        else:
            self._panes[result.request.pane].surface = result
            self._stage.upload_surface(result)

    def progress(self, state: ViewerState) -> float | None:
        """How far the next picture or mesh is, in [0, 1], where that takes long; else None."""
        lane = self._find_surface if state.view.layer == "surface" else self._render
        return None if self.converged(state) else self._progress.get(lane.name)

    def receive_failure(self, failure: Failed) -> list[act.Action]:
        """A request that failed is not tried again."""
        request = failure.request
        if isinstance(request, RenderRequest):
            self._panes[request.pane].settle(request)
        elif isinstance(request, SurfaceRequest):
            self._panes[request.pane].surface_failed = request
        return [act.Notify("error", failure.message)]

    def converged(self, state: ViewerState) -> bool:
        """Whether what is shown is finished and belongs to the state."""
        return self.model is None or all(
            self._has_converged(side, pane) for pane, side in enumerate(_sides(state))
        )

    def _has_converged(self, state: ViewerState, pane: int) -> bool:
        assert self.model is not None
        if state.view.layer != "surface":
            wanted = RenderRequest(
                self.model, state.view.relevant(), revision=state.revision, pane=pane
            )
            settled = self._panes[pane].settled
            return settled is not None and settled.covers(wanted)
        return self._panes[pane].has_surface(_surface_request(self.model, state, pane))

    def surface_failed(self, state: ViewerState, pane: int = 0) -> bool:
        """Whether it is known that there is no surface for the state."""
        failed = self._panes[pane].surface_failed
        if self.model is None or failed is None:
            return False
        return failed == _surface_request(self.model, state, pane)

    def engine(self, state: ViewerState, pane: int = 0) -> str:
        """Who draws the layer of a pane: "neural", "preview", "mesh", or nobody.

        The network's picture, if it is of the present view; else the preview, which knows the
        camera even while it lacks a new code; else whatever there was last.
        """
        if state.view.layer == "surface":
            found = self._has_surface(state, pane) or self.surface_failed(state, pane)
            if found or not self._can_preview(state, pane):
                return "mesh" if self._panes[pane].surface is not None else ""
            return "preview"
        if self._shows_view(state, pane) or not self._can_preview(state, pane):
            return "neural" if self._panes[pane].picture is not None else ""
        return "preview"

    def draw(
        self,
        state: ViewerState,
        rectangle: Rect,
        framebuffer: tuple[int, int],
        scale: float,
        *,
        moving: bool = False,
    ) -> None:
        """Draw the layer into `rectangle` (pixels); `scale`: pixels a logical pixel.

        moving: prefer a quick preview to a sharp one.
        """
        self._stage.clear(*framebuffer)
        sides = _sides(state)
        left = round(rectangle.width * (state.view.comparison.divider if len(sides) > 1 else 1.0))
        bottom = round(framebuffer[1] - rectangle.y - rectangle.height)
        x, width, height = round(rectangle.x), round(rectangle.width), round(rectangle.height)
        parts = ((x, bottom, left, height), (x + left, bottom, width - left, height))
        for pane, (side, part) in enumerate(zip(sides, parts, strict=False)):
            with clipped(part):
                self._draw_pane(side, pane, rectangle, framebuffer, scale, moving)

    def _draw_pane(
        self,
        state: ViewerState,
        pane: int,
        rectangle: Rect,
        framebuffer: tuple[int, int],
        scale: float,
        moving: bool,
    ) -> None:
        engine = self.engine(state, pane)
        if engine == "neural":
            self._stage.draw_picture(rectangle, framebuffer, scale, pane)
        elif engine == "mesh":
            shift = self._ray_shift
            self._stage.draw_surface(rectangle, framebuffer, state.view, shift, scale, pane)
        elif engine == "preview":
            self._preview.draw(state.view, rectangle, framebuffer, scale, moving=moving)

    @property
    def _ray_shift(self) -> float:
        """Of the model's rays (see ModelInfo)."""
        return self.model.info.ray_shift if self.model is not None else 0.0

    def inspect(self, state: ViewerState, place: tuple[float, float]) -> Probe | None:
        """What is known of a place of the picture, in [0, 1] each way, by what shows there; None:
        nothing."""
        sides = _sides(state)
        pane = int(len(sides) > 1 and place[0] >= state.view.comparison.divider)
        side, picture, surface = sides[pane], self._panes[pane].picture, self._panes[pane].surface
        sight, engine = Sight(place, side.view.camera, self._ray_shift), self.engine(side, pane)
        if engine == "neural" and picture is not None:
            return probe_picture(picture, sight, current=self._is_of(picture, side))
        if engine == "mesh" and surface is not None:
            return probe_surface(surface, sight)
        previewed = engine == "preview" and side.view.layer != "background"
        if not previewed or self._preview.identity != side.view.identity:
            return None
        found = self._preview.probe(side.view, place)
        return None if found is None else sight.describe(*found)

    def _can_preview(self, state: ViewerState, pane: int = 0) -> bool:
        if pane:  # the volume is the main pane's: no older one will do
            return state.preview and self._preview.is_current(self.model, state.view)
        return state.preview and self._preview.shows(self.model, state.view)

    def _shows_view(self, state: ViewerState, pane: int = 0) -> bool:
        """Whether the picture is of the state's view (and better than the preview)."""
        picture = self._panes[pane].picture
        if picture is None or picture.request.model != self.model:
            return False
        coarse = picture.stage == STAGES[0] and self._can_preview(state, pane)
        return not coarse and self._is_of(picture, state)

    def _is_of(self, picture: Rendered, state: ViewerState) -> bool:
        return picture.request.shows(self.model, state.view.relevant(), state.revision)

    def _has_surface(self, state: ViewerState, pane: int) -> bool:
        """Whether the mesh is that of the present code; its level may be an earlier one."""
        surface = self._panes[pane].surface
        return surface is not None and surface.request.identity == state.view.identity

    def photograph(self, state: ViewerState) -> tuple[np.ndarray, ...]:
        """The finished pictures of what is saved of the view (see view.SIDES), straight float RGBA
        (H, W, 4) each; none while one is missing. Meshes are drawn elsewhere for this."""
        sides, wanted = list(enumerate(_sides(state))), state.capture.sides
        if wanted != "both":
            sides = sides[:1] if wanted == "left" else sides[-1:]
        pictures = [
            picture.rgba
            for pane, side in sides
            if (picture := self._panes[pane].picture) is not None
            and self._is_of(picture, side)
            and rank(picture.stage) == rank(STAGES[-1])
        ]
        return tuple(pictures) if len(pictures) == len(sides) else ()

    def describe_picture(self, state: ViewerState) -> Quality | None:
        """How good the picture on the stage is; None where there is none, or a mesh."""
        engine = self.engine(state)
        if engine == "preview":
            return Quality(
                stage=STAGES[0],
                size=0,
                neural_resolution=0,
                milliseconds=self._preview.milliseconds,
                settled=self.converged(state),
                engine="preview",
                current=self._preview.is_current(self.model, state.view),
                cells=self._preview.cells,
                refined=self._preview.refined,
            )
        if self.picture is None or engine == "mesh":
            return None
        return Quality(
            stage=self.picture.stage,
            size=self.picture.rgba.shape[0],
            neural_resolution=self.picture.neural_resolution,
            milliseconds=self.picture.milliseconds,
            convergence=self.picture.convergence,
            settled=self.converged(state),
            current=self._is_of(self.picture, state),
        )

    def lags(self, state: ViewerState) -> bool:
        """Whether the right side of a comparison still shows what was asked for before."""
        for side in _sides(state)[1:]:
            picture = self._panes[1].picture
            if picture is not None and self.engine(side, 1) == "neural":
                return not self._is_of(picture, side)
        return False

    def describe_surface(self, state: ViewerState) -> SurfaceInfo | None:
        """Numbers of the surface of the present code; else of one that was found before."""
        known = [pane for pane in (0, 1) if self._has_surface(state, pane)]
        surface = self._panes[known[0]].surface if known else self.surface
        if surface is None:
            return None
        mesh = surface.mesh
        return SurfaceInfo(
            len(mesh.faces), mesh.level, mesh.density_range, bool(known), surface.resolution
        )


def shows_mesh(state: ViewerState) -> bool:
    """Whether there is a mesh in what is saved of the view."""
    return any(side.layer == "surface" for side in state.view.sides(state.capture.sides))


def _sides(state: ViewerState) -> list[ViewerState]:
    """The state, and in a comparison what it would be if the other view were the view."""
    other = state.view.compared()
    return [state] if other is None else [state, replace(state, view=other)]


def _surface_request(model: Model, state: ViewerState, pane: int) -> SurfaceRequest:
    style = state.view.mesh
    return SurfaceRequest(model, state.view.identity, style.level, style.paint == "colour", pane)
