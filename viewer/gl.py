"""Thin owners of GL objects: programs, textures, buffers. Only for the thread with the context."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from OpenGL import GL

# The plain function: the wrapped one asks the platform for the current context, and PyOpenGL's
# guess of the platform (GLX or EGL) depends on what was imported when.
from OpenGL.raw.GL.VERSION.GL_2_0 import glVertexAttribPointer

from .glsl import ShaderError, Source, explain, load_source
from .requests import Pixels
from .upload import Upload


class Program:
    """A vertex and a fragment shader, linked; uniforms are set by name."""

    def __init__(self, vertex: str, fragment: str) -> None:
        self._locations: dict[str, int] = {}
        self._program = GL.glCreateProgram()
        stages = []
        try:
            for kind, name in (GL.GL_VERTEX_SHADER, vertex), (GL.GL_FRAGMENT_SHADER, fragment):
                stages.append(_compile(kind, load_source(name)))
                GL.glAttachShader(self._program, stages[-1])
            GL.glLinkProgram(self._program)
            if not GL.glGetProgramiv(self._program, GL.GL_LINK_STATUS):
                log = _text(GL.glGetProgramInfoLog(self._program))
                raise ShaderError(f"shaders/{vertex} and {fragment} do not link: {log}")
        except ShaderError:
            GL.glDeleteProgram(self._program)
            raise
        finally:
            for stage in stages:
                GL.glDeleteShader(stage)

    def use(self, **uniforms: Any) -> None:
        """Make it current and set uniforms: int, float, 2-4 floats, or an array: a (3, 3) or
        (4, 4) matrix, numbers (N,), or vectors (N, 3)."""
        GL.glUseProgram(self._program)
        for name, value in uniforms.items():
            self._set(self._locate(name), value)

    def close(self) -> None:
        """Delete the program."""
        GL.glDeleteProgram(self._program)

    def _locate(self, name: str) -> int:
        if name not in self._locations:
            self._locations[name] = GL.glGetUniformLocation(self._program, name)
        return self._locations[name]

    @staticmethod
    def _set(location: int, value: Any) -> None:
        if isinstance(value, (bool, int)):
            GL.glUniform1i(location, int(value))
        elif isinstance(value, float):
            GL.glUniform1f(location, value)
        elif isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value, dtype=np.float32)
            # Matrices row by row, as numpy has them; other arrays are lists of vectors.
            if array.shape == (4, 4):
                GL.glUniformMatrix4fv(location, 1, GL.GL_TRUE, array)
            elif array.shape == (3, 3):
                GL.glUniformMatrix3fv(location, 1, GL.GL_TRUE, array)
            elif array.ndim == 1:
                GL.glUniform1fv(location, len(array), array)
            else:
                GL.glUniform3fv(location, len(array), array)
        else:
            setter = {2: GL.glUniform2f, 3: GL.glUniform3f, 4: GL.glUniform4f}[len(value)]
            setter(location, *(float(v) for v in value))


def make_texture(kind: int, smaller: int = GL.GL_LINEAR, larger: int = GL.GL_LINEAR) -> int:
    """A texture, GL_TEXTURE_2D or GL_TEXTURE_3D, with these filters and clamped at its edges."""
    texture = int(GL.glGenTextures(1))
    GL.glBindTexture(kind, texture)
    GL.glTexParameteri(kind, GL.GL_TEXTURE_MIN_FILTER, smaller)
    GL.glTexParameteri(kind, GL.GL_TEXTURE_MAG_FILTER, larger)
    for axis in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T, GL.GL_TEXTURE_WRAP_R):
        GL.glTexParameteri(kind, axis, GL.GL_CLAMP_TO_EDGE)
    return texture


def attach(kind: int, texture: int, unit: int) -> None:
    """Attach a texture to a texture unit."""
    GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
    GL.glBindTexture(kind, texture)


class Texture:
    """A 2-D RGBA texture of 8 bits a channel, trilinear, clamped at its edges.

    There are two of them in turn: an upload does not wait for frames that still show the other.
    """

    def __init__(self, way: Upload | None = None) -> None:
        """`way`: how pixels get there; None: from the computer's memory."""
        self._way = way or Upload()
        self._textures = [
            make_texture(GL.GL_TEXTURE_2D, GL.GL_LINEAR_MIPMAP_LINEAR) for _ in range(2)
        ]
        self._sizes = [(0, 0), (0, 0)]

    def upload(self, pixels: Pixels) -> None:
        """Show pixels."""
        self._textures.reverse()
        self._sizes.reverse()
        texture, (height, width, _) = self._textures[0], pixels.shape
        GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
        if self._sizes[0] != (width, height):
            self._way.forget(texture)
            layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
            GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, width, height, 0, *layout)
            GL.glGenerateMipmap(GL.GL_TEXTURE_2D)  # CUDA is told of whole textures only
            self._sizes[0] = (width, height)
        self._way.fill(texture, pixels)
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)

    @property
    def name(self) -> int:
        """GL's name of the one that shows."""
        return self._textures[0]

    def bind(self, unit: int) -> None:
        """Attach the one that shows to a texture unit."""
        attach(GL.GL_TEXTURE_2D, self._textures[0], unit)

    def close(self) -> None:
        """Delete the textures."""
        for texture in self._textures:
            self._way.forget(texture)
        GL.glDeleteTextures(self._textures)


