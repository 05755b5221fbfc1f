"""Whether a window can be opened. Dear PyGui ends the process when it cannot: asked before."""

import os
import subprocess
import sys
from pathlib import Path

NO_DISPLAY = (
    "there is no display to open the monitor on ({why}). Watch the run with `tensorboard --logdir "
    "{folder}` instead, or copy the run folder to a machine with a screen and open it there"
)
PROBE_TIMEOUT = 30.0  # seconds; a display behind a slow network takes some


def check_display(folder: Path) -> float:
    """The screen's scale, physical pixels a logical pixel.

    Raises OSError, saying what else can be done with the run `folder`, if no window can be opened.
    """
    if not sys.platform.startswith("linux"):
        return 1.0
    display = os.environ.get("DISPLAY")
    if not display:  # Dear PyGui speaks X11 only
        wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
        why = "Wayland without XWayland" if wayland else "DISPLAY is not set"
        raise OSError(NO_DISPLAY.format(why=why, folder=folder))
    try:
        return _probe()
    except ValueError as error:
        why = f"DISPLAY is {display}: {error}"
        raise OSError(NO_DISPLAY.format(why=why, folder=folder)) from error


def _probe() -> float:
    """Ask in a process of its own, which a broken driver may end. ValueError says what is wrong."""
    command = [sys.executable, "-m", f"{__package__}.probe"]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ValueError("it does not answer") from error
    if probe.returncode:
        words = probe.stderr.strip().splitlines()
        raise ValueError(words[-1] if words else f"opening a window failed ({probe.returncode})")
    return min(max(float(probe.stdout), 1.0), 4.0)
