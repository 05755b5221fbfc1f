"""Watches the folder of a training run for its newest model."""

import re
import time
from dataclasses import dataclass
from os import DirEntry, scandir

from . import actions as act
from .worker import Ticket

INTERVAL, SLICE = 1.0, 0.1  # seconds between two looks, and between two questions whether to stop
SUFFIXES = (".pkl", ".safetensors")
_NUMBER = re.compile(r"(\d+)\.\w+$")

Version = tuple[str, int, int]  # path, time of the last change, size


@dataclass(frozen=True)
class FollowRequest:
    """Watch a folder."""

    folder: str


class Follower:
    """Looks into a folder now and then, until its ticket is cancelled."""

    def __call__(self, request: FollowRequest, ticket: Ticket) -> None:
        """Post RunHasModel for the newest model and for each newer one, RunIsEmpty if there is none
        at first, RunLost when the folder cannot be read any more; it may come back.

        A file that is being copied grows: one that has just changed is looked at once more.
        """
        seen: Version | None = None
        last: Version | None = None
        lost, looked = False, False
        while True:
            try:
                newest = find_newest(request.folder)
            except OSError as error:
                if not lost:
                    ticket.post(act.RunLost(request.folder, error.strerror or str(error)))
                lost = looked = True
            else:
                grows, last = newest != last and _is_fresh(newest), newest
                if newest is not None and not grows and (newest != seen or lost):
                    ticket.post(act.RunHasModel(request.folder, newest[0]))
                    seen = newest
                elif not (looked or grows):
                    ticket.post(act.RunIsEmpty(request.folder))
                lost, looked = lost and grows, looked or not grows
            _wait(ticket)


def find_newest(folder: str) -> Version | None:
    """The newest model of a run: the one with the highest number at the end of its name, such as
    model-000200.pkl; of equal ones, the last changed. Raises OSError."""
    with scandir(folder) as entries:
        models = [entry for entry in entries if entry.name.lower().endswith(SUFFIXES)]
    ranked = [(_number(entry), version) for entry in models if (version := _version(entry))]
    return max(ranked, key=lambda pair: (pair[0], pair[1][1]))[1] if ranked else None


def _is_fresh(version: Version | None) -> bool:
    """Whether a file has changed since about the last look."""
    return version is not None and abs(time.time() - version[1] / 1e9) < 2 * INTERVAL


def _number(entry: "DirEntry[str]") -> int:
    found = _NUMBER.search(entry.name)
    return int(found[1]) if found else -1


def _version(entry: "DirEntry[str]") -> Version | None:
    """None for what is no file, or went away just now."""
    try:
        facts = entry.stat()
        return (entry.path, facts.st_mtime_ns, facts.st_size) if entry.is_file() else None
    except OSError:
        return None


def _wait(ticket: Ticket) -> None:
    end = time.monotonic() + INTERVAL
    while (left := end - time.monotonic()) > 0:
        ticket.check()
        time.sleep(min(SLICE, left))
    ticket.check()
