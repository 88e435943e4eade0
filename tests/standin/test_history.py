"""The stand-in's history for judges, and changes that somebody makes by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin, history_digest
from tests.cloud.client.vendor_clients import call_alibaba, call_kms, call_tencent, stored_value
from tests.cloud.state.world_clock import parse_rfc3339
from tests.support.vendor_calls import APP, REDIS, ROBOT, TAIR, TAIR_TURN, TURN, answer_or_code

ROBOT_RESOURCE = "tcr-demo0001"


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=0.05)
    return server


def since(standin: Standin, by: str = "call") -> list[tuple[str, str, str, str]]:
    """What was applied in such a way: service, resource, account, digest."""
    names = ("Service", "Resource", "Account", "Digest")
    return [
        (one[names[0]], one[names[1]], one[names[2]], one[names[3]])
        for one in standin.history()["History"]
        if one["By"] == by
    ]


def test_the_history_begins_with_the_worlds_own_passwords(standin: Standin) -> None:
    history = standin.history()
    salt, known = history["Salt"], {row[:3]: row[3] for row in since(standin, "world")}
    assert known["redis", REDIS, "root"] == history_digest(salt, "Old-Passw0rd")
    assert known["tair", TAIR, "app"] == history_digest(salt, "Tair-Passw0rd")
    assert known["tcr", ROBOT_RESOURCE, "robot"] == history_digest(salt, "Robot-Passw0rd1")
    assert known["ssm", "redis-crs-demo0001-app", "v1"] == history_digest(salt, "App-Passw0rd")
    assert known["kms", "tair-r-demo0001-app", "v1"] == history_digest(salt, "Tair-Passw0rd")
    standin.reset()
    assert standin.history()["Salt"] != salt


def test_the_history_tells_each_change_when_it_took_effect_and_no_password(standin: Standin) -> None:
    standin.reset(task_s=600)
    call_tencent(standin, "ModifyInstancePassword", TURN)
    call_alibaba(standin, "ModifyAccountPassword", APP, TAIR_TURN)
    made = call_tencent(standin, "ModifyServiceAccountPassword", ROBOT, service="tcr")["Password"]
    assert [row[0] for row in since(standin)] == ["tair", "tcr"]
    standin.advance(601)
    salt = standin.history()["Salt"]
    assert since(standin) == [
        ("tair", TAIR, "app", history_digest(salt, "New-Passw0rd")),
        ("tcr", ROBOT_RESOURCE, "robot", history_digest(salt, made)),
        ("redis", REDIS, "root", history_digest(salt, "New-Passw0rd")),
    ]
    last = standin.history()["History"][-1]
    assert abs(parse_rfc3339(last["At"]) - time.time() - 600) < 5
    assert abs(last["Real"] - time.time()) < 5
    assert "Passw0rd" not in json.dumps(standin.history())
    assert made not in json.dumps(standin.history())


def test_what_was_refused_or_failed_is_no_history(standin: Standin) -> None:
    answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN | {"OldPassword": "Wrong-Passw0rd"})
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "fail_task"}])
    call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.advance(1)
    assert since(standin) == []
    call_tencent(standin, "ModifyInstanceAccount", {"InstanceId": REDIS, "AccountName": "app", "Remark": "r"})
    standin.advance(1)
    assert since(standin) == []


def test_the_history_tells_each_write_to_a_store_and_which_version_is_current_after_it(standin: Standin) -> None:
    name, first = "redis-crs-demo0001-app", standin.history()["Salt"]
    for action, version, value in (("PutSecretValue", "v2", "a"), ("UpdateSecret", "v1", "b")):
        given = {"SecretName": name, "VersionId": version, "SecretString": value}
        call_tencent(standin, action, given, service="ssm")
    call_tencent(standin, "DeleteSecretVersion", {"SecretName": name, "VersionId": "v1"}, service="ssm")
    tair = "tair-r-demo0001-app"
    stages = {"VersionStages": '["kt-pending"]'}
    call_kms(standin, "PutSecretValue", {"SecretName": tair, "VersionId": "k2"} | stages, {"SecretData": "c"})
    call_kms(
        standin, "UpdateSecretVersionStage", {"SecretName": tair, "VersionStage": "ACSCurrent", "MoveToVersion": "k2"}
    )
    told = [one for one in standin.history()["History"] if one["By"] == "call"]
    assert [(one["Resource"], one["Account"], one["Digest"], one["Current"]) for one in told] == [
        (name, "v2", history_digest(first, "a"), "v1"),
        (name, "v1", history_digest(first, "b"), "v1"),
        (name, "v1", "", "v2"),
        (tair, "k2", history_digest(first, "c"), "v1"),
        (tair, "k2", history_digest(first, "c"), "k2"),
    ]


def test_somebody_may_change_every_password_by_hand(standin: Standin) -> None:
    standin.change_by_hand("redis", REDIS, "root", "By-Hand-1")
    standin.change_by_hand("redis", REDIS, "app", "By-Hand-2", task=False)
    standin.change_by_hand("tair", TAIR, "app", "By-Hand-3")
    standin.change_by_hand("tcr", ROBOT_RESOURCE, "robot", "By-Hand-4")
    standin.change_by_hand("ssm", "redis-crs-demo0001-app", "v1", "By-Hand-5")
    standin.change_by_hand("kms", "tair-r-demo0001-app", "mine", "By-Hand-6")
    assert redis_accepts(standin.redis[REDIS], "By-Hand-1")
    assert redis_accepts(standin.redis[REDIS], "By-Hand-2", "app")
    assert redis_accepts(standin.redis[TAIR], "By-Hand-3", "app")
    assert registry_accepts(standin.registry[ROBOT_RESOURCE], "tcr$robot", "By-Hand-4")
    assert stored_value(standin, "ssm://redis-crs-demo0001-app", "v1") == "By-Hand-5"
    assert stored_value(standin, "kms://tair-r-demo0001-app") == "By-Hand-6"
    salt = standin.history()["Salt"]
    assert [row[3] for row in since(standin, "outside")] == [
        history_digest(salt, f"By-Hand-{one}") for one in range(1, 7)
    ]
    (task,) = standin.state()["redis"]["tasks"]
    assert (task["TaskType"], task["Status"]) == ("007", "succeed")
    answer = call_tencent(standin, "DescribeTaskList", {"InstanceId": REDIS, "Limit": 20, "Offset": 0})
    assert answer["Tasks"][0]["TaskId"] == task["TaskId"]


@pytest.mark.parametrize(
    "wrong",
    [{"Service": "smq"}, {"Resource": "crs-none"}, {"Account": "nobody"}, {"Password": 5}, {"More": 1},
     {"Service": "tair", "Resource": REDIS}, {"Service": "ssm", "Resource": "none"}],
)  # fmt: skip
def test_by_hand_only_what_is_there_can_be_changed(standin: Standin, wrong: dict[str, Any]) -> None:
    order = {"Service": "redis", "Resource": REDIS, "Account": "root", "Password": "By-Hand-1", **wrong}
    with pytest.raises(HTTPError) as caught:
        standin._ask("POST", "outside", order)
    assert b"By-Hand" not in caught.value.read()
    caught.value.close()
    assert caught.value.code == 400
    assert since(standin, "outside") == []
