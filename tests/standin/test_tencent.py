"""The stand-in's Tencent side, by Tencent's own client: hosts, parameters, flows, passwords, and the real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_tencent

GUANGZHOU = "crs-demo0001"
OLD, NEW = "Old-Passw0rd", "New-Passw0rd"
TURN = {"InstanceId": GUANGZHOU, "OldPassword": OLD, "Password": NEW}
APP = {"InstanceId": GUANGZHOU, "AccountName": "app"}


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=0.1)
    return server


def refusal(standin: Standin, action: str, parameters: dict[str, Any], **how: Any) -> str:
    """The code that a call is refused with."""
    with pytest.raises(TencentCloudSDKException) as caught:
        call_tencent(standin, action, parameters, **how)
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)
    return str(caught.value.code)


def finished(standin: Standin, answer: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The task of a change once it has ended."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        task = call_tencent(standin, "DescribeTaskInfo", {"TaskId": answer["TaskId"]}, **how)
        if task["Status"] in ("succeed", "failed"):
            return task
        time.sleep(0.06)
    raise AssertionError("the task does not end")


def account(standin: Standin, name: str) -> dict[str, Any]:
    """An account as the API shows it."""
    answer = call_tencent(standin, "DescribeInstanceAccount", {"InstanceId": GUANGZHOU, "Limit": 100, "Offset": 0})
    return next(one for one in answer["Accounts"] if one["AccountName"] == name)


def test_a_password_turns_in_the_real_server_when_its_task_succeeds(standin: Standin) -> None:
    standin.reset(task_s=1.0)
    address = standin.redis[GUANGZHOU]
    before = account(standin, "root")["PasswordLastModifiedTime"]
    answer = call_tencent(standin, "ModifyInstancePassword", TURN)
    assert redis_accepts(address, OLD)
    assert not redis_accepts(address, NEW)
    assert finished(standin, answer)["Status"] == "succeed"
    assert redis_accepts(address, NEW)
    assert not redis_accepts(address, OLD)
    assert account(standin, "root")["PasswordLastModifiedTime"] > before
    assert standin.state()["redis"]["instances"][GUANGZHOU]["root"]["Changed"] == 1


def test_an_instance_is_locked_while_a_task_runs(standin: Standin) -> None:
    standin.reset(task_s=0.5)
    answer = call_tencent(standin, "ModifyInstancePassword", TURN)
    assert refusal(standin, "ModifyInstancePassword", TURN) == "ResourceUnavailable.InstanceLockedError"
    assert refusal(standin, "ModifyInstanceAccount", APP) == "ResourceUnavailable.InstanceStatusError"
    shown = call_tencent(standin, "DescribeInstances", {"InstanceId": GUANGZHOU})["InstanceSet"][0]
    assert shown["Status"] == 1
    assert account(standin, "app")["Status"] == 1
    finished(standin, answer)
    assert account(standin, "app")["Status"] == 2


def test_an_account_change_without_rights_resets_them(standin: Standin) -> None:
    change = APP | {"AccountPassword": NEW, "Privilege": "r", "ReadonlyPolicy": ["replication"]}
    finished(standin, call_tencent(standin, "ModifyInstanceAccount", change))
    assert account(standin, "app")["Privilege"] == "r"
    assert redis_accepts(standin.redis[GUANGZHOU], NEW, "app")
    finished(standin, call_tencent(standin, "ModifyInstanceAccount", APP | {"AccountPassword": NEW}))
    after = account(standin, "app")
    assert (after["Privilege"], after["ReadonlyPolicy"]) == ("rw", ["master"])


@pytest.mark.parametrize("any_password", ["refuse", "accept"])
def test_no_auth_opens_the_instance_and_closes_it_again(standin: Standin, any_password: str) -> None:
    """What such an instance does with a password, no page says."""
    standin.reset(password_free=any_password)
    host, _, port = standin.redis[GUANGZHOU].rpartition(":")
    root = {"InstanceId": GUANGZHOU, "AccountName": "root"}
    finished(standin, call_tencent(standin, "ModifyInstanceAccount", root | {"NoAuth": True}))
    with redis.Redis(host=host, port=int(port)) as client:
        assert client.ping()
    assert redis_accepts(standin.redis[GUANGZHOU], "anything") is (any_password == "accept")
    shown = call_tencent(standin, "DescribeInstances", {"InstanceIds": [GUANGZHOU]})["InstanceSet"][0]
    assert shown["NoAuth"] is True
    finished(standin, call_tencent(standin, "ModifyInstanceAccount", root | {"NoAuth": False}))
    assert not redis_accepts(standin.redis[GUANGZHOU], "anything")
    assert redis_accepts(standin.redis[GUANGZHOU], OLD)


def test_a_lost_task_can_be_found_in_the_list(standin: Standin) -> None:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))
    first = call_tencent(standin, "ModifyInstancePassword", TURN)["TaskId"]
    finished(standin, {"TaskId": first})
    second = call_tencent(standin, "ModifyInstanceAccount", APP)["TaskId"]
    finished(standin, {"TaskId": second})
    seek = {"InstanceId": GUANGZHOU, "BeginTime": began, "TaskTypes": ["007", "037"], "Result": [2]}
    tasks = call_tencent(standin, "DescribeTaskList", seek)["Tasks"]
    assert [(task["TaskId"], task["TaskType"]) for task in tasks] == [(second, "037"), (first, "007")]
    assert call_tencent(standin, "DescribeTaskList", seek | {"TaskTypes": ["007"]})["TotalCount"] == 1
    assert call_tencent(standin, "DescribeTaskList", seek | {"Limit": 1, "Offset": 1})["Tasks"][0]["TaskId"] == first
    assert call_tencent(standin, "DescribeTaskList", seek | {"OperateUin": ["1"]})["TotalCount"] == 0
    wrong = {"Limit": 20, "Offset": 3}
    assert refusal(standin, "DescribeTaskList", wrong) == "InvalidParameter.InvalidParameter"


def test_both_spellings_of_the_password_action_work(standin: Standin) -> None:
    longer = "New-Passw0rd-" + "x" * 40
    finished(standin, call_tencent(standin, "ModfiyInstancePassword", TURN | {"Password": longer}))
    assert redis_accepts(standin.redis[GUANGZHOU], longer)
    standin.reset(unknown_actions=["ModifyInstancePassword"])
    assert refusal(standin, "ModifyInstancePassword", TURN) == "InvalidAction"


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("ModifyInstancePassword", {"OldPassword": NEW}, "InvalidParameterValue.PasswordError"),
        ("ModifyInstancePassword", {"Password": "short1"}, "InvalidParameterValue.PasswordRuleError"),
        ("ModifyInstancePassword", {"Password": "/New-Passw0rd"}, "InvalidParameterValue.PasswordRuleError"),
        ("ModifyInstancePassword", {"Password": "onlylowercase"}, "InvalidParameterValue.PasswordRuleError"),
        ("ModifyInstancePassword", {"Password": "New-0" * 7}, "InvalidParameterValue.PasswordRuleError"),
        ("ModifyInstancePassword", {"Password": ""}, "InvalidParameter.EmptyParam"),
        ("ModifyInstancePassword", {"Password": 12345678}, "InvalidParameter"),
        ("ModifyInstancePassword", {"Pasword": NEW}, "UnknownParameter"),
        ("ModifyInstancePassword", {"EncryptPassword": False}, "UnknownParameter"),
        ("ModifyInstancePassword", {"InstanceId": "crs-nothing1"}, "ResourceNotFound.InstanceNotExists"),
        ("ModifyInstanceAccount", {"NoAuth": True}, "InvalidParameter.InvalidParameter"),
        ("ModifyInstanceAccount", {"NoAuth": "true"}, "InvalidParameter"),
        ("ModifyInstanceAccount", {"Privilege": "RW"}, "InvalidParameter.InvalidParameter"),
        (
            "ModifyInstanceAccount",
            {"AccountName": "root", "Privilege": "r"},
            "InvalidParameter.InvalidParameter",
        ),
        ("ModifyInstanceAccount", {"AccountName": "nobody"}, "ResourceNotFound.AccountDoesNotExists"),
        ("DescribeTaskInfo", {"TaskId": 1}, "InvalidParameter.InvalidParameter"),
        ("DescribeTaskInfo", {}, "MissingParameter"),
        ("DescribeTaskInfo", {"TaskId": "1"}, "InvalidParameter"),
        ("DescribeInstances", {"AzMode": "singleaz"}, "UnsupportedOperation"),
    ],
)
def test_redis_refuses_with_its_own_code(standin: Standin, action: str, parameters: dict[str, Any], code: str) -> None:
    base: dict[str, Any] = {"ModifyInstancePassword": TURN, "ModifyInstanceAccount": APP}.get(action, {})
    assert refusal(standin, action, base | parameters) == code
    assert standin.calls()[-1]["Code"] == code
    assert standin.state()["redis"]["tasks"] == []


@pytest.mark.parametrize(
    ("instance", "region", "host", "code"),
    [
        ("crs-demo0001", "ap-guangzhou", "redis.ap-guangzhou.tencentcloudapi.com", ""),
        ("crs-demo0001", "ap-guangzhou", "redis.intl.tencentcloudapi.com", "ResourceNotFound.InstanceNotExists"),
        ("crs-demo0001", "ap-singapore", "redis.tencentcloudapi.com", "ResourceNotFound.InstanceNotExists"),
        ("crs-demo0002", "ap-singapore", "redis.intl.tencentcloudapi.com", ""),
        ("crs-demo0002", "ap-singapore", "redis.ap-singapore.tencentcloudapi.com", ""),
        ("crs-demo0002", "ap-singapore", "redis.tencentcloudapi.com", "ResourceNotFound.InstanceNotExists"),
        ("crs-demo0002", "ap-singapore", "redis.ap-tokyo.tencentcloudapi.com", "UnsupportedRegion"),
        ("crs-demo0003", "ap-shanghai-fsi", "redis.ap-shanghai-fsi.tencentcloudapi.com", ""),
        ("crs-demo0003", "ap-shanghai-fsi", "redis.tencentcloudapi.com", "UnsupportedRegion"),
        ("crs-demo0003", "ap-shanghai-fsi", "redis.intl.tencentcloudapi.com", "UnsupportedRegion"),
    ],
)
def test_each_instance_is_known_at_its_own_host_only(
    standin: Standin, instance: str, region: str, host: str, code: str
) -> None:
    turn = TURN | {"InstanceId": instance}
    if code:
        assert refusal(standin, "ModifyInstancePassword", turn, region=region, host=host) == code
    else:
        answer = call_tencent(standin, "ModifyInstancePassword", turn, region=region, host=host)
        assert finished(standin, answer, region=region, host=host)["InstanceId"] == instance
        assert redis_accepts(standin.redis[instance], NEW)


def test_the_get_form_carries_typed_parameters(standin: Standin) -> None:
    seek = {"Limit": 5, "InstanceIds": [GUANGZHOU, "crs-other"]}
    assert call_tencent(standin, "DescribeInstances", seek, method="GET")["TotalCount"] == 1
    ssl = call_tencent(standin, "DescribeSSLStatus", {"InstanceId": GUANGZHOU}, method="GET")
    assert ssl["SSLConfig"] is False


def test_an_action_that_the_world_denies_is_unauthorized(standin: Standin) -> None:
    standin.reset(deny=["ModifyInstancePassword", "ModifyServiceAccountPassword"])
    assert refusal(standin, "ModifyInstancePassword", TURN) == "UnauthorizedOperation.NoCAMAuthed"
    robot = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}
    code = refusal(standin, "ModifyServiceAccountPassword", robot, service="tcr")
    assert code == "AuthFailure.UnauthorizedOperation"


def test_more_than_the_rate_is_refused_and_only_for_that_api_and_region(standin: Standin) -> None:
    standin.reset(rate=3)
    for _ in range(3):
        call_tencent(standin, "DescribeInstances", {})
    assert refusal(standin, "DescribeInstances", {}) == "RequestLimitExceeded"
    call_tencent(standin, "DescribeInstances", {}, region="ap-shanghai")
    account(standin, "app")
    time.sleep(1.0)
    call_tencent(standin, "DescribeInstances", {})


def test_old_equal_to_new_is_accepted_or_refused_as_the_world_says(standin: Standin) -> None:
    same = TURN | {"Password": OLD}
    finished(standin, call_tencent(standin, "ModifyInstancePassword", same))
    root = standin.state()["redis"]["instances"][GUANGZHOU]["root"]
    assert (root["Applied"], root["Changed"]) == (1, 0)
    standin.reset(old_equals_new="refuse")
    assert refusal(standin, "ModifyInstancePassword", same) == "InvalidParameterValue.PasswordRuleError"


def test_an_instance_that_does_not_run_takes_no_change(standin: Standin) -> None:
    standin.reset(redis={GUANGZHOU: {"status": -2}})
    assert refusal(standin, "ModifyInstancePassword", TURN) == "ResourceUnavailable.InstanceStatusAbnormal"
    assert refusal(standin, "ModifyInstanceAccount", APP) == "ResourceUnavailable.InstanceStatusError"


ROBOT = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False}


@pytest.mark.parametrize("name", ["robot", "tcr$robot"])
def test_a_registry_login_turns_with_the_answer(standin: Standin, name: str) -> None:
    registry = call_tencent(standin, "DescribeInstances", {}, service="tcr")["Registries"][0]["PublicDomain"]
    assert registry == standin.registry["tcr-demo0001"]
    given = call_tencent(
        standin, "ModifyServiceAccountPassword", ROBOT | {"Name": name, "Password": "Custom12"}, service="tcr"
    )
    assert given["Password"] == "Custom12"
    assert registry_accepts(registry, "tcr$robot", "Custom12")
    drawn = call_tencent(standin, "ModifyServiceAccountPassword", ROBOT | {"Random": True}, service="tcr")["Password"]
    assert len(drawn) == 32
    assert drawn.isalnum()
    assert registry_accepts(registry, "tcr$robot", drawn)
    assert not registry_accepts(registry, "tcr$robot", "Custom12")


def test_service_accounts_are_found_by_filter(standin: Standin) -> None:
    seek = {"RegistryId": "tcr-demo0001", "Filters": [{"Name": "ServiceAccountName", "Values": ["tcr$robot"]}]}
    found = call_tencent(standin, "DescribeServiceAccounts", seek, service="tcr")["ServiceAccounts"]
    assert [(one["Name"], one["UpdateTime"][-6:]) for one in found] == [("tcr$robot", "+08:00")]
    seek["Filters"] = [{"Name": "ServiceAccountName", "Values": ["other"]}]
    assert call_tencent(standin, "DescribeServiceAccounts", seek, service="tcr")["TotalCount"] == 0


def test_a_disabled_service_account_logs_in_with_no_password(standin: Standin) -> None:
    standin.reset(tcr={"tcr-demo0001": {"accounts": {"robot": {"disabled": True}}}})
    given = call_tencent(standin, "ModifyServiceAccountPassword", ROBOT | {"Random": True}, service="tcr")
    assert not registry_accepts(standin.registry["tcr-demo0001"], "tcr$robot", given["Password"])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Password": "weakpassword"}, "InvalidParameter"),
        ({"Password": "Custom12" * 3}, "InvalidParameter"),
        ({"Random": True, "Password": "Custom12"}, "InvalidParameter"),
        ({}, "InvalidParameter"),
        ({"Name": "nobody", "Random": True}, "InvalidParameter"),
        ({"RegistryId": "tcr-other", "Random": True}, "ResourceNotFound"),
        ({"Expires": 1}, "UnknownParameter"),
    ],
)
def test_tcr_refuses_with_its_own_code(standin: Standin, parameters: dict[str, Any], code: str) -> None:
    assert refusal(standin, "ModifyServiceAccountPassword", ROBOT | parameters, service="tcr") == code
    assert standin.state()["tcr"]["instances"]["tcr-demo0001"]["robot"]["Applied"] == 0
