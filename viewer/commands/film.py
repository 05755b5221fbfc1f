"""Commands of the timeline and of what is rendered into files."""

from dataclasses import replace

from .. import actions as act
from .command import Table, command, with_keys, with_model

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
            enabled=lambda state: 0 <= state.playhead.key < len(state.animation.keys),
        ),
        command(
            "film.previous",
            "To the key before",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, -1))],
            "PageUp",
            enabled=with_keys,
        ),
        command(
            "film.next",
            "To the next key",
            lambda state: [act.SelectKey(state.animation.key_beside(state.playhead.time, 1))],
            "PageDown",
            enabled=with_keys,
        ),
        command(
            "film.turntable",
            "Make a turntable",
            lambda state: [act.MakeTurntable(state.animation.duration)],
            tip="A film that goes once round what is shown.",
            enabled=with_model,
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
        command(
            "capture.render",
            "Render a capture",
            act.StartCapture(),
            "Shift+S",
            tip="A picture with the size and the passes of the capture panel.",
            enabled=lambda state: with_model(state) and state.job("capture") is None,
        ),
    ),
}
