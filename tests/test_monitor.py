"""The monitor: its pure parts, its messages, and its window on a virtual display."""

import argparse
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ballgan_train.monitor import add_arguments, display, palette, run
from ballgan_train.monitor.curves import (
    PANELS,
    Curve,
    Panel,
    decimate,
    find_limits,
    read_curves,
    resolve_names,
)
from ballgan_train.monitor.headline import (
    describe_reading,
    describe_state,
    describe_tiles,
    find_total,
    format_ago,
    format_duration,
    format_kimg,
    format_memory,
    format_number,
)
from ballgan_train.monitor.layout import Rect, arrange, arrange_grid
from ballgan_train.monitor.timeline import Timeline
from ballgan_train.monitor.viewer import Viewers
from ballgan_train.monitor.watcher import FolderReader, Snapshot, Watcher
from ballgan_train.run_folder import Log, Samples
from run_folder_writer import append_log, make_records, write_run

DRIVER = Path(__file__).with_name("monitor_driver.py")


def flat(*values: float) -> Curve:
    y = np.array(values, dtype=np.float64)
    return Curve(np.arange(float(len(y))), y, y, y, float(y[-1]))


class TestCurves:
    def test_few_values_stay_as_they_are(self) -> None:
        curve = decimate(np.array([1.0, 2.0, 3.0]), np.array([5.0, np.nan, 7.0]))
        assert curve.kimg.tolist() == [1.0, 3.0] and curve.mean.tolist() == [5.0, 7.0]
        assert curve.last == 7.0 and not curve.decimated

    def test_many_values_become_groups(self) -> None:
        kimg = np.arange(6.0)
        curve = decimate(kimg, np.array([0.0, 2.0, 4.0, 4.0, 1.0, np.inf]), buckets=2)
        # Without the infinite one: (0, 2), (4, 4, 1).
        assert curve.kimg.tolist() == [0.5, 3.0]
        assert curve.mean.tolist() == [1.0, 3.0]
        assert curve.low.tolist() == pytest.approx([0.0, 3 - math.sqrt(2)])
        assert curve.high.tolist() == pytest.approx([2.0, 4.0])  # no more than the greatest
        assert curve.last == 1.0 and curve.decimated

    @pytest.mark.parametrize("count", [0, 1, 239, 240, 241, 100_003])
    def test_any_length(self, count: int) -> None:
        values = np.random.default_rng(0).normal(size=count)
        curve = decimate(np.arange(float(count)), values)
        assert curve.kimg.size == min(count, 240)
        assert (np.diff(curve.kimg) > 0).all()
        assert (curve.low <= curve.mean + 1e-12).all() and (curve.mean <= curve.high + 1e-12).all()
        if count == 100_003:
            assert abs(curve.mean.mean() - values.mean()) < 1e-3

    def test_value_at(self) -> None:
        curve = decimate(np.array([0.0, 10.0, 20.0]), np.array([1.0, 2.0, 3.0]))
        assert [curve.value_at(x) for x in (-5, 4, 6, 99)] == [1.0, 1.0, 2.0, 3.0]

    def test_read_curves_leaves_out_what_is_no_curve(self, tmp_path: Path) -> None:
        (tmp_path / "log.jsonl").write_text('{"kimg": 1, "time": 5, "a": 2, "b": "x"}\n')
        log = Log()
        log.read(tmp_path / "log.jsonl")
        assert list(read_curves(log)) == ["a"]

    def test_panels_show_what_there_is(self) -> None:
        available = ("loss/g", "loss/r1", "loss/density_tv", "d/sign_fake", "other")
        by_title = {panel.title: resolve_names(panel, available) for panel in PANELS}
        assert by_title["Losses"] == (("loss/g", "generator"),)
        assert by_title["Penalties"] == (("loss/r1", "r1"), ("loss/density_tv", "density tv"))
        assert by_title["Discriminator"] == (("d/sign_fake", "generated"),)
        assert by_title["Speed"] == ()

    def test_limits(self) -> None:
        assert find_limits(Panel("", limits=(-1.0, 1.0)), [flat(5)]) == (-1.0, 1.0)
        low, high = find_limits(Panel(""), [flat(0, 10)])
        assert -2 < low < 0 and 10 < high < 12
        low, high = find_limits(Panel("", limits=(0.0, None)), [flat(4, 4)])
        assert low == 0.0 and high > 4
        low, high = find_limits(Panel(""), [flat(3, 3)])
        assert low < 3 < high
        assert find_limits(Panel("", target=0.1, limits=(0.0, None)), [flat(0.01)])[1] > 0.1

    def test_limits_ignore_single_outliers(self) -> None:
        values = [1.0] * 1000
        values[500] = 1e6
        assert find_limits(Panel(""), [flat(*values)])[1] < 2

    def test_logarithmic_limits_are_positive(self) -> None:
        panel = Panel("", logarithmic=True)
        low, high = find_limits(panel, [flat(0.0, 1e-3, 10.0), flat(-1.0)])
        assert 0 < low < 1e-3 and high > 10
        assert find_limits(panel, [flat(0.0)]) == (0.1, 1.0)


