"""A scene: one pair of codes seen by any camera, with every stage kept as long as it is valid.

Stages are keyed by the values they were made from (DESIGN: a frame's way), so a moved camera runs
no mapping, backbone or background network, and a new background code touches no foreground stage.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .backgrounds import (
    Background,
    LearntBackground,
    Panorama,
    SolidColor,
    is_equirectangular,
    sample_panorama,
)
from .camera import AnyCamera, Camera, Orbit, Rays
from .fields import density_gradient
from .generator import Generator
from .geometry import intersect_sphere, sample_equirectangular
from .latents import Latent
from .matte import extend_colors
from .volume import Composite

if TYPE_CHECKING:
    import trimesh

Progress = Callable[[float], None]
Value = TypeVar("Value")

LAYERS = ("full", "foreground", "background", "raw", "normals")
SAMPLERS = ("fast", "plain")
STAGES = ("preview", "raw", "full")
MAX_SIZE = 8192
PREVIEW_RESOLUTION = 32
PREVIEW_SAMPLES = 24
RAYS_PER_TILE = 1024  # small tiles stay in the cache and can be cancelled soon
MAX_SPHERE_HEIGHT = 512  # pixels of the cached sphere from pole to pole
NORMAL_STEP = 1 / 128  # of the box, for the density's gradient


@dataclass(frozen=True)
class RenderSettings:
    """How to render.

    size: side of the picture in pixels; None: the model's own.
    neural_resolution: side of the volume-rendered image; None: the model's own, or `size` for a
        model without super-resolution.
    sampler: "plain" is the published scheme to rounding; "fast" looks the background up in a
        cached picture of the whole sphere, so that a moving camera does not run its network.
    layer: "full", "foreground" (straight colour and alpha), "background" (the whole sphere),
        "raw" (before super-resolution) or "normals".
    samples: coarse, and as many fine, samples a ray; None: the model's own numbers.
    """

    size: int | None = None
    neural_resolution: int | None = None
    sampler: str = "fast"
    layer: str = "full"
    samples: int | None = None

    def __post_init__(self) -> None:
        _require_choice("layer", self.layer, LAYERS)
        _require_choice("sampler", self.sampler, SAMPLERS)
        _require_whole("size", self.size, 1, MAX_SIZE)
        _require_whole("neural_resolution", self.neural_resolution, 4, 2048)
        _require_whole("samples", self.samples, 4, 1024)


@dataclass(frozen=True)
class Frame:
    """A rendered picture.

    rgb: (H, W, 3) float32, sRGB in [0, 1], not multiplied by alpha.
    alpha: (H, W) float32 in [0, 1], opacity of the foreground.
    depth: (H, W) float32, expected distance from the camera along each ray in world units: of
        what the layer shows; infinite where there is nothing.
    opaque: whether rgb already holds a background, so that alpha must not be used to blend.
    stage: "preview", "raw" (full neural resolution, no super-resolution) or "full".
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    layer: str = "full"
    neural_resolution: int = 0
    stage: str = "full"
    opaque: bool = True

    def rgba(self) -> np.ndarray:
        """(H, W, 4) float32, not premultiplied; alpha is 1 everywhere if the frame is opaque."""
        alpha = np.ones_like(self.alpha) if self.opaque else self.alpha
        return np.dstack([self.rgb, alpha])


class Memo:
    """The last few results of one stage, by the value they were made from."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The result for `key`; calls `make` only if it is not kept."""
        if key not in self._entries:
            value = make()
            while len(self._entries) >= self._size:
                self._entries.popitem(last=False)
            self._entries[key] = value
        self._entries.move_to_end(key)
        return self._entries[key]


