"""A monkey at the real viewer: seeded random actions, as a person could do them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballgan_viewer import actions as act
from ballgan_viewer.requests import RenderRequest
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
    """How long a person waited for the first thing that a lane posted after a request.

    seconds: by the clock. work: of those, what the lane's thread has computed meanwhile, to which
    neither the window nor other programs on a busy machine add.
    """

    seconds: float = 0.0
    work: float = 0.0
    request: str = "nothing"

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.work:.2f} s of work, for {self.request}"


class AnswerTimes:
    """The longest delay of a lane, and the one with the most work."""

    def __init__(self, lane: Any) -> None:
        self.longest = self.hardest = Delay()
        self._asked: tuple[float, float, str] | None = None  # when a request came, not yet answered
        self._lane, self._submit, self._post, self._work = lane, lane.submit, lane.post, lane._work
        lane.submit, lane.post, lane._work = self._watch_submit, self._watch_post, self._watch_work

    def close(self) -> None:
        """Leave the lane as it was."""
        lane = self._lane
        lane.submit, lane.post, lane._work = self._submit, self._post, self._work

    def _watch_submit(self, request: Any) -> None:
        with self._lane._changed:  # else the lane may end meanwhile what it does, and answer this
            if type(request).__name__ != "Forget" and self._asked is None:
                self._asked = time.monotonic(), self._worked(), describe(request)
            self._submit(request)

    def _watch_post(self, result: Any) -> None:
        self._note(type(result).__name__)
        self._post(result)

    def _watch_work(self, request: Any, ticket: Any) -> None:
        try:
            self._work(request, ticket)
        finally:
            with self._lane._changed:
                if not self._lane._waiting:
                    self._note("nothing new")  # all that was asked for was there

    def _note(self, answer: str) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            began, worked, request = asked
            request += f" -> {answer}"
            delay = Delay(time.monotonic() - began, self._worked() - worked, request)
            self.longest = max(self.longest, delay, key=lambda d: d.seconds)
            self.hardest = max(self.hardest, delay, key=lambda d: d.work)

    def _worked(self) -> float:
        thread = self._lane._thread
        if thread is None or not thread.is_alive():
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


class Screen:
    """Lets a window's frames wait for a screen, as they do unless it is offscreen."""

    def __init__(self, window: Any) -> None:
        self._window, self._present = window, window.present
        window.present = self._wait

    def close(self) -> None:
        """Leave the window as it was."""
        self._window.present = self._present

    def _wait(self) -> None:
        self._present()
        time.sleep(REFRESH - time.monotonic() % REFRESH)


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
        self._screen = Screen(app.window)
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
    def delays(self) -> tuple[Delay, Delay]:
        """The longest of all lanes, and the one with the most work."""
        times = self.answers.values()
        longest = max((t.longest for t in times), key=lambda d: d.seconds)
        return longest, max((t.hardest for t in times), key=lambda d: d.work)

    def close(self) -> None:
        """Leave the app as it was."""
        self._screen.close()
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
        try:
            play(self.app, step)
        except ScriptError as error:
            if "cannot be used now" not in str(error) and "no widget" not in str(error):
                raise
        check(self.app)

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
