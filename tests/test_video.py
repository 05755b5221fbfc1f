"""Films, decoded again and compared with the pictures that went in."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ballgan.video import VideoOptions, format_of, write_video

av = pytest.importorskip("av")

SIDE = 48


def picture(index: int, *, channels: int = 4) -> np.ndarray:
    """A soft ball that moves before soft colours: straight RGBA in [0, 1]."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    distance = np.hypot(x - 0.4 - 0.02 * index, y - 0.5)
    colors = [0.3 + 0.5 * x, 0.2 + 0.6 * y, 0.5 + 0.3 * np.sin(4 * x + 0.2 * index)]
    alpha = np.clip((0.35 - distance) / 0.1, 0, 1)
    return np.dstack([*colors, alpha])[..., :channels].astype(np.float32)


def film(path: Path, count: int = 8, **options) -> Path:
    with write_video(path, VideoOptions((SIDE, SIDE), **options)) as add:
        for index in range(count):
            add(picture(index))
    return path


def decode(path: Path, *, alpha: bool = False) -> list[np.ndarray]:
    """Pictures (H, W, 4) of a film, colours as its tags say."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create("libvpx-vp9", "r") if alpha else stream.codec_context
        frames = [f for packet in container.demux(stream) for f in decoder.decode(packet)]
        return [f.reformat(format="rgba").to_ndarray() / 255 for f in frames]


def on_white(rgba: np.ndarray) -> np.ndarray:
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(np.square(a - b).mean())


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_films_look_like_their_pictures(tmp_path: Path, kind: str) -> None:
    frames = decode(film(tmp_path / f"a.{kind}", format=kind, fps=25))
    assert len(frames) == 8
    for index, frame in enumerate(frames):
        assert psnr(frame[..., :3], on_white(picture(index))) > 35
    with av.open(str(tmp_path / f"a.{kind}")) as container:
        assert container.streams.video[0].average_rate == 25


def test_webm_keeps_alpha_and_straight_colours(tmp_path: Path) -> None:
    path = film(tmp_path / "a.webm", format="webm", transparent=True)
    with av.open(str(path)) as container:  # what tells players that there is alpha
        assert container.streams.video[0].metadata["alpha_mode"] == "1"
    frames = decode(path, alpha=True)
    for index, frame in enumerate(frames):
        assert psnr(frame[..., 3], picture(index)[..., 3]) > 38
        assert psnr(frame[..., :3], picture(index, channels=3)) > 35


def test_gif_shows_each_picture_for_its_time(tmp_path: Path) -> None:
    path = film(tmp_path / "a.gif", format="gif", fps=20)
    with Image.open(path) as gif:
        assert gif.n_frames == 8 and gif.info["loop"] == 0
        for index in range(8):
            gif.seek(index)
            assert gif.info["duration"] == 50
            shown = np.asarray(gif.convert("RGB")) / 255
            assert psnr(shown, on_white(picture(index))) > 30


def test_gif_is_transparent_where_alpha_is_under_a_half(tmp_path: Path) -> None:
    path = film(tmp_path / "a.gif", format="gif", fps=20, transparent=True)
    with Image.open(path) as gif:
        for index in range(8):
            gif.seek(index)
            shown = np.asarray(gif.convert("RGBA"))[..., 3]
            clear = np.abs(picture(index)[..., 3] - 0.5) > 0.01
            assert ((shown > 0) == (picture(index)[..., 3] > 0.5))[clear].all()


def test_png_pictures_are_exact_and_have_the_metadata(tmp_path: Path) -> None:
    facts = {"Software": "ballgan"}
    folder = film(tmp_path / "a", 3, format="png", transparent=True, metadata=facts)
    assert [path.name for path in sorted(folder.iterdir())] == [
        "00001.png",
        "00002.png",
        "00003.png",
    ]
    with Image.open(folder / "00003.png") as image:
        assert image.info["Software"] == "ballgan"
        assert np.abs(np.asarray(image) / 255 - picture(2)).max() <= 0.501 / 255


def test_a_film_has_its_metadata_as_a_comment(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", format="mp4", metadata={"seed": "3", "model": "heads"})
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == "seed: 3\nmodel: heads"


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_after_an_interruption(tmp_path: Path, name: str, error) -> None:
    options = VideoOptions((SIDE, SIDE), format=format_of(name))
    with pytest.raises(error), write_video(tmp_path / name, options) as add:
        add(picture(0))
        raise error
    assert list(tmp_path.iterdir()) == []
    assert "encoder" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_pictures_that_the_encoder_holds_back_can_be_called_off(tmp_path: Path, name: str) -> None:
    count, wanted = 0, 10**9

    def step() -> None:
        nonlocal count
        count += 1
        if count > wanted:
            raise RuntimeError("enough")

    options = VideoOptions((SIDE, SIDE), format=format_of(name))
    with write_video(tmp_path / name, options, step) as add:
        for index in range(8):
            add(picture(index))
        before = count
    assert count >= before + 8  # once for each, at least
    (tmp_path / name).unlink()
    with pytest.raises(RuntimeError, match="enough"):
        with write_video(tmp_path / name, options, step) as add:
            for index in range(8):
                add(picture(index))
            wanted = count + 5
    assert list(tmp_path.iterdir()) == []


def test_whoever_waits_for_the_encoder_can_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ballgan.video_codecs import StreamEncoder

    goes_on, stops = threading.Event(), threading.Event()
    encode = StreamEncoder.encode

    def wait(self: StreamEncoder, pixels: np.ndarray) -> None:
        assert goes_on.wait(10)
        encode(self, pixels)

    def step() -> None:
        if stops.is_set():
            goes_on.set()
            raise RuntimeError("enough")

    monkeypatch.setattr(StreamEncoder, "encode", wait)
    with pytest.raises(RuntimeError, match="enough"):
        with write_video(tmp_path / "a.mp4", VideoOptions((SIDE, SIDE)), step) as add:
            threading.Timer(0.3, stops.set).start()
            for index in range(8):
                add(picture(index))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(64, 64), (4096, 4096)])
def test_large_films_look_less_far_ahead(tmp_path: Path, size: tuple[int, int]) -> None:
    from ballgan.video_codecs import StreamEncoder

    encoder = StreamEncoder(str(tmp_path / "a.webm"), VideoOptions(size, format="webm"))
    ahead = int(encoder._stream.codec_context.options["lag-in-frames"])
    assert ahead == (20 if size[0] == 64 else 4)
    encoder.close()


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a"])
def test_full_disk_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(OSError, match=str(tmp_path)):
            film(tmp_path / name, 20, format=format_of(name))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_film_leaves_the_former_one(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 2)
    before = path.read_bytes()
    options = VideoOptions((SIDE, SIDE))
    with pytest.raises(ValueError, match=r"should be \(48, 48, 3 or 4\); got \(8, 8, 3\)"):
        with write_video(path, options) as add:
            add(np.zeros((8, 8, 3)))
    assert path.read_bytes() == before


def test_a_folder_with_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    film(tmp_path / "a", 1, format="png")  # an empty one is
    with pytest.raises(FileExistsError, match="choose another name"):
        film(tmp_path / "a", 1, format="png")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "avi"}, "mp4, webm, gif, png; got 'avi'"),
        ({"size": (47, 48)}, "even sides"),
        ({"size": (9000, 9000)}, "1 to 4096 pixels"),
        ({"transparent": True}, "MP4 films cannot be transparent; WebM"),
        ({"fps": 0}, r"1 \.\.\. 120"),
        ({"format": "gif", "fps": 60}, r"1 \.\.\. 50"),
    ],
)
def test_impossible_films_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        VideoOptions(**{"size": (48, 48), **options})


def test_formats_are_told_by_suffix() -> None:
    assert [format_of(name) for name in ("a.MP4", "b.webm", "c.gif", "d")] == [
        "mp4",
        "webm",
        "gif",
        "png",
    ]
    with pytest.raises(ValueError, match=r"\.mp4, \.webm or \.gif, or have no suffix"):
        format_of("a.avi")