class Triangles:
    """A mesh of interleaved float32 attributes. Corners are not shared, so that gl_VertexID tells
    which one of its triangle each is."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        """`widths`: floats of each attribute, by location."""
        self.count = 0
        self._array = GL.glGenVertexArrays(1)
        self._vertices = int(GL.glGenBuffers(1))
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._vertices)
        offset = 0
        for location, width in enumerate(widths):
            GL.glEnableVertexAttribArray(location)
            glVertexAttribPointer(
                location, width, GL.GL_FLOAT, False, 4 * sum(widths), ctypes.c_void_p(offset)
            )
            offset += 4 * width
        GL.glBindVertexArray(0)

    def upload(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        """`vertices` (V, sum of widths), `faces` (F, 3) indices."""
        corners = np.ascontiguousarray(vertices[faces.ravel()], dtype=np.float32)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._vertices)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, corners.nbytes, corners, GL.GL_STATIC_DRAW)
        self.count = len(corners)

    def draw(self) -> None:
        """Draw all triangles with the current program."""
        GL.glBindVertexArray(self._array)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, self.count)
        GL.glBindVertexArray(0)

    def close(self) -> None:
        """Delete the buffer."""
        GL.glDeleteBuffers(1, [self._vertices])
        GL.glDeleteVertexArrays(1, [self._array])


class Quad:
    """Two triangles without buffers: the vertex shader makes corners from gl_VertexID."""

    def __init__(self) -> None:
        self._array = GL.glGenVertexArrays(1)

    def draw(self) -> None:
        """Draw it with the current program."""
        GL.glBindVertexArray(self._array)
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
        GL.glBindVertexArray(0)

    def close(self) -> None:
        """Delete the vertex array."""
        GL.glDeleteVertexArrays(1, [self._array])


class Framebuffer:
    """A picture to draw into and read back, with depth."""

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self._colour, self._depth = GL.glGenRenderbuffers(2)
        self._framebuffer = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        for attachment, layout, buffer in (
            (GL.GL_COLOR_ATTACHMENT0, GL.GL_RGBA8, self._colour),
            (GL.GL_DEPTH_ATTACHMENT, GL.GL_DEPTH_COMPONENT24, self._depth),
        ):
            GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, buffer)
            GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, layout, width, height)
            GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, attachment, GL.GL_RENDERBUFFER, buffer)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def render(self, draw: Callable[[], None]) -> np.ndarray:
        """Clear it to nothing, call `draw`, and give (height, width, 4) uint8, first row on top."""
        width, height = self.size
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        try:
            clear(width, height, (0.0, 0.0, 0.0), alpha=0.0)
            draw()
            GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
            data = GL.glReadPixels(0, 0, width, height, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
        finally:
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 4)[::-1].copy()

    def close(self) -> None:
        """Delete the buffers."""
        GL.glDeleteFramebuffers(1, [self._framebuffer])
        GL.glDeleteRenderbuffers(2, [self._colour, self._depth])


def draw_flat(quad: Quad) -> None:
    """Draw a rectangle with the current program over what is there."""
    GL.glDisable(GL.GL_DEPTH_TEST)
    GL.glDisable(GL.GL_BLEND)
    quad.draw()


def clear(
    width: int, height: int, colour: tuple[float, float, float], *, alpha: float = 1.0
) -> None:
    """Clear the whole framebuffer of `width` x `height` pixels."""
    GL.glViewport(0, 0, width, height)
    GL.glClearColor(*colour, alpha)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT | GL.GL_DEPTH_BUFFER_BIT)


@contextmanager
def clipped(rectangle: tuple[int, int, int, int] | None) -> Iterator[None]:
    """Draw only within (left, bottom, width, height), and what was clipped to before; None: draw
    everywhere."""
    was_on = bool(GL.glIsEnabled(GL.GL_SCISSOR_TEST))
    before = [int(v) for v in GL.glGetIntegerv(GL.GL_SCISSOR_BOX)]
    if rectangle is None:
        GL.glDisable(GL.GL_SCISSOR_TEST)
    else:
        left, bottom, width, height = rectangle
        right, top = left + width, bottom + height
        if was_on:
            left, bottom = max(left, before[0]), max(bottom, before[1])
            right, top = min(right, before[0] + before[2]), min(top, before[1] + before[3])
        GL.glEnable(GL.GL_SCISSOR_TEST)
        GL.glScissor(left, bottom, max(right - left, 0), max(top - bottom, 0))
    try:
        yield
    finally:
        GL.glScissor(*before)
        (GL.glEnable if was_on else GL.glDisable)(GL.GL_SCISSOR_TEST)


def finish() -> None:
    """Wait until everything is drawn."""
    GL.glFinish()


def read_framebuffer(width: int, height: int) -> np.ndarray:
    """What was drawn, (height, width, 3) uint8, first row on top."""
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    data = GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE)
    return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)[::-1].copy()


def _compile(kind: int, source: Source) -> int:
    shader = GL.glCreateShader(kind)
    GL.glShaderSource(shader, source.text)
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        log = _text(GL.glGetShaderInfoLog(shader))
        GL.glDeleteShader(shader)
        raise ShaderError(f"shaders/{source.files[0]} does not compile:\n{explain(log, source)}")
    return int(shader)


def _text(log: bytes | str) -> str:
    return log.decode(errors="replace") if isinstance(log, bytes) else log
