"""What a scene has computed: every stage of a frame, kept as long as it is valid.

Results are kept by the values they were made from (DESIGN: a frame's way), so a moved camera runs
no mapping, backbone or background network, and a new background code touches no foreground stage.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .backdrop import Backdrop, version
from .backgrounds import Background, LearntBackground, expose
from .camera import AnyCamera, Rays
from .color import decode_srgb
from .fields import density_gradient
from .foreground import Foreground
from .generator import Generator
from .geometry import turn
from .latent_space import LatentSpace
from .latents import Latent
from .lighting import Light
from .marching import work_in_tiles
from .memo import Memo, Value
from .progressive import Pace, march_passes
from .quick_synthesis import gains_by_speed
from .shortage import explain_shortage, try_with_less
from .shot import Shot
from .sphere_cache import TILE, SphereCache
from .stylegan2 import Step
from .surfaces import CubeBackground, SphereBackground
from .volume import Composite

MAX_KEPT_RESOLUTION = 512  # larger images take much memory and are seldom seen again
RAYS_PER_TILE = 2**18  # that look at the background at a time, on a GPU
POINTS_PER_TILE = 4096  # small tiles stay in the cache and can be cancelled soon
MAX_SPHERE_HEIGHT = 1024  # pixels of the cached sphere from pole to pole
ROUND = (SphereBackground, CubeBackground)  # whose features depend on a direction alone
LIGHT_HEIGHT = 32  # pixels of the equirectangular picture whose light is measured


@dataclass(frozen=True)
class Subject:
    """A foreground code, and the camera that conditions the mapping network."""

    latent: Latent
    conditioning: AnyCamera


class Stages:
    """The stages of one model: mapping, backbone, rays, sphere, light."""

    def __init__(self, model: Generator, backdrop: Backdrop) -> None:
        """backdrop: renders the given backgrounds."""
        self._model, self._backdrop = model, backdrop
        self.pace = Pace()
        self._spaces = Memo(3)
        self._ws = Memo(8)
        self._foregrounds = Memo(3)
        self._gathered = Memo(6, limit_mib=128)
        self._gradients = Memo(2)
        self._grounds = Memo(2)
        self._surfaces = Memo(2)
        self._ws_background = Memo(8)
        self._sphere_caches = Memo(3)
        self._spheres = Memo(2)
        self._lights = Memo(8)

    # Memory

    def within_memory(self, work: Callable[[], Value]) -> Value:
        """`work()`; if a GPU's memory does not suffice, once more without what is kept here.

        Raises OutOfMemory if that is still too much.
        """

        def again() -> Value:
            self.release()
            return work()

        return explain_shortage(lambda: try_with_less(work, again))

    def release(self) -> None:
        """Keep nothing that is large."""
        for memo in (
            self._foregrounds,
            self._gathered,
            self._gradients,
            self._grounds,
            self._sphere_caches,
            self._spheres,
        ):
            memo.clear()
        self._backdrop.release()

    # Foreground

    def latent_space(self, conditioning: AnyCamera) -> LatentSpace:
        """W of the foreground, for a conditioning camera."""

        def make() -> LatentSpace:
            config, label = self._model.config, None
            if config.mapping.label_dim:
                label = conditioning.resolve(config.camera).label(self._model.device)
            return LatentSpace.of_foreground(self._model, label)

        return self._spaces.get(("foreground", conditioning), make)

    def ws(self, subject: Subject) -> Tensor:
        """Rows (1, num_ws, w_dim) of a foreground code (see `LatentSpace.ws`)."""
        space = self.latent_space
        return self._ws.get(subject, lambda: space(subject.conditioning).ws(subject.latent))

    def foreground(self, subject: Subject, sampler: str, step: Step | None = None) -> Foreground:
        """Planes and what rays look them up in; "fast" ones may be less precise.

        `step` is called between layers, if they are not kept; it may raise to stop.
        """
        quick = sampler == "fast" and gains_by_speed(self._model.backbone, self._model.device)

        def make() -> Foreground:
            ws = self.ws(subject)
            field_code = self.within_memory(
                lambda: self._model.field_code(ws, step=step, quick=quick)
            )
            return Foreground(self._model, field_code)

        return self._foregrounds.get((subject, quick), make)

    def gather(self, subject: Subject, shot: Shot) -> Composite:
        """The foreground along the shot's rays."""

        def march() -> Composite:
            return self.within_memory(lambda: self._march(subject, shot))

        if shot.resolution > MAX_KEPT_RESOLUTION:
            return march()
        return self._gathered.get(_gathered_key(subject, shot), march)

    def _march(self, subject: Subject, shot: Shot) -> Composite:
        sampler, samples = shot.settings.sampler, shot.settings.samples
        foreground = self.foreground(subject, sampler, shot.step)
        if sampler == "plain":
            return foreground.march_plainly(foreground.bundle(shot.rays), samples, shot.report)
        former = None
        if shot.passes > 1:
            former = self.gather(subject, replace(shot, passes=shot.passes // 2))
        return march_passes(foreground, shot, former, self.pace)

    def gradient(self, subject: Subject, shot: Shot, gathered: Composite, length: float) -> Tensor:
        """The density's gradient (N, 3) where rays are stopped, by differences over `length`."""
        return self._gradients.get(
            (_gathered_key(subject, shot), length),
            lambda: self.within_memory(
                lambda: self._find_gradient(subject, shot, gathered, length)
            ),
        )

    def _find_gradient(
        self, subject: Subject, shot: Shot, gathered: Composite, length: float
    ) -> Tensor:
        reach = gathered.mean_distance().nan_to_num(posinf=0.0)
        points = shot.rays.origins + reach[:, None] * shot.rays.directions
        field_code = self.foreground(subject, shot.settings.sampler).field_code
        gradients = []
        for tile in points.split(POINTS_PER_TILE):
            shot.report(1.0)
            gradients.append(density_gradient(self._model.field, field_code, tile[None], length)[0])
        return torch.cat(gradients)

    def ground(
        self, subject: Subject, shot: Shot, grey: float, make: Callable[[], Tensor]
    ) -> Tensor:
        """The picture of an even grey without a foreground, which mattes are solved with."""
        key = (subject, grey, shot.resolution, shot.settings.sampler)
        return self._grounds.get(key, make)

    def surface(self, subject: Subject, kind: Hashable, make: Callable[[], Value]) -> Value:
        """A surface of a foreground code; `kind`: what else decides it."""
        return self._surfaces.get((subject, kind), make)

    # Background

    def background_latent_space(self) -> LatentSpace:
        """W of the background. Raises ValueError if the model has no background network."""
        return self._spaces.get("background", lambda: LatentSpace.of_background(self._model))

    def ws_background(self, background: LearntBackground) -> Tensor:
        """Mapped background code (1, rows, w_dim), or the raw code where that is concatenated."""
        space = self.background_latent_space
        return self._ws_background.get(background.as_learnt, lambda: space().ws(background))

    def look_behind(self, shot: Shot, background: LearntBackground) -> tuple[Tensor, Tensor]:
        """Features (N, F) and distance (N,) of the learnt background along the shot's rays.

        Exact; or, for a surface seen by the fast sampler of a CPU, from its kept picture.
        """
        rays, ws = rays_behind(shot, background), self.ws_background(background)
        network = self._model.background
        on_cpu = ws.device.type == "cpu"  # elsewhere the network is as fast as a look-up
        if shot.settings.sampler == "plain" or not isinstance(network, ROUND) or not on_cpu:
            tile = len(rays.origins) if on_cpu else RAYS_PER_TILE
            return self.within_memory(lambda: self._look_exactly(ws, rays, tile))
        distance = network.distance(rays.origins, rays.directions)
        points = rays.origins + distance[:, None] * rays.directions
        height = max(min(8 * 2 ** (shot.resolution - 1).bit_length(), MAX_SPHERE_HEIGHT), TILE)
        channels = self._model.config.field.feature_channels
        kept = self._sphere_caches.get(
            (background.as_learnt, height), lambda: SphereCache(network, ws, height, channels)
        )
        return kept.features(points, shot.step), distance

    def _look_exactly(self, ws: Tensor, rays: Rays, rays_per_tile: int) -> tuple[Tensor, Tensor]:
        def look(part: slice) -> tuple[Tensor, Tensor]:
            return self._model.look_behind(
                ws, rays.origins[None, part], rays.directions[None, part]
            )

        parts = work_in_tiles(look, len(rays.origins), rays_per_tile)
        features, distances = zip(*parts, strict=True)
        return torch.cat(features, dim=1)[0], torch.cat(distances, dim=1)[0]

    def sphere(self, background: LearntBackground, height: int, step: Step | None = None) -> Tensor:
        """Features (F, height, 2 height) of the whole background as learnt, equirectangular.

        `step` is called now and then, if they are not kept; it may raise to stop.
        """
        network, ws = self._model.background, self.ws_background(background)
        assert network is not None
        return self._spheres.get(
            (background.as_learnt, height),
            lambda: self.within_memory(lambda: network.equirectangular(ws, height, step)),
        )

    def unroll(self, background: Background, height: int, step: Step | None = None) -> Tensor:
        """Colours (3, height, 2 height) of any background; without one, of what is there then."""
        if background is not None and not isinstance(background, LearntBackground):
            return self.within_memory(lambda: self._backdrop.render_sphere(background, height))
        if background is None or self._model.background is None:
            even = float(self._model.config.white_background)
            return torch.full((3, height, 2 * height), even, device=self._model.device)
        ws = self.ws_background(background)
        network, yaw = self._model.background, background.yaw
        colors = self.within_memory(
            lambda: network.equirectangular(ws, height, step, channels=3, yaw=yaw).clamp(0, 1)
        )
        return expose(colors, background.exposure) if background.exposure else colors

    def light(self, background: Background) -> Light:
        """The light of a background on diffuse surfaces (see lighting.py)."""
        return self._lights.get(
            (background, version(background)),
            lambda: Light.from_panorama(decode_srgb(self.unroll(background, LIGHT_HEIGHT))),
        )


def rays_behind(shot: Shot, background: LearntBackground) -> Rays:
    """The rays that look at the background, as they lie to it where it is not turned."""
    return _lay(shot.backdrop_rays, background)


def corners_behind(shot: Shot, background: LearntBackground) -> Rays:
    """The same of the rays through the corners of the picture, on the CPU."""
    return _lay(shot.backdrop_camera.corner_rays(shot.resolution, shot.lines), background)


def _lay(rays: Rays, background: LearntBackground) -> Rays:
    if not background.yaw:
        return rays
    return replace(
        rays,
        origins=turn(rays.origins, background.yaw),
        directions=turn(rays.directions, background.yaw),
        axis=turn(rays.axis, background.yaw),
    )


def _gathered_key(subject: Subject, shot: Shot) -> Hashable:
    settings = shot.settings
    moves_in_pixels = shot.passes > 1 and not shot.enlarge
    way = (settings.samples, settings.sampler, shot.passes, moves_in_pixels)
    return subject, shot.camera, shot.resolution, way
