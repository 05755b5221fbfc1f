import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from ballgan.plain import from_plain, to_plain


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
def test_round_trip_through_json(value: Path) -> None:
    assert from_plain(Path, json.loads(json.dumps(to_plain(value))), "path") == value


def test_missing_keys_take_defaults_only_on_request() -> None:
    data = {"name": "a", "points": [{"x": 1}]}
    assert from_plain(Path, data, "path", defaults=True) == Path("a", (Point(1.0),))
    with pytest.raises(ValueError, match=r"path lacks the keys: closed, ends, marks"):
        from_plain(Path, data, "path")
    with pytest.raises(ValueError, match=r"path lacks the keys: name"):
        from_plain(Path, {}, "path", defaults=True)


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
        from_plain(Path, {"name": "a"} | change, "path", defaults=True)
