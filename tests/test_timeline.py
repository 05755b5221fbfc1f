"""Curves between keys, against numbers worked out by hand."""

import math

import pytest

from ballgan.timeline import Timeline, unwrap


def value(line: Timeline, keys: list[float], time: float) -> float:
    return sum(weight * keys[index] for index, weight in line.weights(time))


def slope(line: Timeline, keys: list[float], time: float) -> float:
    return (value(line, keys, time + 1e-5) - value(line, keys, time - 1e-5)) / 2e-5


SMOOTH = Timeline((0.0, 1.0, 3.0), ("smooth",) * 3, 4.0)
KEYS = [2.0, 4.0, 1.0]


def test_curve_passes_through_its_keys_and_rests_outside_them() -> None:
    assert [value(SMOOTH, KEYS, t) for t in (0, 1, 3)] == KEYS
    assert value(SMOOTH, KEYS, -5) == 2.0 and value(SMOOTH, KEYS, 4) == 1.0


def test_two_smooth_keys_make_an_s_curve() -> None:
    line = Timeline((0.0, 2.0), ("smooth", "smooth"), 2.0)
    # 3 u^2 - 2 u^3 at u = 1/4: 3/16 - 2/64 = 5/32.
    assert value(line, [0.0, 1.0], 0.5) == pytest.approx(5 / 32)
    assert value(line, [0.0, 1.0], 1.0) == pytest.approx(0.5)


def test_slope_at_a_key_is_that_of_the_parabola_through_its_neighbours() -> None:
    # Through (0, 2), (1, 4), (3, 1): (2 * 2 + (-3/2) * 1) / 3 = 5/6 at 1.
    assert slope(SMOOTH, KEYS, 1 - 1e-4) == pytest.approx(5 / 6, abs=2e-3)
    assert slope(SMOOTH, KEYS, 1 + 1e-4) == pytest.approx(5 / 6, abs=2e-3)


def test_cubic_between_keys() -> None:
    # u = 1/2 of the first second: (2 + 4) / 2 + (0 - 5/6) / 8.
    assert value(SMOOTH, KEYS, 0.5) == pytest.approx(3 - 5 / 48)


@pytest.mark.parametrize(
    ("ease", "expected"),
    [  # a quarter of the way from 4 at 1 s to 1 at 3 s
        ("stop", 4 - 3 * 5 / 32),
        ("linear", 4 - 3 / 4),
        ("hold", 4.0),
        ("smooth", 4 - 3 * 5 / 32 + 5 / 6 * 2 * 0.25 * 0.75**2),  # and the slope at its start
    ],
)
def test_eases(ease: str, expected: float) -> None:
    line = Timeline((0.0, 1.0, 3.0), ("smooth", ease, "smooth"), 4.0)
    assert value(line, KEYS, 1.5) == pytest.approx(expected)


def test_stop_rests_at_its_key_from_both_sides() -> None:
    line = Timeline((0.0, 1.0, 3.0), ("smooth", "stop", "smooth"), 4.0)
    assert abs(slope(line, [0.0, 1.0, 5.0], 1.0)) < 1e-3


def test_weights_have_sum_one_everywhere() -> None:
    for loop in (False, True):
        line = Timeline((0.5, 1.0, 2.5, 3.0), ("smooth", "stop", "linear", "smooth"), 4.0, loop)
        for step in range(-10, 60):
            assert sum(w for _, w in line.weights(step / 10)) == pytest.approx(1)


def test_loop_goes_on_without_a_jump_of_place_or_speed() -> None:
    line = Timeline((0.0, 1.0, 2.0), ("smooth",) * 3, 3.0, loop=True)
    keys = [0.0, 2.0, 5.0]
    assert value(line, keys, 3.0) == value(line, keys, 0.0) == 0.0
    assert value(line, keys, 3.7) == pytest.approx(value(line, keys, 0.7))
    before, after = (slope(line, keys, t) for t in (3 - 1e-4, 3 + 1e-4))
    assert before == pytest.approx(after, abs=1e-2)
    assert after == pytest.approx((2 - 5) / 2, abs=1e-2)  # of its neighbours, 2 s apart


def test_keys_of_a_turn_are_passed_at_one_speed() -> None:
    yaws = [0.0, math.tau / 3, 2 * math.tau / 3 - math.tau]  # as a window keeps them, in +-pi
    line = Timeline((0.0, 2.0, 4.0), ("smooth",) * 3, 6.0, loop=True)
    for step in range(61):
        weights = line.weights(step / 10)
        angles = unwrap([yaws[index] for index, _ in weights])
        angle = sum(w * a for (_, w), a in zip(weights, angles, strict=True))
        assert math.remainder(angle - math.tau * step / 60, math.tau) == pytest.approx(0, abs=1e-9)


def test_one_key_stays() -> None:
    assert Timeline((0.0,), ("smooth",), 2.0, loop=True).weights(1.3) == ((0, 1.0),)


def test_frames_of_a_loop_leave_out_the_first_one_at_the_end() -> None:
    line = Timeline((0.0, 1.0), ("smooth", "smooth"), 2.0)
    assert line.frame_times(2) == (0.0, 0.5, 1.0, 1.5, 2.0)
    loop = Timeline((0.0, 1.0), ("smooth", "smooth"), 2.0, loop=True)
    assert loop.frame_times(2) == (0.0, 0.5, 1.0, 1.5)
    assert (line.frame_count(2), loop.frame_count(2)) == (5, 4)
    with pytest.raises(ValueError, match=r"fps should be in 1 \.\.\. 120; got 0"):
        loop.frame_times(0)


def test_unwrap_takes_the_short_way() -> None:
    assert unwrap([3.0, -3.0, 3.0]) == pytest.approx([3.0, math.tau - 3.0, 3.0])


@pytest.mark.parametrize(
    ("times", "duration", "loop", "message"),
    [
        ((), 1.0, False, "at least one key"),
        ((0.0, 0.0), 1.0, False, "ascending and different"),
        ((-1.0, 0.0), 1.0, False, "0 or more"),
        ((0.0, 2.0), 1.0, False, "not before the last key at 2 s"),
        ((0.0, 2.0), 2.0, True, "back to the first one"),
        ((0.0, math.nan), 2.0, False, "finite"),
    ],
)
def test_impossible_timelines_are_refused(times, duration, loop, message) -> None:
    with pytest.raises(ValueError, match=message):
        Timeline(times, ("smooth",) * len(times), duration, loop)


def test_unknown_ease_is_refused() -> None:
    with pytest.raises(ValueError, match="smooth, stop, linear, hold"):
        Timeline((0.0,), ("bouncy",), 1.0)
