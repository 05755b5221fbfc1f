"""Shows a file in the system's file manager."""

import shutil
import subprocess
import sys
from pathlib import Path

PATIENCE = 20.0  # seconds
NO_MANAGER = "No file manager was found. The file is {path}"


def reveal_command(path: str, system: str = sys.platform) -> list[str]:
    """The program that shows `path`; on Linux its folder. Empty if there is none."""
    if system == "darwin":
        return ["open", "-R", path]
    if system == "win32":
        return ["explorer", f"/select,{path}"]
    opener = shutil.which("xdg-open")
    return [opener, str(Path(path).parent)] if opener else []


def reveal(path: str) -> str | None:
    """Show the file; what to tell the person if that does not work. May take seconds."""
    if not Path(path).exists():
        return f"{path} is no longer there."
    command = reveal_command(path)
    if not command:
        return NO_MANAGER.format(path=path)
    try:
        quiet = subprocess.DEVNULL
        # What it returns says nothing: explorer answers 1 when all is well.
        subprocess.run(command, stdout=quiet, stderr=quiet, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None  # a manager that stays in the foreground
    except OSError as error:
        return f"{path} could not be shown: {error}"
    return None
