"""Text for the screen."""

import re

REPLACEMENT = "\ufffd"


def printable(text: str) -> str:
    """`text` with a mark for what cannot be shown, such as bytes of a file name that are no UTF-8.

    Everything that goes to Dear ImGui or GLFW goes through this: they refuse such text.
    """
    return re.sub("[\0\ud800-\udfff]", REPLACEMENT, text)


def sentence(text: str) -> str:
    """`text` with a capital letter, unless it begins with something else than a word: names of
    files stay as they are."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+ ", text) else text
