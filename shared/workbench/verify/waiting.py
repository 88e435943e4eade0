"""Waits, with a time limit, until an account shows something."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shared.workbench.apis.callers import passes
from shared.workbench.apis.calls import CallRefused

_FIRST_S, _MOST_S, _AGAIN_S = 0.1, 1.0, 10.0
AnyT = TypeVar("AnyT")


def again_while_it_passes(call: Callable[[], AnyT], limit_s: float = _AGAIN_S) -> AnyT:
    """Make a call; repeat it after a temporary refusal. Raises: what the last call raised."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return call()
        except CallRefused as refused:
            if not passes(refused.code) or time.monotonic() > until:
                raise
        time.sleep(_MOST_S)


def wait_until(done: Callable[[], bool], limit_s: float, *, most_s: float = _MOST_S) -> bool:
    """Ask again and again until `done`, or for so many seconds. Returns whether it was done.

    The pauses grow, up to `most_s` seconds.
    """
    until, pause = time.monotonic() + limit_s, min(_FIRST_S, most_s)
    while not done():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, most_s)
    return True
