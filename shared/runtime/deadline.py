"""When an invocation ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Deadline:
    """When the platform ends this invocation, on a monotonic clock in seconds, less the margin to answer."""

    at: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def earlier(self, seconds: float) -> Deadline:
        """The same, so much sooner."""
        return Deadline(self.at - seconds, self.clock)

    def within(self, seconds: float) -> Deadline:
        """The same, but no more than so many seconds from now."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def left(self) -> float:
        """Seconds that remain, never negative."""
        return max(0.0, self.at - self.clock())
