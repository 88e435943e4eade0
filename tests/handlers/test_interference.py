"""What others do meanwhile: tasks of other commands, changes by hand, deliveries that come again, a full store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.clouds.alibaba.kms import KmsStore
from shared.clouds.tencent.ssm import SsmStore
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.message_signing import MOST_ATTEMPTS
from shared.stores.store import VERSION_EXISTS
from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import ACTION, VALID_COMMANDS, change_calls
from tests.support.public_keys import rsa_jwk
from tests.support.store_contents import kms, ssm, store_contents
from tests.support.stored_commands import KEPT, follow_to_the_end, opens, send, stored_command

REDIS = [ACCOUNT, PASSWORD]
CLEAR = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1", "CommandId": "c-1"}


def meanwhile(house: House, action: str, then: Callable[[], None], work: Callable[[], Any]) -> Any:
    """What `work` returns; `then` is done once the cloud has seen a call of the action."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while action not in [call["Action"] for call in house.cloud.calls()] and not working.done():
            time.sleep(0.05)
        then()
        return working.result()


def raised(error: Exception) -> None:
    raise error


# --- whose task it is


def test_as_many_tasks_as_lost_calls_are_no_proof(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "drop_before", "Times": 3}])
    assert outcome(house.send(ACCOUNT, CLEAR)) == "pending"
    for number, account in enumerate(["root", "root", "app"]):
        other = {"AccountName": account, "AccountPassword": f"Other-Passw0rd{number}", "CommandId": f"o-{number}"}
        assert outcome(house.send(ACCOUNT, CLEAR | other)) == "changed"
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] == "unknown", event["data"]
    assert house.accepts("crs-demo0001", "app", "Other-Passw0rd2")


def test_a_task_that_begins_beside_a_lost_call_is_not_its_own_where_the_fence_denies_it(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[PASSWORD], "Fault": "late", "Seconds": 1000.0}])

    def by_hand() -> None:
        house.cloud.change_by_hand("redis", "crs-demo0001", "root", "By-Hand-Passw0rd1")

    data = result(meanwhile(house, ACTION[PASSWORD], by_hand, lambda: send(house, PASSWORD, stored_command(PASSWORD))))
    if data["Outcome"] == "pending":
        data = follow_to_the_end(house)[-1]["data"]
    assert data["Outcome"] in ("unknown", "not_changed"), data
    assert house.accepts("crs-demo0001", "root", "By-Hand-Passw0rd1")


@pytest.mark.parametrize("world", [{}, {"task_listed_after_s": 1.5}, {"not_so": ["R10"]}], ids=str)
@pytest.mark.parametrize("function", REDIS)
def test_a_request_that_arrives_twice_is_not_called_not_changed(
    house: House, function: str, world: dict[str, Any]
) -> None:
    """The second one is refused as busy, by what the first began: listed late, or under an operator not told to us."""
    house.cloud.reset(task_s=40.0, **world)
    house.cloud.faults([{"Action": ACTION[function], "Fault": "twice"}])
    data = result(house.send(function, VALID_COMMANDS[function], timeout_s=8.0))
    house.cloud.advance(60.0)
    account = VALID_COMMANDS[function].get("AccountName", "root")
    assert house.accepts("crs-demo0001", account, "New-Passw0rd1")
    assert data["Outcome"] in ("unknown", "changed"), data


def test_the_accounts_of_one_instance_do_not_overtake_each_other(house: House) -> None:
    house.cloud.reset(task_s=3.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    for number, account in enumerate(["app", "root"]):
        command = CLEAR | {"AccountName": account, "CommandId": f"c-{number}"}
        assert outcome(house.send(ACCOUNT, command, "scf", "queue")) == "pending"
        house.cloud.advance(10.0)
    ended = [event["data"]["Outcome"] for event in follow_to_the_end(house)]
    assert ended == ["changed", "changed"]


# --- what a person does


@pytest.mark.parametrize("login", [True, False])
def test_a_version_that_a_person_has_made_current_stays_so(house: House, login: bool) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    away = {"Action": "UpdateSecretVersionStage", "Fault": "code", "Code": "ServiceUnavailable", "Status": 503}
    house.cloud.faults([away | {"Times": 999}])
    assert outcome(send(house, TAIR, stored_command(TAIR, Login=login))) == "pending"
    house.cloud.clear_faults()
    house.cloud.change_by_hand("tair", "r-demo0001", "app", "By-Hand-Passw0rd1")
    kms(house.cloud, "PutSecretValue", SecretName="tair-r-demo0001-app", VersionId="v2", SecretData="By-Hand-Passw0rd1")
    (event,) = follow_to_the_end(house, "fc")
    assert (event["data"]["Outcome"], store_contents(house.cloud, KEPT[TAIR][1]).current) == (
        "unknown",
        "By-Hand-Passw0rd1",
    )


def test_a_delayed_promotion_sees_what_a_person_has_changed_since(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "UpdateSecret", "Fault": "code", "Code": "InternalError", "Times": 999}])
    assert outcome(send(house, ACCOUNT, stored_command(ACCOUNT))) == "pending"
    house.cloud.clear_faults()
    house.cloud.advance(5.0)
    house.cloud.change_by_hand("redis", "crs-demo0001", "app", "By-Hand-Passw0rd1")
    house.cloud.change_by_hand("ssm", "redis-crs-demo0001-app", "v1", "By-Hand-Passw0rd1")
    (event,) = follow_to_the_end(house)
    assert (event["data"]["Outcome"], event["data"]["Error"]["Code"]) == ("unknown", "Superseded"), event["data"]
    assert opens(house, ACCOUNT, store_contents(house.cloud, KEPT[ACCOUNT][1]).current)


