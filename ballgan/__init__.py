"""BallGAN: 3D-aware GANs whose background is an opaque sphere around a volumetric foreground.

Names are imported when they are first used: `import ballgan` alone does not load torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backgrounds import Background as Background
    from .backgrounds import Gradient as Gradient
    from .backgrounds import LearntBackground as LearntBackground
    from .backgrounds import Panorama as Panorama
    from .backgrounds import SolidColor as SolidColor
    from .camera import Camera as Camera
    from .camera import Orbit as Orbit
    from .checkpoint import load as load
    from .checkpoint import save as save
    from .config import ModelConfig as ModelConfig
    from .errors import Cancelled as Cancelled
    from .errors import CheckpointError as CheckpointError
    from .frame import Frame as Frame
    from .frame import RenderSettings as RenderSettings
    from .generator import Generator as Generator
    from .latent_space import LatentSpace as LatentSpace
    from .latents import Direction as Direction
    from .latents import Latent as Latent
    from .latents import StyleMix as StyleMix
    from .lighting import MatchLight as MatchLight
    from .panoramas import bundled_panoramas as bundled_panoramas
    from .scene import Scene as Scene

__version__ = "0.1.0"

_MODULES = {
    **dict.fromkeys(
        ("Background", "Gradient", "LearntBackground", "Panorama", "SolidColor"), "backgrounds"
    ),
    **dict.fromkeys(("Camera", "Orbit"), "camera"),
    **dict.fromkeys(("load", "save"), "checkpoint"),
    **dict.fromkeys(("Cancelled", "CheckpointError"), "errors"),
    **dict.fromkeys(("Frame", "RenderSettings"), "frame"),
    "Generator": "generator",
    "MatchLight": "lighting",
    "LatentSpace": "latent_space",
    **dict.fromkeys(("Direction", "Latent", "StyleMix"), "latents"),
    "ModelConfig": "config",
    "Scene": "scene",
    "bundled_panoramas": "panoramas",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
