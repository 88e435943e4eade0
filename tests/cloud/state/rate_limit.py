"""The published request rate: so many calls in any one second, counted for each API and region."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable


class RateLimit:
    """A sliding window of one second."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._seen: defaultdict[Hashable, deque[float]] = defaultdict(deque)

    def allows(self, key: Hashable, rate: int | None = None) -> bool:
        """Count a call if it fits into the last second; a refused one does not count. `rate`: the key's own."""
        now = self._clock()
        seen = self._seen[key]
        while seen and now - seen[0] >= 1.0:
            seen.popleft()
        if len(seen) >= (rate or self._rate):
            return False
        seen.append(now)
        return True
