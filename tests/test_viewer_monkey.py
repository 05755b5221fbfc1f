"""Thousands of random actions at the real program: it neither fails nor grows nor hangs."""

import gc
import logging
import os
import queue
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ballgan_viewer import actions as act
from ballgan_viewer import document
from ballgan_viewer.actions import latents as lat
from ballgan_viewer.panel_pictures import LIMIT
from ballgan_viewer.worker import Lane, Progress
from memory_meter import measure
from monkey import AnswerTimes, Monkey, Summary
from viewer_driver import open_app, play

from ballgan.images import write_png
from ballgan.process import return_freed_memory
from ballgan.session import describe_picture, write_session

log = logging.getLogger(__name__)
BASE = int(os.environ.get("BALLGAN_MONKEY_SEED", "0"))
ACTIONS = int(os.environ.get("BALLGAN_MONKEY_ACTIONS", "0"))  # of the long test
PATIENCE = float(os.environ.get("BALLGAN_MONKEY_PATIENCE", "1"))  # seconds; more if others compute
WORK = "export", "capture", "film", "sphere"  # jobs that actions should come into
CALM = {"wait": "idle", "timeout": 120}


@pytest.fixture
def app(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The viewer as a person has it: it remembers settings and saves by itself."""
    monkeypatch.setenv("BALLGAN_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    with open_app(model_file, remember=True) as opened:
        yield opened


@pytest.fixture
def files(app: Any, model_file: Path, other_file: Path, tmp_path: Path) -> list[Path]:
    """Good and bad files to drop; what is good comes first."""
    folder = tmp_path / "drops"
    folder.mkdir()
    whole = model_file.read_bytes()
    (folder / "cut.pkl").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.pkl").write_bytes(np.random.default_rng(0).bytes(3000))
    (folder / "empty.png").touch()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (folder / "session.json").write_text('{"format": "ballgan-session", "version": 99}')
    noise = np.random.default_rng(1).random((32, 64, 3))
    write_png(folder / "room.png", noise)
    play(app, {"wait": "loaded"}, {"command": "film.turntable"})
    session = document.to_session(app.state)
    write_session(folder / "scene.json", session)
    write_png(folder / "picture.png", noise[:, :32], describe_picture(session))
    run = folder / "run"
    run.mkdir()
    (run / "model-000100.pkl").write_bytes(whole)
    return [model_file, other_file, folder, folder / "gone.pkl", *sorted(folder.iterdir())]


def run(app: Any, files: list[Path], seed: int, count: int) -> Summary:
    """`count` actions, until all is answered; what was done last is told with a failure."""
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
        rest(app)
        return monkey.summary


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


def test_only_what_is_made_of_a_request_or_a_later_one_answers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monkey.describe", str)
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def work(request: str, ticket: Any) -> None:
        if request == "first":  # of an old view; the newer request is not answered by its end
            while not ticket.superseded:
                time.sleep(0.01)
            ticket.post("old picture")
            ticket.check()
        if request == "second":
            ticket.post(Progress("render", request, 0.5))
            while True:
                ticket.check()
        ticket.post("picture")

    lane = Lane("render", work, told.put)
    submit, post = lane.submit, lane.post
    times = AnswerTimes(lane)
    lane.submit("first")
    time.sleep(0.05)
    lane.submit("second")
    assert [told.get(timeout=10) for _ in range(3)][0] == "old picture"
    assert times.unanswered == ["second"]
    time.sleep(0.3)
    lane.submit("third")
    while told.get(timeout=10) != "picture":
        pass
    lane.close()
    assert times.unanswered == []
    assert times.slowest.request == "second -> str" and times.slowest.seconds > 0.3
    assert times.longest.seconds < times.slowest.seconds
    times.close()
    assert lane.submit == submit and lane.post == post and lane._work is work


@pytest.mark.parametrize("seed", range(BASE, BASE + 2))
def test_random_actions(app: Any, files: list[Path], seed: int) -> None:
    play(app, {"wait": "loaded"})
    assert not run(app, files, seed, 40).unanswered
    assert app.converged


@pytest.mark.slow
@pytest.mark.skipif(not ACTIONS, reason="takes an hour: make monkey")
@pytest.mark.timeout(12 * 3600)
def test_many_random_actions_and_no_growth(app: Any, files: list[Path]) -> None:
    """As many as asked for, such as 20,000; what is held is compared after a tenth of them."""
    play(app, {"wait": "loaded"})
    beginning, (model, other, *_) = document.values(app.state), files
    part = ACTIONS // 10
    parts, held = [], []
    for number in range(10):
        parts.append(run(app, files, BASE + 1000 + number, part))
        start_anew(app, model, other, beginning)
        held.append(measure())
        growth = held[-1].resident - held[0].resident
        log.info("part %d: %s; growth %.1f; %s", number, held[-1], growth, parts[-1])
    assert max(now.resident for now in held[1:]) - held[0].resident < 50, held
    assert max(now.handles for now in held[1:]) <= held[0].handles + 10, held
    kept = 2 * LIMIT  # of the panel's last pictures, each of which has two in turn
    assert max(now.textures for now in held) < kept + 30, held
    assert not any(part.unanswered for part in parts), parts
    assert max(part.longest.seconds for part in parts) < PATIENCE, parts
    met = sum((Counter(part.met) for part in parts), Counter())
    assert all(met[what] for what in ("rendering", "loading", *WORK)), met
