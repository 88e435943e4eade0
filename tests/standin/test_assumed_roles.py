"""AssumeRole on both clouds by the vendors' own clients: who may, for how long, and what the keys then reach."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.cloud.identity.documents import account_trust, service_trust
from tests.support.other_accounts import HUB, ROLES, two_accounts
from tests.support.vendor_calls import answer_or_code

CLOUDS = ("tencent", "alibaba")
NUMBER = {"tencent": "200000000002", "alibaba": "2000000000000002"}
NOT_TRUSTED = {"tencent": "UnauthorizedOperation", "alibaba": "NoPermission"}
DENIED = {"tencent": "AuthFailure.UnauthorizedOperation", "alibaba": "NoPermission"}


def sts(cloud: Standin, of: str, action: str, given: dict[str, Any], **keys: Any) -> Any:
    if of == "tencent":
        return answer_or_code(call_tencent, cloud, action, given, service="sts", version="2018-08-13", **keys)
    return answer_or_code(call_alibaba, cloud, action, given, host="sts.aliyuncs.com", version="2015-04-01", **keys)


def assume(cloud: Standin, of: str, **more: Any) -> Any:
    return sts(cloud, of, "AssumeRole", {"RoleArn": ROLES[of], "RoleSessionName": "test", **more})


def keys_of(answer: dict[str, Any]) -> dict[str, Any]:
    given = answer["Credentials"]
    return {
        "id": given.get("TmpSecretId") or given["AccessKeyId"],
        "key": given.get("TmpSecretKey") or given["AccessKeySecret"],
        "token": given.get("Token") or given["SecurityToken"],
    }


def listed(cloud: Standin, of: str, **keys: Any) -> list[str]:
    """The instances that somebody's keys show."""
    if of == "tencent":
        answer = call_tencent(cloud, "DescribeInstances", {"Limit": 100}, **keys)
        return [one["InstanceId"] for one in answer["InstanceSet"]]
    answer = call_alibaba(cloud, "DescribeInstances", {"RegionId": "cn-hangzhou"}, **keys)
    return [one["InstanceId"] for one in answer["Instances"]["KVStoreInstance"]]


@pytest.mark.parametrize("of", CLOUDS)
def test_the_keys_of_a_role_see_what_its_account_owns_and_nothing_else(cloud: Standin, of: str) -> None:
    cloud.reset(**two_accounts("crs-demo0001", "r-demo0001"))
    keys = keys_of(assume(cloud, of))
    own = {"tencent": "crs-demo0001", "alibaba": "r-demo0001"}[of]
    assert listed(cloud, of, **keys) == [own]
    assert own not in listed(cloud, of)
    who = sts(cloud, of, "GetCallerIdentity", {}, **keys)
    assert who["AccountId"] == NUMBER[of]
    assert "test" in who["PrincipalId"] + who.get("UserId", "")


@pytest.mark.parametrize("of", CLOUDS)
def test_the_keys_of_a_role_hold_as_long_as_was_asked(cloud: Standin, of: str) -> None:
    cloud.reset(**two_accounts("*"))
    keys = keys_of(assume(cloud, of, DurationSeconds=900))
    cloud.advance(890.0)
    with cloud.in_world_time():
        assert isinstance(sts(cloud, of, "GetCallerIdentity", {}, **keys), dict)
    cloud.advance(11.0)
    with cloud.in_world_time():
        assert isinstance(sts(cloud, of, "GetCallerIdentity", {}, **keys), str)


@pytest.mark.parametrize("of", CLOUDS)
@pytest.mark.parametrize("kind", ["nobody", "service", "another_account", "another_role"])
def test_a_role_that_does_not_trust_the_caller_gives_no_keys(cloud: Standin, of: Any, kind: str) -> None:
    role = HUB[of].replace("root", "roleName/r" if of == "tencent" else "role/r")
    trust = {
        "nobody": None,
        "service": service_trust(of, "scf.qcloud.com"),
        "another_account": account_trust(of, HUB[of].replace("1:root", "9:root")),
        "another_role": account_trust(of, role),
    }[kind]
    cloud.reset(accounts={of: {NUMBER[of]: {"roles": {"keyturn": {"trust": trust} if trust else {}}}}})
    assert assume(cloud, of) == NOT_TRUSTED[of]


@pytest.mark.parametrize("of", CLOUDS)
def test_a_role_that_is_not_there_and_what_breaks_the_rules_are_refused(cloud: Standin, of: str) -> None:
    cloud.reset(**two_accounts("*"))
    nobody = {"tencent": "ResourceNotFound.RoleNotFound", "alibaba": "EntityNotExist.Role"}[of]
    for arn in (ROLES[of] + "2", ROLES[of].replace(NUMBER[of], "3")):
        assert assume(cloud, of, RoleArn=arn) == nobody
    for given in ({"RoleArn": "keyturn"}, {"RoleSessionName": "no blanks"}, {"DurationSeconds": 100_000}):
        assert assume(cloud, of, **given).startswith("InvalidParameter.")


@pytest.mark.parametrize("of", CLOUDS)
def test_who_calls_needs_the_right_on_this_very_role(cloud: Standin, of: str) -> None:
    for named, allowed in ((ROLES[of], True), (ROLES[of] + "2", False)):
        cloud.reset(**two_accounts("*"))
        if of == "tencent":
            statement = {"effect": "allow", "action": ["sts:AssumeRole"], "resource": [named]}
            cloud.grant(of, {"version": "2.0", "statement": [statement]})
        else:
            on = named.replace("ram::", "ram:*:")
            statement = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": [on]}
            cloud.grant(of, {"Version": "1", "Statement": [statement]})
        assert (assume(cloud, of) == DENIED[of]) is not allowed


@pytest.mark.parametrize("of", CLOUDS)
def test_the_role_s_own_policies_judge_its_keys_in_its_own_account(cloud: Standin, of: str) -> None:
    world = two_accounts("*")
    role = world["accounts"][of][NUMBER[of]]["roles"]["keyturn"]
    if of == "tencent":
        on = [f"qcs::redis::uin/{NUMBER[of]}:instance/*", "*"]
        role["policies"] = [{"version": "2.0", "statement": [{"effect": "allow", "action": "redis:*", "resource": on}]}]
    else:
        on = [f"acs:kvstore:*:{NUMBER[of]}:*"]
        role["policies"] = [{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kvstore:*", "Resource": on}]}]
    cloud.reset(**world)
    keys = keys_of(assume(cloud, of))
    if of == "tencent":
        asked = {"InstanceId": "crs-demo0001", "AccountName": "app", "Remark": "new"}
        assert isinstance(call_tencent(cloud, "ModifyInstanceAccount", asked, **keys), dict)
        read = {"SecretName": "redis-crs-demo0001-root", "VersionId": "v1"}
        assert answer_or_code(call_tencent, cloud, "GetSecretValue", read, service="ssm", **keys) != "NotFound"
    assert sts(cloud, of, "AssumeRole", {"RoleArn": ROLES[of], "RoleSessionName": "again"}, **keys) == DENIED[of]
