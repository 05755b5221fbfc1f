"""Finding commands by what is typed in the palette."""

import re
from collections.abc import Iterable

from .commands import COMMANDS, Command

ROWS = tuple(row for row in COMMANDS if row.name != "palette")


def search(query: str, others: Iterable[Command] = ()) -> list[Command]:
    """Commands of the table and `others` in whose group and title the query's words are found, the
    best first.

    A word is found where it begins the title, else a word of it, else of the group, else inside,
    else letter by letter. An empty query finds all, in the order of the table; the palette itself
    is not in it.
    """
    scored = [(score, row) for row in (*ROWS, *others) if (score := _score(query, row)) is not None]
    return [row for _, row in sorted(scored, key=lambda pair: pair[0])]


def _score(query: str, row: Command) -> int | None:
    """How badly a command fits, from 0; None: not at all."""
    title, text = row.title.lower(), f"{row.title} {row.group} {row.name}".lower()
    total = 0
    for word in query.lower().split():
        if title.startswith(word):
            continue
        if any(part.startswith(word) for part in title.split()):
            total += 1
            continue
        if any(part.startswith(word) for part in text.split()):
            total += 2
        elif word in text:
            total += 3
        elif (spread := _spread(word, title)) is not None:
            total += 10 + spread
        else:
            return None
    return total


def _spread(word: str, text: str) -> int | None:
    """Length of the shortest part of a text that has the word's letters in order, if any has."""
    pattern = re.compile(f"(?=({'.*?'.join(map(re.escape, word))}))")
    return min((len(match[1]) for match in pattern.finditer(text)), default=None)
