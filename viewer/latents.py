"""What actions do to the codes: locks, animations, the two sides, favourites, the contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import TYPE_CHECKING

from ballgan.view import (
    Code,
    CodeControl,
    CodePair,
    LatentControls,
    View,
    advance,
    interpolate,
)

from . import latent_actions as lat
from .notes import NamedDirection, add_favourite

if TYPE_CHECKING:
    from .state import ViewerState

CODES = ("foreground", "background")
MAX_SHEET = 96  # pictures
MAX_DEPTH = 3  # of blends of blends


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: neighbouring seeds of one of the codes.

    codes: what it shows, as of when it was made. stopped: no more of its pictures are made.
    """

    which: str = "foreground"
    first: int = 0
    count: int = 24
    codes: tuple[Code, ...] = ()
    codes_of: str = "foreground"
    stopped: bool = False


def apply(state: ViewerState, action: lat.LatentAction) -> ViewerState:
    """The state after an action."""
    return _reduce(action, state)


def code_of(view: View, which: str) -> Code:
    """One of the codes."""
    return view.foreground if which == "foreground" else view.backdrop.code


def control_of(view: View, which: str) -> CodeControl:
    """Lock and animation of one of the codes."""
    return view.latents.foreground if which == "foreground" else view.latents.background


def with_code(view: View, which: str, code: Code) -> View:
    """The view with another code, unless it is locked."""
    if control_of(view, which).locked:
        return view
    if which == "foreground":
        return replace(view, foreground=code)
    return replace(view, backdrop=replace(view.backdrop, code=code))


def is_animated(view: View, which: str) -> bool:
    """Whether a code moves by itself and shows."""
    control = control_of(view, which)
    return control.animated and not control.locked


@singledispatch
def _reduce(action: lat.LatentAction, state: ViewerState) -> ViewerState:
    raise TypeError(f"apply() got {action!r}, which is not an action of latent_actions.")


@_reduce.register(lat.SetCode)
def _(action: lat.SetCode, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: action.code)


@_reduce.register(lat.StepSeed)
def _(action: lat.StepSeed, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: code.at_seed(code.seed + action.step))


@_reduce.register(lat.TakeSeeds)
def _(action: lat.TakeSeeds, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: code.at_seed(getattr(action, which)))


@_reduce.register(lat.GoTo)
def _(action: lat.GoTo, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: getattr(action.codes, which))


@_reduce.register(lat.BlendBetween)
def _(action: lat.BlendBetween, state: ViewerState) -> ViewerState:
    def between(code: Code, which: str) -> Code:
        start, end = getattr(action.start, which), getattr(action.end, which)
        return start if start == end else interpolate(_whole(start), _whole(end), 0.5)

    return _change(state, action.which, between)


@_reduce.register(lat.Advance)
def _(action: lat.Advance, state: ViewerState) -> ViewerState:
    view = state.view
    for which in CODES:
        if is_animated(view, which):
            distance = action.seconds * control_of(view, which).speed
            view = with_code(view, which, advance(code_of(view, which), distance))
    return replace(state, view=view)


@_reduce.register(lat.SetControl)
def _(action: lat.SetControl, state: ViewerState) -> ViewerState:
    return _with_controls(state, **{action.which: action.control})


@_reduce.register(lat.ToggleLock)
def _(action: lat.ToggleLock, state: ViewerState) -> ViewerState:
    control = control_of(state.view, action.which)
    control = replace(control, locked=not control.locked)
    return apply(state, lat.SetControl(action.which, control))


@_reduce.register(lat.ToggleAnimation)
def _(action: lat.ToggleAnimation, state: ViewerState) -> ViewerState:
    control = control_of(state.view, action.which)
    control = replace(control, animated=not control.animated)
    return apply(state, lat.SetControl(action.which, control))


@_reduce.register(lat.ToggleSide)
def _(action: lat.ToggleSide, state: ViewerState) -> ViewerState:
    before = state.view
    other = before.latents.other or before.codes
    state = _change(state, "both", lambda code, which: getattr(other, which))
    side = "B" if before.latents.side == "A" else "A"
    return _with_controls(state, side=side, other=before.codes)


@_reduce.register(lat.CopySide)
def _(action: lat.CopySide, state: ViewerState) -> ViewerState:
    return _with_controls(state, other=state.view.codes)


@_reduce.register(lat.NameDirection)
def _(action: lat.NameDirection, state: ViewerState) -> ViewerState:
    named = NamedDirection(action.which, action.direction, action.name)
    return replace(state, notes=state.notes.with_name(named))


@_reduce.register(lat.AddFavourite)
def _(action: lat.AddFavourite, state: ViewerState) -> ViewerState:
    return replace(state, notes=add_favourite(state.notes, state.view.codes))


@_reduce.register(lat.RemoveFavourite)
def _(action: lat.RemoveFavourite, state: ViewerState) -> ViewerState:
    kept = tuple(codes for codes in state.notes.favourites if codes != action.codes)
    return replace(state, notes=replace(state.notes, favourites=kept))


@_reduce.register(lat.SetSheet)
def _(action: lat.SetSheet, state: ViewerState) -> ViewerState:
    count = min(max(action.count, 1), MAX_SHEET)
    sheet = replace(state.sheet, which=action.which, first=action.first, count=count)
    return replace(state, sheet=sheet)


@_reduce.register(lat.MakeSheet)
def _(action: lat.MakeSheet, state: ViewerState) -> ViewerState:
    sheet = state.sheet
    code = code_of(state.view, sheet.which)
    codes = tuple(code.at_seed(sheet.first + i) for i in range(sheet.count))
    sheet = replace(sheet, codes=codes, codes_of=sheet.which, stopped=False)
    return replace(state, sheet=sheet)


@_reduce.register(lat.StopSheet)
def _(action: lat.StopSheet, state: ViewerState) -> ViewerState:
    return replace(state, sheet=replace(state.sheet, stopped=True))


def _change(state: ViewerState, which: str, change: Callable[[Code, str], Code]) -> ViewerState:
    """The state after a change of one of the codes, or of both; locked ones stay."""
    view = state.view
    for each in CODES if which == "both" else (which,):
        view = with_code(view, each, change(code_of(view, each), each))
    return replace(state, view=view)


def _with_controls(state: ViewerState, **changes: str | CodePair | CodeControl) -> ViewerState:
    controls: LatentControls = replace(state.view.latents, **changes)  # type: ignore[arg-type]
    return replace(state, view=replace(state.view, latents=controls))


def _whole(code: Code) -> Code:
    """A code that another blend can have as its part: nests of blends shall not grow for ever."""
    return code if _depth(code) < MAX_DEPTH else code.at_seed(code.seed)


def _depth(code: Code) -> int:
    return 1 + max((_depth(part) for part, _ in code.blend), default=-1)
