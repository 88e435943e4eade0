"""Waiting with a limit for what an account is to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shared.workbench.apis.callers import passes
from shared.workbench.apis.calls import CallRefused

_FIRST_S, _MOST_S, _AGAIN_S = 0.1, 1.0, 10.0
AnyT = TypeVar("AnyT")


def again_while_it_passes(call: Callable[[], AnyT], limit_s: float = _AGAIN_S) -> AnyT:
    """Make a call; where it is refused for a reason that passes, again. Raises: as the last call did."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return call()
        except CallRefused as refused:
            if not passes(refused.code) or time.monotonic() > until:
                raise
        time.sleep(_MOST_S)


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
