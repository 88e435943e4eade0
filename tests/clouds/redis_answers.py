"""What the API of TencentDB for Redis answers, as its pages show it, and an instance that is answered so."""

from __future__ import annotations

from typing import Any

from shared.clouds.tencent.redis import RedisInstance
from shared.results.outcome import Subject
from shared.runtime.secret import Secret
from tests.clouds.scripted import Answer, Script, ScriptedTencent, access

CRS, APP = "crs-one", "app"
SUBJECT = Subject("tencent", "ap-guangzhou", "redis", CRS, APP)
T1, T2, T3 = "2026-03-01 10:00:01", "2026-03-01 10:00:02", "2026-03-01 10:00:03"
NEW = Secret("New-password-1")
OLD = Secret("Old-password-1")


def account(name: str = APP, status: int = 2, time: str | None = T1, **more: Any) -> dict[str, Any]:
    return {"AccountName": name, "Status": status, "PasswordLastModifiedTime": time, **more}


def accounts(*found: Any, total: int | None = None) -> dict[str, Any]:
    return {"Accounts": list(found), "TotalCount": len(found) if total is None else total, "RequestId": "r"}


def task(number: int, result: int = 2, kind: str = "037", start: str | None = T1, end: str | None = T1) -> Any:
    return {"TaskId": number, "Result": result, "TaskType": kind, "StartTime": start, "EndTime": end}


def tasks(*found: Any) -> dict[str, Any]:
    return {"Tasks": list(found), "RequestId": "r"}


def instances(**shown: Any) -> dict[str, Any]:
    one = {"InstanceId": CRS, "Status": 2, "WanIp": "10.0.0.1", "Port": 6379, **shown}
    return {"InstanceSet": [one], "RequestId": "r"}


def instance(operator: str | None = None, **answers: Answer | list[Answer]) -> tuple[RedisInstance, Script]:
    given: dict[str, Any] = {
        "DescribeInstanceAccount": accounts(account()),
        "DescribeTaskList": tasks(),
        "DescribeInstances": instances(),
        **answers,
    }
    script, through = Script(given), access(operator=operator)
    made = RedisInstance(through, SUBJECT)
    made.session = ScriptedTencent(script, through)
    return made, script
