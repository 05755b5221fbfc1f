"""What actions do outside of the state: one function of the app and the action for each.

Those of cameras are in cameras.py. `App.dispatch` looks them up in EFFECTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import actions as act
from . import cameras, capture, chores, document, paths
from .actions import camera as cam
from .actions import latents as lat
from .easel import shows_mesh
from .gallery import THUMBNAILS
from .requests import CaptureRequest, ExportRequest
from .shelf import open_bundled, open_recognised, open_session

if TYPE_CHECKING:
    from .app import App
    from .state import ViewerState

STILL_RENDERED = (
    "The picture before this one is still being rendered: save this one once that is written."
)


def use_model(app: App, action: act.Action) -> None:
    """Look at the model that the state shows, if it is another one than before."""
    handle = action.handle if isinstance(action, act.ModelOpened) else None
    model = app.shelf.take(app.state, handle)
    if model is not None and model is not app.easel.model:
        app.easel.use_model(model)
        app.gallery.use_model(model)
        app.tempo.rest()
        app.window.set_title(f"{model.info.name} \u2013 BallGAN")
    app.preview.forget_closed(app.shelf.open)
    if app.state.following is None:  # that of a session whose model was cancelled, too
        app.shelf.stop_following()
    if not isinstance(action, act.ModelOpened):
        return
    if app.state.loading is None and app.state.pending is not None:
        app.dispatch(act.CompleteSession(app.state.pending.values))
    checksum, state = action.model.sha256, app.state
    if checksum in state.session_notes and checksum in (info.sha256 for info in state.models):
        app.dispatch(act.JoinNotes(checksum))


def fall_back(app: App, action: act.ModelFailed) -> None:
    """Show a session whose model cannot be read with what is open, else with the bundled one."""
    state = app.state
    if state.pending is None or state.loading is not None:
        return
    if state.model is not None:
        app.dispatch(act.RestoreDocument(state.pending.values))
    else:
        app.dispatch(act.OpenModel("", bundled=True))


def follow(app: App, action: act.FollowRun | act.StopFollowing) -> None:
    """Watch another run or none, and read no more of the one before."""
    followed, job = app.state.following, app.state.job("model")
    if followed is not None:
        app.shelf.follow(followed.folder)
    else:
        app.shelf.stop_following()
    if job is not None and job.cancelling:
        app.shelf.stop_reading()


def give_up(app: App, action: act.OpeningCancelled) -> None:
    """Watch no run that came with a session that is not wanted."""
    if app.state.following is None:
        app.shelf.stop_following()


def browse(app: App, action: act.Browse) -> None:
    """Ask for a file with the system's dialog."""
    defaults = {"export": paths.describe_mesh_path, "save_session": paths.describe_session_path}
    describe = defaults.get(action.purpose)
    default = describe(app.state) if describe else ""
    app.dispatch(*app.dialogs.ask(action.purpose, default))


def write_sphere(app: App, action: act.WriteSphere) -> None:
    """Write the whole background as a picture."""
    if app.easel.model is not None and app.state.can_unroll:
        app.dispatch(act.BeginJob("sphere", "Unrolling the background"))
        app.surroundings.write(app.easel.model, app.state, edit=action.edit)


def use_sphere(app: App, action: act.SphereWritten) -> None:
    """Show the file that was written for another program."""
    if action.edit:
        app.dispatch(act.OpenPhoto(action.path))


def save_picture(app: App, action: act.SavePicture) -> None:
    """Save what is shown: at once if it is finished, else as a job that renders it.

    Whatever changes meanwhile, the file has what was there at the click.
    """
    state = _as_shown(app.state)
    if app.easel.model is None:
        return
    finished = app.converged and not shows_mesh(state)
    if finished and (pictures := app.easel.photograph(state)):
        chores.write_picture(app, state, pictures)
    elif state.job("capture") is None:
        app.dispatch(act.StartCapture(shown=True))
    else:
        app.dispatch(act.Notify("info", STILL_RENDERED, "waits"))


def _as_shown(state: ViewerState) -> ViewerState:
    """The state whose pictures have the size that they have in the window."""
    return replace(state, capture=replace(state.capture, size=0))


