"""What the window does with cameras outside of its state: clipboard, files, picking a point.

Functions of the app and an action; see effects.EFFECTS.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ballgan.camera import Camera
from ballgan.camera_text import (
    FILE_NAMES,
    decode_first,
    describe_loss,
    encode_camera,
    encode_cameras,
    fit_orbit,
    to_camera,
)
from ballgan.view import Orbit

from . import actions as act
from . import navigation, paths
from .actions import camera as cam
from .requests import CameraRequest
from .state import ViewerState
from .worker import Ticket

if TYPE_CHECKING:
    from .app import App

FORMS = {"json": "JSON", "opencv": "OpenCV", "opengl": "NeRF's transforms.json"}
ORIGIN = "camera"  # of what is said here
PASTE_ADVICE = "What can be pasted: a camera copied here, cameras.json, transforms.json, 25 numbers"
MAX_TEXT = 2**22  # characters of a pasted text
NO_SURFACE = "There is no surface to turn round here: double-click the foreground."
SURFACE_OPACITY = 0.5  # of what counts as a surface


def copy(app: App, action: cam.CopyCamera) -> None:
    """Put the camera on the clipboard."""
    state = app.state
    if action.form == "json":
        text = encode_camera(state.view.camera)
    else:
        text = _encode(state, action.form)
    app.window.clipboard = text
    app.dispatch(act.Notify("info", f"Copied the camera as {FORMS[action.form]}", ORIGIN))


def paste(app: App, action: cam.PasteCamera) -> None:
    """Take the camera on the clipboard; say so where it is none, or had more than we show."""
    text = app.window.clipboard
    if not text.strip():
        _complain(app, "There is no text on the clipboard: copy a camera first")
        return
    try:
        found = decode_first(text[:MAX_TEXT], "The text on the clipboard")
    except ValueError as error:
        _complain(app, f"{error}. {PASTE_ADVICE}")
    else:
        take(app, found)


def read_first(path: str) -> Orbit | Camera:
    """The first camera in a file. For any thread. Raises ValueError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_TEXT + 1).decode("utf-8-sig")
        if len(text) > MAX_TEXT:
            raise ValueError("it is over 4 MB: ballgan render --cameras reads larger ones")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} cannot be read as cameras: {reason}") from None
    return decode_first(text, path)


def take(app: App, found: Orbit | Camera) -> None:
    """Look through a camera that was found in a text."""
    if isinstance(found, Orbit):
        camera, lost = found, ""
    else:
        camera, lost = fit_orbit(found, app.state.view.camera), describe_loss(found)
    app.dispatch(act.EndStroke(), cam.GlideTo(camera), act.EndStroke())
    taken = app.state.view.camera
    note = "The camera was taken"
    if abs(taken.radius - camera.radius) > 1e-6 or taken.pivot != camera.pivot:
        note = "The camera was moved to where the model can be seen"
    elif lost:
        note = f"The camera was taken without {lost}"
    if abs(taken.fov - camera.fov) > 1e-6:
        wanted, given = (f"{math.degrees(angle):.3g}\u00b0" for angle in (camera.fov, taken.fov))
        note += f", with an angle of view of {given}: {wanted} cannot be shown"
    app.dispatch(act.Notify("info", note, ORIGIN))


def save(app: App, action: cam.SaveCamera) -> None:
    """Write the camera as a file for other programs."""
    name, text = FILE_NAMES[action.convention], _encode(app.state, action.convention)
    request = CameraRequest(app.state.preferences.output_folder, name, text)
    app.lanes["camera"].submit(request)


def write(request: CameraRequest, ticket: Ticket) -> None:
    """Write a file with a camera and post a notice. For its lane."""
    wanted = paths.make_folder(request.folder) / request.name
    path, _ = paths.write_unused(wanted, lambda scratch: scratch.write_bytes(request.text.encode()))
    ticket.post(act.Notify("info", f"Saved {path}", ORIGIN))


def pick_pivot(app: App, action: cam.PickPivot) -> None:
    """Put the pivot on the surface at a place of the picture."""
    state = app.state.seen
    if state.model is None:
        return
    found = app.easel.inspect(state, action.place)
    if found is None or found.point is None or (found.opacity or 0.0) < SURFACE_OPACITY:
        app.dispatch(act.Notify("info", NO_SURFACE, ORIGIN))
        return
    aimed = navigation.aim(state.view.camera, found.point)
    app.dispatch(act.EndStroke(), cam.GlideTo(aimed), act.EndStroke())


def _complain(app: App, text: str) -> None:
    app.dispatch(act.Notify("error", text, ORIGIN))


def _encode(state: ViewerState, convention: str) -> str:
    name = f"{paths.picture_stem(state)}.png"
    size = state.model.image_resolution if state.model else 512
    return encode_cameras({name: to_camera(state.view.camera)}, convention, size)
