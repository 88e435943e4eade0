"""Temporary keys of a role on Alibaba Cloud (STS, 2015-04-01, AssumeRole), by the client for all products.

Source: api.alibabacloud.com, Sts 2015-04-01 AssumeRole (a role may call it; it gives keys for at least 900 seconds).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from shared.clouds.alibaba.session import AlibabaSession
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.times import parse_time

_HOST = "sts.aliyuncs.com"  # for every region


class _StsSession(AlibabaSession):
    version = "2015-04-01"

    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        config.endpoint = config.endpoint or _HOST
        return sdk.CoreClient(config)


def assume_role(access: CloudAccess, region: str, role: str, session: str, seconds: int) -> tuple[Any, Any, Any, Any]:
    """Key id, key, token and expiry (Unix seconds), as the cloud answers them. Raises: RetryLater, Refused."""
    asked = {"RoleArn": role, "RoleSessionName": session, "DurationSeconds": str(seconds)}
    answer = _StsSession(access, region).read("AssumeRole", asked)
    keys = answer.get("Credentials")
    keys = keys if isinstance(keys, dict) else {}
    parts = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
    key_id, key, token = (keys.get(part) for part in parts)
    ends = parse_time(keys.get("Expiration"))
    return key_id, key, token, ends.timestamp() if ends else None
