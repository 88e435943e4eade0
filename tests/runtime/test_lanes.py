"""Lanes: each in order, several beside each other, and a thread more only where one is about to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from shared.runtime.lanes import Lanes, run

Wait = Callable[[], None]


def test_the_longest_lane_is_worked_on_first_and_none_by_two() -> None:
    turns = Lanes([[0], [1, 2, 3], [4, 5]], 2)
    first, second = turns.begin(), turns.begin()
    assert (first, second) == ((1, 1), (2, 4))
    assert turns.begin() == (0, 0)
    assert turns.begin() is None
    assert turns.next(1) == (1, 2)
    assert turns.next(0) is None
    turns.give_back(1)
    assert turns.next(2) == (1, 2)
    assert turns.begin() == (2, 5)


def test_a_lane_that_was_begun_is_gone_on_with_while_enough_others_wait() -> None:
    """What was read for its first item is still good for the others then; at the end none is left over alone."""
    turns = Lanes([[10 * lane, 10 * lane + 1, 10 * lane + 2] for lane in range(6)], 2)
    order, at_work = list[int](), [turns.begin(), turns.begin()]
    while any(at_work):
        for place, turn in enumerate(at_work):
            if turn is not None:
                order.append(turn[1])
                at_work[place] = turns.next(turn[0])
    assert order[:12] == [0, 10, 1, 11, 2, 12, 20, 30, 21, 31, 22, 32]
    assert order[12:] == [40, 50, 41, 51, 42, 52]
    turns = Lanes([[0, 1, 2], [3, 4, 5], [6, 7, 8]], 2)
    first, second = turns.begin(), turns.begin()
    assert (first, second) == ((0, 0), (1, 3))
    assert turns.next(0) == (2, 6), "one lane would be left over alone"


def test_a_failure_in_one_lane_leaves_the_others_alone_and_is_raised_at_the_end() -> None:
    done: list[int] = []

    def work(item: int, about_to_wait: Wait) -> None:
        about_to_wait()
        if item == 1:
            raise ValueError("a defect")
        done.append(item)

    with pytest.raises(ValueError, match="a defect"):
        run([[0, 1, 2], [3, 4], [5]], work, at_once=2)
    assert sorted(done) == [0, 2, 3, 4, 5]


class Crew:
    """Who works on what, and how many at once."""

    def __init__(self, lanes: list[list[int]], at_once: int, *, waits: Callable[[int], bool] = lambda _: True) -> None:
        self.threads: dict[int, threading.Thread] = {}
        self.most = self._working = 0
        self._lock, self._waits = threading.Lock(), waits
        self._full = threading.Barrier(min(at_once, len(lanes)), timeout=30.0)
        run(lanes, self._work, at_once=at_once)

    @property
    def begun(self) -> set[threading.Thread]:
        return set(self.threads.values()) - {threading.current_thread()}

    def _work(self, item: int, about_to_wait: Wait) -> None:
        with self._lock:
            self.threads[item] = threading.current_thread()
            self._working += 1
            self.most = max(self.most, self._working)
        if self._waits(item):
            about_to_wait()
            self._full.wait()  # nobody goes on before all are there
        with self._lock:
            self._working -= 1


@pytest.mark.parametrize(
    ("lanes", "at_once", "at_work"), [(4, 30, 4), (30, 30, 30), (90, 30, 30), (9, 3, 3), (1, 8, 1)]
)
def test_lanes_that_wait_are_worked_on_beside_each_other_by_so_many_threads(
    lanes: int, at_once: int, at_work: int
) -> None:
    crew = Crew([[number] for number in range(lanes)], at_once)
    assert len(crew.threads) == lanes
    assert (crew.most, len(crew.begun)) == (at_work, at_work - 1)


def test_what_never_waits_is_done_by_this_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread with nothing to do"))
    crew = Crew([[number] for number in range(200)], 30, waits=lambda _: False)
    assert (len(crew.threads), crew.begun) == (200, set())


def test_every_thread_that_is_begun_has_a_lane_to_work_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def count(thread: threading.Thread) -> None:
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", count)
    crew = Crew([[0], [1], [2]], 30)
    assert crew.begun == set(begun)
    assert len(begun) == 2
    begun.clear()
    assert Crew([[0, 1, 2]], 30, waits=lambda _: False).begun == set(begun) == set()


def test_a_thread_that_one_of_the_others_began_is_waited_for_too() -> None:
    done: list[int] = []

    def work(item: int, about_to_wait: Wait) -> None:
        about_to_wait()
        time.sleep(0.01 * item)
        done.append(item)

    run([[number] for number in range(6)], work, at_once=6)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("refusal", [RuntimeError("can't start new thread"), MemoryError()])
@pytest.mark.parametrize("most", [0, 1])
def test_where_no_thread_can_be_started_the_work_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch, most: int, refusal: Exception
) -> None:
    tried: list[threading.Thread] = []
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        tried.append(thread)
        if len(tried) > most:
            raise refusal
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []

    def work(item: int, about_to_wait: Wait) -> None:
        about_to_wait()
        done.append(item)

    run([[0, 1], [2], [3]], work, at_once=8)
    assert sorted(done) == [0, 1, 2, 3]
    assert done.index(0) < done.index(1)
    assert most < len(tried) <= most + 2  # it is not tried for each item again
