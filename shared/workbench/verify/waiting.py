"""Waiting with a limit for what an account is to show."""

from __future__ import annotations

import time
from collections.abc import Callable

_FIRST_S, _MOST_S = 0.1, 1.0


def wait_until(done: Callable[[], bool], limit_s: float, *, most_s: float = _MOST_S) -> bool:
    """Ask again and again until `done` or so many seconds are over; whether it was done.

    It asks slower and slower, but every `most_s` seconds at least.
    """
    until, pause = time.monotonic() + limit_s, min(_FIRST_S, most_s)
    while not done():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, most_s)
    return True
