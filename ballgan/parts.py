"""The parts of a generator that its config chooses."""

from .background_config import CubeConfig, InvertedSphereConfig, PlaneConfig, SphereConfig
from .background_network import BackgroundNetwork
from .config import FieldConfig, ModelConfig, SuperResolutionConfig
from .fields import TriplaneField
from .inverted_sphere import InvertedSphereBackground
from .style_field import StyleField
from .style_upsampling import StyleUpsampling
from .stylegan2 import Backbone
from .superres import SuperResolution
from .surfaces import CubeBackground, PlaneBackground, SphereBackground


def make_foreground(config: ModelConfig) -> tuple[Backbone | None, TriplaneField | StyleField]:
    """The network that makes planes, where the field has any, and the field."""
    w_dim = config.mapping.w_dim
    if not isinstance(config.field, FieldConfig):
        return None, StyleField(config.field, w_dim)
    assert config.backbone is not None
    channels = 3 * config.field.plane_channels
    backbone = Backbone(config.backbone, w_dim=w_dim, image_channels=channels)
    return backbone, TriplaneField(config.field)


def make_background(config: ModelConfig) -> BackgroundNetwork | None:
    """What is behind the volume; None: nothing."""
    background, features = config.background, config.field.feature_channels
    match background:
        case SphereConfig():
            return SphereBackground(background, features)
        case CubeConfig():
            return CubeBackground(background, features)
        case PlaneConfig():
            return PlaneBackground(background, features)
        case InvertedSphereConfig():
            return InvertedSphereBackground(background, features, config.mapping.w_dim)
        case None:
            return None


def make_super_resolution(config: ModelConfig) -> SuperResolution | StyleUpsampling | None:
    """The image head; None: the volume-rendered picture is the picture."""
    head = config.super_resolution
    options = {
        "feature_channels": config.field.feature_channels,
        "w_dim": config.mapping.w_dim,
    }
    if head is None:
        return None
    if isinstance(head, SuperResolutionConfig):
        return SuperResolution(head, **options)
    return StyleUpsampling(head, **options)
