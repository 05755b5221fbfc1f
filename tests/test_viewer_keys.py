"""Keys on the keyboards of other countries, in the real program: by what is printed on them."""

from typing import Any

import pytest
from ballgan_viewer.keyboard import find_name
from imgui_bundle import imgui
from viewer_driver import play

import glfw  # isort: skip  (second, so that GLFW is the library that imgui_bundle brings)

LAYOUTS = {  # what is typed without Shift, where it is not what an American keyboard has there
    "german": {"Y": "z", "Z": "y", "-": "\u00df", "]": "+", "/": "-", "[": "\u00fc"},
    "french": {"Q": "a", "A": "q", "W": "z", "Z": "w", "1": "&", "6": "-", "0": "\u00e0"},
    "russian": {"Z": "\u044f", "Y": "\u043d"},
    "unknown": {},
}
CONTROL, SHIFT = frozenset({"control"}), frozenset({"shift"})


@pytest.fixture
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def name(key: int, scancode: int) -> str | None:
        positions = LAYOUTS[request.param]
        return positions.get(chr(key), chr(key).lower()) if positions and 0 < key < 128 else None

    monkeypatch.setattr(glfw, "get_key_name", name)


def type_key(app: Any, key: int, mods: int = 0, character: str = "") -> None:
    """A key goes down and up, as the system reports it."""
    imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.PRESS, mods)
    if character:
        imgui.backends.glfw_char_callback(app.window.address, ord(character))
    app.frame()
    imgui.backends.glfw_key_callback(app.window.address, key, 0, glfw.RELEASE, mods)
    app.frame()


@pytest.mark.parametrize(
    ("layout", "undo"),
    [
        ("german", glfw.KEY_Y),
        ("french", glfw.KEY_W),
        ("russian", glfw.KEY_Z),
        ("unknown", glfw.KEY_Z),
    ],
    indirect=["layout"],
)
def test_undo_is_where_z_is_printed(app: Any, layout: None, undo: int) -> None:
    play(app, {"wait": "loaded"}, {"key": "B"})
    assert not app.state.view.backdrop.visible
    type_key(app, undo, glfw.MOD_CONTROL)
    assert app.state.view.backdrop.visible and not app.state.history.undoes


@pytest.mark.parametrize("layout", ["french"], indirect=True)
def test_a_french_a_does_not_quit_and_flight_stays_under_the_hand(app: Any, layout: None) -> None:
    play(app, {"wait": "loaded"})
    type_key(app, glfw.KEY_Q, glfw.MOD_CONTROL)
    assert not app.window.should_close()
    type_key(app, glfw.KEY_4)  # its digits need Shift, and are meant without it
    type_key(app, glfw.KEY_6, character="-")
    assert app.state.view.layer == "depth"
    zoom = app.state.preferences.zoom
    type_key(app, glfw.KEY_6, glfw.MOD_CONTROL)
    assert app.state.preferences.zoom < zoom
    play(app, {"key": "V"}, {"wait": "converged"})
    imgui.backends.glfw_key_callback(app.window.address, glfw.KEY_W, 0, glfw.PRESS, 0)
    app.frame()
    assert app.state.navigation.held == {"W"}
    imgui.backends.glfw_key_callback(app.window.address, glfw.KEY_W, 0, glfw.RELEASE, 0)
    app.frame()
    assert not app.state.navigation.held


@pytest.mark.parametrize("layout", ["german"], indirect=True)
def test_what_a_german_keyboard_types_with_other_keys_works(app: Any, layout: None) -> None:
    play(app, {"wait": "loaded"})
    type_key(app, glfw.KEY_MINUS, glfw.MOD_SHIFT, "?")
    assert app.state.overlay == "keys"
    play(app, {"key": "Escape"})
    layer = app.state.view.layer
    type_key(app, glfw.KEY_8, character="[")  # with AltGr, of which Linux reports nothing
    windows = glfw.MOD_CONTROL | glfw.MOD_ALT
    type_key(app, glfw.KEY_8, windows, "[")
    assert app.state.view.camera.roll != 0 and app.state.view.layer == layer
    type_key(app, glfw.KEY_9, character="]")
    type_key(app, glfw.KEY_9, windows, "]")
    assert app.state.view.camera.roll == pytest.approx(0)
    type_key(app, glfw.KEY_RIGHT_BRACKET, glfw.MOD_CONTROL)
    assert app.state.preferences.zoom > 1
    type_key(app, glfw.KEY_SLASH, glfw.MOD_CONTROL)
    assert app.state.preferences.zoom == pytest.approx(1)


def test_keys_without_a_character_keep_their_names() -> None:
    assert find_name(glfw.KEY_PAGE_UP, 0, CONTROL) == "PageUp"
    assert find_name(glfw.KEY_KP_1, 0, CONTROL) == "Num1"
    assert find_name(glfw.KEY_KP_ADD, 0, CONTROL) == "+"
    assert find_name(glfw.KEY_F5, 0, SHIFT) is None


def test_a_key_that_is_held_steps_on_but_switches_once(app: Any) -> None:
    play(app, {"wait": "loaded"})
    for key in glfw.KEY_RIGHT, glfw.KEY_B:
        for action in glfw.PRESS, glfw.REPEAT, glfw.REPEAT, glfw.RELEASE:
            imgui.backends.glfw_key_callback(app.window.address, key, 0, action, 0)
            app.frame()
    assert app.state.view.foreground.seed == 3 and not app.state.view.backdrop.visible
    play(app, {"key": "Z", "mods": ["control"]}, {"key": "Z", "mods": ["control"]})
    assert app.state.view.foreground.seed == 0 and not app.state.history.undoes
