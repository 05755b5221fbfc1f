"""Presets: how to render, by name. What is rendered, the scene, is no part of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from ballgan.plain import from_plain, to_plain
from ballgan.view import View

SCENE = ("foreground", "backdrop", "camera", "conditioning", "latents")  # fields of a View
MAX_PRESETS = 50
MAX_NAME = 40  # characters


@dataclass(frozen=True)
class Preset:
    """Values of a view's settings by field, as plain values; those it lacks stay as they are."""

    name: str
    settings: dict[str, Any]


def settings_of(view: View) -> dict[str, Any]:
    """How a view is rendered, as plain values."""
    names = [field.name for field in fields(view) if field.name not in SCENE]
    return {name: to_plain(getattr(view, name)) for name in names}


BUILT_IN = (
    Preset("Standard", settings_of(View())),
    Preset("Draft", settings_of(View(neural_resolution=64))),
    Preset("Fine", settings_of(View(neural_resolution=256))),
)


def changes_of(preset: Preset) -> dict[str, Any]:
    """The fields of a view that a preset sets; those that no longer exist are passed over.

    Raises ValueError, naming the place, for values that cannot be read.
    """
    hints = get_type_hints(View)
    known = {f.name for f in fields(View) if f.name not in SCENE}
    return {
        name: from_plain(hints[name], value, f"{preset.name}.{name}", lenient=True)
        for name, value in preset.settings.items()
        if name in known
    }


def find_preset(presets: tuple[Preset, ...], view: View) -> Preset | None:
    """The first preset that the view is rendered with."""
    for preset in (*BUILT_IN, *presets):
        if all(getattr(view, name) == value for name, value in changes_of(preset).items()):
            return preset
    return None


def with_preset(presets: tuple[Preset, ...], preset: Preset) -> tuple[Preset, ...]:
    """The presets with one more, in the place of one with the same name."""
    others = tuple(other for other in presets if other.name != preset.name)
    return (*others, preset)[-MAX_PRESETS:]
