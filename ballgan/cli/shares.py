"""Shares of a command's work, and those of processes that died, which the living take over.

Every process touches a file, the mark of the share that it works on, as long as it lives. A share
whose mark has not been touched for long is taken over by the first that has done its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from .crew import Crew

BEAT_S = 5.0  # between two touches of a mark
DEAD_S = 120.0  # without one; file systems of many machines tell of them late


def take_shares(folder: Path, crew: Crew, name: str) -> Generator[int, None, None]:
    """Numbers of the shares to work on: this process's own, then those of dead ones.

    A share that never began is not taken. Close the iterator, whatever happens.

    folder: where the marks are; made here. name: of the work, the same in all its processes.
    """
    if crew.size == 1 or crew.launched:  # torchrun starts the dead again by itself
        yield crew.rank
        return
    folder.mkdir(exist_ok=True)
    marks = [folder / f"{name}.{number}" for number in range(crew.size)]
    held, stop = {marks[crew.rank]}, threading.Event()
    marks[crew.rank].touch()
    thread = threading.Thread(target=_touch, args=(held, stop), daemon=True)
    thread.start()
    try:
        yield crew.rank
        while (number := _take_dead(marks, crew.rank)) is not None:
            held.add(marks[number])
            yield number
    except BaseException:
        _stop(thread, stop)
        raise  # the marks stay: others see that this one is dead
    _stop(thread, stop)
    for mark in held:
        mark.unlink(missing_ok=True)


def _stop(thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    thread.join()


def _touch(held: set[Path], stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        for mark in tuple(held):
            with suppress(OSError):
                os.utime(mark)


def _take_dead(marks: list[Path], rank: int) -> int | None:
    """Take over the share of a dead process; None if all live, are done, or never began."""
    try:
        marks[rank].touch()
        oldest = marks[rank].stat().st_mtime - DEAD_S  # by the clock of the file system
    except FileNotFoundError:  # others have found all done, and removed what is not needed then
        return None
    for number, mark in enumerate(marks):
        mine = mark.with_name(f"{mark.name}.taken-by-{rank}")
        with suppress(FileNotFoundError):
            if mark.stat().st_mtime > oldest:
                continue
            os.rename(mark, mine)  # one process only can do this
            dead = mine.stat().st_mtime <= oldest  # or another was faster, and has touched it
            if dead:
                os.utime(mine)
            os.rename(mine, mark)
            if dead:
                return number
    return None
