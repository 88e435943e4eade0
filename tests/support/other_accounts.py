"""Worlds with a second account on each cloud.

It owns some things that belong to the functions' account in the default world.
"""

from __future__ import annotations

from typing import Any

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.cloud.identity.documents import account_trust
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN

TENCENT_ROLE = "qcs::cam::uin/200000000002:roleName/keyturn"
ALIBABA_ROLE = "acs:ram::2000000000000002:role/keyturn"
ROLES = {"tencent": TENCENT_ROLE, "alibaba": ALIBABA_ROLE}
_PARTS = ("id", "key", "token")
HUB = {"tencent": f"qcs::cam::uin/{TENCENT_UIN}:root", "alibaba": f"acs:ram::{ALIBABA_ACCOUNT}:root"}


def two_accounts(*owns: str, trusted: bool = True) -> dict[str, Any]:
    """The second account, whose role `keyturn` may do everything there.

    `trusted`: the functions' account may assume it.
    """
    trust = {cloud: {"trust": account_trust(cloud, one)} for cloud, one in HUB.items()} if trusted else {}  # type: ignore[arg-type]
    numbers = {"tencent": "200000000002", "alibaba": "2000000000000002"}
    accounts = {
        cloud: {number: {"owns": owns, "roles": {"keyturn": trust.get(cloud, {})}}} for cloud, number in numbers.items()
    }
    return {"accounts": accounts}


def role_keys(cloud: Standin, kind: str) -> dict[str, str]:
    """Keys of the second account's role on that cloud, from STS: `{"id", "key", "token"}`."""
    with cloud.in_world_time():
        if kind == "tencent":
            asked = {"RoleArn": TENCENT_ROLE, "RoleSessionName": "observer", "DurationSeconds": 7200}
            answer = call_tencent(cloud, "AssumeRole", asked, service="sts", version="2018-08-13")["Credentials"]
            return dict(zip(_PARTS, (answer["TmpSecretId"], answer["TmpSecretKey"], answer["Token"]), strict=True))
        asked = {"RoleArn": ALIBABA_ROLE, "RoleSessionName": "observer", "DurationSeconds": "3600"}
        answer = call_alibaba(cloud, "AssumeRole", asked, host="sts.aliyuncs.com", version="2015-04-01")["Credentials"]
    held = (answer["AccessKeyId"], answer["AccessKeySecret"], answer["SecurityToken"])
    return dict(zip(_PARTS, held, strict=True))
