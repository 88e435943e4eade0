"""Tencent Redis' tasks: a change is accepted at once, and takes effect when its task succeeds."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from datetime import timezone

from tests.cloud.state.china_time import CHINA, china_time
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock, ScheduledEvent

PREPARING, RUNNING, SUCCEEDED, FAILED = "preparing", "running", "succeed", "failed"
RESULT = {PREPARING: 0, RUNNING: 1, SUCCEEDED: 2, FAILED: 4}
EFFECT_LATE_S = 3.0
"""The seconds from a task's end until the new password is in force, in a world without R8."""


def redis_time(seconds: float, world: World) -> str:
    """Epoch seconds in the time format of Redis' API."""
    return china_time(seconds, CHINA if world.holds("R12") else timezone.utc)


@dataclass
class Task:
    """One task. `kind` is the three-digit code, `title` its text; times are in epoch seconds, 0 for not yet."""

    id: int
    instance_id: str
    kind: str
    title: str
    started: float
    ended: float = 0.0
    status: str = PREPARING
    message: str = ""


class Tasks:
    """All tasks of one service. The service starts at most one at a time on an instance."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.all: dict[int, Task] = {}
        self._world = world
        self._clock = clock
        self._ids = itertools.count(random.randrange(100_000, 900_000))
        self._steps: dict[int, ScheduledEvent] = {}
        self._at_work: Counter[str] = Counter()

    def start(
        self, instance_id: str, kind: str, title: str, apply: Callable[[], Awaitable[None]], fault: str = ""
    ) -> Task:
        """Start a task that calls `apply` at its end; `fault` is `fail_task`, `hang_task` or empty."""
        task = self._made(instance_id, kind, title)
        self._at_work[instance_id] += 1

        async def run() -> None:
            task.status = RUNNING
            if fault != "hang_task":
                self._steps[task.id] = self._clock.call_at(task.started + self._world.task_s, end)

        async def end() -> None:
            await self._end(task, apply, failing=fault == "fail_task")

        self._steps[task.id] = self._clock.call_at(task.started + self._world.task_s / 3, run)
        return task

    def done(self, instance_id: str, kind: str, title: str) -> Task:
        """A finished task for a change by hand."""
        task = self._made(instance_id, kind, title)
        task.status, task.ended = SUCCEEDED, task.started
        return task

    def locks(self, instance_id: str) -> bool:
        """Whether a task runs on the instance."""
        return self._at_work[instance_id] > 0

    def close(self) -> None:
        """Stop all tasks. A task that writes to Redis finishes first, see `Clock.reset`."""
        for step in self._steps.values():
            step.cancel()

    def frozen(self) -> Tasks:
        """A copy of the tasks that never changes."""
        twin = copy(self)
        twin.all, twin._at_work = {id_: copy(task) for id_, task in self.all.items()}, self._at_work.copy()
        return twin

    def _made(self, instance_id: str, kind: str, title: str) -> Task:
        task = Task(next(self._ids), instance_id, kind, title, self._clock.now())
        self.all[task.id] = task
        return task

    async def _end(self, task: Task, apply: Callable[[], Awaitable[None]], *, failing: bool) -> None:
        done = not failing
        if done and not self._world.holds("R8"):
            self._clock.call_after(EFFECT_LATE_S, apply)
        elif done or not self._world.holds("R7"):
            try:
                await apply()
            except (RuntimeError, OSError, EOFError):
                done = False
        task.status, task.ended = SUCCEEDED if done else FAILED, self._clock.now()
        task.message = "" if done else "The flow failed and was rolled back."
        self._at_work[task.instance_id] -= 1
