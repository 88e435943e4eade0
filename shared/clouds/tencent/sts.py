"""Temporary keys of a role on Tencent Cloud (sts, 2018-08-13, AssumeRole), by the client for all products.

Sources: cloud.tencent.com 598/33164 (temporary keys may call it; 600 calls a second), 1150/49456.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess


def _client_class() -> Any:
    from tencentcloud.common.common_client import CommonClient

    return partial(CommonClient, "sts", "2018-08-13")


def assume_role(access: CloudAccess, region: str, role: str, session: str, seconds: int) -> tuple[Any, Any, Any, Any]:
    """Key id, key, token and expiry (Unix seconds), as the cloud answers them. Raises: RetryLater, Refused."""
    asked = {"RoleArn": role, "RoleSessionName": session, "DurationSeconds": seconds}
    answer = TencentSession(access, region, access.site, "sts", _client_class).read("AssumeRole", asked)
    keys = answer.get("Credentials")
    keys = keys if isinstance(keys, dict) else {}
    return keys.get("TmpSecretId"), keys.get("TmpSecretKey"), keys.get("Token"), answer.get("ExpiredTime")
