"""Texts of the command line -> values. Light: nothing here imports torch.

Each parser is an argparse `type`: its ArgumentTypeError becomes a one-line usage error.
"""

from __future__ import annotations

import argparse
import difflib
import math
import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

DEFAULT_TRUNCATION = 0.7
MAX_SEEDS = 10_000  # of one command; more is a slip of the hand, such as 0-99999999


class Parser(ArgumentParser):
    """An argument parser whose errors are one line, and name the option that may be meant."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As that of any parser; what is left over is explained by the command it was given to."""
        parsed, left = self.parse_known_args(args, namespace)
        if left:
            parser = self._command_of(parsed)
            actions = [*parser._actions, *self._actions]
            known = [name for action in actions for name in action.option_strings]
            likely = [difflib.get_close_matches(word.split("=")[0], known, 1) for word in left]
            hint = " or ".join(dict.fromkeys(found[0] for found in likely if found))
            parser.error(
                f"unrecognized arguments: {' '.join(left)}" + (f"; perhaps {hint}" if hint else "")
            )
        return parsed

    def _command_of(self, parsed: Any) -> ArgumentParser:
        """The parser of the command that was chosen, or this one."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return action.choices[getattr(parsed, action.dest)]
        return self


def parse_window_size(text: str) -> tuple[int, int]:
    """Read "1280x800" as (1280, 800)."""
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if found is None or min(int(found[1]), int(found[2])) < 1:
        raise ArgumentTypeError(f"a size looks like 1280x800; got {text!r}")
    return int(found[1]), int(found[2])


def parse_scale(text: str) -> float:
    """Read a display scale in 0.5 ... 4."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.5 <= scale <= 4:
        raise ArgumentTypeError(f"a scale is a number from 0.5 to 4; got {text!r}")
    return scale


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read "0-3,7" as (0, 1, 2, 3, 7); repeated seeds count once."""
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", part)
        if match is None:
            raise ArgumentTypeError(f'"{text}" should be seeds such as 3 or 0-3,7')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ArgumentTypeError(f'the range "{part.strip()}" runs backwards')
        if last - first >= MAX_SEEDS:
            raise ArgumentTypeError(f'the range "{part.strip()}" has more than {MAX_SEEDS} seeds')
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)


def parse_angles(text: str) -> tuple[float, ...]:
    """Read "-0.4,0,0.4" as angles in radians; repeated ones count once."""
    parse_angle = number(-100, 100, " radians")
    return tuple(dict.fromkeys(parse_angle(part) for part in text.split(",")))


def number(low: float, high: float, unit: str = "") -> Callable[[str], float]:
    """Make a parser of numbers from low to high."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ArgumentTypeError(f'"{text}" should be a number') from None
        if not low <= value <= high:  # so not for nan either
            raise ArgumentTypeError(f'"{text}" should be a number from {low:g} to {high:g}{unit}')
        return value + 0.0  # -0.0 would give another file name than 0.0

    return parse


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from low to high."""

    def parse(text: str) -> int:
        if re.fullmatch(r"-?\d{1,12}", text) is None or not low <= int(text) <= high:
            raise ArgumentTypeError(f'"{text}" should be a whole number from {low} to {high}')
        return int(text)

    return parse


def parse_depth_range(text: str) -> tuple[float, float]:
    """Read "2.25,3.3" as two distances, the nearer one first."""
    found = text.split(",")
    if len(found) != 2:
        raise ArgumentTypeError(f'"{text}" should be two distances such as 2.25,3.3')
    near, far = (number(0, 1e6, " world units")(part) for part in found)
    if near >= far:
        raise ArgumentTypeError(f'"{text}" should have the nearer distance first')
    return near, far


def parse_level(text: str) -> float | str:
    """Read "auto" or a number."""
    return text if text == "auto" else number(-1e9, 1e9)(text)


def parse_color(text: str) -> tuple[float, float, float]:
    """Read "#rrggbb" as floats in [0, 1]; ValueError if it is something else."""
    if re.fullmatch("#[0-9a-fA-F]{6}", text) is None:
        raise ValueError(f'a colour should be # and six hexadecimal digits; got "{text}"')
    red, green, blue = bytes.fromhex(text[1:])
    return red / 255, green / 255, blue / 255


def join_negative_values(arguments: Sequence[str]) -> list[str]:
    """Turn `--yaw -0.4,0` into `--yaw=-0.4,0`, which argparse does not take for an option."""
    joined: list[str] = []
    for argument in arguments:
        follows_option = joined and re.fullmatch(r"--[a-z][a-z-]*", joined[-1])
        if follows_option and re.match(r"-[\d.]", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def format_signed(value: float) -> str:
    """Write +0.40; as many digits, two or more, as tell apart what was given."""
    for digits in range(2, 9):
        text = f"{value:+.{digits}f}"
        if math.isclose(float(text), value, rel_tol=0, abs_tol=1e-9):
            break
    return text
