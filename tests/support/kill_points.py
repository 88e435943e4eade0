"""Chooses the calls of a command after which the process is killed."""

from __future__ import annotations

import os
import random
import time


def points(calls: int, name: str, a_day: int) -> list[int]:
    """Numbers of calls from 1: a sample that changes each day, or every call (KEYTURN_KILLS=all)."""
    every = range(1, calls + 1)
    if os.environ.get("KEYTURN_KILLS") == "all":
        return list(every)
    return sorted(random.Random(f"{time.strftime('%Y%m%d', time.gmtime())} {name}").sample(every, min(a_day, calls)))