# --- a command that comes again


@pytest.mark.parametrize("function", KEPT)
def test_a_dry_run_of_a_begun_command_says_what_it_saw_and_gives_no_secret(house: House, function: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function), timeout_s=8.0)) == "unknown"
    house.cloud.clear_faults()
    action = {TAIR: "DescribeAccounts", REGISTRY: "DescribeServiceAccounts"}.get(function, "DescribeInstanceAccount")
    house.settings["KEYTURN_REPLY"] = "on"
    for deliver, trigger in (({"Reply": True}, "http"), ({"Seal": rsa_jwk()}, "queue")):
        house.cloud.faults([{"Action": action, "Fault": "code", "Code": "ResourceNotFound", "Times": 9}])
        returned = send(house, function, stored_command(function, Deliver=deliver, DryRun=True), trigger, timeout_s=8.0)
        data = result(returned)
        house.cloud.clear_faults()
        assert (data["Outcome"], data["Sealed"]) == ("not_changed", None), data
        assert trigger == "queue" or "Password" not in returned.body


@pytest.mark.parametrize("function", KEPT)
def test_who_finds_that_another_delivery_has_just_written_does_not_say_that_nothing_happened(
    house: House, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw no version; the other one's call is out."""
    beaten = Refused(ErrorClass.FAILED, "text", code=VERSION_EXISTS)
    for store in (SsmStore, KmsStore):
        monkeypatch.setattr(store, "write", lambda *_: raised(beaten))
    data = result(send(house, function, stored_command(function), "http"))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", VERSION_EXISTS), data
    assert data["Stored"]["Stage"] == "pending"
    assert ACTION[function] not in change_calls(house)


@pytest.mark.parametrize("function", KEPT)
@pytest.mark.parametrize("queue", [True, False])
def test_a_later_delivery_speaks_for_the_calls_of_an_earlier_one(house: House, function: str, queue: bool) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function), timeout_s=8.0)) == "unknown"
    house.cloud.clear_faults()
    if queue:
        house.settings["KEYTURN_COMMANDS"] = house.commands_url
    code = "InvalidAccountName.NotFound" if function == TAIR else "ResourceNotFound"
    status = 404 if function == TAIR else 200
    house.cloud.faults([{"Action": ACTION[function], "Fault": "code", "Code": code, "Status": status, "Times": 9}])
    data = result(send(house, function, stored_command(function), "http", timeout_s=12.0))
    if not queue or function not in REDIS:
        assert data["Outcome"] == "unknown", data
        return
    assert data["Outcome"] == "pending", data
    house.cloud.clear_faults()
    (event,) = follow_to_the_end(house)
    assert (event["data"]["Outcome"], event["data"]["Error"]["Code"]) == ("not_changed", code), event["data"]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("function", KEPT)
def test_a_command_that_came_back_and_is_delivered_twice_speaks_for_its_first_delivery(
    house: House, function: str, last: bool
) -> None:
    """What handed it back left no call open; its own first delivery did."""
    platform = KEPT[function][2]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": ACTION[function], "Fault": "throttle", "Times": 99}])
    assert send(house, function, stored_command(function), timeout_s=8.0).value["Results"] == []
    (back,) = house.commands()
    back = platform_events.signed(back | ({"attempt": MOST_ATTEMPTS} if last else {}), HANDOFF_KEY)
    event = platform_events.event(json.dumps(back), platform, "queue")
    house.cloud.clear_faults()
    house.cloud.advance_to(back["notbefore"])
    house.cloud.faults([{"Action": ACTION[function], "Fault": "late", "Seconds": 100.0, "Times": 9}])
    assert outcome(house.deliver(function, event, platform, timeout_s=8.0)) in ("unknown", "pending")
    house.cloud.clear_faults()
    code, status = ("InvalidAccountName.NotFound", 404) if function == TAIR else ("ResourceNotFound", 200)
    refused = {"Fault": "throttle"} if last else {"Fault": "code", "Code": code, "Status": status}
    house.cloud.faults([{"Action": ACTION[function], "Times": 99} | refused])
    assert outcome(house.deliver(function, event, platform, timeout_s=8.0)) in ("unknown", "pending")


