"""One GLFW window with a GL 4.1 core context: on the screen, or the same without a display.

Events are collected as values (see events.py). Nothing here knows Dear ImGui, which chains the
callbacks that are set here, or the model.
"""

import ctypes
import math
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import imgui_bundle  # noqa: F401  (first, so that GLFW is the library that it brings)

import glfw  # isort: skip

from .events import (
    Dropped,
    Event,
    FocusLost,
    KeyPressed,
    KeyReleased,
    PointerButton,
    PointerMoved,
    Scrolled,
)
from .keyboard import CHARACTERS, MODIFIER_KEYS, find_name, key_name, names_of
from .words import printable

BUTTONS = {0: "left", 1: "right", 2: "middle"}
COLOR_BUFFER_BIT = 0x4000  # of OpenGL
DOUBLE_SECONDS = 0.4  # between the two presses of a double click
DOUBLE_REACH = 6.0  # logical pixels between them
SIGNAL_INTERVAL = 0.5  # seconds
NO_DISPLAY = (
    "There is no display to open a window on. Without one, the same program renders into a file: "
    "ballgan-viewer --offscreen --screenshot picture.png"
)


class WindowError(RuntimeError):
    """A window that cannot be opened, with what a person can do about it."""


@dataclass(frozen=True)
class WindowOptions:
    """How to open the window."""

    title: str = "BallGAN"
    size: tuple[int, int] = (1280, 800)  # logical pixels
    fits: bool = False  # no larger than the screen has room for
    maximised: bool = False  # shown as large as the screen; `size` is that without it
    scale: float | None = None  # physical pixels of a logical one; None: what the screen says
    offscreen: bool = False


