"""Commands that come and go with what there is: a person's own presets, and the open models. Only
the palette has them: scripts run commands by names that always mean the same."""

from collections.abc import Iterator
from dataclasses import replace

from .. import actions as act
from ..state import ViewerState
from .command import Command, command
from .output import PRESET_TIP


def present_rows(state: ViewerState) -> Iterator[Command]:
    """Those of a state."""
    for index, preset in enumerate(state.preferences.presets):
        title, apply = f"Preset: {preset.name}", act.ApplyPreset(preset.name)
        row = command(f"preset.own.{index}", title, apply, tip=PRESET_TIP)
        yield replace(row, group="Output")
    for index, model in enumerate(state.models):
        if model != state.model:
            title, show = f"Show the model {model.name}", act.ShowModel(model.path)
            yield replace(command(f"model.show.{index}", title, show, tip=model.path), group="File")
