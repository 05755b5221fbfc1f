"""Makes what the GL preview shows, in the thread that renders: volumes and backgrounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ballgan.view import Backdrop, Code, Identity, Orbit, View

from .requests import Backcloth, Lights, Model, RenderRequest, Volume, VolumeDetail
from .worker import Ticket

if TYPE_CHECKING:
    import ballgan
    from ballgan.bake_background import Chart

PHOTO_SIZE = 1024  # pixels of the picture that a photo shall be sharp in


class Baker:
    """Posts Volume, VolumeDetail, Backcloth and Lights for the views of one scene."""

    def __init__(self, scene: ballgan.Scene, model: Model) -> None:
        self._scene = scene
        self._model = model
        self._identity: Identity | None = None  # whose volume was posted
        self._details: Iterator[Any] | None = None  # of that volume, as far as they are not posted
        self._backdrop: Backdrop | None = None  # that was posted
        self._chart: Chart | None = None  # of that backdrop, as long as not all of it was
        self._made: tuple[Backdrop, int] | None = None  # that backdrop and its file's revision
        self._lit: tuple[Backdrop, int] | None = None  # whose lights were posted

    def prepare(self, request: RenderRequest, ticket: Ticket) -> None:
        """Post what the request's view lacks for a first preview; the scene is set to the view."""
        # The background comes first: it is quick, and a new one should show without delay.
        self._prepare_backdrop(request, ticket)
        self._prepare_lights(request, ticket)
        if request.view.identity != self._identity:
            self._prepare_volume(request.view.identity, ticket)

    def refine(self, ticket: Ticket) -> None:
        """Post better versions of what was posted last, until the ticket stops it."""
        if self._chart is not None and self._backdrop is not None:
            self._post_whole(self._backdrop, ticket)
        while self._details is not None:
            bricks = next(self._details, None)
            if bricks is None:
                self._details = None
            else:
                ticket.post(VolumeDetail(self._model, self._identity or Identity(), bricks))
            ticket.check()

    def _prepare_volume(self, identity: Identity, ticket: Ticket) -> None:
        from ballgan.bake import Baking

        self._identity, self._details = None, None
        baking = Baking(self._scene.model, self._scene.field_code(ticket.step))
        coarse = self._scene.within_memory(lambda: baking.coarse(ticket.step))
        ticket.post(Volume(self._model, identity, coarse))
        self._identity, self._details = identity, baking.refine(coarse)

    def _prepare_backdrop(self, request: RenderRequest, ticket: Ticket) -> None:
        view = request.view
        backdrop = essence(view.relevant().backdrop)
        made = (backdrop, request.revision if backdrop.kind == "photo" else 0)
        if made == self._made or not needs_worker(backdrop):
            return
        self._made, self._backdrop, self._chart = None, None, None
        if backdrop.kind == "photo":
            ticket.post(self._hang_photo(backdrop))
        elif self._scene.model.background is None:
            white = float(self._scene.model.config.white_background)
            ticket.post(Backcloth(self._model, backdrop, "plain", colour=(white, white, white)))
        else:
            ticket.post(self._bake_window(backdrop, view, ticket))
        self._made, self._backdrop = made, backdrop

    def _prepare_lights(self, request: RenderRequest, ticket: Ticket) -> None:
        import torch

        from ballgan.lighting import find_lights

        backdrop = lights_key(request.view.relevant().backdrop)
        made = (backdrop, request.revision if backdrop.kind == "photo" else 0)
        if made == self._lit or not backdrop.match_light:
            return
        with torch.inference_mode():
            lights = find_lights(self._scene)
        tables = [np.array(light.coefficients, np.float32) for light in lights or ()]
        ticket.post(Lights(self._model, backdrop, *tables))
        self._lit = made

    def _bake_window(self, backdrop: Backdrop, view: View, ticket: Ticket) -> Backcloth:
        from ballgan import staging
        from ballgan.bake_background import bake_window, make_chart

        scene = self._scene
        assert scene.model.background is not None
        ws = scene.ws_background(staging.to_background(backdrop))
        seen_by = turned_camera(backdrop_camera(view), view.backdrop.sphere_yaw)
        camera = staging.to_camera(seen_by).resolve(scene.model.config.camera)
        ticket.step()
        self._chart = make_chart(scene.model.background, ws)
        return self._hang_chart(backdrop, self._chart, bake_window(self._chart, camera))

    def _post_whole(self, backdrop: Backdrop, ticket: Ticket) -> None:
        from ballgan.bake_background import bake_whole

        assert self._chart is not None
        ticket.post(self._hang_chart(backdrop, self._chart, bake_whole(self._chart, ticket.check)))
        self._chart = None

    def _hang_chart(self, backdrop: Backdrop, chart: Chart, pixels: np.ndarray) -> Backcloth:
        return Backcloth(self._model, backdrop, chart.kind, pixels, sizes=chart.sizes)

    def _hang_photo(self, backdrop: Backdrop) -> Backcloth:
        from ballgan import staging
        from ballgan.backgrounds import is_equirectangular, photo_width
        from ballgan.bake_background import to_bytes

        panorama = staging.to_background(backdrop)
        store = self._scene.backdrop
        visible = store.visible_span()
        image = self._scene.within_memory(
            lambda: store.load_panorama(panorama, PHOTO_SIZE, visible)
        )
        pixels, sizes = to_bytes(image.permute(1, 2, 0)), (self._model.info.surround_radius,)
        if is_equirectangular(panorama, image):
            return Backcloth(self._model, backdrop, "panorama", pixels, sizes=sizes)
        aspect = pixels.shape[1] / pixels.shape[0]
        across = photo_width(panorama.span or visible, aspect)
        span = (across, across / aspect)
        return Backcloth(self._model, backdrop, "photo", pixels, span=span, sizes=sizes)


def essence(backdrop: Backdrop) -> Backdrop:
    """A backdrop without what the preview's shader does."""
    plain = replace(lights_key(backdrop), yaw=0.0, exposure=0.0, match_light=False)
    plain = replace(plain, sphere_yaw=0.0, sphere_exposure=0.0)
    return plain if backdrop.kind == "learnt" else replace(plain, code=Code())


def lights_key(backdrop: Backdrop) -> Backdrop:
    """A backdrop without what its light, before it is turned, does not depend on."""
    return replace(backdrop, camera=None, light_strength=1.0)


def backdrop_camera(view: View) -> Orbit:
    """The camera that sees the background."""
    return view.backdrop.camera or view.camera


def turned_camera(camera: Orbit, yaw: float) -> Orbit:
    """The camera as it lies to a background that was turned by `yaw`, where that is not turned."""
    x, y, z = camera.pivot
    cos, sin = math.cos(yaw), math.sin(yaw)
    pivot = (cos * x + sin * z, y, cos * z - sin * x)
    return replace(camera, yaw=camera.yaw + yaw, pivot=pivot)


def needs_worker(backdrop: Backdrop) -> bool:
    """Whether there is anything to make: colours, gradients and nothing are drawn as they are."""
    return backdrop.visible and backdrop.kind in ("learnt", "photo")


def gain_of(stops: float) -> float:
    """Factor of linear light."""
    return math.exp2(stops)
