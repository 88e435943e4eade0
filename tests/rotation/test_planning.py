"""A fleet on a timer: which credentials are due, what is sent for them, and when."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from functions import plan_rotation
from shared.commands.store_reference import parse_ref
from shared.handlers.adapters import open_store
from shared.rotation.policy import matches
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, House
from tests.rotation.fleet_world import REDIS, TAIRS, at, fire, reports, rows, sent
from tests.support import platform_events


@pytest.fixture
def house(fleet_house: House) -> House:
    return fleet_house


def test_what_is_older_than_the_policy_allows_gets_a_command_and_nothing_else_does(house: House) -> None:
    returned = fire(house, REDIS)
    assert returned.error is None
    (page,) = reports(house)
    counts = {name: page[name] for name in ("Listed", "Due", "Sent", "NotDue", "Unknown", "NotAllowed", "Last")}
    assert counts == {
        "Listed": 150,
        "Due": 5,
        "Sent": 5,
        "NotDue": 145,
        "Unknown": 0,
        "NotAllowed": 0,
        "Last": True,
    }
    assert len(page["Rows"]) == 5
    assert all(row["Due"] and row["AgeDays"] > 90 for row in page["Rows"])
    commands = sent(house)
    assert {event["data"]["InstanceId"] for event in commands} == {row["Resource"] for row in page["Rows"]}
    one = commands[0]
    resource = one["data"]["InstanceId"]
    assert one["data"] == {
        "Region": "ap-guangzhou",
        "InstanceId": resource,
        "AccountName": "app",
        "AccountPassword": {"Generate": {"Length": 24}},
        "Deliver": {"Store": f"ssm://redis-{resource}-app"},
        "CommandId": one["data"]["CommandId"],
        "Reason": "policy quarterly",
    }
    assert (one["source"], one["subject"]) == ("keyturn/tencent/ap-guangzhou", f"redis/{resource}/app")


def test_a_firing_and_all_its_changes_are_one_trace(house: House) -> None:
    fire(house, REDIS)
    commands = sent(house)
    house.deliver(ACCOUNT, platform_events.event(commands[0] | {"notbefore": None}, "scf", "queue"))
    report, changed = house.results()
    assert changed["data"]["Outcome"] == "changed"
    assert {one["traceparent"] for one in [*commands, changed]} == {report["traceparent"]}


def test_every_page_of_a_fleet_is_listed(house: House) -> None:
    fire(house, REDIS | {"MaxAgeDays": 0.5})
    fire(house, TAIRS | {"MaxAgeDays": 0.5}, platform="fc")
    assert [page["Due"] for page in reports(house) if page["Last"]] == [150, 60]
    assert len({event["data"]["InstanceId"] for event in house.commands()}) == 210
    actions = [call["Action"] for call in house.cloud.calls()]
    assert actions.count("DescribeInstances") == 6  # two pages of each, and the first one once more


@pytest.mark.parametrize(
    ("resources", "listed"),
    [
        ({"Patterns": ["crs-fleet0001", "crs-fleet000*"]}, 9),
        ({"Tags": {"env": "prod", "team": "orders"}, "Patterns": ["*1"]}, 15),
        ({"Tags": {"env": "test"}}, 1),
        ({"Tags": {"env": "prod", "team": "billing"}}, 0),
        ({"Patterns": ["fleet*"]}, 0),
    ],
)
def test_resources_are_chosen_by_tags_and_by_patterns(house: House, resources: dict[str, Any], listed: int) -> None:
    fire(house, REDIS | {"Resources": resources, "Mode": "report"})
    assert [page["Listed"] for page in reports(house)] == [listed]


def test_an_asterisk_alone_is_special_in_a_pattern() -> None:
    assert matches(["a.b*"], "a.bc") and not matches(["a.b"], "axb") and not matches(["a"], "ab")


def test_a_second_firing_asks_for_the_same_changes(house: House) -> None:
    fire(house, REDIS)
    fire(house, REDIS, name="by-hand")
    ids = [event["data"]["CommandId"] for event in sent(house)]
    assert len(ids) == 10
    assert ids[:5] == ids[5:] and len(set(ids)) == 5
    assert len({event["id"] for event in house.commands()}) == 10
    fire(house, REDIS | {"Policy": "other"}, name="other")
    assert not {event["data"]["CommandId"] for event in sent(house)[10:]} & set(ids)


def test_a_repeat_of_one_firing_is_the_same_messages_and_the_same_report(house: House) -> None:
    fire(house, REDIS)
    fire(house, REDIS)
    assert len(house.commands()) == 5
    assert len({event["id"] for event in house.results()}) == 1


def test_commands_keep_the_pace_and_carry_jitter(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(timezone.utc)
    handler = replace(plan_rotation.main_handler, now=lambda: now, rng=random.Random(7))
    monkeypatch.setattr(plan_rotation, "main_handler", handler)
    house.settings["KEYTURN_RATE"] = "50"
    fire(house, REDIS | {"JitterS": 3, "MaxAgeDays": 100, "Resources": {"Patterns": ["crs-fleet*"]}})
    chance = random.Random(7)
    wanted = [now + timedelta(seconds=n / 50 + chance.uniform(0, 3)) for n in range(len(sent(house)))]
    assert len(wanted) > 3
    found = sorted(at(event) for event in sent(house))
    assert all(abs(a - b) < timedelta(seconds=0.002) for a, b in zip(found, sorted(wanted), strict=True))


def test_one_instance_gets_its_commands_well_apart(house: House) -> None:
    fire(house, REDIS | {"Accounts": ["app", "root"]})
    commands = sent(house)
    assert len(commands) == 10
    for resource in {event["data"]["InstanceId"] for event in commands}:
        first, second = sorted(at(event) for event in commands if event["data"]["InstanceId"] == resource)
        assert second - first >= timedelta(seconds=20)


@pytest.mark.long
def test_a_timer_rotates_a_fleet_and_the_store_opens_the_real_servers(house: House) -> None:
    policies = [(REDIS, "scf"), (TAIRS, "fc")]
    for policy, platform in policies:
        assert fire(house, policy, platform=platform).error is None
    due = {row["Resource"]: row for row in rows(house) if row["Due"]}
    assert len(due) == 9
    run = [sys.executable, "-m", "tests.cloud", "run", "--once", "--skip-delays"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")} | house.settings
    for _ in range(12):
        if subprocess.run(run, cwd=ROOT, env=ours, capture_output=True, timeout=120).returncode == 3:
            break
    ended = [event for event in house.results() if event["type"].startswith("keyturn.credential.")]
    assert {event["data"]["Outcome"] for event in ended} <= {"pending", "changed"}
    assert len([event for event in ended if event["data"]["Outcome"] == "changed"]) == 9
    for resource in due:
        kind = "ssm" if resource.startswith("crs-") else "kms"
        name = f"redis-{resource}-app" if kind == "ssm" else f"tair-{resource}-app"
        assert house.accepts(resource, "app", current(house, f"{kind}://{name}"))
    before = len(house.commands())
    for policy, platform in policies:
        assert fire(house, policy, name="next-night", platform=platform).error is None
    assert [page["Due"] for page in reports(house)[-2:]] == [0, 0]
    assert len(house.commands()) == before


def current(house: House, place: str) -> str:
    """What the store holds as current."""

    def access(cloud: str) -> CloudAccess:
        keys = house.cloud.credentials[cloud]
        role = RoleKeys(keys["id"], Secret(keys["key"]), Secret(keys["token"]))
        return CloudAccess(role, house.cloud.endpoint, 100.0, Deadline(time.monotonic() + 20))

    region = "ap-guangzhou" if place.startswith("ssm") else "cn-hangzhou"
    return open_store(parse_ref(place), access, region).read().reveal()
