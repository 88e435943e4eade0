"""A call that comes late is not one that never came, and of two deliveries that overlap the later promotion wins."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from shared.changes.settling import APART_S, SETTLING_S
from tests.cloud.invocation.runtime import run_function
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import ACTION, VALID_COMMANDS
from tests.support.store_contents import store_contents
from tests.support.stored_commands import KEPT, follow_to_the_end, opens, send, some_version_opens, stored_command

REDIS = [ACCOUNT, PASSWORD]


def now(house: House) -> float:
    return datetime.fromisoformat(house.cloud.clock()["Now"].replace("Z", "+00:00")).timestamp()


def at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


# --- late is not never


@pytest.mark.parametrize("login", [True, False])
@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("function", KEPT)
def test_a_call_that_comes_after_its_delivery_has_ended_was_not_called_not_changed(
    house: House, function: str, calls: int, login: bool
) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 25.0, "Times": calls}])
    data = result(send(house, function, stored_command(function, Login=login)))
    assert data["Outcome"] in ("changed", "already_changed", "unknown"), data
    if data["Outcome"] == "unknown":
        assert data["Stored"]["Version"] in store_contents(house.cloud, KEPT[function][1]).versions
    assert some_version_opens(house, function)
    house.cloud.advance(60.0)
    assert some_version_opens(house, function)
    if data["Outcome"] != "unknown":
        assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize("seconds", [25.0, 200.0, 299.0])
@pytest.mark.parametrize("login", [True, False])
@pytest.mark.parametrize("function", REDIS)
def test_a_late_call_is_found_by_a_login_and_promoted(house: House, function: str, login: bool, seconds: float) -> None:
    """Reads alone do not tell: a task that began so late may be anybody's."""
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": seconds, "Times": 9}])
    assert outcome(send(house, function, stored_command(function, Login=login))) == "pending"
    house.cloud.clear_faults()
    (event,) = follow_to_the_end(house)
    if not login:
        assert (event["data"]["Outcome"], event["data"]["Error"]["Code"]) in (
            ("unknown", "NotSettled"),
            ("unknown", "Superseded"),
        ), event["data"]
        assert event["data"]["Stored"]["Stage"] == "pending"
        assert some_version_opens(house, function)
        return
    assert event["data"]["Outcome"] == "changed", event["data"]
    assert event["data"]["Stored"]["Stage"] == "current"
    assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize("function", REDIS)
def test_what_never_came_is_called_not_changed_only_after_the_settling_time_and_a_minute(
    house: House, function: str
) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function))) == "pending"
    sent = now(house)
    house.cloud.clear_faults()
    (event,) = follow_to_the_end(house)
    data = event["data"]
    assert (data["Outcome"], data["Error"]["Code"], data["Error"]["Retryable"]) == ("not_changed", "NotHappened", True)
    # The last call was signed a few seconds before the delivery ended.
    assert at(event) - sent >= SETTLING_S["tencent"] + APART_S - 20.0
    left = store_contents(house.cloud, KEPT[function][1])
    assert data["Stored"]["Version"] in left.pending
    assert outcome(send(house, function, stored_command(function), name="again")) in ("changed", "pending")


@pytest.mark.parametrize("late", [True, False])
def test_a_clear_secret_is_settled_by_reads_of_what_began_at_once(house: House, late: bool) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    if late:
        house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "late", "Seconds": 60.0, "Times": 9}])
    else:
        house.cloud.reset(task_s=30.0)
        house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "drop_after", "Times": 9}])
    assert (
        outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"Login": True}, trigger="queue", timeout_s=6.0))
        == "pending"
    )
    house.cloud.clear_faults()
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] == ("unknown" if late else "changed"), event["data"]
    assert "login: not made" in event["data"]["Evidence"]
    assert "New-Passw0rd1" not in json.dumps(house.commands())


@pytest.mark.parametrize("never_comes", [True, False])
@pytest.mark.parametrize("how", ["forever", "until_changed"])
@pytest.mark.parametrize("function", REDIS)
def test_an_empty_time_is_never_read_as_unchanged(house: House, function: str, how: str, never_comes: bool) -> None:
    house.cloud.reset(empty_times=how)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    if not never_comes:
        house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 30.0}])
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function))) == "pending"
    house.cloud.clear_faults()
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] in ("unknown", *(() if never_comes else ("changed",))), event["data"]
    assert some_version_opens(house, function)


@pytest.mark.parametrize("function", REDIS)
def test_reads_that_lag_are_no_proof_that_nothing_happened(house: House, function: str) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    for action in ("DescribeTaskList", "DescribeInstanceAccount", "DescribeInstances"):
        house.cloud.faults([{"Action": action, "Fault": "lag", "Seconds": 120.0}])
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_after", "Times": 9}])
    data = result(send(house, function, stored_command(function)))
    house.cloud.clear_faults()
    if function == ACCOUNT:
        assert data["Outcome"] == "pending", data
        (event,) = follow_to_the_end(house)
        data = event["data"]
    assert data["Outcome"] in ("changed", "unknown"), data
    assert some_version_opens(house, function)
    if data["Outcome"] == "changed":
        assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize("function", [TAIR, REGISTRY])
