"""How pictures get into textures; CUDA's part with its runtime pretended."""

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ballgan_viewer.describe import premultiply
from ballgan_viewer.requests import GpuPixels
from ballgan_viewer.tasks import _to_pixels
from ballgan_viewer.upload import RUNTIME, BufferUpload, CudaUpload, Upload, choose_upload
from viewer_driver import require_gl

import ballgan
from ballgan.bands import WHOLE_SIZE
from ballgan.generator import Generator
from ballgan.view import View

SIZES = ((8, 8), (8, 8), (5, 7), (64, 64), (8, 8))  # of pictures that follow each other


@pytest.fixture(scope="module")
def context() -> Iterator[None]:
    require_gl()
    from ballgan_viewer.window import Window, WindowOptions

    window = Window(WindowOptions(size=(16, 16), offscreen=True))
    yield
    window.close()


def draw(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


def read(texture: int, shape: tuple[int, ...]) -> np.ndarray:
    """What a texture holds."""
    from OpenGL import GL

    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
    data = GL.glGetTexImage(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def count_levels(texture: int) -> int:
    """How many of a texture's pictures, each half as large as the one before, are defined."""
    from OpenGL import GL

    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    widths = (GL.glGetTexLevelParameteriv(GL.GL_TEXTURE_2D, k, GL.GL_TEXTURE_WIDTH) for k in (0, 1))
    return sum(width > 0 for width in widths)


@pytest.mark.parametrize("kind", [Upload, BufferUpload, CudaUpload])
def test_textures_hold_the_pixels(context: None, kind: type[Upload]) -> None:
    from ballgan_viewer.gl import Texture
    from OpenGL import GL

    way = kind()
    texture = Texture(way)
    for seed, size in enumerate(SIZES):
        pixels = draw(*size, seed)
        texture.upload(pixels)
        assert np.array_equal(read(texture.name, pixels.shape), pixels)
        assert GL.glGetIntegerv(GL.GL_PIXEL_UNPACK_BUFFER_BINDING) == 0
    mirrored = draw(8, 8, 9)[::-1]  # not as in memory
    texture.upload(mirrored)
    assert np.array_equal(read(texture.name, mirrored.shape), mirrored)
    texture.close()
    way.close()


@pytest.mark.parametrize(
    ("vendor", "renderer", "installed", "kind"),
    [
        ("NVIDIA Corporation", "NVIDIA H200/PCIe/SSE2", True, CudaUpload),
        ("NVIDIA Corporation", "NVIDIA H200/PCIe/SSE2", False, BufferUpload),
        ("Intel", "Mesa Intel(R) UHD Graphics 620", True, BufferUpload),
        ("Mesa", "llvmpipe (LLVM 15.0.6, 256 bits)", True, Upload),
    ],
)
def test_the_way_is_chosen_once_and_told(
    context: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    vendor: str,
    renderer: str,
    installed: bool,
    kind: type[Upload],
) -> None:
    from OpenGL import GL

    names = {GL.GL_VENDOR: vendor, GL.GL_RENDERER: renderer}
    monkeypatch.setattr(GL, "glGetString", lambda name: names[name].encode())
    monkeypatch.setattr("ballgan_viewer.upload._is_installed", lambda name: installed)
    with caplog.at_level(logging.INFO):
        way = choose_upload()
    assert type(way) is kind and way.direct == (kind is CudaUpload)
    (record,) = caplog.records
    assert way.name in record.getMessage() and renderer.lower() in record.getMessage()
    way.close()


# CUDA, pretended


class Status(IntEnum):
    cudaSuccess = 0
    cudaErrorUnknown = 999


class Runtime:
    """Stands for cuda.bindings.runtime: "resources" are textures, and copies are made by GL."""

    cudaGraphicsRegisterFlags = SimpleNamespace(cudaGraphicsRegisterFlagsWriteDiscard=2)
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyDeviceToDevice=3)

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.fails = ""  # the call that does

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cuda"):
            raise AttributeError(name)

        def call(*arguments: Any) -> tuple:
            self.calls.append((name.removeprefix("cuda"), *arguments))
            if name == self.fails:
                return Status.cudaErrorUnknown, None
            if name == "cudaMemcpy2DToArrayAsync":
                self._copy(*arguments)
            if name == "cudaGraphicsGLRegisterImage":
                assert count_levels(arguments[0]) > 1  # CUDA is told of whole textures only
                return Status.cudaSuccess, f"resource {arguments[0]}"
            if name == "cudaGraphicsSubResourceGetMappedArray":
                return Status.cudaSuccess, int(arguments[0].split()[1])
            return (Status.cudaSuccess,)

        return call

    @staticmethod
    def _copy(array: int, x: int, y: int, source: int, pitch: int, *rest: Any) -> None:
        from OpenGL import GL

        width, height, kind, stream = rest
        assert (x, y, kind, stream) == (0, 0, 3, 77) and pitch == width
        data = (ctypes.c_uint8 * (pitch * height)).from_address(source)
        pixels = np.frombuffer(data, np.uint8).reshape(height, width // 4, 4)
        GL.glBindTexture(GL.GL_TEXTURE_2D, array)
        size = (0, 0, width // 4, height)
        GL.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, *size, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.calls]


class Stream:
    """Stands for torch.cuda.Stream."""

    cuda_stream = 77

    def __init__(self) -> None:
        self.waited_for: list[Any] = []

    def wait_event(self, event: Any) -> None:
        self.waited_for.append(event)

    def synchronize(self) -> None: ...

    def record_event(self) -> str:
        return "ready"


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    runtime, stream = Runtime(), Stream()
    monkeypatch.setitem(sys.modules, RUNTIME, runtime)
    for package in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, package, SimpleNamespace(__path__=[]))
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: stream)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda tensor, stream: None)
    return runtime


