"""The published request rate: the most calls in any one second, for each API and region."""

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
        """Count a call if the last second has room for it.

        A refused call is not counted. `rate`: the limit for this key.
        """
        now = self._clock()
        seen = self._seen[key]
        while seen and now - seen[0] >= 1.0:
            seen.popleft()
        if len(seen) >= (rate or self._rate):
            return False
        seen.append(now)
        return True
