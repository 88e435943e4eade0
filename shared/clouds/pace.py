"""Pace and backoff: how fast an API may be called, and how long to wait before calling again.

No coordinator: each instance holds its own pace for each API and region, as places in the cloud's second. A call is
made in the place of one that is a second old, which is free again, so instances that share a limit settle into places
of their own. A throttled answer halves the pace, but not below what went through in the second before; while calls
succeed one more place is tried for after a while, then more and more.
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

_FLOOR = 0.1  # of the full rate
_SECOND_S = 1.005  # ours is longer than the cloud's
_SHARED_S = 1.02  # where others are met: a place is left free for a moment, so that who has none finds one
_CLOSEST = 1.25  # within the second, calls go out at most so many times as fast as the full rate
_RAISE_S = (0.8, 1.6)  # so long after a throttled answer one more place is tried for
_DOUBLE_S = 0.2  # and then twice as many each time that this has passed
_RISEN_S = 10.0  # by then beyond any rate
_SLOWER_S = 0.0005  # the shortest way to the cloud and back is forgotten by so much a call


@dataclass(eq=False)
class Slot:
    """One call's place in line: when it went out, and when it was answered."""

    sent: float
    answered: float = -math.inf


class Pace:
    """One API's pace in one region, in calls a second. Threads of one instance share it, first come, first served."""

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._full = self._rate = self._base = rate
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - no secret hangs on it
        self._sent: deque[Slot] = deque(maxlen=max(1, int(rate)))  # what was throttled took no place
        self._way_s = math.inf  # to the cloud and back, the shortest of late
        self._earliest = -math.inf
        self._throttled_at = -math.inf
        self._raise_s = _RAISE_S[1]
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()

    @property
    def rate(self) -> float:
        return self._rate

    def acquire(self, deadline: Deadline, sleep: Callable[[float], None] = time.sleep, *, again: bool = False) -> Slot:
        """Wait for the next place in line; `again`: for a call that was throttled, so that it is the next.

        The slot is to be given to `throttled` or `succeeded` when the call has been answered.

        Raises: RetryLater (throttled) if that place lies behind the deadline; the place is given back.
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
                # A throttled answer meanwhile moves the place further away.
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
        """When the next call may go out."""
        places = max(1, int(self._rate))
        start = max(now, self._earliest)
        if len(self._sent) < places:
            return start
        # The cloud counts a call as it arrives. What held one up, here or on the way, shows in the time that its answer
        # took above the shortest seen; so late it may have been counted.
        oldest = self._sent[-places]
        counted = max(oldest.sent, oldest.answered - self._way_s)
        if self._rate < self._full:
            return max(start, counted + _SHARED_S / min(1.0, self._rate))
        return max(start, counted + _SECOND_S * places / self._rate)

    def go(self, now: float) -> Slot:
        """A call goes out."""
        place = Slot(now)
        self._sent.append(place)
        self._earliest = max(self._earliest, now + 1.0 / (_CLOSEST * self._full))
        return place

    def throttled(self, place: Slot) -> None:
        """The cloud throttles a call: half the pace, unless more than that went through in the second before it."""
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
        """A call was not throttled: the pace comes back with the time since one was."""
        with self._lock:
            now = self._clock()
            self._way_s = min(now - place.sent, self._way_s + _SLOWER_S)
            place.answered = now
            if self._rate < self._full:
                past_s = min(now - self._throttled_at - self._raise_s, _RISEN_S)
                risen = 2.0 ** (past_s / _DOUBLE_S) if past_s >= 0.0 else 0.0
                self._rate = min(self._full, max(self._rate, self._base + risen))


def _no_place() -> RetryLater:
    text = "not called: the pace leaves no place before the deadline; send it again"
    return RetryLater(ErrorClass.THROTTLED, text)


_paces: dict[tuple[str, ...], Pace] = {}
_paces_lock = threading.Lock()


def pace_of(key: tuple[str, ...], rate: float) -> Pace:
    """The pace that this process keeps for an API in a region, at the rate that is set now."""
    with _paces_lock:
        name = (*key, str(rate))
        if name not in _paces:
            _paces[name] = Pace(rate)
        return _paces[name]
