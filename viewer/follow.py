"""Watches the folder of a training run for its newest model."""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from os import DirEntry, scandir

from . import actions as act
from .worker import Ticket

INTERVAL, SLICE = 1.0, 0.1  # seconds between two looks, and between two questions whether to stop
OLDER = 5  # models that may stand in for a newest one that is broken
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
        """Post RunHasModel for the newest model and for each newer one, RunLost when the folder
        cannot be read any more, RunIsEmpty if it has no model at first or when it comes back.

        A file that is being copied grows: one that has just changed is looked at once more.
        """
        seen: Version | None = None
        last: Version | None = None
        lost, looked = False, False
        while True:
            try:
                models = list_models(request.folder)
                newest = models[0] if models else None
            except OSError as error:
                if not lost:
                    ticket.post(act.RunLost(request.folder, error.strerror or str(error)))
                lost = looked = True
            else:
                grows, last = newest != last and _is_fresh(newest), newest
                if newest is not None and not grows and (newest != seen or lost):
                    older = tuple(path for path, _, _ in models[1 : 1 + OLDER])
                    ticket.post(act.RunHasModel(request.folder, newest[0], older))
                    seen = newest
                elif not grows and (lost or not looked):
                    ticket.post(act.RunIsEmpty(request.folder))
                lost, looked = lost and grows, looked or not grows
            _wait(ticket)


def list_models(folder: str) -> list[Version]:
    """The models of a run, newest first: by the number at the end of their names, such as
    model-000200.pkl; of equal ones, the last changed comes first. Of a folder that has none, but
    holds runs, the models of the run that has changed last. Raises OSError."""
    models = _models_in(folder)
    return models or max(_runs_in(folder), key=_latest_change, default=[])


def _models_in(folder: str) -> list[Version]:
    with scandir(folder) as entries:
        models = [entry for entry in entries if entry.name.lower().endswith(SUFFIXES)]
    ranked = [(_number(entry), version) for entry in models if (version := _version(entry))]
    return [version for _, version in sorted(ranked, key=_rank, reverse=True)]


def _runs_in(folder: str) -> list[list[Version]]:
    """The models of each run in a folder of runs."""
    with scandir(folder) as entries:
        folders = [entry.path for entry in entries if entry.is_dir()]
    runs = []
    for path in folders:
        with suppress(OSError):  # one that is private, or was just removed
            runs.append(_models_in(path))
    return [run for run in runs if run]


def _latest_change(run: list[Version]) -> int:
    return max(changed for _, changed, _ in run)


def _rank(numbered: tuple[int, Version]) -> tuple[int, int]:
    number, (_, changed, _) = numbered
    return number, changed


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
