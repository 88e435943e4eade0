"""Runs deployed functions: warm instances, further instances, and each platform's repeats of asynchronous events.

A function with a limit of its own refuses an event above it at once, and does not run. Without a limit, events wait.

SCF writes the return value of an Event function to its log, in a line that cannot be switched off
(https://cloud.tencent.com/document/product/583/60336, 583/43329). Sources of the repeats: SCF
https://www.tencentcloud.com/document/product/583/39851, FC
https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/retry-mechanism. Sources of what happens when all
instances are busy: SCF https://www.tencentcloud.com/document/product/583/39848 and
https://cloud.tencent.com/document/product/583/41138, FC
https://www.alibabacloud.com/help/en/functioncompute/fc/error-handling-1-2.

Claims: P12.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.cloud.functions.instance_process import (
    FunctionSpec,
    InstanceProcess,
    InvocationOutcome,
    OutcomeKind,
    remove_folder,
)
from tests.cloud.functions.platform_names import CLOUD_OF, Platform
from tests.cloud.identity.identities import Identities
from tests.cloud.state.identity_tables import TemporaryKeys
from tests.cloud.state.log_places import LogPlaces
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock

_LOG_LINES = 2000
_MOST_INSTANCES = 3
_BUSY: dict[Platform, dict[str, Any]] = {
    "scf": {"errorCode": 432, "errorMessage": "ResourceLimitReached"},
    "fc": {"Code": "ResourceThrottled", "Message": "the function's instances are all at work"},
}
_PASSING: tuple[OutcomeKind, ...] = ("raised", "init", "timeout", "memory", "exit")


@dataclass
class Trigger:
    """A trigger of a deployed function, as the platform uses it; `request` is the trigger in the API's call."""

    kind: str  # http | timer | ckafka | mns
    name: str
    enabled: bool
    options: dict[str, Any]
    request: dict[str, Any]
    url_id: str = ""
    served: int = 0
    created_at: float = 0.0
    """Unix seconds. A group that begins at the latest message does not read older ones."""
    address_at: float = 0.0
    """Unix seconds. From then on the API shows the trigger's address."""


@dataclass
class DeliveryResult:
    """The delivery of an asynchronous event: the number of attempts, and how the last one ended."""

    attempts: int
    outcome: InvocationOutcome


class DeployedFunction:
    """A deployed function: its code, its warm instances, its triggers."""

    def __init__(
        self,
        spec: FunctionSpec,
        clock: Clock,
        identities: Identities,
        most: int = _MOST_INSTANCES,
        *,
        logs_returns: bool = False,
    ) -> None:
        self.spec = spec
        self._identities = identities
        self._logs_returns = logs_returns
        self._clock = clock
        self.triggers: dict[str, Trigger] = {}
        self.retries = 2 if spec.platform == "scf" else 3
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.dead_letters: list[dict[str, Any]] = []
        self.started = 0
        self.bound: Callable[[FunctionSpec], int] | None = None
        """The function's own limit of instances; None: it has none."""
        self._most = most
        self._instances: list[InstanceProcess] = []
        self._retired: list[InstanceProcess] = []
        self._code = [spec.code]
        self._changed = asyncio.Condition()

    @property
    def key(self) -> tuple[Platform, str, str]:
        """The platform, region and name of the function."""
        return self.spec.platform, self.spec.region, self.spec.name

    async def change(self, spec: FunctionSpec) -> None:
        """Use new code or settings. Busy instances end after their event, idle ones at once."""
        if spec.code != self.spec.code:
            self._code.append(spec.code)
        self.spec = spec
        async with self._changed:
            for instance in self._instances:
                instance.retired = True
            await self._sweep()
            self._changed.notify_all()

    async def invoke(self, event: bytes, *, request_id: str = "", retry: int = 0) -> InvocationOutcome:
        """Run one event in a warm or a new instance.

        If all are busy and the function has no limit, wait for a free one.
        """
        instance = await self._take()
        request_id = request_id or str(uuid.uuid4())
        if instance is None:
            return InvocationOutcome("busy", request_id, error=_BUSY[self.spec.platform])
        try:
            outcome = await instance.invoke(event, request_id, retry)
        finally:
            async with self._changed:
                instance.busy -= 1
                await self._sweep()
                self._changed.notify_all()
        if self._logs_returns and outcome.kind == "ok":
            self.log.append(response_line(outcome))
        return outcome

    async def close(self) -> None:
        """End every instance and delete the code."""
        async with self._changed:
            instances, self._instances = self._instances, []
        await asyncio.gather(*(instance.close() for instance in instances))
        for folder in self._code:
            if folder.exists():
                remove_folder(folder)

    def state(self) -> dict[str, Any]:
        """The state that tests may see."""
        return {
            "Platform": self.spec.platform,
            "Region": self.spec.region,
            "Function": self.spec.name,
            "Started": self.started,
            "Instances": len(self._instances),
            "DeadLetters": len(self.dead_letters),
            "Triggers": {name: one.kind for name, one in self.triggers.items()},
            "Log": list(self.log),
        }

    async def _take(self) -> InstanceProcess | None:
        async with self._changed:
            await self._sweep()
            while True:
                most = self._most if self.bound is None else self.bound(self.spec)
                full = sum(one.busy > 0 for one in self._instances) >= most
                instance = next((one for one in self._instances if self._fits(one) and (one.busy or not full)), None)
                if instance is None and len(self._instances) < most:
                    instance = InstanceProcess(self.spec, self.log, self._role_keys, self._clock.offset_s)
                    self._instances.append(instance)
                    self.started += 1
                if instance is not None:
                    instance.busy += 1
                if instance is not None or self.bound is not None:
                    return instance
                await self._changed.wait()

    def _role_keys(self) -> TemporaryKeys | None:
        """The present keys of its role."""
        cloud = CLOUD_OF[self.spec.platform]
        return self._identities.keys_of(cloud, self.spec.role) if self.spec.role else None

    def _fits(self, instance: InstanceProcess) -> bool:
        return self._of_today(instance) and instance.busy < instance.spec.concurrency

    def _of_today(self, instance: InstanceProcess) -> bool:
        """Whether the instance may get another event.

        A platform ends instances that were idle for minutes, so a move of the clock does that here.
        """
        return not instance.broken and not instance.retired and instance.offset_s == self._clock.offset_s

    async def _sweep(self) -> None:
        """Remove instances that have ended or run old code. The caller holds the lock."""
        over = [one for one in self._instances if not one.busy and not self._of_today(one)]
        self._instances = [one for one in self._instances if one not in over]
        for one in over:
            await one.close()
        in_use = {self.spec.code} | {one.spec.code for one in self._instances}
        for folder in [one for one in self._code if one not in in_use]:
            self._code.remove(folder)
            remove_folder(folder)


