"""Lanes: the newest request wins, errors are values."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from weakref import ref

import pytest
from ballgan_viewer.worker import NICENESS, Failed, Lane, Progress, Stopped, Ticket, close_all

from ballgan.errors import Cancelled


class Bench:
    """A lane whose work waits for the test."""

    def __init__(self, work: Callable[[Any, Ticket], None] | None = None) -> None:
        self.results: queue.Queue[Any] = queue.Queue()
        self.started = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.protect = False
        self.lane = Lane("test", work or self._work, self.results.put)

    def _work(self, request: Any, ticket: Ticket) -> None:
        ticket.protected = self.protect
        self.started.release()
        assert self.go_on.acquire(timeout=10)
        ticket.check()
        ticket.post(request)

    def next(self) -> Any:
        return self.results.get(timeout=10)


@pytest.fixture
def bench() -> Any:
    made = Bench()
    yield made
    for _ in range(10):
        made.go_on.release()
    made.lane.close()


def test_a_newer_request_stops_the_one_that_runs(bench: Bench) -> None:
    bench.lane.submit("old")
    assert bench.started.acquire(timeout=10)
    bench.lane.submit("new")
    bench.go_on.release()
    bench.go_on.release()
    assert bench.next() == Stopped("test", "old")
    assert bench.next() == "new"


def test_requests_in_between_are_never_started(bench: Bench) -> None:
    bench.lane.submit(0)
    assert bench.started.acquire(timeout=10)
    for number in range(1, 50):
        bench.lane.submit(number)
    for _ in range(2):
        bench.go_on.release()
    assert [bench.next(), bench.next()] == [Stopped("test", 0), 49]


def test_protected_work_is_finished_first(bench: Bench) -> None:
    bench.protect = True
    bench.lane.submit("old")
    assert bench.started.acquire(timeout=10)
    bench.lane.submit("new")
    for _ in range(2):
        bench.go_on.release()
    assert [bench.next(), bench.next()] == ["old", "new"]


def test_cancel_stops_what_runs_and_reports_what_waits(bench: Bench) -> None:
    bench.lane.submit("running")
    assert bench.started.acquire(timeout=10)
    bench.lane.submit("waiting")
    bench.lane.cancel()
    bench.go_on.release()
    results = {bench.next(), bench.next()}
    assert results == {Stopped("test", "running"), Stopped("test", "waiting")}
    assert not bench.lane.busy


def test_requests_in_turn_are_all_done() -> None:
    results: queue.Queue[Any] = queue.Queue()
    lane = Lane("test", lambda request, ticket: ticket.post(request), results.put, in_turn=True)
    for number in range(20):
        lane.submit(number)
    lane.close()
    assert [results.get(timeout=10) for _ in range(20)] == list(range(20))


def test_lanes_are_told_to_stop_before_any_is_waited_for() -> None:
    stopped: list[str] = []
    begun = threading.Semaphore(0)

    def work(request: Any, ticket: Ticket) -> None:
        begun.release()
        while True:
            try:
                ticket.check()
            except Cancelled:
                stopped.append(request)
                time.sleep(0.5)  # what it does cannot be interrupted
                return
            time.sleep(0.01)

    lanes = [Lane(name, work, lambda result: None) for name in "abc"]
    for lane in lanes:
        lane.submit(lane.name)
        assert begun.acquire(timeout=10)
    began = time.monotonic()
    close_all(lanes)
    assert time.monotonic() - began < 1.2  # not one after the other
    assert sorted(stopped) == ["a", "b", "c"]


def test_waiting_for_lanes_has_one_end() -> None:
    release = threading.Event()
    lanes = [Lane(n, lambda r, t: release.wait(10) and None, lambda result: None) for n in "abc"]
    for lane in lanes:
        lane.submit("slow")
    began = time.monotonic()
    close_all(lanes, timeout=0.3)
    assert time.monotonic() - began < 0.8
    release.set()
    close_all(lanes)


def test_errors_are_values_and_the_lane_goes_on() -> None:
    def work(request: Any, ticket: Ticket) -> None:
        if isinstance(request, BaseException):
            raise request
        ticket.post(request)

    bench = Bench(work)
    for error, message in (
        (ValueError("psi should be a number"), "psi should be a number"),
        (MemoryError("3 GB"), "There is not enough memory for this."),
        (RuntimeError("CUDA out of memory"), "There is not enough memory"),
        (KeyError("x"), "Internal error (KeyError): 'x'"),
    ):
        bench.lane.submit(error)
        failure = bench.next()
        assert isinstance(failure, Failed)
        assert failure.message.startswith(message)
    bench.lane.submit("still here")
    assert bench.next() == "still here"
    bench.lane.close()


def test_progress_is_reported_now_and_then() -> None:
    def work(request: Any, ticket: Ticket) -> None:
        for step in range(1000):
            ticket.progress(step / 1000)
        ticket.post("done")

    bench = Bench(work)
    bench.lane.submit("job")
    assert bench.next() == Progress("test", "job", 0.0)
    reports = 1
    while bench.next() != "done":
        reports += 1
    assert reports < 100
    bench.lane.close()


def test_close_ends_protected_work_too() -> None:
    def work(request: Any, ticket: Ticket) -> None:
        ticket.protected = True
        while True:
            ticket.check()
            time.sleep(0.001)

    bench = Bench(work)
    bench.lane.submit("endless")
    started = time.monotonic()
    bench.lane.close()
    assert time.monotonic() - started < 4
    assert bench.results.empty()


def test_a_lane_at_rest_holds_no_request() -> None:
    class Request:  # such as one with a model that may be closed
        pass

    bench = Bench(lambda request, ticket: ticket.post(ref(request)))
    bench.lane.submit(Request())
    request = bench.next()
    end = time.monotonic() + 10
    while request() is not None and time.monotonic() < end:
        time.sleep(0.001)  # the thread may not wait yet
    assert request() is None
    bench.lane.close()


def test_a_lane_owes_until_something_is_told(bench: Bench) -> None:
    assert not bench.lane.owes
    bench.lane.submit("first")
    assert bench.started.acquire(timeout=10)
    bench.lane.submit("second")
    assert bench.lane.owes
    for _ in range(2):
        bench.go_on.release()
    assert [bench.next(), bench.next()] == [Stopped("test", "first"), "second"]
    assert not bench.lane.owes
    bench.lane.submit("third")
    bench.lane.cancel()
    assert not bench.lane.owes


def test_a_protected_result_is_not_what_the_newer_request_owes(bench: Bench) -> None:
    bench.protect = True
    bench.lane.submit("old")
    assert bench.started.acquire(timeout=10)
    bench.lane.submit("new")
    bench.go_on.release()
    assert bench.next() == "old" and bench.lane.owes
    bench.go_on.release()
    assert bench.next() == "new" and not bench.lane.owes


def test_long_silence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    time = SimpleNamespace(monotonic=lambda: clock[0])
    monkeypatch.setattr("ballgan_viewer.worker.time", time)
    monkeypatch.setattr("ballgan_viewer.worker.SILENCE", 0.25)
    told: list[Any] = []
    lane = Lane("test", lambda request, ticket: None, told.append)
    lane.owes = True
    ticket = Ticket(lane, "slow")
    for tenth in range(11):
        clock[0] = tenth / 10
        ticket.break_silence(tenth / 10)
        if tenth == 4:
            ticket.post("result")
            assert not lane.owes
            lane.owes = True
    assert lane.owes  # a report is no result
    assert [report if report == "result" else report.fraction for report in told] == [
        *(0.3, "result", 0.7, 1.0)
    ]
    waiting = Ticket(lane, "asked for while the lane was busy")
    clock[0] = 1.4
    waiting.start()
    assert told.pop().request == waiting.request
    ticket.step()  # of work that does not know how far it is
    assert told[-1].fraction == 0.0


def test_work_waits_for_what_is_urgent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballgan_viewer.worker.LONGEST_WAIT", 60.0)
    asked, urgent = threading.Semaphore(0), threading.Event()

    def is_urgent() -> bool:
        asked.release()
        return urgent.is_set()

    bench.lane._urgent = is_urgent
    urgent.set()
    bench.lane.submit("slow")
    bench.go_on.release()
    assert all(asked.acquire(timeout=10) for _ in range(3)) and bench.results.empty()
    bench.lane.submit("other")  # nobody waits for the way any more
    assert bench.next() == Stopped("test", "slow")
    urgent.clear()
    bench.go_on.release()
    assert bench.next() == "other"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_work_that_nobody_waits_for_has_little_priority() -> None:
    def work(request: str, ticket: Ticket) -> None:
        with ThreadPoolExecutor(1) as pool:
            ticket.post(pool.submit(os.getpriority, os.PRIO_PROCESS, 0).result())

    told: queue.Queue[int] = queue.Queue()
    lanes = [Lane("awaited", work, told.put), Lane("aside", work, told.put, urgent=lambda: False)]
    found = []
    for lane in lanes:
        lane.submit("whatever")
        found.append(told.get(timeout=10))
        lane.close()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert found == [own, min(own + NICENESS, 19)]


def test_what_is_urgent_gets_half_of_the_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept, clock = [], [0.0]
    monkeypatch.setattr("ballgan_viewer.worker.LONGEST_WAIT", 0.2)

    def sleep(seconds: float) -> None:
        slept.append(clock[0])
        clock[0] += seconds

    time = SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep)
    monkeypatch.setattr("ballgan_viewer.worker.time", time)
    bench.lane._urgent = lambda: True
    ticket = Ticket(bench.lane, "endless")
    worked = 0.0
    for _ in range(1000):
        ticket.check()
        clock[0] += 0.001
        worked += 0.001
    assert 0.4 < worked / clock[0] < 0.6
    pauses = [b - a for a, b in pairwise(slept)]
    assert max(pauses) == pytest.approx(0.2, abs=0.02)  # its own turn, as long as the others'
