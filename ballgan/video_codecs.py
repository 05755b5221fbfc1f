"""Encoders of films, by FFmpeg's libraries (the package PyAV)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.filter
import numpy as np

if TYPE_CHECKING:
    from .video import VideoOptions

BT709 = 1  # of primaries, transfer and matrix alike (ITU-T H.273), with limited range: what players
# take HD films for. sRGB's values go in as they are, as usual.
LIMITED = 1
# Constant quality, where differences from the pictures are hard to see; the encoders' middle speed.
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": ("libx264", {"crf": "16", "preset": "medium"}),
    "webm": ("libvpx-vp9", {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4"}),
}
AHEAD = {"mp4": "rc-lookahead", "webm": "lag-in-frames"}  # how many pictures are looked at ahead
MOST_AHEAD, PIXELS_AHEAD = 20, 2**26  # pictures, and their pixels: they are held in memory


class StreamEncoder:
    """One stream of pictures with chroma at half the resolution, in MP4 or WebM."""

    def __init__(self, path: str, options: VideoOptions) -> None:
        codec, settings = CODECS[options.format]
        width, height = options.size
        ahead = min(max(PIXELS_AHEAD // (width * height), 4), MOST_AHEAD)
        settings = {**settings, AHEAD[options.format]: str(ahead)}
        if options.transparent:
            settings = {**settings, "auto-alt-ref": "0"}  # the codec cannot have both
        self._rate = Fraction(options.fps).limit_denominator(1001)
        self._layout = "yuva420p" if options.transparent else "yuv420p"
        muxing = {"movflags": "+faststart"} if options.format == "mp4" else {}
        self._container = av.open(path, "w", format=options.format, options=muxing)
        self._container.metadata.update(_to_comment(options.metadata))
        stream: Any = self._container.add_stream(codec, rate=self._rate, options=settings)
        stream.width, stream.height = options.size
        stream.pix_fmt = self._layout
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        context.thread_type = "AUTO"
        self._stream = stream
        self._count = 0

    def encode(self, pixels: np.ndarray) -> None:
        """Add a picture: bytes (H, W, 3 or 4)."""
        kind = "rgba" if pixels.shape[2] == 4 else "rgb24"
        frame = av.VideoFrame.from_ndarray(pixels, format=kind)
        frame = frame.reformat(format=self._layout, dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def finish(self, step: Callable[[], None]) -> None:
        """Write what the encoder holds back, and the end of the file.

        step: called for each picture that comes out; VP9 makes a few before the first.
        """
        for packet in self._stream.codec_context.encode_lazy(None):
            step()
            packet.stream = self._stream
            self._container.mux(packet)
        self._container.close()

    def close(self) -> None:
        """Let go of the file, complete or not."""
        _abandon(self._container)


class GifEncoder:
    """A GIF film that repeats, with 256 colours of its own for each picture."""

    def __init__(self, path: str, options: VideoOptions) -> None:
        width, height = options.size
        self._layout = "rgba" if options.transparent else "rgb24"
        self._fps = options.fps
        muxing = {"loop": "0", "final_delay": str(round(100 / options.fps))}
        self._container = av.open(path, "w", format="gif", options=muxing)
        stream: Any = self._container.add_stream("gif", rate=100)  # the format's hundredths
        stream.width, stream.height = width, height
        stream.pix_fmt = "pal8"
        stream.codec_context.time_base = Fraction(1, 100)
        self._stream = stream
        self._palettes = _make_palettes(width, height, self._layout, options.transparent)
        self._count = 0

    def encode(self, pixels: np.ndarray) -> None:
        """Add a picture: bytes (H, W, 3 or 4)."""
        frame = av.VideoFrame.from_ndarray(pixels, format=self._layout)
        frame.pts, frame.time_base = round(100 * self._count / self._fps), Fraction(1, 100)
        self._count += 1
        self._palettes.push(frame)
        self._drain()

    def finish(self, step: Callable[[], None]) -> None:
        """Write what is held back, which is little, and the end of the file."""
        step()
        self._palettes.push(None)
        self._drain()
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def close(self) -> None:
        """Let go of the file, complete or not."""
        _abandon(self._container)

    def _drain(self) -> None:
        for frame in _pull_all(self._palettes):
            self._container.mux(self._stream.encode(frame))


def _make_palettes(width: int, height: int, layout: str, transparent: bool) -> Any:
    """A filter that finds the best palette of each picture and dithers with it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat(layout), time_base=Fraction(1, 100)
    )
    split = graph.add("split")
    find = graph.add("palettegen", f"stats_mode=single:reserve_transparent={int(transparent)}")
    use = graph.add("paletteuse", "new=1:dither=sierra2_4a:alpha_threshold=128")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(find, 1, 0)
    find.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _pull_all(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _abandon(container: Any) -> None:
    """Close a container whose film is not wanted, whatever state it is in; closed ones stay so."""
    try:
        container.close()
    except (av.FFmpegError, ValueError):
        pass  # of a film that failed before: that error is on its way


def _to_comment(metadata: dict[str, str]) -> dict[str, str]:
    """One text for a film's comment, which is all that formats have in common."""
    text = "\n".join(f"{name}: {value}" for name, value in metadata.items())
    return {"comment": text} if text else {}
