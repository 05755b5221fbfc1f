"""One side of the stage: its newest picture, and how far what was asked for has come."""

from ballgan.view import View

from .requests import (
    STAGES,
    Model,
    Rendered,
    RenderRequest,
    Settled,
    Surface,
    SurfaceRequest,
    rank,
)


class Pane:
    """The newest picture of a view; two of them stand side by side in a comparison."""

    def __init__(self) -> None:
        self.picture: Rendered | None = None
        self.settled: RenderRequest | None = None
        self.surface: Surface | None = None
        self.surface_failed: SurfaceRequest | None = None  # of which it is known that there is none

    def use_model(self) -> None:
        """Another model is looked at; the picture of the old one stays until there is a new one."""
        self.settled = self.surface = self.surface_failed = None

    def forget_others(self, model: Model) -> None:
        """The picture does not show: that of a model that may have been closed can go."""
        if self.picture is not None and self.picture.request.model != model:
            self.picture = None

    def has_surface(self, wanted: SurfaceRequest) -> bool:
        """Whether the finished mesh of a request is there, or there is none."""
        found = self.surface
        ready = found is not None and found.final and found.request == wanted
        return ready or self.surface_failed == wanted

    def take(self, result: Rendered) -> bool:
        """Keep a picture; False if there is a better one of the same view already."""
        request, present = result.request, self.picture
        if (
            present is not None
            and present.request.shows(request.model, request.view, request.revision)
            and _quality(present) > _quality(result)
        ):
            return False
        self.picture = result
        return True

    def settle(self, request: RenderRequest | Settled) -> None:
        """Nothing better will come."""
        self.settled = request.request if isinstance(request, Settled) else request

    def shows(self, model: Model | None, view: View, revision: int) -> bool:
        """Whether the picture is of a view."""
        return self.picture is not None and self.picture.request.shows(model, view, revision)

    def is_done(self, wanted: RenderRequest, *, at_first: bool = False) -> bool:
        """Whether a request needs no more work; at_first: or has its first whole picture."""
        if self.settled is not None and self.settled.covers(wanted):
            return True
        if self.picture is None or not self.shows(wanted.model, wanted.view, wanted.revision):
            return False
        reached = rank(self.picture.stage) >= rank(wanted.limit)
        return reached and (at_first or wanted.limit != STAGES[-1])


def _quality(picture: Rendered) -> tuple[int, float]:
    return rank(picture.stage), picture.convergence