def response_line(outcome: InvocationOutcome) -> str:
    """The line that SCF writes to the log for a function's return value."""
    return f"Response RequestId:{outcome.request_id} RetMsg:{outcome.body.decode(errors='replace')}"


@dataclass
class FunctionHost:
    """Every deployed function of both platforms."""

    world: World
    clock: Clock
    identities: Identities
    logs: LogPlaces
    functions: dict[tuple[Platform, str, str], DeployedFunction] = field(default_factory=dict)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def in_region(self, platform: Platform, region: str) -> Iterable[DeployedFunction]:
        """The functions of one region."""
        return [one for one in self.functions.values() if one.key[:2] == (platform, region)]

    def get(self, platform: Platform, region: str, name: str) -> DeployedFunction | None:
        """A function, or None if it does not exist."""
        return self.functions.get((platform, region, name))

    def add(self, spec: FunctionSpec) -> DeployedFunction:
        """Deploy a function."""
        holds = self.world.holds
        logs_returns = holds("P6") if spec.platform == "scf" else not holds("F4")
        function = DeployedFunction(spec, self.clock, self.identities, self.world.instances, logs_returns=logs_returns)
        self.functions[function.key] = function
        return function

    async def change(self, function: DeployedFunction, *, code: Path | None = None, **values: Any) -> None:
        """Deploy a function again with other code or settings (fields of FunctionSpec)."""
        if code is not None:
            values["code"] = code
        await function.change(replace(function.spec, **values))

    async def remove(self, function: DeployedFunction) -> None:
        """Remove a function."""
        self.functions.pop(function.key, None)
        await function.close()

    def url_id(self) -> str:
        """A part of a URL that names a trigger. It is never used twice."""
        return f"{next(self._numbers):04d}{uuid.uuid4().hex[:6]}"

    async def deliver(self, function: DeployedFunction, event: bytes, *, retries: int | None = None) -> DeliveryResult:
        """Deliver an asynchronous event, with the platform's repeats. After the last one it becomes a dead letter.

        `retries`: the number of repeats of the queue that the batch is from.
        """
        most = function.retries if retries is None else retries
        busy_counts = retries is not None and not self.world.holds("P12")
        request_id = str(uuid.uuid4())
        for attempt in itertools.count(1):
            outcome = await function.invoke(event, request_id=request_id, retry=attempt - 1)
            while outcome.kind == "busy" and not busy_counts:
                await asyncio.sleep(self.world.retry_s)
                outcome = await function.invoke(event, request_id=request_id, retry=attempt - 1)
            if outcome.kind not in (*_PASSING, "busy"):
                break
            if attempt > most:
                function.dead_letters.append({"RequestId": request_id, "Error": outcome.error, "Attempts": attempt})
                break
            await asyncio.sleep(self.world.retry_s)
        return DeliveryResult(attempt, outcome)

    def deliver_later(self, function: DeployedFunction, event: bytes) -> None:
        """Accept an asynchronous event, and deliver it in the background."""
        task = asyncio.ensure_future(self.deliver(function, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reset(self, world: World) -> None:
        """Remove every deployed function."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        functions, self.functions = list(self.functions.values()), {}
        await asyncio.gather(*(one.close() for one in functions))
        self.world = world

    async def close(self) -> None:
        """End everything."""
        await self.reset(self.world)
