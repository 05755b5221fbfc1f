"""What can be done to how things are shown, as frozen values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Action

if TYPE_CHECKING:
    from ballgan.view import Comparison, DepthStyle, MeshStyle


@dataclass(frozen=True)
class SetDepth(Action):
    """Other colours for distances."""

    style: "DepthStyle"


@dataclass(frozen=True)
class SetMesh(Action):
    """Another look of the mesh."""

    style: "MeshStyle"


@dataclass(frozen=True)
class SetComparison(Action):
    """Another picture beside the picture."""

    comparison: "Comparison"


@dataclass(frozen=True)
class PinView(Action):
    """Keep the present view, and compare what comes with it."""


@dataclass(frozen=True)
class ToggleInspector(Action):
    """Whether the pixel under the pointer is described."""
