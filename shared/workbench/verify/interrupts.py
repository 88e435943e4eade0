"""SIGINT and SIGTERM while a run changes something. They end the run, but never in the middle of undoing a change."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TOGETHER_S = 2.0
"""Signals that come so soon after the first one count as the same."""

_T = TypeVar("_T")


class Interrupts:
    """Raises KeyboardInterrupt at a signal, or at the end of a part that must finish first.

    Python loses an interrupt that is raised in a destructor. So it is raised again at the next check, until it is
    `heard`.
    """

    def __init__(self) -> None:
        self._put_off = self._came = self._is_over = False
        self._first_at = 0.0

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Either signal interrupts the code inside."""
        before = [signal.signal(one, self._come) for one in _SIGNALS]
        hook, sys.unraisablehook = sys.unraisablehook, _tell_of_all_but_interrupts
        try:
            yield
        finally:
            sys.unraisablehook = hook
            for one, handler in zip(_SIGNALS, before, strict=True):
                signal.signal(one, handler)

    def between(self, many: Iterable[_T]) -> Iterator[_T]:
        """Each of several things, with a check for a signal before each and after the last."""
        for one in many:
            self.look()
            yield one
        self.look()

    def look(self) -> None:
        """Raises: KeyboardInterrupt: a signal came and was not heard."""
        if self._came and not self._put_off:
            raise KeyboardInterrupt

    def heard(self) -> None:
        """The run ends. The same signal does not interrupt what follows."""
        self._came = False

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """The code inside finishes first. A later signal ends it all the same."""
        nested, self._put_off = self._put_off, True
        try:
            yield
        finally:
            self._put_off = nested
        self.look()

    def finish(self) -> None:
        """From here on no signal ends the run. What follows is short."""
        self._is_over, self._came = True, False

    def _come(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._is_over or (self._first_at and now - self._first_at < _TOGETHER_S):
            return
        is_first, self._first_at, self._came = not self._first_at, self._first_at or now, True
        if not (self._put_off and is_first):
            raise KeyboardInterrupt


def _tell_of_all_but_interrupts(lost: sys.UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
