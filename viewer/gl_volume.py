"""Owners of what the preview needs beyond gl.py: 3-D textures, pictures in slices, a canvas that
can be sampled, a clock on the GPU. Only for the thread with the context."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from OpenGL import GL

from .gl import attach, clipped, make_texture

Format = tuple[int, int, int, type]

# Internal format, format, type and numpy's type of a sample.
HALF = (GL.GL_R16F, GL.GL_RED, GL.GL_HALF_FLOAT, np.float16)
COLOUR = (GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, np.uint8)
WIDE_COLOUR = (GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_HALF_FLOAT, np.float16)  # beyond [0, 1], too
WHOLE = (GL.GL_R8UI, GL.GL_RED_INTEGER, GL.GL_UNSIGNED_BYTE, np.uint8)
# By the samples' type, and whether they have channels.
FORMATS: dict[tuple[str, bool], Format] = {
    ("float16", False): HALF,
    ("uint8", True): COLOUR,
    ("float16", True): WIDE_COLOUR,
    ("uint8", False): WHOLE,
}


def format_of(data: np.ndarray) -> Format:
    """How the samples of an array (z, y, x) or (z, y, x, channels) are kept."""
    return FORMATS[data.dtype.name, data.ndim == 4]


class Grid:
    """A 3-D texture, clamped at its edges; arrays are (z, y, x) or (z, y, x, channels)."""

    def __init__(self) -> None:
        self.side = 0
        self._form: Format = HALF
        self._texture = make_texture(GL.GL_TEXTURE_3D)

    def allocate(self, side: int, form: Format) -> None:
        """Make room for `side` samples along each axis; what they are is undefined."""
        self.side, self._form = side, form
        internal, layout, kind, _ = form
        GL.glBindTexture(GL.GL_TEXTURE_3D, self._texture)
        smooth = GL.GL_NEAREST if form is WHOLE else GL.GL_LINEAR
        for way in GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER:
            GL.glTexParameteri(GL.GL_TEXTURE_3D, way, smooth)
        GL.glTexImage3D(GL.GL_TEXTURE_3D, 0, internal, side, side, side, 0, layout, kind, None)

    def upload(self, data: np.ndarray) -> None:
        """Replace everything; allocates if the side or the format differs."""
        wanted = data.shape[0], format_of(data)
        if (self.side, self._form) != wanted:
            self.allocate(*wanted)
        self.write((0, 0, 0), data)

    def write(self, corner: tuple[int, int, int], data: np.ndarray) -> None:
        """Replace the box at `corner` (z, y, x)."""
        _, layout, kind, sample = self._form
        z, y, x = (int(v) for v in corner)
        depth, height, width = data.shape[:3]
        GL.glBindTexture(GL.GL_TEXTURE_3D, self._texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        box = (x, y, z, width, height, depth)
        values: np.ndarray = np.ascontiguousarray(data, dtype=sample)
        GL.glTexSubImage3D(GL.GL_TEXTURE_3D, 0, *box, layout, kind, values)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)

    def bind(self, unit: int) -> None:
        """Attach it to a texture unit."""
        attach(GL.GL_TEXTURE_3D, self._texture, unit)

    def close(self) -> None:
        """Delete the texture."""
        GL.glDeleteTextures([self._texture])


class SlicedPicture:
    """A 2-D texture that is uploaded in slices of rows while the one before still shows."""

    def __init__(self) -> None:
        self._textures = [make_texture(GL.GL_TEXTURE_2D) for _ in range(2)]  # the first one shows

    def begin(self, width: int, height: int, *, mirrored: bool) -> None:
        """Start another picture: mirrored over its edges, or repeated sideways only."""
        across = GL.GL_MIRRORED_REPEAT if mirrored else GL.GL_REPEAT
        down = GL.GL_MIRRORED_REPEAT if mirrored else GL.GL_CLAMP_TO_EDGE
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._textures[1])
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, across)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, down)
        layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, width, height, 0, *layout)

    def write(self, row: int, pixels: np.ndarray) -> None:
        """Rows from `row` on, (H, W, 4) uint8, first row on top."""
        height, width, _ = pixels.shape
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._textures[1])
        data = np.ascontiguousarray(pixels)
        place = (0, row, width, height)
        GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, *place, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, data)

    def show(self) -> None:
        """Show the picture that was begun last."""
        self._textures.reverse()

    def bind(self, unit: int) -> None:
        """Attach the one that shows to a texture unit."""
        attach(GL.GL_TEXTURE_2D, self._textures[0], unit)

    def close(self) -> None:
        """Delete the textures."""
        GL.glDeleteTextures(self._textures)


class Canvas:
    """A square RGBA texture of 8 bits a channel to draw into and to sample afterwards.

    What is drawn ends at [0, 1]: colours beyond it count along their ray, not over a background.
    """

    def __init__(self) -> None:
        self.side = 0
        self._texture = make_texture(GL.GL_TEXTURE_2D)
        self._framebuffer = int(GL.glGenFramebuffers(1))

    @contextmanager
    def drawing(self, side: int) -> Iterator[None]:
        """Draw into it at `side` x `side` pixels; afterwards, into what was drawn into before."""
        before = int(GL.glGetIntegerv(GL.GL_DRAW_FRAMEBUFFER_BINDING))
        viewport = [int(v) for v in GL.glGetIntegerv(GL.GL_VIEWPORT)]
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        if self.side != side:
            layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
            GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
            GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, side, side, 0, *layout)
            target = (GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, self._texture, 0)
            GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, *target)
            self.side = side
        GL.glViewport(0, 0, side, side)
        try:
            with clipped(None):
                yield
        finally:
            GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, before)
            GL.glViewport(*viewport)

    def read(self) -> np.ndarray:
        """Its pixels, (side, side, 4) uint8, first row on top."""
        with self.drawing(self.side):
            form = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
            data = GL.glReadPixels(0, 0, self.side, self.side, *form)
        return np.frombuffer(data, dtype=np.uint8).reshape(self.side, self.side, 4)[::-1].copy()

    def bind(self, unit: int) -> None:
        """Attach it to a texture unit."""
        attach(GL.GL_TEXTURE_2D, self._texture, unit)

    def close(self) -> None:
        """Delete it."""
        GL.glDeleteFramebuffers(1, [self._framebuffer])
        GL.glDeleteTextures([self._texture])


class Stopwatch:
    """How long drawing takes on the GPU; never waits for it."""

    def __init__(self) -> None:
        self._query = int(np.ravel(GL.glGenQueries(1))[0])
        self._asked = False

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Measure what is drawn inside, unless the last result has not been read yet."""
        if self._asked:
            yield
            return
        GL.glBeginQuery(GL.GL_TIME_ELAPSED, self._query)
        try:
            yield
        finally:
            GL.glEndQuery(GL.GL_TIME_ELAPSED)
            self._asked = True

    def read_ms(self) -> float | None:
        """The last measurement, once; None while there is none."""
        if not self._asked:
            return None
        ready = ctypes.c_uint(0)
        GL.glGetQueryObjectuiv(self._query, GL.GL_QUERY_RESULT_AVAILABLE, ctypes.byref(ready))
        if not ready.value:
            return None
        elapsed = ctypes.c_uint64(0)
        GL.glGetQueryObjectui64v(self._query, GL.GL_QUERY_RESULT, ctypes.byref(elapsed))
        self._asked = False
        return elapsed.value / 1e6

    def close(self) -> None:
        """Delete it."""
        GL.glDeleteQueries(1, [self._query])
