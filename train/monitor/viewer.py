"""Opens models in the viewer, each in a process of its own that outlives the monitor."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass
class Viewers:
    """The viewers that were opened."""

    module: str = "ballgan_viewer"
    _opened: list[tuple[Path, subprocess.Popen[bytes], IO[bytes]]] = field(default_factory=list)

    def open(self, model: Path) -> None:
        """Start a viewer. Raises OSError if the process cannot be started."""
        words = tempfile.TemporaryFile()  # closed when the process has ended, or in `close`
        command = [sys.executable, "-m", self.module, str(model.resolve())]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,  # Ctrl-C in the monitor's terminal does not reach it
            )
        except OSError:
            words.close()
            raise
        self._opened.append((model, process, words))

    @property
    def running(self) -> int:
        """How many have not ended, as of the last `collect_faults`."""
        return len(self._opened)

    def collect_faults(self) -> list[str]:
        """Why viewers have ended with an error since the last call: a line each."""
        faults = []
        for opened in list(self._opened):
            model, process, words = opened
            status = process.poll()
            if status is None:
                continue
            self._opened.remove(opened)
            with words:
                if status != 0:
                    faults.append(f"The viewer of {model.name}: {_last_line(words, status)}")
        return faults

    def close(self) -> None:
        """Forget the viewers; they stay open."""
        for _, _, words in self._opened:
            words.close()
        self._opened.clear()


def _last_line(words: IO[bytes], status: int) -> str:
    words.seek(0)
    lines = words.read().decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("ballgan-viewer: ") if lines else f"ended with status {status}"
