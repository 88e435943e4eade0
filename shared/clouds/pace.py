"""The pace: how fast keyturn calls an API, and how long it waits before the next call.

There is no coordinator. Each instance keeps its own pace for each API and region. It thinks of the cloud's limit as
places in a second: a place is free again one second after its last call. So instances that share a limit settle into
different places. A throttled answer halves the pace, but not below the number of calls that succeeded in the second
before it. While calls succeed, the pace rises again: after a while by one place, then by more and more.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, RetryLater

_FLOOR = 0.1  # of the full rate: the pace never falls below
_SECOND_S = 1.005  # a little longer than the cloud's second
_SHARED_S = 1.02  # if others share the limit: a place stays free for a moment, for an instance that has none
_CLOSEST = 1.25  # within a second, calls follow each other at most so many times faster than the full rate
_RAISE_S = (0.8, 1.6)  # after a throttled answer, wait so long before the pace rises by one place
_DOUBLE_S = 0.2  # then the rise doubles each time that this has passed
_RISEN_S = 10.0  # by then the rise is above any rate
_SLOWER_S = 0.0005  # each call raises the shortest round trip by this, so that an old one is forgotten


@dataclass(eq=False)
class Slot:
    """One call's place: when the call was sent, and when it was answered."""

    sent: float
    answered: float = -math.inf


class Pace:
    """One API's pace in one region, in calls a second. The threads of an instance share it and take turns in order."""

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._full = self._rate = self._base = rate
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - no secret depends on it
        self._sent: deque[Slot] = deque(maxlen=max(1, int(rate)))  # without throttled calls
        self._way_s = math.inf  # the shortest recent round trip to the cloud
        self._earliest = -math.inf
        self._throttled_at = -math.inf
        self._raise_s = _RAISE_S[1]
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()

    @property
    def rate(self) -> float:
        return self._rate

    def acquire(self, deadline: Deadline, sleep: Callable[[float], None] = time.sleep, *, again: bool = False) -> Slot:
        """Wait for the next place. `again`: the call was throttled before, so it goes first in the line.

        When the call is answered, pass the slot to `throttled` or `succeeded`.

        Raises: RetryLater (throttled) if the place comes after the deadline; the place is then free for others.
        """
        with self._lock:
            now = self._clock()
            ahead = min(len(self._line), 1) if again else len(self._line)
            if ahead == 0 and self.due(now) <= now:
                return self.go(now)
            if self.due(now) + ahead / self._rate - now > deadline.left():
                raise _no_place()
            turn = threading.Event()
            if again:
                self._line.appendleft(turn)
            else:
                self._line.append(turn)
        try:
            return self._wait(turn, deadline, sleep)
        finally:  # whatever ends the wait, those behind must not wait for ever
            with self._lock:
                self._line.remove(turn)
                if self._line:
                    self._line[0].set()

    def _wait(self, turn: threading.Event, deadline: Deadline, sleep: Callable[[float], None]) -> Slot:
        while True:
            with self._lock:
                now = self._clock()
                first = self._line[0] is turn
                # A throttled answer in the meantime moves the place to a later time.
                wait_s = max(self.due(now) - now, 0.0) if first else 0.0
                if wait_s > deadline.left() or (not first and deadline.left() <= 0.0):
                    raise _no_place()
                if first and wait_s == 0.0:
                    return self.go(now)
            if first:
                sleep(wait_s)
            else:
                turn.wait(deadline.left())
                turn.clear()

    def due(self, now: float) -> float:
        """The time at which the next call may be sent."""
        places = max(1, int(self._rate))
        start = max(now, self._earliest)
        if len(self._sent) < places:
            return start
        # The cloud counts a call when it arrives. A call may be delayed here or on its way. Its answer then took longer
        # than the shortest one seen, and the cloud may have counted the call later by the difference.
        oldest = self._sent[-places]
        counted = max(oldest.sent, oldest.answered - self._way_s)
        if self._rate < self._full:
            return max(start, counted + _SHARED_S / min(1.0, self._rate))
        return max(start, counted + _SECOND_S * places / self._rate)

    def go(self, now: float) -> Slot:
        """Take the place of a call that is sent now."""
        place = Slot(now)
        self._sent.append(place)
        self._earliest = max(self._earliest, now + 1.0 / (_CLOSEST * self._full))
        return place

    def throttled(self, place: Slot) -> None:
        """The cloud throttled this call: halve the pace, but not below the calls that succeeded in the last second."""
        with self._lock:
            if place in self._sent:
                self._sent.remove(place)
            through = sum(1 for one in self._sent if place.sent - 1.0 < one.sent <= place.sent)
            self._rate = self._base = min(self._rate, max(self._rate / 2, through, self._full * _FLOOR))
            self._throttled_at = self._clock()
            self._raise_s = self._rng.uniform(*_RAISE_S)
            again_s = self._rng.uniform(0.5, 1.5) / max(self._rate, 1.0)
            self._earliest = max(self._earliest, self._throttled_at + again_s)

    def succeeded(self, place: Slot) -> None:
        """The cloud did not throttle this call: raise the pace by the time since the last throttled answer."""
        with self._lock:
            now = self._clock()
            self._way_s = min(now - place.sent, self._way_s + _SLOWER_S)
            place.answered = now
            if self._rate < self._full:
                past_s = min(now - self._throttled_at - self._raise_s, _RISEN_S)
                risen = 2.0 ** (past_s / _DOUBLE_S) if past_s >= 0.0 else 0.0
                self._rate = min(self._full, max(self._rate, self._base + risen))


def _no_place() -> RetryLater:
    text = "not called: the pace allows no call before the deadline; send it again"
    return RetryLater(ErrorClass.THROTTLED, text)


_paces: dict[tuple[str, ...], Pace] = {}
_paces_lock = threading.Lock()


def pace_of(key: tuple[str, ...], rate: float) -> Pace:
    """This process's pace for an API in a region, at the present rate."""
    with _paces_lock:
        name = (*key, str(rate))
        if name not in _paces:
            _paces[name] = Pace(rate)
        return _paces[name]
