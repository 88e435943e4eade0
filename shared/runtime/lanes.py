"""Lanes: one resource's work in order, that of different resources side by side, a few at once."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence


class Lanes:
    """Whose turn it is. Who has begun a lane goes on with it, so that what was read for one item serves the next, as
    long as `at_once` others wait. Then the lane with most left is next, so that none is left over alone.
    """

    def __init__(self, lanes: Sequence[Sequence[int]], at_once: int) -> None:
        self._lanes, self._at_once = lanes, at_once
        self._begun = [0] * len(lanes)
        self._waiting = [(-len(lane), number) for number, lane in enumerate(lanes) if lane]
        heapq.heapify(self._waiting)
        self._lock = threading.Lock()

    def begin(self) -> tuple[int, int] | None:
        """A lane's number and its next item, the lane's holder's until `next`; None if no lane waits."""
        with self._lock:
            return self._first()

    def next(self, number: int) -> tuple[int, int] | None:
        """The item is done: what its lane's holder begins now, in this lane or another."""
        with self._lock:
            left = len(self._lanes[number]) - self._begun[number]
            if left and len(self._waiting) >= self._at_once:
                return self._item(number)
            self._put_back(number)
            return self._first()

    def give_back(self, number: int) -> None:
        """The item was not begun after all."""
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
        """The lane waits again if there is more in it."""
        left = len(self._lanes[number]) - self._begun[number]
        if left:
            heapq.heappush(self._waiting, (-left, number))


class _Crew:
    """The threads that work: one to begin with."""

    def __init__(self, turns: Lanes, work: Callable[[int, Callable[[], None]], None], at_once: int) -> None:
        self._turns, self._work = turns, work
        self._at_once, self._working = at_once, 1
        self._lock = threading.Lock()
        self.threads: list[threading.Thread] = []
        self.failures: list[Exception] = []

    def go_on(self, turn: tuple[int, int] | None) -> None:
        """Work on a lane's item, then on what waits, until no lane does."""
        while turn is not None:
            number, item = turn
            try:
                self._work(item, self._begin_another)
            except Exception as failure:  # raised in the caller's thread, when the neighbours are done
                self.failures.append(failure)
            # Who holds a lane puts it back and asks again: it is safe to go when none waits.
            turn = self._turns.next(number)
        with self._lock:
            self._working -= 1

    def _begin_another(self) -> None:
        """One thread more, if a lane waits for one."""
        with self._lock:
            turn = self._turns.begin() if self._working < self._at_once else None
            if turn is None:
                return
            try:
                thread = threading.Thread(target=self.go_on, args=(turn,), name="lane", daemon=True)
                thread.start()
            except (RuntimeError, MemoryError):  # no more threads here: those that there are do the work
                self._turns.give_back(turn[0])
                self._at_once = self._working
                return
            self._working += 1
            self.threads.append(thread)


def run(lanes: Sequence[Sequence[int]], work: Callable[[int, Callable[[], None]], None], *, at_once: int) -> None:
    """Work through all lanes, this thread among at most `at_once`; returns when all is done.

    `work` is given an item, and what to call before it waits for something: only then another thread begins, with a
    lane that nobody works on. What never waits is done by this thread alone.

    Raises: what `work` raised first, once all the others have ended.
    """
    turns = Lanes(lanes, at_once)
    crew = _Crew(turns, work, at_once)
    crew.go_on(turns.begin())
    for thread in crew.threads:  # whom one of these has begun stands behind it
        thread.join()
    if crew.failures:
        raise crew.failures[0]