class Window:
    """The window and its context; `close` ends both."""

    def __init__(self, options: WindowOptions) -> None:
        self.offscreen = options.offscreen
        self.events: list[Event] = []
        self.pointer = (0.0, 0.0)
        self._mods: frozenset[str] = frozenset()  # that are held
        self._last_press = ("", 0.0, 0.0, 0.0)  # button, time, place
        self._forced_scale = options.scale
        self._pixel_ratio = 1.0
        self.zoom = 1.0  # of the interface, as the person wants it
        self._wake = threading.Event()
        _initialise(options.offscreen)
        try:
            self._handle = _create(options)
        except WindowError:
            glfw.terminate()
            raise
        if options.fits:
            _fit(self._handle)
        if options.maximised:
            glfw.maximize_window(self._handle)
        glfw.make_context_current(self._handle)
        glfw.swap_interval(0 if options.offscreen else 1)
        self._set_callbacks()

    def show(self, colour: tuple[float, float, float]) -> None:
        """Put the window on the screen, empty, before anything else is ready."""
        # Not by PyOpenGL: importing that takes a tenth of a second.
        _find_function("glClearColor", *[ctypes.c_float] * 4)(*colour, 1.0)
        _find_function("glClear", ctypes.c_uint)(COLOR_BUFFER_BIT)
        self.present()
        if not self.offscreen:
            glfw.show_window(self._handle)

    @property
    def address(self) -> int:
        """Address of the GLFWwindow, for Dear ImGui's backend."""
        address = ctypes.cast(self._handle, ctypes.c_void_p).value
        assert address is not None
        return address

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in window coordinates, the units of events."""
        width, height = glfw.get_window_size(self._handle)
        return width, height

    @property
    def framebuffer_size(self) -> tuple[int, int]:
        """Width and height in physical pixels."""
        width, height = glfw.get_framebuffer_size(self._handle)
        return width, height

    @property
    def pixel_ratio(self) -> float:
        """Physical pixels a unit of window coordinates (2 on a Mac's screen, else 1); as it was
        while the window has no size, as on Windows when it is minimised."""
        pixels, units = self.framebuffer_size[0], self.size[0]
        if pixels and units:
            self._pixel_ratio = pixels / units
        return self._pixel_ratio

    @property
    def interface_scale(self) -> float:
        """Window coordinates a logical pixel: what text and spacing are multiplied by."""
        return self.zoom * self.screen_scale

    @property
    def screen_scale(self) -> float:
        """The interface's scale that the screen asks for."""
        if self._forced_scale is not None:
            return self._forced_scale / self.pixel_ratio
        return max(glfw.get_window_content_scale(self._handle)[0], 0.5) / self.pixel_ratio

    @property
    def logical_size(self) -> tuple[int, int]:
        """Width and height in logical pixels, what the settings file remembers."""
        scale = self.screen_scale
        return round(self.size[0] / scale), round(self.size[1] / scale)

    @property
    def minimised(self) -> bool:
        """Whether there is nothing to draw on."""
        return bool(glfw.get_window_attrib(self._handle, glfw.ICONIFIED))

    @property
    def maximised(self) -> bool:
        """Whether it is as large as the screen, by the system's button for that."""
        return bool(glfw.get_window_attrib(self._handle, glfw.MAXIMIZED))

    def resize(self, width: int, height: int) -> None:
        """Set the size in logical pixels."""
        scale = self.screen_scale
        glfw.set_window_size(
            self._handle, max(round(width * scale), 1), max(round(height * scale), 1)
        )

    def set_title(self, title: str) -> None:
        """What the window's title bar says."""
        glfw.set_window_title(self._handle, printable(title))

    def should_close(self) -> bool:
        """Whether the person closed the window."""
        return bool(glfw.window_should_close(self._handle))

    def take_events(self) -> list[Event]:
        """What happened since the last call."""
        glfw.poll_events()
        events, self.events = self.events, []
        return events

    def wait(self, timeout: float | None) -> None:
        """Sleep until something happens, `wake` is called or `timeout` seconds have passed."""
        if self.offscreen:  # GLFW's null platform has no events to wait for
            self._wake.wait(timeout)
        elif timeout is not None:
            if timeout > 0:
                glfw.wait_events_timeout(timeout)
        else:
            while not self._wake.is_set():  # now and then Python has to see its signals
                glfw.wait_events_timeout(SIGNAL_INTERVAL)
        self._wake.clear()

    def wake(self) -> None:
        """End `wait`; may be called from any thread."""
        self._wake.set()
        if not self.offscreen:
            glfw.post_empty_event()

    def request_close(self) -> None:
        """Do as if the person had closed the window."""
        glfw.set_window_should_close(self._handle, True)
        self._wake.set()

    def keep_open(self) -> None:
        """Do as if nobody had closed the window."""
        glfw.set_window_should_close(self._handle, False)

    def hide(self) -> None:
        """Take the window off the screen."""
        glfw.hide_window(self._handle)

    def present(self) -> None:
        """Show what was drawn."""
        glfw.swap_buffers(self._handle)

    def close(self) -> None:
        """Destroy the window and its context."""
        glfw.destroy_window(self._handle)
        glfw.terminate()

    def _set_callbacks(self) -> None:
        handle = self._handle
        glfw.set_cursor_pos_callback(handle, self._on_move)
        glfw.set_mouse_button_callback(handle, self._on_button)
        glfw.set_scroll_callback(handle, self._on_scroll)
        glfw.set_key_callback(handle, self._on_key)
        glfw.set_window_focus_callback(handle, self._on_focus)
        glfw.set_drop_callback(handle, self._on_drop)  # type: ignore[arg-type]
        glfw.set_char_callback(handle, self._on_character)
        for set_callback in (
            glfw.set_cursor_enter_callback,
            glfw.set_framebuffer_size_callback,
            glfw.set_window_close_callback,
            glfw.set_window_content_scale_callback,
            glfw.set_window_iconify_callback,
            glfw.set_window_refresh_callback,
        ):
            set_callback(handle, self._on_other)

    def drop(self, paths: list[str] | tuple[str, ...]) -> None:
        """What the system does when files are dropped on the window."""
        self._add(Dropped(tuple(os.fspath(path) for path in paths)))

    def _add(self, event: Event) -> None:
        self.events.append(event)
        self._wake.set()

    def _on_other(self, *_: Any) -> None:
        self._wake.set()

    def _on_move(self, _: Any, x: float, y: float) -> None:
        self.pointer = (x, y)
        self._add(PointerMoved(x, y))

    def _on_button(self, _: Any, button: int, action: int, mods: int) -> None:
        if button in BUTTONS:
            pressed, name = action == glfw.PRESS, BUTTONS[button]
            double = pressed and self._is_second(name)
            self._add(PointerButton(*self.pointer, name, pressed, names_of(mods), double))

    def _is_second(self, button: str) -> bool:
        """Whether a press comes soon after one at the same place; a third is a first again."""
        now, (x, y) = time.monotonic(), self.pointer
        last, self._last_press = self._last_press, (button, now, x, y)
        near = math.hypot(x - last[2], y - last[3]) < DOUBLE_REACH * self.interface_scale
        double = button == last[0] and now - last[1] < DOUBLE_SECONDS and near
        if double:
            self._last_press = ("", 0.0, 0.0, 0.0)
        return double

    def _on_focus(self, _: Any, focused: int) -> None:
        if not focused:
            self._mods = frozenset()
            self._add(FocusLost())
        self._wake.set()

    def _on_scroll(self, _: Any, dx: float, dy: float) -> None:
        self._add(Scrolled(*self.pointer, dx, dy, self._mods))

    def _on_drop(self, _: Any, paths: Any) -> None:
        self.drop(paths)

    def _on_key(self, _: Any, key: int, scancode: int, action: int, mods: int) -> None:
        down, held = action in (glfw.PRESS, glfw.REPEAT), names_of(mods)
        if key in MODIFIER_KEYS:  # what GLFW reports of their own presses depends on the system
            mod = {MODIFIER_KEYS[key]}
            self._mods = self._mods | mod if down else self._mods - mod
        position, name = key_name(key) or "", find_name(key, scancode, held)
        if name and down:
            self._add(KeyPressed(name, held, action == glfw.REPEAT, position))
        elif position and not down:
            self._add(KeyReleased(position))

    def _on_character(self, _: Any, code: int) -> None:
        """Of the key whose press was reported just before, if it types anything."""
        if chr(code) in CHARACTERS:
            press = self.events.pop() if self._ends_with_press() else None
            repeated = isinstance(press, KeyPressed) and press.repeated
            self._add(KeyPressed(*CHARACTERS[chr(code)], repeated))
        self._wake.set()

    def _ends_with_press(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], KeyPressed)

    @property
    def clipboard(self) -> str:
        """The system's clipboard, if there is text in it."""
        text = glfw.get_clipboard_string(None)  # type: ignore[arg-type]
        return text.decode(errors="replace") if isinstance(text, bytes) else text or ""

    @clipboard.setter
    def clipboard(self, text: str) -> None:
        glfw.set_clipboard_string(None, text)  # type: ignore[arg-type]  # not of a window


