"""Opens the monitor on the display of this process and plays a person.

Dear PyGui owns its process, and ends it when something is wrong: each scene has its own, as in
    python tests/monitor_driver.py follow FOLDER
A scene ends with an AssertionError, or with exit status 0.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import dearpygui.dearpygui as dpg
import numpy as np
from ballgan_train.monitor import palette
from ballgan_train.monitor.layout import arrange
from ballgan_train.monitor.viewer import Viewers
from ballgan_train.monitor.window import Window
from PIL import Image
from run_folder_writer import (
    append_log,
    draw_layers,
    make_record,
    make_records,
    write_run,
    write_samples,
)

SIZE = (1000, 700)
TIMEOUT = 30.0


def wait_for(window: Window, condition: Callable[[], bool]) -> None:
    """Draw frames until something is so, and some more."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "timeout"
        window.step()
        time.sleep(0.005)
    draw(window)


def draw(window: Window, frames: int = 8) -> None:
    """Draw frames."""
    for _ in range(frames):
        window.step()


def grab(window: Window, folder: Path) -> np.ndarray:
    """What the window shows, (H, W, 3) uint8."""
    path = folder / "window.png"
    path.unlink(missing_ok=True)
    dpg.output_frame_buffer(str(path))
    wait_for(window, path.is_file)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def texts() -> str:
    """All texts that could be seen."""
    items = [item for item in dpg.get_all_items() if dpg.get_item_type(item).endswith("::mvText")]
    return "\n".join(dpg.get_value(item) for item in items)


def shown_samples(pixels: np.ndarray) -> np.ndarray:
    """The sample picture of a window, (H, W, 3) uint8, without its edge."""
    area = arrange(*SIZE).samples
    middle_x, middle_y = area.x + area.width / 2, area.y + area.height / 2
    half = 0.4 * area.width
    rows = slice(round(middle_y - half), round(middle_y + half))
    return pixels[rows, round(middle_x - half) : round(middle_x + half)]


