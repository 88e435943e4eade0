"""Pace and backoff: how fast an API may be called, and how long to wait before calling again.

No coordinator: each instance holds its own pace for each API and region, halves it when the cloud says that it is
throttled and creeps up again while calls succeed (additive increase, multiplicative decrease, as TCP does).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from shared.errors import ErrorClass, RetryLater
from shared.platform import Deadline

_FLOOR = 0.05  # of the full rate
_STEP = 0.05  # of the full rate, for each call that was not throttled


class Pace:
    """One API's pace in one region, in calls a second. Threads of one instance share it."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._full = self._rate = rate
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        return self._rate

    def take(self, deadline: Deadline, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait for the next place in line.

        Raises: RetryLater (throttled) if that place lies behind the deadline; the place is given back.
        """
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            if start - now > deadline.left():
                raise RetryLater(
                    ErrorClass.THROTTLED, "not called: the pace leaves no place before the deadline; send it again"
                )
            self._next = start + 1.0 / self._rate
        if start > now:
            sleep(start - now)

    def throttled(self) -> None:
        with self._lock:
            self._rate = max(self._rate / 2, self._full * _FLOOR)

    def went_through(self) -> None:
        with self._lock:
            self._rate = min(self._full, self._rate + self._full * _STEP)


_paces: dict[tuple[str, ...], Pace] = {}
_paces_lock = threading.Lock()


def pace_of(key: tuple[str, ...], rate: float) -> Pace:
    """The pace that this process keeps for an API in a region, at the rate that is set now."""
    with _paces_lock:
        return _paces.setdefault((*key, str(rate)), Pace(rate))


def backoff_s(tries: int, *, base_s: float = 0.2, most_s: float = 8.0, rng: random.Random | None = None) -> float:
    """Full jitter: a wait in seconds, uniform between nothing and twice as much at each try (from 1), up to a bound.

    Source: M. Brooker, Exponential Backoff And Jitter, 2015.
    """
    return (rng or random).uniform(0.0, min(most_s, base_s * 2 ** max(0, tries - 1)))
