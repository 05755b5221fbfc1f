"""Codes: locks, animations, the two sides, favourites, the contact sheet."""

from collections.abc import Callable
from dataclasses import replace

from ballgan.latents import Direction
from ballgan.view import (
    CODES,
    Code,
    CodeControl,
    CodePair,
    LatentControls,
    View,
    advance,
    interpolate,
    slide,
)

from ..actions import latents as lat
from ..notes import (
    MAX_FAVOURITES,
    NamedDirection,
    add_favourite,
    name_favourite,
    remove_favourite,
)
from .reduce import forget, notify, reduce, with_notes
from .values import ViewerState

MAX_SHEET = 96  # pictures
SWEEP = (-3.0, -1.5, 1.5, 3.0)  # standard deviations, of pictures of a direction
MAX_DEPTH = 3  # of blends of blends


@reduce.register
def _(action: lat.SetCode, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: action.code)


@reduce.register
def _(action: lat.StepSeed, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: code.at_seed(code.seed + action.step))


@reduce.register
def _(action: lat.TakeSeeds, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: code.at_seed(getattr(action, which)))


@reduce.register
def _(action: lat.GoTo, state: ViewerState) -> ViewerState:
    return _change(state, action.which, lambda code, which: getattr(action.codes, which))


@reduce.register
def _(action: lat.BlendBetween, state: ViewerState) -> ViewerState:
    def between(code: Code, which: str) -> Code:
        start, end = getattr(action.start, which), getattr(action.end, which)
        return start if start == end else interpolate(_whole(start), _whole(end), 0.5)

    return _change(state, action.which, between)


@reduce.register
def _(action: lat.SlideBlends, state: ViewerState) -> ViewerState:
    return _change(
        state,
        "both",
        lambda code, which: slide(code, action.weight) if len(code.blend) == 2 else code,
    )


@reduce.register
def _(action: lat.Advance, state: ViewerState) -> ViewerState:
    view = state.view
    for which in CODES:
        if state.moves(which):
            distance = action.seconds * view.latents.of(which).speed
            view = with_code(view, which, advance(view.code(which), distance))
    return replace(state, view=view)


@reduce.register
def _(action: lat.SetControl, state: ViewerState) -> ViewerState:
    return _with_controls(state, **{action.which: action.control})


@reduce.register
def _(action: lat.ToggleLock, state: ViewerState) -> ViewerState:
    control = state.view.latents.of(action.which)
    control = replace(control, locked=not control.locked)
    return _with_controls(state, **{action.which: control})


@reduce.register
def _(action: lat.ToggleAnimation, state: ViewerState) -> ViewerState:
    control = state.view.latents.of(action.which)
    control = replace(control, animated=not control.animated)
    return _with_controls(state, **{action.which: control})


@reduce.register
def _(action: lat.StopAnimations, state: ViewerState) -> ViewerState:
    controls = {which: state.view.latents.of(which) for which in CODES}
    still = replace(state.navigation.released, turntable=False)
    state = replace(state, playhead=replace(state.playhead, playing=False), navigation=still)
    return _with_controls(
        state, **{which: replace(control, animated=False) for which, control in controls.items()}
    )


@reduce.register
def _(action: lat.ToggleSide, state: ViewerState) -> ViewerState:
    before = state.view
    other = before.latents.other or before.codes
    state = _change(state, "both", lambda code, which: getattr(other, which))
    # A locked code stays in sight; that of the other side waits until it is unlocked.
    waiting = {which: getattr(other, which) for which in CODES if before.latents.of(which).locked}
    side = "B" if before.latents.side == "A" else "A"
    return _with_controls(state, side=side, other=replace(before.codes, **waiting))


@reduce.register
def _(action: lat.CopySide, state: ViewerState) -> ViewerState:
    return _with_controls(state, other=state.view.codes)


@reduce.register
def _(action: lat.NameDirection, state: ViewerState) -> ViewerState:
    named = NamedDirection(action.which, action.direction, action.name)
    return with_notes(state, state.notes.with_name(named))


@reduce.register
def _(action: lat.AddFavourite, state: ViewerState) -> ViewerState:
    before = state.notes
    after = add_favourite(before, action.codes or state.view.codes)
    if set(before.favourites) - set(after.favourites):
        text = (
            f"Only {MAX_FAVOURITES} favourites are kept: the oldest is gone. Undo brings it back."
        )
        state = notify(forget(state, "favourite"), "advice", text, "favourite")
    return with_notes(state, after)


@reduce.register
def _(action: lat.RemoveFavourite, state: ViewerState) -> ViewerState:
    return with_notes(state, remove_favourite(state.notes, action.codes))


@reduce.register
def _(action: lat.NameFavourite, state: ViewerState) -> ViewerState:
    return with_notes(state, name_favourite(state.notes, action.codes, action.name))


@reduce.register
def _(action: lat.SetSheet, state: ViewerState) -> ViewerState:
    count = min(max(action.count, 1), MAX_SHEET)
    sheet = replace(state.sheet, which=action.which, first=action.first, count=count)
    return replace(state, sheet=sheet)


@reduce.register
def _(action: lat.MakeSheet, state: ViewerState) -> ViewerState:
    sheet = state.sheet
    code = state.view.code(sheet.which)
    codes = tuple(code.at_seed(sheet.first + i) for i in range(sheet.count))
    return _with_sheet(state, sheet.which, codes)


@reduce.register
def _(action: lat.ShowDirections, state: ViewerState) -> ViewerState:
    code = state.view.code(action.which)
    directions = action.directions[: MAX_SHEET // len(SWEEP)]
    codes = tuple(code.moved(direction, a) for direction in directions for a in SWEEP)
    return _with_sheet(state, action.which, codes, directions)


@reduce.register
def _(action: lat.StopSheet, state: ViewerState) -> ViewerState:
    return replace(state, sheet=replace(state.sheet, stopped=True))


def with_code(view: View, which: str, code: Code) -> View:
    """The view with another code, unless it is locked."""
    return view if view.latents.of(which).locked else view.with_code(which, code)


def _change(state: ViewerState, which: str, change: Callable[[Code, str], Code]) -> ViewerState:
    """The state after a change of one of the codes, or of both; locked ones stay."""
    view = state.view
    for each in CODES if which == "both" else (which,):
        view = with_code(view, each, change(view.code(each), each))
    return replace(state, view=view)


def _with_sheet(
    state: ViewerState,
    which: str,
    codes: tuple[Code, ...],
    directions: tuple[Direction, ...] = (),
) -> ViewerState:
    """The state with a new contact sheet, in the gallery, which is opened to show it."""
    sheet = replace(state.sheet, codes=codes, codes_of=which, directions=directions, stopped=False)
    folded = tuple(name for name in state.preferences.folded if name != "section.gallery")
    return replace(state, sheet=sheet, preferences=replace(state.preferences, folded=folded))


def _with_controls(state: ViewerState, **changes: str | CodePair | CodeControl) -> ViewerState:
    controls: LatentControls = replace(state.view.latents, **changes)  # type: ignore[arg-type]
    return replace(state, view=replace(state.view, latents=controls))


def _whole(code: Code) -> Code:
    """A code that another blend can have as its part: nests of blends shall not grow for ever."""
    return code if _depth(code) < MAX_DEPTH else code.at_seed(code.seed)


def _depth(code: Code) -> int:
    return 1 + max((_depth(part) for part, _ in code.blend), default=-1)
