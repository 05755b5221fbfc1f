"""What every action is."""

from typing import ClassVar


class Action:
    """What `state.apply` takes.

    undoable: whether what it changes of the document (see document.py) becomes a step that can be
    undone. Not for what nobody did, such as the steps of an animation. joins: as part of the step
    before it, if that is still open.
    """

    undoable: ClassVar[bool] = True
    joins: ClassVar[bool] = False


class Effect(Action):
    """An action that changes nothing in the state: the app does something outside."""
