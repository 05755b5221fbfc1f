"""What the options of the command show, as the plain values that sessions hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ballgan
from ballgan.staging import find_home
from ballgan.view import Backdrop, Code, Orbit


def describe_code(latent: ballgan.Latent) -> Code:
    """The code of a seed, with what is done to it."""
    code = Code(
        truncation_psi=latent.truncation_psi,
        truncation_cutoff=latent.truncation_cutoff,
        mix=latent.mix,
        moves=latent.moves,
    )
    return code.at_seed(latent.seed)


def describe_backdrop(
    background: Any, learnt: ballgan.Latent, light: ballgan.MatchLight | None
) -> Backdrop:
    """The backdrop of a background (backgrounds.Background).

    learnt: the code that the model's own one would have. light: the matched light, if any.
    """
    shown = Backdrop(code=describe_code(learnt))
    if light is not None:
        shown = replace(shown, match_light=True, light_strength=light.strength)
    if background is None:
        return replace(shown, visible=False)
    if isinstance(background, ballgan.SolidColor):
        return replace(shown, kind="colour", colour=background.color)
    if isinstance(background, ballgan.Gradient):
        shown = replace(shown, kind="gradient", roll=background.roll)
        return replace(shown, top=background.top, bottom=background.bottom)
    if isinstance(background, ballgan.Panorama):
        turned = replace(shown, yaw=background.yaw, exposure=background.exposure)
        return replace(turned, kind="photo", photo=background.path)
    shown = replace(shown, sphere_yaw=background.yaw, sphere_exposure=background.exposure)
    return replace(shown, code=describe_code(background))


def describe_camera(camera: ballgan.Orbit, config: ballgan.ModelConfig) -> Orbit:
    """A camera, with the model's own values where it is silent."""
    home = find_home(config)
    return Orbit(
        yaw=camera.yaw,
        pitch=camera.pitch,
        radius=home.radius if camera.radius is None else camera.radius,
        pivot=home.pivot if camera.pivot is None else camera.pivot,
        fov=home.fov if camera.fov is None else camera.fov,
        roll=camera.roll,
    )
