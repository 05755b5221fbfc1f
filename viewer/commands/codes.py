"""Commands of codes and backgrounds."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

from ballgan.view import CODES

from .. import actions as act
from .. import latent_actions as lat
from ..state import ViewerState
from .command import Actions, Table, command, with_model

RANDOM_SEEDS = 100_000


def _step(which: str, step: int) -> act.Action:
    return lat.StepSeed(which, step)


def _draw(which: str) -> Callable[[ViewerState], Actions]:
    """Random seeds, drawn when the command is used."""
    return lambda state: [lat.TakeSeeds(which, *(random.randrange(RANDOM_SEEDS) for _ in "fb"))]


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


def _can_turn(state: ViewerState) -> bool:
    backdrop = state.view.backdrop
    plane = backdrop.kind == "learnt" and state.model is not None and not state.model.unrolls
    return backdrop.visible and backdrop.turn is not None and not plane


def _can_expose(state: ViewerState) -> bool:
    return state.view.backdrop.visible and state.view.backdrop.stops is not None


def _can_stand(state: ViewerState) -> bool:
    backdrop = state.view.backdrop
    return backdrop.kind != "colour" and _has_light(state)


def _has_light(state: ViewerState) -> bool:
    """Whether there is a background besides the foreground's own: one that can light it."""
    backdrop, model = state.view.backdrop, state.model
    own = backdrop.kind == "learnt" and model is not None and not model.has_background
    return backdrop.visible and not own


def _has_sphere(state: ViewerState) -> bool:
    return state.can_unroll and state.job("sphere") is None


TABLE: Table = {
    "Codes": (
        command("foreground.next", "Next foreground", _step("foreground", 1), "Right"),
        command("foreground.previous", "Previous foreground", _step("foreground", -1), "Left"),
        command("codes.random", "Random codes", _draw("both"), "N", hint="random"),
        command("foreground.random", "Random foreground", _draw("foreground")),
        command("background.random", "Random background", _draw("background")),
        *(
            command(f"{which}.{name}", f"{title} the {which}", action(which), tip=tip)
            for which in CODES
            for name, title, action, tip in (
                ("animate", "Animate or stop", lat.ToggleAnimation, "It glides from seed to seed."),
                ("lock", "Lock or unlock", lat.ToggleLock, "Nothing changes a locked code."),
            )
        ),
        command(
            "codes.stop",
            "Stop all that moves",
            lat.StopAnimations(),
            tip="Animated codes, the turntable and the film.",
            enabled=lambda state: (
                state.playhead.playing
                or state.navigation.moves
                or any(state.view.latents.of(which).moves for which in CODES)
            ),
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
            enabled=_has_light,
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
        command("background.next", "Next background", _step("background", 1), "Shift+Right"),
        command(
            "background.previous", "Previous background", _step("background", -1), "Shift+Left"
        ),
    ),
}
