"""Lanes run work in threads. A lane is one resource's work, in order; a few lanes run at the same time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence


class Lanes:
    """Decides which item comes next.

    A thread stays in its lane while at least `at_once` other lanes wait. So the next item can use what was read for the
    last one. Otherwise the lane with the most items left comes next, so that no long lane is left at the end.
    """

    def __init__(self, lanes: Sequence[Sequence[int]], at_once: int) -> None:
        self._lanes, self._at_once = lanes, at_once
        self._begun = [0] * len(lanes)
        self._waiting = [(-len(lane), number) for number, lane in enumerate(lanes) if lane]
        heapq.heapify(self._waiting)
        self._lock = threading.Lock()

    def begin(self) -> tuple[int, int] | None:
        """Take a waiting lane: its number and next item. The caller holds it until `next`. None: no lane waits."""
        with self._lock:
            return self._first()

    def next(self, number: int) -> tuple[int, int] | None:
        """End an item of lane `number`. Returns the next item, of this lane or another; None: no lane waits."""
        with self._lock:
            left = len(self._lanes[number]) - self._begun[number]
            if left and len(self._waiting) >= self._at_once:
                return self._item(number)
            self._put_back(number)
            return self._first()

    def give_back(self, number: int) -> None:
        """Return an item that was taken and not begun."""
        with self._lock:
            self._begun[number] -= 1
            self._put_back(number)

    def _first(self) -> tuple[int, int] | None:
        return self._item(heapq.heappop(self._waiting)[1]) if self._waiting else None

    def _item(self, number: int) -> tuple[int, int]:
        item = self._lanes[number][self._begun[number]]
        self._begun[number] += 1
        return number, item

    def _put_back(self, number: int) -> None:
        """Let the lane wait again if it has items left."""
        left = len(self._lanes[number]) - self._begun[number]
        if left:
            heapq.heappush(self._waiting, (-left, number))


class _Crew:
    """The threads that work. There is one at first."""

    def __init__(self, turns: Lanes, work: Callable[[int, Callable[[], None]], None], at_once: int) -> None:
        self._turns, self._work = turns, work
        self._at_once, self._working = at_once, 1
        self._lock = threading.Lock()
        self.threads: list[threading.Thread] = []
        self.failures: list[Exception] = []

    def go_on(self, turn: tuple[int, int] | None) -> None:
        """Work on an item, then on the next, until no lane waits."""
        while turn is not None:
            number, item = turn
            try:
                self._work(item, self._begin_another)
            except Exception as failure:  # `run` raises it when all other items are done
                self.failures.append(failure)
            # Each thread puts its lane back before it asks for the next: if none waits now, this thread may end.
            turn = self._turns.next(number)
        with self._lock:
            self._working -= 1

    def _begin_another(self) -> None:
        """Start one more thread if a lane waits."""
        with self._lock:
            turn = self._turns.begin() if self._working < self._at_once else None
            if turn is None:
                return
            try:
                thread = threading.Thread(target=self.go_on, args=(turn,), name="lane", daemon=True)
                thread.start()
            except (RuntimeError, MemoryError):  # the system gives no more threads: the present ones do the work
                self._turns.give_back(turn[0])
                self._at_once = self._working
                return
            self._working += 1
            self.threads.append(thread)


def run(lanes: Sequence[Sequence[int]], work: Callable[[int, Callable[[], None]], None], *, at_once: int) -> None:
    """Do the work of all lanes in at most `at_once` threads, this one included. Returns when all is done.

    `work` gets an item and a function to call before it waits for something. Only that call starts another thread, for
    a lane that no thread holds. If `work` never waits, this thread does everything.

    Raises: the first exception of `work`, after all other items are done.
    """
    turns = Lanes(lanes, at_once)
    crew = _Crew(turns, work, at_once)
    crew.go_on(turns.begin())
    for thread in crew.threads:  # a thread stands behind the one that started it
        thread.join()
    if crew.failures:
        raise crew.failures[0]
