"""A plain View -> the library's latents, backgrounds, cameras and settings, and a frame -> the
picture of the view's layer. The window and `ballgan render --session` both go this way, so that
they make the same pixels.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .backgrounds import Gradient, LearntBackground, Panorama, SolidColor
from .camera import AnyCamera, Camera
from .camera import Orbit as CameraOrbit
from .chunks import part_of
from .config import ModelConfig
from .depth import find_depth_range, shade_depth
from .frame import Frame, RenderSettings
from .latents import Latent
from .lighting import MatchLight
from .panoramas import locate_panorama
from .scene import Scene
from .shot import Progress, point_camera
from .view import Backdrop, Code, Identity, MeshStyle, Orbit, View

AnyLatent = TypeVar("AnyLatent", bound=Latent)
LEAST_MESH_SIDE = 1024  # pixels
SPHERE_MARGIN = 0.98  # of the distance from which the background can be seen


def set_scene(scene: Scene, view: View) -> None:
    """Give a scene the codes and the background of a view."""
    backdrop = view.backdrop
    set_identity(scene, view.identity)
    scene.background = to_background(backdrop)
    scene.backdrop_camera = None if backdrop.camera is None else to_camera(backdrop.camera)
    scene.match_light = to_match_light(backdrop)


def set_identity(scene: Scene, identity: Identity) -> None:
    """Give a scene the foreground of a view."""
    pose = identity.conditioning
    scene.latent = to_latent(identity.code)
    scene.conditioning = CameraOrbit() if pose is None else to_camera(pose)


def render_view(scene: Scene, view: View, *, progress: Progress | None = None) -> np.ndarray:
    """The finished picture of a view as the window shows it, straight float RGBA (H, W, 4): the
    end of the ladder. `progress` gets the fraction done.
    """
    set_scene(scene, view)
    if view.layer == "surface":
        bands = draw_mesh(scene, to_camera(view.camera), view.mesh, progress=progress)
        return np.concatenate(list(bands))
    done = 0.0  # each rung takes about as long as all before it

    def report(fraction: float) -> None:
        if progress is not None:
            progress(min(done + fraction * (done + 1 / 16), 1.0))

    frames = scene.render_progressively(
        to_camera(view.camera), to_settings(view), progress=report, preview=False
    )
    for frame in frames:
        done = frame.convergence
    return to_rgba(view, frame, scene.model.config)


def draw_mesh(
    scene: Scene,
    camera: AnyCamera,
    style: MeshStyle,
    size: int | None = None,
    *,
    samples: int = 3,
    progress: Progress | None,
) -> Iterator[np.ndarray]:
    """Bands of the picture of a scene's mesh, straight float RGBA (rows, W, 4).

    size: None: see `find_mesh_side`.
    """
    from .mesh_picture import draw_surface

    report = progress or (lambda fraction: None)
    config, painted = scene.model.config, style.paint == "colour"
    surface = scene.shown_surface(style.level, painted=painted, progress=part_of(report, 0.0, 0.5))
    side = size or find_mesh_side(config)
    pointed, part = point_camera(camera, config), part_of(report, 0.5, 1.0)
    yield from draw_surface(surface, pointed, style, side, samples=samples, progress=part)


def to_latent(code: Code, kind: type[AnyLatent] = Latent) -> AnyLatent:  # type: ignore[assignment]
    """The library's latent for a code."""
    if code.blend:
        latent = kind.mean(*((to_latent(part), weight) for part, weight in code.blend))
    else:
        latent = kind.at(code.x, code.y)
    return replace(
        latent,
        truncation_psi=code.truncation_psi,
        truncation_cutoff=code.truncation_cutoff,
        mix=code.mix,
        moves=code.moves,
    )


def to_background(backdrop: Backdrop) -> Any:
    """The library's background (backgrounds.Background); None: transparent."""
    if not backdrop.visible:
        return None
    if backdrop.kind == "colour":
        return SolidColor(backdrop.colour)
    if backdrop.kind == "gradient":
        return Gradient(backdrop.top, backdrop.bottom, roll=backdrop.roll)
    if backdrop.kind == "photo" and backdrop.photo is not None:
        path = locate_panorama(backdrop.photo)
        return Panorama(path, yaw=backdrop.yaw, exposure=backdrop.exposure)
    learnt = to_latent(backdrop.code, LearntBackground)
    return replace(learnt, yaw=backdrop.sphere_yaw, exposure=backdrop.sphere_exposure)


def to_match_light(backdrop: Backdrop) -> MatchLight | None:
    """How the foreground takes on the background's light, measured against the learnt one's."""
    if not (backdrop.visible and backdrop.match_light):
        return None
    return MatchLight(to_latent(backdrop.code, LearntBackground), backdrop.light_strength)


def to_camera(orbit: Orbit) -> CameraOrbit:
    """The library's camera."""
    return Camera.orbit(
        orbit.yaw,
        orbit.pitch,
        radius=orbit.radius,
        pivot=orbit.pivot,
        fov=orbit.fov,
        roll=orbit.roll,
    )


def to_settings(view: View) -> RenderSettings:
    """The library's render settings; depth and alpha are read from the foreground's frame, and the
    mesh is none of its layers."""
    layer = "foreground" if view.layer in ("alpha", "depth", "surface") else view.layer
    return RenderSettings(layer=layer, neural_resolution=view.neural_resolution)


def to_rgba(view: View, frame: Frame, config: ModelConfig) -> np.ndarray:
    """The view's layer of a frame of a model with this config: straight float RGBA (H, W, 4)."""
    if view.layer == "alpha":
        grey = np.repeat(frame.alpha[..., None], 3, axis=2)
        return np.concatenate([grey, np.ones_like(grey[..., :1])], axis=2)
    if view.layer == "depth":
        near, far = view.depth.resolve(find_depth_range(config))
        colors, alpha = shade_depth(frame.depth, near, far, view.depth.colormap), frame.alpha
        if view.backdrop.visible:  # where there is nothing it is infinitely far
            furthest = shade_depth(np.array(np.inf), near, far, view.depth.colormap)
            colors = alpha[..., None] * colors + (1 - alpha[..., None]) * furthest
            alpha = np.ones_like(alpha)
        return np.concatenate([colors, alpha[..., None]], axis=2)
    return frame.rgba()


def find_home(config: ModelConfig) -> Orbit:
    """The model's own camera."""
    camera = config.camera
    x, y, z = camera.pivot
    return Orbit(radius=camera.radius, pivot=(x, y, z), fov=camera.fov)


def find_mesh_side(config: ModelConfig) -> int:
    """Side in pixels of a mesh's picture whose size nobody chose: a mesh has none of its own."""
    return max(config.image_resolution, LEAST_MESH_SIDE)


def find_camera_limit(config: ModelConfig) -> float:
    """How far from the origin a camera may be, world units (see `view.clamp_camera`)."""
    limit = None if config.background is None else config.background.camera_limit
    if limit is None:
        return 4 * config.camera.radius
    return max(SPHERE_MARGIN * limit, config.camera.radius)