def assert_shows(pixels: np.ndarray, grid: np.ndarray) -> None:
    """The window shows this grid."""
    found = Image.fromarray(shown_samples(pixels)).resize((32, 32), Image.Resampling.BOX)
    edge = round(grid.shape[0] * 0.1)
    middle = Image.fromarray(grid[edge:-edge, edge:-edge])
    expected = np.asarray(middle.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    difference = np.abs(np.asarray(found, dtype=np.float64) - expected).mean()
    assert difference < 8, difference


def count(pixels: np.ndarray, colour: palette.Colour) -> int:
    """How many pixels have nearly this colour."""
    return int((np.abs(pixels.astype(int) - colour[:3]).max(axis=-1) < 12).sum())


def follow(window: Window, folder: Path) -> None:
    """From an empty folder to a run that goes on."""
    wait_for(window, lambda: window.snapshot.loaded)
    assert "Waiting for the first log line" in texts()
    assert "Nothing is logged yet" in texts() and "No sample pictures yet" in texts()

    write_run(folder, ticks=500, samples=4)
    wait_for(window, lambda: window.snapshot.lines == 500 and len(window.snapshot.models) == 6)
    wait_for(window, lambda: window.samples.timeline.kimg is None and window.samples.settled)
    assert "Running" in texts() and "1,240 kimg" in texts() and "preset toy64" in texts()
    assert "of 2,000 kimg" in texts() and "500 log lines" in texts()
    learnt = [min(1.0, 1.3 * step / 2000 + 0.1) for step in np.linspace(0, 1240, 4)]
    pixels = grab(window, folder)
    assert_shows(pixels, draw_layers(learnt[-1])["full"])
    assert count(pixels, palette.ACCENT) > 2000  # curves, button, progress

    window.samples.choose_layer("depth")
    window.samples.move(-3)
    wait_for(window, lambda: window.samples.settled)
    assert_shows(grab(window, folder), draw_layers(learnt[0])["depth"])

    append_log(folder, [make_record(1250.0, 2000.0, time.time(), np.random.default_rng(5))])
    write_samples(folder, 1250, 0.9)
    wait_for(window, lambda: window.snapshot.lines == 501 and len(window.snapshot.samples) == 5)
    assert "1,250 kimg" in texts()
    assert window.samples.timeline.index == 0  # the person looks at older ones
    window.samples.follow()
    wait_for(window, lambda: window.samples.settled)
    assert_shows(grab(window, folder), draw_layers(0.9)["depth"])


def pages(window: Window, folder: Path) -> None:
    """All pages; a scalar that was not foreseen; a filter."""
    write_run(folder, ticks=50, samples=1)
    wait_for(window, lambda: window.snapshot.lines == 50)
    window.pages.choose("Any scalar")
    draw(window)
    assert len(window.pages.charts) == 1
    window.pages.scalar.choose("schedule/blur")
    draw(window)
    assert "schedule/blur" in texts()
    assert count(grab(window, folder), palette.ACCENT) > 300
    window.pages.choose("Configuration")
    draw(window)
    assert "optimiser.betas" in texts()
    window.pages.config.search("neural")
    draw(window)
    assert "model.neural_resolution" in texts() and "optimiser.betas" not in texts()
    window.pages.config.search("no such option")
    assert "No option matches" in texts()


def zoom(window: Window, folder: Path) -> None:
    """A plot follows the data, until a person chooses a range, and again after a double click."""
    write_run(folder, ticks=50, samples=0)
    wait_for(window, lambda: window.snapshot.lines == 50)
    chart = window.pages.charts[0]
    assert np.allclose(chart.x_range, (24.8, 1240), atol=2)
    grow(window, folder, 1300.0)
    assert np.allclose(chart.x_range, (24.8, 1300), atol=2)
    dpg.set_axis_limits(chart.x_axis, 100, 200)
    draw(window)
    dpg.set_axis_limits_auto(chart.x_axis)
    draw(window)
    grow(window, folder, 1400.0)
    assert np.allclose(chart.x_range, (100, 200), atol=2)
    chart.reset()
    draw(window)
    assert np.allclose(chart.x_range, (24.8, 1400), atol=2)


def grow(window: Window, folder: Path, kimg: float) -> None:
    """The run goes on to `kimg`."""
    append_log(folder, [make_record(kimg, 2000.0, time.time(), np.random.default_rng(5))])
    wait_for(window, lambda: window.snapshot.kimg == kimg)


def damage(window: Window, folder: Path) -> None:
    """Half synced pictures, a damaged configuration, a viewer that does not start."""
    write_run(folder, ticks=20, samples=2)
    (folder / "config.json").write_text('{"preset')
    picture = folder / "samples" / "001240-full.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:500])
    with open(folder / "log.jsonl", "a") as file:
        file.write("broken\n" * 3 + '{"kimg": 12')
    wait_for(window, lambda: window.snapshot.broken == 3 and window.samples.settled)
    assert "config.json is damaged or half written" in texts()
    assert "001240-full.png cannot be read" in texts() and "3 unreadable" in texts()
    picture.write_bytes(whole)  # the rest arrives
    wait_for(window, lambda: window.samples.shows_picture)
    (folder / "samples" / "001240-depth.png").unlink()
    window.samples.choose_layer("depth")
    wait_for(window, lambda: "There is no depth picture" in texts())
    window.viewers = Viewers(module="no_such_viewer")
    window.open_model(folder / "model-000200.pkl")
    assert window.notice.text == "Opening model-000200.pkl in the viewer ..."
    wait_for(window, lambda: "No module named no_such_viewer" in window.notice.text)
    assert "The viewer of model-000200.pkl" in texts()


def long_log(window: Window, folder: Path) -> None:
    """100 000 lines: the window goes on drawing while they are read."""
    wait_for(window, lambda: window.snapshot.loaded)
    few = make_records(2000)
    text_of = "".join
    append_log(folder, few)
    line = (folder / "log.jsonl").read_text().splitlines()[-1]
    start = line.index('"time"')
    lines = (f'{{"kimg": {1240 + i / 100}, {line[start:]}\n' for i in range(1, 98_001))
    with open(folder / "log.jsonl", "a") as file:
        file.write(text_of(lines))
    slowest = 0.0
    deadline = time.monotonic() + TIMEOUT
    while window.snapshot.lines < 100_000:
        started = time.monotonic()
        assert started < deadline
        window.step()
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 1.0, slowest


SCENES = {scene.__name__: scene for scene in (follow, pages, zoom, damage, long_log)}

if __name__ == "__main__":
    opened = Window(Path(sys.argv[2]), size=SIZE, interval=0.1)
    try:
        SCENES[sys.argv[1]](opened, Path(sys.argv[2]))
    finally:
        opened.close()
