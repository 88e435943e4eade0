"""Simulated time for the model of a fleet: a clock, lines of callers that keep the code's own pace, the API's limit."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from shared.clouds.pace import Pace

Script = Generator[Any, Any, None]


class Clock:
    """What happens when. A script is a generator that yields seconds to wait, or a `Turn` to wait for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._next: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._next, (when, next(self._order), do))

    def run(self) -> None:
        while self._next:
            self.now, _, do = heapq.heappop(self._next)
            do()

    def start(self, script: Script, value: Any = None) -> None:
        try:
            asked = script.send(value)
        except StopIteration:
            return
        if isinstance(asked, Turn):
            asked.line.join(asked, script)
        else:
            self.at(self.now + asked, lambda: self.start(script))


@dataclass
class Turn:
    line: PacedLine
    until: float
    again: bool


class PacedLine:
    """Who waits for one API in one instance of the function; a script gets its `Slot`, or None behind its deadline."""

    def __init__(self, clock: Clock, rate: float, rng: random.Random) -> None:
        self.pace = Pace(rate, lambda: clock.now, rng)
        self._clock = clock
        self._waiting: deque[tuple[Turn, Script]] = deque()
        self._asleep = False

    def join(self, turn: Turn, script: Script) -> None:
        now = self._clock.now
        ahead = min(len(self._waiting), 1) if turn.again else len(self._waiting)
        if self.pace.due(now) + ahead / self.pace.rate > turn.until:
            self._clock.start(script, None)
            return
        if turn.again:
            self._waiting.appendleft((turn, script))
        else:
            self._waiting.append((turn, script))
        if not self._asleep:
            self._wake()

    def _wake(self) -> None:
        self._asleep = False
        while self._waiting:
            now = self._clock.now
            due = self.pace.due(now)
            turn, script = self._waiting[0]
            if due > turn.until:
                self._waiting.popleft()
                self._clock.start(script, None)
            elif due > now:
                self._asleep = True
                self._clock.at(due, self._wake)
                return
            else:
                self._waiting.popleft()
                self._clock.start(script, self.pace.go(now))


class CallLimit:
    """So many calls of one API in any one second."""

    def __init__(self, rate: float) -> None:
        self._most = int(rate)
        self._seen: dict[str, deque[float]] = {}

    def takes(self, action: str, now: float) -> bool:
        seen = self._seen.setdefault(action, deque())
        while seen and now - seen[0] >= 1.0:
            seen.popleft()
        if len(seen) >= self._most:
            return False
        seen.append(now)
        return True
