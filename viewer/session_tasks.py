"""What the session thread does: read and write session files, and look for their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ballgan.model_files import bundled_model, find_model
from ballgan.session import SUFFIX, Session, SessionError, read_session, write_session
from ballgan.view import Backdrop

from . import actions as act
from . import document
from .paths import make_folder, unused
from .requests import AutosaveRequest, SessionRequest, WriteSession
from .worker import Ticket


def work(request: SessionRequest | WriteSession | AutosaveRequest, ticket: Ticket) -> None:
    """Do one request, and post what came of it."""
    if isinstance(request, SessionRequest):
        _open(request, ticket)
    elif isinstance(request, WriteSession):
        _write(request, ticket)
    else:
        write_session(request.path, request.session)


def _open(request: SessionRequest, ticket: Ticket) -> None:
    """Read a session or a picture with one, and post SessionOpened."""
    session = read_session(request.path)
    complaints: list[str] = []
    session = _find_pictures(session, request.pictures, complaints)
    try:
        values = document.read(session)
    except ValueError as error:
        raise SessionError(f"{request.path} cannot be used: {error}") from None
    model = _find_model(session, request.models, complaints)
    bundled = model is not None and model == bundled_model()
    path = None if model is None else str(model)
    others = tuple(_find_others(session, request.models))
    complaint = " ".join(complaints)
    ticket.post(act.SessionOpened(request.path, values, path, bundled, others, complaint))


def _find_model(session: Session, models: tuple[str, ...], complaints: list[str]) -> Path | None:
    """The model that the session shows; where its file has changed, that."""
    wanted = session.model
    if wanted is None:
        return None
    found = find_model(wanted, models)
    if found is None and Path(wanted.path).is_file():
        complaints.append(
            f"The model {wanted.name} has changed since: what is shown may look different."
        )
        return Path(wanted.path)
    if found is None:
        complaints.append(f"The model {wanted.name} is not here: another one stands in.")
    return found


def _find_others(session: Session, models: tuple[str, ...]) -> Iterator[str]:
    """Paths of the models that were open beside the one that was shown, as far as they are here."""
    for index, file in enumerate(session.models):
        found = find_model(file, models) if index != session.shown else None
        if found is not None:
            yield str(found)


def _find_pictures(session: Session, pictures: tuple[str, ...], complaints: list[str]) -> Session:
    """The session with its background pictures where they are now, its film's too; the learnt
    background stands in for those that are nowhere."""
    here = {Path(path).name: path for path in pictures if Path(path).is_file()}

    def find(backdrop: Backdrop) -> Backdrop:
        photo = backdrop.photo
        if photo is None or Path(photo).is_file():
            return backdrop
        name = Path(photo).name
        backdrop = replace(backdrop, photo=here.get(name))
        if name in here or backdrop.kind != "photo":
            return backdrop
        complaint = f"The background picture {name} is not here."
        complaints.extend({complaint} - set(complaints))
        return replace(backdrop, kind=Backdrop().kind)

    film = session.animation
    keys = tuple(replace(key, backdrop=find(key.backdrop)) for key in film.keys)
    view = replace(session.view, backdrop=find(session.view.backdrop))
    return replace(session, view=view, animation=replace(film, keys=keys))


def _write(request: WriteSession, ticket: Ticket) -> None:
    """Write a session file and post SessionSaved."""
    path = Path(request.path) if request.path else find_session_path(request)
    write_session(path, request.session)
    ticket.post(act.SessionSaved(str(path)))


def find_session_path(request: WriteSession) -> Path:
    """A path that no file has yet: as it was typed, or called `name`. Raises OSError."""
    folder = make_folder(request.folder)
    path = folder / os.path.expanduser(request.typed)
    if not os.path.basename(request.typed) or path.is_dir():
        return unused(path / f"{request.name}{SUFFIX}")
    suffix = "" if path.name.endswith(".json") else SUFFIX
    return unused(path.with_name(path.name + suffix))
