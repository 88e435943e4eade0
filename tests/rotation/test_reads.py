"""No account is read twice in one firing, wherever it is cut and whatever comes and goes meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.rotation.fleet import Account, Page, Resource
from shared.runtime.errors import ErrorClass, RetryLater
from tests.conftest import House
from tests.rotation.fleet_world import PLAN as FUNCTION
from tests.rotation.fleet_world import REDIS, fire, reports, sent
from tests.support import platform_events
from tests.support.planning import OLD, PLAN, TYPE, Planning, ScriptedFleet
from tests.support.scripted_world import World, message


@dataclass
class LargeFleet(ScriptedFleet):
    """Pages of a hundred, and how often each resource's accounts were read."""

    names: list[str] = field(default_factory=lambda: [f"crs-{number:04}" for number in range(900)])
    each: int = 1  # accounts of a resource
    reads: Counter[str] = field(default_factory=Counter)
    listed: int = 0
    page_size: int = 100
    meanwhile: Callable[[LargeFleet], None] = lambda _: None  # once a page was listed
    fails: Mapping[str, Exception] = field(default_factory=dict)

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        self.listed += 1
        found = [Resource(name) for name in self.names[offset : offset + 100]]
        page = Page(found, offset + 100 >= len(self.names))
        self.meanwhile(self)
        return page

    def accounts(self, resource: str) -> list[Account]:
        self.reads[resource] += 1
        if resource in self.fails:
            raise self.fails[resource]
        return [Account(f"app{number}", "t", OLD) for number in range(self.each)]


def firing(scene: Planning, *, between: Callable[[], None] = lambda: None) -> int:
    """A whole firing, hop by hop; how many invocations it took."""
    one, hops = message(PLAN | {"Accounts": ["*"], "Store": "ssm://{resource}-{account}"}), 0
    while True:
        scene.process(one)
        hops += 1
        carried = [event for event in scene.world.commands.events if event["type"] == TYPE]
        if len(carried) < hops:
            return hops
        event = carried[-1]
        one = replace(message(event["data"], hop=event["hop"], attempt=event["attempt"], type=TYPE), authentic=True)
        scene.world.time.pass_by(1.0)
        between()


def commands(scene: Planning) -> Counter[str]:
    return Counter(event["subject"] for event in scene.world.commands.events if event["type"] != TYPE)


def test_what_does_not_fit_into_one_invocation_is_not_read_by_it() -> None:
    fleet = LargeFleet()
    scene = Planning(fleet=fleet)
    assert firing(scene) == 3  # of 300 commands each
    assert fleet.reads == Counter(fleet.names)
    assert set(commands(scene).values()) == {1}


@pytest.mark.parametrize("each", [3, 7, 50])
def test_an_invocation_that_is_full_has_dealt_with_all_that_it_read(each: int) -> None:
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(300)], each=each)
    scene = Planning(World(left_s=1000.0), fleet)
    most = firing(scene)
    assert most > 300 * each / 450  # an invocation stays near its 300 commands
    assert fleet.reads == Counter(fleet.names)
    assert len(commands(scene)) == 300 * each


def test_a_new_instance_that_moves_the_others_down_costs_no_second_read() -> None:
    """The service lists the newest first."""

    def born(fleet: LargeFleet) -> None:
        if fleet.listed in (1, 3):
            fleet.names.insert(0, f"crs-new{fleet.listed}")

    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(250)], meanwhile=born)
    scene = Planning(fleet=fleet)
    firing(scene)
    assert set(fleet.names) - set(fleet.reads) <= {"crs-new3"}
    assert set(fleet.reads.values()) == set(commands(scene).values()) == {1}


@pytest.mark.parametrize("gone", [1, 3, 99, 100, 130])
def test_instances_that_are_deleted_while_the_others_are_listed_leave_none_of_those_out(gone: int) -> None:
    def deleted(fleet: LargeFleet) -> None:
        if fleet.listed == 1:
            del fleet.names[:gone]

    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(250)], meanwhile=deleted)
    firing(Planning(fleet=fleet))
    assert set(fleet.names) <= set(fleet.reads)
    assert set(fleet.reads.values()) == {1}


def test_an_instance_that_a_page_names_twice_is_read_once() -> None:
    fleet = LargeFleet(names=["crs-1", "crs-1", "crs-2"])
    scene = Planning(fleet=fleet)
    firing(scene)
    assert fleet.reads == Counter(["crs-1", "crs-2"])
    assert set(commands(scene).values()) == {1}


@pytest.mark.parametrize(("gone", "born"), [(150, 0), (250, 0), (0, 150), (0, 350)])
def test_a_firing_finds_its_place_again_pages_away(gone: int, born: int) -> None:
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(900)])
    scene, names = Planning(fleet=fleet), [f"crs-{number:03}" for number in range(900)]
    changes = iter([fleet.names[gone:]])

    def between() -> None:
        left = next(changes, None)
        if left is not None:
            fleet.names[:] = [*(f"crs-new{number}" for number in range(born)), *left]

    assert firing(scene, between=between) == 3
    assert set(names) <= set(fleet.reads)
    assert set(fleet.reads.values()) == set(commands(scene).values()) == {1}


