"""Values and progress of the `ballgan` command."""

import argparse
import io

import pytest

from ballgan.cli.progress import ProgressBar
from ballgan.cli.values import (
    format_signed,
    join_negative_values,
    number,
    parse_angles,
    parse_color,
    parse_depth_range,
    parse_level,
    parse_seeds,
    whole_number,
)

# Values


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (3,)), ("0-3,7", (0, 1, 2, 3, 7)), ("7, 1 - 2", (7, 1, 2)), ("1,0-2,1", (1, 0, 2))],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_seeds, "3-1", "runs backwards"),
        (parse_seeds, "", "should be seeds such as 3 or 0-3,7"),
        (parse_seeds, "-3", "should be seeds"),
        (parse_seeds, "1.5", "should be seeds"),
        (parse_seeds, "0-4000000000", "more than 10000 seeds"),
        (parse_depth_range, "2.5", "should be two distances such as 2.25,3.3"),
        (parse_depth_range, "3,2", "should have the nearer distance first"),
        (parse_depth_range, "-1,2", '"-1" should be a number from 0'),
        (parse_angles, "0.4,", '"" should be a number'),
        (parse_angles, "left", '"left" should be a number'),
        (parse_angles, "nan", "a number from -100 to 100 radians"),
        (parse_angles, "0,1e300", '"1e300" should be a number from -100 to 100'),
        (number(0.5, 1), "0.4", "a number from 0.5 to 1$"),
        (parse_level, "automatic", "should be a number"),
        (parse_level, "1e300", "a number from"),
        (whole_number(16, 64), "8", "a whole number from 16 to 64"),
        (whole_number(16, 64), "16.0", "a whole number"),
    ],
)
def test_bad_values_are_explained(parse, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse(text)


def test_numbers_levels_and_colours():
    assert parse_angles("-0.4,0,-0.0,.4,1e-1") == (-0.4, 0, 0.4, 0.1)
    assert str(parse_angles("-0.0")[0]) == "0.0"
    assert parse_level("auto") == "auto" and parse_level("-3") == -3
    assert parse_color("#ff8000") == (1, 128 / 255, 0)
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        parse_color("#fff")


def test_negative_values_are_joined_to_their_option():
    given = ["render", "m.pkl", "--yaw", "-0.4,0", "--pitch", "-.2", "--seeds", "1", "--half", "-h"]
    expected = ["render", "m.pkl", "--yaw=-0.4,0", "--pitch=-.2", "--seeds", "1", "--half", "-h"]
    assert join_negative_values(given) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "+0.00"), (-0.4, "-0.40"), (1 / 8, "+0.125"), (0.401, "+0.401"), (10, "+10.00")],
)
def test_angles_in_names_have_the_digits_they_need(value, text):
    assert format_signed(value) == text


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_shows_after_a_second_and_wipes_itself_away(monkeypatch):
    clock = iter([0.0, 0.5, 1.5, 1.55, 3.0])
    monkeypatch.setattr("ballgan.cli.progress.time.monotonic", lambda: next(clock))
    stream = Terminal()
    with ProgressBar("work", stream) as bar:
        bar(0.1)
        assert stream.getvalue() == ""
        bar(0.25)
        assert "work [########......................]  25% 0:04 left" in stream.getvalue()
        length = len(stream.getvalue())
        bar(0.3)  # too soon after the last one
        assert len(stream.getvalue()) == length
        bar(0.5)
        assert "50% 0:03 left" in stream.getvalue()
    assert stream.getvalue().endswith(" \r")


def test_progress_is_silent_when_stderr_is_no_terminal(monkeypatch):
    monkeypatch.setattr("ballgan.cli.progress._DELAY", -1.0)
    stream = io.StringIO()
    with ProgressBar("work", stream) as bar:
        bar(0.5)
    assert stream.getvalue() == ""
