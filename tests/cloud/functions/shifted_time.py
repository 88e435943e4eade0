"""Moves this process's wall clock ahead, so that a function runs in the stand-in's time without knowing it.

This needs no package, because the interpreter that runs a zip has none. It works in every CPython: it replaces
functions of the module `time`, and two methods of the built-in `datetime`, in the dictionary behind its read-only view.
Call `install` before the code is imported that is to run in that time. `time.monotonic` and `time.sleep` stay real.

This module imports only the standard library: `instance_program` loads it in a bare interpreter.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import time
from collections.abc import Callable
from typing import Any


def install(offset_s: float) -> None:
    """Let the wall clock of this process run `offset_s` seconds ahead; nothing for 0."""
    if not offset_s:
        return
    real, real_ns, ahead_ns = time.time, time.time_ns, round(offset_s * 1_000_000_000)
    gettime, gettime_ns, strftime, asctime = time.clock_gettime, time.clock_gettime_ns, time.strftime, time.asctime

    def now() -> float:
        return real() + offset_s

    def clock_gettime(clock: int) -> float:
        return gettime(clock) + (offset_s if clock == time.CLOCK_REALTIME else 0.0)

    def clock_gettime_ns(clock: int) -> int:
        return gettime_ns(clock) + (ahead_ns if clock == time.CLOCK_REALTIME else 0)

    replaced: dict[str, Callable[..., Any]] = {
        "time": now,
        "time_ns": lambda: real_ns() + ahead_ns,
        "clock_gettime": clock_gettime,
        "clock_gettime_ns": clock_gettime_ns,
        "gmtime": _of_now(time.gmtime, now),
        "localtime": _of_now(time.localtime, now),
        "ctime": _of_now(time.ctime, now),
        "strftime": lambda form, moment=None: strftime(form, time.localtime() if moment is None else moment),
        "asctime": lambda moment=None: asctime(time.localtime() if moment is None else moment),
    }
    for name, function in replaced.items():
        setattr(time, name, function)
    _replace_datetimes(now)


def _of_now(function: Callable[[float], Any], now: Callable[[], float]) -> Callable[..., Any]:
    """A function of a moment, whose default is now."""
    return lambda moment=None: function(now() if moment is None else moment)


def _replace_datetimes(now: Callable[[], float]) -> None:
    """Replace `datetime.now` and `utcnow`. `today` calls `time.time` itself."""

    def of_now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return cls.fromtimestamp(now(), tz)

    def of_utc_now(cls: type[datetime.datetime]) -> datetime.datetime:
        return cls.fromtimestamp(now(), datetime.timezone.utc).replace(tzinfo=None)

    (methods,) = gc.get_referents(datetime.datetime.__dict__)
    methods["now"], methods["utcnow"] = classmethod(of_now), classmethod(of_utc_now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))
