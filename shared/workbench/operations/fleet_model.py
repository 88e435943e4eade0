"""A plan for a whole fleet: how long, how many calls, messages and invocations, at what cost.

A discrete-event model: time is simulated, nothing sleeps, the same seed gives the same answer. The pace, the order of
work and every waiting time are the code's own (`shared.clouds.pace`, `shared.runtime.lanes`, the constants of
`shared.changes.timing`); the cloud is a sliding second for each API.
`python -m shared.workbench.operations.fleet_model` prints the table that
README shows.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import random
import sys
from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.changes.timing import FIRST_POLL_S, LEAST_S, LONGEST_POLL_S, QUICK_S
from shared.clouds.pace import Pace, Slot
from shared.clouds.session import PATIENCE_S
from shared.handlers.follow import _POLL_S, _WAIT_HERE_UNDELAYED_S
from shared.handlers.operation import AT_ONCE
from shared.runtime.backoff import backoff_s
from shared.runtime.lanes import Lanes
from shared.runtime.settings import TENCENT_RATE

READS = ("DescribeInstanceAccount", "DescribeTaskList")
CHANGE = "ModifyInstanceAccount"
POLL = "DescribeTaskInfo"


@dataclass(frozen=True)
class Price:
    """A list price: for `per` units, with where it stands and when it was read; unverified ones say so."""

    amount: float
    currency: str
    per: int
    unit: str
    source: str
    verified: bool


# Without free tiers, packages, discounts, disk and tax.
_SCF = "cloud.tencent.com 583/12281, from memory: the page could not be read in 2026-11"
PRICES = {
    "GB-s": Price(0.00011108, "CNY", 1, "GB-s", _SCF, False),
    "invocations": Price(0.0133, "CNY", 10_000, "invocations", _SCF, False),
    "queue hours": Price(
        1.34, "CNY", 1, "hours begun of a CKafka instance, 20 MB/s", "cloud.tencent.com 597/11745, 2026-11", True
    ),
}


@dataclass(frozen=True)
class Fleet:
    """What is planned. Times in seconds. One region, since the API's limit counts there."""

    instances: int
    commands_each: int = 1
    batch: int = 500  # messages of one event at most
    functions: int = 1  # that run at once, one a partition: one alone comes to the limit
    timeout_s: float = 60.0
    memory_gb: float = 0.125
    rate: float = TENCENT_RATE
    latency_s: float = 0.1  # from a call to its answer
    own_s: float = 0.006  # of ours a call
    task_s: float = 0.3
    slow_share: float = 0.0  # tasks that take `slow_s`, so that follow_change ends them
    slow_s: float = 20.0
    cold_s: float = 0.4  # until a new instance of the function makes its first call
    seed: int = 1


@dataclass
class Plan:
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

    @property
    def cost(self) -> float:
        """In CNY, by `PRICES`."""
        used = {"GB-s": self.gb_s, "invocations": self.invocations, "queue hours": math.ceil(self.seconds / 3600)}
        return sum(price.amount * used[name] / price.per for name, price in PRICES.items())


_Script = Generator[Any, Any, None]


class _Clock:
    """What happens when. A script is a generator that yields seconds to wait, or a `_Turn` to wait for."""

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

    def start(self, script: _Script, value: Any = None) -> None:
        try:
            asked = script.send(value)
        except StopIteration:
            return
        if isinstance(asked, _Turn):
            asked.line.join(asked, script)
        else:
            self.at(self.now + asked, lambda: self.start(script))


@dataclass
class _Turn:
    line: _Line
    until: float
    again: bool


class _Line:
    """Who waits for one API in one instance of the function; a script gets its `Slot`, or None behind its deadline."""

    def __init__(self, clock: _Clock, rate: float, rng: random.Random) -> None:
        self.pace = Pace(rate, lambda: clock.now, rng)
        self._clock = clock
        self._waiting: deque[tuple[_Turn, _Script]] = deque()
        self._asleep = False

    def join(self, turn: _Turn, script: _Script) -> None:
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


class _Cloud:
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


class _Function:
    """One instance of a function: it lives over its invocations, and keeps its paces."""

    def __init__(self, model: _Model) -> None:
        self.model = model
        self.warm = False
        self._lines: dict[str, _Line] = {}

    def line(self, action: str) -> _Line:
        if action not in self._lines:
            self._lines[action] = _Line(self.model.clock, self.model.fleet.rate, self.model.rng)
        return self._lines[action]


