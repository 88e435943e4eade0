"""Lanes: one resource's work in order, that of different resources side by side, a few at once."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence


class Lanes:
    """Whose turn it is: of the lanes that nobody works on, the one with most left, so that none is left over alone."""

    def __init__(self, lanes: Sequence[Sequence[int]]) -> None:
        self._lanes = lanes
        self._begun = [0] * len(lanes)
        self._waiting = [(-len(lane), number) for number, lane in enumerate(lanes) if lane]
        heapq.heapify(self._waiting)
        self._lock = threading.Lock()

    def begin(self) -> tuple[int, int] | None:
        """A lane's number and its next item, the lane's holder's until `end`; None if no lane waits."""
        with self._lock:
            if not self._waiting:
                return None
            _, number = heapq.heappop(self._waiting)
            item = self._lanes[number][self._begun[number]]
            self._begun[number] += 1
            return number, item

    def end(self, number: int) -> None:
        """The item is done; the lane waits again if there is more in it."""
        with self._lock:
            left = len(self._lanes[number]) - self._begun[number]
            if left:
                heapq.heappush(self._waiting, (-left, number))


def run(lanes: Sequence[Sequence[int]], work: Callable[[int], None], *, at_once: int) -> None:
    """Work through all lanes, this thread among at most `at_once`; returns when all is done.

    Raises: what `work` raised first, once all the others have ended.
    """
    turns = Lanes(lanes)
    failures: list[Exception] = []

    def worker() -> None:
        # Who holds a lane puts it back and asks again: it is safe to go when none waits.
        while (turn := turns.begin()) is not None:
            number, item = turn
            try:
                work(item)
            except Exception as failure:  # raised in the caller's thread, when the neighbours are done
                failures.append(failure)
            turns.end(number)

    threads: list[threading.Thread] = []
    for _ in range(min(at_once, len(lanes)) - 1):
        thread = threading.Thread(target=worker, name="lane", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads here: those that there are do the work
            break
        threads.append(thread)
    worker()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
