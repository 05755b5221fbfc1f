"""Shares of a command's work, and those of processes that died, which the living take over.

Every process touches a file, the mark of the share that it works on, as long as it lives. A share
whose mark has not been touched for long is taken over by the first that has done its own. The mark
then says by whom. That happens once: a piece that kills its process must not kill them all.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .crew import Crew

BEAT_S = 5.0  # between two touches of a mark
DEAD_S = 120.0  # without one; file systems of many machines tell of them late
FAILED = "failed"  # in a mark; else the number of the process that took over; empty: nobody did


def do_shares(folder: Path, crew: Crew, name: str, do: Callable[[int], None]) -> None:
    """Do this process's own share, then those of dead ones, by their numbers.

    A share is not taken that never began, that failed with an error, or that was taken before.
    One's own is left to another that has taken it over and lives.

    folder: where the marks are; made here. name: of the work, the same in all its processes.
    """
    if crew.size == 1 or crew.launched:  # torchrun starts the dead again by itself
        do(crew.rank)
        return
    folder.mkdir(exist_ok=True)
    marks = _list_marks(folder, crew, name)
    share = _begin(marks, crew.rank)
    while share is not None:
        with _holding(marks[share]):
            do(share)
        share = _take_dead(marks, crew.rank)


def find_lost(folder: Path, crew: Crew, name: str, since: float) -> list[int]:
    """Shares that failed or died since then (see `read_clock`) and that nobody takes over."""
    lost, oldest = [], read_clock(folder) - DEAD_S
    for number, mark in enumerate(_list_marks(folder, crew, name)):
        with suppress(FileNotFoundError):
            if since <= mark.stat().st_mtime <= oldest and mark.read_text():
                lost.append(number)
    return lost


def read_clock(folder: Path) -> float:
    """Time by the clock of the file system, which all processes share."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def _list_marks(folder: Path, crew: Crew, name: str) -> list[Path]:
    return [folder / f"{name}.{number}" for number in range(crew.size)]


def _begin(marks: list[Path], rank: int) -> int | None:
    """Mark one's own share; the share of a dead one if another is at work on one's own."""
    own = marks[rank]
    with suppress(FileNotFoundError):
        alive = own.stat().st_mtime > read_clock(own.parent) - DEAD_S
        if alive and own.read_text().isdecimal():
            return _take_dead(marks, rank)
    own.write_text("")
    os.utime(own)
    return rank


@contextmanager
def _holding(mark: Path) -> Iterator[None]:
    """Touch a mark; remove it at the end, or leave it for others if this process is stopped."""
    stop = threading.Event()
    thread = threading.Thread(target=_touch, args=(mark, stop), daemon=True)
    thread.start()
    try:
        yield
    except Exception:  # it would fail for others too
        with suppress(OSError):
            mark.write_text(FAILED)
        raise
    finally:
        stop.set()
        thread.join()
    mark.unlink(missing_ok=True)


def _touch(mark: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        with suppress(OSError):
            os.utime(mark)


def _take_dead(marks: list[Path], rank: int) -> int | None:
    """Take over the share of a dead process; None if there is none, or all have finished."""
    try:
        oldest = read_clock(marks[rank].parent) - DEAD_S
    except FileNotFoundError:  # others have found all done, and removed what is not needed then
        return None
    for number, mark in enumerate(marks):
        mine = mark.with_name(f"{mark.name}.taken-by-{rank}")
        with suppress(FileNotFoundError):
            if mark.stat().st_mtime > oldest or (mark.read_text() and number != rank):
                continue
            os.rename(mark, mine)  # one process only can do this
            dead = mine.stat().st_mtime <= oldest  # or another was faster, and has touched it
            if dead:
                mine.write_text("" if number == rank else str(rank))
                os.utime(mine)
            os.rename(mine, mark)
            if dead:
                return number
    return None
