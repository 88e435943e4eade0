"""A fleet on a timer: which credentials are due, what is sent for them, and what is told of the rest."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from functions import plan_rotation
from shared.commands.command import parse_command, parse_model
from shared.commands.store_reference import parse_ref
from shared.handlers.adapters import open_store
from shared.rotation.policy import TARGETS, PlanRotation, matches
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret
from shared.triggers.commands import parse_time
from tests.cloud.client.standin import Standin
from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, REGISTRY, TAIR, House
from tests.support import platform_events

PLAN = "plan_rotation"
ROOT = Path(__file__).parents[2]
WORLD = """
task_s = 0.2
rate = 2000
[credentials.tencent]
id = "AKIDSTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "standin-secret-key"
token = "standin-session-token"

[[fleet]]
kind = "redis"
count = 150
prefix = "crs-fleet"
region = "ap-guangzhou"
tags = { env = "prod", team = "orders" }
aged_days = [1, 200]
due = 5
store = "redis-{instance}-{account}"
[fleet.accounts]
root = { password = "Old-Passw0rd" }
app = { password = "App-Passw0rd" }

[redis.crs-other0001]
region = "ap-guangzhou"
lazy = true
tags = { env = "test" }
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
[redis.crs-isolated1]
region = "ap-guangzhou"
lazy = true
status = -2
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
[redis.crs-pair0001]
region = "ap-guangzhou"
lazy = true
[redis.crs-pair0001.accounts]
app_a = { password = "App-Passw0rd", password_age_days = 400 }
app_b = { password = "App-Passw0rd", password_age_days = 100 }

[tcr.tcr-old00001]
region = "ap-guangzhou"
[tcr.tcr-old00001.accounts]
robot = { password = "Robot-Passw0rd1", password_age_days = 100 }
builder = { password = "Robot-Passw0rd1", password_age_days = 10 }

[ssm.promoted]
region = "ap-guangzhou"
[ssm.promoted.versions]
v1 = { value = "Tair-Passw0rd", age_days = 400 }
kt-0123456789abcdef-0123456789abcdef-0123456789ab-1 = { value = "Tair-Passw0rd", age_days = 40 }