def test_where_reads_cannot_tell_a_lost_call_ends_unknown_and_the_next_command_resolves_it(
    house: House, function: str
) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 60.0, "Times": 9}])
    data = result(send(house, function, stored_command(function)))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("unknown", "pending"), data
    house.cloud.clear_faults()
    house.cloud.advance(1800.0)
    assert some_version_opens(house, function)
    data = result(send(house, function, stored_command(function, "c-2")))
    assert data["Outcome"] == "changed", data
    assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize("function", REDIS)
def test_somebody_else_s_change_in_the_settling_time_is_seen(house: House, function: str) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function))) == "pending"
    house.cloud.clear_faults()
    _, _, _, resource, account = KEPT[function]
    house.cloud.advance(30.0)
    house.cloud.change_by_hand("redis", resource, account, "By-Hand-Passw0rd1")
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] == "unknown", event["data"]
    assert event["data"]["Error"]["Code"] in ("Superseded", "NotSettled")
    assert house.accepts(resource, account, "By-Hand-Passw0rd1")


@pytest.mark.parametrize("function", REDIS)
def test_another_command_s_task_is_no_proof_of_a_lost_call(house: House, function: str) -> None:
    """By the same role, with secrets in clear: the first one's calls never came, and its password is not in force."""
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(house.send(function, VALID_COMMANDS[function])) == "pending"
    house.cloud.clear_faults()
    new = "AccountPassword" if function == ACCOUNT else "Password"
    assert outcome(house.send(function, VALID_COMMANDS[function] | {new: "Another-Passw0rd2"})) == "changed"
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] in ("unknown", "not_changed"), event["data"]


@pytest.mark.parametrize("function", [ACCOUNT, REGISTRY])
def test_no_other_command_s_call_goes_before_one_that_may_still_come(house: House, function: str) -> None:
    """Without a fence the first one's late call would undo the second's, which was said to be in force."""
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 60.0, "Times": 1}])
    house.cloud.faults([{"Action": "*", "Fault": "drop_before", "Times": 99}])
    first = result(send(house, function, stored_command(function), timeout_s=8.0))
    house.cloud.clear_faults()
    house.cloud.advance(5.0)
    second = result(send(house, function, stored_command(function, "c-2"), "http"))
    house.cloud.advance(3600.0)
    assert some_version_opens(house, function)
    if first["Outcome"] != "unknown" or second["Outcome"] == "changed":
        assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current), (first, second)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR])
def test_a_redelivery_that_cannot_read_the_store_s_secret_does_not_say_that_nothing_happened(
    house: House, function: str
) -> None:
    """It sees that its change was begun: the first delivery's calls may have worked."""
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 60.0, "Times": 9}])
    assert outcome(send(house, function, stored_command(function))) == "unknown"
    house.cloud.clear_faults()
    house.cloud.faults([{"Action": "GetSecretValue", "Fault": "drop_before", "Times": 99}])
    data = result(send(house, function, stored_command(function), "http", name="again", timeout_s=8.0))
    assert data["Outcome"] == "unknown", data
    house.cloud.clear_faults()


# --- the later promotion wins


@pytest.mark.long
@pytest.mark.parametrize("function", [ACCOUNT, REGISTRY, PASSWORD, TAIR])
def test_two_processes_that_overlap_never_leave_the_wrong_secret_current_unsaid(house: House, function: str) -> None:
    """A's promotion takes seconds while B runs whole."""
    promotes = "UpdateSecretVersionStage" if function == TAIR else "UpdateSecret"
    house.cloud.faults([{"Action": promotes, "Fault": "slow", "Seconds": 4.5}])
    platform = KEPT[function][2]

    def deliver(command_id: str) -> dict[str, Any]:
        event = platform_events.event(stored_command(function, command_id), platform, "queue", name=command_id)
        returned = run_function(function, event if isinstance(event, bytes) else json.dumps(event).encode(), platform,
                       settings=house.settings)  # fmt: skip
        assert returned.error is None, returned.log
        data: dict[str, Any] = returned.value["Results"][0]["data"]
        return data

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(deliver, "c-a")
        while promotes not in [call["Action"] for call in house.cloud.calls()] and not first.done():
            time.sleep(0.05)  # a process beside this one is waited for, by what the cloud sees of it
        second = pool.submit(deliver, "c-b")
        ended = [first.result(), second.result()]
    after = store_contents(house.cloud, KEPT[function][1])
    assert some_version_opens(house, function)
    if {one["Outcome"] for one in ended} <= {"changed", "already_changed"}:
        assert opens(house, function, after.current), ended
    assert {one["Outcome"] for one in ended} <= {"changed", "unknown", "not_changed"}, ended
    for one in ended:
        assert one["Stored"]["Version"] in after.versions, "no version that anybody named is gone"
        if one["Outcome"] == "unknown":
            assert one["Error"]["Code"] == "Superseded", one