# --- the store, the messages, the log


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, REGISTRY])
def test_in_a_full_store_no_call_is_made_whose_promotion_would_not_fit(house: House, function: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 9}])
    assert outcome(send(house, function, stored_command(function), timeout_s=8.0)) == "unknown"
    house.cloud.clear_faults()
    house.cloud.advance(1000.0)
    place = KEPT[function][1]
    for number in range(2, 2 + 10 - len(store_contents(house.cloud, place).versions)):
        name = place.removeprefix("ssm://")
        ssm(house.cloud, "PutSecretValue", SecretName=name, VersionId=f"u{number}", SecretString=f"User-{number}")
    before, calls = store_contents(house.cloud, place), change_calls(house).count(ACTION[function])
    data = result(send(house, function, stored_command(function, "c-2"), "http"))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == ("not_changed", "busy", "StoreFull")
    assert (store_contents(house.cloud, place), change_calls(house).count(ACTION[function])) == (before, calls)


def test_a_promotion_that_moves_a_version_s_time_is_found_again(house: House) -> None:
    """Whether UpdateSecret does so is not published."""
    house.cloud.reset(update_moves_create_time=True)
    for number in range(3):
        assert outcome(send(house, ACCOUNT, stored_command(ACCOUNT, f"c-{number}"))) == "changed"
        house.cloud.advance(10.0)
        assert opens(house, ACCOUNT, store_contents(house.cloud, KEPT[ACCOUNT][1]).users["v1"])


@pytest.mark.parametrize("wrong", ["failed", "old", "no task", "instance", "not allowed"])
def test_without_a_key_a_message_that_the_cloud_does_not_bear_out_ends_nothing(house: House, wrong: str) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_HANDOFF_KEY": ""}
    if wrong == "failed":
        house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "fail_task"}])
    task = result(house.send(ACCOUNT, CLEAR))["TaskId"]
    house.cloud.advance(3600.0)
    now = datetime.now(timezone.utc) + timedelta(seconds=house.cloud.offset)
    data: dict[str, Any] = {"Cloud": "tencent", "Service": "redis", "Region": "ap-guangzhou", "Account": "app"}
    data |= {"Resource": "crs-demo0001", "Operation": ACTION[ACCOUNT], "CommandId": "c-9", "TaskId": task}
    data |= {"StartedAt": (now - timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    other: dict[str, dict[str, Any]] = {"old": {"StartedAt": "2020-01-01T00:00:00Z"}, "no task": {"TaskId": 1}}
    data |= other.get(wrong, {}) | ({"Resource": "crs-none"} if wrong == "instance" else {})
    if wrong == "not allowed":
        house.settings["KEYTURN_ALLOW"] = "tencent/redis/ap-guangzhou/other/*"
    event: dict[str, Any] = {"specversion": "1.0", "id": "x", "source": "keyturn/tencent/ap-guangzhou", "data": data}
    event |= {"type": "keyturn.command.follow_change", "subject": f"redis/{data['Resource']}/app"}
    told = len(house.results())
    returned = house.deliver("follow_change", platform_events.event(json.dumps(event), "scf", "queue"), timeout_s=8.0)
    assert (returned.error, returned.value["Results"], len(house.results())) == (None, [], told)


@pytest.mark.parametrize("function", [ACCOUNT, REGISTRY, TAIR])
def test_a_code_that_is_a_secret_is_masked(house: House, function: str) -> None:
    new = {TAIR: "NewAccountPassword", ACCOUNT: "AccountPassword"}.get(function, "Password")
    secret = VALID_COMMANDS[function][new]
    house.cloud.faults([{"Action": ACTION[function], "Fault": "code", "Code": secret, "Times": 9}])
    returned = house.send(function, VALID_COMMANDS[function], KEPT[function][2], timeout_s=8.0)
    assert outcome(returned) in ("unknown", "not_changed")
    assert secret not in json.dumps([returned.value, house.results()])


@pytest.mark.parametrize("times", [1, 9])
def test_a_code_that_is_a_secret_does_not_travel_to_follow_change(house: House, times: int) -> None:
    """Who follows does not know the secret any more, and could mask it nowhere."""
    house.cloud.reset(task_s=6.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    secret = VALID_COMMANDS[ACCOUNT]["AccountPassword"]
    house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "code", "Code": secret, "Times": times}])
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "pending"
    assert house.commands()
    assert secret not in json.dumps(house.commands())
