"""Shows a file in the system's file manager."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

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
    """Show the file; what to tell the person if that does not work."""
    if not Path(path).exists():
        return f"{path} is no longer there."
    command = reveal_command(path)
    if not command:
        return NO_MANAGER.format(path=path)
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        return f"{path} could not be shown: {error}"
    # What it returns says nothing: explorer answers 1 when all is well. It may be the manager
    # itself, which stays as long as the person likes; whoever waits for it leaves no zombie.
    threading.Thread(target=process.wait, name="reveal", daemon=True).start()
    return None
