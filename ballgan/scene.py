"""A scene: one pair of codes seen by any camera; what it computes is kept (see stages.py)."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .backdrop import Backdrop
from .background_network import RAYS_AT_ONCE
from .backgrounds import (
    Background,
    Gradient,
    LearntBackground,
    Panorama,
    SolidColor,
)
from .bands import WHOLE_SIZE, Layers, finish, join_bands, render_bands
from .camera import AnyCamera, Orbit
from .chunks import part_of
from .composition import Composition
from .frame import (
    MIN_NEURAL_RESOLUTION,
    Frame,
    RenderSettings,
)
from .generator import Generator
from .latent_space import LatentSpace
from .latents import Latent
from .lighting import Light, MatchLight, Shading, find_shading
from .memo import Value
from .progressive import Pace, climb_ladder
from .quick_field import look_up_density, prepare_field
from .separation import Separation, measure_separation
from .shot import Progress, Shot, aim
from .stages import Stages, Subject
from .stylegan2 import Step
from .volume import Composite

if TYPE_CHECKING:
    import trimesh

    from .dome import Dome
    from .mesh_picture import ShownSurface


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
        return Composition(self, self._stages, shot).layers(gathered)

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

    # Stages, kept by value

    def within_memory(self, work: Callable[[], Value]) -> Value:
        """See `Stages.within_memory`."""
        return self._stages.within_memory(work)

    @property
    def pace(self) -> Pace:
        """How fast rays are."""
        return self._stages.pace

    @property
    def subject(self) -> Subject:
        """What the stages of the foreground are kept by."""
        return Subject(self.latent, self.conditioning)

    def ws(self) -> Tensor:
        """Rows (1, num_ws, w_dim) of the foreground code (see `LatentSpace.ws`)."""
        return self._stages.ws(self.subject)

    def latent_space(self) -> LatentSpace:
        """W of the foreground, for the present conditioning camera."""
        return self._stages.latent_space(self.conditioning)

    def field_code(self, step: Step | None = None) -> Tensor:
        """The foreground, as `Generator.field_code` has it.

        `step` is called between layers, if it is not kept; it may raise to stop.
        """
        return self._stages.foreground(self.subject, "plain", step).field_code

    def planes(self) -> Tensor:
        """Feature planes (1, 3, C, H, W) of a foreground of tri-planes.

        Raises ValueError for a model whose field has no planes.
        """
        if self.model.backbone is None:
            raise ValueError("This model's field is an MLP, without planes; use field_code().")
        return self.field_code()

    def gather(self, shot: Shot) -> Composite:
        """The foreground along the shot's rays."""
        return self._stages.gather(self.subject, shot)

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

        return self._stages.surface(self.subject, (level, painted), make)

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
