"""Tencent Redis' flows: a change is accepted at once and takes effect when its task succeeds."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
PREPARING, RUNNING, SUCCEEDED, FAILED = "preparing", "running", "succeed", "failed"
RESULT = {PREPARING: 0, RUNNING: 1, SUCCEEDED: 2, FAILED: 4}


def china_time(seconds: float) -> str:
    """Epoch seconds as `YYYY-MM-DD hh:mm:ss` in China Standard Time; an empty string for 0."""
    return datetime.fromtimestamp(seconds, CHINA).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""


@dataclass
class Task:
    """One flow. `kind` is the three-digit code, `title` its text; times are epoch seconds, 0 for not yet."""

    id: int
    instance_id: str
    kind: str
    title: str
    started: float
    ended: float = 0.0
    status: str = PREPARING
    message: str = ""
    applying: bool = False


class Tasks:
    """All flows of one service; at most one an instance at a time (the service sees to that)."""

    def __init__(self, task_s: float) -> None:
        self.all: dict[int, Task] = {}
        self._task_s = task_s
        self._ids = itertools.count(random.randrange(100_000, 900_000))
        self._flows: dict[int, asyncio.Task[None]] = {}
        self._locked: set[str] = set()

    def start(
        self, instance_id: str, kind: str, title: str, apply: Callable[[], Awaitable[None]], fault: str = ""
    ) -> Task:
        """Begin a flow that calls `apply` at its end; `fault` is `fail_task`, `hang_task` or empty."""
        task = Task(next(self._ids), instance_id, kind, title, time.time())
        self.all[task.id] = task
        self._locked.add(instance_id)
        self._flows[task.id] = asyncio.create_task(self._run(task, apply, fault))
        return task

    def locks(self, instance_id: str) -> bool:
        """Whether a flow holds the instance."""
        return instance_id in self._locked

    async def close(self) -> None:
        """End every flow; one that is writing to Redis finishes first."""
        for id_, flow in self._flows.items():
            if not self.all[id_].applying:
                flow.cancel()
        await asyncio.gather(*self._flows.values(), return_exceptions=True)

    async def _run(self, task: Task, apply: Callable[[], Awaitable[None]], fault: str) -> None:
        await asyncio.sleep(self._task_s / 3)
        task.status = RUNNING
        if fault == "hang_task":
            await asyncio.Event().wait()
        await asyncio.sleep(self._task_s * 2 / 3)
        status, task.message = FAILED, "The flow failed and was rolled back."
        if fault != "fail_task":
            task.applying = True
            try:
                await apply()
            except (RuntimeError, OSError, EOFError):
                pass
            else:
                status, task.message = SUCCEEDED, ""
            task.applying = False
        task.status, task.ended = status, time.time()
        self._locked.discard(task.instance_id)