class Scene:
    """Renders one model with one foreground code and one background.

    latent: the foreground code. background: LearntBackground, SolidColor, Panorama, or None for
    transparent. conditioning: the camera that conditions the mapping network; moving it changes
    the identity, moving the rendering camera does not. All can be set at any time.
    Not thread-safe: use it from one thread.
    """

    def __init__(self, model: Generator) -> None:
        self.model = model
        self.latent = Latent()
        self.background: Background = LearntBackground()
        self.conditioning: AnyCamera = Orbit()
        self._ws = Memo(8)
        self._planes = Memo(3)
        self._gathered = Memo(4)
        self._ws_background = Memo(8)
        self._sphere = Memo(3)
        self._pictures = Memo(2)

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

        `progress` gets a fraction in [0, 1] between tiles of rays and may raise
        `ballgan.Cancelled`. Raises ValueError for a camera outside the background sphere.
        """
        return self._render(camera, settings or RenderSettings(), "full", progress)

    def render_progressively(
        self,
        camera: AnyCamera,
        settings: RenderSettings | None = None,
        *,
        progress: Progress | None = None,
    ) -> Iterator[Frame]:
        """Frames of the same picture: a coarse preview, the raw image, then the finished one."""
        settings = settings or RenderSettings()
        full = self.neural_resolution(settings)
        coarse = min(PREVIEW_SAMPLES, settings.samples or PREVIEW_SAMPLES)
        stages = [("preview", min(PREVIEW_RESOLUTION, full), coarse)]
        if self.model.super_resolution is not None and settings.layer in ("full", "foreground"):
            stages.append(("raw", full, settings.samples))
        stages.append(("full", full, settings.samples))
        for stage, resolution, samples in stages:
            staged = replace(settings, neural_resolution=resolution, samples=samples)
            with torch.inference_mode():
                frame = self._render(camera, staged, stage, progress)
            yield frame

    def neural_resolution(self, settings: RenderSettings) -> int:
        """Side of the volume-rendered image for these settings."""
        if settings.neural_resolution is not None:
            return settings.neural_resolution
        if self.model.super_resolution is None and settings.size is not None:
            return settings.size
        return self.model.config.neural_resolution

    def _render(
        self,
        camera: AnyCamera,
        settings: RenderSettings,
        stage: str,
        progress: Progress | None,
    ) -> Frame:
        resolved = camera.resolve(self.model.config.camera)
        resolution = self.neural_resolution(settings)
        shot = _Shot(
            camera=resolved,
            rays=resolved.rays(resolution, resolution, self.model.device),
            resolution=resolution,
            size=settings.size or self.model.config.image_resolution,
            settings=settings,
            enlarge=stage == "full" and settings.layer != "raw",
        )
        if settings.layer == "background":
            rgb, alpha, depth, opaque = self._render_background(shot)
        elif settings.layer == "normals":
            rgb, alpha, depth, opaque = self._render_normals(shot, progress)
        else:
            rgb, alpha, depth, opaque = self._render_foreground(shot, progress)
        return Frame(
            rgb=_to_numpy(resize(rgb, shot.size).clamp(0, 1))[0].transpose(1, 2, 0).copy(),
            alpha=_to_numpy(resize(alpha, shot.size).clamp(0, 1))[0, 0],
            depth=_to_numpy(enlarge_depth(depth, shot.size))[0, 0],
            layer=settings.layer,
            neural_resolution=resolution,
            stage=stage,
            opaque=opaque,
        )

    def _render_foreground(
        self, shot: "_Shot", progress: Progress | None
    ) -> tuple[Tensor, Tensor, Tensor, bool]:
        """Layers "full", "raw" and "foreground": rgb, alpha, depth, opaque."""
        gathered = self._gather(shot, progress)
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
        rgb = rgb * opacity + self._given_background(shot, behind, rgb.shape[-1]) * (1 - opacity)
        return rgb, opacity, depth, True

    def _render_background(self, shot: "_Shot") -> tuple[Tensor, Tensor, Tensor, bool]:
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
            features = shot.image(self._sphere_features(shot, behind))
            depth = shot.image(self._sphere_distance(shot)[:, None])
            return self._picture(shot, features), nothing, depth, True
        return self._given_background(shot, behind, shot.size), nothing, far, True

    def _render_normals(
        self, shot: "_Shot", progress: Progress | None
    ) -> tuple[Tensor, Tensor, Tensor, bool]:
        """Layer "normals": camera-space normals as colours, n / 2 + 1 / 2 (x right, y up)."""
        gathered = self._gather(shot, progress)
        distance = gathered.mean_distance()
        reach = distance.nan_to_num(posinf=0.0)
        points = shot.rays.origins + reach[:, None] * shot.rays.directions
        gradient = density_gradient(
            self.model.field,
            self.planes(),
            points[None],
            NORMAL_STEP * self.model.config.field.box_warp,
        )[0]
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
        parts = [
            weight
            * model.map(
                model.z(seed),
                label,
                truncation_psi=latent.truncation_psi,
                truncation_cutoff=latent.truncation_cutoff,
            )
            for seed, weight in latent.seeds_and_weights
        ]
        return torch.stack(parts).sum(0)

    def planes(self) -> Tensor:
        """Feature planes (1, 3, C, H, W) of the foreground code."""
        key = (self.latent, self.conditioning)
        return self._planes.get(key, lambda: self.model.planes(self.ws()))

    def ws_background(self, background: LearntBackground) -> Tensor:
        """Mapped background code (1, rows, w_dim), or the raw code where that is concatenated."""
        return self._ws_background.get(background, lambda: self._map_background(background))

    def _map_background(self, background: LearntBackground) -> Tensor:
        parts = [
            weight
            * self.model.map_background(
                self.model.z_background(seed),
                truncation_psi=background.truncation_psi,
                truncation_cutoff=background.truncation_cutoff,
            )
            for seed, weight in background.seeds_and_weights
        ]
        return torch.stack(parts).sum(0)

    def _gather(self, shot: "_Shot", progress: Progress | None) -> Composite:
        """The foreground along the shot's rays."""
        key = (self.latent, self.conditioning, shot.camera, shot.resolution, shot.settings.samples)
        return self._gathered.get(key, lambda: self._march(shot, progress))

    def _march(self, shot: "_Shot", progress: Progress | None) -> Composite:
        planes = self.planes()
        origins, directions = shot.rays.origins[None], shot.rays.directions[None]
        near, far = self.model.ray_interval(origins, directions)
        tiles = []
        for start in range(0, origins.shape[1], RAYS_PER_TILE):
            if progress is not None:
                progress(start / origins.shape[1])
            tile = slice(start, start + RAYS_PER_TILE)
            tiles.append(
                self.model.march(
                    planes,
                    origins[:, tile],
                    directions[:, tile],
                    interval=(near[tile], far[tile]),
                    samples=shot.settings.samples,
                )
            )
        if progress is not None:
            progress(1.0)
        return Composite.concatenate(tiles)

    def _before_learnt_background(
        self, shot: "_Shot", gathered: Composite, background: LearntBackground
    ) -> tuple[Tensor, Tensor]:
        """Features (N, F) and expected distance (N,) with the model's own background."""
        if self.model.background is None:
            return self.model.without_background(gathered), gathered.mean_distance()
        behind = self._sphere_features(shot, background)
        return gathered.over(behind), gathered.mean_distance(self._sphere_distance(shot))

    def _sphere_distance(self, shot: "_Shot") -> Tensor:
        return self.model.background_distance(shot.rays.origins, shot.rays.directions)

    def _sphere_features(self, shot: "_Shot", background: LearntBackground) -> Tensor:
        """Features (N, F) of the learnt sphere: exact, or from the cached sphere if fast."""
        rays = shot.rays
        ws = self.ws_background(background)
        if shot.settings.sampler == "plain":
            return self.model.background_features(ws, rays.origins[None], rays.directions[None])[0]
        points = rays.origins + self._sphere_distance(shot)[:, None] * rays.directions
        height = min(8 * 2 ** (shot.resolution - 1).bit_length(), MAX_SPHERE_HEIGHT)
        assert self.model.background is not None
        network = self.model.background
        sphere = self._sphere.get((background, height), lambda: network.equirectangular(ws, height))
        return sample_equirectangular(sphere, points)

    def _given_background(
        self, shot: "_Shot", background: SolidColor | Panorama, size: int
    ) -> Tensor:
        """Picture (1, 3, size, size) of a background that gives colour."""
        device = self.model.device
        if isinstance(background, SolidColor):
            color = torch.tensor(background.color, device=device).view(1, 3, 1, 1)
            return color.expand(1, 3, size, size)
        visible = self._visible_span()
        image = self._load_panorama(background, size, visible)
        rays = shot.camera.rays(size, size, device)
        points = rays.directions
        if self.model.config.background is not None:
            radius = self.model.config.background.radius
            distance = intersect_sphere(rays.origins, rays.directions, radius)
            points = rays.origins + distance[:, None] * rays.directions
        colors = sample_panorama(background, image, points, visible)
        return colors.t().reshape(1, 3, size, size)

    def _load_panorama(self, panorama: Panorama, size: int, visible: float) -> Tensor:
        """The file's picture, shrunk to what a picture of `size` can show (no aliasing)."""
        file = replace(panorama, yaw=0.0, exposure=0.0)
        image = self._pictures.get(file, lambda: panorama.load().to(self.model.device))
        covered = math.pi if is_equirectangular(panorama, image) else panorama.span or visible
        height = max(16, round(1.5 * size * covered / visible))
        if height >= image.shape[1]:
            return image
        # Powers of two: few different sizes are kept.
        height = 2 ** math.ceil(math.log2(height))
        return self._pictures.get((file, height), lambda: shrink(image, height))

    def _visible_span(self) -> float:
        """Angle of the background sphere that the model's front camera sees, top to bottom."""
        camera = self.model.config.camera
        if self.model.config.background is None:
            return camera.fov
        radius = self.model.config.background.radius
        position = camera.pivot[2] + camera.radius
        # Law of sines in the triangle of sphere centre, camera and the point seen.
        half = camera.fov / 2
        ratio = min(max(position / radius * math.sin(half), -1.0), 1.0)
        return 2 * (half + math.asin(ratio))

    def _picture(self, shot: "_Shot", features: Tensor) -> Tensor:
        """Feature image (1, F, n, n) in [0, 1] -> picture (1, 3, H, W) in [0, 1]."""
        if not shot.enlarge or self.model.super_resolution is None:
            return features[:, :3]
        return (self.model.picture(features, self.ws()) + 1) / 2

    # Meshes

    @torch.inference_mode()
    def mesh(
        self,
        resolution: int = 256,
        *,
        level: float | str = "auto",
        simplify: int | None = None,
        largest_component: bool = True,
        progress: Progress | None = None,
    ) -> "trimesh.Trimesh":
        """The foreground's surface as a closed mesh with vertex colours (see mesh.extract_mesh).

        World units, y up, faces outward. `level` is a raw density, or "auto".
        """
        from .mesh import extract_mesh

        planes = self.planes()
        return extract_mesh(
            lambda points: self.model.density(planes, points),
            lambda points: self.model.color(planes, points),
            box=self.model.config.field.box_warp,
            resolution=resolution,
            level=level,
            device=self.model.device,
            simplify=simplify,
            largest_component=largest_component,
            progress=progress,
        )


