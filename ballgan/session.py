"""Session files: what a window showed, as JSON that people and commands can read.

    {"format": "ballgan session", "version": 1,
     "models": [{"path": "heads.pkl", "size": 2345678, "sha256": "..."}], "shown": 0,
     "view": {"foreground": {"x": 3.0, ...}, "backdrop": {...}, "camera": {...}, ...},
     "window": {...},
     "animation": {"keys": [{"time": 0.0, "camera": {...}, ...}], "duration": 4.0, ...},
     "picture": {"size": 2048, "passes": 3}}

`view` decides the picture: it is a `view.View`, key by key. `picture` is how large it is written.
`animation` is an `animation.Animation`, the film's keys on their timeline; without keys there is
none. `window` is what only the window knows; commands leave it alone. Saved pictures carry the
same text in their metadata, with the names of files but not their folders, since pictures are given
away.

To extend it, add a field with a default to a dataclass of view.py: it is written and read without
further work, files from before it existed give the default, and older programs pass it over with a
complaint. If it is a path, declare it with `view.file_field()`. Only a change of what a present key
means needs another VERSION, and a function in `_UPGRADES` that turns the older text into the
present one.
"""

import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from .animation import Animation
from .files import atomic_write
from .model_files import ModelFile
from .panoramas import bundled_panoramas, locate_panorama
from .plain import from_plain, require, to_plain
from .view import (
    BACKDROP_KINDS,
    COLORMAPS,
    COMPARISONS,
    LAYERS,
    MAX_STRENGTH,
    PAINTS,
    SIDES,
    Backdrop,
    Code,
    Comparison,
    DepthStyle,
    MeshStyle,
    Orbit,
    View,
)

FORMAT, VERSION = "ballgan session", 1
SUFFIX = ".ballgan.json"
METADATA_KEY = "ballgan-session"  # of the text chunk in a PNG
MAX_BYTES = 2**24  # of a session's text
MAX_COORDINATE = 2.0**40  # of a place among the seeds
_NUMBERS = re.compile(r"\[\n[-+.\deE,\s]*\]")  # lists that are better read in one line
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}  # version -> to the next one


class SessionError(ValueError):
    """A session that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class PictureSettings:
    """How the picture is written: as filming.FilmSettings says, or as the window shows it."""

    size: int | None = None  # side in pixels; None: as it is shown, at the model's size
    passes: int = 3  # sets of samples, where a size is given
    sides: str = "both"  # of a comparison, one of view.SIDES


@dataclass(frozen=True)
class Session:
    """What a window shows, and of which models."""

    models: tuple[ModelFile, ...] = ()  # all that are open
    shown: int = 0  # which of them the view is of
    view: View = View()
    window: dict[str, Any] = field(default_factory=dict)  # plain values of the window's own
    animation: Animation = Animation()  # without keys there is none
    picture: PictureSettings = PictureSettings()

    @property
    def model(self) -> ModelFile | None:
        """The model that the view is of."""
        return self.models[self.shown] if self.models else None


_CHOICES: dict[type, dict[str, tuple[str, ...]]] = {  # of fields that hold a name
    View: {"layer": LAYERS},
    Backdrop: {"kind": BACKDROP_KINDS},
    DepthStyle: {"colormap": COLORMAPS},
    MeshStyle: {"paint": PAINTS},
    Comparison: {"kind": COMPARISONS, "layer": LAYERS},
    PictureSettings: {"sides": SIDES},
}


def write_session(
    path: str | os.PathLike[str], session: Session, folder: str | os.PathLike[str] | None = None
) -> None:
    """Write a session file, atomically. Files in its folder are named relative to it.

    folder: where it will be moved to; None: it stays. Raises OSError if that does not work.
    """
    place = Path(os.path.abspath(Path(path).parent if folder is None else folder))
    text = encode_session(_map_files(session, lambda name: _relative(name, place)))
    with atomic_write(path) as file:
        file.write(text.encode())


def read_session(path: str | os.PathLike[str], unknown: list[str] | None = None) -> Session:
    """Read a session file, or the session of a picture that was saved by the window.

    Files that are not where the session says are looked for beside it. unknown: as of
    `decode_session`. Raises SessionError.
    """
    text = _read_text(Path(path))
    folder = Path(os.path.abspath(path)).parent
    session = decode_session(text, str(path), unknown)
    return _map_files(session, lambda name: _locate(name, folder))


def encode_session(session: Session) -> str:
    """The text of a session."""
    head = {"format": FORMAT, "version": VERSION}
    text = json.dumps(head | to_plain(session), indent=2, allow_nan=False)
    return _NUMBERS.sub(_join_lines, text) + "\n"


def decode_session(
    text: str, name: str = "the session", unknown: list[str] | None = None
) -> Session:
    """Inverse of `encode_session`. Raises SessionError, which calls the source `name`.

    unknown: takes the places of keys that are unknown and passed over, to complain of; None: they
    are refused.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{name} is damaged or no session: it is not JSON ({error}).") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SessionError(f'{name} is no session: its "format" should be "{FORMAT}".')
    passed: list[str] = []
    try:
        content = _upgrade(data)
        session: Session = from_plain(Session, content, "session", lenient=True, unknown=passed)
        _check(session)
        require(unknown is not None or not passed, complain_of(passed))
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{name} cannot be used: {error}") from None
    if unknown is not None:
        unknown += passed
    return session


def complain_of(unknown: list[str]) -> str:
    """What to tell of keys of a session that are not known here."""
    return (
        f"The session has unknown keys: {', '.join(unknown)[:200]}. What a newer program wrote can "
        "look different here: update this program to see it as it was."
    )


