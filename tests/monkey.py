"""A monkey at the real viewer: seeded random actions, as a person could do them."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballgan_viewer import actions as act
from ballgan_viewer.requests import Forget, RenderRequest
from ballgan_viewer.worker import Progress, Stopped
from viewer_driver import play

KEYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SPECIAL = ("Left", "Right", "Up", "Down", "Enter", "Escape", "Space", "Tab", "/", "F1", "=", "-")
TEXTS = ("", "0", "7", "-1", "1e9", "nan", "ä/\\%s%n", "nowhere/x.glb", "a" * 300, "{}", "mesh.ply")
LEFT_OUT = {"file.quit"}  # the one command that ends the program
SIZES = ((1, 1), (2, 3000), (320, 240), (700, 500), (900, 600), (1024, 700))
LARGEST = (5000, 3000)
ANSWERING = ("render", "surface")  # lanes whose answers a person waits for
REFRESH = 1 / 60  # seconds between two pictures of a screen


@dataclass(frozen=True)
class Delay:
    """How long a person waited for what a lane made of a request.

    seconds: by the clock. work: of those, what the lane's thread has computed meanwhile, to which
    neither the window nor other programs on a busy machine add.
    """

    seconds: float = 0.0
    work: float = 0.0
    request: str = "nothing"

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.work:.2f} s of work, for {self.request}"


@dataclass(frozen=True)
class Asked:
    """A request that a lane was given, when, and what its thread had computed until then."""

    request: Any
    at: float
    worked: float


class AnswerTimes:
    """How long a lane's answers take: the longest, that with the most work, the longest result.

    An answer is what the work on a request posts, or its end; it answers the requests before it,
    too, which it came instead of. How far the work is, is an answer, but no result. That older work
    was stopped is neither.
    """

    def __init__(self, lane: Any) -> None:
        self.longest = self.hardest = self.slowest = Delay()
        self._unanswered: list[Asked] = []
        self._without_result: list[Asked] = []
        self._current: Any = None  # what the lane works on
        self._lane, self._submit, self._post, self._work = lane, lane.submit, lane.post, lane._work
        lane.submit, lane.post, lane._work = self._watch_submit, self._watch_post, self._watch_work

    @property
    def unanswered(self) -> list[str]:
        """What was asked for and has no result yet."""
        return [describe(asked.request) for asked in self._without_result]

    def close(self) -> None:
        """Leave the lane as it was."""
        lane = self._lane
        lane.submit, lane.post, lane._work = self._submit, self._post, self._work

    def _watch_submit(self, request: Any) -> None:
        with self._lane._changed:
            if isinstance(request, Forget):  # nobody waits for another model's pictures
                self._unanswered, self._without_result = [], []
            else:
                asked = Asked(request, time.monotonic(), self._worked())
                self._unanswered.append(asked)
                self._without_result.append(asked)
            self._submit(request)

    def _watch_post(self, result: Any) -> None:
        if not isinstance(result, Stopped):
            self._note(result)
        self._post(result)

    def _watch_work(self, request: Any, ticket: Any) -> None:
        self._current = request
        self._work(request, ticket)
        self._note(None)  # all that was asked for was there

    def _note(self, result: Any) -> None:
        with self._lane._changed:
            # That work begins is told before it does.
            request = result.request if isinstance(result, Progress) else self._current
            answered = _take_until(self._unanswered, request)
            made = []
            if not isinstance(result, Progress):
                made = _take_until(self._without_result, self._current)
            for asked in answered:
                delay = self._delay(asked, result)
                self.longest = max(self.longest, delay, key=lambda d: d.seconds)
                self.hardest = max(self.hardest, delay, key=lambda d: d.work)
            for asked in made:
                self.slowest = max(
                    self.slowest, self._delay(asked, result), key=lambda d: d.seconds
                )

    def _delay(self, asked: Asked, result: Any) -> Delay:
        words = f"{describe(asked.request)} -> {type(result).__name__}"
        return Delay(time.monotonic() - asked.at, self._worked() - asked.worked, words)

    def _worked(self) -> float:
        thread = self._lane._thread
        if thread is None or not thread.is_alive():
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def _take_until(waiting: list[Asked], request: Any) -> list[Asked]:
    """Take from `waiting` what was asked for up to `request`; nothing if it is not there."""
    place = next((i for i, asked in enumerate(waiting) if asked.request is request), -1)
    taken = waiting[: place + 1]
    del waiting[: place + 1]
    return taken


@dataclass(frozen=True)
class Summary:
    """What a monkey measured.

    longest, hardest, slowest: see AnswerTimes, of all lanes. unanswered: requests that have no
    result. frame: seconds of the longest frame. met: numbers of actions, by what went on.
    """

    longest: Delay
    hardest: Delay
    slowest: Delay
    unanswered: list[str]
    frame: float
    met: dict[str, int]

    def __str__(self) -> str:
        return (
            f"longest answer: {self.longest}; hardest: {self.hardest}; slowest result: "
            f"{self.slowest}; longest frame: {self.frame:.2f} s; met: {dict(self.met)}"
        )


class Screen:
    """Lets a window's frames wait for a screen, as they do unless it is offscreen."""

    def __init__(self, window: Any) -> None:
        self.longest = 0.0  # seconds of a frame, with the action before it
        self._window, self._present, self._presented_at = window, window.present, time.monotonic()
        window.present = self._wait

    def close(self) -> None:
        """Leave the window as it was."""
        self._window.present = self._present

    def _wait(self) -> None:
        self._present()
        self.longest = max(self.longest, time.monotonic() - self._presented_at)
        time.sleep(REFRESH - time.monotonic() % REFRESH)
        self._presented_at = time.monotonic()


