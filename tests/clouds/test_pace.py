"""At the API's ceiling: one pace for all threads, repeats that amplify nothing, and a batch worked through in order."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clouds.pace import Pace
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, RetryLater
from shared.workbench.bench import ceiling
from tests.cloud.client.standin import Standin
from tests.conftest import ACCOUNT, House, outcome
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

INSTANCES, EACH = 12, 5


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def deadline(self, left_s: float = 1000.0) -> Deadline:
        return Deadline(self.now + left_s, clock=self)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Standin]:
    world = tmp_path / "fleet.toml"
    world.write_text(ceiling.world(INSTANCES), encoding="utf-8")
    with Standin(world) as running:
        yield running


def test_a_batch_over_many_instances_loses_no_command_and_keeps_the_order_of_each(
    fleet: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(fleet, tmp_path, monkeypatch)
    commands = [ceiling.command(i, n) for n in range(EACH) for i in range(INSTANCES)]
    for last in commands[-INSTANCES:]:
        last["Login"] = True
    returned = house.deliver(ACCOUNT, platform_events.batch([json.dumps(one) for one in commands]), timeout_s=120.0)
    assert returned.error is None
    results = house.results()
    assert Counter(event["data"]["Outcome"] for event in results) == {"changed": len(commands)}
    for number in range(INSTANCES):
        mine = [e["data"]["CommandId"] for e in results if f"/crs-bench{number:04d}/" in e["subject"]]
        assert mine == [f"c-{number}-{n}" for n in range(EACH)]
    proved = [e for e in results if "login with the new secret: accepted" in e["data"]["Evidence"]]
    assert len(proved) == INSTANCES, [e["data"]["Evidence"][-1] for e in results if e not in proved][-INSTANCES:]
    accounts = [one["app"] for one in fleet.state()["redis"]["instances"].values()]
    assert [account["Applied"] for account in accounts] == [EACH] * INSTANCES
    made = Counter(call["Action"] for call in fleet.calls() if not call["Code"])
    assert made["ModifyInstanceAccount"] == len(commands)
    # A busy machine may ask once more, a throttled change that outlasts its patience looks anew; neither is the rule.
    for action in ("DescribeInstanceAccount", "DescribeTaskList", "DescribeTaskInfo"):
        assert len(commands) <= made[action] < 3 * len(commands)


def test_a_throttled_change_is_made_again_without_looking_anew(house: House) -> None:
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "throttle", "Times": 2}])
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"
    calls = Counter(call["Action"] for call in house.cloud.calls())
    assert calls["ModifyInstanceAccount"] == 3
    assert (calls["DescribeInstanceAccount"], calls["DescribeTaskList"]) == (1, 1)


def test_a_throttled_read_is_made_again_and_the_command_goes_on(house: House) -> None:
    house.cloud.faults([{"Action": "DescribeInstanceAccount", "Fault": "throttle", "Times": 3}])
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"


def test_no_second_holds_more_calls_than_the_rate() -> None:
    clock = Clock()
    pace = Pace(20.0, clock)
    sent = []
    for _ in range(200):
        place = pace.acquire(clock.deadline(), clock.sleep)
        sent.append(clock.now)
        pace.succeeded(place)
    assert all(later - earlier > 1.0 for earlier, later in zip(sent, sent[20:], strict=False))
    assert len(sent) / sent[-1] > 0.98 * 20


def test_a_call_that_was_held_up_is_counted_when_it_may_have_arrived() -> None:
    clock = Clock()
    pace = Pace(2.0, clock)
    late = pace.acquire(clock.deadline(), clock.sleep)
    prompt = pace.acquire(clock.deadline(), clock.sleep)
    clock.sleep(0.1)
    pace.succeeded(prompt)
    clock.sleep(0.3)
    answered = clock.now
    pace.succeeded(late)
    pace.acquire(clock.deadline(), clock.sleep)
    assert clock.now >= answered - 0.1 + 1.0


def test_a_throttled_answer_halves_the_pace_but_not_below_what_goes_through() -> None:
    clock = Clock()
    pace = Pace(20.0, clock, random.Random(1))
    pace.throttled(pace.acquire(clock.deadline(), clock.sleep))
    assert pace.rate == 10.0
    places = [pace.acquire(clock.deadline(), clock.sleep) for _ in range(8)]
    for place in places:
        pace.succeeded(place)
    pace.throttled(pace.acquire(clock.deadline(), clock.sleep))
    assert pace.rate == pytest.approx(8.0, abs=2.0)
    for _ in range(200):
        pace.succeeded(pace.acquire(clock.deadline(), clock.sleep))
    assert pace.rate == 20.0


def test_a_pace_that_only_meets_refusals_falls_to_its_floor_and_waits_longer() -> None:
    clock = Clock()
    pace = Pace(20.0, clock, random.Random(1))
    for _ in range(10):
        pace.throttled(pace.acquire(clock.deadline(), clock.sleep))
    assert pace.rate == pytest.approx(2.0)
    assert clock.now > 1.0


@pytest.mark.parametrize("processes", [2, 8])
def test_instances_that_share_a_limit_use_it_up_without_a_coordinator(processes: int) -> None:
    clock, seen = Clock(), deque[float]()
    paces = [Pace(20.0, clock, random.Random(number)) for number in range(processes)]
    accepted = [0] * processes
    refused = 0
    while clock.now < 60.0:
        due = [pace.due(clock.now) for pace in paces]
        number = due.index(min(due))
        clock.now = max(clock.now, due[number])
        place = paces[number].go(clock.now)
        while seen and clock.now - seen[0] >= 1.0:
            seen.popleft()
        if len(seen) < 20:
            seen.append(clock.now)
            accepted[number] += 1
            paces[number].succeeded(place)
        else:
            refused += 1
            paces[number].throttled(place)
    assert sum(accepted) >= 0.95 * 20 * 60
    assert refused < 0.5 * sum(accepted)
    assert min(accepted) > 0.3 * sum(accepted) / processes


def test_a_place_behind_the_deadline_is_refused_and_given_back() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    pace.acquire(clock.deadline(), clock.sleep)
    with pytest.raises(RetryLater) as refused:
        pace.acquire(clock.deadline(0.5), clock.sleep)
    assert (refused.value.error_class, refused.value.code) == (ErrorClass.THROTTLED, None)
    pace.acquire(clock.deadline(2.0), clock.sleep)
    assert 1.0 <= clock.now < 1.1


def test_threads_get_their_places_in_the_order_in_which_they_came_and_a_throttled_call_is_next() -> None:
    clock, all_in_line = Clock(), threading.Event()
    pace = Pace(20.0, clock)
    for _ in range(20):
        pace.acquire(clock.deadline(), clock.sleep)
    order: list[str] = []

    def sleep(seconds: float) -> None:
        all_in_line.wait(30.0)
        clock.sleep(seconds)

    def wait(name: str, again: bool) -> None:
        pace.acquire(clock.deadline(), sleep, again=again)
        order.append(name)

    threads = []
    for name, again in [("first", False), ("second", False), ("third", False), ("throttled", True)]:
        threads.append(threading.Thread(target=wait, args=(name, again)))
        threads[-1].start()
        while len(pace._line) < len(threads):
            time.sleep(0.001)
    all_in_line.set()
    for thread in threads:
        thread.join()
    assert order == ["throttled", "first", "second", "third"]
