import json
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from ballgan.plain import from_plain, later, to_plain


@dataclass(frozen=True)
class Circle:
    KIND: ClassVar[str] = "circle"
    radius: float = 1.0
    colour: str = later("black")  # files of the first version lack it


@dataclass(frozen=True)
class Box:
    KIND: ClassVar[str] = "box"
    sides: tuple[float, float] = (1.0, 2.0)


@dataclass(frozen=True)
class Drawing:
    shape: Circle | Box | None = field(default_factory=Circle)
    others: tuple[Circle, ...] = ()


def read(data: object) -> Drawing:
    return from_plain(Drawing, data, "drawing")


@pytest.mark.parametrize(
    "drawing",
    [
        Drawing(),
        Drawing(Box((3.0, 4.0)), (Circle(2.0), Circle(3.0, "red"))),
        Drawing(None),
    ],
)
def test_round_trip_through_json(drawing: Drawing) -> None:
    assert read(json.loads(json.dumps(to_plain(drawing)))) == drawing


def test_only_fields_that_came_later_may_be_missing() -> None:
    assert read({"shape": {"radius": 2.0}, "others": []}) == Drawing(Circle(2.0, "black"))
    with pytest.raises(ValueError, match=r"drawing\.shape lacks the keys: radius"):
        read({"shape": {"colour": "red"}, "others": []})


def test_without_a_kind_it_is_the_first_one() -> None:
    assert isinstance(read({"shape": {"radius": 2.0}, "others": []}).shape, Circle)
    boxed = {"shape": {"kind": "box", "sides": [1, 2]}, "others": []}
    assert read(boxed) == Drawing(Box())
    with pytest.raises(ValueError, match=r"drawing\.shape has unknown keys: sides"):
        read({"shape": {"radius": 1.0, "sides": [1, 2]}, "others": []})


@pytest.mark.parametrize("kind", ["star", 3, None, ["box"]])
def test_unknown_kinds_are_named(kind: object) -> None:
    with pytest.raises(ValueError, match=r"shape\.kind should be one of 'circle', 'box'"):
        read({"shape": {"kind": kind, "radius": 1.0}, "others": []})
    with pytest.raises(ValueError, match=r"others\[0\]\.kind is 'circle'"):
        read({"shape": None, "others": [{"kind": kind, "radius": 1.0}]})
