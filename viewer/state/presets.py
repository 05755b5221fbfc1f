"""Presets of how to render."""

from dataclasses import replace

from .. import actions as act
from ..presets import (
    BUILT_IN,
    MAX_NAME,
    MAX_PRESETS,
    Preset,
    settings_of,
    with_preset,
    with_settings,
)
from .reduce import forget, notify, reduce
from .values import ViewerState


@reduce.register
def _(action: act.ApplyPreset, state: ViewerState) -> ViewerState:
    for preset in state.presets:
        if preset.name == action.name:
            return replace(state, view=with_settings(state.view, preset))
    return state


@reduce.register
def _(action: act.NamePreset, state: ViewerState) -> ViewerState:
    return replace(state, preset_name=action.name[:MAX_NAME])


@reduce.register
def _(action: act.SavePreset, state: ViewerState) -> ViewerState:
    name = state.preset_name.strip()
    if not name:
        return state
    if name in BUILT_IN:
        return notify(state, "error", f"There is a preset {name} already: choose another name.")
    before = state.preferences.presets
    after = with_preset(before, Preset(name, settings_of(state.view)))
    lost = {preset.name for preset in before} - {preset.name for preset in after}
    if lost:
        text = f"Only {MAX_PRESETS} presets are kept: {lost.pop()} is gone. Undo brings it back."
        state = notify(forget(state, "preset"), "advice", text, "preset")
    return _with_presets(replace(state, preset_name=""), after)


@reduce.register
def _(action: act.DeletePreset, state: ViewerState) -> ViewerState:
    kept = tuple(p for p in state.preferences.presets if p.name != action.name)
    return _with_presets(state, kept)


def _with_presets(state: ViewerState, presets: tuple[Preset, ...]) -> ViewerState:
    return replace(state, preferences=replace(state.preferences, presets=presets))
