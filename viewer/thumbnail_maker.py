"""Renders thumbnails of codes, in a lane of its own that gives way to the picture on the stage.

Each is made twice: rough, so that a sheet fills soon, then as the model's own pictures are made,
with super-resolution where there is one and where that is cheap.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ballgan.view import Backdrop, Code, CodePair, Orbit, View

from .requests import Model
from .state import ModelInfo
from .worker import Ticket

SIDE = 128  # pixels of a thumbnail
ROUGH_RAYS, ROUGH_SAMPLES = 48, 24  # along a side of a rough one, and along a ray
CHEAP = 1.5  # seconds that super-resolution may take for one


@dataclass(frozen=True)
class Portrait:
    """Whose thumbnail it is: a foreground alone, a background alone, or both.

    It shows them from the model's own camera, so that they can be compared.
    """

    which: str
    codes: CodePair
    conditioning: Orbit | None = None  # as of a View

    @classmethod
    def of(cls, which: str, codes: CodePair, conditioning: Orbit | None = None) -> Portrait:
        """The portrait of what `which` says of some codes."""
        if which == "foreground":
            return cls(which, CodePair(codes.foreground, Code()), conditioning)
        if which == "background":
            return cls(which, CodePair(Code(), codes.background))
        return cls(which, codes, conditioning)


@dataclass(frozen=True)
class PortraitsRequest:
    """Make these thumbnails, one after the other.

    rough: those of them of which there is nothing yet.
    """

    model: Model
    portraits: tuple[Portrait, ...]
    rough: frozenset[Portrait] = frozenset()


@dataclass(frozen=True)
class ThumbnailMade:
    """A thumbnail is there: (SIDE, SIDE, 4) uint8, straight."""

    model: Model
    portrait: Portrait
    pixels: np.ndarray
    rough: bool = False


class ThumbnailMaker:
    """Owns a scene of its own, so that the other one keeps what it has computed."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._scene: Any = None
        self._cheap = True  # whether the model's super-resolution is, as far as it is known
        self._waited = 0.0  # seconds, in the present picture

    def __call__(self, request: PortraitsRequest, ticket: Ticket) -> None:
        """Post ThumbnailMade for each portrait, twice for rough ones."""
        import ballgan

        if self._model != request.model:
            self._model, self._scene = request.model, ballgan.Scene(request.model.generator)
            self._cheap = True
        for portrait in request.portraits:
            if portrait in request.rough:
                pixels = self._render(portrait, ticket, rough=True)
                ticket.post(ThumbnailMade(request.model, portrait, pixels, rough=True))
        for portrait in request.portraits:
            pixels = self._render(portrait, ticket)
            ticket.post(ThumbnailMade(request.model, portrait, pixels))

    def _render(self, portrait: Portrait, ticket: Ticket, *, rough: bool = False) -> np.ndarray:
        from ballgan.images import quantize
        from ballgan.staging import set_scene, to_camera

        def give_way(fraction: float = 0.0) -> None:
            started = time.monotonic()
            ticket.check()
            self._waited += time.monotonic() - started

        assert self._model is not None
        give_way()
        info = self._model.info
        set_scene(self._scene, view_of(portrait))
        enlarged = info.has_super_resolution and self._cheap and not rough
        settings = _settings(portrait, info, rough=rough, enlarged=enlarged)
        stage = "full" if enlarged else "raw"
        started, self._waited = time.monotonic(), 0.0
        frame = self._scene.render_stage(to_camera(info.home), settings, stage, give_way)
        if enlarged and time.monotonic() - started - self._waited > CHEAP:
            self._cheap = False
        return quantize(frame.rgba())


def _settings(portrait: Portrait, info: ModelInfo, *, rough: bool, enlarged: bool) -> Any:
    """How a portrait is rendered. enlarged: by super-resolution, from the model's own rays."""
    import ballgan

    rays = ROUGH_RAYS if rough else info.neural_resolution if enlarged else SIDE
    return ballgan.RenderSettings(
        layer="full" if portrait.which == "both" else portrait.which,
        size=SIDE,
        neural_resolution=rays,
        samples=ROUGH_SAMPLES if rough else None,
    )


def view_of(portrait: Portrait) -> View:
    """The codes of a portrait, with a background if it shows one."""
    visible = portrait.which != "foreground"
    backdrop = Backdrop(visible=visible, code=portrait.codes.background)
    return View(portrait.codes.foreground, backdrop, conditioning=portrait.conditioning)
