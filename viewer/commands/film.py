"""Commands of the timeline and of what is rendered into files."""

from dataclasses import replace
from functools import partial

from .. import actions as act
from ..state import ViewerState
from .command import Actions, Table, command, reveal, with_keys, with_model


def save_picture(state: ViewerState) -> Actions:
    """What saves a picture as the capture panel says."""
    return [act.StartCapture() if state.capture.size else act.SavePicture()]


def _can_save(state: ViewerState) -> bool:
    """Whether a picture can be saved so: one of a chosen size is a job, one at a time."""
    return with_model(state) and (not state.capture.size or state.job("capture") is None)


def _save_sides(state: ViewerState, sides: str) -> Actions:
    return [act.SetCapture(replace(state.capture, sides=sides)), *save_picture(state)]


def _has_selected(state: ViewerState) -> bool:
    """Whether one sees which key is selected."""
    return state.playhead.shown and 0 <= state.playhead.key < len(state.animation.keys)


TABLE: Table = {
    "Film": (
        command(
            "film.timeline",
            "Timeline on or off",
            lambda state: [act.ShowTimeline(not state.playhead.shown)],
            "Ctrl+T",
            tip="Keys of camera, codes and background.",
        ),
        command(
            "film.play",
            "Play or stop the film",
            lambda state: [act.PlayFilm(not state.playhead.playing)],
            "Space",
            enabled=with_keys,
        ),
        command("film.add", "Add a key of what is shown", act.AddKey(), "K", enabled=with_model),
        command(
            "film.remove",
            "Remove the selected key",
            lambda state: [act.RemoveKey(state.playhead.key)],
            "Delete",
            enabled=_has_selected,
        ),
        command(
            "film.previous",
            "To the key before",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, -1))],
            "PageUp",
            enabled=with_keys,
            repeats=True,
        ),
        command(
            "film.next",
            "To the next key",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, 1))],
            "PageDown",
            enabled=with_keys,
            repeats=True,
        ),
        command(
            "film.turntable",
            "Make a turntable",
            lambda state: [act.MakeTurntable(state.animation.duration)],
            tip="A film that goes once round what is shown.",
            enabled=with_model,
        ),
        command(
            "film.extend",
            "Make the film a second longer",
            lambda state: [act.SetAnimation(state.animation.extended(1.0))],
            tip="The keys stay where they are.",
        ),
        command(
            "film.slower",
            "Make the film a quarter longer",
            lambda state: [act.SetAnimation(state.animation.stretched(1.25))],
            enabled=with_keys,
        ),
        command(
            "film.faster",
            "Make the film a fifth shorter",
            lambda state: [act.SetAnimation(state.animation.stretched(0.8))],
            enabled=with_keys,
        ),
        command(
            "film.clear",
            "Remove all keys",
            lambda state: [act.SetAnimation(replace(state.animation, keys=()))],
            enabled=with_keys,
        ),
        command(
            "film.render",
            "Render the film",
            act.StartFilm(),
            enabled=lambda state: with_keys(state) and state.job("film") is None,
        ),
        *(
            command(
                f"capture.{sides}",
                title,
                partial(_save_sides, sides=sides),
                tip="As a picture, with the options for captures.",
                enabled=lambda state: _can_save(state) and state.view.compared() is not None,
            )
            for sides, title in (
                ("both", "Save both sides of the split"),
                ("left", "Save the left side of the split"),
                ("right", "Save the right side of the split"),
            )
        ),
        command(
            "capture.render",
            "Save a picture as Capture says",
            save_picture,
            "Shift+S",
            tip="With the size and the passes that are chosen there.",
            enabled=_can_save,
        ),
        reveal("film", "Show the film in its folder", lambda state: state.filmed),
        reveal("capture", "Show the saved picture in its folder", lambda state: state.captured),
    ),
}
