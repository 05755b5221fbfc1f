"""Work that processes share: its parts in this process, and whole commands under torchrun."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from ballgan.cli.crew import Crew, find_crew
from ballgan.cli.main import main
from ballgan.cli.shares import DEAD_S, FAILED, _take_dead, do_shares
from ballgan.cli.work import RECORDS, Piece, Work

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
QUICK = ("--samples", "8", "--neural-resolution", "8", "--device", "cpu")


def nothing(fraction: float) -> None:
    """Progress that nobody sees."""


def make_work(folder: Path, crew: Crew | None = None, model: str = "abc", **options: Any) -> Work:
    pieces = [Piece(f"{index}.txt", {"model": model, "seed": index}) for index in range(5)]
    return Work(folder, pieces, crew or Crew(), **options)


def write_piece(work: Work, made: list[int], index: int, progress: Any) -> None:
    progress(0.5)
    (work.folder / f"{index}.txt").write_text(str(index))
    made.append(index)


def run_work(work: Work, made: list[int]) -> bool:
    return work.run(partial(write_piece, work, made), nothing)


# Who does what


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_shares_are_everything_once(size: int, count: int) -> None:
    parts = [Crew(0, size).part(count, share) for share in range(size)]
    assert [index for part in parts for index in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert not count or 0 in parts[0]


def test_the_environment_tells_who_one_is() -> None:
    assert find_crew({}) == Crew()
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "none"}
    assert find_crew(torchrun) == Crew(5, 8, 1, launched=True)
    assert find_crew({"RANK": "1", "WORLD_SIZE": "4"}) == Crew(1, 4)


@pytest.mark.parametrize("wrong", [("2", "2"), ("", "2"), ("one", "2"), ("-1", "2")])
def test_a_contradicting_environment_is_refused(
    wrong: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", wrong[0])
    monkeypatch.setenv("WORLD_SIZE", wrong[1])
    assert main(["render", "m.pkl"]) == 2
    assert "RANK should be in 0 ... WORLD_SIZE - 1" in capsys.readouterr().err


# What is finished


def test_finished_pieces_are_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []
    assert run_work(make_work(tmp_path, Crew(0, 2)), made) is False  # not all are there
    assert run_work(make_work(tmp_path, Crew(1, 2)), made) is True
    assert made == [0, 1, 2, 3, 4]
    (tmp_path / "3.txt").unlink()
    (tmp_path / RECORDS / "1.txt.json").write_text("{ half")
    work = make_work(tmp_path)
    assert (work.found, work.left) == (3, 2)
    assert run_work(work, made) is True
    assert made[5:] == [1, 3]


def test_files_of_unknown_origin_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "2.txt").write_text("of another program")
    made: list[int] = []
    run_work(make_work(tmp_path), made)
    assert 2 in made and (tmp_path / "2.txt").read_text() == "2"


def test_files_made_otherwise_are_refused_or_replaced(tmp_path: Path) -> None:
    run_work(make_work(tmp_path), [])
    with pytest.raises(ValueError, match=r"0.txt was made from another model \(other: model\)"):
        make_work(tmp_path, model="def")
    made: list[int] = []
    run_work(make_work(tmp_path, Crew(1, 2), model="def", overwrite=True), made)
    assert made == [3, 4]
    # A process that is started again keeps what it has replaced.
    work = make_work(tmp_path, Crew(1, 2), model="def", overwrite=True)
    assert work.left == 3 and run_work(work, made) is False and made == [3, 4]


def test_what_killed_processes_left_is_removed_at_the_end(tmp_path: Path) -> None:
    (tmp_path / ".1.txt.0123456789ab.tmp").write_text("half")
    (tmp_path / ".mine.0123456789ab.tmp").write_text("somebody else's")
    run_work(make_work(tmp_path), [])
    assert sorted(p.name for p in tmp_path.glob(".*")) == [RECORDS, ".mine.0123456789ab.tmp"]


# Processes that died


def mark_of(work: Work, share: int, seconds_ago: float, text: str = "") -> Path:
    """What a process leaves that lived so long ago."""
    mark = work.folder / RECORDS / f"{work._mark}.{share}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(text)
    os.utime(mark, (time.time() - seconds_ago,) * 2)
    return mark


def test_living_processes_take_over_what_a_dead_one_left(tmp_path: Path) -> None:
    run_work(make_work(tmp_path, Crew(0, 3)), made := [])
    (tmp_path / "1.txt").unlink()
    work = make_work(tmp_path, Crew(2, 3))
    mark_of(work, 0, DEAD_S + 5)  # it had finished one of its two
    mark_of(work, 1, DEAD_S - 5)  # this one lives
    assert made == [0, 1] and run_work(work, made) is False
    assert made[2:] == [4, 1]
    assert [p.name for p in (tmp_path / RECORDS).glob("share-*")] == [f"{work._mark}.1"]
    mark_of(work, 1, DEAD_S + 5)
    assert run_work(make_work(tmp_path, Crew(2, 3)), made) is True
    assert made[4:] == [2, 3] and not list((tmp_path / RECORDS).glob("share-*"))


def test_a_share_that_never_began_is_left_alone(tmp_path: Path) -> None:
    made: list[int] = []
    assert run_work(make_work(tmp_path, Crew(1, 2)), made) is False and made == [3, 4]
    other = Work(tmp_path, [Piece("9.txt", {})], Crew())  # in the same folder
    mark_of(other, 0, DEAD_S + 5)
    assert run_work(make_work(tmp_path, Crew(1, 2)), made) is False and made == [3, 4]


def test_one_process_only_takes_a_share(tmp_path: Path) -> None:
    work = make_work(tmp_path)
    mark_of(work, 0, DEAD_S + 5)
    done: list[tuple[int, int]] = []

    def work_as(rank: int) -> None:
        def do(share: int) -> None:
            done.append((rank, share))
            if share == 0:
                work_as(2)  # while the first is at work

        do_shares(tmp_path / RECORDS, Crew(rank, 3), work._mark, do)

    work_as(1)
    assert done == [(1, 1), (1, 0), (2, 2)]


def test_who_is_stopped_leaves_a_mark_and_who_is_done_none(tmp_path: Path) -> None:
    work = make_work(tmp_path, Crew(0, 2))
    mark = tmp_path / RECORDS / f"{work._mark}.0"

    def stop(index: int, progress: Any) -> None:
        assert mark.is_file()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.run(stop, nothing)
    assert mark.read_text() == ""
    run_work(make_work(tmp_path, Crew(0, 2)), made := [])
    assert made == [0, 1, 2] and not mark.is_file()


def test_a_share_is_not_taken_that_failed_or_was_taken_before(tmp_path: Path) -> None:
    work = make_work(tmp_path, Crew(0, 3))

    def fail(index: int, progress: Any) -> None:
        raise ValueError("cannot be made")

    with pytest.raises(ValueError, match="cannot be made"):
        work.run(fail, nothing)
    assert (tmp_path / RECORDS / f"{work._mark}.0").read_text() == FAILED
    mark_of(work, 0, DEAD_S + 5, FAILED)
    mark_of(work, 1, DEAD_S + 5, "0")
    assert run_work(make_work(tmp_path, Crew(2, 3)), made := []) is False and made == [4]
    for rank in (0, 1):  # but they may be started again
        run_work(make_work(tmp_path, Crew(rank, 3)), made)
    assert made == [4, 0, 1, 2, 3]


def test_who_takes_a_share_says_so_once(tmp_path: Path) -> None:
    mark = mark_of(make_work(tmp_path), 0, DEAD_S + 5)
    marks = [mark, mark.with_suffix(".1"), mark.with_suffix(".2")]
    assert _take_dead(marks, 1) == 0 and mark.read_text() == "1"
    os.utime(mark, (time.time() - DEAD_S - 5,) * 2)
    assert _take_dead(marks, 2) is None
    assert _take_dead(marks, 0) == 0 and mark.read_text() == ""  # its own


def test_one_that_is_started_again_leaves_its_share_to_who_has_it(tmp_path: Path) -> None:
    made: list[int] = []
    work = make_work(tmp_path, Crew(0, 3))
    mark = mark_of(work, 0, DEAD_S - 5, "2")
    assert run_work(work, made) is False and not made and mark.read_text() == "2"
    assert time.time() - mark.stat().st_mtime > DEAD_S - 6  # not touched either
    mark_of(work, 1, DEAD_S + 5)
    run_work(make_work(tmp_path, Crew(0, 3)), made)
    assert made == [2, 3]
    mark_of(work, 0, DEAD_S + 5, "2")  # that one has died too
    run_work(make_work(tmp_path, Crew(0, 3)), made)
    assert made == [2, 3, 0, 1] and not mark.exists()


@pytest.mark.parametrize("folder_too", [False, True])
def test_who_was_too_slow_ends_in_peace(tmp_path: Path, folder_too: bool) -> None:
    """Others took its share while it was thought dead, finished, and tidied up."""
    folder = tmp_path / "turn.parts"

    def make(index: int, progress: Any) -> None:
        for rank in (0, 1):
            run_work(make_work(folder, Crew(rank, 2)), [])
        if folder_too:
            shutil.rmtree(folder)
        raise FileNotFoundError

    work = make_work(folder, Crew(0, 2))
    assert work.run(make, nothing) is not folder_too
    assert folder.exists() is not folder_too
    assert not folder_too or work.describe_share() == f"{folder}: others have finished all"
    with pytest.raises(FileNotFoundError):
        make_work(tmp_path / "other", Crew(0, 2)).run(lambda *_: open(tmp_path / "no"), nothing)


def test_who_waits_takes_over_what_the_dead_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, waits = make_work(tmp_path, Crew(1, 2)), []
    mark_of(work, 0, 1.0)

    def sleep(seconds: float) -> None:
        waits.append(work.left)
        mark_of(work, 0, DEAD_S + 5 if len(waits) == 2 else 1.0)

    made: list[int] = []
    monkeypatch.setattr("ballgan.cli.work.time.sleep", sleep)
    work.finish(partial(write_piece, work, made), nothing)
    assert made == [3, 4, 0, 1, 2] and waits == [3, 3]


def test_who_waits_for_one_that_failed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, waits = make_work(tmp_path, Crew(1, 2)), []
    mark = mark_of(work, 0, 24 * 3600.0, FAILED)  # the day before: it is started again, later

    def sleep(seconds: float) -> None:
        waits.append(work.left)
        mark.write_text(FAILED)

    monkeypatch.setattr("ballgan.cli.work.time.sleep", sleep)
    monkeypatch.setattr("ballgan.cli.shares.DEAD_S", -60.0)  # a minute is over at once
    with pytest.raises(ValueError, match="process 1 of 2 failed at what this one waits for"):
        work.finish(partial(write_piece, work, []), nothing)
    assert waits == [3]


def test_a_living_process_touches_its_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballgan.cli.shares.BEAT_S", 0.01)
    work = make_work(tmp_path, Crew(1, 2))

    def make(index: int, progress: Any) -> None:
        mark = mark_of(work, 1, DEAD_S + 5)
        while time.time() - mark.stat().st_mtime > DEAD_S:
            time.sleep(0.01)  # for ever, if nobody touches it
        (tmp_path / f"{index}.txt").write_text("")

    assert work.run(make, nothing) is False


# Torchrun


def test_the_first_of_torchrun_sees_the_others_through(tmp_path: Path) -> None:
    run_work(make_work(tmp_path, Crew(1, 2, launched=True)), [])
    seen: list[float] = []
    work = make_work(tmp_path, Crew(0, 2, launched=True))
    assert work.left == 3
    assert run_work(work, []) is True
    (tmp_path / "4.txt").unlink()
    work = make_work(tmp_path, Crew(0, 2, launched=True))

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.run(lambda index, progress: None, stop)
    assert seen == [0.8] * 3


# Commands


def run_command(arguments: list[str], **environment: str) -> None:
    clean = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**clean, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def contents(folder: Path) -> dict[str, str]:
    """A hash of all files that are meant to be seen, by name."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and RECORDS not in p.parts)
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in /proc (Linux)")
def test_torchrun_makes_the_same_pictures_though_a_worker_is_killed(
    model_file: Path, tmp_path: Path
) -> None:
    render = ["render", str(model_file), "--seeds", "0-39", "--yaw", "-0.3,0.3", *QUICK]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the others: the order of sums depends on it
    assert main([*render, "--output", str(tmp_path / "one")]) == 0
    torch.set_num_threads(threads)
    together = [*TORCHRUN, "--max-restarts", "1", "-m", "ballgan", *render]
    process = subprocess.Popen(
        [sys.executable, *together, "--output", str(tmp_path / "two")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    finished: list[Path] = []
    while len(finished) < 3:
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.01)
        finished = list((tmp_path / "two").glob("[!.]*.png"))
    times = [path.stat().st_mtime_ns for path in finished]
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err[-3000:]
    assert "80 pictures, " in out and "of them from before" in out
    assert [path.stat().st_mtime_ns for path in finished] == times
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def as_process(monkeypatch: pytest.MonkeyPatch, rank: int, size: int) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(size))


