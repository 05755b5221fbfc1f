"""Running the `ballgan` command in tests."""

import numpy as np
from PIL import Image

QUICK = ("--samples", "8", "--neural-resolution", "8")


def assert_error(capsys, status: int, arguments: list, expected_status: int, text: str) -> None:
    """One line on stderr that holds the text, nothing on stdout."""
    captured = capsys.readouterr()
    assert status == expected_status, (arguments, captured.err)
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and captured.err.endswith("\n")
    assert captured.err.startswith("ballgan")
    assert text in captured.err


def load_png(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)
