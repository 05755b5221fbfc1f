import threading
import time
from collections.abc import Iterator

import pytest
import torch

from ballgan.chunks import Progress
from ballgan.cores import cut_for_cores, run_on_cores


@pytest.fixture(params=[1, 2, 3], ids="{} threads".format)
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param
    torch.set_num_threads(before)


def ignore(fraction: float) -> None:
    pass


def test_results_in_order(threads: int) -> None:
    def work(part: int, report: Progress) -> tuple[int, int]:
        time.sleep(0.01 * (3 - part % 3))
        return part**2, torch.get_num_threads()

    squares, counts = zip(*run_on_cores(work, range(7), ignore), strict=True)
    assert squares == tuple(part**2 for part in range(7))
    assert set(counts) == {1}  # each computes by itself
    assert run_on_cores(work, [], ignore) == []


@pytest.mark.usefixtures("threads")
def test_gradients_are_treated_as_by_the_caller() -> None:
    def work(part: int, report: Progress) -> tuple[bool, bool]:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    assert set(run_on_cores(work, range(4), ignore)) == {(True, False)}
    with torch.no_grad():
        assert set(run_on_cores(work, range(4), ignore)) == {(False, False)}
    with torch.inference_mode():
        assert set(run_on_cores(work, range(4), ignore)) == {(False, True)}


@pytest.mark.usefixtures("threads")
def test_progress_goes_to_the_caller() -> None:
    reported: list[tuple[float, threading.Thread]] = []

    def work(part: int, report: Progress) -> None:
        for k in range(4):
            report(k / 4)
            time.sleep(0.01)

    run_on_cores(work, range(4), lambda f: reported.append((f, threading.current_thread())))
    fractions, callers = zip(*reported, strict=True)
    assert set(callers) == {threading.current_thread()}
    assert list(fractions) == sorted(fractions) and 0 <= fractions[0] < fractions[-1] <= 1


def test_a_caller_stops_all(threads: int) -> None:
    begun: list[int] = []

    def work(part: int, report: Progress) -> None:
        begun.append(part)
        while True:  # until it is told
            report(0.5)
            time.sleep(0.001)

    def stop(fraction: float) -> None:
        if len(begun) == threads:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_on_cores(work, range(9), stop)
    assert len(begun) == threads
    assert run_on_cores(lambda part, report: part, range(3), ignore) == [0, 1, 2]


@pytest.mark.usefixtures("threads")
def test_a_failure_stops_all() -> None:
    def work(part: int, report: Progress) -> None:
        if part == 1:
            raise ZeroDivisionError("of this part")
        for _ in range(50):
            report(0.5)
            time.sleep(0.001)

    with pytest.raises(ZeroDivisionError, match="of this part"):
        run_on_cores(work, range(9), ignore)


@pytest.mark.usefixtures("threads")
def test_a_part_may_have_parts() -> None:
    def outer(part: int, report: Progress) -> int:
        return sum(run_on_cores(lambda k, report: k * part, range(4), report))

    assert run_on_cores(outer, range(5), ignore) == [0, 6, 12, 18, 24]


def test_other_threads_share_the_cores(threads: int) -> None:
    results: list[list[int]] = []

    def call() -> None:
        torch.set_num_threads(threads)
        results.append(run_on_cores(lambda part, report: part, range(20), ignore))

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert results == [list(range(20))] * 5


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.usefixtures("threads")
def test_a_long_work_lets_others_in() -> None:
    done: list[str] = []
    busy = threading.Event()

    def long(part: int, report: Progress) -> None:
        busy.set()
        time.sleep(0.01)
        done.append("long")

    other = threading.Thread(target=run_on_cores, args=(long, range(100), ignore))
    other.start()
    busy.wait(10)
    run_on_cores(lambda part, report: done.append("short"), range(4), ignore)
    assert other.is_alive()
    other.join()
    assert done.count("long") == 100 and done.index("short") < 50


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(0, 4, []), (7, 8, [7]), (9, 8, [3, 3, 3]), (24, 8, [8, 8, 8]), (25, 8, [4, 4, 4, 4, 4, 5])],
)
def test_slices_for_cores(count: int, size: int, expected: list[int]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    slices = cut_for_cores(count, size)
    torch.set_num_threads(before)
    assert sorted(part.stop - part.start for part in slices) == expected
    assert [k for part in slices for k in range(part.start, part.stop)] == list(range(count))


@pytest.mark.usefixtures("threads")
def test_work_of_a_gpu_is_done_by_the_caller() -> None:
    callers = run_on_cores(
        lambda part, report: threading.current_thread(), range(4), ignore, "cuda"
    )
    assert set(callers) == {threading.current_thread()}
