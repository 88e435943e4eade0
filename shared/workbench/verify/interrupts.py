"""SIGINT and SIGTERM while a run changes something: they end it, but not in the middle of putting back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TOGETHER_S = 2.0
"""Signals that come so soon after the first are one with it."""


class Interrupts:
    """Raises KeyboardInterrupt where a signal finds the run; while it is put off, at the end of that."""

    def __init__(self) -> None:
        self._put_off = self._waits = self._is_over = False
        self._first_at = 0.0

    @contextmanager
    def caught(self) -> Iterator[None]:
        """What stands inside can be interrupted by either signal."""
        before = [signal.signal(one, self._come) for one in _SIGNALS]
        try:
            yield
        finally:
            for one, handler in zip(_SIGNALS, before, strict=True):
                signal.signal(one, handler)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """What stands inside is finished first. A later signal ends it all the same."""
        nested, self._put_off = self._put_off, True
        try:
            yield
        finally:
            self._put_off = nested
        if self._waits and not nested:
            self._waits = False
            raise KeyboardInterrupt

    def finish(self) -> None:
        """What follows takes no time: no signal ends it any more."""
        self._is_over, self._waits = True, False

    def _come(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._is_over or (self._first_at and now - self._first_at < _TOGETHER_S):
            return
        is_first, self._first_at = not self._first_at, self._first_at or now
        if self._put_off and is_first:
            self._waits = True
            return
        raise KeyboardInterrupt
