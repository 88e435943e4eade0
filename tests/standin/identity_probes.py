"""Probes of claims about roles and first uses, see twist_probes.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_scf, call_tencent
from tests.cloud.identity.documents import account_trust, service_trust
from tests.support.hello_function import deploy_hello_to_scf
from tests.support.vendor_calls import answer_or_code

_NOBODY = {"exists": False}
_SOON: dict[str, Any] = {"active_s": 0.0, "planes_lag_s": 0.0}
UNDER_IDENTITIES: Mapping[str, dict[str, Any]] = {
    "I3": {**_SOON, "cam": {"roles": {"*": _NOBODY}}},
    "I4": {"activated": {"ssm": False}},
    "I5": {**_SOON, "activated": {"cls": False}},
    "I8": {"activated": {"eventbridge": False}},
    "I12": {
        "accounts": {
            "tencent": {"2": {"roles": {"r": {"trust": account_trust("tencent", "qcs::cam::uin/100000000001:root")}}}},
            "alibaba": {"2": {"roles": {"r": {"trust": account_trust("alibaba", "acs:ram::1000000000000001:root")}}}},
        }
    },
}


def _cam(standin: Standin, action: str, **given: Any) -> Any:
    return answer_or_code(call_tencent, standin, action, given, service="cam", version="2019-01-16")


def _ram(standin: Standin, action: str, **given: Any) -> Any:
    return answer_or_code(call_alibaba, standin, action, given, host="ram.aliyuncs.com", version="2015-05-01")


def _assumed(call: Callable[..., Any], standin: Standin, role: str, **place: str) -> bool:
    asked = {"RoleArn": role, "RoleSessionName": "probe"}
    return isinstance(answer_or_code(call, standin, "AssumeRole", asked, **place), dict)


def i12(standin: Standin) -> object:
    return (
        _assumed(call_tencent, standin, "qcs::cam::uin/2:roleName/r", service="sts", version="2018-08-13"),
        _assumed(call_alibaba, standin, "acs:ram::2:role/r", host="sts.aliyuncs.com", version="2015-04-01"),
    )


def _cam_role(standin: Standin, name: str) -> None:
    _cam(standin, "CreateRole", RoleName=name, PolicyDocument=json.dumps(service_trust("tencent", "scf.qcloud.com")))


def i1(standin: Standin) -> object:
    policy = {"version": "2.0", "statement": [{"effect": "allow", "action": "ssm:*", "resource": "*"}]}
    _cam_role(standin, "made")
    _cam(standin, "CreatePolicy", PolicyName="made", PolicyDocument=json.dumps(policy))
    _cam(standin, "AttachRolePolicy", AttachRoleName="made", PolicyName="made")
    return isinstance(_cam(standin, "DeleteRole", RoleName="made"), str)


def i2(standin: Standin) -> object:
    policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    trust = json.dumps(service_trust("alibaba", "fc.aliyuncs.com"))
    _ram(standin, "CreateRole", RoleName="made", AssumeRolePolicyDocument=trust)
    _ram(standin, "CreatePolicy", PolicyName="made", PolicyDocument=json.dumps(policy))
    _ram(standin, "AttachPolicyToRole", RoleName="made", PolicyName="made", PolicyType="Custom")
    return isinstance(_ram(standin, "DeleteRole", RoleName="made"), str)


def i3(standin: Standin) -> object:
    _cam_role(standin, "r")
    return answer_or_code(lambda cloud: deploy_hello_to_scf(cloud), standin)


def i4(standin: Standin) -> object:
    asked = {"SecretName": "tcr-demo0001-robot", "VersionId": "v1"}
    return isinstance(answer_or_code(call_tencent, standin, "GetSecretValue", asked, service="ssm"), str)


def i5(standin: Standin) -> object:
    deploy_hello_to_scf(standin)
    return call_scf(standin, "GetFunction", FunctionName="hello")["Status"]


def i6(standin: Standin) -> object:
    policy = {"version": "2.0", "statement": [{"effect": "allow", "action": "ssm:*", "resource": "*"}]}
    for name in ("one-made", "another"):
        _cam(standin, "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(policy))
    return [one["PolicyName"] for one in _cam(standin, "ListPolicies", Scope="Local", Keyword="made")["List"]]


def i8(standin: Standin) -> object:
    place = {"host": "eventbridge-console.cn-hangzhou.aliyuncs.com", "version": "2020-04-01"}
    return isinstance(answer_or_code(call_alibaba, standin, "ListEventBuses", {"Limit": 1}, **place), str)


IDENTITY_PROBES = (i1, i2, i3, i4, i5, i6, i8, i12)
