"""A scene: one pair of codes seen by any camera; what it computes is kept (see stages.py)."""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .backdrop import Backdrop
from .background_network import RAYS_AT_ONCE
from .backgrounds import (
    Background,
    Gradient,
    LearntBackground,
    Panorama,
    SolidColor,
    expose,
)
from .bands import WHOLE_SIZE, Layers, finish, join_bands, render_bands
from .camera import AnyCamera, Orbit
from .chunks import part_of
from .frame import (
    MIN_NEURAL_RESOLUTION,
    Frame,
    RenderSettings,
    resize,
)
from .generator import Generator
from .latent_space import LatentSpace
from .latents import Latent
from .lighting import Light, MatchLight, Shading, find_shading, relight
from .matte import extend_colors, solve_matte
from .memo import Value
from .progressive import Pace, climb_ladder
from .quick_field import look_up_density, prepare_field
from .separation import Separation, measure_separation
from .shot import Progress, Shot, aim
from .stages import Stages, Subject, corners_behind
from .stylegan2 import Step
from .transfer import send
from .volume import Composite

if TYPE_CHECKING:
    import trimesh

    from .dome import Dome
    from .mesh_picture import ShownSurface

NORMAL_STEP = 1 / 128  # of the box, for the density's gradient
SHADING_STEP = 1 / 64  # of the box, for the smoother normals that light is matched with
MATTE_GREYS = (0.25, 0.75)  # backgrounds that mattes are solved with


