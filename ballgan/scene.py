"""A scene: one pair of codes seen by any camera, with every stage kept as long as it is valid.

Stages are keyed by the values they were made from (DESIGN: a frame's way), so a moved camera runs
no mapping, backbone or background network, and a new background code touches no foreground stage.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from .backdrop import Backdrop
from .backgrounds import Background, LearntBackground, Panorama, SolidColor
from .camera import AnyCamera, Orbit
from .fields import density_gradient
from .foreground import Foreground
from .frame import (
    MAX_NEURAL_RESOLUTION,
    MIN_NEURAL_RESOLUTION,
    Frame,
    RenderSettings,
    resize,
)
from .generator import Generator
from .latents import Latent
from .matte import extend_colors
from .memo import Memo
from .progressive import Pace, climb_ladder, march_passes
from .quick_synthesis import gains_by_speed
from .shot import Progress, Shot
from .sphere_cache import TILE, SphereCache
from .surfaces import CubeBackground, SphereBackground
from .volume import Composite

if TYPE_CHECKING:
    import trimesh

    from .dome import Dome

MAX_KEPT_RESOLUTION = 512  # larger images take much memory and are seldom seen again
POINTS_PER_TILE = 4096  # small tiles stay in the cache and can be cancelled soon
MAX_SPHERE_HEIGHT = 1024  # pixels of the cached sphere from pole to pole
ROUND = (SphereBackground, CubeBackground)  # whose features depend on a direction alone
NORMAL_STEP = 1 / 128  # of the box, for the density's gradient


class Scene:
    """Renders one model with one foreground code and one background.

    latent: the foreground code. background: LearntBackground, SolidColor, Panorama, or None for
    transparent. conditioning: the camera that conditions the mapping network; moving it changes
    the identity, moving the rendering camera does not. All can be set at any time.
    Not thread-safe: use it from one thread.
    """

    def __init__(self, model: Generator) -> None:
        self._model = model
        self.latent = Latent()
        self.background: Background = LearntBackground()
        self.conditioning: AnyCamera = Orbit()
        self._ws = Memo(8)
        self._foregrounds = Memo(3)
        self._gathered = Memo(6)
        self._ws_background = Memo(8)
        self._sphere = Memo(3)
        self._whole_sphere = Memo(2)
        self.pace = Pace()
        self.backdrop = Backdrop(model.config, model.device)

    @property
    def model(self) -> Generator:
        """The model; another one needs a scene of its own."""
        return self._model

    # Rendering

    @torch.inference_mode()
    def render(
        self,
        camera: AnyCamera,
        settings: RenderSettings | None = None,
        *,
        progress: Progress | None = None,
    ) -> Frame:
        """Render one finished frame.

        `progress` gets the fraction of rays done, in [0, 1], between tiles of rays and layers of
        networks; it may raise `ballgan.Cancelled`. Raises ValueError for a camera outside the
        background sphere.
        """
        return self.render_stage(camera, settings or RenderSettings(), "full", progress)

    def render_progressively(
        self,
        camera: AnyCamera,
        settings: RenderSettings | None = None,
        *,
        progress: Progress | None = None,
        preview: bool = True,
    ) -> Iterator[Frame]:
        """Frames of the same picture, each better than the one before (see progressive.py).

        A coarse preview, the raw image, the full picture, and the means of ever more rays until
        it stays as it is. `progress` as for `render`, for each frame anew. preview: whether to
        begin with the coarse one.
        """
        return climb_ladder(
            self, camera, settings or RenderSettings(), progress, with_preview=preview
        )

    def neural_resolution(self, settings: RenderSettings) -> int:
        """Side of the volume-rendered image for these settings."""
        if settings.neural_resolution is not None:
            return settings.neural_resolution
        if self.model.super_resolution is None and settings.size is not None:
            return min(max(settings.size, MIN_NEURAL_RESOLUTION), MAX_NEURAL_RESOLUTION)
        return self.model.config.neural_resolution

    @torch.inference_mode()
    def render_stage(
        self,
        camera: AnyCamera,
        settings: RenderSettings,
        stage: str,
        progress: Progress | None = None,
        passes: int = 1,
    ) -> Frame:
        """One rung of the ladder: "full" ones run super-resolution, others do not.

        passes: sets of samples whose mean is shown; the fast sampler only.
        """
        self._check_values()
        resolved = camera.resolve(self.model.config.camera)
        resolution = self.neural_resolution(settings)
        shot = Shot(
            camera=resolved,
            rays=resolved.rays(resolution, resolution, self.model.device),
            resolution=resolution,
            size=settings.size or self.model.config.image_resolution,
            settings=settings,
            enlarge=stage in ("full", "refined")
            and settings.layer != "raw"
            and self.model.super_resolution is not None,
            progress=progress,
            passes=passes,
        )
        shows_background = settings.layer in ("full", "raw", "background")
        if shows_background and isinstance(self.background, LearntBackground):
            self.model.check_rays(shot.rays.origins, shot.rays.directions)
        if settings.layer == "background":
            rgb, alpha, depth, opaque = self._render_background(shot)
        elif settings.layer == "normals":
            rgb, alpha, depth, opaque = self._render_normals(shot)
        else:
            rgb, alpha, depth, opaque = self._render_foreground(shot)
        return Frame.from_images(
            rgb,
            alpha,
            depth,
            shot.size,
            layer=settings.layer,
            neural_resolution=resolution,
            stage=stage,
            opaque=opaque,
        )

    def _check_values(self) -> None:
        """Raise ValueError if the latent or the background is of another kind."""
        if type(self.latent) is not Latent:
            raise ValueError(f"scene.latent should be a Latent; got {self.latent!r}.")
        kinds = (LearntBackground, SolidColor, Panorama)
        if self.background is not None and not isinstance(self.background, kinds):
            raise ValueError(
                "scene.background should be a LearntBackground, SolidColor, Panorama or None; "
                f"got {self.background!r}."
            )

    def _render_foreground(self, shot: Shot) -> tuple[Tensor, Tensor, Tensor, bool]:
        """Layers "full", "raw" and "foreground": rgb, alpha, depth, opaque."""
        gathered = self._gather(shot)
        opacity = shot.image(gathered.opacity[:, None])
        behind = None if shot.settings.layer == "foreground" else self.background
        if isinstance(behind, LearntBackground):
            features, distance = self._before_learnt_background(shot, gathered, behind)
            rgb = self._picture(shot, shot.image(features))
            return rgb, opacity, shot.image(distance[:, None]), True
        premultiplied = shot.image(gathered.features)
        rgb = self._picture(shot, extend_colors(premultiplied, opacity))
        depth = shot.image(gathered.mean_distance()[:, None])
        if behind is None:
            return rgb, opacity, depth, False
        if shot.size > rgb.shape[-1]:
            rgb = resize(rgb, shot.size)
        opacity = resize(opacity, rgb.shape[-1])
        rgb = rgb * opacity + self.backdrop.render(behind, shot.camera, rgb.shape[-1]) * (
            1 - opacity
        )
        return rgb, opacity, depth, True

    def _render_background(self, shot: Shot) -> tuple[Tensor, Tensor, Tensor, bool]:
        """Layer "background": the whole background without foreground-shaped holes."""
        behind = self.background
        nothing = torch.zeros(1, 1, shot.resolution, shot.resolution, device=self.model.device)
        far = torch.full_like(nothing, math.inf)
        if behind is None:
            return nothing.expand(-1, 3, -1, -1), nothing, far, False
        if isinstance(behind, LearntBackground):
            if self.model.background is None:
                color = float(self.model.config.white_background)
                return (nothing + color).expand(-1, 3, -1, -1), nothing, far, True
            features, distance = self._look_behind(shot, behind)
            depth = shot.image(distance[:, None])
            return self._picture(shot, shot.image(features)), nothing, depth, True
        return self.backdrop.render(behind, shot.camera, shot.size), nothing, far, True

    def _render_normals(self, shot: Shot) -> tuple[Tensor, Tensor, Tensor, bool]:
        """Layer "normals": camera-space normals as colours, n / 2 + 1 / 2 (x right, y up)."""
        gathered = self._gather(shot)
        distance = gathered.mean_distance()
        reach = distance.nan_to_num(posinf=0.0)
        points = shot.rays.origins + reach[:, None] * shot.rays.directions
        planes = self._foreground(shot.settings.sampler).planes
        step = NORMAL_STEP * self.model.config.field.box_warp
        gradients = []
        for tile in points.split(POINTS_PER_TILE):
            shot.report(1.0)
            gradients.append(density_gradient(self.model.field, planes, tile[None], step)[0])
        gradient = torch.cat(gradients)
        world = F.normalize(-gradient, dim=-1)
        pose = torch.tensor(shot.camera.cam2world, dtype=world.dtype, device=world.device)
        local = world @ pose[:3, :3] * world.new_tensor([1.0, -1.0, -1.0])
        opacity = shot.image(gathered.opacity[:, None])
        return shot.image(local / 2 + 0.5), opacity, shot.image(distance[:, None]), False

    # Stages, kept by value

    def ws(self) -> Tensor:
        """Mapped foreground code (1, num_ws, w_dim), truncated and blended."""
        key = (self.latent, self.conditioning)
        return self._ws.get(key, self._map_foreground)

    def _map_foreground(self) -> Tensor:
        model, latent = self.model, self.latent
        label = None
        if model.config.mapping.label_dim:
            label = self.conditioning.resolve(model.config.camera).label(model.device)
        psi, cutoff = latent.truncation_psi, latent.truncation_cutoff
        return blend(
            latent,
            lambda seed: model.map(
                model.z(seed), label, truncation_psi=psi, truncation_cutoff=cutoff
            ),
        )

    def planes(self, step: Callable[[], None] | None = None) -> Tensor:
        """Feature planes (1, 3, C, H, W) of the foreground code.

        `step` is called between layers, if they are not kept; it may raise to stop.
        """
        return self._foreground("plain", step).planes

    def _foreground(self, sampler: str, step: Callable[[], None] | None = None) -> Foreground:
        backbone = self.model.backbone
        quick = sampler == "fast" and gains_by_speed(backbone, self.model.device)
        return self._foregrounds.get(
            (self.latent, self.conditioning, quick),
            lambda: Foreground(self.model, self.model.planes(self.ws(), step=step, quick=quick)),
        )

    def ws_background(self, background: LearntBackground) -> Tensor:
        """Mapped background code (1, rows, w_dim), or the raw code where that is concatenated."""
        return self._ws_background.get(background, lambda: self._map_background(background))

    def _map_background(self, background: LearntBackground) -> Tensor:
        model = self.model
        psi, cutoff = background.truncation_psi, background.truncation_cutoff
        return blend(
            background,
            lambda seed: model.map_background(
                model.z_background(seed), truncation_psi=psi, truncation_cutoff=cutoff
            ),
        )

    def _gather(self, shot: Shot) -> Composite:
        """The foreground along the shot's rays."""
        if shot.resolution > MAX_KEPT_RESOLUTION:
            return self._march(shot)
        settings = shot.settings
        code = (self.latent, self.conditioning)
        moves_in_pixels = shot.passes > 1 and not shot.enlarge
        way = (settings.samples, settings.sampler, shot.passes, moves_in_pixels)
        key = (code, shot.camera, shot.resolution, way)
        return self._gathered.get(key, lambda: self._march(shot))

    def _march(self, shot: Shot) -> Composite:
        foreground, samples = (
            self._foreground(shot.settings.sampler, shot.step),
            shot.settings.samples,
        )
        if shot.settings.sampler == "plain":
            bundle = foreground.bundle(shot.rays)
            return foreground.march_plainly(bundle, samples, shot.report)
        former = None
        if shot.passes > 1:
            former = self._gather(replace(shot, passes=shot.passes // 2))
        return march_passes(foreground, shot, former, self.pace)

    def _before_learnt_background(
        self, shot: Shot, gathered: Composite, background: LearntBackground
    ) -> tuple[Tensor, Tensor]:
        """Features (N, F) and expected distance (N,) with the model's own background."""
        if self.model.background is None:
            return self.model.without_background(gathered), gathered.mean_distance()
        behind, distance = self._look_behind(shot, background)
        return gathered.over(behind), gathered.mean_distance(distance)

    def _look_behind(self, shot: Shot, background: LearntBackground) -> tuple[Tensor, Tensor]:
        """Features (N, F) and distance (N,) of the learnt background along the shot's rays.

        Exact; or, for a surface seen by the fast sampler, from its kept picture.
        """
        rays, network, ws = shot.rays, self.model.background, self.ws_background(background)
        if shot.settings.sampler == "plain" or not isinstance(network, ROUND):
            features, distance = self.model.look_behind(
                ws, rays.origins[None], rays.directions[None]
            )
            return features[0], distance[0]
        distance = network.distance(rays.origins, rays.directions)
        points = rays.origins + distance[:, None] * rays.directions
        height = max(min(8 * 2 ** (shot.resolution - 1).bit_length(), MAX_SPHERE_HEIGHT), TILE)
        channels = self.model.config.field.feature_channels
        kept = self._sphere.get(
            (background, height), lambda: SphereCache(network, ws, height, channels)
        )
        return kept.features(points, shot.step), distance

    def sphere(
        self, background: LearntBackground, height: int, step: Callable[[], None] | None = None
    ) -> Tensor:
        """Features (F, height, 2 height) of the whole learnt background, equirectangular.

        `step` is called now and then, if they are not kept; it may raise to stop.
        """
        network, ws = self.model.background, self.ws_background(background)
        assert network is not None
        return self._whole_sphere.get(
            (background, height), lambda: network.equirectangular(ws, height, step)
        )

    def _picture(self, shot: Shot, features: Tensor) -> Tensor:
        """Feature image (1, F, n, n) in [0, 1] -> picture (1, 3, H, W) in [0, 1]."""
        if not shot.enlarge:
            return features[:, :3]
        quick = shot.settings.sampler == "fast"
        picture = self.model.picture(
            features, self.ws(), step=lambda: shot.report(1.0), quick=quick
        )
        return (picture + 1) / 2

    # Meshes

    @torch.inference_mode()
    def mesh(
        self,
        resolution: int = 256,
        *,
        level: float | str = "auto",
        simplify: int | None = None,
        largest_component: bool = True,
        sampler: str = "fast",
        texture: int | None = None,
        progress: Progress | None = None,
    ) -> "trimesh.Trimesh":
        """The foreground's surface as a closed mesh with vertex colours (see mesh.extract_mesh).

        World units, y up, faces outward. `level` is a raw density, or "auto". `sampler` "plain"
        samples the density everywhere, "fast" only round the surface. `texture`: side of a picture
        to put on the mesh instead of vertex colours (see texture.bake_texture); the mesh is then
        simplified, to TEXTURED_FACES if `simplify` is None.
        """
        from .mesh import extract_mesh, part_of
        from .texture import TEXTURED_FACES, bake_texture, check_texture_size

        self._check_values()
        if texture is not None:
            check_texture_size(texture)
            simplify = TEXTURED_FACES if simplify is None else simplify
        report = progress or (lambda fraction: None)
        planes = self.planes(None if progress is None else lambda: progress(0.0))
        fields = (
            lambda points: self.model.density(planes, points),
            lambda points: self.model.color(planes, points),
        )
        mesh = extract_mesh(
            *fields,
            box=self.model.config.field.box_warp,
            resolution=resolution,
            level=level,
            device=self.model.device,
            simplify=simplify,
            largest_component=largest_component,
            sampler=sampler,
            progress=report if texture is None else part_of(report, 0.0, 0.4),
        )
        if texture is None:
            return mesh
        return bake_texture(
            mesh,
            *fields,
            box=self.model.config.field.box_warp,
            size=texture,
            device=self.model.device,
            progress=part_of(report, 0.4, 1.0),
        )

    @torch.inference_mode()
    def dome(self, height: int = 512, *, progress: Progress | None = None) -> "Dome":
        """The background as a picture (height, 2 height) on a sphere, for `write_mesh`.

        The learnt sphere shows its raw colours, before super-resolution, as the mesh does. A model
        without a sphere gets one of twice the front camera's distance. Raises ValueError if the
        background is None.
        """
        from .dome import Dome

        self._check_values()
        background, config = self.background, self.model.config
        if background is None:
            raise ValueError("a dome needs a background; scene.background is None")
        step = None if progress is None else lambda: progress(0.5)
        if not isinstance(background, LearntBackground):
            image = self.backdrop.render_sphere(background, height)
        elif self.model.background is None:
            image = torch.full((3, height, 2 * height), float(config.white_background))
        else:
            image = self.sphere(background, height, step)[:3]
        pixels = (image.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()
        return Dome(pixels, config.surround_radius or 2 * config.camera.radius)


def blend(latent: Latent, map_seed: Callable[[int], Tensor]) -> Tensor:
    """The weighted sum of what `map_seed` gives for the seeds of a code."""
    return torch.stack([w * map_seed(seed) for seed, w in latent.seeds_and_weights]).sum(0)
