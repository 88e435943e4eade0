"""Which calls of a command a kill follows."""

from __future__ import annotations

import os
import random
import time


def points(calls: int, name: str, a_day: int) -> list[int]:
    """Numbers of calls from 1: a sample that each day draws anew, or every one (KEYTURN_KILLS=all)."""
    every = range(1, calls + 1)
    if os.environ.get("KEYTURN_KILLS") == "all":
        return list(every)
    return sorted(random.Random(f"{time.strftime('%Y%m%d', time.gmtime())} {name}").sample(every, min(a_day, calls)))
