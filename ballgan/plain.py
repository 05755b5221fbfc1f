"""Trees of dataclasses <-> plain JSON-able containers, checked against their annotations.

Models' and runs' configurations and session files are all written this way: a field that is added
to a dataclass is written and read without further work. Annotations may be bool, int, float, str,
other dataclasses, tuples, `dict[str, ...]`, `Literal[...]`, Any (for plain
values), and each of these `| None`.
"""

import dataclasses
import difflib
import math
import types
import typing
from typing import Any

MAX_ITEMS = 100_000  # of a list or mapping; a damaged or hostile file is refused


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def to_plain(value: Any) -> Any:
    """Plain JSON-able containers of a tree of dataclasses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, tuple) else value


def from_plain(expected: Any, value: Any, where: str, *, defaults: bool = False) -> Any:
    """Check `value` against the annotation `expected` and build it: inverse of `to_plain`.

    defaults: keys that are missing take the dataclass's defaults, as in files from before there
    was such a field; otherwise they are refused. Raises ValueError, naming the place by `where`,
    on unknown or missing keys, wrong types and numbers that are not finite.
    """
    if dataclasses.is_dataclass(expected):
        return _dataclass_from_plain(expected, value, where, defaults)
    if expected is Any:
        return value
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            require(type(None) in arguments, f"{where} should not be None.")
            return None
        (inner,) = (a for a in arguments if a is not type(None))
        return from_plain(inner, value, where, defaults=defaults)
    if origin is tuple:
        return _tuple_from_plain(arguments, value, where, defaults)
    if origin is dict:
        require(isinstance(value, dict), f"{where} should be a mapping; got {value!r:.80}.")
        require(len(value) <= MAX_ITEMS, f"{where} has {len(value)} items.")
        return {
            from_plain(str, key, where): from_plain(
                arguments[1], item, f"{where}.{key}", defaults=defaults
            )
            for key, item in value.items()
        }
    if origin is typing.Literal:
        choices = ", ".join(map(str, arguments))
        require(value in arguments, f"{where} should be one of {choices}; got {value!r:.80}.")
        return value
    return _simple_from_plain(expected, value, where)


def _simple_from_plain(expected: Any, value: Any, where: str) -> Any:
    if expected is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    require(
        type(value) is expected,
        f"{where} should be of type {expected.__name__}; got {value!r:.80}.",
    )
    require(
        expected is not float or math.isfinite(value),
        f"{where} should be a finite number; got {value!r}.",
    )
    return value


def _tuple_from_plain(kinds: tuple[Any, ...], value: Any, where: str, defaults: bool) -> Any:
    require(isinstance(value, (list, tuple)), f"{where} should be a list; got {value!r:.80}.")
    require(len(value) <= MAX_ITEMS, f"{where} has {len(value)} items.")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    require(len(value) == len(kinds), f"{where} has {len(value)} items.")
    return tuple(
        from_plain(kind, item, f"{where}[{i}]", defaults=defaults)
        for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _dataclass_from_plain(expected: Any, value: Any, where: str, defaults: bool) -> Any:
    require(isinstance(value, dict), f"{where} should be a mapping; got {type(value).__name__}.")
    hints = typing.get_type_hints(expected)
    unknown = sorted(str(key) for key in value.keys() - hints.keys())
    require(not unknown, f"{where} has unknown keys: {_suggest(unknown, list(hints))[:200]}.")
    required = {f.name for f in dataclasses.fields(expected) if not (defaults and _has_default(f))}
    missing = sorted(required - value.keys())
    require(not missing, f"{where} lacks the keys: {', '.join(missing)}.")
    return expected(
        **{
            key: from_plain(kind, value[key], f"{where}.{key}", defaults=defaults)
            for key, kind in hints.items()
            if key in value
        }
    )


def _has_default(field: Any) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _suggest(unknown: list[str], known: list[str]) -> str:
    """Unknown keys, each with the known one that it looks like."""
    near = {key: difflib.get_close_matches(key, known, 1, 0.75) for key in unknown[:20]}
    return ", ".join(f"{key} ({match[0]}?)" if match else key for key, match in near.items())
