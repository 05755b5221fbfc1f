"""Films in files: MP4, WebM, GIF, or a folder of PNG pictures.

Pictures are encoded as they come, in a thread of their own, behind a queue of few: whoever renders
waits when the encoder is slower, and memory stays bounded. A film gets its name when it is
complete; whatever stops it before leaves nothing behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from .files import atomic_folder, atomic_write
from .images import quantize, write_png

MAX_SIDE = 4096  # pixels: more is beyond most decoders, and encoders hold dozens of pictures
Texts = dict[str, str]
Pixels = tuple[np.ndarray, Texts | None]  # bytes (H, W, 3 or 4), and metadata
Step = Callable[[], None]


class Add(Protocol):
    """Adds a picture to a film (see `write_video`)."""

    def __call__(self, image: np.ndarray, texts: Texts | None = None) -> None:
        """Wait for a place in the queue. Raises what went wrong with pictures before."""


QUEUED = 3  # pictures that wait for the encoder
PATIENCE = 0.1  # seconds between two steps of one who waits for it


@dataclass(frozen=True)
class VideoFormat:
    """A kind of film. transparent: whether it can hold alpha. max_fps: pictures per second."""

    suffix: str  # "" for a folder of pictures
    title: str
    transparent: bool
    max_fps: float = 120.0


FORMATS = {
    "mp4": VideoFormat(".mp4", "MP4 (H.264)", False),
    "webm": VideoFormat(".webm", "WebM (VP9)", True),
    # It counts hundredths of seconds, and players take 1 for 10.
    "gif": VideoFormat(".gif", "GIF", True, max_fps=50.0),
    "png": VideoFormat("", "PNG pictures", True),
}


@dataclass(frozen=True)
class VideoOptions:
    """What to write.

    size: width and height in pixels. fps: pictures per second. format: a key of FORMATS.
    transparent: keep alpha, where the format can; else transparent parts are shown on white.
    metadata: texts by name; each PNG picture has all of them, a film has them as one comment.
    """

    size: tuple[int, int]
    fps: float = 30.0
    format: str = "mp4"
    transparent: bool = False
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format is one of {', '.join(FORMATS)}; got {self.format!r}.")
        limit = FORMATS[self.format].max_fps
        if not 1 <= self.fps <= limit:
            raise ValueError(f"fps should be in 1 ... {limit:g} for this; got {self.fps!r}.")
        if not all(1 <= side <= MAX_SIDE for side in self.size):
            raise ValueError(
                f"A film's sides have 1 to {MAX_SIDE} pixels, since players decode no more; got "
                f"{self.size}. Larger pictures can be rendered one by one."
            )
        if self.format == "mp4" and any(side % 2 for side in self.size):
            raise ValueError(f"An MP4 film needs even sides in pixels; got {self.size}.")
        if self.transparent and not FORMATS[self.format].transparent:
            raise ValueError("MP4 films cannot be transparent; WebM, GIF and PNG can.")


def format_of(path: str | Path) -> str:
    """The format that a path's suffix names; none: a folder of pictures.

    Raises ValueError for a suffix of another kind.
    """
    suffix = Path(path).suffix.lower()
    for name, kind in FORMATS.items():
        if suffix == kind.suffix:
            return name
    raise ValueError(
        f"{path}: a film should end in .mp4, .webm or .gif, or have no suffix, for a folder of PNG "
        f'pictures; got "{suffix}"'
    )


@contextmanager
def write_video(
    path: str | Path, options: VideoOptions, step: Step = lambda: None
) -> Iterator[Add]:
    """Give a function that adds a picture, and complete the film at the end of the block.

    Pictures are (H, W, 3) or (H, W, 4) straight float sRGB in [0, 1], of the size in `options`, or
    what `prepare_picture` made of them; adding one waits while QUEUED others do. A second argument,
    texts by name, is the metadata of this picture alone, where the format is "png". `step` is
    called now and then where the encoder has to be waited for; it may raise to stop. Any exception
    leaves what was at `path` untouched.

    Raises ValueError for pictures of another shape, OSError where the film cannot be written,
    FileExistsError for a folder of pictures that exists and is not empty.
    """
    with _open_encoder(path, options, step) as encode, _encoding(encode, step) as put:
        yield lambda image, texts=None: put((prepare_picture(image, options), texts))


def prepare_picture(image: np.ndarray, options: VideoOptions) -> np.ndarray:
    """What is encoded of a picture: bytes (H, W, 3), or (H, W, 4) if the film is transparent.

    image: floats as for `write_video`, or such bytes, which stay as they are. Raises ValueError.
    """
    width, height = options.size
    channels = image.shape[2] if image.ndim == 3 else 0
    if image.shape[:2] != (height, width) or channels not in (3, 4):
        raise ValueError(
            f"Pictures of this film should be ({height}, {width}, 3 or 4); got {image.shape}."
        )
    if image.dtype == np.uint8 and (channels == 4) == options.transparent:
        return image
    if channels == 4 and not options.transparent:
        alpha = image[..., 3:]
        image = image[..., :3] * alpha + (1 - alpha)
    elif channels == 3 and options.transparent:
        image = np.dstack([image, np.ones_like(image[..., :1])])
    return quantize(image)


@contextmanager
def _open_encoder(
    path: str | Path, options: VideoOptions, step: Step
) -> Iterator[Callable[[Pixels], None]]:
    """A function that encodes one picture at once; the file is complete at the end."""
    if options.format == "png":
        with atomic_folder(path) as folder:
            count = 0

            def write(picture: Pixels) -> None:
                nonlocal count
                count += 1
                pixels, texts = picture
                facts = options.metadata if texts is None else texts
                write_png(folder / f"{count:05d}.png", pixels / np.float32(255), facts)

            yield write
        return
    from .video_codecs import GifEncoder, StreamEncoder  # loads FFmpeg's libraries

    with atomic_write(path) as file:
        kind = GifEncoder if options.format == "gif" else StreamEncoder
        encoder = kind(file.name, options)
        try:
            yield lambda picture: encoder.encode(picture[0])
            encoder.finish(step)
        finally:
            encoder.close()


@contextmanager
def _encoding(encode: Callable[[Pixels], None], step: Step) -> Iterator[Callable[[Pixels], None]]:
    """Run `encode` in a thread, in order; its error is raised by the next call or at the end."""
    waiting: queue.Queue[Pixels | None] = queue.Queue(QUEUED)
    failures: list[BaseException] = []
    stopped = threading.Event()

    def work() -> None:
        while (picture := waiting.get()) is not None:
            if stopped.is_set() or failures:
                continue  # whoever waits for a place goes on, and learns of it
            try:
                encode(picture)
            except BaseException as error:  # the boundary of the thread
                failures.append(error)

    def put(picture: Pixels) -> None:
        while True:
            if failures:
                raise failures[0]
            step()
            with suppress(queue.Full):
                return waiting.put(picture, timeout=PATIENCE)

    thread = threading.Thread(target=work, name="encoder", daemon=True)
    thread.start()
    try:
        yield put
        waiting.put(None)
        while thread.is_alive():
            step()
            thread.join(PATIENCE)
    except BaseException:
        stopped.set()
        raise
    finally:
        if thread.is_alive():
            waiting.put(None)
            thread.join()
    if failures:
        raise failures[0]
