"""The colours of the window.

The first ones are a copy of the viewer's, since training does not import the viewer; a test
compares the two.
"""

Colour = tuple[int, int, int, int]


def _rgb(code: str, alpha: float = 1.0) -> Colour:
    return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16), round(255 * alpha)


STAGE = _rgb("0c0e12")
PANEL = _rgb("15181e")
RAISED = _rgb("1b1f27")
CONTROL = _rgb("242a34")
CONTROL_HOVERED = _rgb("2e3541")
CONTROL_ACTIVE = _rgb("38414f")
LINE = _rgb("262c36")
TEXT = _rgb("e4e8ee")
TEXT_DIM = _rgb("9aa4b3")
TEXT_FAINT = _rgb("7b8595")
ACCENT = _rgb("4fd1b5")
ACCENT_HOVERED = _rgb("6fe0c7")
ACCENT_ACTIVE = _rgb("3bb89d")
ACCENT_SOFT = _rgb("4fd1b5", 0.18)
ON_ACCENT = _rgb("07211c")
WARNING = _rgb("f0b354")
ERROR = _rgb("ff6b6b")

CLEAR: Colour = (0, 0, 0, 0)
SERIES = (ACCENT, *(_rgb(code) for code in ("f0b354", "7aa2f7", "e58fb5", "a5d46a", "c3a6ff")))
MOODS = {"normal": TEXT, "good": ACCENT, "warning": WARNING, "none": TEXT_FAINT}
STATES = {"waiting": WARNING, "running": ACCENT, "stopped": TEXT_FAINT, "finished": ACCENT}
