"""Thousands of random actions at the real program: it neither fails nor grows nor hangs."""

import gc
import logging
import os
import queue
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import document
from ballgan_viewer import latent_actions as lat
from ballgan_viewer.worker import Lane
from memory_meter import measure
from monkey import AnswerTimes, Delay, Monkey
from test_viewer_app import app
from viewer_driver import play

from ballgan.images import write_png
from ballgan.process import return_freed_memory

__all__ = ["app"]  # fixtures
log = logging.getLogger(__name__)
BASE = int(os.environ.get("BALLGAN_MONKEY_SEED", "0"))
ACTIONS = int(os.environ.get("BALLGAN_MONKEY_ACTIONS", "0"))  # of the long test
PATIENCE = float(os.environ.get("BALLGAN_MONKEY_PATIENCE", "1"))  # seconds; more if others compute
CALM = {"wait": "idle", "timeout": 120}


@pytest.fixture
def files(model_file: Path, other_file: Path, tmp_path: Path) -> list[Path]:
    """Good and bad files to drop."""
    folder = tmp_path / "drops"
    folder.mkdir()
    whole = model_file.read_bytes()
    (folder / "cut.pkl").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.pkl").write_bytes(np.random.default_rng(0).bytes(3000))
    (folder / "empty.png").touch()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (folder / "session.json").write_text('{"format": "ballgan-session", "version": 99}')
    write_png(folder / "room.png", np.random.default_rng(1).random((32, 64, 3)))
    return [model_file, other_file, folder, folder / "gone.pkl", *sorted(folder.iterdir())]


def run(app: Any, files: list[Path], seed: int, count: int) -> tuple[Delay, Delay]:
    """`count` actions; what was done last is told with a failure. See Monkey.delays."""
    with closing(Monkey(app, seed, files)) as monkey:
        for number in range(count):
            if number % 100 == 99:
                log.info("seed %d, action %d: %s", seed, number + 1, measure())
            try:
                monkey.act()
            except Exception as error:
                last = "\n".join(str(step) for step in monkey.done)
                told = f"seed {seed}, action {number}: {error}; after\n{last}"
                raise AssertionError(told) from error
        return monkey.delays


def rest(app: Any) -> None:
    """A usual size, no overlay, nothing running, nothing kept that is free."""
    play(app, {"size": [900, 600]}, {"key": "Escape"}, {"key": "Escape"})
    app.dispatch(lat.StopAnimations())
    for job in app.state.jobs:  # not by clicks: a job may end before it is clicked
        app.dispatch(act.CancelJob(job.lane))
    play(app, CALM)
    gc.collect()
    return_freed_memory()


def start_anew(app: Any, model: Path, other: Path, values: dict[str, Any]) -> None:
    """Show what was shown at first, by other seeds, in a model that was just opened: what is kept
    of pictures has the same size whenever this is done, so that only what is lost counts."""
    app.dispatch(act.RestoreDocument(values))
    for wanted in other, model:  # the last model cannot be closed
        play(app, {"drop": str(wanted)}, CALM)
        for info in app.state.models:
            if info.path != str(wanted):
                app.dispatch(act.CloseModel(info.path))
        play(app, CALM)
    assert [info.path for info in app.state.models] == [str(model)]
    for seed in range(9):
        view = replace(values["view.foreground"], x=float(seed))
        backdrop = replace(values["view.backdrop"], code=view)
        changed = values | {"view.foreground": view, "view.backdrop": backdrop}
        app.dispatch(act.RestoreDocument(changed))
        play(app, CALM)
        for layer in "surface", "normals":
            app.dispatch(act.SetLayer(layer))
            play(app, CALM)
    rest(app)


def test_a_request_is_not_answered_by_the_end_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monkey.describe", str)
    goes_on, told = threading.Event(), queue.SimpleQueue()

    def work(request: str, ticket: Any) -> None:
        goes_on.wait(10)
        if request == "second":
            ticket.post("picture")

    lane = Lane("render", work, told.put)
    submit = lane.submit

    def submit_late(request: str) -> None:
        if request == "second":
            goes_on.set()  # the first one ends before the lane has the second one
            lane._thread.join(0.2)
        submit(request)

    lane.submit = submit_late
    times = AnswerTimes(lane)
    lane.submit("first")
    times._asked = None  # as if it had been answered
    lane.submit("second")
    while told.get(timeout=10) != "picture":
        pass
    lane.close()
    assert times.longest.request == "second -> str"
    times.close()
    assert lane.submit is submit_late and lane.post == told.put and lane._work is work


@pytest.mark.parametrize("seed", range(BASE, BASE + 2))
def test_random_actions(app: Any, files: list[Path], seed: int) -> None:
    play(app, {"wait": "loaded"})
    run(app, files, seed, 60)
    rest(app)
    assert app.easel.picture is not None


@pytest.mark.slow
@pytest.mark.skipif(not ACTIONS, reason="takes an hour: make monkey")
@pytest.mark.timeout(12 * 3600)
def test_many_random_actions_and_no_growth(app: Any, files: list[Path]) -> None:
    """As many as asked for, such as 20,000; memory is compared after a tenth of them."""
    play(app, {"wait": "loaded"})
    beginning, (model, other, *_) = document.values(app.state), files
    part = ACTIONS // 10
    run(app, files, BASE + 1000, part)
    rest(app)
    start_anew(app, model, other, beginning)
    before = measure()
    log.info("after warming up: %s", before)
    growth, delays = [], []
    for number in range(1, 10):
        delays.append(run(app, files, BASE + 1000 + number, part))
        rest(app)
        start_anew(app, model, other, beginning)
        now = measure()
        growth.append(now.resident - before.resident)
        log.info("%s; growth %.1f; longest: %s; hardest: %s", now, growth[-1], *delays[-1])
    assert growth[-1] < 50, growth
    assert max(longest.seconds for longest, _ in delays) < PATIENCE, delays
