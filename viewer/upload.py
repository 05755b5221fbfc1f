"""How pictures get into textures: from the computer's memory, by a buffer that the driver reads
later, or from the memory of a CUDA GPU without leaving it. For the thread with the context.
"""

from __future__ import annotations

import ctypes
import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from OpenGL import GL

from .requests import GpuPixels, Pixels

log = logging.getLogger(__name__)
SOFTWARE = (
    "llvmpipe",
    "softpipe",
    "swrast",
    "swiftshader",
)  # renderers without memory of their own
RUNTIME = "cuda.bindings.runtime"


class Upload:
    """From the computer's memory, at once."""

    name = "from memory"
    direct = False  # whether GpuPixels are taken without a trip over the computer's memory

    def fill(self, texture: int, pixels: Pixels) -> None:
        """Write pixels into a bound GL_TEXTURE_2D that has their size."""
        data = np.ascontiguousarray(_read(pixels) if isinstance(pixels, GpuPixels) else pixels)
        self._write(data)

    def forget(self, texture: int) -> None:
        """The texture is about to get another size, or to be deleted."""

    def close(self) -> None:
        """Give everything back."""

    def _write(self, data: np.ndarray) -> None:
        _copy_into_texture(data, data.shape)


class BufferUpload(Upload):
    """By a pixel buffer object: the call does not wait until the texture has the pixels."""

    name = "by a pixel buffer"

    def __init__(self) -> None:
        self._buffer = int(GL.glGenBuffers(1))

    def close(self) -> None:
        """Delete the buffer."""
        GL.glDeleteBuffers(1, [self._buffer])

    def _write(self, data: np.ndarray) -> None:
        GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, self._buffer)
        try:
            # New storage each time: what is still being read stays with the driver.
            GL.glBufferData(GL.GL_PIXEL_UNPACK_BUFFER, data.nbytes, data, GL.GL_STREAM_DRAW)
            _copy_into_texture(ctypes.c_void_p(0), data.shape)
        finally:  # the interface is drawn without one
            GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)


class CudaError(Exception):
    """A call of CUDA's runtime failed."""


class CudaUpload(BufferUpload):
    """On a GPU that both computes and draws; other pictures, and all after a failure, by a buffer.

    What CUDA copies waits on the GPU for the picture, and what GL draws next for the copy: never
    the thread that calls.
    """

    name = "from CUDA"

    def __init__(self) -> None:
        super().__init__()
        self.direct = True
        self._registered: dict[int, Any] = {}  # by texture
        self._streams: dict[Any, Any] = {}  # by device

    def fill(self, texture: int, pixels: Pixels) -> None:
        """See `Upload.fill`."""
        if self.direct and isinstance(pixels, GpuPixels):
            try:
                self._copy(texture, pixels)
                return
            except (CudaError, ImportError, RuntimeError) as error:
                self.direct = False
                log.warning("Pictures go over the computer's memory from now on: %s", error)
            self._forget_all()
        super().fill(texture, pixels)

    def forget(self, texture: int) -> None:
        """See `Upload.forget`."""
        resource = self._registered.pop(texture, None)
        if resource is not None:
            try:
                _call("cudaGraphicsUnregisterResource", resource)
            except CudaError as error:
                log.debug("a texture stays registered", exc_info=error)

    def close(self) -> None:
        """Delete the buffer, and let go of all textures."""
        self._forget_all()
        super().close()

    def _forget_all(self) -> None:
        for texture in list(self._registered):
            self.forget(texture)

    def _copy(self, texture: int, pixels: GpuPixels) -> None:
        import torch  # which made the pixels: it is there already

        tensor, runtime = pixels.tensor, import_module(RUNTIME)
        height, width, _ = pixels.shape
        with torch.cuda.device(tensor.device):
            _call("cudaSetDevice", tensor.device.index)
            if tensor.device not in self._streams:
                self._streams[tensor.device] = torch.cuda.Stream()
            stream = self._streams[tensor.device]
            stream.wait_event(pixels.ready)
            tensor.record_stream(stream)  # its memory is not used again before the copy is made
            resource, handle = self._register(texture, runtime), stream.cuda_stream
            _call("cudaGraphicsMapResources", 1, resource, handle)
            try:
                array = _call("cudaGraphicsSubResourceGetMappedArray", resource, 0, 0)
                place, pitch = (array, 0, 0), 4 * width
                kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToDevice
                rows = (tensor.data_ptr(), pitch, pitch, height)
                _call("cudaMemcpy2DToArrayAsync", *place, *rows, kind, handle)
            finally:
                _call("cudaGraphicsUnmapResources", 1, resource, handle)

    def _register(self, texture: int, runtime: Any) -> Any:
        if texture not in self._registered:
            flags = runtime.cudaGraphicsRegisterFlags.cudaGraphicsRegisterFlagsWriteDiscard
            self._registered[texture] = _call(
                "cudaGraphicsGLRegisterImage", texture, int(GL.GL_TEXTURE_2D), flags
            )
        return self._registered[texture]


def choose_upload() -> Upload:
    """The way that suits the current GL context and what is installed; the choice is logged."""
    vendor, renderer = (_describe(name) for name in (GL.GL_VENDOR, GL.GL_RENDERER))
    way: Upload
    if "nvidia" in vendor and _is_installed(RUNTIME):
        way = CudaUpload()
    elif any(word in renderer for word in SOFTWARE):
        way = Upload()
    else:
        way = BufferUpload()
    log.info("pictures get into textures %s (%s)", way.name, renderer)
    return way


def _copy_into_texture(source: Any, shape: tuple[int, ...]) -> None:
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
    layout = (GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, source)
    GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, shape[1], shape[0], *layout)


def _read(pixels: GpuPixels) -> np.ndarray:
    """Pixels in the computer's memory; waits for them alone, not for what the GPU does then."""
    import torch

    with torch.cuda.device(pixels.tensor.device), torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda.current_stream().wait_event(pixels.ready)
        return pixels.tensor.cpu().numpy()


def _call(name: str, *arguments: Any) -> Any:
    """Call CUDA's runtime: what it returns beside its status. Raises CudaError."""
    runtime = import_module(RUNTIME)
    status, *values = getattr(runtime, name)(*arguments)
    if int(status):
        runtime.cudaGetLastError()  # else the next call that asks would be told of it
        raise CudaError(f"{name}: {getattr(status, 'name', status)}")
    return values[0] if values else None


def _describe(name: int) -> str:
    text = GL.glGetString(name) or b""
    return (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).lower()


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # not even its package
        return False
