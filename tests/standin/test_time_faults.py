"""The stand-in's faults of time, of codes and of repeats: what they apply, when, and what the client hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_kms, call_tencent, stored_value
from tests.support.vendor_calls import APP, REDIS, TAIR, TAIR_TURN, TURN, answer_or_code, times_applied

ACCOUNTS = {"InstanceId": REDIS, "Limit": 100, "Offset": 0}
LIST = {"InstanceId": REDIS, "Limit": 100, "Offset": 0, "BeginTime": "2020-01-01 00:00:00"}
PUT = {"SecretName": "redis-crs-demo0001-app", "VersionId": "v2", "SecretString": "x"}


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=0.05, settle_s=0.05, stall_s=5)
    return server


def fault(standin: Standin, action: str, name: str, **more: Any) -> None:
    standin.faults([{"Action": action, "Fault": name, **more}])


def codes(standin: Standin, action: str) -> list[str]:
    """The codes of an action's calls, oldest first."""
    return [call["Code"] for call in standin.calls() if call["Action"] == action]


def versions(standin: Standin) -> set[str]:
    """The versions of the SSM secret that these tests write to."""
    return set(standin.state()["ssm"]["secrets"]["redis-crs-demo0001-app"]["Versions"])


def test_what_is_late_is_not_heard_of_and_takes_effect_when_it_comes(standin: Standin) -> None:
    fault(standin, "ModifyInstancePassword", "late", Seconds=120)
    assert answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN, timeout_s=0.3) == "ClientNetworkError"
    assert codes(standin, "ModifyInstancePassword") == ["late"]
    standin.advance(119)
    assert standin.state()["redis"]["tasks"] == []
    standin.advance(2)
    assert codes(standin, "ModifyInstancePassword") == ["late", ""]
    assert redis_accepts(standin.redis[REDIS], "New-Passw0rd")


@pytest.mark.parametrize(
    ("seconds", "seen"), [(301, "AuthFailure.SignatureExpire"), (200, "InvalidParameterValue.PasswordError")]
)
def test_what_is_late_meets_the_world_as_it_is_then(standin: Standin, seconds: int, seen: str) -> None:
    fault(standin, "ModifyInstancePassword", "late", Seconds=seconds)
    answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN, timeout_s=0.3)
    standin.change_by_hand("redis", REDIS, "root", "By-Hand-1")
    standin.advance(400)
    assert codes(standin, "ModifyInstancePassword") == ["late", seen]
    assert redis_accepts(standin.redis[REDIS], "By-Hand-1")


def test_what_is_late_is_refused_by_a_locked_instance(standin: Standin) -> None:
    standin.reset(task_s=30)
    fault(standin, "ModifyInstancePassword", "late", Seconds=10)
    answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN, timeout_s=0.3)
    call_tencent(standin, "ModifyInstancePassword", TURN | {"Password": "Other-Passw0rd"})
    standin.advance(60)
    assert codes(standin, "ModifyInstancePassword") == ["late", "", "ResourceUnavailable.InstanceLockedError"]
    assert redis_accepts(standin.redis[REDIS], "Other-Passw0rd")


@pytest.mark.parametrize(("seconds", "seen", "count"), [(890, "", 1), (905, "InvalidTimeStamp.Expired", 0)])
def test_a_late_tair_change_comes_within_its_fifteen_minutes(
    standin: Standin, seconds: int, seen: str, count: int
) -> None:
    fault(standin, "ModifyAccountPassword", "late", Seconds=seconds)
    heard = answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN, timeout_s=0.3)
    assert heard == "UnretryableException"
    standin.advance(1000)
    assert codes(standin, "ModifyAccountPassword") == ["late", seen]
    assert times_applied(standin, "r-kvstore", TAIR, "app") == count