def _initialise(offscreen: bool) -> None:
    glfw.ERROR_REPORTING = "ignore"  # what matters is asked for by glfw.get_error
    if sys.platform.startswith("linux"):
        wayland_or_x11 = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        if not offscreen and not wayland_or_x11:
            raise WindowError(NO_DISPLAY)
        if offscreen:  # PyOpenGL asks this library which context is current
            os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    platform = glfw.PLATFORM_NULL if offscreen else glfw.ANY_PLATFORM
    glfw.init_hint(glfw.PLATFORM, platform)
    if not glfw.init():
        raise WindowError(NO_DISPLAY if not offscreen else f"GLFW did not start: {_last_error()}")
    if not offscreen and sys.platform.startswith("linux"):
        if glfw.get_platform() == glfw.PLATFORM_WAYLAND:
            os.environ.setdefault("PYOPENGL_PLATFORM", "egl")


def _create(options: WindowOptions) -> Any:
    glfw.default_window_hints()
    if options.offscreen:
        glfw.window_hint(glfw.CONTEXT_CREATION_API, glfw.EGL_CONTEXT_API)
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 4)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 1)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
    glfw.window_hint(glfw.VISIBLE, False)  # until there is something to see
    glfw.window_hint(glfw.SCALE_TO_MONITOR, options.scale is None)
    scale = options.scale or 1.0
    width, height = (max(round(length * scale), 1) for length in options.size)
    handle = glfw.create_window(width, height, options.title, None, None)
    if not handle:
        raise WindowError(
            f"No OpenGL 4.1 context could be made ({_last_error()}). On Debian and Ubuntu the "
            "libraries come with: apt-get install libegl1 libgl1"
        )
    return handle


def _fit(handle: Any) -> None:
    """Let a window that is larger than the screen has room for fill that room."""
    monitor = glfw.get_primary_monitor()
    if not monitor:
        return
    x, y, width, height = glfw.get_monitor_workarea(monitor)
    left, top, right, bottom = glfw.get_window_frame_size(handle)
    size, room = glfw.get_window_size(handle), (width - left - right, height - top - bottom)
    fitting = min(size[0], room[0]), min(size[1], room[1])
    if min(fitting) > 0 and fitting != size:
        glfw.set_window_size(handle, *fitting)
        glfw.set_window_pos(handle, x + left, y + top)


def _find_function(name: str, *arguments: Any) -> Any:
    """A function of OpenGL that returns nothing, by its name and its arguments' types."""
    prototype: Any = ctypes.CFUNCTYPE(None, *arguments)
    return prototype(glfw.get_proc_address(name))


def _last_error() -> str:
    code, text = glfw.get_error()
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return str(text) if text else f"error {code:#x}"
