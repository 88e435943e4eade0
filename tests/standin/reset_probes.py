"""One question for each claim about the resets, which need no old password; see twist_probes.py."""

from __future__ import annotations

from typing import Any

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.support.vendor_calls import APP, REDIS, TAIR, TAIR_TURN, TURN, answer_or_code

NEW = "New-Passw0rd"
PAGE = {"InstanceId": REDIS, "Limit": 100, "Offset": 0}


def _reset(standin: Standin, **given: Any) -> Any:
    return answer_or_code(call_tencent, standin, "ResetPassword", {"InstanceId": REDIS, **given})


def r24(standin: Standin) -> object:
    call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.advance(1.0)
    task = _reset(standin, NoAuth=True)["TaskId"]
    standin.advance(1.0)
    return task in [one["TaskId"] for one in call_tencent(standin, "DescribeTaskList", PAGE)["Tasks"][:1]]


def r25(standin: Standin) -> object:
    said = _reset(standin, Password="")
    standin.advance(1.0)
    shown = call_tencent(standin, "DescribeInstances", {"InstanceId": REDIS})["InstanceSet"][0]["NoAuth"]
    return said if isinstance(said, str) else "taken", shown


def r26(standin: Standin) -> object:
    return isinstance(_reset(standin, Password=TURN["OldPassword"]), dict)


def r27(standin: Standin) -> object:
    said = _reset(standin, Password=NEW)
    standin.advance(1.0)
    return said if isinstance(said, str) else "taken", redis_accepts(standin.redis[REDIS], NEW)


def a12(standin: Standin) -> object:
    return _reset_tair(standin, TAIR_TURN["OldAccountPassword"])


def a13(standin: Standin) -> object:
    return _reset_tair(standin, NEW), redis_accepts(standin.redis[TAIR], NEW, "app")


def a14(standin: Standin) -> object:
    return _reset_tair(standin, NEW), _reset_tair(standin, "Other-Passw0rd")


def _reset_tair(standin: Standin, password: str) -> object:
    said = answer_or_code(call_alibaba, standin, "ResetAccountPassword", APP, {"AccountPassword": password})
    return said if isinstance(said, str) else "taken"


RESET_PROBES = (r24, r25, r26, r27, a12, a13, a14)
