"""What is seen: background, camera, layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action

if TYPE_CHECKING:
    from ballgan.view import Backdrop, Orbit


@dataclass(frozen=True)
class SetBackdrop(Action):
    """Another background."""

    backdrop: "Backdrop"


@dataclass(frozen=True)
class ToggleBackground(Action):
    """Background on or off."""


@dataclass(frozen=True)
class MoveCamera(Action):
    """Another camera; it is clamped to where the model can render."""

    camera: "Orbit"


@dataclass(frozen=True)
class ResetCamera(Action):
    """Back to the model's own camera."""


@dataclass(frozen=True)
class SetLayer(Action):
    """Show another layer: one of ballgan.view.LAYERS."""

    layer: str


@dataclass(frozen=True)
class TogglePreview(Action):
    """GL preview on or off."""


@dataclass(frozen=True)
class SetNeuralResolution(Action):
    """Side of the volume-rendered image in pixels; None: the model's own."""

    side: int | None
