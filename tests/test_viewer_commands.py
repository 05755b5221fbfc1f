"""The table of commands: names, keys, and what they do."""

import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import commands
from ballgan_viewer.commands import COMMANDS, Chord, chord
from ballgan_viewer.state import ViewerState, apply
from test_viewer_state import with_model


def test_names_are_unique_and_belong_to_groups() -> None:
    names = [row.name for row in COMMANDS]
    assert len(names) == len(set(names))
    assert all(row.group and row.title for row in COMMANDS)


def test_chords_read_as_they_are_written() -> None:
    assert chord("Ctrl+Shift+Z") == Chord("Z", frozenset({"control", "shift"}))
    assert str(chord("Shift+Ctrl+Z")) == "Ctrl+Shift+Z"
    assert str(chord("B")) == "B"


def test_a_command_is_run_by_its_name() -> None:
    assert commands.run("background.toggle", ViewerState()) == [act.ToggleBackground()]
    with pytest.raises(ValueError, match="no command is called 'x'; there are "):
        commands.run("x", ViewerState())
    with pytest.raises(ValueError, match="cannot be used now"):
        commands.run("mesh.export", ViewerState())


def test_a_key_does_what_its_command_does_where_that_is_possible() -> None:
    assert commands.press("S", frozenset(), ViewerState()) == []
    assert commands.press("S", frozenset(), with_model()) == [act.SaveScreenshot()]
    assert commands.press("O", frozenset({"super"}), ViewerState()) == [act.Browse("model")]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_answers_with_actions_that_apply(row: commands.Command) -> None:
    state = with_model()
    if row.enabled(state):
        for action in row.actions(state):
            state = apply(state, action)