def test_a_slow_queue_leaves_time_to_tell_and_to_hand_the_rest_on() -> None:
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(40)], each=7)
    scene = Planning(World(left_s=60.0), fleet)
    send = scene.world.commands.send

    def slowly(*given: Any, **how: Any) -> None:
        scene.world.time.pass_by(5.0)
        send(*given, **how)

    scene.world.commands.send = slowly  # type: ignore[method-assign]
    scene.process(message(PLAN | {"Accounts": ["*"], "Store": "ssm://{resource}-{account}"}))
    (handed,) = (event for event in scene.world.commands.events if event["type"] == TYPE)
    told = handed["data"]["From"]
    assert 0 < told["Sent"] < told["Due"]
    rows = [row for page in scene.world.results.events for row in page["data"]["Rows"]]
    assert sum("not sent: the time ran out" in row["Why"] for row in rows) == told["Due"] - told["Sent"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"hop": 1000, "type": TYPE}, "it has already taken 1,000 invocations"),
        ({"attempt": 10, "type": TYPE}, "10 invocations in a row made no progress"),
    ],
)
def test_a_firing_that_may_not_go_on_says_why(more: dict[str, Any], why: str) -> None:
    scene = Planning(World(left_s=0.7 if "attempt" in more else 30.0), LargeFleet())
    scene.process(
        replace(message(PLAN | {"Accounts": ["*"], "Store": "ssm://{resource}-{account}"}, **more), authentic=True)
    )
    last = scene.world.results.events[-1]["data"]
    assert last["Last"] is True
    assert why in last["Error"]["Message"], last["Error"]


@pytest.mark.parametrize("born", [0, 1, 30, 99])
@pytest.mark.parametrize("gone", [0, 1, 30])
def test_a_firing_goes_on_behind_its_last_instance_wherever_that_has_moved(born: int, gone: int) -> None:
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(650)])
    scene = Planning(fleet=fleet)
    names = list(fleet.names)

    def between() -> None:
        fleet.names[:gone] = [f"crs-new{len(fleet.names)}-{number}" for number in range(born)]

    assert firing(scene, between=between) == 3
    assert max(fleet.reads.values()) == 1
    assert not set(names) - set(fleet.reads), "one was left out"


def test_an_instance_that_is_gone_itself_leaves_none_of_the_others_out() -> None:
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(650)])
    scene = Planning(fleet=fleet)

    def between() -> None:
        last = next(e for e in reversed(scene.world.commands.events) if e["type"] == TYPE)
        fleet.names.remove(last["data"]["From"]["After"])

    firing(scene, between=between)
    assert set(fleet.reads) == {f"crs-{number:03}" for number in range(650)}


@pytest.mark.parametrize("left_s", [10.5, 8.0])
def test_where_the_time_ends_nothing_that_was_read_is_read_again(left_s: float) -> None:
    """Each read takes 0.1 s, and one of a chunk fails in the last second while those behind it do not."""
    fleet = LargeFleet(names=[f"crs-{number:03}" for number in range(120)])
    scene = Planning(World(left_s=left_s), fleet)
    read = fleet.accounts

    def slow(resource: str) -> list[Account]:
        scene.world.time.pass_by(0.1)
        left = scene.opened[-1][0].deadline.left()
        found = read(resource)
        if 0.7 < left < 0.9 and int(resource[-1]) % 2:
            failed.append(resource)
            raise RetryLater(ErrorClass.UNAVAILABLE, "late", code="Late")
        return found

    failed: list[str] = []
    fleet.accounts = slow  # type: ignore[method-assign]
    assert firing(scene) > 1
    answered = fleet.reads - Counter(failed)
    assert max(answered.values()) == 1
    assert set(fleet.reads) == set(fleet.names)


def test_a_firing_that_is_cut_by_its_time_asks_the_cloud_once_for_each_instance(fleet_house: House) -> None:
    house = fleet_house
    house.settings["KEYTURN_RATE"] = "25"
    assert fire(house, REDIS | {"MaxAgeDays": 0.5, "JitterS": 0}, timeout_s=4.5).error is None
    hops = 0
    while carried := sent(house, FUNCTION)[hops:]:
        hops += 1
        event = platform_events.event(json.dumps(carried[0]), "scf", "queue", name=f"h-{hops}")
        house.deliver(FUNCTION, event, timeout_s=4.5)
    assert hops >= 2
    assert (reports(house)[-1]["Last"], reports(house)[-1]["Sent"]) == (True, 150)
    answered = Counter(call["Action"] for call in house.cloud.calls() if not call["Code"])
    assert answered["DescribeInstanceAccount"] == 150