[[fleet]]
kind = "tair"
count = 60
prefix = "r-fleet"
region = "cn-hangzhou"
tags = { env = "prod" }
aged_days = [1, 200]
due = 4
store = "tair-{instance}-{account}"
accounts = { app = { password = "Tair-Passw0rd" } }
[tair.r-nostore01]
region = "cn-hangzhou"
lazy = true
tags = { env = "prod" }
accounts = { app = { password = "Tair-Passw0rd" } }
"""
REDIS: dict[str, Any] = {
    "Policy": "quarterly",
    "Function": ACCOUNT,
    "Region": "ap-guangzhou",
    "Resources": {"Patterns": ["crs-fleet*"]},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "Store": "ssm://redis-{resource}-{account}",
}
TAIRS: dict[str, Any] = {
    "Policy": "tair",
    "Function": TAIR,
    "Region": "cn-hangzhou",
    "Resources": {"Tags": {"env": "prod"}},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "Store": "kms://tair-{resource}-{account}",
}


@pytest.fixture(scope="module")
def fleet_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    world = tmp_path_factory.mktemp("fleet") / "world.toml"
    world.write_text(WORLD)
    with Standin(world) as running:
        yield running


@pytest.fixture
def house(fleet_cloud: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    fleet_cloud.reset()
    made = House(fleet_cloud, tmp_path, monkeypatch)
    made.settings |= {"KEYTURN_COMMANDS": made.commands_url, "KEYTURN_RATE": "1000"}
    return made


def fire(house: House, policy: dict[str, Any], *, name: str = "nightly", platform: str = "scf", **how: Any) -> Any:
    """One firing of a timer whose text is the policy."""
    return house.deliver(PLAN, platform_events.event(policy, platform, "timer", name=name), platform, **how)


def reports(house: House) -> list[dict[str, Any]]:
    return [event["data"] for event in house.results() if event["type"] == "keyturn.rotation.report"]


def sent(house: House, function: str = ACCOUNT) -> list[dict[str, Any]]:
    return [event for event in house.commands() if event["type"] == f"keyturn.command.{function}"]


def unusable(folder: Path) -> str:
    """The URL of a queue that cannot be opened."""
    (folder / "file").write_text("no folder")
    return f"sqlite://{folder}/file/q.db"


def rows(house: House) -> list[dict[str, Any]]:
    return [row for page in reports(house) for row in page["Rows"]]


def at(event: dict[str, Any]) -> datetime:
    due = parse_time(event["notbefore"])
    assert due is not None
    return due


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
    assert actions.count("DescribeInstances") == 4


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


def test_a_report_tells_every_age_and_sends_nothing(house: House) -> None:
    del house.settings["KEYTURN_COMMANDS"]
    returned = fire(house, {key: value for key, value in REDIS.items() if key != "Store"} | {"Mode": "report"})
    assert returned.error is None
    pages = reports(house)
    assert [page["Page"] for page in pages] == list(range(len(pages)))
    assert [page["Last"] for page in pages] == [*[False] * (len(pages) - 1), True]
    assert (pages[-1]["Listed"], pages[-1]["Due"], pages[-1]["Sent"], len(rows(house))) == (150, 5, 0, 150)
    assert house.commands() == []
    one = next(row for row in rows(house) if row["Due"])
    changed = parse_time(one["ChangedAt"])
    assert changed is not None
    age = (datetime.now(timezone.utc) - changed) / timedelta(days=1)
    assert one["AgeDays"] == pytest.approx(age, abs=0.01)
    assert "UTC+8" in pages[0]["Evidence"][0]


def test_a_report_of_many_rows_stays_below_what_a_queue_takes(house: House) -> None:
    fire(house, REDIS | {"Accounts": ["*"], "Mode": "report"})
    events = house.results()
    assert len(events) > 1
    assert all(len(json.dumps(event, ensure_ascii=False).encode()) < 48 * 1024 for event in events)
    assert sum(len(event["data"]["Rows"]) for event in events) == 300
    assert len({event["id"] for event in events}) == len(events)


def test_a_service_account_is_as_old_as_its_update_time(house: House) -> None:
    policy = REDIS | {"Function": REGISTRY, "Resources": {"Patterns": ["*"]}, "Accounts": ["*"]}
    fire(house, policy | {"Store": "ssm://{resource}-{account}"})
    (event,) = sent(house, REGISTRY)
    assert event["data"] == {
        "Region": "ap-guangzhou",
        "RegistryId": "tcr-old00001",
        "Name": "robot",
        "Random": False,
        "Password": {"Generate": {"Length": 20}},
        "Deliver": {"Store": "ssm://tcr-old00001-robot"},
        "CommandId": event["data"]["CommandId"],
        "Reason": "policy quarterly",
    }
    assert reports(house)[0]["NotDue"] == 1


def test_an_instances_password_is_changed_with_the_old_one_from_the_store(house: House) -> None:
    policy = {key: value for key, value in REDIS.items() if key != "Accounts"}
    fire(house, policy | {"Function": PASSWORD, "Store": "ssm://redis-{resource}-root", "Login": True})
    events = sent(house, PASSWORD)
    assert len(events) == 5
    data = events[0]["data"]
    store = f"ssm://redis-{data['InstanceId']}-root"
    assert (data["OldPassword"], data["Deliver"], data["Login"]) == ({"SecretRef": store}, {"Store": store}, True)
    assert events[0]["subject"].endswith("/root")


def test_where_the_cloud_shows_no_age_the_stores_current_version_tells_it(house: House) -> None:
    fire(house, TAIRS, platform="fc")
    (page,) = reports(house)
    assert (page["Listed"], page["Due"], page["Sent"], page["NotDue"], page["Unknown"]) == (61, 4, 4, 56, 1)
    (unknown,) = [row for row in page["Rows"] if not row["Due"]]
    assert (unknown["Resource"], unknown["AgeDays"]) == ("r-nostore01", None)
    assert unknown["Why"].startswith("no age: the cloud shows none, and kms://tair-r-nostore01-app answers ")
    data = sent(house, TAIR)[0]["data"]
    assert data["OldAccountPassword"] == {"SecretRef": f"kms://tair-{data['InstanceId']}-app"}


def test_the_age_of_an_ssm_secret_is_known_until_its_first_promotion(house: House) -> None:
    one = TAIRS | {"Resources": {"Patterns": ["r-fleet0001"]}}
    fire(house, one | {"Store": "ssm://redis-crs-fleet0150-app"})  # on SCF, where that store is at hand
    fire(house, one | {"Store": "ssm://promoted"}, name="later")
    known, unknown = rows(house)
    assert (known["AgeDays"], known["Due"]) == (pytest.approx(200, abs=0.1), True)
    assert (unknown["AgeDays"], unknown["Due"]) == (None, False)
    assert unknown["Why"] == "no age: the cloud shows none, and neither does the store"


def test_it_calls_what_its_rights_say_and_nothing_else(house: House) -> None:
    anything = {"Patterns": ["*"]}
    fire(house, REDIS)
    fire(house, REDIS | {"Function": REGISTRY, "Resources": anything, "Store": "ssm://{resource}-{account}"})
    fire(house, TAIRS, platform="fc")
    fire(house, TAIRS | {"Resources": {"Patterns": ["r-fleet0001"]}, "Store": "ssm://promoted"})
    services = {"redis": "redis", "tcr": "tcr", "r-kvstore": "kvstore", "ssm": "ssm", "kms": "kms"}
    called = {f"{services[call['Host'].partition('.')[0]]}:{call['Action']}" for call in house.cloud.calls()}
    assert called == set(plan_rotation.main_handler.rights)


def test_of_two_accounts_in_turn_the_younger_tells_the_age(house: House) -> None:
    pair = {key: value for key, value in REDIS.items() if key != "Accounts"} | {
        "Resources": {"Patterns": ["crs-pair*"]},
        "Alternate": ["app_a", "app_b"],
        "Store": "ssm://redis-{resource}",
    }
    fire(house, pair | {"MaxAgeDays": 150})
    assert sent(house) == []
    fire(house, pair, name="later")
    (event,) = sent(house)
    assert event["data"]["Alternate"] == ["app_a", "app_b"]
    assert "AccountName" not in event["data"]
    assert (event["subject"], event["data"]["Deliver"]) == (
        "redis/crs-pair0001/-",
        {"Store": "ssm://redis-crs-pair0001"},
    )
    assert rows(house)[0]["AgeDays"] == pytest.approx(100, abs=0.1)
    fire(house, pair | {"Alternate": ["app_a", "app_c"]}, name="wrong")
    assert rows(house)[-1]["Why"] == "no age: one of the two accounts is not on it"


def test_what_cannot_be_listed_is_reported_and_not_changed(house: House) -> None:
    house.cloud.reset(deny=["DescribeInstanceAccount"])
    returned = fire(house, REDIS | {"Resources": {"Patterns": ["crs-fleet000*", "crs-isolated1"]}})
    assert returned.error is None
    (page,) = reports(house)
    assert (page["Listed"], page["Unknown"], page["Due"]) == (10, 10, 0)
    whys = {row["Resource"]: row["Why"] for row in page["Rows"]}
    assert whys.pop("crs-isolated1") == "not in use (isolated): its accounts were not asked for"
    assert set(whys.values()) == {"not listed: UnauthorizedOperation.NoCAMAuthed"}
    assert house.commands() == []


def test_a_resource_without_the_account_is_reported(house: House) -> None:
    fire(house, REDIS | {"Resources": {"Patterns": ["crs-pair0001"]}})
    assert [row["Why"] for row in rows(house)] == ["no account of the policy is on it"]


def test_a_fleet_that_may_not_be_listed_ends_as_a_refusal(house: House) -> None:
    house.cloud.reset(deny=["DescribeInstances"])
    fire(house, REDIS)
    (event,) = house.results()
    assert (event["type"], event["subject"]) == ("keyturn.credential.not_changed", "redis/-/-")
    assert (event["data"]["Operation"], event["data"]["Error"]["Class"]) == (PLAN, "forbidden")


def test_what_the_allow_list_does_not_name_is_reported_and_not_sent(house: House) -> None:
    house.settings["KEYTURN_ALLOW"] = "tencent/redis/*/crs-fleet000*/app,tencent/ssm/*/redis-crs-fleet000[*/*"
    fire(house, REDIS | {"MaxAgeDays": 0.5, "Resources": {"Patterns": ["crs-fleet00*"]}})
    (page,) = reports(house)
    assert (page["Listed"], page["NotAllowed"], page["Sent"]) == (99, 99, 0)
    asked = [call for call in house.cloud.calls() if call["Action"] == "DescribeInstanceAccount"]
    assert len(asked) == 9  # of the others not even the accounts
    house.settings["KEYTURN_ALLOW"] = "tencent/redis/*/crs-fleet000*/app,tencent/ssm/*/redis-crs-fleet000*/*"
    fire(house, REDIS | {"MaxAgeDays": 0.5, "Resources": {"Patterns": ["crs-fleet00*"]}}, name="again")
    assert (reports(house)[1]["NotAllowed"], reports(house)[1]["Sent"]) == (90, 9)


def test_a_fleet_that_does_not_fit_goes_on_where_it_was_cut(house: House) -> None:
    house.settings["KEYTURN_RATE"] = "25"
    returned = fire(house, REDIS | {"MaxAgeDays": 0.5, "JitterS": 0}, timeout_s=4.5)
    assert returned.error is None
    hops = 0
    while carried := sent(house, PLAN)[hops:]:
        (event,) = carried
        hops += 1
        assert (event["hop"], event["attempt"]) == (hops, 1)
        house.deliver(PLAN, platform_events.event(json.dumps(event), "scf", "queue", name=f"h-{hops}"), timeout_s=4.5)
    assert hops >= 2
    commands = sent(house)
    assert len(commands) == len({event["data"]["InstanceId"] for event in commands}) == 150
    last = reports(house)[-1]
    assert (last["Last"], last["Listed"], last["Sent"]) == (True, 150, 150)
    assert [page["Page"] for page in reports(house)] == list(range(len(reports(house))))
    assert len({page["Firing"] for page in reports(house)}) == 1
    times = sorted(at(event) for event in commands)
    assert times[-1] - times[0] >= timedelta(seconds=149 / 25 - 0.01)


def test_a_continuation_finds_its_place_when_instances_went_away_meanwhile(house: House) -> None:
    begun = {
        "Firing": "f-1",
        "Fired": "2026-11-22T02:00:00.000Z",
        "Page": 0,
        "Offset": 100,
        "After": "crs-gone0001",
        "Next": "2026-11-22T02:00:00.000Z",
        **dict.fromkeys(("Listed", "Due", "Sent", "NotDue", "Unknown", "NotAllowed"), 0),
    }
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": f"keyturn.command.{PLAN}", "hop": 3}
    house.deliver(PLAN, platform_events.event(json.dumps(event | {"data": REDIS | {"From": begun}}), "scf", "queue"))
    assert reports(house)[0]["Listed"] == 150  # nothing is left out; what is seen twice is asked for once
    assert fire(house, REDIS | {"From": begun}).error is None
    assert house.results()[-1]["data"]["Error"]["Message"] == "From: is written by keyturn alone"


def test_a_fleet_that_cannot_be_listed_for_now_is_tried_again_and_not_for_ever(house: House) -> None:
    house.cloud.faults([{"Action": "DescribeInstances", "Fault": "html_500", "Times": 99}])
    assert fire(house, REDIS).error is None
    (again,) = house.commands()
    assert (again["type"], again["attempt"], again["hop"]) == (f"keyturn.command.{PLAN}", 2, 1)
    assert at(again) > datetime.now(timezone.utc)
    assert house.results() == []
    last = platform_events.signed(again | {"attempt": 10}, HANDOFF_KEY)
    house.deliver(PLAN, platform_events.event(json.dumps(last), "scf", "queue"))
    (page,) = reports(house)
    assert (page["Last"], page["Listed"], page["Error"]["Class"]) == (True, 0, "unavailable")
    assert len(house.commands()) == 1


def test_without_a_commands_queue_a_report_says_that_it_is_not_whole(house: House) -> None:
    del house.settings["KEYTURN_COMMANDS"]
    house.settings["KEYTURN_RATE"] = "25"
    fire(house, REDIS | {"Mode": "report"}, timeout_s=3.0)
    last = reports(house)[-1]
    assert (last["Last"], last["Error"]["Code"]) == (True, "NotContinued")
    assert 0 < last["Listed"] < 150


def test_without_a_commands_queue_nothing_is_rotated(house: House) -> None:
    del house.settings["KEYTURN_COMMANDS"]
    before = len(house.cloud.calls())
    fire(house, REDIS)
    assert house.results()[0]["data"]["Error"]["Message"].startswith("KEYTURN_COMMANDS is not set")
    assert len(house.cloud.calls()) == before


def test_commands_that_the_queue_does_not_take_are_told_as_not_sent(house: House, tmp_path: Path) -> None:
    house.settings["KEYTURN_COMMANDS"] = unusable(tmp_path)
    fire(house, REDIS)
    (page,) = reports(house)
    assert (page["Due"], page["Sent"]) == (5, 0)
    assert all(row["Why"].endswith("not sent: the commands queue did not confirm it") for row in page["Rows"])


def test_a_firing_of_which_nothing_left_is_repeated_by_the_platform(house: House, tmp_path: Path) -> None:
    house.settings |= {"KEYTURN_RESULTS": unusable(tmp_path)}
    returned = fire(house, REDIS | {"Mode": "report", "Resources": {"Patterns": ["crs-fleet0001"]}})
    assert type(returned.error).__name__ == "NothingDone"


def test_a_policy_may_be_asked_for_over_http(house: House) -> None:
    returned = house.send(PLAN, REDIS | {"Mode": "report", "CommandId": "by-hand"})
    assert (returned.value["statusCode"], returned.body["Delivered"]) == (202, True)
    assert reports(house)[0]["Firing"] == "by-hand"


WRONG = [
    ({"Policy": "a b"}, "Policy: "),
    ({"Function": "follow_change"}, "Function: "),
    ({"Resources": {}}, "Resources: must name Tags, Patterns or both"),
    ({"Resources": {"Patterns": ["crs-[a]"]}}, "Resources.Patterns.0: "),
    ({"Accounts": None}, "Accounts: give patterns, or Alternate"),
    ({"Alternate": ["a", "b"]}, "Accounts: give patterns, or Alternate"),
    ({"MaxAgeDays": 0}, "MaxAgeDays: "),
    ({"Store": None}, "Store: is required"),
    ({"Store": "s3://redis-{resource}-{account}"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{resource}-{account}#v1"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{instance}-{account}"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{account}"}, "Store: must hold {resource}"),
    ({"Store": "ssm://redis-{resource}", "Accounts": ["*"]}, "Store: must hold {account}"),
    ({"Length": 31}, "Length: must be 8 to 30 for this operation"),
    ({"Function": PASSWORD}, "Accounts: this operation changes root alone"),
    ({"Function": REGISTRY, "Accounts": None, "Alternate": ["a", "b"]}, "Alternate: this operation changes no two"),
    ({"Function": TAIR, "Region": "cn-hangzhou", "Site": "intl"}, "Site: only Tencent Cloud has sites"),
    ({"Function": TAIR, "Region": "ap-guangzhou"}, "Region: must be a region of alibaba"),
    ({"Region": "oss-cn-hangzhou"}, "Region: must be a region of tencent"),
    ({"JitterS": -1}, "JitterS: "),
    ({"Password": "hunter2"}, "Password: is not a field of this command"),
]


@pytest.mark.parametrize(("change", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_policy_that_cannot_hold_is_refused_before_any_call(house: House, change: dict[str, Any], says: str) -> None:
    before = len(house.cloud.calls())
    policy = {key: value for key, value in (REDIS | change).items() if value is not None}
    assert fire(house, policy).error is None
    (event,) = house.results()
    assert event["data"]["Operation"] == PLAN
    assert event["data"]["Error"]["Message"].startswith(says)
    assert "hunter2" not in json.dumps(event)
    assert len(house.cloud.calls()) == before


@pytest.mark.parametrize("function", TARGETS)
def test_what_is_sent_is_a_command_of_the_operation(function: str) -> None:
    target, operation = TARGETS[function], import_module(f"functions.{function}").main_handler
    assert (target.cloud, target.service) == (operation.cloud, operation.service)
    rule = operation.command.rule
    assert (target.lengths[0], target.lengths[-1]) == (rule.shortest, rule.longest)
    resource = {"redis": "crs-a1", "tcr": "tcr-a1", "tair": "r-a1"}[target.service]
    accounts: list[tuple[dict[str, Any], str | None]] = [({"Accounts": ["app"]}, "app")]
    if target.only:
        accounts = [({}, target.only)]
    if target.alternates:
        accounts.append(({"Alternate": ["a", "b"]}, None))
    for given, account in accounts:
        policy = {key: value for key, value in REDIS.items() if key != "Accounts"} | given
        region = {"tencent": "ap-guangzhou", "alibaba": "cn-hangzhou"}[target.cloud]
        policy |= {"Function": function, "Store": "ssm://{resource}", "Resources": {"Patterns": [resource]}}
        made = parse_model(PlanRotation, policy | {"Region": region}, PlanRotation.names)
        parse_command(operation.command, made.command(resource, account, region, "c-1"))


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
