import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

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


@dataclass(frozen=True)
class Point:
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Path:
    name: str
    points: tuple[Point, ...] = ()
    ends: tuple[Point, Point] | None = None
    marks: dict[str, Point] | None = None
    style: Literal["line", "dots"] = "line"
    closed: bool = False
    width: int | None = None


FULL = Path(
    "a", (Point(1.0), Point(2.5, -1e-7)), (Point(), Point(3.0)), {"x": Point(4.0)}, "dots", True, 3
)


@pytest.mark.parametrize("value", [Path("b"), FULL])
def test_lists_and_mappings_round_trip(value: Path) -> None:
    assert from_plain(Path, json.loads(json.dumps(to_plain(value))), "path") == value


def test_missing_keys_take_defaults_only_on_request() -> None:
    data = {"name": "a", "points": [{"x": 1}]}
    assert from_plain(Path, data, "path", lenient=True) == Path("a", (Point(1.0),))
    with pytest.raises(ValueError, match=r"path lacks the keys: closed, ends, marks"):
        from_plain(Path, data, "path")
    with pytest.raises(ValueError, match=r"path lacks the keys: name"):
        from_plain(Path, {}, "path", lenient=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pionts": []}, r"path has unknown keys: pionts \(points\?\)"),
        ({"points": [{"z": 1}]}, r"path\.points\[0\] has unknown keys: z\."),
        ({"points": [{"x": "1"}]}, r"path\.points\[0\]\.x should be of type float; got '1'"),
        ({"points": [{"x": True}]}, r"points\[0\]\.x should be of type float; got True"),
        ({"points": [{"x": float("inf")}]}, r"points\[0\]\.x should be a finite number"),
        ({"points": {}}, r"path\.points should be a list"),
        ({"ends": [{}]}, r"path\.ends has 1 items"),
        ({"marks": {"q": 3}}, r"path\.marks\.q should be a mapping"),
        ({"marks": []}, r"path\.marks should be a mapping"),
        ({"style": "wavy"}, r"path\.style should be one of line, dots; got 'wavy'"),
        ({"closed": None}, r"path\.closed should be of type bool"),
        ({"width": 1.0}, r"path\.width should be of type int"),
    ],
)
def test_wrong_values_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_plain(Path, {"name": "a"} | change, "path", lenient=True)