def test_what_is_late_in_the_stores_comes_in_its_order(standin: Standin) -> None:
    fault(standin, "PutSecretValue", "late", Seconds=60, InstanceId="redis-crs-demo0001-app")
    fault(standin, "PutSecretValue", "late", Seconds=30, InstanceId="tair-r-demo0001-app")
    answer_or_code(call_tencent, standin, "PutSecretValue", PUT, service="ssm", timeout_s=0.3)
    put = {"SecretName": "tair-r-demo0001-app", "VersionId": "v2"}, {"SecretData": "x"}
    answer_or_code(call_kms, standin, "PutSecretValue", *put, timeout_s=0.3)
    assert versions(standin) == {"v1"}
    standin.advance(61)
    written = [(one["Service"], one["Account"]) for one in standin.history()["History"] if one["By"] == "call"]
    assert written == [("kms", "v2"), ("ssm", "v2")]


def test_a_reset_lets_nothing_late_come(standin: Standin) -> None:
    fault(standin, "ModifyInstancePassword", "late", Seconds=1)
    answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN, timeout_s=0.2)
    standin.reset(task_s=0.05)
    standin.advance(60)
    assert (standin.calls(), standin.state()["redis"]["tasks"]) == ([], [])


@pytest.mark.parametrize("shown_before", [True, False])
def test_reads_that_lag_repeat_what_they_showed_or_what_stood(standin: Standin, shown_before: bool) -> None:
    reads: list[tuple[str, dict[str, Any], str]] = [
        ("DescribeTaskList", LIST, "Tasks"),
        ("DescribeInstanceAccount", ACCOUNTS, "Accounts"),
    ]
    first = {action: call_tencent(standin, action, given)[name] for action, given, name in reads if shown_before}
    for action, _, _ in reads:
        fault(standin, action, "lag", Seconds=60)
    call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.advance(2)
    for action, given, name in reads:
        # A later window is no reason to show more.
        later = given | ({"BeginTime": "2021-01-01 00:00:00"} if "BeginTime" in given else {})
        seen = call_tencent(standin, action, later)[name]
        assert seen == first.get(action, seen)
        assert (name != "Tasks") or seen == []
        assert seen == call_tencent(standin, action, later)[name]
    shown = call_tencent(standin, "DescribeInstanceAccount", ACCOUNTS)["Accounts"][0]["PasswordLastModifiedTime"]
    assert shown != standin.state()["redis"]["instances"][REDIS]["root"]["PasswordLastModifiedTime"]
    standin.advance(60)
    assert len(call_tencent(standin, "DescribeTaskList", LIST)["Tasks"]) == 1
    (root, _) = call_tencent(standin, "DescribeInstanceAccount", ACCOUNTS)["Accounts"]
    assert root["PasswordLastModifiedTime"] > shown


def test_a_store_and_a_tair_account_lag_too(standin: Standin) -> None:
    standin.reset(settle_s=3600)
    fault(standin, "*", "lag", Seconds=600)
    call_alibaba(standin, "ModifyAccountPassword", APP, TAIR_TURN)
    call_tencent(standin, "PutSecretValue", PUT, service="ssm")
    call_kms(standin, "PutSecretValue", {"SecretName": "tair-r-demo0001-app", "VersionId": "v2"}, {"SecretData": "x"})

    def seen() -> list[Any]:
        listed = call_tencent(standin, "ListSecretVersionIds", {"SecretName": "redis-crs-demo0001-app"}, service="ssm")
        return [
            call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"][0]["AccountStatus"],
            [one["VersionId"] for one in listed["Versions"]],
            stored_value(standin, "kms://tair-r-demo0001-app"),
        ]

    assert seen() == ["Available", ["v1"], "Tair-Passw0rd"]
    standin.clear_faults()
    # What was shown while it lagged is forgotten.
    assert seen() == ["Unavailable", ["v1", "v2"], "x"]


@pytest.mark.parametrize(("when", "early"), [("before", False), ("after", True)])
def test_what_is_slow_is_applied_before_or_after_the_wait_and_answered_at_its_end(
    standin: Standin, when: str, early: bool
) -> None:
    fault(standin, "PutSecretValue", "slow", Seconds=0.4, When=when)
    answers: list[Any] = []
    call = threading.Thread(target=lambda: answers.append(call_tencent(standin, "PutSecretValue", PUT, service="ssm")))
    began = time.monotonic()
    call.start()
    while not codes(standin, "PutSecretValue"):
        time.sleep(0.005)
    assert (versions(standin) == {"v1", "v2"}) is early
    call.join()
    assert time.monotonic() - began >= 0.4
    assert answers[0]["VersionId"] == "v2"
    assert versions(standin) == {"v1", "v2"}