def start_capture(app: App, action: act.StartCapture | act.StartFilm) -> None:
    """Render a picture or the film into a file."""
    film = isinstance(action, act.StartFilm)
    state = app.state if film else app.state.seen  # also on the camera's way to another place
    lane = "film" if film else "capture"
    if isinstance(action, act.StartCapture) and action.shown:
        state = _as_shown(state)
    obstacle = ""
    if app.easel.model is None:
        obstacle = "Open a model before."
    elif film and not state.animation.keys:
        obstacle = "The film has no keys: add one in the timeline, or make a turntable."
    if app.easel.model is None or obstacle:
        app.dispatch(act.EndJob(lane, "error", obstacle))
        return
    request = CaptureRequest(
        app.easel.model,
        state.view,
        state.animation if film else None,
        state.capture,
        state.preferences.output_folder,
        paths.film_stem(state) if film else paths.picture_stem(state),
        capture.describe_view(state),
        document.to_session(state),
    )
    app.lanes[lane].submit(request)


def focus(app: App, action: act.Focus) -> None:
    """Scroll to a widget and type into it."""
    folded = set(app.state.preferences.folded) - {action.section}
    app.dispatch(act.FoldSections(tuple(sorted(folded))))
    app.gui.ui.reveal = app.gui.ui.focus = action.widget


def cancel_job(app: App, action: act.CancelJob) -> None:
    """Stop the job of a lane."""
    if action.lane == THUMBNAILS:
        app.dispatch(lat.StopSheet())
    elif action.lane == "model":
        app.shelf.stop_reading()
    else:
        app.lanes[action.lane].cancel()


def export(app: App, action: act.StartExport) -> None:
    """Write the mesh."""
    if app.easel.model is None:
        text = "Open a model before exporting a mesh."
        app.dispatch(act.EndJob("export", "error", text))
        return
    request = ExportRequest(
        app.easel.model,
        app.state.view.identity,
        app.state.view.backdrop,
        app.state.export.dome and app.state.can_unroll,
        app.state.export,
        app.state.preferences.output_folder,
        paths.mesh_name(app.state),
    )
    app.lanes["export"].submit(request)


EFFECTS: dict[type[act.Action], Callable[[App, Any], None]] = {
    act.OpenFile: lambda app, action: app.lanes["recognise"].submit(action),
    act.FileRecognised: lambda app, action: app.dispatch(*open_recognised(app.state, action)),
    act.OpenModel: lambda app, action: app.shelf.read(action),
    act.FollowRun: follow,
    act.StopFollowing: follow,
    act.OpenPhoto: lambda app, action: app.lanes["picture"].submit(action),
    act.ModelOpened: use_model,
    act.ModelArrived: use_model,
    act.ModelFailed: fall_back,
    act.OpeningCancelled: give_up,
    act.ShowModel: use_model,
    act.StepModel: use_model,
    act.CloseModel: use_model,
    act.RestoreDocument: use_model,
    act.CompleteSession: use_model,
    act.Undo: use_model,
    act.Redo: use_model,
    act.OpenSession: lambda app, action: app.keeper.open(app.state, action.path),
    act.SessionOpened: lambda app, action: app.dispatch(*open_session(app.state, action)),
    act.SessionFailed: lambda app, action: app.dispatch(*open_bundled(app.state)),
    act.SaveSession: lambda app, action: app.keeper.save(app.state, action.path),
    act.Browse: browse,
    act.WriteSphere: write_sphere,
    act.SphereWritten: use_sphere,
    act.PhotoChanged: lambda app, action: app.surroundings.ask_thumbnail(action.path),
    act.SavePicture: save_picture,
    act.RevealFile: lambda app, action: app.lanes["reveal"].submit(action),
    act.StartExport: export,
    cam.CopyCamera: cameras.copy,
    cam.PasteCamera: cameras.paste,
    cam.OpenCameras: lambda app, action: cameras.take(app, action.camera),
    cam.SaveCamera: cameras.save,
    cam.PickPivot: cameras.pick_pivot,
    act.StartCapture: start_capture,
    act.StartFilm: start_capture,
    act.Focus: focus,
    act.Quit: lambda app, action: app.window.request_close(),
    act.CancelJob: cancel_job,
}
