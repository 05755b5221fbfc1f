"""Renders thumbnails of codes, in a lane of its own that gives way to the picture on the stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ballgan.view import Backdrop, Code, CodePair, Orbit, View

from .requests import Model
from .worker import Ticket

SIDE = 96  # pixels of a thumbnail
RAYS = 64  # along a side of a thumbnail
SAMPLES = 24  # along a ray
PAUSE = 0.02  # seconds between two looks whether the way is free


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
class ThumbnailRequest:
    """Make these thumbnails, one after the other."""

    model: Model
    portraits: tuple[Portrait, ...]


@dataclass(frozen=True)
class ThumbnailMade:
    """A thumbnail is there: (SIDE, SIDE, 4) uint8, straight."""

    model: Model
    portrait: Portrait
    pixels: np.ndarray


class ThumbnailMaker:
    """Owns a scene of its own, so that the other one keeps what it has computed."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        """is_busy: whether something more urgent is being computed."""
        self._is_busy = is_busy
        self._model: Model | None = None
        self._scene: Any = None

    def __call__(self, request: ThumbnailRequest, ticket: Ticket) -> None:
        """Post ThumbnailMade for each portrait."""
        import ballgan

        if self._model != request.model:
            self._model, self._scene = request.model, ballgan.Scene(request.model.generator)
        for portrait in request.portraits:
            pixels = self._render(portrait, ticket)
            ticket.post(ThumbnailMade(request.model, portrait, pixels))

    def _render(self, portrait: Portrait, ticket: Ticket) -> np.ndarray:
        import ballgan
        from ballgan.staging import set_scene, to_camera

        def give_way(fraction: float = 0.0) -> None:
            ticket.check()
            while self._is_busy():
                time.sleep(PAUSE)
                ticket.check()

        assert self._model is not None
        give_way()
        info = self._model.info
        set_scene(self._scene, view_of(portrait))
        settings = ballgan.RenderSettings(
            layer="full" if portrait.which == "both" else portrait.which,
            size=SIDE,
            neural_resolution=min(RAYS, info.neural_resolution),
            samples=SAMPLES,
        )
        frame = self._scene.render_stage(to_camera(info.home), settings, "raw", give_way)
        return np.round(frame.rgba().clip(0, 1) * 255).astype(np.uint8)


def view_of(portrait: Portrait) -> View:
    """The codes of a portrait, with a background if it shows one."""
    visible = portrait.which != "foreground"
    backdrop = Backdrop(visible=visible, code=portrait.codes.background)
    return View(portrait.codes.foreground, backdrop, conditioning=portrait.conditioning)
