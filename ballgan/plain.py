"""Frozen dataclasses to and from plain JSON-able containers, with every value checked.

Two rules keep old files readable and new ones unambiguous:

- A field that came after the format's first version is declared by `later(default)`: a file may
  lack it, and then it has the default. Every other field has to be there.
- Where a field may be one of several dataclasses, each has a class attribute `KIND`, written as
  the entry "kind". A file without that entry means the first of them.

Annotations may be bool, int, float, str, dataclasses, tuples, `dict[str, ...]`, `Literal[...]`, Any
(for plain values), and each of these `| None`.
"""

import dataclasses
import difflib
import functools
import math
import types
import typing
from typing import Any

# Bounds that no sensible model exceeds; a damaged or hostile file is refused before allocating.
MAX_WIDTH = 8192
MAX_RESOLUTION = 4096
MAX_LAYERS = 64
MAX_ITEMS = 100_000  # of a list


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def require_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless `value` is finite and in [low, high]."""
    require(
        math.isfinite(value) and low <= value <= high,
        f"{name} should be between {low:g} and {high:g}; got {value!r}.",
    )


def require_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    named = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
    require(value in choices, f"{name} is {named}; got {value!r}.")


def require_resolution(name: str, value: int) -> None:
    """Raise ValueError unless `value` is a power of two that pictures may have as their side."""
    require(
        4 <= value <= MAX_RESOLUTION and value & (value - 1) == 0,
        f"{name} should be a power of two between 4 and {MAX_RESOLUTION}; got {value!r}.",
    )


def later(default: Any) -> Any:
    """A dataclass field that files of earlier versions lack; they mean `default`."""
    return dataclasses.field(default=default, metadata={"later": True})


def to_plain(value: Any) -> Any:
    """Plain JSON-able containers of a tree of dataclasses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.KIND} if hasattr(value, "KIND") else {}
        return kind | {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, tuple) else value


def from_plain(
    expected: Any,
    value: Any,
    where: str,
    *,
    lenient: bool = False,
    unknown: list[str] | None = None,
) -> Any:
    """Check `value` against the annotation `expected` and build it: inverse of `to_plain`.

    lenient: any key may be missing whose field has a default, as if all of them were `later`.
    unknown: takes the places of keys that are unknown, which are passed over; None: they are
    refused. Raises ValueError, naming the place by `where`, on unknown or missing keys, wrong types
    and numbers that are not finite.
    """
    read = functools.partial(from_plain, lenient=lenient, unknown=unknown)
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        present = _check_keys(expected, value, where, lenient=lenient, unknown=unknown)
        return expected(**{k: read(kind, value[k], f"{where}.{k}") for k, kind in present.items()})
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            require(type(None) in arguments, f"{where} should not be None.")
            return None
        choices = [a for a in arguments if a is not type(None)]
        chosen = choices[0] if len(choices) == 1 else _choose_kind(choices, value, where)
        return read(chosen, value, where)
    if origin is tuple:
        kinds = _check_items(arguments, value, where)
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(read(kind, item, f"{where}[{i}]") for i, (kind, item) in pairs)
    if origin is dict:
        require(isinstance(value, dict), f"{where} should be a mapping; got {value!r:.80}.")
        require(len(value) <= MAX_ITEMS, f"{where} has {len(value)} items.")
        kind = arguments[1]
        return {
            read(str, key, where): read(kind, item, f"{where}.{key}") for key, item in value.items()
        }
    return _simple_from_plain(expected, value, where)


def _simple_from_plain(expected: Any, value: Any, where: str) -> Any:
    if expected is Any:
        return value
    if typing.get_origin(expected) is typing.Literal:
        choices = typing.get_args(expected)
        known = ", ".join(map(str, choices))
        require(value in choices, f"{where} should be one of {known}; got {value!r:.80}.")
        return value
    if expected is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    require(
        type(value) is expected,
        f"{where} should be of type {expected.__name__}; got {value!r:.80}.",
    )
    finite = type(value) is not float or math.isfinite(value)
    require(finite, f"{where} should be a finite number; got {value!r}.")
    return value


def _check_items(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """What the items of a list should be."""
    require(isinstance(value, (list, tuple)), f"{where} should be a list; got {value!r:.80}.")
    require(len(value) <= MAX_ITEMS, f"{where} has {len(value)} items.")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    require(len(value) == len(kinds), f"{where} has {len(value)} items.")
    return kinds


def _choose_kind(choices: list[Any], value: Any, where: str) -> Any:
    """The dataclass that the entry "kind" names; the first one if there is none."""
    require(isinstance(value, dict), f"{where} should be a mapping; got {type(value).__name__}.")
    kind = value.get("kind", choices[0].KIND)
    for choice in choices:
        if type(kind) is str and choice.KIND == kind:
            return choice
    known = ", ".join(repr(choice.KIND) for choice in choices)
    raise ValueError(f"{where}.kind should be one of {known}; got {kind!r:.80}.")


def _check_keys(
    expected: Any, value: Any, where: str, *, lenient: bool, unknown: list[str] | None
) -> dict[str, Any]:
    """What the values of a mapping should be, of those keys that it has of a dataclass."""
    require(isinstance(value, dict), f"{where} should be a mapping; got {type(value).__name__}.")
    hints = {f.name: t for f, t in _fields(expected)}
    may_lack = {f.name for f, _ in _fields(expected) if _may_be_missing(f, lenient)}
    present = value.keys()
    if hasattr(expected, "KIND"):
        kind = value.get("kind", expected.KIND)
        require(kind == expected.KIND, f"{where}.kind is {expected.KIND!r}; got {kind!r:.80}.")
        present = present - {"kind"}
    strange = _suggest(sorted(str(key) for key in present - hints.keys()), list(hints))
    missing = sorted(hints.keys() - present - may_lack)
    if unknown is None:
        require(not strange, f"{where} has unknown keys: {', '.join(strange)[:200]}.")
    else:
        unknown += [f"{where}.{key}" for key in strange]
    require(not missing, f"{where} lacks the keys: {', '.join(missing)}.")
    return {key: kind for key, kind in hints.items() if key in present}


def _may_be_missing(field: Any, lenient: bool) -> bool:
    missing = dataclasses.MISSING
    has_default = field.default is not missing or field.default_factory is not missing
    return "later" in field.metadata or (lenient and has_default)


def _suggest(unknown: list[str], known: list[str]) -> list[str]:
    """Unknown keys, each with the known one that it looks like."""
    near = {key: difflib.get_close_matches(key, known, 1, 0.75) for key in unknown[:20]}
    return [f"{key} ({match[0]}?)" if match else key for key, match in near.items()]


@functools.cache
def _fields(expected: Any) -> list[tuple[dataclasses.Field[Any], Any]]:
    """Fields of a dataclass with their resolved annotations."""
    hints = typing.get_type_hints(expected)
    return [(f, hints[f.name]) for f in dataclasses.fields(expected)]
