"""ballgan.apart: calls in another process end when they should."""

import operator
import time

import numpy as np
import pytest

from ballgan.apart import call_apart
from ballgan.errors import Cancelled


def test_arrays_go_there_and_back():
    parts = call_apart(np.modf, np.array([1.5, -2.25]), progress=lambda fraction: None)
    np.testing.assert_array_equal(parts, [[0.5, -0.25], [1, -2]])


def test_a_call_is_stopped_while_it_runs():
    """Were it waited for, this test would run into its time limit."""
    calls = iter(range(3))

    def cancel(fraction):
        if next(calls, None) is None:
            raise Cancelled

    with pytest.raises(Cancelled):
        call_apart(time.sleep, np.array(100_000), progress=cancel)


def test_an_error_there_is_one_here():
    with pytest.raises(RuntimeError, match="IndexError: index 5 is out of bounds"):
        call_apart(operator.getitem, np.zeros(3), np.array(5), progress=lambda fraction: None)