def test_a_job_array_makes_the_same_files(
    model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export = ["export", str(model_file), "--resolution", "16", "--device", "cpu"]
    film = ["render", str(model_file), "--duration", "0.4", "--fps", "10", "--passes", "1", *QUICK]

    def commands(folder: Path) -> list[list[str]]:
        return [
            ["render", str(model_file), "--seeds", "0-2", *QUICK, "--output", str(folder / "p")],
            [*export, "--seeds", "0,1,2", "--output", str(folder / "meshes" / "head.glb")],
            [*export[:2], "--background-seeds", "1-3", "--height", "16"]
            + ["--output", str(folder / "round.png")],
            [*film, "--video", str(folder / "turn.mp4")],
            [*film, "--background", "none", "--video", str(folder / "turn")],
        ]

    assert [main(command) for command in commands(tmp_path / "one")] == [0] * 5
    for rank in (1, 0):
        as_process(monkeypatch, rank, 2)
        capsys.readouterr()
        assert [main(command) for command in commands(tmp_path / "two")] == [0] * 5
        told = capsys.readouterr().out
        assert told.count("is done") == (5 if rank == 1 else 0)
    assert "share 2 of 2 is done, 2 of 3 files are still missing" not in told
    first, second = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert {"meshes/head_seed0002.glb", "round_bg0001.png", "turn.mp4"} <= first.keys()
    assert "turn/00003.png" in " ".join(first) or len(first) > 10
    assert not list((tmp_path / "two").glob("*.parts"))
    assert second == first


def test_what_is_no_shared_work_is_done_once(
    model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_process(monkeypatch, 1, 2)
    for command in (
        ["info", str(model_file)],
        ["convert", str(model_file), str(tmp_path / "m.pt")],
    ):
        assert main(command) == 0
    assert main(["export", str(model_file), "--output", str(tmp_path / "m.glb")]) == 0
    assert capsys.readouterr().out == "" and not list(tmp_path.iterdir())


def test_an_interrupted_film_goes_on(
    model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ballgan.cli import film

    render, calls = film.render_frame, []

    def interrupt(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return render(*args, **options)

    monkeypatch.setattr(film, "render_frame", interrupt)
    command = ["render", str(model_file), "--duration", "0.4", "--fps", "10", "--passes", "1"]
    command += [*QUICK, "--video", str(tmp_path / "turn.gif")]
    assert main(command) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["turn.gif.parts"]
    assert main([*command, "--truncation", "0.5"]) == 1
    assert "other: view" in capsys.readouterr().err
    assert main(command) == 0
    assert "4 pictures, 2 of them from before, 0.4 s" in capsys.readouterr().out
    assert len(calls) == 5 and [path.name for path in tmp_path.iterdir()] == ["turn.gif"]


def test_evaluation_is_shared_and_equal(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ballgan_train import report
    from ballgan_train.__main__ import main as train_main
    from ballgan_train.judge import Judge, JudgeInfo, save_judge

    monkeypatch.setattr(report, "SHOWN", 1)
    monkeypatch.setattr("ballgan_train.fakes._RAYS_AT_ONCE", {"cpu": 3 * 16**2})
    save_judge(Judge(JudgeInfo("heads", 16)), tmp_path / "judge.pt")
    command = ["evaluate", str(model_file), "--data", "toyworld:heads", "--count", "10"]
    command += ["--pairs", "2", "--judge", str(tmp_path / "judge.pt"), "--device", "cpu"]
    assert train_main([*command, "--output", str(tmp_path / "one")]) == 0
    for rank in (2, 0, 1):
        as_process(monkeypatch, rank, 3)
        assert not (tmp_path / "two").exists()
        assert train_main([*command, "--output", str(tmp_path / "two")]) == 0
    assert json.loads((tmp_path / "two" / "metrics.json").read_text())["values"]["min_t"]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not list(tmp_path.glob("*.parts"))


def test_evaluate_is_handed_to_the_training_command() -> None:
    run_command(["-m", "ballgan", "evaluate", "--help"])