def on_gpu(pixels: np.ndarray) -> GpuPixels:
    return GpuPixels(torch.from_numpy(pixels), "ready")


COPY = [
    "GraphicsMapResources",
    "GraphicsSubResourceGetMappedArray",
    "Memcpy2DToArrayAsync",
    "GraphicsUnmapResources",
]


def test_a_picture_of_a_gpu_stays_there(context: None, cuda: Runtime) -> None:
    from ballgan_viewer.gl import Texture

    way = CudaUpload()
    texture = Texture(way)
    for seed in range(4):  # each of the two textures twice
        pixels = draw(6, 10, seed)
        texture.upload(on_gpu(pixels))
        assert np.array_equal(read(texture.name, pixels.shape), pixels)
    first = ["SetDevice", "GraphicsGLRegisterImage", *COPY]
    assert cuda.names == first * 2 + ["SetDevice", *COPY] * 2
    assert torch.cuda.Stream().waited_for == ["ready"] * 4
    cuda.calls.clear()
    texture.upload(on_gpu(draw(3, 3, 0)))  # storage of another size is registered anew
    assert cuda.names == ["GraphicsUnregisterResource", *first]
    cuda.calls.clear()
    texture.close()
    assert cuda.names == ["GraphicsUnregisterResource"] * 2
    way.close()
    assert cuda.names == ["GraphicsUnregisterResource"] * 2


@pytest.mark.parametrize(
    "call",
    ["cudaSetDevice", "cudaGraphicsGLRegisterImage", *(f"cuda{name}" for name in COPY)],
)
def test_after_a_failure_pictures_go_over_memory(
    context: None, cuda: Runtime, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    from ballgan_viewer.gl import Texture

    way = CudaUpload()
    texture, cuda.fails = Texture(way), call
    with caplog.at_level(logging.WARNING):
        for seed in range(3):
            pixels = draw(6, 10, seed)
            texture.upload(on_gpu(pixels))
            assert np.array_equal(read(texture.name, pixels.shape), pixels)
    assert not way.direct and cuda.names.count("SetDevice") == 1
    assert "GetLastError" in cuda.names and not way._registered
    (record,) = caplog.records
    assert f"from now on: {call}: cudaErrorUnknown" in record.getMessage()
    cuda.fails = ""
    texture.close()
    way.close()


def test_without_the_package_pictures_go_over_memory(
    context: None, cuda: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ballgan_viewer.gl import Texture

    monkeypatch.setitem(sys.modules, RUNTIME, None)
    way = CudaUpload()
    texture, pixels = Texture(way), draw(4, 4, 1)
    texture.upload(on_gpu(pixels))
    assert np.array_equal(read(texture.name, pixels.shape), pixels)
    assert not way.direct
    texture.close()
    way.close()


# What the worker gives


@pytest.mark.parametrize("layer", ["full", "foreground"])
def test_a_frame_keeps_the_pixels_that_the_window_shows(tiny_model: Generator, layer: str) -> None:
    scene, camera = ballgan.Scene(tiny_model), ballgan.Camera.orbit(0.2)
    frame = scene.render(camera, ballgan.RenderSettings(layer=layer, keep_pixels=True))
    assert frame.pixels is not None
    assert np.array_equal(frame.pixels.numpy(), premultiply(frame.rgba()))
    assert scene.render(camera, ballgan.RenderSettings(layer=layer)).pixels is None


def test_large_frames_keep_no_pixels(tiny_model: Generator) -> None:
    settings = ballgan.RenderSettings(size=WHOLE_SIZE + 64, layer="raw", keep_pixels=True)
    assert ballgan.Scene(tiny_model).render(ballgan.Camera.orbit(), settings).pixels is None


def test_a_window_gets_what_it_takes(cuda: Runtime) -> None:
    rgba = np.random.default_rng(0).random((4, 4, 4), dtype=np.float32)
    pixels = draw(4, 4, 3)

    class OnGpu:
        """A tensor of a GPU."""

        device = SimpleNamespace(type="cuda")

        def to(self, device: str, *, non_blocking: bool) -> torch.Tensor:
            assert device == "cpu" and non_blocking
            return torch.from_numpy(pixels)

    frame: Any = SimpleNamespace(pixels=OnGpu())
    assert _to_pixels(View(), frame, rgba, direct=True) == GpuPixels(frame.pixels, "ready")
    assert np.array_equal(_to_pixels(View(), frame, rgba, direct=False), pixels)
    for layer in ("alpha", "depth"):  # which are shaded on the CPU
        shown = _to_pixels(View(layer=layer), frame, rgba, direct=True)
        assert np.array_equal(shown, premultiply(rgba))
    frame.pixels = None
    assert np.array_equal(_to_pixels(View(), frame, rgba, direct=True), premultiply(rgba))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_what_it_computed(context: None) -> None:
    """By interop where the context is on the GPU and cuda-bindings is there, else over memory."""
    from ballgan_viewer.gl import Texture

    way = choose_upload()
    texture, pixels = Texture(way), draw(64, 48, 5)
    tensor = torch.from_numpy(pixels).to("cuda")
    texture.upload(GpuPixels(tensor, torch.cuda.current_stream().record_event()))
    assert np.array_equal(read(texture.name, pixels.shape), pixels)
    texture.close()
    way.close()
