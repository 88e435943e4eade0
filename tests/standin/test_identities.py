"""Who calls and what they may: roles, policies, keys of roles, and first uses, on both clouds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from darabonba.exceptions import DaraException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_kms, call_scf, call_tencent, fc_client
from tests.cloud.identity.documents import DocumentError, Question, is_allowed, read_text, service_trust, trusts
from tests.support.hello_function import deploy_hello_to_fc, deploy_hello_to_scf, invoke_on_scf

UIN, ACCOUNT = "100000000001", "1000000000000001"
NOBODY: dict[str, Any] = {"cam": {"roles": {"*": {"exists": False}}}, "ram": {"roles": {"*": {"exists": False}}}}
TRUST = {"tencent": service_trust("tencent", "scf.qcloud.com"), "alibaba": service_trust("alibaba", "fc.aliyuncs.com")}
REDIS, ONE = "redis:ModifyInstanceAccount", f"qcs::redis:ap-guangzhou:uin/{UIN}:instance/crs-1"
RETURNS_KEYS = """
import os
def main_handler(event, context):
    names = {"id": "SECRETID", "key": "SECRETKEY", "token": "SESSIONTOKEN"}
    return {name: os.environ["TENCENTCLOUD_" + variable] for name, variable in names.items()}
"""
SENDER = "AliyunServiceRoleForEventBridgeSendToFC"


def cam(cloud: Standin, action: str, **given: Any) -> dict[str, Any]:
    return call_tencent(cloud, action, given, service="cam", version="2019-01-16")


def ram(cloud: Standin, action: str, **given: Any) -> dict[str, Any]:
    return call_alibaba(cloud, action, given, host="ram.aliyuncs.com", version="2015-05-01")


def eventbridge(cloud: Standin, action: str, role: str) -> dict[str, Any]:
    host = "eventbridge-console.cn-hangzhou.aliyuncs.com"
    return call_alibaba(cloud, action, {"ProductName": role}, host=host, version="2020-04-01")


def refusal(act: Callable[[], Any]) -> str:
    """The code by which a cloud refuses."""
    with pytest.raises((TencentCloudSDKException, DaraException)) as caught:
        act()
    return str(caught.value.code)


def tencent_policy(*statements: tuple[str, str, str]) -> dict[str, Any]:
    parts = [{"effect": effect, "action": action, "resource": resource} for effect, action, resource in statements]
    return {"version": "2.0", "statement": parts}


def alibaba_policy(*statements: tuple[str, str, str]) -> dict[str, Any]:
    parts = [{"Effect": effect, "Action": action, "Resource": resource} for effect, action, resource in statements]
    return {"Version": "1", "Statement": parts}


@pytest.mark.parametrize(
    ("resource", "asked", "allowed"),
    [
        ("*", ONE, True),
        ("qcs::redis:ap-guangzhou::instance/*", ONE, True),
        ("qcs::redis:::instance/crs-1", ONE, True),
        (f"qcs::redis:ap-*:uin/{UIN}:instance/crs-?", ONE, True),
        ("qcs::redis:ap-guangzhou:uin/999:instance/*", ONE, False),
        ("qcs::redis:ap-shanghai::instance/*", ONE, False),
        ("qcs::redis:ap-guangzhou::instance/crs-2", ONE, False),
        ("qcs::ckafka:::instance/*", ONE, False),
        ("crs-1", ONE, False),
        ("qcs::redis:ap-guangzhou::instance/*", "*", False),
        ("*", "*", True),
    ],
)
def test_cam_compares_a_resource_part_by_part_and_the_operation_level_takes_all_alone(
    resource: str, asked: str, allowed: bool
) -> None:
    document = tencent_policy(("allow", REDIS, resource))
    assert is_allowed(Question("tencent", REDIS, asked, UIN), [document]) is allowed


def test_an_explicit_denial_wins_and_nothing_said_is_a_denial() -> None:
    allow, deny = tencent_policy(("allow", "redis:*", "*")), tencent_policy(("deny", "redis:Modify*", "*"))
    asked = Question("tencent", REDIS, ONE, UIN)
    assert is_allowed(asked, [allow]) and not is_allowed(asked, [allow, deny]) and not is_allowed(asked, [])
    read = Question("tencent", "redis:DescribeInstances", "*", UIN)
    assert is_allowed(read, [allow, deny])
    secret = "acs:kms:cn-hangzhou:1000000000000001:secret/tair-1"
    for granted, answer in (("acs:kms:*:*:secret/tair-*", True), ("acs:kms:*:*:secret/redis-*", False)):
        document = alibaba_policy(("Allow", "kms:Get*", granted))
        assert is_allowed(Question("alibaba", "kms:GetSecretValue", secret, ACCOUNT), [document]) is answer


@pytest.mark.parametrize(
    ("cloud", "document", "part"),
    [
        ("tencent", "{", "syntax"),
        ("tencent", "[]", "syntax"),
        ("tencent", {"version": "1.0", "statement": [{}]}, "version"),
        ("tencent", {"version": "2.0", "statement": []}, "statement"),
        ("tencent", {"version": "2.0", "statement": [{"effect": "allow"}]}, "statement"),
        ("tencent", tencent_policy(("Allow", "redis:*", "*")), "effect"),
        ("tencent", tencent_policy(("allow", "redis", "*")), "action"),
        ("tencent", tencent_policy(("allow", "redis:*", "")), "resource"),
        ("alibaba", tencent_policy(("allow", "redis:*", "*")), "syntax"),
        ("alibaba", alibaba_policy(("allow", "kms:*", "*")), "effect"),
    ],
)
def test_a_document_that_is_none_is_refused_by_its_part(cloud: Any, document: Any, part: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_text(cloud, document if isinstance(document, str) else json.dumps(document))
    assert caught.value.part == part


def test_a_condition_that_cannot_be_judged_is_refused() -> None:
    document = tencent_policy(("allow", REDIS, "*"))
    document["statement"][0]["condition"] = {"ip_equal": {"qcs:ip": "10.0.0.1"}}
    with pytest.raises(DocumentError, match="condition"):
        read_text("tencent", json.dumps(document))


def test_a_trust_policy_names_the_service_that_may_take_the_role() -> None:
    assert trusts("tencent", TRUST["tencent"], "scf.qcloud.com") and trusts(
        "alibaba", TRUST["alibaba"], "fc.aliyuncs.com"
    )
    assert not trusts("tencent", TRUST["tencent"], "cvm.qcloud.com")
    with pytest.raises(DocumentError, match="principal"):
        trusts("tencent", {"version": "2.0", "statement": {**TRUST["tencent"]["statement"][0], "principal": "*"}}, "a")


def test_cam_keeps_roles_and_their_policies(cloud: Standin) -> None:
    cloud.reset(**NOBODY)
    role, trust = {"RoleName": "keyturn-a"}, json.dumps(TRUST["tencent"])
    assert refusal(lambda: cam(cloud, "GetRole", **role)) == "InvalidParameter.RoleNotExist"
    id_ = cam(cloud, "CreateRole", **role, PolicyDocument=trust, Tags=[{"Key": "keyturn", "Value": "a"}])["RoleId"]
    assert refusal(lambda: cam(cloud, "CreateRole", **role, PolicyDocument=trust)) == "InvalidParameter.RoleNameInUse"
    shown = cam(cloud, "GetRole", RoleId=id_)["RoleInfo"]
    assert shown["RoleName"] == "keyturn-a" and shown["Tags"] == [{"Key": "keyturn", "Value": "a"}]
    document = json.dumps(tencent_policy(("allow", REDIS, "*")))
    policy = cam(cloud, "CreatePolicy", PolicyName="keyturn-a", PolicyDocument=document)["PolicyId"]
    cam(cloud, "AttachRolePolicy", AttachRoleName="keyturn-a", PolicyId=policy)
    attached = cam(cloud, "ListAttachedRolePolicies", **role, Page=1, Rp=10)
    assert [(one["PolicyName"], one["PolicyType"]) for one in attached["List"]] == [("keyturn-a", "User")]
    assert json.loads(cam(cloud, "GetPolicy", PolicyId=policy)["PolicyDocument"]) == json.loads(document)
    assert [one["PolicyId"] for one in cam(cloud, "ListPolicies", Scope="Local", Keyword="keyturn")["List"]] == [policy]
    cam(cloud, "DeletePolicy", PolicyId=[policy])
    assert not cam(cloud, "ListAttachedRolePolicies", **role, Page=1, Rp=10)["List"]
    cam(cloud, "DeleteRole", **role)
    assert refusal(lambda: cam(cloud, "GetRole", **role)) == "InvalidParameter.RoleNotExist"
    assert cam(cloud, "GetUserAppId")["OwnerUin"] == UIN
    wrong = {"PolicyName": "b", "PolicyDocument": json.dumps(tencent_policy(("Allow", REDIS, "*")))}
    assert refusal(lambda: cam(cloud, "CreatePolicy", **wrong)) == "InvalidParameter.EffectError"


@pytest.mark.parametrize(("not_so", "after"), [([], False), (["I1"], True)])
def test_a_role_of_cam_goes_with_its_attachments_or_stays(cloud: Standin, not_so: list[str], after: bool) -> None:
    cloud.reset(not_so=not_so)
    delete = {"RoleName": "keyturn-a"}
    if after:
        assert refusal(lambda: cam(cloud, "DeleteRole", **delete)) == "FailedOperation.Unmodifiable"
    else:
        cam(cloud, "DeleteRole", **delete)
        assert refusal(lambda: cam(cloud, "GetRole", **delete)) == "InvalidParameter.RoleNotExist"


def test_ram_keeps_roles_policies_and_five_versions(cloud: Standin) -> None:
    cloud.reset(**NOBODY)
    role, policy = {"RoleName": "keyturn-a"}, {"PolicyName": "keyturn-a"}
    own = {**policy, "PolicyType": "Custom"}
    trust, document = json.dumps(TRUST["alibaba"]), json.dumps(alibaba_policy(("Allow", "kms:*", "*")))
    assert refusal(lambda: ram(cloud, "GetRole", **role)) == "EntityNotExist.Role"
    ram(cloud, "CreateRole", **role, AssumeRolePolicyDocument=trust, **{"Tag.1.Key": "keyturn", "Tag.1.Value": "a"})
    assert (
        refusal(lambda: ram(cloud, "CreateRole", **role, AssumeRolePolicyDocument=trust)) == "EntityAlreadyExists.Role"
    )
    listed = ram(cloud, "ListRoles", **{"Tag.1.Key": "keyturn", "Tag.1.Value": "a"})["Roles"]["Role"]
    assert [one["RoleName"] for one in listed] == ["keyturn-a"]
    ram(cloud, "CreatePolicy", **policy, PolicyDocument=document)
    ram(cloud, "AttachPolicyToRole", **role, **own)
    assert refusal(lambda: ram(cloud, "AttachPolicyToRole", **role, **own)) == "EntityAlreadyExists.Role.Policy"
    assert refusal(lambda: ram(cloud, "DeleteRole", **role)) == "DeleteConflict.Role.Policy"
    assert refusal(lambda: ram(cloud, "DeletePolicy", **policy)) == "DeleteConflict.Policy.Role"
    for _ in range(4):
        ram(cloud, "CreatePolicyVersion", **policy, PolicyDocument=document, SetAsDefault="true")
    more = {**policy, "PolicyDocument": document, "SetAsDefault": "true"}
    assert refusal(lambda: ram(cloud, "CreatePolicyVersion", **more)) == "LimitExceeded.Policy.Version"
    rotate = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
    ram(cloud, "CreatePolicyVersion", **more, RotateStrategy=rotate)
    assert ram(cloud, "GetPolicy", **own)["Policy"]["DefaultVersion"] == "v6"
    attached = ram(cloud, "ListPoliciesForRole", **role)["Policies"]["Policy"]
    assert [one["PolicyName"] for one in attached] == ["keyturn-a"]
    ram(cloud, "DetachPolicyFromRole", **role, **own)
    assert refusal(lambda: ram(cloud, "DeletePolicy", **policy)) == "DeleteConflict.Policy.Version"
    ram(cloud, "DeletePolicy", **policy, CascadingDelete="true")
    ram(cloud, "DeleteRole", **role)
    assert refusal(lambda: ram(cloud, "CreatePolicy", **policy, PolicyDocument="{")) == "MalformedPolicyDocument"


def test_a_role_of_ram_can_be_deleted_while_policies_are_attached_in_another_world(cloud: Standin) -> None:
    cloud.reset(not_so=["I2"])
    ram(cloud, "DeleteRole", RoleName="keyturn-a")
    assert refusal(lambda: ram(cloud, "GetRole", RoleName="keyturn-a")) == "EntityNotExist.Role"


def test_both_clouds_tell_who_calls(cloud: Standin) -> None:
    cloud.reset()
    tencent = call_tencent(cloud, "GetCallerIdentity", {}, service="sts", version="2018-08-13")
    alibaba = call_alibaba(cloud, "GetCallerIdentity", {}, host="sts.aliyuncs.com", version="2015-04-01")
    assert (tencent["AccountId"], alibaba["AccountId"]) == (UIN, ACCOUNT)


def test_eventbridge_makes_its_roles_and_says_which_are_there(cloud: Standin) -> None:
    cloud.reset(**NOBODY)
    assert not eventbridge(cloud, "CheckServiceLinkedRoleForProduct", SENDER)["Data"]["CheckPass"]
    for _ in range(2):
        eventbridge(cloud, "CreateServiceLinkedRoleForProduct", SENDER)
    assert eventbridge(cloud, "CheckServiceLinkedRoleForProduct", SENDER)["Data"]["CheckPass"]
    assert ram(cloud, "GetRole", RoleName=SENDER)["Role"]["IsServiceLinkedRole"]
    assert refusal(lambda: ram(cloud, "DeleteRole", RoleName=SENDER)) == "NoPermission"
    ram(cloud, "DeleteServiceLinkedRole", RoleName=SENDER)
    ram(cloud, "CreateServiceLinkedRole", ServiceName="sendevent-fc.eventbridge.aliyuncs.com")
    assert eventbridge(cloud, "CheckServiceLinkedRoleForProduct", SENDER)["Data"]["CheckPass"]


def test_what_the_person_who_calls_may_not_is_refused_by_each_service(cloud: Standin) -> None:
    cloud.reset(
        caller={
            "tencent": {"policies": [tencent_policy(("allow", "ssm:GetSecretValue", "qcs::ssm:::secret/*/tcr-*"))]},
            "alibaba": {"policies": [alibaba_policy(("Allow", "kms:GetSecretValue", "acs:kms:*:*:secret/tair-*"))]},
        }
    )
    value = {"SecretName": "tcr-demo0001-robot", "VersionId": "v1"}
    assert call_tencent(cloud, "GetSecretValue", value, service="ssm")["SecretString"]
    other = {"SecretName": "redis-crs-demo0001-app", "VersionId": "v1"}
    assert refusal(lambda: call_tencent(cloud, "GetSecretValue", other, service="ssm")) == "UnauthorizedOperation"
    listing = {"Limit": 1, "Offset": 0}
    assert refusal(lambda: call_tencent(cloud, "DescribeInstances", listing)) == "UnauthorizedOperation.NoCAMAuthed"
    assert call_kms(cloud, "GetSecretValue", {"SecretName": "tair-r-demo0001-app"})["SecretData"]
    assert refusal(lambda: call_kms(cloud, "ListSecrets", {})) == "Forbidden.NoPermission"
    accounts = {"InstanceId": "r-demo0001"}
    assert refusal(lambda: call_alibaba(cloud, "DescribeAccounts", accounts)) == "Forbidden.RAM"


@pytest.mark.parametrize(
    ("world", "code"),
    [
        ({"cam": {"roles": {"*": {"exists": False}}}}, "ResourceNotFound.Role"),
        (
            {"cam": {"roles": {"r": {"trust": service_trust("tencent", "cvm.qcloud.com")}}}},
            "InvalidParameter.RoleCheck",
        ),
        ({"caller": {"tencent": {"policies": [tencent_policy(("allow", "scf:*", "*"))]}}}, "UnauthorizedOperation.CAM"),
        ({"activated": {"scf": False}}, "FailedOperation.QcsRoleNotFound"),
    ],
)
def test_scf_takes_a_function_only_with_its_own_role_and_one_that_may_be_passed(
    cloud: Standin, world: dict[str, Any], code: str
) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, **world)
    assert refusal(lambda: deploy_hello_to_scf(cloud)) == code


def test_scf_asks_for_neither_where_the_claims_do_not_hold(cloud: Standin) -> None:
    policies = [tencent_policy(("allow", "scf:*", "*"))]
    twisted = {"caller": {"tencent": {"policies": policies}}, "activated": {"scf": False}, "not_so": ["D4", "D10"]}
    cloud.reset(active_s=0, planes_lag_s=0, **twisted)
    deploy_hello_to_scf(cloud)


@pytest.mark.parametrize(
    ("world", "code"),
    [
        ({"ram": {"roles": {"*": {"exists": False}}}}, "InvalidArgument"),
        ({"ram": {"roles": {"hello": {"trust": service_trust("alibaba", "ecs.aliyuncs.com")}}}}, "InvalidArgument"),
        ({"caller": {"alibaba": {"policies": [alibaba_policy(("Allow", "fc:*", "*"))]}}}, "AccessDenied"),
        ({"activated": {"fc": False}}, "ServiceNotActivated"),
    ],
)
def test_fc_takes_a_function_only_with_a_role_that_may_be_passed(
    cloud: Standin, world: dict[str, Any], code: str
) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, **world)
    assert refusal(lambda: deploy_hello_to_fc(fc_client(cloud))) == code


def test_a_role_may_be_seen_late(cloud: Standin) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, role_lag_s=30, **NOBODY)
    cam(cloud, "CreateRole", RoleName="r", PolicyDocument=json.dumps(TRUST["tencent"]))
    assert refusal(lambda: deploy_hello_to_scf(cloud)) == "ResourceNotFound.Role"
    cloud.advance(31)
    deploy_hello_to_scf(cloud)


def test_a_first_use_is_agreed_to_by_a_person(cloud: Standin) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, activated={"ssm": False, "cls": False, "scf": False})
    ask = {"SecretName": "tcr-demo0001-robot", "VersionId": "v1"}
    assert (
        refusal(lambda: call_tencent(cloud, "GetSecretValue", ask, service="ssm")) == "ResourceUnavailable.NotPurchased"
    )
    cloud.activate(ssm=True, scf=True)
    assert call_tencent(cloud, "GetSecretValue", ask, service="ssm")["SecretString"]
    assert cam(cloud, "GetRole", RoleName="SCF_QcsRole")["RoleInfo"]["RoleName"] == "SCF_QcsRole"
    with pytest.raises(HTTPError) as caught:
        cloud.activate(scff=True)
    with caught.value as refused:
        assert "there is no service scff, did you mean `scf`?" in json.load(refused)["error"]


@pytest.mark.parametrize(("not_so", "status"), [([], "CreateFailed"), (["I5"], "Active")])
def test_a_function_without_a_topic_fails_where_the_log_service_was_never_opened(
    cloud: Standin, not_so: list[str], status: str
) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, activated={"cls": False}, not_so=not_so)
    deploy_hello_to_scf(cloud)
    assert call_scf(cloud, "GetFunction", FunctionName="hello")["Status"] == status


def test_services_answer_without_a_first_use_where_the_claim_does_not_hold(cloud: Standin) -> None:
    cloud.reset(activated={"ssm": False}, not_so=["I4"])
    ask = {"SecretName": "tcr-demo0001-robot", "VersionId": "v1"}
    assert call_tencent(cloud, "GetSecretValue", ask, service="ssm")["SecretString"]


def test_the_keys_of_a_role_end_and_a_function_gets_new_ones(cloud: Standin) -> None:
    cloud.reset(active_s=0, planes_lag_s=0, role_keys_s=60)
    deploy_hello_to_scf(cloud, {"hello.py": RETURNS_KEYS})
    first, second = (invoke_on_scf(cloud, {})["Value"] for _ in range(2))
    call_tencent(cloud, "DescribeInstances", {"Limit": 1, "Offset": 0}, **first)
    cloud.advance(61)
    third = invoke_on_scf(cloud, {})["Value"]
    assert first == second != third
    call_tencent(cloud, "DescribeInstances", {"Limit": 1, "Offset": 0}, **third)
    old = refusal(lambda: call_tencent(cloud, "DescribeInstances", {"Limit": 1, "Offset": 0}, **first))
    assert old == "AuthFailure.TokenFailure"
