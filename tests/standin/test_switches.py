"""The world's switches: each way in which a cloud may be, where its documents are silent or disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.cloud.state.world import DEFAULT_WORLD, World, load_world
from tests.support.vendor_calls import APP, REDIS, TAIR, TAIR_TURN, TURN, answer_or_code

ACCOUNTS = {"InstanceId": REDIS, "Limit": 100, "Offset": 0}
LIST = {"InstanceId": REDIS, "Limit": 100, "Offset": 0}
SAME = TURN | {"Password": TURN["OldPassword"]}
TAIR_SAME = TAIR_TURN | {"NewAccountPassword": TAIR_TURN["OldAccountPassword"]}


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=0.05)
    return server


def times(standin: Standin) -> dict[str, str]:
    """PasswordLastModifiedTime of each account."""
    with standin.in_world_time():
        answer = call_tencent(standin, "DescribeInstanceAccount", ACCOUNTS)
    return {one["AccountName"]: one["PasswordLastModifiedTime"] for one in answer["Accounts"]}


def turn(standin: Standin) -> dict[str, Any]:
    with standin.in_world_time():
        return call_tencent(standin, "ModifyInstancePassword", TURN)


def test_old_equals_new_is_taken_or_refused_with_another_code_or_with_that_of_a_wrong_old(standin: Standin) -> None:
    seen: dict[str, list[Any]] = {}
    for way in ("accept", "refuse", "same_code"):
        standin.reset(old_equals_new=way)
        wrong = answer_or_code(
            call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN | {"OldAccountPassword": "x"}
        )
        same = answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_SAME)
        assert (same == wrong) is (way == "same_code")
        seen[way] = [same, answer_or_code(call_tencent, standin, "ModifyInstancePassword", SAME)]
    assert isinstance(seen["accept"][0], dict)
    assert "TaskId" in seen["accept"][1]
    assert seen["refuse"] == ["InvalidNewPassword.Duplicate", "InvalidParameterValue.PasswordRuleError"]
    assert seen["same_code"][1] == "InvalidParameterValue.PasswordError"
    assert redis_accepts(standin.redis[TAIR], "Tair-Passw0rd", "app")


@pytest.mark.parametrize("way", ["until_changed", "forever"])
def test_times_are_empty_for_ever_or_until_the_next_change(standin: Standin, way: str) -> None:
    standin.reset(task_s=0.05, empty_times=way)
    assert times(standin) == {"root": "", "app": ""}
    turn(standin)
    standin.advance(1)
    assert (times(standin)["root"] == "") is (way == "forever")
    assert times(standin)["app"] == ""


def test_a_time_moves_later_than_its_change(standin: Standin) -> None:
    standin.reset(task_s=0.05, times_lag_s=60)
    before = times(standin)["root"]
    turn(standin)
    standin.advance(59)
    assert times(standin)["root"] == before
    standin.advance(2)
    assert times(standin)["root"] > before


def test_an_account_shows_the_time_that_the_world_says_until_it_is_changed(standin: Standin) -> None:
    odd = "0001-01-01 00:00:00"
    standin.reset(task_s=0.05, redis={REDIS: {"accounts": {"root": {"modified_time": odd}}}})
    assert times(standin)["root"] == odd
    turn(standin)
    standin.advance(1)
    assert times(standin)["root"] > "2020"


def test_a_task_is_listed_and_readable_later_than_it_begins(standin: Standin) -> None:
    standin.reset(task_s=0.05, task_listed_after_s=10, task_readable_after_s=20)
    task = {"TaskId": turn(standin)["TaskId"]}
    seen = []
    for _ in range(3):
        with standin.in_world_time():
            listed = len(call_tencent(standin, "DescribeTaskList", LIST)["Tasks"])
            read = answer_or_code(call_tencent, standin, "DescribeTaskInfo", task)
        seen.append((listed, read["Status"] if isinstance(read, dict) else read))
        standin.advance(11)
    unknown = "InvalidParameter.InvalidParameter"
    assert seen == [(0, unknown), (1, unknown), (1, "succeed")]


def test_each_call_may_make_a_task_of_another_type(standin: Standin) -> None:
    standin.reset(task_s=0.05, task_types={"ModifyInstanceAccount": "007", "ModifyInstancePassword": "999"})
    call_tencent(standin, "ModifyInstanceAccount", {"InstanceId": REDIS, "AccountName": "app", "Remark": "r"})
    standin.advance(1)
    turn(standin)
    assert [task["TaskType"] for task in standin.state()["redis"]["tasks"]] == ["007", "999"]


@pytest.mark.parametrize("shows", [True, False])
def test_a_change_under_way_is_shown_or_not(standin: Standin, shows: bool) -> None:
    standin.reset(task_s=600, settle_s=600, shows_changing=shows)
    turn(standin)
    call_alibaba(standin, "ModifyAccountPassword", APP, TAIR_TURN)
    account = call_tencent(standin, "DescribeInstanceAccount", ACCOUNTS)["Accounts"][0]["Status"]
    instance = call_tencent(standin, "DescribeInstances", {"InstanceId": REDIS})["InstanceSet"][0]["Status"]
    status = call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"][0]["AccountStatus"]
    assert (account, instance, status) == ((1, 1, "Unavailable") if shows else (2, 2, "Available"))
    locked = answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN)
    assert locked == "ResourceUnavailable.InstanceLockedError"


def test_a_switch_of_no_auth_may_answer_no_task_id(standin: Standin) -> None:
    standin.reset(task_s=0.05, no_auth_task="zero")
    root = {"InstanceId": REDIS, "AccountName": "root"}
    assert call_tencent(standin, "ModifyInstanceAccount", root | {"NoAuth": True})["TaskId"] == 0
    standin.advance(1)
    assert call_tencent(standin, "ModifyInstanceAccount", root | {"Remark": "r"})["TaskId"] > 0


@pytest.mark.parametrize(
    ("ssl", "tencent_sees"),
    [("no_engine", "InvalidParameterValue.UnSupportedType"), ("no_status", "ResourceUnavailable.InstanceStatusError")],
)
def test_the_look_up_of_tls_may_be_refused(standin: Standin, ssl: str, tencent_sees: str) -> None:
    assert call_tencent(standin, "DescribeSSLStatus", {"InstanceId": REDIS})["SSLConfig"] is False
    standin.reset(ssl=ssl)
    assert answer_or_code(call_tencent, standin, "DescribeSSLStatus", {"InstanceId": REDIS}) == tencent_sees
    assert (
        answer_or_code(call_alibaba, standin, "DescribeInstanceSSL", {"InstanceId": TAIR}) == "IncorrectEngineVersion"
    )


def test_a_world_may_refuse_values_that_the_published_rule_takes(standin: Standin) -> None:
    rule = {"characters": "-_", "code": "InvalidAccountPassword.Format"}
    standin.reset(
        task_s=0.05, refuses_values=[rule, {"characters": "N", "code": "Own", "action": "ModifyInstancePassword"}]
    )
    assert (
        answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN)
        == "InvalidAccountPassword.Format"
    )
    fine = TAIR_TURN | {"NewAccountPassword": "NewPassw0rd!"}
    assert isinstance(answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, fine), dict)
    assert answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN | {"Password": "NewPassw0rd!"}) == "Own"
    assert "TaskId" in call_tencent(standin, "ModifyInstancePassword", TURN | {"Password": "newPassw0rd!"})


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(
    ("order", "expected", "expected_moved"),
    [("name", ["a", "v1", "z"], ["a", "v1", "z"]), ("oldest", ["v1", "z", "a"], ["z", "a", "v1"]),
     ("newest", ["a", "z", "v1"], ["v1", "a", "z"])],
)  # fmt: skip
def test_versions_are_listed_in_any_order_and_an_update_moves_their_time_or_not(
    standin: Standin, moves: bool, order: str, expected: list[str], expected_moved: list[str]
) -> None:
    standin.reset(version_order=order, update_moves_create_time=moves)
    secret = {"SecretName": "redis-crs-demo0001-app"}
    for action, version in (("PutSecretValue", "z"), ("PutSecretValue", "a"), ("UpdateSecret", "v1")):
        with standin.in_world_time():
            call_tencent(standin, action, secret | {"VersionId": version, "SecretString": version}, service="ssm")
        standin.advance(10)
    listed = call_tencent(standin, "ListSecretVersionIds", secret, service="ssm")["Versions"]
    assert [one["VersionId"] for one in listed] == (expected_moved if moves else expected)


def test_the_world_file_describes_every_option() -> None:
    described = re.findall(r"^(\w+) = ", DEFAULT_WORLD.read_text(encoding="utf-8").split("[")[0], re.MULTILINE)
    text = DEFAULT_WORLD.read_text(encoding="utf-8")
    options = {name for name, field in World.model_fields.items() if not field.is_required()}
    tables = {"redis", "tcr", "tair", "ssm", "kms", "ckafka", "smq", "activated", "accounts", "caller", "cam", "ram"}
    tables |= {"ckafka_instance", "cls_topics", "sls_logstores"}
    assert set(described) <= options
    assert {name for name in options - tables if not re.search(rf"^{name} = .* # ", text, re.MULTILINE)} == set()
    plain = World.model_validate({"credentials": load_world().credentials})
    default = load_world()
    assert {name for name in options - tables if getattr(plain, name) != getattr(default, name)} == set()


@pytest.mark.parametrize(
    "wrong", [{"old_equals_new": "maybe"}, {"empty_times": True}, {"refuses_values": [{"code": "X"}]}]
)
def test_a_way_that_no_switch_has_is_refused(standin: Standin, wrong: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as caught:
        standin.reset(**wrong)
    caught.value.close()
    assert caught.value.code == 400
