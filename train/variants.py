"""The same model with another foreground or another background: `--foreground`, `--background`.

Sizes of networks and the space that the cameras have stay as they were, so that variants of one
preset can be compared.
"""

import dataclasses
from typing import Any

from ballgan.background_config import BackgroundConfig
from ballgan.config import (
    BackboneConfig,
    CubeConfig,
    FieldConfig,
    InvertedSphereConfig,
    ModelConfig,
    PlaneConfig,
    SphereConfig,
)
from ballgan.stylenerf_config import PointNetworkConfig, StyleFieldConfig

FOREGROUNDS = ("triplane", "stylenerf")
BACKGROUNDS = ("sphere", "cube", "plane", "inverted-sphere", "none")
SPHERE_PER_CAMERA = 10 / 9  # radius of a sphere over the cameras' distance, where none is given
PLANE_EXTENT_PER_CAMERA = 1.5  # side of the square: what faces are seen from has room in it


def choose_parts(
    model: ModelConfig, foreground: str | None = None, background: str | None = None
) -> ModelConfig:
    """The model with one of FOREGROUNDS and one of BACKGROUNDS; None: as it is."""
    if foreground is not None:
        model = _with_foreground(model, foreground)
    return model if background is None else _with_background(model, background)


def _with_foreground(model: ModelConfig, name: str) -> ModelConfig:
    field = model.field
    if field.KIND == name:
        return model
    if isinstance(field, FieldConfig):
        network = PointNetworkConfig(
            hidden_size=2 * field.hidden_size,
            num_layers=4 if field.hidden_size < 64 else 8,
            num_frequencies=6 if field.hidden_size < 64 else 10,
            position_divisor=field.box_warp / 2,
        )
        style = StyleFieldConfig(network, field.feature_channels, field.box_warp)
        return dataclasses.replace(model, backbone=None, field=style)
    triplane = FieldConfig(
        box_warp=field.box_warp,
        hidden_size=field.network.hidden_size // 2,
        feature_channels=field.feature_channels,
    )
    return dataclasses.replace(model, backbone=BackboneConfig(), field=triplane)


def _with_background(model: ModelConfig, name: str) -> ModelConfig:
    if name == "none":
        return dataclasses.replace(model, background=None)
    if model.background is not None and model.background.KIND == name:
        return model
    radius = SPHERE_PER_CAMERA * model.camera.radius
    sizes = _sizes(model.background)
    if model.background is not None and model.background.camera_limit is not None:
        radius = model.background.camera_limit
    chosen: BackgroundConfig
    if name == "sphere":
        chosen = SphereConfig(radius=radius, **sizes)
    elif name == "cube":
        chosen = CubeConfig(side=2 * radius, **sizes)
    elif name == "plane":
        extent = PLANE_EXTENT_PER_CAMERA * model.camera.radius
        chosen = PlaneConfig(distance=model.field.box_warp, extent=extent, **sizes)
    else:
        network = PointNetworkConfig(
            **{k: sizes.pop(k) for k in ("hidden_size", "num_layers", "num_frequencies")}
        )
        chosen = InvertedSphereConfig(start=1 / radius, network=network, **sizes)
    return dataclasses.replace(model, background=chosen)


def _sizes(background: BackgroundConfig | None) -> dict[str, Any]:
    """Sizes of a background's code and network."""
    if background is None:
        background = SphereConfig()
    network = background.network if isinstance(background, InvertedSphereConfig) else background
    return {
        "z_dim": background.z_dim,
        "w_dim": background.w_dim or 512,
        "mapping_layers": background.mapping_layers or 8,
        "hidden_size": network.hidden_size,
        "num_layers": network.num_layers,
        "num_frequencies": network.num_frequencies,
    }