def test_what_is_slow_is_applied_though_the_client_has_gone_but_never_in_a_later_world(standin: Standin) -> None:
    fault(standin, "PutSecretValue", "slow", Seconds=0.5, Times=2)
    assert (
        answer_or_code(call_tencent, standin, "PutSecretValue", PUT, service="ssm", timeout_s=0.2)
        == "ClientNetworkError"
    )
    until = time.monotonic() + 5
    while versions(standin) == {"v1"} and time.monotonic() < until:
        time.sleep(0.02)
    assert versions(standin) == {"v1", "v2"}
    again = PUT | {"VersionId": "v3"}
    assert (
        answer_or_code(call_tencent, standin, "PutSecretValue", again, service="ssm", timeout_s=0.2)
        == "ClientNetworkError"
    )
    standin.reset()
    time.sleep(0.5)
    assert versions(standin) == {"v1"}


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_any_code_can_come_before_or_after_the_effect(standin: Standin, when: str, count: int) -> None:
    for action in ("ModifyInstancePassword", "ModifyAccountPassword", "PutSecretValue"):
        fault(standin, action, "code", Code="SystemBusy", When=when)
    assert answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN) == "SystemBusy"
    assert answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN) == "SystemBusy"
    assert answer_or_code(call_tencent, standin, "PutSecretValue", PUT, service="ssm") == "SystemBusy"
    standin.advance(1)
    assert times_applied(standin, "redis", REDIS, "root") == count
    assert times_applied(standin, "r-kvstore", TAIR, "app") == count
    assert len(versions(standin)) == 1 + count


@pytest.mark.parametrize(
    ("status", "tencent_sees", "alibaba_sees"),
    [(None, "Odd", 400), (503, "ServerNetworkError", 503), (429, "ServerNetworkError", 429)],
)
def test_a_code_comes_with_the_status_that_is_asked_for(
    standin: Standin, status: int | None, tencent_sees: str, alibaba_sees: int
) -> None:
    more = {"Code": "Odd"} | ({"Status": status} if status else {})
    fault(standin, "*", "code", Times=2, **more)
    assert answer_or_code(call_tencent, standin, "DescribeInstances", {}) == tencent_sees
    with pytest.raises(Exception) as caught:
        call_alibaba(standin, "DescribeInstances", {"RegionId": "cn-hangzhou"})
    assert getattr(caught.value, "status_code", None) == alibaba_sees


def test_a_request_that_arrives_twice_is_answered_the_second_time(standin: Standin) -> None:
    for action in ("ModifyInstancePassword", "ModifyAccountPassword", "PutSecretValue", "DescribeInstances"):
        fault(standin, action, "twice")
    seen = answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN)
    assert seen == "ResourceUnavailable.InstanceLockedError"
    assert answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN) == "SignatureNonceUsed"
    assert (
        answer_or_code(call_tencent, standin, "PutSecretValue", PUT, service="ssm") == "ResourceInUse.VersionIdExists"
    )
    assert call_tencent(standin, "DescribeInstances", {})["TotalCount"] == 1
    standin.advance(1)
    assert codes(standin, "ModifyAccountPassword") == ["", "SignatureNonceUsed"]
    assert redis_accepts(standin.redis[REDIS], "New-Passw0rd")
    assert redis_accepts(standin.redis[TAIR], "New-Passw0rd", "app")


@pytest.mark.parametrize(
    "wrong",
    [{"Fault": "late"}, {"Fault": "lock", "Seconds": 3}, {"Fault": "code"}, {"Fault": "lock", "Code": "X"},
     {"Fault": "code", "Code": "X", "Seconds": 1}, {"Fault": "slow", "Seconds": 1, "Status": 400},
     {"Fault": "late", "Seconds": 1, "When": "after"}, {"Fault": "late", "Seconds": -1},
     {"Fault": "code", "Code": "X", "Status": 42}],
)  # fmt: skip
def test_a_fault_takes_its_own_fields_alone(standin: Standin, wrong: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as caught:
        standin.faults([{"Action": "*", **wrong}])
    caught.value.close()
    assert caught.value.code == 400
