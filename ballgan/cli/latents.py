"""Options that make latents, the latents they make, and how file names call them.

Light: torch is imported when latents are made.
"""

from __future__ import annotations

import itertools
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ballgan.files import shorten_name

from .values import DEFAULT_TRUNCATION, format_signed, number, parse_seeds, whole_number

if TYPE_CHECKING:
    from ballgan.latents import Latent

    AnyLatent = TypeVar("AnyLatent", bound=Latent)

LAST_ROW = 63
MAX_LATENTS = 10_000  # of one command; more is a slip of the hand
MAX_NAME = 60  # bytes of the edits in file names, which may have 255 in all


@dataclass(frozen=True)
class Moves:
    """One --move: a direction and the amounts to go along it."""

    method: str
    index: int
    rows: tuple[int, ...] | None
    amounts: tuple[float, ...]


def add_truncation(command: ArgumentParser) -> None:
    """--truncation and --truncation-cutoff."""
    command.add_argument(
        "--truncation",
        metavar="PSI",
        type=number(-5, 5),
        default=DEFAULT_TRUNCATION,
        help="truncation psi: 0 is the average, 1 the full variety (default: %(default)s)",
    )
    command.add_argument(
        "--truncation-cutoff",
        metavar="ROWS",
        type=whole_number(0, LAST_ROW + 1),
        help="truncate only the first ROWS rows of ws (default: all)",
    )


def add_edits(command: ArgumentParser, *, background: bool = False) -> None:
    """--mix and --move, or those of the learnt background."""
    prefix, whose = ("background-", "learnt background's ") if background else ("", "")
    command.add_argument(
        f"--{prefix}mix",
        metavar="SEED:ROWS",
        type=parse_mix,
        help=f"style mixing: take these of the {whose}rows of ws from a second seed, "
        "e.g. 9:0-5; early rows shape the form, late ones the colours (default: none)",
    )
    command.add_argument(
        f"--{prefix}move",
        metavar="DIRECTION=AMOUNTS",
        type=parse_moves,
        action="append",
        help=f"move the {whose}code along a semantic direction: sefa:0 is the first of the "
        "factorised weights, pca:0 the first principal component of W, pca:0:4-7 moves these rows "
        "of ws only; amounts are in standard deviations, and each gives a picture, "
        "e.g. sefa:0=-3,0,3; can be repeated (default: none)",
    )


def parse_mix(text: str) -> tuple[int, tuple[int, ...]]:
    """Read "9:0-5" as (9, (0, 1, 2, 3, 4, 5))."""
    seed, colon, rows = text.partition(":")
    if not colon:
        raise ArgumentTypeError(f'"{text}" should be a seed and rows of ws such as 9:0-5')
    return whole_number(0, 2**32 - 1)(seed), parse_rows(rows)


def parse_moves(text: str) -> Moves:
    """Read "pca:2:0-5=-1,1" as a direction and its amounts."""
    found = re.fullmatch(r"(sefa|pca):(\d{1,5})(?::([\d,\s-]+))?=(.+)", text.strip())
    if found is None:
        raise ArgumentTypeError(
            f'"{text}" should be a direction and amounts such as sefa:0=-3,0,3 or pca:2:0-5=1.5'
        )
    amount = number(-1000, 1000, " standard deviations")
    amounts = tuple(dict.fromkeys(amount(part) for part in found[4].split(",")))
    rows = None if found[3] is None else parse_rows(found[3])
    return Moves(found[1], int(found[2]), rows, amounts)


def parse_rows(text: str) -> tuple[int, ...]:
    """Read "0-3,7" as rows of ws."""
    rows = parse_seeds(text)
    if max(rows) > LAST_ROW:
        raise ArgumentTypeError(f'"{text}" should be rows of ws, from 0 to {LAST_ROW}')
    return tuple(sorted(rows))


def list_latents(
    args: Namespace, seeds: tuple[int, ...], kind: type[AnyLatent], prefix: str = ""
) -> list[AnyLatent]:
    """The latents of some seeds with all edits. Raises ValueError if there are too many.

    prefix: "" or "background_", of the edits' names in `args`.
    """
    from ballgan.latents import Direction, StyleMix

    mix = getattr(args, f"{prefix}mix")
    steps = [
        [(Direction(moves.method, moves.index, moves.rows), amount) for amount in moves.amounts]
        for moves in getattr(args, f"{prefix}move") or ()
    ]
    latents = [
        kind(
            seed,
            args.truncation,
            args.truncation_cutoff,
            mix=None if mix is None else StyleMix(*mix),
            moves=chosen,
        )
        for seed in seeds
        for chosen in itertools.islice(itertools.product(*steps), MAX_LATENTS + 1)
    ]
    if len(latents) > MAX_LATENTS:
        raise ValueError(f"seeds and amounts make more than {MAX_LATENTS} codes")
    return latents


def name_edits(latent: Latent) -> list[str]:
    """The part of a file name that tells the edits, such as "mix9r0-5_sefa0+3.00"; none without."""
    parts = []
    if latent.mix is not None:
        parts.append(f"mix{latent.mix.seed}r{format_rows(latent.mix.rows)}")
    for direction, amount in latent.moves:
        rows = "" if direction.rows is None else f"r{format_rows(direction.rows)}"
        parts.append(f"{direction.method}{direction.index}{rows}{format_signed(amount)}")
    return [shorten_name("_".join(parts), MAX_NAME)] if parts else []


def format_rows(rows: tuple[int, ...]) -> str:
    """Write (0, 1, 2, 3, 7) as "0-3.7", which file names may have."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return ".".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def describe_edits(latent: Latent) -> dict[str, Any] | None:
    """The edits as plain containers, for the text chunks of a picture; None if there are none."""
    from ballgan.plain import to_plain

    if latent.mix is None and not latent.moves:
        return None
    return {"mix": to_plain(latent.mix), "moves": to_plain(latent.moves)}