class _Model:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.clock = _Clock()
        self.cloud = _Cloud(fleet.rate)
        self.rng = random.Random(fleet.seed)
        self.plan = Plan(fleet)
        numbers = range(fleet.instances * fleet.commands_each)
        self.commands = deque(number % fleet.instances for number in numbers)
        self.batch = min(fleet.batch, math.ceil(len(numbers) / fleet.functions))
        self.to_follow: deque[float] = deque()  # when their tasks end
        self.follower = _Function(self)
        self.following = False

    def run(self) -> Plan:
        for _ in range(self.fleet.functions):
            self.clock.start(self._works(_Function(self)))
        self.clock.run()
        self.plan.messages += self.fleet.instances * self.fleet.commands_each
        return self.plan

    # --- commands

    def _works(self, function: _Function) -> _Script:
        """One instance's invocations, one after another, while there are commands."""
        while self.commands:
            batch = [self.commands.popleft() for _ in range(min(self.batch, len(self.commands)))]
            began = self.clock.now
            if not function.warm:
                function.warm = True
                yield self.fleet.cold_s
            lanes: dict[int, list[int]] = {}
            for index, instance in enumerate(batch):
                lanes.setdefault(instance, []).append(index)
            turns = Lanes(list(lanes.values()))
            # As `shared.runtime.platform` counts: a margin is kept for the return.
            until = began + self.fleet.timeout_s - min(1.0, 0.08 * self.fleet.timeout_s)
            open_ = [min(AT_ONCE, len(lanes))]
            for _ in range(open_[0]):
                self.clock.start(self._worker(function, turns, batch, until, open_))
            while open_[0]:
                yield 0.01
            self._ended(began)

    def _worker(self, function: _Function, turns: Lanes, batch: list[int], until: float, open_: list[int]) -> _Script:
        while (turn := turns.begin()) is not None:
            yield from self._command(function, batch[turn[1]], until)
            turns.end(turn[0])
        open_[0] -= 1

    def _command(self, function: _Function, instance: int, until: float) -> _Script:
        waits = 0
        while True:
            placed = True
            for action in READS:
                placed = placed and (yield from self._read(function, action, until))
            if placed and until - self.clock.now >= LEAST_S:
                accepted = yield from self._call(function, CHANGE, until - LEAST_S)
                if accepted:
                    yield from self._follow(function, until)
                    return
                placed = accepted is False
            waits += 1
            wait_s = backoff_s(waits, base_s=0.4, most_s=5.0, rng=self.rng)
            if not placed or self.clock.now + wait_s > until - LEAST_S:
                self.commands.append(instance)
                self.plan.handed_back += 1
                self.plan.messages += 1
                return
            yield wait_s

    def _follow(self, function: _Function, until: float) -> _Script:
        self.plan.first_change = min(self.plan.first_change, self.clock.now)
        self.plan.last_change = self.clock.now
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
        self.plan.followed += 1
        self.plan.messages += 1
        self.to_follow.append(ends)
        if not self.following:
            self.following = True
            self.clock.start(self._follows())

    def _follows(self) -> _Script:
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
            self.plan.messages += len(batch)
            self._ended(began)
        self.following = False

    # --- calls

    def _read(self, function: _Function, action: str, until: float) -> Generator[Any, Any, bool]:
        """False: no place before the deadline."""
        tries = 0
        while True:
            answered = yield from self._call(function, action, until)
            if answered is not False:
                return bool(answered)
            tries += 1
            yield backoff_s(tries, rng=self.rng)

    def _call(self, function: _Function, action: str, until: float) -> Generator[Any, Any, bool | None]:
        """True: taken. False: throttled for longer than a call is patient. None: no place before the deadline."""
        line, patient_until = function.line(action), math.inf
        while True:
            place: Slot | None = yield _Turn(line, until, patient_until < math.inf)
            if place is None:
                return None
            yield self.fleet.latency_s + self.rng.uniform(0.5, 1.5) * self.fleet.own_s
            self.plan.calls[action] += 1
            if self.cloud.takes(action, self.clock.now):
                line.pace.succeeded(place)
                return True
            self.plan.throttled[action] += 1
            line.pace.throttled(place)
            patient_until = min(patient_until, self.clock.now + PATIENCE_S)
            if self.clock.now >= patient_until:
                return False

    def _result(self, *, final: bool) -> None:
        self.plan.messages += 1
        self.plan.changed += final

    def _ended(self, began: float) -> None:
        self.plan.invocations += 1
        self.plan.gb_s += (self.clock.now - began) * self.fleet.memory_gb
        self.plan.seconds = max(self.plan.seconds, self.clock.now)


def plan(fleet: Fleet) -> Plan:
    """Work through a fleet in simulated time."""
    return _Model(fleet).run()


ROWS = (100, 1_000, 10_000, 100_000)


def table(plans: list[Plan]) -> str:
    """The plans as a Markdown table."""
    lines = [
        "| instances | time | API calls | of these throttled | messages | invocations | GB-s | cost, CNY |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in plans:
        calls, throttled = sum(one.calls.values()), sum(one.throttled.values())
        lines.append(
            f"| {one.fleet.instances:,} | {_spelt(one.seconds)} | {calls:,} | {throttled:,} | {one.messages:,}"
            f" | {one.invocations:,} | {one.gb_s:,.0f} | {one.cost:,.2f} |"
        )
    return "\n".join(lines)


def assumptions(fleet: Fleet) -> str:
    """What the table rests on, in one paragraph, with the unit prices."""
    prices = "; ".join(
        f"{price.amount} {price.currency} for {price.per:,} {price.unit} ({price.source}"
        f"{'' if price.verified else ', unverified'})"
        for price in PRICES.values()
    )
    return (
        f"{fleet.commands_each} change an instance, one region, {fleet.functions} functions of"
        f" {fleet.memory_gb * 1024:.0f} MB at once, events of at most {fleet.batch} messages,"
        f" {fleet.timeout_s:.0f} s a function, {fleet.rate:.0f} calls a second and API, {fleet.latency_s * 1000:.0f} ms"
        f" a call, tasks of {fleet.task_s} s, {fleet.slow_share:.0%} of them {fleet.slow_s:.0f} s long."
        f" Prices: {prices}."
    )


def _spelt(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", type=int, nargs="*", help=f"rows; without any {ROWS}")
    for name, what in (("batch", int), ("functions", int), ("latency_s", float), ("task_s", float)):
        parser.add_argument(f"--{name.replace('_', '-')}", type=what, default=getattr(Fleet, name))
    parser.add_argument("--slow-share", type=float, default=0.01)
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args())
    rows, as_json = given.pop("instances") or ROWS, given.pop("json")
    plans = [plan(Fleet(instances, **given)) for instances in rows]
    print(table(plans))
    print(f"\n{assumptions(plans[0].fleet)}")
    if as_json:
        print(json.dumps([asdict(one) | {"cost": one.cost} for one in plans]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