def describe_picture(session: Session) -> dict[str, str]:
    """A session as the metadata of a picture (text chunks of a PNG): the model that is shown alone,
    names without folders, and nothing of the window."""
    models = () if session.model is None else (session.model,)
    shown: Session = _map_files(replace(session, models=models, shown=0, window={}), _public)
    return {METADATA_KEY: encode_session(shown)}


def holds_session(path: str | os.PathLike[str]) -> bool:
    """Whether a PNG carries a session; False for what cannot be read."""
    try:
        return os.path.isfile(path) and METADATA_KEY in _read_png_texts(Path(path))
    except Exception:  # damaged files raise anything; so does Pillow at very large ones
        return False


def _join_lines(numbers: re.Match[str]) -> str:
    return "[" + " ".join(numbers[0][1:-1].split()) + "]"


def _upgrade(data: dict[str, Any]) -> dict[str, Any]:
    """The content of a session file of any version, as the present one has it."""
    version = data.get("version")
    if type(version) is not int or version < 1:
        raise ValueError(f"its version should be a whole number from 1; got {version!r:.80}.")
    if version > VERSION:
        raise ValueError(
            f"it was written by a newer program (session version {version}; this one reads up to "
            f"{VERSION}). Update this program."
        )
    for older in range(version, VERSION):
        data = _UPGRADES[older](data)
    return {key: value for key, value in data.items() if key not in ("format", "version")}


def _check(session: Session) -> None:
    """Raise ValueError for values of the right type that mean nothing."""
    count = len(session.models)
    if not 0 <= session.shown < max(count, 1):
        raise ValueError(f"session.shown should be one of {count} models; got {session.shown}.")
    require_choices(session, "session")
    for _, value in _walk(session, "session"):
        if isinstance(value, Code) and max(abs(value.x), abs(value.y)) > MAX_COORDINATE:
            raise ValueError(f"x and y of a code should be within +-2^40; got {value}.")
        if isinstance(value, Backdrop) and not 0 <= value.light_strength <= MAX_STRENGTH:
            raise ValueError(
                f"light_strength should be in 0 ... {MAX_STRENGTH}; got {value.light_strength}."
            )
        if isinstance(value, Orbit) and not (value.radius > 0 and 0 < value.fov < math.pi):
            raise ValueError(
                f"a camera should have a radius above 0 and a fov in 0 ... pi radians; got {value}."
            )


def require_choices(whole: Any, where: str) -> None:
    """Raise ValueError if a name in a tree of dataclasses, such as a layer, is not known."""
    for place, value in _walk(whole, where):
        for name, choices in _CHOICES.get(type(value), {}).items():
            known, chosen = ", ".join(choices), getattr(value, name)
            require(
                chosen in choices,
                f"{place}.{name} should be one of {known}; got {chosen!r:.80}.",
            )


def _walk(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """All dataclasses in a tree of them, each with its place."""
    if is_dataclass(value):
        yield where, value
        for each in fields(value):
            yield from _walk(getattr(value, each.name), f"{where}.{each.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, f"{where}[{index}]")


def _read_text(path: Path) -> str:
    try:
        if path.is_fifo():  # it would make us wait
            raise ValueError("it is not a regular file")
        with open(path, "rb") as file:
            head = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SessionError(f"{path} cannot be read: {reason}.") from None
    if head.startswith(b"\x89PNG"):
        return _read_picture(path)
    if len(head) > MAX_BYTES:
        raise SessionError(f"{path} is no session: it is larger than {MAX_BYTES >> 20} MB.")
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SessionError(f"{path} is no session: it is not text.") from None


def _read_picture(path: Path) -> str:
    try:
        texts = _read_png_texts(path)
    except Exception as error:  # damaged files raise anything from struct.error to IndexError
        raise SessionError(f"{path} is damaged: {error}.") from None
    if METADATA_KEY not in texts:
        raise SessionError(
            f"{path} holds no session: only pictures saved by the window or by `ballgan render "
            "--session` do, and programs that change a picture may drop it."
        )
    return texts[METADATA_KEY]


def _read_png_texts(path: Path) -> dict[str, str]:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path, formats=("PNG",)) as image:
            texts = image.info.items()
            return {str(key): str(text) for key, text in texts if isinstance(text, str)}


def _map_files(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with `change` applied to every file name in it (see `view.file_field`)."""
    if isinstance(value, tuple):
        return tuple(_map_files(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _map_files(item, change) for key, item in value.items()}
    if isinstance(value, ModelFile):
        return replace(value, path=change(value.path)) if value.path else value
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {}
    for each in fields(value):
        item = getattr(value, each.name)
        if each.metadata.get("file") and item:
            changes[each.name] = change(item)
        else:
            changes[each.name] = _map_files(item, change)
    return replace(value, **changes)


def _relative(name: str, folder: Path) -> str:
    path = Path(os.path.abspath(name))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _locate(name: str, folder: Path) -> str:
    """The path of a file of a session that lies in `folder`."""
    path, beside = folder / name, folder / _name_of(name)
    if not path.exists() and beside.exists():
        return str(beside)
    return locate_panorama(str(path))


def _public(path: str) -> str:
    """A file's name without its folders, but for those of the installation."""
    bundled = path in bundled_panoramas().values()
    return f"{Path(path).parent.name}/{Path(path).name}" if bundled else _name_of(path)


def _name_of(path: str) -> str:
    """The name of a file without its folder, of any system."""
    return path.replace("\\", "/").rpartition("/")[2]
