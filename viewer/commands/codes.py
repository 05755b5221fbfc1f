"""Commands of codes and backgrounds."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from ballgan.view import CODES

from .. import actions as act
from ..actions import latents as lat
from ..state import ViewerState
from .command import Actions, Command, Table, command, with_model


def _shows(which: str) -> Callable[[ViewerState], bool]:
    """Enabled where one sees what it does to a code."""
    return lambda state: state.shows(which)


def _steps(which: str, mods: str = "") -> Iterator[Command]:
    """To the seeds beside that of a code."""
    for name, step, key in ("next", 1, "Right"), ("previous", -1, "Left"):
        yield command(
            f"{which}.{name}",
            f"{name.capitalize()} {which}",
            lat.StepSeed(which, step),
            mods + key,
            enabled=_shows(which),
            repeats=True,
        )


def _changes(which: str) -> Iterator[Command]:
    """What else can be done to one of the codes."""
    yield command(
        f"{which}.random",
        f"Random {which}",
        lambda state: [lat.take_random(which)],
        enabled=_shows(which),
    )
    yield command(
        f"{which}.animate",
        f"Animate or stop the {which}",
        lat.ToggleAnimation(which),
        tip="It glides from seed to seed.",
        enabled=_shows(which),
    )
    yield command(
        f"{which}.lock",
        f"Lock or unlock the {which}",
        lat.ToggleLock(which),
        tip="Nothing changes a locked code.",
    )


def _name_favourite(state: ViewerState) -> Actions:
    kept = state.view.codes in (favourite.codes for favourite in state.notes.favourites)
    keep: Actions = [] if kept else [lat.AddFavourite()]
    return [*keep, act.Focus("gallery.name", "section.gallery")]


def _toggle_still(state: ViewerState) -> Actions:
    backdrop = state.view.backdrop
    camera = state.view.camera if backdrop.camera is None else None
    return [act.SetBackdrop(replace(backdrop, camera=camera))]


def _toggle_light(state: ViewerState) -> Actions:
    backdrop = state.view.backdrop
    return [act.SetBackdrop(replace(backdrop, match_light=not backdrop.match_light))]


def _turn(degrees: float) -> Callable[[ViewerState], Actions]:
    """Turn the background further."""

    def actions(state: ViewerState) -> Actions:
        backdrop = state.view.backdrop
        return [act.SetBackdrop(backdrop.turned((backdrop.turn or 0.0) + math.radians(degrees)))]

    return actions


def _expose(stops: float) -> Callable[[ViewerState], Actions]:
    """Make the background brighter."""

    def actions(state: ViewerState) -> Actions:
        backdrop = state.view.backdrop
        return [act.SetBackdrop(backdrop.exposed((backdrop.stops or 0.0) + stops))]

    return actions


def _has_background(state: ViewerState) -> bool:
    """Whether there is a background besides the foreground's own."""
    return state.view.backdrop.visible and not state.without_network


def _can_turn(state: ViewerState) -> bool:
    turns = state.view.backdrop.turn is not None and not state.on_plane
    return turns and _has_background(state)


def _can_expose(state: ViewerState) -> bool:
    return state.view.backdrop.stops is not None and _has_background(state)


def _can_stand(state: ViewerState) -> bool:
    return state.view.backdrop.kind != "colour" and _has_background(state)


def _has_sphere(state: ViewerState) -> bool:
    return state.can_unroll and state.job("sphere") is None


TABLE: Table = {
    "Codes": (
        *_steps("foreground"),
        command(
            "codes.random",
            "Random codes",
            lambda state: [lat.take_random("both")],
            "N",
            hint="random",
        ),
        *(row for which in CODES for row in _changes(which)),
        command(
            "codes.stop",
            "Stop all that moves",
            lat.StopAnimations(),
            tip="Animated codes, the turntable and the film.",
            enabled=lambda state: state.plays,
        ),
        command(
            "codes.side",
            "Side A or B",
            lat.ToggleSide(),
            "X",
            hint="A/B",
            tip="Two states of both codes to compare.",
        ),
        command("codes.copy_side", "Make the other side the same", lat.CopySide()),
        command(
            "codes.keep",
            "Keep the codes as a favourite",
            lat.AddFavourite(),
            "Ctrl+D",
            tip="In the gallery, for this model.",
            enabled=with_model,
        ),
        command(
            "codes.name",
            "Name the codes as a favourite",
            _name_favourite,
            "F2",
            tip="The name stands under its picture, and is kept for this model.",
            enabled=with_model,
        ),
        command(
            "gallery.sheet",
            "Make a contact sheet",
            lat.MakeSheet(),
            tip="Pictures of neighbouring seeds, in the gallery.",
            enabled=with_model,
        ),
    ),
    "Background": (
        command(
            "background.toggle",
            "Background on or off",
            act.ToggleBackground(),
            "B",
            hint="background on/off",
        ),
        command(
            "background.still",
            "Background still or turning",
            _toggle_still,
            "H",
            tip="Still: the object turns before a background that stays as it is seen now.",
            enabled=_can_stand,
        ),
        command(
            "background.light",
            "Match the background's light (approximate)",
            _toggle_light,
            tip="Shades the foreground with the light of the background.",
            enabled=_has_background,
        ),
        *(
            command(name, title, _turn(angle), enabled=_can_turn)
            for name, title, angle in (
                ("background.turn_left", "Turn the background to the left", -15.0),
                ("background.turn_right", "Turn the background to the right", 15.0),
            )
        ),
        *(
            command(name, title, _expose(stops), enabled=_can_expose)
            for name, title, stops in (
                ("background.brighter", "Brighter background", 1 / 3),
                ("background.darker", "Darker background", -1 / 3),
            )
        ),
        command(
            "background.save",
            "Save the whole background as a PNG",
            act.WriteSphere(),
            enabled=_has_sphere,
        ),
        command(
            "background.edit",
            "Edit a copy of the background in another program",
            act.WriteSphere(edit=True),
            enabled=_has_sphere,
        ),
        *_steps("background", "Shift+"),
    ),
}
