"""One fleet's commands, worked through in simulated time.

A discrete-event model: nothing sleeps, the same seed gives the same answer. The pace, the order of work and every
waiting time are the code's own (`shared.clouds.pace`, `shared.runtime.lanes`, the constants of
`shared.changes.timing`); the cloud is a sliding second for each API.
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from shared.changes.timing import FIRST_POLL_S, LEAST_S, LONGEST_POLL_S, QUICK_S
from shared.clouds.pace import Slot
from shared.clouds.session import PATIENCE_S
from shared.handlers.follow import _POLL_S, _WAIT_HERE_UNDELAYED_S
from shared.handlers.operation import AT_ONCE
from shared.runtime.backoff import backoff_s
from shared.runtime.lanes import Lanes
from shared.runtime.settings import TENCENT_RATE
from shared.workbench.operations.simulated_time import CallLimit, Clock, PacedLine, Script, Turn

ACCOUNTS, TASKS = "DescribeInstanceAccount", "DescribeTaskList"
CHANGE = "ModifyInstanceAccount"
POLL = "DescribeTaskInfo"


@dataclass(frozen=True)
class Fleet:
    """What is planned. Times in seconds. One region, since the API's limit counts there."""

    instances: int
    commands_each: int = 1  # of an account
    accounts: int = 1  # of an instance, whose commands stand together
    batch: int = 500  # messages of one event at most
    functions: int = 1  # that run at once, one a partition: one alone comes to the limit
    timeout_s: float = 60.0
    memory_gb: float = 0.125
    rate: float = TENCENT_RATE
    latency_s: float = 0.1  # from a call to its answer
    own_s: float = 0.006  # keyturn's own time for each call
    task_s: float = 0.3
    slow_share: float = 0.0  # tasks that take `slow_s`, so that follow_change ends them
    slow_s: float = 20.0
    cold_s: float = 0.4  # until a new instance of the function makes its first call
    seed: int = 1


@dataclass
class Forecast:
    """What the model found."""

    fleet: Fleet
    changed: int = 0
    seconds: float = 0.0
    first_change: float = math.inf
    last_change: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    messages: int = 0  # commands, those handed back and those to follow, and every result
    handed_back: int = 0
    followed: int = 0
    invocations: int = 0
    gb_s: float = 0.0


class _FunctionInstance:
    """One instance of a function: it lives over its invocations, and keeps its paces."""

    def __init__(self, model: _Simulation) -> None:
        self.model = model
        self.warm = False
        self._lines: dict[str, PacedLine] = {}

    def line(self, action: str) -> PacedLine:
        if action not in self._lines:
            self._lines[action] = PacedLine(self.model.clock, self.model.fleet.rate, self.model.rng)
        return self._lines[action]


