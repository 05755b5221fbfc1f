"""Presets: how to render, by name. What is rendered is no part of them: codes, background, camera,
what it is compared with, and the level of the mesh, which is that of the export.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, get_type_hints

from ballgan.plain import from_plain, to_plain
from ballgan.session import require_choices
from ballgan.view import View

SETTINGS = ("layer", "neural_resolution", "depth", "mesh")  # fields of a View
BUILT_IN = {"Standard": None, "Draft": 0.5, "Fine": 2.0}  # rays across, times the model's own
FEWEST_RAYS, MOST_RAYS = 4, 1024  # across
_HINTS = get_type_hints(View)
MAX_PRESETS = 50
MAX_NAME = 40  # characters


@dataclass(frozen=True)
class Preset:
    """Values of a view's settings by field, as plain values; those it lacks stay as they are."""

    name: str
    settings: dict[str, Any]

    @cached_property
    def changes(self) -> dict[str, Any]:
        """See `changes_of`; kept, since each frame looks for the preset in use."""
        return changes_of(self)


def settings_of(view: View) -> dict[str, Any]:
    """How a view is rendered, as plain values."""
    return {name: to_plain(getattr(view, name)) for name in SETTINGS}


@cache
def built_in(rays: int | None) -> tuple[Preset, ...]:
    """The presets of every installation, for a model with so many rays across; None: no model."""

    def count(factor: float | None) -> int | None:
        if factor is None or rays is None:
            return None
        return min(max(round(factor * rays), FEWEST_RAYS), MOST_RAYS)

    return tuple(Preset(name, {"neural_resolution": count(BUILT_IN[name])}) for name in BUILT_IN)


def changes_of(preset: Preset) -> dict[str, Any]:
    """The fields of a view that a preset sets; what else there was once is passed over.

    Raises ValueError, naming the place, for values that cannot be read.
    """
    passed: list[str] = []
    changes = {
        name: from_plain(_HINTS[name], value, f"{preset.name}.{name}", lenient=True, unknown=passed)
        for name, value in preset.settings.items()
        if name in SETTINGS
    }
    require_choices(replace(View(), **changes), preset.name)
    return changes


def with_settings(view: View, preset: Preset) -> View:
    """The view, rendered as a preset says."""
    view, level = replace(view, **preset.changes), view.mesh.level
    return replace(view, mesh=replace(view.mesh, level=level))


def find_preset(presets: tuple[Preset, ...], view: View) -> Preset | None:
    """The last preset that the view is rendered with: a person's own say more than the first."""
    fits = (preset for preset in reversed(presets) if with_settings(view, preset) == view)
    return next(fits, None)


def with_preset(presets: tuple[Preset, ...], preset: Preset) -> tuple[Preset, ...]:
    """The presets with one more, in the place of one with the same name."""
    others = tuple(other for other in presets if other.name != preset.name)
    return (*others, preset)[-MAX_PRESETS:]
