"""Opens a window that is never shown, and writes the screen's scale. See `display.py`."""

import sys

import glfw


def main() -> int:
    """The exit status; GLFW's words go to stderr."""
    glfw.ERROR_REPORTING = "ignore"  # asked for by glfw.get_error
    if sys.platform.startswith("linux"):
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
    if not glfw.init():
        return _fail()
    try:
        glfw.window_hint(glfw.VISIBLE, False)
        window = glfw.create_window(64, 64, "", None, None)
        if not window:
            return _fail()
        sys.stdout.write(str(glfw.get_window_content_scale(window)[0]))
        return 0
    finally:
        glfw.terminate()


def _fail() -> int:
    text = glfw.get_error()[1]
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    sys.stderr.write(text or "no window with OpenGL")
    return 1


if __name__ == "__main__":
    sys.exit(main())
