"""Long calls of compiled libraries in a process of their own, so that they can be stopped.

Such a call holds Python's lock: no thread of this process would run until it returns.
"""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

_POLL_S = 0.02


def call_apart(
    function: Callable[..., tuple[np.ndarray, ...]],
    *arrays: np.ndarray,
    progress: Callable[[float], None],
) -> tuple[np.ndarray, ...]:
    """Call a function of a module of ours with arrays, in another process.

    Args:
        function: takes arrays and returns a tuple of arrays; found by its module and name.
        progress: called with 0 every few hundredths of a second; if it raises, the process ends.

    Raises RuntimeError with the last line of what it wrote if the function failed.
    """
    if not sys.executable:  # Python is part of another program: there is no other process
        return function(*arrays)
    command = [sys.executable, "-c", _PROGRAM, function.__module__, function.__name__]
    # Files, not pipes: nobody has to read while we wait.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as result:
        with tempfile.TemporaryFile() as errors:
            np.savez(given, *arrays)
            given.seek(0)
            process = subprocess.Popen(command, stdin=given, stdout=result, stderr=errors)
            try:
                while process.poll() is None:
                    progress(0.0)
                    time.sleep(_POLL_S)
            finally:
                process.kill()
                process.wait()
            if process.returncode:
                errors.seek(0)
                lines = errors.read().decode(errors="replace").strip().splitlines()
                raise RuntimeError(lines[-1] if lines else f"status {process.returncode}")
        result.seek(0)
        return _unpack(result.read())


_PROGRAM = "import ballgan.apart; ballgan.apart.serve()"


def serve() -> None:
    """Be the other process: read arrays from stdin, call a function, write arrays to stdout."""
    module, name = sys.argv[1:]
    arrays = _unpack(sys.stdin.buffer.read())
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get into the output
    results = getattr(importlib.import_module(module), name)(*arrays)
    with output:
        np.savez(output, *results)


def _unpack(data: bytes) -> tuple[np.ndarray, ...]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return tuple(file[f"arr_{k}"] for k in range(len(file.files)))
