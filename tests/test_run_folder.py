"""Reading run folders: while they are written, half synced, resumed, damaged."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from ballgan_train import run_folder
from ballgan_train.run_folder import (
    Log,
    find_run,
    find_state,
    flatten_config,
    list_models,
    list_samples,
    read_config,
    read_log_time,
    read_picture,
)
from PIL import Image

DEEP = pytest.param("[" * 100_000, id="nested too deep")


def line(kimg: object, **values: object) -> str:
    return json.dumps({"kimg": kimg, **values}) + "\n"


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


class TestLog:
    def test_reads_columns_in_order(self, log_path: Path) -> None:
        log_path.write_text(line(0.5, **{"loss/g": 1.0}) + line(1, **{"loss/g": 2}))
        log = Log()
        assert log.read(log_path)
        assert len(log) == 2
        assert log.names == ("kimg", "loss/g")
        assert log.column("kimg").tolist() == [0.5, 1.0]
        assert log.column("loss/g").tolist() == [1.0, 2.0]
        assert log.last("loss/g") == 2.0
        assert not log.read(log_path)

    def test_missing_file_is_an_empty_log(self, log_path: Path) -> None:
        log = Log()
        assert not log.read(log_path)
        assert len(log) == 0 and log.names == ()
        assert math.isnan(log.last("kimg"))

    def test_half_a_line_waits_for_the_rest(self, log_path: Path) -> None:
        log_path.write_text(line(1) + '{"kimg": 2, "loss')
        log = Log()
        log.read(log_path)
        assert log.column("kimg").tolist() == [1.0]
        with open(log_path, "a") as file:
            file.write('/g": 7}\n' + line(3))
        assert log.read(log_path)
        assert log.column("kimg").tolist() == [1.0, 2.0, 3.0]
        np.testing.assert_array_equal(log.column("loss/g"), [np.nan, 7.0, np.nan])
        assert log.broken == 0

    def test_every_way_of_cutting_the_file_gives_the_same(self, log_path: Path) -> None:
        whole = "".join(line(i, a=i * i, é="ü") for i in range(1, 5)).encode()
        for first in range(len(whole)):
            log = Log()
            log_path.write_bytes(whole[:first])
            log.read(log_path)
            log_path.write_bytes(whole)
            log.read(log_path)
            assert log.column("a").tolist() == [1.0, 4.0, 9.0, 16.0]
            assert log.broken == 0

    @pytest.mark.parametrize(
        "text",
        [
            "not json",
            "{",
            "[1, 2]",
            "3",
            "null",
            "{}",
            '{"kimg": "2"}',
            '{"kimg": null}',
            '{"kimg": true}',
            '{"kimg": NaN}',
            '{"kimg": 1e999}',
            pytest.param('{"kimg": 1' + "0" * 400 + "}", id="too large for a float"),
            pytest.param('{"kimg": 1' + "0" * 5000 + "}", id="too long for an integer"),
            DEEP,
            "\x00\x00\x00",
        ],
    )
    def test_broken_lines_are_counted_and_left_out(self, log_path: Path, text: str) -> None:
        log_path.write_text(line(1) + text + "\n" + line(2))
        log = Log()
        log.read(log_path)
        assert log.column("kimg").tolist() == [1.0, 2.0]
        assert log.broken == 1

    def test_bytes_that_are_no_text(self, log_path: Path) -> None:
        log_path.write_bytes(line(1).encode() + b"\xff\xfe\x80\n" + line(2).encode())
        log = Log()
        log.read(log_path)
        assert len(log) == 2 and log.broken == 1

    def test_empty_lines_and_windows_line_ends_are_fine(self, log_path: Path) -> None:
        log_path.write_bytes(b'\n{"kimg": 1}\r\n\r\n  \n{"kimg": 2}\r\n')
        log = Log()
        log.read(log_path)
        assert log.column("kimg").tolist() == [1.0, 2.0] and log.broken == 0

    def test_values_that_are_no_numbers_are_nan(self, log_path: Path) -> None:
        text = '{"kimg": 1, "a": "x", "b": [1], "c": true, "d": NaN, "e": Infinity, "f": -2}\n'
        log_path.write_text(text)
        log = Log()
        log.read(log_path)
        assert all(math.isnan(log.last(name)) for name in "abcd")
        assert log.last("e") == math.inf and log.last("f") == -2.0

    def test_scalars_that_come_and_go_are_filled_with_nan(self, log_path: Path) -> None:
        log_path.write_text(line(1, a=1) + line(2) + line(3, b=3) + line(4, a=4))
        log = Log()
        log.read(log_path)
        np.testing.assert_array_equal(log.column("a"), [1, np.nan, np.nan, 4])
        np.testing.assert_array_equal(log.column("b"), [np.nan, np.nan, 3, np.nan])
        np.testing.assert_array_equal(log.column("unknown"), [np.nan] * 4)
        assert log.last("a") == 4.0 and math.isnan(log.last("b"))

    def test_a_resumed_run_replaces_what_it_repeats(self, log_path: Path) -> None:
        before = "".join(line(k, a=1, only_before=1) for k in (1, 2, 3, 4))
        log_path.write_text(before + line(3, a=2) + line(4, a=2) + line(5, a=2))
        log = Log()
        log.read(log_path)
        assert log.column("kimg").tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert log.column("a").tolist() == [1.0, 1.0, 2.0, 2.0, 2.0]
        np.testing.assert_array_equal(log.column("only_before"), [1, 1] + [np.nan] * 3)

    def test_a_log_that_shrank_is_read_again(self, log_path: Path) -> None:
        log = Log()
        log_path.write_text(line(1) + line(2) + line(3))
        log.read(log_path)
        log_path.write_text(line(7))
        assert log.read(log_path)
        assert log.column("kimg").tolist() == [7.0]

    def test_a_log_replaced_by_a_longer_other_one_is_read_again(self, log_path: Path) -> None:
        log = Log()
        log_path.write_text(line(1) + line(2) + "broken\n")
        log.read(log_path)
        log_path.write_text("".join(line(k, a=k) for k in range(10, 30)))
        assert log.read(log_path)
        assert log.column("kimg").tolist() == list(range(10, 30))
        assert log.broken == 0

    def test_a_synced_log_replaced_by_its_continuation_is_not_read_again(
        self, log_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = Log()
        log_path.write_text(line(1) + line(2))
        log.read(log_path)
        longer = log_path.with_name("synced")
        longer.write_text(line(1) + line(2) + line(3))
        os.replace(longer, log_path)
        added: list[bytes] = []
        monkeypatch.setattr(log, "_add_line", added.append)
        log.read(log_path)
        assert added == [line(3).strip().encode()]

    def test_a_log_that_vanished_is_forgotten(self, log_path: Path) -> None:
        log = Log()
        log_path.write_text(line(1))
        log.read(log_path)
        log_path.unlink()
        assert log.read(log_path)
        assert len(log) == 0 and not log.read(log_path)

    def test_reads_a_part_at_a_time(self, log_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_folder, "CHUNK", 64)
        log_path.write_text("".join(line(k, a=1) for k in range(1, 101)))
        log, reads = Log(), 0
        while log.read(log_path):
            reads += 1
        assert len(log) == 100 and reads > 10

    def test_a_line_without_end_does_not_stop_the_reading(
        self, log_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_folder, "CHUNK", 64)
        log_path.write_text("x" * 1000 + "\n" + line(1))
        log = Log()
        while log.read(log_path):
            pass
        assert log.column("kimg").tolist() == [1.0] and log.broken > 0

    def test_a_folder_in_its_place_is_an_error(self, log_path: Path) -> None:
        log_path.mkdir()
        with pytest.raises(OSError):
            Log().read(log_path)


class TestFindRun:
    def test_accepts_what_a_run_writes_first(self, tmp_path: Path) -> None:
        assert find_run(tmp_path) == tmp_path  # still empty
        (tmp_path / "config.json").write_text("{}")
        assert find_run(str(tmp_path)) == tmp_path

    @pytest.mark.parametrize("name", ["log.jsonl", "model-000200.pkl"])
    def test_accepts_a_folder_synced_in_part(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("")
        (tmp_path / "notes.txt").write_text("")
        assert find_run(tmp_path) == tmp_path

    def test_refuses_what_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="nowhere does not exist"):
            find_run(tmp_path / "nowhere")

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "model.pkl").write_text("")
        with pytest.raises(ValueError, match="is a file; the folder of a run"):
            find_run(tmp_path / "model.pkl")

    def test_refuses_another_folder(self, tmp_path: Path) -> None:
        (tmp_path / "holiday.png").write_text("")
        with pytest.raises(ValueError, match="is not a run folder: it has no config.json"):
            find_run(tmp_path)

    def test_names_the_newest_of_several_runs(self, tmp_path: Path) -> None:
        for when, name in (2000, "b"), (1000, "a"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "config.json").write_text("{}")
            for path in (tmp_path / name / "config.json", tmp_path / name):
                os.utime(path, (when, when))
        with pytest.raises(ValueError, match="holds 2; name one, e.g. the newest: .*b$"):
            find_run(tmp_path)


class TestLists:
    def test_samples_by_time_and_layer(self, tmp_path: Path) -> None:
        below = tmp_path / "samples"
        below.mkdir()
        names = ["001000-full.png", "000200-full.png", "000200-depth.png", "1234567-full.png"]
        others = [".000300-full.png.ab.tmp", "000300-other.png", "full.png", "000300-full.jpg"]
        for name in names + others:
            (below / name).touch()
        samples = list_samples(tmp_path)
        assert [each.kimg for each in samples] == [200, 1000, 1234567]
        assert dict(samples[0].pictures) == {
            "full": below / "000200-full.png",
            "depth": below / "000200-depth.png",
        }

    def test_models_by_time(self, tmp_path: Path) -> None:
        for name in ["model-001000.pkl", "model-000200.pkl", ".model-000300.pkl.12.tmp"]:
            (tmp_path / name).touch()
        (tmp_path / "model-best.pkl").touch()
        (tmp_path / "training-state.pt").touch()
        assert [(m.kimg, m.path.name) for m in list_models(tmp_path)] == [
            (200, "model-000200.pkl"),
            (1000, "model-001000.pkl"),
        ]

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert list_samples(tmp_path) == () and list_models(tmp_path / "missing") == ()
        (tmp_path / "samples").touch()
        assert list_samples(tmp_path) == ()


class TestConfig:
    def test_missing_is_empty(self, tmp_path: Path) -> None:
        assert read_config(tmp_path) == {}

    @pytest.mark.parametrize("text", ["", '{"a": ', "\udcff", DEEP])
    def test_half_written(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ValueError, match="config.json is damaged or half written"):
            read_config(tmp_path)

    def test_not_an_object(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("[1]")
        with pytest.raises(ValueError, match="should hold an object, it holds list"):
            read_config(tmp_path)

    def test_flatten(self) -> None:
        config = {"a": {"b": {"c": 1}, "d": "x"}, "e": [1, None], "f": {}, "g": True}
        assert flatten_config(config) == [
            ("a.b.c", "1"),
            ("a.d", "x"),
            ("e", "[1, null]"),
            ("f", "{}"),
            ("g", "true"),
        ]


class TestPicture:
    def test_rgb_as_it_is(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)

    def test_large_ones_are_made_smaller(self, tmp_path: Path) -> None:
        Image.new("RGB", (400, 200), (10, 20, 30)).save(tmp_path / "a.png")
        picture = read_picture(tmp_path / "a.png", max_side=100)
        assert picture.shape == (50, 100, 3)
        assert (picture == (10, 20, 30)).all()

    def test_deep_grey_is_stretched(self, tmp_path: Path) -> None:
        depth = np.array([[1000, 1500], [2000, 3000]], dtype=np.uint16)
        Image.fromarray(depth).save(tmp_path / "a.png")
        picture = read_picture(tmp_path / "a.png")
        assert picture[..., 0].tolist() == [[0, 63], [127, 255]]

    @pytest.mark.parametrize("keep", [0, 10, 60, 2000])
    def test_half_written(self, tmp_path: Path, keep: int) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "whole.png")
        (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:keep])
        with pytest.raises(ValueError, match="half.png cannot be read"):
            read_picture(tmp_path / "half.png")

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="a.png cannot be read: missing"):
            read_picture(tmp_path / "a.png")

    def test_far_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_folder, "MAX_PIXELS", 100)
        Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
        with pytest.raises(ValueError, match="a.png is too large: 20 x 20"):
            read_picture(tmp_path / "a.png")


class TestState:
    @pytest.fixture
    def log(self, log_path: Path) -> Log:
        log_path.write_text(line(1, eta_s=60))
        log = Log()
        log.read(log_path)
        return log

    def test_alive_within_five_minutes(self, log: Log) -> None:
        assert find_state(log, 1000.0, 1299.0) == "running"
        assert find_state(log, 1000.0, 1301.0) == "stopped"
        assert find_state(log, 1000.0, 900.0) == "running"  # the server's clock is ahead

    def test_waiting_without_a_line(self, log: Log) -> None:
        assert find_state(Log(), None, 0.0) == "waiting"
        assert find_state(Log(), 1000.0, 1000.0) == "waiting"

    def test_finished_when_no_time_is_left(self, log: Log, log_path: Path) -> None:
        with open(log_path, "a") as file:
            file.write(line(2, eta_s=0))
        log.read(log_path)
        assert find_state(log, 1000.0, 1000.0) == "finished"
        assert find_state(log, 1000.0, 9000.0) == "finished"

    def test_log_time(self, tmp_path: Path, log_path: Path) -> None:
        assert read_log_time(tmp_path) is None
        log_path.touch()
        os.utime(log_path, (5, 1234))
        assert read_log_time(tmp_path) == 1234.0
