"""Replays a list of user actions through the real input path: GLFW's callbacks.

script_steps.py says what a script is.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imgui_bundle import imgui

import glfw  # isort: skip  (second, so that GLFW is the library that imgui_bundle brings)

from . import actions as act
from . import commands
from .app import App, save_window
from .keyboard import key_code
from .layout import Rect
from .window import BUTTONS

Frames = Iterator[None]  # one item a frame of the app
MODS = {"shift": glfw.MOD_SHIFT, "control": glfw.MOD_CONTROL, "alt": glfw.MOD_ALT}
MODIFIERS = {
    "shift": glfw.KEY_LEFT_SHIFT,
    "control": glfw.KEY_LEFT_CONTROL,
    "alt": glfw.KEY_LEFT_ALT,
}
WAITS: dict[str, Callable[[App], bool]] = {
    "converged": lambda app: app.converged,
    "loaded": lambda app: not app.loading,
    "shown": lambda app: bool(app.easel.engine(app.state)),
    "exported": lambda app: not app.exporting,
    "captured": lambda app: not (app.capturing or app.saving),
    "saved": lambda app: not app.saving,
    "pictured": lambda app: not app.picturing,
    "idle": lambda app: (
        app.converged
        and not (app.loading or app.exporting or app.capturing or app.saving or app.picturing)
    ),
}
WRITERS = {"exported": ("export",), "captured": ("capture", "film")}  # lanes of files waited for
WRITTEN = {"export": "exported", "capture": "captured", "film": "filmed"}  # by lane: see the state
TIMEOUT = 120.0  # seconds, unless a step says otherwise
POLL = 0.02, 0.1  # seconds between two looks while waiting: as often as the window draws


class ScriptError(ValueError):
    """A script that cannot be read, or a step that cannot be done."""


def load_script(path: str | Path) -> list[dict[str, Any]]:
    """Read and check a script. Raises ScriptError, naming the file and the step."""
    try:
        steps = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ScriptError(f"{path}: {error}") from None
    if not isinstance(steps, list):
        raise ScriptError(f"{path}: a script is a JSON list of steps")
    for number, step in enumerate(steps, start=1):
        if not isinstance(step, dict) or len(STEPS.keys() & step.keys()) != 1:
            known = ", ".join(STEPS)
            raise ScriptError(f"{path}: step {number} should have one of the keys {known}: {step}")
    return steps


def run_script(app: App, steps: list[dict[str, Any]]) -> None:
    """Do all steps. Raises ScriptError at the first that cannot be done."""
    for number, step in enumerate(steps, start=1):
        try:
            for _ in play(app, step):
                app.frame()
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise ScriptError(f"step {number} {json.dumps(step)}: {error}") from error


def play(app: App, step: dict[str, Any]) -> Frames:
    """The frames of one step; what has to happen before each is done when it is asked for."""
    (name,) = STEPS.keys() & step.keys()
    yield from STEPS[name](app, step)
    while app.state.glide is not None:  # the next step finds the camera where it was sent
        yield


def wait_for(app: App, condition: Callable[[App], bool], timeout: float, what: str) -> Frames:
    """Frames until `condition` holds. Raises ScriptError after `timeout` seconds."""
    end = time.monotonic() + timeout
    yield
    while not condition(app):
        if time.monotonic() > end:
            raise ScriptError(f"not {what} after {timeout:g} s")
        patience = app.patience()
        app.window.wait(POLL[1] if patience is None else min(max(patience, POLL[0]), POLL[1]))
        yield


def _drag(app: App, step: dict[str, Any]) -> Frames:
    drag = step["drag"]
    button = _button(drag.get("button", "left"))
    mods = _mods(drag.get("mods", ()))
    if "widget" in drag:
        yield from _show(app, drag["widget"])
        start = app.gui.ui.rects[drag["widget"]].centre
        if "onto" in drag:
            end = _find(app, drag["onto"]).centre
        else:
            by = _scaled(app, drag["by"])
            end = (start[0] + by[0], start[1] + by[1])
    else:
        start, end = _scaled(app, drag["from"]), _scaled(app, drag["to"])
    count = max(int(drag.get("steps", 8)), 1)
    yield from _move(app, start)
    imgui.backends.glfw_mouse_button_callback(app.window.address, button, glfw.PRESS, mods)
    yield
    for i in range(1, count + 1):
        along = i / count
        place = tuple(a + (b - a) * along for a, b in zip(start, end, strict=True))
        yield from _move(app, (place[0], place[1]))
    imgui.backends.glfw_mouse_button_callback(app.window.address, button, glfw.RELEASE, mods)
    yield
    yield


def _wheel(app: App, step: dict[str, Any]) -> Frames:
    if "at" in step:
        yield from _move(app, _scaled(app, step["at"]))
    wheel = step["wheel"]
    dx, dy = wheel if isinstance(wheel, list) else (0.0, wheel)
    mods = [MODIFIERS[name] for name in step.get("mods", ())]
    for key in mods:
        imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.PRESS, 0)
    imgui.backends.glfw_scroll_callback(app.window.address, float(dx), float(dy))
    yield
    for key in mods:
        imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.RELEASE, 0)
    yield


def _double_click(app: App, step: dict[str, Any]) -> Frames:
    yield from _move(app, _scaled(app, step["double_click"]))
    for action in 2 * (glfw.PRESS, glfw.RELEASE):  # at once: no machine is too slow for it
        imgui.backends.glfw_mouse_button_callback(app.window.address, 0, action, 0)
    yield
    yield


def _hold(app: App, step: dict[str, Any]) -> Frames:
    keys, mods = [key_code(name) for name in step["hold"]], _mods(step.get("mods", ()))
    for key in keys:
        imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.PRESS, mods)
    end = time.monotonic() + float(step.get("seconds", 0.5))
    yield
    while time.monotonic() < end:
        yield
    for key in keys:
        imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.RELEASE, mods)
    yield


def _key(app: App, step: dict[str, Any]) -> Frames:
    yield from _press(app, key_code(step["key"]), _mods(step.get("mods", ())))


def _click(app: App, step: dict[str, Any]) -> Frames:
    name = step["click"]
    yield from _show(app, name)
    if name in app.gui.ui.disabled:
        raise ScriptError(f"the widget {name!r} cannot be used now")
    yield from _move(app, app.gui.ui.rects[name].centre)
    button = _button(step.get("button", "left"))
    for action in glfw.PRESS, glfw.RELEASE:
        imgui.backends.glfw_mouse_button_callback(app.window.address, button, action, 0)
        yield
    yield


def _command(app: App, step: dict[str, Any]) -> Frames:
    app.dispatch(*commands.run(step["command"], app.state))
    yield


def _set(app: App, step: dict[str, Any]) -> Frames:
    name, value = step["set"]
    yield from _show(app, name)
    app.dispatch(act.EndStroke())  # as the click would that a person begins with
    app.gui.ui.focus = name
    for _ in range(4):  # asked for, active, asks for its shortcuts, has them
        yield
    yield from _select_all()
    yield from _press(app, glfw.KEY_BACKSPACE, 0)
    for character in str(value):
        imgui.backends.glfw_char_callback(app.window.address, ord(character))
    yield
    yield from _press(app, glfw.KEY_ENTER, 0)
    yield


def _drop(app: App, step: dict[str, Any]) -> Frames:
    paths = step["drop"] if isinstance(step["drop"], list) else [step["drop"]]
    app.window.drop([str(path) for path in paths])
    yield


def _wait(app: App, step: dict[str, Any]) -> Frames:
    name = step["wait"]
    if isinstance(name, float | int):
        time.sleep(name)
        return
    if name not in WAITS:
        raise ScriptError(f"wait for one of {', '.join(WAITS)}; got {name!r}")
    writers = WRITERS.get(name, ())
    begun = [lane for lane in writers if app.state.job(lane) is not None]
    yield from wait_for(app, WAITS[name], float(step.get("timeout", TIMEOUT)), name)
    yield  # what a lane has posted last arrives
    written = [getattr(app.state, WRITTEN[lane]) is not None for lane in begun or writers]
    if not (all(written) if begun or not writers else any(written)):
        texts = [notice.text for notice in app.state.notices[-1:]] or [f"nothing was {name}"]
        raise ScriptError(texts[0])
    yield


def _size(app: App, step: dict[str, Any]) -> Frames:
    width, height = step["size"]
    app.window.resize(int(width), int(height))
    yield
    yield


def _screenshot(app: App, step: dict[str, Any]) -> Frames:
    yield
    save_window(app, step["screenshot"])


STEPS: dict[str, Callable[[App, dict[str, Any]], Frames]] = {
    "drag": _drag,
    "wheel": _wheel,
    "double_click": _double_click,
    "hold": _hold,
    "key": _key,
    "click": _click,
    "command": _command,
    "set": _set,
    "drop": _drop,
    "wait": _wait,
    "size": _size,
    "screenshot": _screenshot,
}


def _show(app: App, name: str) -> Frames:
    """Scroll the widget `name` into view, out of a folded section too. Raises ScriptError if it is
    not drawn."""
    yield
    yield from _unfold(app, name)
    _find(app, name)
    app.gui.ui.reveal = name
    yield
    yield
    _find(app, name)  # what goes away by itself may be gone


def _unfold(app: App, name: str) -> Frames:
    """Open the folded section and the fold in which the widget `name` is, as a person would who
    looks for it."""
    folded = app.state.preferences.folded
    yield from _open_fold(app, name)
    for section in sorted(folded, key=lambda section: not _is_related(section, name)):
        if name in app.gui.ui.rects:
            return
        others = tuple(other for other in folded if other != section)
        app.dispatch(act.FoldSections(others))
        yield
        yield from _open_fold(app, name)
    if name not in app.gui.ui.rects:
        app.dispatch(act.FoldSections(folded))
        yield


def _open_fold(app: App, name: str) -> Frames:
    """Open the fold that holds the widget `name`, of those that are drawn."""
    ui = app.gui.ui
    drawn = [
        fold for fold, is_open in ui.folds.items() if not is_open and f"{fold}.fold" in ui.rects
    ]
    for fold in drawn:
        if name in ui.rects:
            return
        ui.folds[fold] = True
        yield
        ui.folds[fold] = name in ui.rects


def _is_related(section: str, name: str) -> bool:
    """Whether a widget is called after a section, and so most likely in it."""
    return name.split(".")[0] == section.removeprefix("section.")


def _find(app: App, name: str) -> Rect:
    """Where the widget `name` is drawn. Raises ScriptError if it is not."""
    rects = app.gui.ui.rects
    if name not in rects:
        raise ScriptError(f"no widget is called {name!r}; there are {', '.join(sorted(rects))}")
    return rects[name]


def _move(app: App, place: tuple[float, float]) -> Frames:
    imgui.backends.glfw_cursor_enter_callback(app.window.address, 1)
    imgui.backends.glfw_cursor_pos_callback(app.window.address, *place)
    yield


def _press(app: App, key: int, mods: int) -> Frames:
    for action in glfw.PRESS, glfw.RELEASE:
        imgui.backends.glfw_key_callback(app.window.address, key, 0, action, mods)
        yield


def _select_all() -> Frames:
    """Select what is typed, past the backend, which asks the real keyboard about modifiers."""
    for is_down in True, False:
        imgui.get_io().add_key_event(imgui.Key.mod_ctrl, is_down)
        imgui.get_io().add_key_event(imgui.Key.a, is_down)
        yield


def _scaled(app: App, position: Any) -> tuple[float, float]:
    x, y = position
    return float(x) * app.window.interface_scale, float(y) * app.window.interface_scale


def _button(name: str) -> int:
    for number, known in BUTTONS.items():
        if known == name:
            return number
    raise ScriptError(f"a button is one of {', '.join(BUTTONS.values())}; got {name!r}")


def _mods(names: Any) -> int:
    bits = 0
    for name in names:
        if name not in MODS:
            raise ScriptError(f"mods are {', '.join(MODS)}; got {name!r}")
        bits |= MODS[name]
    return bits