class TestHeadline:
    def test_formats(self) -> None:
        assert [format_kimg(x) for x in (0, 12.34, 1234.5)] == ["0.0", "12.3", "1,234"]
        numbers = (0, 0.01234, 1.234, 12.34, 456.7, 45678, 1e9, 1e-5, math.inf, None)
        assert [format_number(x) for x in numbers] == [
            "0", "0.0123", "1.23", "12.3", "457", "45,678", "1.00e+09", "1.00e-05", "inf", "\u2013",
        ]  # fmt: skip
        assert [format_memory(x) for x in (512.0, 6144.0)] == ["512 MB", "6.0 GB"]
        assert [format_duration(x) for x in (-3, 42, 61, 3700, 200000)] == [
            "0 s", "42 s", "1 min", "1 h 1 min", "2 d 7 h",
        ]  # fmt: skip
        assert [format_ago(x) for x in (-100, 1, 90)] == ["just now", "just now", "1 min ago"]

    def test_nothing_is_known_yet(self) -> None:
        snapshot = Snapshot(Path("run"))
        assert {tile.value for tile in describe_tiles(snapshot)} == {"\u2013"}
        assert describe_state(snapshot, 0.0) == "Waiting for the first log line"
        assert find_total(snapshot) is None

    def test_total_from_the_time_left(self) -> None:
        last = {"eta_s": 5000.0, "s_per_kimg": 6.5}
        assert find_total(Snapshot(Path(), kimg=1230.0, last=last)) == 2000.0
        assert find_total(Snapshot(Path(), kimg=2000.3, last={**last, "eta_s": 0.0})) == 2000.3
        assert find_total(Snapshot(Path(), kimg=1.0, last={**last, "s_per_kimg": 0.0})) is None

    @pytest.mark.parametrize(
        ("name", "value", "detail"),
        [
            ("alpha/mean", 0.99, "hides the sphere"),
            ("alpha/mean", 0.001, "has vanished"),
            ("alpha/mean", 0.4, "of the rays"),
            ("alpha/min_t", 0.05, "clean, under 0.1"),
            ("alpha/min_t", 0.2, "0.1 and less is clean"),
        ],
    )
    def test_words_on_the_foreground(self, name: str, value: float, detail: str) -> None:
        tiles = describe_tiles(Snapshot(Path(), last={name: value}))
        warns = detail in ("hides the sphere", "has vanished")
        assert [(t.detail, t.mood) for t in tiles if t.detail] == [
            ("no log line yet", "normal"),
            (detail, "warning" if warns else "normal"),
        ]

    def test_states(self) -> None:
        def state(state, **values) -> str:
            return describe_state(Snapshot(Path(), state=state, log_time=100.0, **values), 160.0)

        assert state("running").startswith("Running") and state("running").endswith("1 min ago")
        assert state("stopped", config=(("preset", "toy64"),)).endswith("preset toy64")
        left = describe_tiles(Snapshot(Path(), state="stopped", last={"eta_s": 60.0}))[2]
        assert (left.value, left.detail) == ("\u2013", "1 min were left")
        assert describe_tiles(Snapshot(Path(), state="finished"))[2].value == "none"

    def test_reading(self) -> None:
        words = describe_reading(Snapshot(Path(), lines=1234, broken=2))
        assert "1,234 log lines" in words and "2 unreadable" in words


class TestLayout:
    @pytest.mark.parametrize("size", [(1280, 800), (3840, 2160), (900, 600), (1600, 620), (10, 10)])
    @pytest.mark.parametrize("scale", [1.0, 2.0])
    def test_parts_lie_inside_and_apart(self, size: tuple[int, int], scale: float) -> None:
        layout = arrange(*size, scale)
        width, height = max(size[0], 900 * scale), max(size[1], 600 * scale)
        parts = [layout.head, *layout.tiles, layout.samples, layout.charts, layout.status]
        for part in parts:
            assert part.x >= 0 and part.y >= 0 and part.width > 50 and part.height > 10
            assert part.x + part.width <= width + 1e-6 and part.y + part.height <= height + 1e-6
        for i, one in enumerate(parts):
            assert not any(overlap(one, other) for other in parts[i + 1 :])
        assert layout.charts.width >= layout.samples.width

    def test_grid(self) -> None:
        cells = arrange_grid(210, 320, 5, 10)
        assert cells[0] == Rect(0, 0, 100, 100) and cells[4] == Rect(0, 220, 100, 100)


