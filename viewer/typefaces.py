"""Fonts of the system for letters that ours lacks: found once such a letter is to be shown.

They are large, some 20 MB, so that none is read before. Letters are shown as they are: nothing
here joins Arabic ones, or writes from right to left.
"""

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .worker import Lane, Ticket

FONTS = "fonts"  # the lane's name
BEGINNINGS = (b"\0\1\0\0", b"true", b"OTTO", b"ttcf")  # of font files that can be read
_SUFFIXES = (".ttf", ".otf", ".ttc")
_STYLE = re.compile(r"(-regular|-vf|\[.*\])$")  # at the end of a name: of the plain style


@dataclass(frozen=True)
class Alphabet:
    """Letters that come with one font; size: of theirs, beside that of ours."""

    letters: str  # as in a regular expression
    fonts: Sequence[str]  # names of their files without style and suffix; the best come first
    size: float = 1.0


_CHINESE = ("NotoSansCJK", "NotoSansCJKsc", "NotoSansCJKjp", "NotoSansSC", "NotoSansJP")
ALPHABETS: Mapping[str, Alphabet] = {
    "chinese": Alphabet(  # with the Japanese ones
        "\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff",
        (*_CHINESE, "Hiragino Sans GB", "PingFang", "msyh", "meiryo", "YuGothM", "simsun")
        + ("SourceHanSansSC", "SourceHanSans", "wqy-microhei", "wqy-zenhei", "ipag")
        + ("DroidSansFallbackFull", "DroidSansFallback", "STHeiti Light", "Arial Unicode"),
        1.2,  # their files leave much room above and below, which counts
    ),
    "korean": Alphabet(
        "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff",
        ("NotoSansCJK", "NotoSansCJKkr", "NotoSansKR", "AppleSDGothicNeo", "malgun")
        + ("SourceHanSansKR", "NanumGothic", "UnDotum", "wqy-zenhei", "Arial Unicode"),
        1.2,
    ),
    "arabic": Alphabet(
        "\u0600-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
        ("NotoSansArabic", "SFArabic", "segoeui", "DejaVuSans", "Arial", "NotoNaskhArabic"),
    ),
    "hebrew": Alphabet(
        "\u0590-\u05ff\ufb1d-\ufb4f",
        ("NotoSansHebrew", "SFHebrew", "segoeui", "DejaVuSans", "Arial", "LiberationSans"),
    ),
    "thai": Alphabet(
        "\u0e00-\u0e7f",
        ("NotoSansThai", "Thonburi", "LeelawUI", "tahoma", "Loma", "Garuda", "Arial Unicode"),
    ),
}


@dataclass(frozen=True)
class FontRequest:
    """Find a font with an alphabet, one of ALPHABETS."""

    alphabet: str


@dataclass(frozen=True)
class FontFound:
    """A font that can be read at once, and the size of its letters beside that of ours."""

    path: str
    size: float


def find_font(request: FontRequest, ticket: Ticket) -> None:
    """Post FontFound, if the system has one. For its lane."""
    alphabet = ALPHABETS[request.alphabet]
    for path in choose_fonts(alphabet.fonts, list_fonts(font_folders())):
        if is_font(path):
            ticket.post(FontFound(str(path), alphabet.size))
            return


def font_folders() -> tuple[Path, ...]:
    """Where systems keep fonts."""
    if sys.platform == "win32":
        own = Path(os.environ.get("LOCALAPPDATA", ""), "Microsoft", "Windows", "Fonts")
        return Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"), own
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), data / "fonts"


def list_fonts(folders: Iterable[Path]) -> dict[str, Path]:
    """The fonts anywhere in folders by the names of their files, in small letters, without style
    and suffix; folders that cannot be read count as empty."""
    found: dict[str, Path] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                stem, suffix = os.path.splitext(name.lower())
                if suffix in _SUFFIXES:
                    found.setdefault(_STYLE.sub("", stem), Path(place, name))
    return found


def choose_fonts(names: Sequence[str], fonts: Mapping[str, Path]) -> list[Path]:
    """Those of `fonts` that are called so, in the order of `names`."""
    return [fonts[name.lower()] for name in names if name.lower() in fonts]


def is_font(path: Path) -> bool:
    """Whether a file is a font; all of it is read, so that the system has it at hand."""
    try:
        return path.read_bytes().startswith(BEGINNINGS)
    except OSError:
        return False


class Typefaces:
    """Asks for a font of each alphabet once it is needed, and adds it to ours."""

    def __init__(self, lane: Lane, add_font: Callable[[str, float], None]) -> None:
        """add_font: takes a path and the size of its letters beside that of ours."""
        self._lane, self._add_font = lane, add_font
        self._asked: set[str] = set()
        self._added: set[str] = set()  # paths: one font may have several alphabets

    def submit(self, letters: Collection[str]) -> None:
        """Ask for what was to be shown in the last frame."""
        if not letters:
            return
        text = "".join(letters)
        for name, alphabet in ALPHABETS.items():
            if name not in self._asked and re.search(f"[{alphabet.letters}]", text):
                self._asked.add(name)
                self._lane.submit(FontRequest(name))

    def receive(self, found: FontFound) -> None:
        """Show letters in a font from now on."""
        if found.path not in self._added:
            self._added.add(found.path)
            self._add_font(found.path, found.size)
