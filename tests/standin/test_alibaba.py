"""The stand-in's Alibaba side, by Alibaba's own client: placement, the unknown refusal, states, the real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from darabonba.exceptions import DaraException

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba

OLD, NEW = "Tair-Passw0rd", "Next-Passw0rd"
APP = {"InstanceId": "r-demo0001", "AccountName": "app"}
TURN = {"OldAccountPassword": OLD, "NewAccountPassword": NEW}


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset()
    return server


def refusal(standin: Standin, action: str, query: dict[str, Any], form: Any = None, **how: Any) -> str:
    """The code that a call is refused with."""
    with pytest.raises(DaraException) as caught:
        call_alibaba(standin, action, query, form, **how)
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)
    return str(caught.value.code)


def status(standin: Standin) -> str:
    """AccountStatus of the one account."""
    accounts = call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"]
    return str(accounts[0]["AccountStatus"])


def test_a_password_turns_in_the_real_server_before_the_answer(standin: Standin) -> None:
    address = standin.redis["r-demo0001"]
    assert redis_accepts(address, OLD, "app")
    assert set(call_alibaba(standin, "ModifyAccountPassword", APP, TURN)) == {"RequestId"}
    assert redis_accepts(address, NEW, "app")
    assert not redis_accepts(address, OLD, "app")
    assert not redis_accepts(address, NEW)


def test_passwords_in_the_query_work_too(standin: Standin) -> None:
    call_alibaba(standin, "ModifyAccountPassword", APP | TURN)
    assert redis_accepts(standin.redis["r-demo0001"], NEW, "app")


def test_a_gateway_that_reads_no_form_reports_the_passwords_missing(standin: Standin) -> None:
    standin.reset(form_body=False)
    assert refusal(standin, "ModifyAccountPassword", APP, TURN) == "MissingOldAccountPassword"
    call_alibaba(standin, "ModifyAccountPassword", APP | TURN)


def test_an_account_settles_after_a_change(standin: Standin) -> None:
    assert status(standin) == "Available"
    call_alibaba(standin, "ModifyAccountPassword", APP, TURN)
    assert status(standin) == "Unavailable"
    time.sleep(0.25)
    assert status(standin) == "Available"


def test_a_wrong_old_password_is_refused_by_a_code_that_no_two_worlds_share(standin: Standin) -> None:
    wrong = TURN | {"OldAccountPassword": "Not-Passw0rd"}
    codes = []
    for _ in range(3):
        standin.reset()
        codes += [refusal(standin, "ModifyAccountPassword", APP, wrong) for _ in range(2)]
    assert codes[0::2] == codes[1::2]
    assert len(set(codes)) == 3
    assert redis_accepts(standin.redis["r-demo0001"], OLD, "app")


def test_of_two_callers_with_the_same_old_password_one_wins(standin: Standin) -> None:
    def turn(number: int) -> bool:
        new = f"{NEW}{number}"
        try:
            call_alibaba(standin, "ModifyAccountPassword", APP, TURN | {"NewAccountPassword": new})
        except DaraException:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(turn, range(4))) == [False, False, False, True]
    assert standin.state()["r-kvstore"]["instances"]["r-demo0001"]["app"]["Applied"] == 1


def test_old_equal_to_new_is_accepted_or_refused_as_the_world_says(standin: Standin) -> None:
    same = TURN | {"NewAccountPassword": OLD}
    call_alibaba(standin, "ModifyAccountPassword", APP, same)
    standin.reset(old_equals_new="refuse")
    assert refusal(standin, "ModifyAccountPassword", APP, same) == "InvalidNewPassword.Duplicate"


@pytest.mark.parametrize(
    ("world", "query", "form", "code"),
    [
        ({}, {"InstanceId": "r-other"}, {}, "InvalidInstanceId.NotFound"),
        ({}, {"AccountName": "nobody"}, {}, "InvalidAccountName.NotFound"),
        ({}, {"AccountName": ""}, {}, "MissingAccountName"),
        ({}, {"AcountName": "app"}, {}, "InvalidParameter"),
        ({}, {}, {"NewAccountPassword": "Short-1"}, "InvalidAccountPassword.Format"),
        ({}, {}, {"NewAccountPassword": "twoclasses123"}, "InvalidAccountPassword.Format"),
        ({}, {}, {"NewAccountPassword": "Bad/Symbol-123"}, "InvalidAccountPassword.Format"),
        ({"tair": {"r-demo0001": {"status": "Changing"}}}, {}, {}, "IncorrectDBInstanceState"),
        ({"deny": ["ModifyAccountPassword"]}, {}, {}, "Forbidden.RAM"),
        ({"unknown_actions": ["ModifyAccountPassword"]}, {}, {}, "InvalidApi.NotFound"),
    ],
)
def test_kvstore_refuses_with_its_own_code(
    standin: Standin, world: dict[str, Any], query: dict[str, Any], form: dict[str, Any], code: str
) -> None:
    standin.reset(**world)
    assert refusal(standin, "ModifyAccountPassword", APP | query, TURN | form) == code
    assert standin.calls()[-1] == {
        "Action": "ModifyAccountPassword",
        "Version": "2015-01-01",
        "Region": "cn-hangzhou",
        "Host": "r-kvstore.aliyuncs.com",
        "Code": code,
    }


def test_another_regions_host_does_not_know_the_instance(standin: Standin) -> None:
    host = "r-kvstore.ap-southeast-1.aliyuncs.com"
    assert refusal(standin, "ModifyAccountPassword", APP, TURN, host=host) == "InvalidInstanceId.NotFound"
    assert call_alibaba(standin, "DescribeInstances", {}, host=host)["TotalCount"] == 0


def test_the_reads_tell_address_state_and_encryption(standin: Standin) -> None:
    id_ = {"InstanceId": "r-demo0001"}
    shown = call_alibaba(standin, "DescribeInstanceAttribute", id_)["Instances"]["DBInstanceAttribute"][0]
    assert f"{shown['ConnectionDomain']}:{shown['Port']}" == standin.redis["r-demo0001"]
    assert shown["InstanceStatus"] == "Normal"
    listed = call_alibaba(standin, "DescribeInstances", {"InstanceIds": "r-demo0001", "PageSize": "10"})
    assert [one["InstanceId"] for one in listed["Instances"]["KVStoreInstance"]] == ["r-demo0001"]
    assert call_alibaba(standin, "DescribeInstances", {"PageNumber": "2"})["Instances"]["KVStoreInstance"] == []
    assert call_alibaba(standin, "DescribeInstanceSSL", id_)["SSLEnabled"] == "Disable"


def test_more_than_the_rate_is_throttled(standin: Standin) -> None:
    standin.reset(rate=2)
    for _ in range(2):
        call_alibaba(standin, "DescribeAccounts", APP)
    assert refusal(standin, "DescribeAccounts", APP) == "Throttling.User"