def overlap(a: Rect, b: Rect) -> bool:
    return (
        a.x < b.x + b.width - 1e-6
        and b.x < a.x + a.width - 1e-6
        and a.y < b.y + b.height - 1e-6
        and b.y < a.y + a.height - 1e-6
    )


class TestTimeline:
    def test_follows_the_newest(self) -> None:
        timeline = Timeline(make_samples(1, 2, 3))
        assert timeline.index == 2
        timeline.samples = make_samples(1, 2, 3, 4)
        assert timeline.current is not None and timeline.current.kimg == 4

    def test_stays_at_the_chosen_time(self) -> None:
        timeline = Timeline(make_samples(1, 2, 3))
        timeline.move(-1)
        timeline.samples = make_samples(2, 3, 4)
        assert timeline.current is not None and timeline.current.kimg == 2
        timeline.samples = make_samples(3, 4)
        assert timeline.index == 0  # the nearest there is
        timeline.follow()
        assert timeline.index == 1

    def test_ends(self) -> None:
        timeline = Timeline(make_samples(1, 2))
        timeline.move(-10)
        assert timeline.index == 0 and timeline.kimg == 1
        timeline.move(10)
        assert timeline.index == 1 and timeline.kimg is None

    def test_empty(self) -> None:
        timeline = Timeline()
        for by in -1, 1:
            timeline.move(by)
            assert timeline.index == -1 and timeline.current is None
        timeline = Timeline(make_samples(1, 2))
        timeline.choose(0)
        timeline.samples = ()
        assert timeline.index == -1 and timeline.current is None


def make_samples(*times: int) -> tuple[Samples, ...]:
    return tuple(Samples(kimg, {}) for kimg in times)


class TestReading:
    def test_a_whole_run(self, tmp_path: Path) -> None:
        write_run(tmp_path, ticks=300, samples=3)
        reader = FolderReader(tmp_path)
        now = time.time()
        snapshot = reader.read(now)
        assert snapshot.state == "running" and snapshot.kimg == 1240.0 and snapshot.lines == 300
        assert len(snapshot.samples) == 3 and len(snapshot.models) == 6
        assert ("preset", "toy64") in snapshot.config and not snapshot.fault
        assert snapshot.curves["loss/g"].mean.size == 240
        again = reader.read(now + 301)
        assert again.state == "stopped" and again.curves is snapshot.curves

    def test_what_cannot_be_read_stays_as_it_was(self, tmp_path: Path) -> None:
        write_run(tmp_path, ticks=10, samples=1)
        reader = FolderReader(tmp_path)
        before = reader.read(time.time())
        (tmp_path / "config.json").write_text("{")
        os.remove(tmp_path / "log.jsonl")
        (tmp_path / "log.jsonl").mkdir()
        after = reader.read(time.time())
        assert after.config == before.config and after.curves == before.curves
        assert "config.json is damaged" in after.fault and "log.jsonl cannot be" in after.fault

    def test_the_thread_publishes(self, tmp_path: Path) -> None:
        watcher = Watcher(tmp_path, interval=0.02)
        try:
            wait_for(lambda: watcher.snapshot.loaded)
            write_run(tmp_path, ticks=10, samples=1)
            wait_for(lambda: watcher.snapshot.lines == 10 and len(watcher.snapshot.samples) == 1)
            path = watcher.snapshot.samples[0].pictures["full"]
            watcher.show(path)
            wait_for(lambda: watcher.picture is not None)
            picture = watcher.picture
            assert picture is not None and picture.path == path and picture.pixels is not None
            assert picture.pixels.shape == (256, 256, 4) and picture.pixels.dtype == np.float32
            assert (picture.pixels[..., 3] == 1).all() and picture.pixels.max() <= 1
        finally:
            watcher.close()

    def test_a_picture_that_was_half_written_is_tried_again(self, tmp_path: Path) -> None:
        write_run(tmp_path, ticks=1, samples=1)
        path = tmp_path / "samples" / "000000-full.png"
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        watcher = Watcher(tmp_path, interval=0.02)
        try:
            watcher.show(path)
            wait_for(lambda: watcher.picture is not None and "cannot be" in watcher.picture.fault)
            path.write_bytes(whole)
            wait_for(lambda: watcher.picture is not None and watcher.picture.pixels is not None)
        finally:
            watcher.close()


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class TestViewers:
    def test_tells_why_a_viewer_ended(self, tmp_path: Path) -> None:
        viewers = Viewers(module="no_such_viewer")
        viewers.open(tmp_path / "model-000200.pkl")
        faults: list[str] = []
        wait_for(lambda: faults.extend(viewers.collect_faults()) or faults)
        assert len(faults) == 1
        assert faults[0].startswith("The viewer of model-000200.pkl: ")
        assert faults[0].endswith("No module named no_such_viewer")
        assert viewers.collect_faults() == []

    def test_a_viewer_that_was_closed_is_no_fault(self, tmp_path: Path) -> None:
        viewers = Viewers(module="json.tool")  # reads the "model" and ends
        (tmp_path / "model-000200.pkl").write_text("{}")
        viewers.open(tmp_path / "model-000200.pkl")
        deadline = time.monotonic() + 20
        while viewers.running:
            assert viewers.collect_faults() == [] and time.monotonic() < deadline
            time.sleep(0.01)


