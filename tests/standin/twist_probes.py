"""One question to the stand-in for each claim, by the vendors' own clients: its answer tells whether the claim holds.

Each probe is asked in a world where all claims hold and in each world of its claim; `UNDER` is what both worlds have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from tests.cloud.client.clock import running_ahead
from tests.cloud.client.logins import auth_reply, redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_kms, call_tencent
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.china_time import CHINA
from tests.standin.identity_probes import IDENTITY_PROBES, UNDER_IDENTITIES
from tests.standin.queue_probes import QUEUE_PROBES
from tests.standin.reset_probes import RESET_PROBES
from tests.support.vendor_calls import APP, REDIS, TAIR, TAIR_TURN, TURN, answer_or_code

NEW, TASK_S, DAY_S = "New-Passw0rd", 0.05, 24 * 3600
REMARK = {"InstanceId": REDIS, "AccountName": "app", "Remark": "r"}
PAGE = {"InstanceId": REDIS, "Limit": 100, "Offset": 0}
ROBOT = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False, "Password": "Robot-Passw0rd2"}
SSM, KMS = {"SecretName": "redis-crs-demo0001-app"}, {"SecretName": "tair-r-demo0001-app"}
SOON_MS = int((time.time() + DAY_S) * 1000)
LONG_AGO_MS = int((time.time() - DAY_S) * 1000)

UNDER: Mapping[str, dict[str, Any]] = {
    "R13": {"task_s": 60.0},
    "R14": {"task_s": 1.0},
    "R20": {"task_s": 60.0},
    "T6": {"tcr": {"tcr-demo0001": {"accounts": {
        "robot": {"password": "Robot-Passw0rd1", "expires_at": SOON_MS},
        "late": {"password": "Late-Passw0rd1", "expires_at": LONG_AGO_MS},
    }}}},
    "A5": {"settle_s": 600.0},
    "A8": {"tair": {TAIR: {"accounts": {"default": {"password": "Own-Passw0rd"}}}}},
    "W2": {"deny": ["UpdateDescription"]},
    **UNDER_IDENTITIES,
}  # fmt: skip


def _redis(standin: Standin, action: str, given: Mapping[str, Any], **how: Any) -> Any:
    return answer_or_code(call_tencent, standin, action, dict(given), **how)


def _ssm(standin: Standin, action: str, **given: Any) -> Any:
    return _redis(standin, action, SSM | given, service="ssm")


def _kms(standin: Standin, action: str, **given: Any) -> Any:
    return answer_or_code(call_kms, standin, action, KMS, given)


def _tair(standin: Standin, **given: str) -> Any:
    said = answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN | given)
    return said if isinstance(said, str) else "taken"


def _turned(standin: Standin) -> Any:
    """root's password is changed, and its task has ended."""
    answer = call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.advance(TASK_S + 1.0)
    return answer["TaskId"]


def _account(standin: Standin, name: str) -> dict[str, Any]:
    listed = call_tencent(standin, "DescribeInstanceAccount", PAGE)["Accounts"]
    found: dict[str, Any] = next(one for one in listed if one["AccountName"] == name)
    return found


# --- TencentDB for Redis


def r1(standin: Standin) -> object:
    wrong = TURN | {"OldPassword": "Wrong-Passw0rd"}
    return [_redis(standin, action, wrong) for action in ("ModifyInstancePassword", "ModfiyInstancePassword")]


def r2(standin: Standin) -> object:
    return _redis(standin, "ModifyInstancePassword", TURN | {"OldPassword": "Wrong-Passw0rd"})


def r3(standin: Standin) -> object:
    said = _redis(standin, "ModifyInstancePassword", TURN | {"Password": TURN["OldPassword"]})
    return "taken" if isinstance(said, dict) else said


def r4(standin: Standin) -> object:
    return r3(standin) == r2(standin)


def r5(standin: Standin) -> object:
    rights = {"Privilege": "r", "ReadonlyPolicy": ["replication"]}
    for given in (REMARK | rights, REMARK):
        call_tencent(standin, "ModifyInstanceAccount", given)
        standin.advance(1.0)
    return [_account(standin, "app")[name] for name in rights]


def r6(standin: Standin) -> object:
    task = call_tencent(standin, "ModifyInstanceAccount", REMARK)["TaskId"]
    read = _redis(standin, "DescribeTaskInfo", {"TaskId": task})
    standin.advance(1.0)
    no_auth = {"InstanceId": REDIS, "AccountName": "root", "NoAuth": True}
    return isinstance(read, dict), call_tencent(standin, "ModifyInstanceAccount", no_auth)["TaskId"] > 0


def r7(standin: Standin) -> object:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "fail_task"}])
    task = _turned(standin)
    status = call_tencent(standin, "DescribeTaskInfo", {"TaskId": task})["Status"]
    return status, redis_accepts(standin.redis[REDIS], NEW)


def r8(standin: Standin) -> object:
    task = _turned(standin)
    status = call_tencent(standin, "DescribeTaskInfo", {"TaskId": task})["Status"]
    return status, redis_accepts(standin.redis[REDIS], NEW)


