"""What cannot be listed, sent or finished in one invocation: reported, tried again, or gone on with."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.conftest import HANDOFF_KEY, House
from tests.rotation.fleet_world import PLAN, REDIS, at, fire, reports, rows, sent, unusable
from tests.support import platform_events


@pytest.fixture
def house(fleet_house: House) -> House:
    return fleet_house


def test_what_cannot_be_listed_is_reported_and_not_changed(house: House) -> None:
    house.cloud.reset(deny=["DescribeInstanceAccount"])
    returned = fire(house, REDIS | {"Resources": {"Patterns": ["crs-fleet000*", "crs-isolated1"]}})
    assert returned.error is None
    (page,) = reports(house)
    assert (page["Listed"], page["Unknown"], page["Due"]) == (10, 10, 0)
    whys = {row["Resource"]: row["Why"] for row in page["Rows"]}
    assert whys.pop("crs-isolated1") == "not in use (isolated): its accounts were not read"
    assert set(whys.values()) == {"not listed: UnauthorizedOperation.NoCAMAuthed"}
    assert house.commands() == []


def test_a_resource_without_the_account_is_reported(house: House) -> None:
    fire(house, REDIS | {"Resources": {"Patterns": ["crs-pair0001"]}})
    assert [row["Why"] for row in rows(house)] == ["none of the policy's accounts is on this resource"]


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
    event = platform_events.signed(event | {"subject": "redis/-/-", "data": REDIS | {"From": begun}}, HANDOFF_KEY)
    house.deliver(PLAN, platform_events.event(json.dumps(event), "scf", "queue"))
    assert reports(house)[0]["Listed"] == 150  # nothing is left out; what is seen twice is asked for once
    assert fire(house, REDIS | {"From": begun}).error is None
    assert house.results()[-1]["data"]["Error"]["Message"] == "From: only keyturn itself may set it"


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
