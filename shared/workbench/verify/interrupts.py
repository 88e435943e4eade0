"""SIGINT and SIGTERM while a run changes something: they end it, but not in the middle of putting back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Raises KeyboardInterrupt where a signal finds the run; while it is put off, at the end of that."""

    def __init__(self) -> None:
        self._put_off = self._waits = False

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
        """What stands inside is finished first. A second signal ends it all the same."""
        nested, self._put_off = self._put_off, True
        try:
            yield
        finally:
            self._put_off = nested
        if self._waits and not nested:
            self._waits = False
            raise KeyboardInterrupt

    def _come(self, number: int, frame: FrameType | None) -> None:
        if self._put_off and not self._waits:
            self._waits = True
            return
        raise KeyboardInterrupt
