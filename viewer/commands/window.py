"""Commands of files, of the history, and of the window itself."""

from collections.abc import Callable

from .. import actions as act
from ..preferences import SECTIONS
from ..state import ViewerState
from .command import Actions, Table, command, with_model

ZOOM_STEP = 1.1


def _other_theme(state: ViewerState) -> Actions:
    return [act.SetTheme("light" if state.preferences.theme == "dark" else "dark")]


def _zoom(factor: float) -> Callable[[ViewerState], Actions]:
    return lambda state: [act.SetZoom(state.preferences.zoom * factor)]


def _fold(section: str) -> Callable[[ViewerState], Actions]:
    """Open or close a section of the panel."""
    return lambda state: [act.FoldSections(tuple(sorted({*state.preferences.folded} ^ {section})))]


def _over(name: str) -> Callable[[ViewerState], Actions]:
    """Open or close what lies over the window."""
    return lambda state: [act.ShowOverlay("" if state.overlay == name else name)]


TABLE: Table = {
    "Help": (
        command("palette", "Find a command", _over("palette"), "Ctrl+K", hint="commands"),
        command("keys", "Show all keys", _over("keys"), "Shift+/ F1", hint="keys"),
    ),
    "File": (
        command("file.open", "Open a model ...", act.Browse("model"), "Ctrl+O"),
        command(
            "model.bundled",
            "Open the bundled model",
            act.OpenModel("", bundled=True),
            tip="The one that comes with this program.",
        ),
        command(
            "model.next",
            "Next open model",
            act.StepModel(1),
            "Tab",
            tip="The codes stay: the same seeds in another model.",
            enabled=lambda state: len(state.models) > 1,
            repeats=True,
        ),
        command(
            "model.previous",
            "Previous open model",
            act.StepModel(-1),
            "Shift+Tab",
            enabled=lambda state: len(state.models) > 1,
            repeats=True,
        ),
        command(
            "model.close",
            "Close the model that shows",
            lambda state: [act.CloseModel(state.model.path)] if state.model else [],
            "Ctrl+W",
            tip="Undo opens it again.",
            enabled=lambda state: len(state.models) > 1,
        ),
        command(
            "run.follow",
            "Follow a training run ...",
            act.Browse("run"),
            tip="The newest model of its folder, now and whenever there is a newer one.",
        ),
        command(
            "run.stop",
            "Follow the run no longer",
            act.StopFollowing(),
            tip="Its last model stays open.",
            enabled=lambda state: state.following is not None,
        ),
        command("session.open", "Open a session ...", act.Browse("session"), "Ctrl+Shift+O"),
        command(
            "session.save",
            "Save the session",
            act.SaveSession(),
            "Ctrl+S",
            tip="All that is shown, as a file that brings it back.",
            enabled=with_model,
        ),
        command(
            "session.save_as",
            "Save the session as ...",
            act.Browse("save_session"),
            "Ctrl+Shift+S",
            enabled=with_model,
        ),
        command(
            "session.restore",
            "Restore the last session",
            lambda state: [act.OpenSession(state.last_session)],
            tip="What the last window showed that was not saved, or ended unexpectedly.",
            enabled=lambda state: bool(state.last_session),
        ),
        command("file.picture", "Open a background picture ...", act.Browse("picture")),
        command(
            "file.save_picture",
            "Save picture",
            act.SavePicture(),
            "S",
            hint="save picture",
            tip="A PNG with its transparency, of the finished picture, as large as it is shown.",
            enabled=with_model,
        ),
        command("file.quit", "Quit", act.Quit(), "Ctrl+Q"),
    ),
    "Edit": (
        command(
            "edit.undo",
            "Undo",
            act.Undo(),
            "Ctrl+Z",
            enabled=lambda state: bool(state.history.undoes),
            repeats=True,
        ),
        command(
            "edit.redo",
            "Redo",
            act.Redo(),
            "Ctrl+Shift+Z Ctrl+Y",
            enabled=lambda state: bool(state.history.redoes),
            repeats=True,
        ),
        command(
            "jobs.cancel",
            "Cancel all jobs",
            lambda state: [act.CancelJob(job.lane) for job in state.jobs],
            tip="All that is being written, opened or made in the background.",
            enabled=lambda state: bool(state.jobs),
        ),
    ),
    "Window": (
        command("window.theme", "Light or dark window", _other_theme),
        *(
            command(
                f"window.{size}",
                f"{size.capitalize()} interface",
                _zoom(factor),
                keys,
                repeats=True,
            )
            for size, factor, keys in (
                ("larger", ZOOM_STEP, "Ctrl+= Ctrl++"),
                ("smaller", 1 / ZOOM_STEP, "Ctrl+-"),
            )
        ),
        command("window.size", "Normal size of the interface", act.SetZoom(1.0), "Ctrl+0"),
    ),
    "Panel": (
        *(
            command(
                f"section.{name}",
                f"Open or fold the section {name.capitalize()}",
                _fold(f"section.{name}"),
            )
            for name in SECTIONS
        ),
    ),
}