def describe(request: Any) -> str:
    """What is asked for, in a line."""
    words = [type(request).__name__, request.model.info.name]
    if isinstance(request, RenderRequest):
        words += [request.view.layer, f"to {request.limit}", "baked" if request.preview else ""]
    return " ".join(filter(None, words))


class Monkey:
    """Random actions at an app, with the files it may drop."""

    def __init__(self, app: Any, seed: int, files: list[Path]) -> None:
        self.app, self.files = app, files
        app.dispatch(act.FoldSections(()))  # more to click
        self.random = random.Random(seed)
        self.done: list[dict[str, Any]] = []  # steps, so that a failure can be told
        self.answers = {name: AnswerTimes(app.lanes[name]) for name in ANSWERING}
        self.met: Counter[str] = Counter()  # actions while something went on
        self.screen = Screen(app.window)
        self._kinds: dict[Callable[[], dict[str, Any] | None], int] = {
            self._command: 20,
            self._click: 30,
            self._drag_widget: 10,
            self._type: 8,
            self._drag: 12,
            self._wheel: 6,
            self._key: 10,
            self._drop: 6,
            self._resize: 4,
        }

    @property
    def summary(self) -> Summary:
        """What was measured until now."""
        times = self.answers.values()
        return Summary(
            max((t.longest for t in times), key=lambda d: d.seconds),
            max((t.hardest for t in times), key=lambda d: d.work),
            max((t.slowest for t in times), key=lambda d: d.seconds),
            [request for t in times for request in t.unanswered],
            self.screen.longest,
            self.met,
        )

    def close(self) -> None:
        """Leave the app as it was."""
        self.screen.close()
        for times in self.answers.values():
            times.close()

    def act(self) -> None:
        """One random action; what cannot be done now (a widget that is greyed out) is nothing."""
        from ballgan_viewer.script import ScriptError

        (kind,) = self.random.choices(list(self._kinds), list(self._kinds.values()))
        step = kind()
        if step is None:
            return
        self.done = [*self.done[-19:], step]
        self.met.update(self._going_on())
        try:
            play(self.app, step)
        except ScriptError as error:
            if "cannot be used now" not in str(error) and "no widget" not in str(error):
                raise
        check(self.app)

    def _going_on(self) -> list[str]:
        """What the program does while an action comes."""
        state = self.app.state
        rendering = ["rendering"] if self.app.lanes["render"].busy else []
        return [*rendering, *(["loading"] if state.loading else []), *(j.lane for j in state.jobs)]

    def _command(self) -> dict[str, Any] | None:
        from ballgan_viewer.commands import COMMANDS

        rows = [c for c in COMMANDS if c.name not in LEFT_OUT and c.enabled(self.app.state)]
        return {"command": self.random.choice(rows).name}

    def _widget(self) -> str | None:
        names = sorted(self.app.gui.ui.rects.keys() - self.app.gui.ui.disabled)
        names = [name for name in names if name.removeprefix("palette.") not in LEFT_OUT]
        return self.random.choice(names) if names else None

    def _click(self) -> dict[str, Any] | None:
        name = self._widget()
        return {"click": name} if name else None

    def _drag_widget(self) -> dict[str, Any] | None:
        name, by = self._widget(), [self.random.randint(-200, 200) for _ in range(2)]
        steps = self.random.randint(1, 4)
        return {"drag": {"widget": name, "by": by, "steps": steps}} if name else None

    def _type(self) -> dict[str, Any] | None:
        name = self._widget()
        return {"set": [name, self.random.choice(TEXTS)]} if name else None

    def _place(self) -> list[float]:
        width, height = self.app.window.size
        return [self.random.uniform(-20, width + 20), self.random.uniform(-20, height + 20)]

    def _drag(self) -> dict[str, Any]:
        button = self.random.choice(("left", "right", "middle"))
        mods = self.random.sample(("shift", "control", "alt"), self.random.randint(0, 1))
        drag = {"from": self._place(), "to": self._place(), "button": button, "mods": mods}
        return {"drag": {**drag, "steps": self.random.randint(1, 4)}}

    def _wheel(self) -> dict[str, Any]:
        return {"wheel": self.random.uniform(-5, 5), "at": self._place()}

    def _key(self) -> dict[str, Any] | None:
        mods = self.random.choice(((), (), ("shift",), ("control",), ("control", "shift")))
        key = self.random.choice((*KEYS, *SPECIAL))
        return None if (key, "control" in mods) == ("Q", True) else {"key": key, "mods": list(mods)}

    def _drop(self) -> dict[str, Any]:
        count = self.random.choice((1, 1, 1, 3))
        return {"drop": [str(self.random.choice(self.files)) for _ in range(count)]}

    def _resize(self) -> dict[str, Any]:
        largest = self.random.random() < 0.02
        return {"size": list(LARGEST if largest else self.random.choice(SIZES))}


def check(app: Any) -> None:
    """Raise AssertionError if GL or the program itself complains."""
    from OpenGL import GL

    error = GL.glGetError()
    assert error == GL.GL_NO_ERROR, f"GL error {error:#x}"
    for notice in app.state.notices:
        assert "Internal error" not in notice.text, notice.text
    assert not app.window.should_close(), "the window was closed"
