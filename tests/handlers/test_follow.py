"""Tasks that outlive an invocation: handed on, followed, ended once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

FOLLOW = "follow_change"


@pytest.fixture
def slow(house: House) -> House:
    """A world whose tasks take longer than a function waits for them."""
    house.cloud.reset(task_s=3.0, settle_s=3.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    return house


def follow(house: House, event: dict[str, Any], platform: str = "scf", timeout_s: float = 20.0) -> Any:
    """Deliver a follow command as the platform's queue trigger does."""
    return house.deliver(
        FOLLOW, platform_events.event(json.dumps(event), platform, "queue"), platform, timeout_s=timeout_s
    )


@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (PASSWORD, "scf"), (TAIR, "fc")])
def test_a_slow_change_is_pending_then_followed_to_its_end(slow: House, function: str, platform: str) -> None:
    command = VALID_COMMANDS[function] | {"CommandId": "c-1", "Actor": "ops"}
    pending = slow.send(function, command, platform)
    assert (outcome(pending), pending.value["statusCode"]) == ("pending", 202)
    assert pending.value["headers"]["Retry-After"].isdigit()
    (handed,) = slow.commands()
    assert (handed["type"], handed["hop"], handed["attempt"]) == ("keyturn.command.follow_change", 1, 1)
    text = json.dumps(handed)
    assert not any(value in text for name, value in command.items() if "Password" in name)
    ended = follow(slow, handed, platform)
    assert outcome(ended) == "changed"
    data = result(ended)
    assert (data["CommandId"], data["Operation"], data["Actor"]) == ("c-1", result(pending)["Operation"], "ops")
    assert data["StartedAt"] == result(pending)["StartedAt"]
    assert [event["data"]["Outcome"] for event in slow.results()] == ["pending", "changed"]
    account = command.get("AccountName", "root")
    assert slow.accepts(command["InstanceId"], account, "New-Passw0rd1")


def test_without_a_commands_queue_a_task_is_waited_for_and_then_named(house: House) -> None:
    house.cloud.reset(task_s=2.0)
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"
    house.cloud.reset(task_s=30.0)
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], timeout_s=4.0))
    assert (data["Outcome"], data["Error"]["Class"]) == ("unknown", "ambiguous")
    assert str(data["TaskId"]) in data["Error"]["Message"]


def test_what_is_not_finished_is_handed_on_with_one_hop_more(slow: House) -> None:
    slow.cloud.reset(task_s=60.0)
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (first,) = slow.commands()
    assert follow(slow, first).value["Results"] == []
    second = slow.commands()[-1]
    assert (second["hop"], second["data"]) == (2, first["data"])
    assert second["notbefore"] > first["notbefore"]


@pytest.mark.parametrize("fault", ["fail_task"])
def test_a_failed_task_ends_the_change_at_once(slow: House, fault: str) -> None:
    slow.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": fault}])
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (handed,) = slow.commands()
    data = result(follow(slow, handed))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == ("not_changed", "failed", "TaskFailed")
    assert slow.accepts("crs-demo0001", "app", "App-Passw0rd")


def test_a_task_of_another_instance_is_refused(slow: House) -> None:
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (handed,) = slow.commands()
    handed["data"]["Resource"] = "crs-demo0002"
    data = result(follow(slow, platform_events.signed(handed, HANDOFF_KEY)))
    assert data["Outcome"] == "unknown"
    assert "belongs to another instance" in json.dumps(data["Evidence"])


def test_a_change_is_given_up_as_unknown_thirty_minutes_after_its_start(slow: House) -> None:
    slow.cloud.reset(task_s=9000.0)
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (handed,) = slow.commands()
    slow.cloud.advance(29 * 60.0)
    assert follow(slow, handed).value["Results"] == []
    slow.cloud.advance(2 * 60.0)
    data = result(follow(slow, handed))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "TaskNotEnded")
    slow.cloud.advance(2 * 3600.0)
    data = result(follow(slow, handed))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "TooOld")


def test_a_loop_is_stopped_by_its_hops(slow: House) -> None:
    slow.cloud.reset(task_s=60.0)
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (handed,) = slow.commands()
    data = result(follow(slow, platform_events.signed(handed | {"hop": 1000}, HANDOFF_KEY)))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "TooManyHops")


def test_a_batch_of_tasks_is_asked_for_together_and_one_bad_message_stops_none(slow: House) -> None:
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    slow.send(PASSWORD, VALID_COMMANDS[PASSWORD] | {"InstanceId": "crs-demo0003", "Region": "ap-shanghai-fsi"})
    bodies = [json.dumps(event) for event in slow.commands()]
    returned = slow.deliver(FOLLOW, platform_events.batch([bodies[0], "poison", bodies[1]]))
    assert [event["data"]["Outcome"] for event in returned.value["Results"]] == ["changed", "changed"]


def test_an_allow_list_holds_for_following_too(slow: House) -> None:
    slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    (handed,) = slow.commands()
    slow.settings["KEYTURN_ALLOW"] = "tencent/redis/*/crs-demo0002/*"
    before = len(slow.cloud.calls())
    data = result(follow(slow, handed))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "Forbidden")
    assert len(slow.cloud.calls()) == before


def test_a_command_without_a_secret_goes_back_to_the_queue_and_ends_once(slow: House) -> None:
    slow.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 9}])
    command = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}
    returned = slow.send(ACCOUNT, command, trigger="queue", timeout_s=5.0)
    assert returned.value["Results"] == []
    (handed,) = slow.commands()
    assert (handed["type"], handed["attempt"], handed["hop"]) == (f"keyturn.command.{ACCOUNT}", 2, 1)
    slow.cloud.clear_faults()
    handed.pop("notbefore")
    slow.cloud.reset(task_s=0.3)
    data = result(slow.deliver(ACCOUNT, platform_events.event(json.dumps(handed), "scf", "queue")))
    assert (data["Outcome"], data["CommandId"], data["Attempts"]) == ("changed", "m-1-3-7", 2)


def test_a_command_is_given_up_after_a_bounded_number_of_deliveries(slow: House) -> None:
    slow.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 9}])
    command = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "s",
        "type": f"keyturn.command.{ACCOUNT}",
        "subject": "redis/crs-demo0001/app",
        "attempt": 10,
        "hop": 9,
        "data": command,
    }
    event = platform_events.signed(event, HANDOFF_KEY)
    data = result(slow.deliver(ACCOUNT, platform_events.event(json.dumps(event), "scf", "queue"), timeout_s=5.0))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "exhausted")


@pytest.mark.parametrize("trigger", ["queue", "timer", "http"])
def test_a_command_with_a_secret_in_clear_is_never_sent_on(slow: House, trigger: str) -> None:
    slow.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 9}])
    data = result(slow.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], trigger=trigger, timeout_s=4.0))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Retryable"]) == ("not_changed", "busy", True)
    assert slow.commands() == []


def test_a_change_is_not_started_when_too_little_time_is_left(house: House) -> None:
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], timeout_s=1.5))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "TooLittleTime")
    assert all(call["Action"].startswith("Describe") for call in house.cloud.calls())
