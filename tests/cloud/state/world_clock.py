"""The world's clock: real time plus an offset.

Tests move it forward, and everything in between happens in its order.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

MAX_ADVANCE_S = 10 * 366 * 86_400
"""The longest single move. Later times must be dates that the clouds can write."""


@dataclass(order=True)
class ScheduledEvent:
    """Something that happens at a moment of the world (epoch seconds), unless it is cancelled before."""

    at: float
    number: int
    happens: Callable[[], Awaitable[None]] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Cancel it, if it has not begun."""
        self.cancelled = True


class Clock:
    """The world's time in epoch seconds. Use it in one event loop only."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self._waiting: list[ScheduledEvent] = []
        self._numbers = itertools.count()
        self._begun: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()

    def now(self) -> float:
        """The time of the world."""
        return time.time() + self.offset_s

    def stopped(self) -> StoppedClock:
        """A clock that stands still at this moment."""
        return StoppedClock(self.now())

    def call_at(self, moment: float, happens: Callable[[], Awaitable[None]]) -> ScheduledEvent:
        """Run `happens` at that moment; at once, if the moment is past."""
        appointment = ScheduledEvent(moment, next(self._numbers), happens)
        heapq.heappush(self._waiting, appointment)
        self._set_alarm()
        return appointment

    def call_after(self, seconds: float, happens: Callable[[], Awaitable[None]]) -> ScheduledEvent:
        """Run `happens` after so many seconds of world time."""
        return self.call_at(self.now() + seconds, happens)

    async def move_to(self, moment: float) -> None:
        """Move forward to a moment; nothing if the moment is past. Returns and raises as `advance`."""
        await self.advance(max(0.0, moment - self.now()))

    async def advance(self, seconds: float) -> None:
        """Move forward by so many seconds; returns when everything in between has happened.

        Raises: ValueError: less than 0, or too far.
        """
        if not 0 <= seconds <= MAX_ADVANCE_S:
            raise ValueError("the clock moves forward, and at most ten years at a time")
        async with self._turn:
            ahead_s = self.offset_s + seconds
            while self._waiting and self._waiting[0].at <= time.time() + ahead_s:
                # One after the other: an event may schedule others, which come in their order, too.
                self.offset_s += max(0.0, self._waiting[0].at - self.now())
                self._begin(heapq.heappop(self._waiting))
                await self._quiet()
            self.offset_s = ahead_s
            self._set_alarm()

    async def reset(self) -> None:
        """Return to real time, and cancel everything that waits. Events that have begun end first."""
        for appointment in self._waiting:
            appointment.cancel()
        self._waiting.clear()
        await self._quiet()
        self.offset_s = 0.0

    async def close(self) -> None:
        """Cancel everything that waits."""
        await self.reset()
        if self._alarm is not None:
            self._alarm.cancel()

    async def handle_control(self, order: Any) -> None:
        """Handle `POST /_standin/clock`: `{"Advance": seconds}` or `{"To": RFC 3339}`. Raises: ValueError."""
        if not isinstance(order, Mapping) or len(order) != 1 or not order.keys() <= {"Advance", "To"}:
            raise ValueError("the clock takes Advance (seconds) or To (RFC 3339)")
        if "To" in order:
            await self.move_to(parse_rfc3339(order["To"]))
            return
        seconds = order["Advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError("Advance: a number of seconds")
        await self.advance(seconds)

    def as_json(self) -> dict[str, Any]:
        """The answer to `GET /_standin/clock`."""
        return {"Now": to_rfc3339(self.now()), "Offset": self.offset_s}

    def _begin(self, appointment: ScheduledEvent) -> None:
        if appointment.cancelled:
            return
        task = asyncio.ensure_future(_happen(appointment))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _quiet(self) -> None:
        """Wait until every event that has begun has ended."""
        while self._begun:
            await asyncio.wait(self._begun)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._waiting:
            left = max(0.0, self._waiting[0].at - self.now())
            self._alarm = asyncio.get_running_loop().call_later(left, self._ring)

    def _ring(self) -> None:
        """Start the events that are due, all at once, because in real time none waits for another."""
        self._alarm = None
        if not self._turn.locked():  # a move under way starts them itself, and sets the alarm
            while self._waiting and self._waiting[0].at <= self.now():
                self._begin(heapq.heappop(self._waiting))
            self._set_alarm()


class StoppedClock(Clock):
    """A clock for code that shows one moment only."""

    def __init__(self, moment: float) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> float:
        """The moment."""
        return self._moment


async def _happen(appointment: ScheduledEvent) -> None:
    await appointment.happens()


def to_rfc3339(moment: float) -> str:
    """Epoch seconds as RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: object) -> float:
    """RFC 3339 as epoch seconds. Raises: ValueError."""
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(str(text).upper().replace("Z", "+00:00"))
        if moment.tzinfo is not None:
            return moment.timestamp()
    raise ValueError("To: a time as RFC 3339 writes it, with its zone")
