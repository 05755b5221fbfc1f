from typing import Any

from ballgan_viewer.history import LIMIT, History, close, record, redo, undo


class Person:
    """Changes a document and can undo it."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"camera": 0, "seed": 0, "layer": "full"}
        self.history = History()

    def change(self, *, stroke: bool = False, **values: Any) -> None:
        after = self.document | values
        self.history = record(self.history, self.document, after)
        self.document = after
        if not stroke:
            self.history = close(self.history)

    def undo(self) -> dict[str, Any]:
        self.history, changes = undo(self.history, self.document)
        self.document |= changes
        return changes

    def redo(self) -> dict[str, Any]:
        self.history, changes = redo(self.history, self.document)
        self.document |= changes
        return changes


def test_every_change_can_be_undone_and_redone() -> None:
    person = Person()
    for seed in 1, 2, 3:
        person.change(seed=seed)
    person.change(layer="depth")
    assert person.history.undoes == ("layer",)
    assert [person.undo(), person.undo()] == [{"layer": "full"}, {"seed": 2}]
    assert person.history.redoes == ("seed",)
    assert [person.redo(), person.redo(), person.redo()] == [{"seed": 3}, {"layer": "depth"}, {}]
    for _ in range(4):
        person.undo()
    assert person.document == {"camera": 0, "seed": 0, "layer": "full"}
    assert person.undo() == {}


def test_a_drag_is_one_step() -> None:
    person = Person()
    for camera in range(1, 100):
        person.change(camera=camera, stroke=True)
    person.history = close(person.history)
    for camera in range(100, 200):
        person.change(camera=camera, stroke=True)
    assert person.undo() == {"camera": 99}
    assert person.undo() == {"camera": 0}
    assert person.redo() == {"camera": 99}


def test_another_value_in_the_same_stroke_is_another_step() -> None:
    person = Person()
    person.change(camera=1, stroke=True)
    person.change(seed=1, stroke=True)
    person.change(seed=2, stroke=True)
    assert person.undo() == {"seed": 0}
    assert person.undo() == {"camera": 0}


def test_a_new_change_forgets_what_was_undone() -> None:
    person = Person()
    person.change(seed=1)
    person.undo()
    person.change(seed=2)
    assert person.redo() == {}
    assert person.undo() == {"seed": 0}


def test_after_an_undo_a_new_stroke_begins() -> None:
    person = Person()
    person.change(camera=1, stroke=True)
    person.change(seed=1, stroke=True)
    person.undo()
    person.change(camera=2, stroke=True)
    assert person.undo() == {"camera": 1}


def test_what_changed_otherwise_is_left_alone() -> None:
    person = Person()
    person.change(seed=1)
    person.document["camera"] = 9  # not recorded, as when a model brings its own camera
    assert person.undo() == {"seed": 0}
    assert person.document["camera"] == 9


def test_a_drag_there_and_back_is_no_step() -> None:
    person = Person()
    person.change(seed=1)
    for camera in 1, 2, 0:
        person.change(camera=camera, stroke=True)
    assert person.undo() == {"seed": 0}


def test_the_oldest_steps_are_forgotten() -> None:
    person = Person()
    for seed in range(1, LIMIT + 11):
        person.change(seed=seed)
    while person.undo():
        pass
    assert person.document["seed"] == 10
