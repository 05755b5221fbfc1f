"""BallGAN: 3D-aware GANs whose background is an opaque sphere around a volumetric foreground."""

from .backgrounds import Background as Background
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
from .latents import Latent as Latent
from .scene import Scene as Scene

__version__ = "0.1.0"