class Scene:
    """Renders one model with one foreground code and one background.

    latent: the foreground code. background: LearntBackground, SolidColor, Gradient, Panorama, or
    None for transparent. backdrop_camera: the camera that sees the background; None: the one that
    renders. A camera of its own keeps the background still while the object turns before it.
    match_light: how the foreground takes on the background's light, approximately (see
    lighting.py); None: it keeps its own. conditioning: the camera that conditions the mapping
    network; moving it changes the identity, moving the rendering camera does not.
    All can be set at any time. Not thread-safe: use it from one thread.
    """

    def __init__(self, model: Generator) -> None:
        self._model = model
        self.latent = Latent()
        self.background: Background = LearntBackground()
        self.backdrop_camera: AnyCamera | None = None
        self.match_light: MatchLight | None = None
        self.conditioning: AnyCamera = Orbit()
        self.backdrop = Backdrop(model.config, model.device)
        self._stages = Stages(model, self.backdrop)

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
            return max(settings.size, MIN_NEURAL_RESOLUTION)
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
        shot = aim(self, camera, settings, stage, progress, passes)
        if shot.size > WHOLE_SIZE:
            return join_bands(render_bands(self, shot, stage), shot.size)
        return finish(self, shot, self.layers(shot), stage)

    def render_bands(
        self,
        camera: AnyCamera,
        settings: RenderSettings | None = None,
        *,
        passes: int = 1,
        progress: Progress | None = None,
    ) -> Iterator[Frame]:
        """One finished frame in bands from top to bottom, for pictures of up to 8192 pixels.

        Memory is bounded: a band has about a million pixels. Arguments as for `render_stage`.
        """
        self._check_values()
        stage = "refined" if passes > 1 else "full"
        shot = aim(self, camera, settings or RenderSettings(), stage, progress, passes)
        bands = render_bands(self, shot, stage)
        while True:
            with torch.inference_mode():  # not while the caller has the band
                band = next(bands, None)
            if band is None:
                return
            yield band

    def layers(self, shot: Shot, gathered: Composite | None = None) -> Layers:
        """What the settings of a shot show, before it has its size.

        gathered: what `gather` gives, if it is known.
        """
        layer = shot.settings.layer
        if layer in ("full", "raw", "background") and isinstance(self.background, LearntBackground):
            corners = corners_behind(shot, self.background)  # beyond which no other ray goes
            self.model.check_rays(corners.origins, corners.directions)
        if layer == "background":
            return self._render_background(shot)
        gathered = self.gather(shot) if gathered is None else gathered
        if layer == "normals":
            return self._render_normals(shot, gathered)
        return self._render_foreground(shot, gathered)

    def _check_values(self) -> None:
        """Raise ValueError if the latent or the background is of another kind."""
        if type(self.latent) is not Latent:
            raise ValueError(f"scene.latent should be a Latent; got {self.latent!r}.")
        kinds = (LearntBackground, SolidColor, Gradient, Panorama)
        if self.background is not None and not isinstance(self.background, kinds):
            raise ValueError(
                "scene.background should be a LearntBackground, SolidColor, Gradient, Panorama or "
                f"None; got {self.background!r}."
            )

    def _render_foreground(self, shot: Shot, gathered: Composite) -> Layers:
        """Layers "full", "raw" and "foreground"."""
        opacity = shot.image(gathered.opacity[:, None])
        behind = None if shot.settings.layer == "foreground" else self.background
        learnt = behind if isinstance(behind, LearntBackground) else None
        if learnt is not None and not self._exposes_picture(shot, learnt):
            features, distance = self._before_learnt_background(shot, gathered, learnt)
            rgb = self._picture(shot, shot.image(features))
            amount = resize(opacity, rgb.shape[-1])
            rgb = self._match_light(shot, gathered, rgb, amount)
            return Layers(rgb, opacity, shot.image(distance[:, None]), True)
        depth = shot.image(gathered.mean_distance()[:, None])
        if shot.enlarge and shot.settings.matte == "solved":
            opacity, rgb = self._solve_matte(shot, gathered, opacity)
        else:
            premultiplied = shot.image(gathered.features)
            rgb = self._picture(shot, extend_colors(premultiplied, opacity))
        rgb = self._match_light(shot, gathered, rgb, 1.0)
        if learnt is not None:
            rest, distance = self._learnt_picture(shot, learnt)
            depth = shot.image(gathered.mean_distance(distance)[:, None])
            opacity = resize(opacity, rgb.shape[-1])
            return Layers(rgb * opacity + rest * (1 - opacity), opacity, depth, True)
        assert not isinstance(behind, LearntBackground)
        return Layers(rgb, opacity, depth, False, behind)

    def _exposes_picture(self, shot: Shot, behind: LearntBackground) -> bool:
        """Whether the background is exposed after super-resolution, which knows features as they
        were learnt; else its raw colours are."""
        return shot.enlarge and behind.exposure != 0 and self.model.background is not None

    def _solve_matte(
        self, shot: Shot, gathered: Composite, opacity: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Opacity and straight colour of what super-resolution makes of the foreground.

        It is shown before a dark and a bright background that otherwise have the learnt one's mean
        features: what the network knows. Far from that it would answer less evenly.
        """
        pictures, grounds = [], []
        for grey in MATTE_GREYS:
            even = self._mean_background().clone()
            even[:3] = grey
            even = even.expand_as(gathered.features)
            pictures.append(self._picture(shot, shot.image(gathered.over(even))))
            ground = partial(self._picture, shot, shot.image(even))
            grounds.append(self._stages.ground(self._subject, shot, grey, ground))
        expected = resize(opacity, pictures[0].shape[-1])
        return solve_matte((pictures[0], pictures[1]), (grounds[0], grounds[1]), expected)

    def _mean_background(self) -> Tensor:
        """Features (F,) of the average learnt background; one half without a network for it."""
        count = self.model.config.field.feature_channels
        if self.model.background is None:
            return torch.full((count,), 0.5, device=self.model.device)
        return self.sphere(LearntBackground(truncation_psi=0.0), 16).flatten(1).mean(1)

    def _match_light(
        self, shot: Shot, gathered: Composite, rgb: Tensor, amount: Tensor | float
    ) -> Tensor:
        """A picture (1, 3, n, n) whose foreground, of opacity `amount`, has the scene's light."""
        shading = self.shading(shot.camera)
        if shading is None:
            return rgb
        gradient = self._gradient(shot, gathered, SHADING_STEP)
        ratio = shot.image(shading.ratio(F.normalize(-gradient, dim=-1)))
        if rgb.shape[-1] != ratio.shape[-1]:  # beyond the outline there are no normals to mix with
            opacity = shot.image(gathered.opacity[:, None])
            ratio = resize(extend_colors(ratio * opacity, opacity), rgb.shape[-1])
        return relight(rgb, ratio, amount)

    def _render_background(self, shot: Shot) -> Layers:
        """Layer "background": the whole background without foreground-shaped holes."""
        behind = self.background
        nothing = torch.zeros(1, 1, shot.lines, shot.resolution, device=self.model.device)
        far = torch.full_like(nothing, math.inf)
        if behind is None:
            return Layers(nothing.expand(-1, 3, -1, -1), nothing, far, False)
        if isinstance(behind, LearntBackground):
            if self.model.background is None:
                color = float(self.model.config.white_background)
                return Layers((nothing + color).expand(-1, 3, -1, -1), nothing, far, True)
            rgb, distance = self._learnt_picture(shot, behind)
            return Layers(rgb, nothing, shot.image(distance[:, None]), True)
        return Layers(nothing.expand(-1, 3, -1, -1), nothing, far, True, behind)

    def _render_normals(self, shot: Shot, gathered: Composite) -> Layers:
        """Layer "normals": camera-space normals as colours, n / 2 + 1 / 2 (x right, y up)."""
        distance = gathered.mean_distance()
        world = F.normalize(-self._gradient(shot, gathered, NORMAL_STEP), dim=-1)
        pose = send(shot.camera.cam2world, world.device)
        local = world @ pose[:3, :3] * send([1.0, -1.0, -1.0], world.device)
        opacity = shot.image(gathered.opacity[:, None])
        return Layers(shot.image(local / 2 + 0.5), opacity, shot.image(distance[:, None]), False)

    def _gradient(self, shot: Shot, gathered: Composite, step: float) -> Tensor:
        """The density's gradient (N, 3) where rays are stopped; `step`: of the box."""
        length = step * self.model.config.field.box_warp
        return self._stages.gradient(self._subject, shot, gathered, length)

    def _before_learnt_background(
        self, shot: Shot, gathered: Composite, background: LearntBackground
    ) -> tuple[Tensor, Tensor]:
        """Features (N, F) and expected distance (N,) with the model's own background."""
        if self.model.background is None:
            return self.model.without_background(gathered), gathered.mean_distance()
        behind, distance = self._stages.look_behind(shot, background)
        if background.exposure:
            behind = torch.cat([expose(behind[:, :3], background.exposure), behind[:, 3:]], dim=1)
        return gathered.over(behind), gathered.mean_distance(distance)

    def _learnt_picture(self, shot: Shot, background: LearntBackground) -> tuple[Tensor, Tensor]:
        """Picture (1, 3, H, W) of the learnt background alone, and its distances (N,)."""
        features, distance = self._stages.look_behind(shot, background)
        picture = self._picture(shot, shot.image(features))
        if background.exposure:
            picture = expose(picture.clamp(0, 1), background.exposure)
        return picture, distance

    def _picture(self, shot: Shot, features: Tensor) -> Tensor:
        """Feature image (1, F, n, n) in [0, 1] -> picture (1, 3, H, W) in [0, 1]."""
        if not shot.enlarge:
            return features[:, :3]
        quick, ws = shot.settings.sampler == "fast", self.ws()
        picture = self.within_memory(
            lambda: self.model.picture(features, ws, step=lambda: shot.report(1.0), quick=quick)
        )
        return (picture + 1) / 2

    # Stages, kept by value

    def within_memory(self, work: Callable[[], Value]) -> Value:
        """See `Stages.within_memory`."""
        return self._stages.within_memory(work)

    @property
    def pace(self) -> Pace:
        """How fast rays are."""
        return self._stages.pace

    @property
    def _subject(self) -> Subject:
        return Subject(self.latent, self.conditioning)

    def ws(self) -> Tensor:
        """Rows (1, num_ws, w_dim) of the foreground code (see `LatentSpace.ws`)."""
        return self._stages.ws(self._subject)

    def latent_space(self) -> LatentSpace:
        """W of the foreground, for the present conditioning camera."""
        return self._stages.latent_space(self.conditioning)

    def field_code(self, step: Step | None = None) -> Tensor:
        """The foreground, as `Generator.field_code` has it.

        `step` is called between layers, if it is not kept; it may raise to stop.
        """
        return self._stages.foreground(self._subject, "plain", step).field_code

    def planes(self) -> Tensor:
        """Feature planes (1, 3, C, H, W) of a foreground of tri-planes.

        Raises ValueError for a model whose field has no planes.
        """
        if self.model.backbone is None:
            raise ValueError("This model's field is an MLP, without planes; use field_code().")
        return self.field_code()

    def gather(self, shot: Shot) -> Composite:
        """The foreground along the shot's rays."""
        return self._stages.gather(self._subject, shot)

    def ws_background(self, background: LearntBackground) -> Tensor:
        """Mapped background code (1, rows, w_dim), or the raw code where that is concatenated."""
        return self._stages.ws_background(background)

    def background_latent_space(self) -> LatentSpace:
        """W of the background. Raises ValueError if the model has no background network."""
        return self._stages.background_latent_space()

    def sphere(self, background: LearntBackground, height: int, step: Step | None = None) -> Tensor:
        """Features (F, height, 2 height) of the whole background as learnt, equirectangular.

        `step` is called now and then, if they are not kept; it may raise to stop.
        """
        return self._stages.sphere(background, height, step)

    @torch.inference_mode()
    def light(self, background: Background) -> Light:
        """The light of a background on diffuse surfaces (see lighting.py)."""
        return self._stages.light(background)

    @torch.inference_mode()
    def shading(self, camera: AnyCamera) -> Shading | None:
        """How `match_light` shades the foreground seen by a camera; None if it changes nothing."""
        return find_shading(self, camera)

    # Measurements

    @torch.inference_mode()
    def separation(
        self,
        camera: AnyCamera,
        settings: RenderSettings | None = None,
        *,
        progress: Progress | None = None,
    ) -> Separation:
        """How clearly foreground and background are apart in a picture; see `Separation`."""
        self._check_values()
        shot = aim(self, camera, settings or RenderSettings(), progress=progress)
        return measure_separation(self.gather(shot).transmittance)

    @torch.inference_mode()
    def unroll(self, height: int = 1024, *, progress: Progress | None = None) -> np.ndarray:
        """The whole background as an equirectangular picture, (height, 2 height, 3) in [0, 1].

        Its middle is what the front camera looks at (see geometry.py). The learnt one shows its raw
        colours, before super-resolution. Written to a file it can be edited, and comes back as a
        `Panorama`. Raises ValueError if the background is None.
        """
        self._check_values()
        if self.background is None:
            raise ValueError("There is no background to unroll; scene.background is None.")
        network = self.model.background
        learnt = isinstance(self.background, LearntBackground)
        if learnt and network is not None and not network.surrounds:
            raise ValueError(
                "The model's background plane does not surround the scene, so it gives no panorama."
            )
        parts, done = math.ceil(2 * height**2 / RAYS_AT_ONCE), itertools.count()
        step = None if progress is None else lambda: progress(min(next(done) / parts, 1.0))
        image = self._stages.unroll(self.background, height, step)
        return image.permute(1, 2, 0).clamp(0, 1).float().cpu().numpy()

    # Meshes

    def shown_surface(
        self, level: float | None, *, painted: bool, progress: Progress | None = None
    ) -> "ShownSurface":
        """The mesh as the layer "surface" shows it (see mesh_picture.py), kept for the next time.

        level: raw density; None: chosen. Raises ValueError if there is no surface.
        """
        from .mesh_picture import RESOLUTION, build_surface, sample_grid

        self._check_values()
        report = progress or (lambda fraction: None)

        def make() -> "ShownSurface":
            grid = sample_grid(self, RESOLUTION, part_of(report, 0.0, 0.7))
            part = part_of(report, 0.7, 1.0)
            return build_surface(self, grid, level, painted=painted, progress=part)

        return self._stages.surface(self._subject, (level, painted), make)

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
        from .mesh import extract_mesh
        from .texture import TEXTURED_FACES, bake_texture, check_texture_size

        self._check_values()
        if texture is not None:
            check_texture_size(texture)
            simplify = TEXTURED_FACES if simplify is None else simplify
        report = progress or (lambda fraction: None)

        def make() -> "trimesh.Trimesh":
            field_code = self.field_code(None if progress is None else lambda: progress(0.0))
            fields = (
                self.find_density(sampler),
                lambda points: self.model.color(field_code, points),
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

        return self.within_memory(make)

    def find_density(self, sampler: str = "fast") -> Callable[[Tensor], Tensor]:
        """The field's raw density, as a function of points (N, 3); "plain": to rounding."""
        field_code = self.field_code()
        if sampler == "plain":
            return lambda points: self.model.density(field_code, points)
        field = prepare_field(self.model.field, field_code)
        return lambda points: look_up_density(field, points)

    @torch.inference_mode()
    def dome(self, height: int = 512, *, progress: Progress | None = None) -> "Dome":
        """The background as a picture (height, 2 height) on a sphere, for `write_mesh`.

        The learnt sphere shows its raw colours, before super-resolution, as the mesh does. A model
        without a sphere gets one of twice the front camera's distance. Raises ValueError if the
        background is None.
        """
        from .dome import Dome

        config = self.model.config
        image = self.unroll(height, progress=progress)
        pixels = np.rint(image * 255).astype(np.uint8)
        return Dome(pixels, config.surround_radius or 2 * config.camera.radius)
