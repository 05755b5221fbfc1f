"""What the session thread does: read and write session files, and look for their files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ballgan.model_files import ModelFile, bundled_model, find_model
from ballgan.session import (
    SUFFIX,
    Session,
    SessionError,
    complain_of,
    read_session,
    write_session,
)
from ballgan.view import Backdrop, View

from . import actions as act
from . import document
from .follow import list_models
from .paths import find_folder, make_folder, write_unused
from .requests import AutosaveRequest, SessionRequest, WriteSession
from .worker import Ticket


def work(request: SessionRequest | WriteSession | AutosaveRequest, ticket: Ticket) -> str:
    """Do one request, and post what came of it; the path of the file."""
    if isinstance(request, SessionRequest):
        _open(request, ticket)
    elif isinstance(request, WriteSession):
        return _write(request, ticket)
    else:
        write_session(request.path, request.session)
    return request.path


def _open(request: SessionRequest, ticket: Ticket) -> None:
    """Read a session or a picture with one, and post SessionOpened."""
    unknown: list[str] = []
    complaints: list[str] = []
    session = read_session(request.path, unknown)
    session = _find_pictures(session, request.pictures, complaints)
    try:
        values = document.read(session, unknown)
    except ValueError as error:
        raise SessionError(f"{request.path} cannot be used: {error}") from None
    run, newest = _look_into(values.pop(document.RUN, ""), complaints)

    def find(file: ModelFile) -> Path | None:
        found = find_model(file, request.models, lambda _: ticket.check())
        if found is None and newest is not None and Path(file.path).parent == newest.parent:
            return newest  # runs keep their last few models: the newest takes the place
        return found

    found = [find(file) for file in session.models]
    model = _choose_shown(session, found, complaints)
    others = tuple(dict.fromkeys(str(path) for path in found if path not in (None, model)))
    path = None if model is None else str(model)
    if unknown:
        complaints.append(complain_of(unknown))
    ticket.post(
        act.SessionOpened(
            request.path,
            values,
            path,
            bundled=model is not None and model == bundled_model(),
            others=others,
            follow=_follow(run, (path or "", *others)),
            complaint=" ".join(complaints),
        )
    )


def _look_into(run: str, complaints: list[str]) -> tuple[str, Path | None]:
    """The folder of a run that was followed, if it is here, and its newest model."""
    if not run:
        return "", None
    try:
        models = list_models(run)
    except (OSError, ValueError):
        complaints.append(f"The run {run} is not here: it is followed no longer.")
        return "", None
    return run, Path(models[0][0]) if models else None


def _follow(run: str, models: tuple[str, ...]) -> act.FollowRun | None:
    """What follows a run on, in the place of its model among those that are open."""
    if not run:
        return None
    own = (path for path in models if Path(run) in Path(path).parents[:2])  # or in a folder of runs
    return act.FollowRun(run, next(own, ""))


def _choose_shown(
    session: Session, places: list[Path | None], complaints: list[str]
) -> Path | None:
    """The model that the session shows; where its file has changed, that."""
    wanted = session.model
    if wanted is None:
        return None
    found = places[session.shown]
    if found is None and Path(wanted.path).is_file():
        complaints.append(
            f"The model {wanted.name} has changed since: what is shown may look different."
        )
        return Path(wanted.path)
    if found is None:
        complaints.append(f"The model {wanted.name} is not here: another one stands in.")
    return found


def _find_pictures(session: Session, pictures: tuple[str, ...], complaints: list[str]) -> Session:
    """The session with its background pictures where they are now, the film's and the
    pinned one's too; the learnt background stands in for those that are nowhere."""
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

    def find_all(view: View) -> View:
        how = view.comparison
        pinned = find_all(how.pinned) if how.pinned is not None else None
        found = replace(view, backdrop=find(view.backdrop))
        return replace(found, comparison=replace(how, pinned=pinned))

    film = session.animation
    keys = tuple(replace(key, backdrop=find(key.backdrop)) for key in film.keys)
    return replace(session, view=find_all(session.view), animation=replace(film, keys=keys))


def _write(request: WriteSession, ticket: Ticket) -> str:
    """Write a session file and post SessionSaved; its path."""
    if request.path:
        path = Path(request.path)
        write_session(path, request.session)
    else:
        wanted = _find_path(request)
        path, _ = write_unused(
            wanted, lambda scratch: write_session(scratch, request.session, wanted.parent)
        )
    ticket.post(act.SessionSaved(str(path)))
    return str(path)


def _find_path(request: WriteSession) -> Path:
    """The path for a session, which a file may have already: as it was typed, or called `name`.
    Raises OSError."""
    typed = os.path.expanduser(request.typed)
    folder = find_folder(request.folder) if os.path.isabs(typed) else make_folder(request.folder)
    path = folder / typed
    if not os.path.basename(request.typed) or path.is_dir():
        return path / f"{request.name}{SUFFIX}"
    return path if is_named(path.name) else path.with_name(path.name + SUFFIX)


def is_named(path: str) -> bool:
    """Whether a path has a session's suffix, or as much of it as a person cares to type."""
    return path.endswith(".json")
