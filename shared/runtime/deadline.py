"""The time at which an invocation must have answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Deadline:
    """When this invocation must have answered: the platform's end of it, less a margin. Monotonic, in seconds."""

    at: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def earlier(self, seconds: float) -> Deadline:
        """A deadline that is `seconds` earlier."""
        return Deadline(self.at - seconds, self.clock)

    def within(self, seconds: float) -> Deadline:
        """This deadline, or `seconds` from now if that is earlier."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def left(self) -> float:
        """The seconds that remain, never negative."""
        return max(0.0, self.at - self.clock())