class _Simulation:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.clock = Clock()
        self.cloud = CallLimit(fleet.rate)
        self.rng = random.Random(fleet.seed)
        self.forecast = Forecast(fleet)
        self.each = fleet.accounts * fleet.commands_each
        self.commands = deque(range(fleet.instances * self.each))
        self.batch = min(fleet.batch, math.ceil(len(self.commands) / fleet.functions))
        self.to_follow: deque[float] = deque()  # when their tasks end
        self.follower = _FunctionInstance(self)
        self.following = False

    def run(self) -> Forecast:
        for _ in range(self.fleet.functions):
            self.clock.start(self._works(_FunctionInstance(self)))
        self.clock.run()
        self.forecast.messages += self.fleet.instances * self.each
        return self.forecast

    # --- commands

    def _works(self, function: _FunctionInstance) -> Script:
        """One instance's invocations, one after another, while there are commands."""
        while self.commands:
            batch = [self.commands.popleft() for _ in range(min(self.batch, len(self.commands)))]
            began = self.clock.now
            if not function.warm:
                function.warm = True
                yield self.fleet.cold_s
            lanes: dict[int, list[int]] = {}
            for index, number in enumerate(batch):
                lanes.setdefault(number // self.each, []).append(index)
            turns = Lanes(list(lanes.values()), AT_ONCE)
            # As `shared.runtime.platform` counts: a margin is kept for the return.
            until = began + self.fleet.timeout_s - min(1.0, 0.08 * self.fleet.timeout_s)
            open_ = [min(AT_ONCE, len(lanes))]
            for _ in range(open_[0]):
                self.clock.start(self._worker(function, turns, batch, until, open_))
            while open_[0]:
                yield 0.01
            self._ended(began)

    def _worker(
        self,
        function: _FunctionInstance,
        turns: Lanes,
        batch: list[int],
        until: float,
        open_: list[int],
    ) -> Script:
        turn = turns.begin()
        while turn is not None:
            yield from self._command(function, batch[turn[1]], until)
            turn = turns.next(turn[0])
        open_[0] -= 1

    def _command(self, function: _FunctionInstance, number: int, until: float) -> Script:
        waits = 0
        while True:
            placed = yield from self._read(function, TASKS, until)
            if placed:
                placed = yield from self._read(function, ACCOUNTS, until)
            if placed and until - self.clock.now >= LEAST_S:
                accepted = yield from self._call(function, CHANGE, until - LEAST_S)
                if accepted:
                    yield from self._follow(function, until)
                    return
                placed = accepted is False
            waits += 1
            wait_s = backoff_s(waits, base_s=0.4, most_s=5.0, rng=self.rng)
            if not placed or self.clock.now + wait_s > until - LEAST_S:
                self.commands.append(number)
                self.forecast.handed_back += 1
                self.forecast.messages += 1
                return
            yield wait_s

    def _follow(self, function: _FunctionInstance, until: float) -> Script:
        self.forecast.first_change = min(self.forecast.first_change, self.clock.now)
        self.forecast.last_change = self.clock.now
        slow = self.fleet.slow_share and self.rng.random() < self.fleet.slow_share
        ends = self.clock.now + (self.fleet.slow_s if slow else self.fleet.task_s)
        quick = self.clock.now + QUICK_S
        wait_s = FIRST_POLL_S
        while self.clock.now < quick:
            yield min(wait_s, quick - self.clock.now)
            wait_s = min(LONGEST_POLL_S, wait_s * 1.5)
            if (yield from self._read(function, POLL, until)) and self.clock.now >= ends:
                self._result(final=True)
                return
        self._result(final=False)
        self.forecast.followed += 1
        self.forecast.messages += 1
        self.to_follow.append(ends)
        if not self.following:
            self.following = True
            self.clock.start(self._follows())

    def _follows(self) -> Script:
        """follow_change: a batch's tasks asked for in turn, what still runs handed on."""
        while self.to_follow:
            batch = [self.to_follow.popleft() for _ in range(min(self.fleet.batch, len(self.to_follow)))]
            began = self.clock.now
            until = began + self.fleet.timeout_s - 1.5
            stop = began + min(_WAIT_HERE_UNDELAYED_S, until - began)
            while batch and self.clock.now < stop:
                still = []
                for ends in batch:
                    asked = yield from self._read(self.follower, POLL, until)
                    if asked and self.clock.now >= ends:
                        self._result(final=True)
                    else:
                        still.append(ends)
                batch = still
                if batch:
                    yield _POLL_S
            self.to_follow.extend(batch)
            self.forecast.messages += len(batch)
            self._ended(began)
        self.following = False

    # --- calls

    def _read(self, function: _FunctionInstance, action: str, until: float) -> Generator[Any, Any, bool]:
        """False: no place before the deadline."""
        tries = 0
        while True:
            answered = yield from self._call(function, action, until)
            if answered is not False:
                return bool(answered)
            tries += 1
            yield backoff_s(tries, rng=self.rng)

    def _call(self, function: _FunctionInstance, action: str, until: float) -> Generator[Any, Any, bool | None]:
        """True: taken. False: throttled for longer than a call is patient. None: no place before the deadline."""
        line, patient_until = function.line(action), math.inf
        while True:
            place: Slot | None = yield Turn(line, until, patient_until < math.inf)
            if place is None:
                return None
            yield self.fleet.latency_s + self.rng.uniform(0.5, 1.5) * self.fleet.own_s
            self.forecast.calls[action] += 1
            if self.cloud.takes(action, self.clock.now):
                line.pace.succeeded(place)
                return True
            self.forecast.throttled[action] += 1
            line.pace.throttled(place)
            patient_until = min(patient_until, self.clock.now + PATIENCE_S)
            if self.clock.now >= patient_until:
                return False

    def _result(self, *, final: bool) -> None:
        self.forecast.messages += 1
        self.forecast.changed += final

    def _ended(self, began: float) -> None:
        self.forecast.invocations += 1
        self.forecast.gb_s += (self.clock.now - began) * self.fleet.memory_gb
        self.forecast.seconds = max(self.forecast.seconds, self.clock.now)


def forecast(fleet: Fleet) -> Forecast:
    """Work through a fleet in simulated time."""
    return _Simulation(fleet).run()
