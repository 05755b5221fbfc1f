"""The system's file dialogs, asked without waiting for the answer."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgui_bundle import portable_file_dialogs as pfd

from . import actions as act
from .words import printable

MODEL_FILTERS = ["Models", "*.pkl *.safetensors *.pt", "All files", "*"]
PICTURE_FILTERS = ["Pictures", "*.png *.jpg *.jpeg *.webp", "All files", "*"]
SESSION_FILTERS = ["Sessions", "*.json *.png", "All files", "*"]
OPENS = {
    "model": ("Open a model", "", MODEL_FILTERS),
    "picture": ("Choose a background", "", PICTURE_FILTERS),
    "session": ("Open a session", "", SESSION_FILTERS),
}
FOLDER = "folder"  # the purpose of choosing the output folder
FOLDERS = {FOLDER: "Choose the output folder", "run": "Follow a training run"}
SAVES = {"export": "Export the mesh", "save_session": "Save the session"}
NO_DIALOG = "There is no file dialog on this system: install zenity or kdialog, or"
INSTEAD = dict.fromkeys(OPENS, "drop the file on the window.") | {  # what else serves a purpose
    "run": "drop the folder on the window.",
    FOLDER: "type the folder in the section Capture.",
    "export": "type the path in the section Mesh.",
    "save_session": "type the path in the section Session.",
}


def available() -> bool:
    """Whether the system can show file dialogs."""
    programs = ("zenity", "kdialog", "matedialog", "qarma")
    return not sys.platform.startswith("linux") or any(map(shutil.which, programs))


@dataclass
class Dialogs:
    """At most one open dialog."""

    purpose: str = ""
    _dialog: Any = None

    @property
    def open(self) -> bool:
        """Whether a dialog waits for an answer."""
        return self._dialog is not None

    def ask(self, purpose: str, default: str) -> list[act.Action]:
        """Open the dialog for a purpose of OPENS, SAVES or FOLDERS; an action if there are none."""
        if self.open:
            return []
        if not available():
            return [act.Notify("error", f"{NO_DIALOG} {INSTEAD[purpose]}", "dialog")]
        if purpose in FOLDERS:
            self._dialog = pfd.select_folder(FOLDERS[purpose], printable(default))
        elif purpose in SAVES:
            self._dialog = pfd.save_file(SAVES[purpose], printable(default))
        else:
            self._dialog = pfd.open_file(*OPENS[purpose])
        self.purpose = purpose
        return []

    def poll(self) -> str | None:
        """The path that was chosen, once; None while there is none."""
        if self._dialog is None or not self._dialog.ready(0):
            return None
        dialog, self._dialog = self._dialog, None
        answer = dialog.result()
        path = answer if isinstance(answer, str) else (answer[0] if answer else "")
        return str(Path(path)) if path else None