def r9(standin: Standin) -> object:
    _turned(standin)
    return [task["TaskType"] for task in call_tencent(standin, "DescribeTaskList", PAGE)["Tasks"]]


def r10(standin: Standin) -> object:
    _turned(standin)
    return call_tencent(standin, "DescribeTaskList", PAGE | {"OperateUin": [TENCENT_UIN]})["TotalCount"]


def r11(standin: Standin) -> object:
    before = _account(standin, "root")["PasswordLastModifiedTime"]
    _turned(standin)
    return before > "2000", _account(standin, "root")["PasswordLastModifiedTime"] > before


def r12(standin: Standin) -> object:
    _turned(standin)
    begun = call_tencent(standin, "DescribeTaskList", PAGE)["Tasks"][0]["StartTime"]
    moment = datetime.strptime(begun, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    return round((datetime.now(timezone.utc) - moment).total_seconds() / 3600)


def r13(standin: Standin) -> object:
    call_tencent(standin, "ModifyInstanceAccount", REMARK)
    shown = call_tencent(standin, "DescribeInstanceAccount", PAGE | {"Limit": 1})
    return shown["TotalCount"], shown["Accounts"][0]["Status"]


def r14(standin: Standin) -> object:
    call_tencent(standin, "ModifyInstanceAccount", REMARK)
    locked = _redis(standin, "ModifyInstancePassword", TURN)
    standin.advance(5.0)
    return locked, redis_accepts(standin.redis[REDIS], NEW)


def r16(standin: Standin) -> object:
    return _redis(standin, "ModifyInstanceAccount", REMARK | {"AccountName": "nobody"})


def r17(standin: Standin) -> object:
    return auth_reply(standin.redis[REDIS], "app", "App-Passw0rd")


def r18(standin: Standin) -> object:
    return [redis_accepts(standin.redis[REDIS], text) for text in ("Old-Passw0rd", f"{REDIS}:Old-Passw0rd")]


def r19(standin: Standin) -> object:
    call_tencent(standin, "ModifyInstanceAccount", {"InstanceId": REDIS, "AccountName": "root", "NoAuth": True})
    standin.advance(1.0)
    return redis_accepts(standin.redis[REDIS], "nonsense")


def r20(standin: Standin) -> object:
    call_tencent(standin, "ModifyInstanceAccount", REMARK)
    return isinstance(_redis(standin, "ModifyInstancePassword", TURN), dict)


def r21(standin: Standin) -> object:
    return isinstance(_redis(standin, "ModfiyInstancePassword", TURN | {"Password": "Long-" * 8}), dict)


def r23(standin: Standin) -> object:
    for _ in range(2):
        call_tencent(standin, "ModifyInstanceAccount", REMARK)
        standin.advance(1.0)
    ids = [task["TaskId"] for task in call_tencent(standin, "DescribeTaskList", PAGE)["Tasks"]]
    return ids == sorted(ids, reverse=True)


# --- Tencent Container Registry


def t1(standin: Standin) -> object:
    return isinstance(_redis(standin, "ModifyServiceAccountPassword", ROBOT, service="tcr"), dict)


def t2(standin: Standin) -> object:
    return call_tencent(standin, "ModifyServiceAccountPassword", ROBOT, service="tcr")["Password"]


def t3(standin: Standin) -> object:
    call_tencent(standin, "ModifyServiceAccountPassword", ROBOT, service="tcr")
    return registry_accepts(standin.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd2")


def t4(standin: Standin) -> object:
    filters = [{"Name": "ServiceAccountName", "Values": ["rob"]}]
    given = {"RegistryId": "tcr-demo0001", "Filters": filters}
    return call_tencent(standin, "DescribeServiceAccounts", given, service="tcr")["TotalCount"]


def t5(standin: Standin) -> object:
    registry = call_tencent(standin, "DescribeInstances", {}, service="tcr")["Registries"][0]
    return registry_accepts(registry["PublicDomain"], "tcr$robot", "Robot-Passw0rd1")


def t6(standin: Standin) -> object:
    listed = call_tencent(standin, "DescribeServiceAccounts", {"RegistryId": "tcr-demo0001"}, service="tcr")
    soon = next(one["ExpiresAt"] for one in listed["ServiceAccounts"] if one["Name"] == "tcr$robot")
    late = ROBOT | {"Name": "late", "Password": "Late-Passw0rd1"}
    said = _redis(standin, "ModifyServiceAccountPassword", late, service="tcr")
    taken = "taken" if isinstance(said, dict) else said
    return soon, taken, registry_accepts(standin.registry["tcr-demo0001"], "tcr$late", "Late-Passw0rd1")


# --- Tair and Redis on Alibaba Cloud


def a1(standin: Standin) -> object:
    return _tair(standin)


def a2(standin: Standin) -> object:
    return _tair(standin, OldAccountPassword="x") == "InvalidAccountPassword.Format"


def a3(standin: Standin) -> object:
    return _tair(standin), _tair(standin, OldAccountPassword=NEW)


def a4(standin: Standin) -> object:
    same = _tair(standin, NewAccountPassword=TAIR_TURN["OldAccountPassword"])
    return same, same == _tair(standin, OldAccountPassword="x")


def a5(standin: Standin) -> object:
    _tair(standin)
    seen = []
    for _ in range(2):
        account = call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"][0]
        seen.append(account["AccountStatus"])
        standin.advance(3.0)
    return seen


def a8(standin: Standin) -> object:
    address = standin.redis[TAIR]
    return auth_reply(address, "app", "Tair-Passw0rd"), redis_accepts(address, "Own-Passw0rd")


def a9(standin: Standin) -> object:
    return auth_reply(standin.redis[TAIR], "app", "nonsense")


def a11(standin: Standin) -> object:
    _tair(standin)
    standin.advance(1.0)
    account = call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"][0]
    return account["AccountStatus"], redis_accepts(standin.redis[TAIR], NEW, "app")


# --- Secret stores


def s1(standin: Standin) -> object:
    seen = []
    for value in ("one", "two"):
        seen.append(isinstance(_ssm(standin, "PutSecretValue", VersionId="new", SecretString=value), dict))
        seen.append(isinstance(_kms(standin, "PutSecretValue", VersionId="new", SecretData=value), dict))
    return seen


def s2(standin: Standin) -> object:
    _ssm(standin, "UpdateSecret", VersionId="v1", SecretString="updated")
    return _ssm(standin, "GetSecretValue", VersionId="v1")["SecretString"]


def s3(standin: Standin) -> object:
    for action, version in (("PutSecretValue", "z"), ("PutSecretValue", "a"), ("UpdateSecret", "v1")):
        with standin.in_world_time():
            _ssm(standin, action, VersionId=version, SecretString=version)
        standin.advance(10.0)
    with standin.in_world_time():
        listed = _ssm(standin, "ListSecretVersionIds")["Versions"]
    oldest = min(listed, key=lambda one: int(one["CreateTime"]))
    return oldest["VersionId"], [one["VersionId"] for one in listed]


def s4(standin: Standin) -> object:
    given = {"VersionId": "new", "SecretData": "new", "VersionStages": '["keyturn-pending"]'}
    return isinstance(_kms(standin, "PutSecretValue", **given), dict)


def s5(standin: Standin) -> object:
    given = [{"VersionId": f"n{number}", "SecretData": "x"} for number in range(10)]
    return [isinstance(_kms(standin, "PutSecretValue", **one), dict) for one in given]


def s6(standin: Standin) -> object:
    _kms(standin, "PutSecretValue", VersionId="new", SecretData="new")
    moved = _kms(
        standin, "UpdateSecretVersionStage", VersionStage="ACSCurrent", MoveToVersion="v1", RemoveFromVersion="v1"
    )
    return isinstance(moved, dict)


def s7(standin: Standin) -> object:
    names = [f"n{number}" for number in range(9)]
    return [isinstance(_ssm(standin, "PutSecretValue", VersionId=one, SecretString=one), dict) for one in names]


# --- Wire, and what concerns several


def w1(standin: Standin) -> object:
    with running_ahead(120.0):
        return _redis(standin, "DescribeInstanceAccount", PAGE) == "AuthFailure.SignatureExpire"


def w2(standin: Standin) -> object:
    refused = _ssm(standin, "UpdateDescription", Description="mine")
    return refused, standin.state()["ssm"]["secrets"][SSM["SecretName"]]["Description"]


def w3(standin: Standin) -> object:
    return isinstance(_redis(standin, "ModifyInstancePassword", TURN), dict)


def w4(standin: Standin) -> object:
    return [isinstance(_redis(standin, "DescribeInstanceAccount", PAGE), dict) for _ in range(4)]


def w5(standin: Standin) -> object:
    shown = call_tencent(standin, "DescribeInstances", {"InstanceId": REDIS})["InstanceSet"][0]
    instances = call_alibaba(standin, "DescribeInstanceAttribute", {"InstanceId": TAIR})["Instances"]
    tair = instances["DBInstanceAttribute"][0]
    addresses = [f"{shown['WanIp']}:{shown['Port']}", f"{tair['ConnectionDomain']}:{tair['Port']}"]
    return addresses == [standin.redis[REDIS], standin.redis[TAIR]]


def w6(standin: Standin) -> object:
    seen = _redis(standin, "DescribeSSLStatus", {"InstanceId": REDIS})
    return seen if isinstance(seen, str) else seen["SSLConfig"]


def w10(standin: Standin) -> object:
    pair = {"OldPassword": NEW, "Password": NEW}
    redis = isinstance(_redis(standin, "ModifyInstancePassword", TURN | pair), dict)
    return redis, _tair(standin, OldAccountPassword=NEW) == "taken"


PROBES: Mapping[str, Callable[[Standin], object]] = {
    probe.__name__.upper(): probe
    for probe in (
        *(r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r16, r17, r18, r19, r20, r21, r23),
        *(t1, t2, t3, t4, t5, t6),
        *(a1, a2, a3, a4, a5, a8, a9, a11),
        *(s1, s2, s3, s4, s5, s6, s7),
        *QUEUE_PROBES,
        *IDENTITY_PROBES,
        *RESET_PROBES,
        *(w1, w2, w3, w4, w5, w6, w10),
    )
}