@dataclass(frozen=True)
class _Shot:
    """What one frame is rendered with."""

    camera: Camera
    rays: Rays
    resolution: int  # of the rays
    size: int  # of the picture
    settings: RenderSettings
    enlarge: bool  # whether super-resolution runs

    def image(self, values: Tensor) -> Tensor:
        """Per-ray values (N, C) as an image (1, C, n, n)."""
        return values.t().reshape(1, -1, self.resolution, self.resolution)


def resize(image: Tensor, size: int) -> Tensor:
    """Image (1, C, H, W) at (1, C, size, size), bilinear, antialiased when shrinking."""
    if image.shape[-1] == size:
        return image
    return F.interpolate(
        image, size=(size, size), mode="bilinear", antialias=image.shape[-1] > size
    )


def enlarge_depth(depth: Tensor, size: int) -> Tensor:
    """Depth (1, 1, n, n) at `size`; infinite where it was: distances are not mixed with nothing."""
    if depth.shape[-1] == size:
        return depth
    return F.interpolate(depth, size=(size, size), mode="nearest")


def shrink(image: Tensor, height: int) -> Tensor:
    """Picture (3, H, W) at a smaller height with the same aspect."""
    width = max(1, round(image.shape[2] * height / image.shape[1]))
    return F.interpolate(image[None], size=(height, width), mode="bilinear", antialias=True)[0]


def _to_numpy(image: Tensor) -> np.ndarray:
    return image.float().cpu().numpy()


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}; got {value!r}.")


def _require_whole(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not (low <= value <= high and int(value) == value):
        raise ValueError(f"{name} should be a whole number in {low} ... {high}; got {value!r}.")
