"""Where files go: names made of what is shown, and paths that a person typed.

Names are pure functions of the state, good for every frame. Functions that look at the disk are
for the worker's threads: folders vanish, forbid and take their time.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ballgan.files import move_new, scratch_folder
from ballgan.session import SUFFIX
from ballgan.view import Code

from .state import ExportOptions, ViewerState

T = TypeVar("T")
Beside = Callable[[Path], tuple[Path, ...]]
MODEL_NAME_LIMIT = 200  # bytes of a model's name in others; file systems allow about 255 in all


def picture_stem(state: ViewerState) -> str:
    """The beginning of the name of a picture of what is shown."""
    layer = state.view.layer
    return _stem(state, "picture") + ("" if layer == "full" else f"-{layer}")


def film_stem(state: ViewerState) -> str:
    """The beginning of the name of a film."""
    return _stem(state, "film") + "-film"


def session_name(state: ViewerState) -> str:
    """The beginning of the name of a session file of what is shown."""
    return _stem(state, "session")


def describe_session_path(state: ViewerState) -> str:
    """Where the session is saved next."""
    if state.session_name:
        return state.session_name
    name = f"{session_name(state)}{SUFFIX}"
    return state.session or os.path.join(state.preferences.output_folder, name)


def sphere_stem(state: ViewerState) -> str:
    """The beginning of the name of a picture of the whole background."""
    backdrop = state.view.backdrop
    which = {"learnt": f"sphere{describe_code(backdrop.code)}"}.get(backdrop.kind, backdrop.kind)
    return f"{_model_name(state, 'background')}-{which}"


def mesh_name(state: ViewerState) -> str:
    """The name that the next mesh gets if none is typed."""
    return f"{_stem(state, 'mesh')}.{state.export.format}"


def describe_mesh_path(state: ViewerState) -> str:
    """Where the next mesh goes, for the person: any text that is typed will do."""
    if state.export.path:
        return state.export.path
    return os.path.join(state.preferences.output_folder, mesh_name(state))


def describe_code(code: Code) -> str:
    """A code as a part of a file name."""
    if code.blend:
        name = "to".join(str(part.seed) for part, _ in code.blend[:4])
    else:
        name = f"{code.seed}" if not code.is_blend else f"{code.x:.2f}x{code.y:.2f}"
    edited = code.moves or (code.mix is not None and code.mix.rows)
    return f"{name}-edited" if edited else name


def find_folder(chosen: str) -> Path:
    """`chosen`, else the current folder if it can be written, else the person's own."""
    if chosen:
        return Path(chosen).expanduser()
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return Path.home()
    return here if os.access(here, os.W_OK) else Path.home()


def make_folder(chosen: str) -> Path:
    """The folder that `find_folder` gives, made if it is missing. Raises OSError."""
    folder = find_folder(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def find_mesh_path(options: ExportOptions, name: str, folder: Path) -> Path:
    """The path for a mesh, which a file may have already.

    options.path may be a file, from which the suffix may be missing, or a folder, in which the
    mesh is called `name`; `~` is the person's own folder and relative paths begin at `folder`.
    Raises ValueError for a path that can be no file.
    """
    typed = os.path.expanduser(options.path)
    path = folder / typed
    if not os.path.basename(typed) or os.path.isdir(path):
        return path / name
    suffix = f".{options.format}"
    return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)


def no_files(path: Path) -> tuple[Path, ...]:
    """The files that go with one that stands alone."""
    return ()


def write_unused(
    path: Path,
    write: Callable[[Path], T],
    *,
    suffix: str | None = None,
    beside: Beside = no_files,
) -> tuple[Path, T]:
    """Let `write` write a file or a folder; where it is, and what `write` returned.

    It gets the name of `path`, or with a number if there is such a file at the end: whatever others
    write meanwhile is not replaced. Until then it is out of sight, and removed if anything fails.

    suffix, beside: as for `unused`.
    """
    with scratch_folder(path.parent) as scratch:
        while True:
            named = unused(path, suffix, beside)
            result = write(scratch / named.name)
            with suppress(FileExistsError):  # files name each other: they are written again
                _move_together(scratch, beside(named))
                break
        target = named
        while True:
            with suppress(FileExistsError):
                move_new(scratch / named.name, target)
                return target, result
            target = unused(path, suffix, beside)


def _move_together(scratch: Path, targets: tuple[Path, ...]) -> None:
    """Give all of some files their names, or none. Raises FileExistsError."""
    moved: list[Path] = []
    try:
        for target in targets:
            move_new(scratch / target.name, target)
            moved.append(target)
    except OSError:
        for target in moved:
            target.unlink(missing_ok=True)
        raise


def unused(path: Path, suffix: str | None = None, beside: Beside = no_files) -> Path:
    """`path`, or with a number before its suffix if there is such a file.

    suffix: "" for a folder, in whose name a dot means nothing; None: as the name says. beside: the
    paths of other files that go with one, none of which may be there either.
    """
    if suffix is None:
        suffix = SUFFIX if path.name.endswith(SUFFIX) else path.suffix
    stem, candidate, number = path.name.removesuffix(suffix), path, 1
    while any(map(os.path.lexists, (candidate, *beside(candidate)))):
        number += 1
        candidate = path.with_name(f"{stem}-{number}{suffix}")
    return candidate


def _stem(state: ViewerState, default: str) -> str:
    return f"{_model_name(state, default)}-seed{describe_code(state.view.foreground)}"


def _model_name(state: ViewerState, default: str) -> str:
    model = state.model.name if state.model else default
    data = model.encode(errors="surrogatepass")
    if len(data) > MODEL_NAME_LIMIT:
        model = data[:MODEL_NAME_LIMIT].decode(errors="ignore")
    return model