class TestPalette:
    def test_is_the_viewers(self) -> None:
        from ballgan_viewer import theme

        names = [
            name
            for name in vars(palette)
            if name.isupper() and name not in ("CLEAR", "SERIES", "MOODS", "STATES")
        ]
        assert len(names) > 10
        for name in names:
            viewers = getattr(theme, name)
            expected = [round(255 * part) for part in (viewers.x, viewers.y, viewers.z, viewers.w)]
            assert list(getattr(palette, name)) == expected, name


def parse(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


class TestCommand:
    def test_arguments(self) -> None:
        args = parse("runs/a", "--size", "800x700", "--scale", "1.5", "--screenshot", "a.png")
        assert (args.run, args.size, args.scale) == (Path("runs/a"), (800, 700), 1.5)
        assert parse("a").size == (1280, 800) and parse("a").screenshot is None

    @pytest.mark.parametrize("wrong", [["--size", "8"], ["--scale", "9"], ["--scale", "x"]])
    def test_wrong_arguments(self, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse("a", *wrong)
        assert "looks like 1280x800" in (err := capsys.readouterr().err) or "0.5 to 4" in err

    def test_no_run(self, tmp_path: Path) -> None:
        (tmp_path / "x").touch()
        with pytest.raises(ValueError, match="is not a run folder"):
            run(parse(tmp_path))

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks only on Linux")
    @pytest.mark.parametrize(
        ("variables", "why"),
        [
            ({}, "DISPLAY is not set"),
            ({"WAYLAND_DISPLAY": "wayland-0"}, "Wayland without XWayland"),
            ({"DISPLAY": ":65000"}, "DISPLAY is :65000: .*Failed to open display"),
        ],
    )
    def test_no_display(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        why: str,
    ) -> None:
        for name in "DISPLAY", "WAYLAND_DISPLAY":
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(OSError, match=why) as caught:
            run(parse(tmp_path))
        assert f"tensorboard --logdir {tmp_path}" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_display_that_does_not_answer(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(display, "PROBE_TIMEOUT", 0.001)
        monkeypatch.setenv("DISPLAY", ":0")
        with pytest.raises(OSError, match="it does not answer"):
            display.check_display(tmp_path)


@pytest.fixture(scope="module")
def virtual_display() -> Iterator[dict[str, str]]:
    """The environment of a process that draws on a screen of its own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed: the monitor's window is not tested")
    pytest.importorskip("dearpygui")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    try:
        if not number:
            pytest.skip("Xvfb does not start: the monitor's window is not tested")
        yield {**os.environ, "DISPLAY": f":{number}"}
    finally:
        server.terminate()
        server.wait(timeout=10)


def play(scene: str, folder: Path, environment: dict[str, str]) -> None:
    """Play a scene of the driver in its own process."""
    played = subprocess.run(
        [sys.executable, "-W", "error", str(DRIVER), scene, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert played.returncode == 0, played.stderr[-3000:]


@pytest.mark.slow
class TestWindow:
    @pytest.mark.parametrize("scene", ["follow", "pages", "zoom", "damage", "long_log"])
    def test_scene(self, scene: str, tmp_path: Path, virtual_display: dict[str, str]) -> None:
        play(scene, tmp_path, virtual_display)

    def test_screenshot(
        self, tmp_path: Path, virtual_display: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append_log(tmp_path, make_records(20))
        code = (
            "import sys; from test_monitor import parse, run; sys.exit(run(parse(*sys.argv[1:])))"
        )
        command = [sys.executable, "-c", code, str(tmp_path), "--size", "900x600"]
        written = subprocess.run(
            [*command, "--screenshot", str(tmp_path / "window.png")],
            env={**virtual_display, "PYTHONPATH": str(DRIVER.parent)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert written.returncode == 0, written.stderr[-3000:]
        assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")
