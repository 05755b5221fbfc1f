"""Letters that our own font lacks: a font of the system is found when one is to be shown."""

import re
from pathlib import Path
from typing import Any

import imgui_bundle
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import typefaces
from ballgan_viewer.typefaces import ALPHABETS, Alphabet, choose_fonts, list_fonts
from viewer_driver import notices, wait_until

MATHEMATICS = Path(imgui_bundle.__file__).parent / "assets" / "fonts" / "latex"
FOR_ALL = "\u2200"  # our own font has no such sign
NAMES = {
    "chinese": "\u4e2d\u65e5\u3042\u30ab",
    "korean": "\ud55c\u3131",
    "arabic": "\u0645",
    "hebrew": "\u05e9",
    "thai": "\u0e17",
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_each_letter_has_one_alphabet(alphabet: str) -> None:
    for letter in NAMES[alphabet]:
        found = [name for name, a in ALPHABETS.items() if re.match(f"[{a.letters}]", letter)]
        assert found == [alphabet]


def test_fonts_are_found_by_name_wherever_they_lie(tmp_path: Path) -> None:
    for name in "noto/NotoSansCJK-Regular.ttc", "a/b/NotoSansArabic[wght].ttf", "msyh.TTC", "x.pcf":
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    fonts = list_fonts([tmp_path / "missing", tmp_path])
    assert set(fonts) == {"notosanscjk", "notosansarabic", "msyh"}
    assert choose_fonts(("NotoSansJP", "MSYH", "NotoSansCJK"), fonts) == [
        tmp_path / "msyh.TTC",
        tmp_path / "noto" / "NotoSansCJK-Regular.ttc",
    ]


def test_a_letter_that_our_font_lacks_shows_in_one_of_the_system(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.ttf").write_text("no font")
    monkeypatch.setattr(typefaces, "font_folders", lambda: (tmp_path, MATHEMATICS))
    signs = Alphabet("\u2200-\u22ff", ("none", "broken", "latinmodern-math"))
    monkeypatch.setattr(typefaces, "ALPHABETS", {"signs": signs})
    fonts = app.gui.ui.fonts
    app.dispatch(act.Notify("info", "Gr\u00fc\u00dfe \u2026"))
    app.frame()
    assert not app.lanes["fonts"].busy  # what our font has needs no other
    assert not fonts.regular.is_glyph_in_font(ord(FOR_ALL))
    app.dispatch(act.Notify("info", f"Saved {FOR_ALL}.png"))
    for font in fonts.regular, fonts.bold:
        wait_until(app, lambda font=font: font.is_glyph_in_font(ord(FOR_ALL)))
    app.frame()
    assert [level for level, _ in notices(app)] == ["info", "info"]
